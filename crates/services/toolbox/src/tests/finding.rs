//! What is found, how much of it is told, what is kept of it, and what is learned.

use super::*;
use crate::catalogue::Viewer;
use crate::{Detail, Find};

async fn find(bench: &Bench, arguments: Value) -> Value {
    bench.ask(&root(), "find_tools", arguments).await.unwrap()
}

#[tokio::test]
async fn answers_are_as_long_as_is_wanted() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let query = "send a message or create an issue or merge a pull request";
    let found = find(&bench, json!({ "query": query })).await;
    let first = &found["tools"][0];
    assert!(first["summary"].is_string() && first["input_schema"].is_null() && first["score"].as_f64().unwrap() > 0.0);
    assert_eq!((&first["call_with"], &found["truncated"]), (&json!("call_tool"), &json!(false)));
    assert_eq!(found["tokens"]["method"], "bytes/4");
    let names = find(&bench, json!({ "query": query, "detail": "names" })).await;
    assert!(names["tools"][0]["summary"].is_null());
    let schema = find(&bench, json!({ "query": query, "detail": "schema", "limit": 1 })).await;
    assert_eq!(schema["tools"][0]["input_schema"]["required"], json!(["title"]));
    let short = find(&bench, json!({ "query": query, "max_tokens": 60 })).await;
    assert_eq!((short["tools"].as_array().unwrap().len(), &short["truncated"]), (1, &json!(true)));
    let tiny = find(&bench, json!({ "query": query, "max_tokens": 1, "detail": "schema" })).await;
    assert_eq!((&tiny["tools"][0]["input_schema"], &tiny["truncated"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn filters_narrow_and_unknown_ones_say_what_there_is() {
    let bench = Bench::sqlite().await;
    let mut lines = some();
    lines[3]["tags"] = json!(["Storage"]);
    lines[3]["annotations"] = json!({ "read_only": true });
    let trusting = Defaults { trust_read_only: true, ..Defaults::default() };
    bench.import_as(&root(), &lines, trusting).await.unwrap();
    let ids = async |arguments: Value| -> Vec<String> {
        let found = find(&bench, arguments).await;
        found["tools"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let query = "list create send merge add";
    assert_eq!(ids(json!({ "query": query, "server": "slack" })).await, ["slack__send_message"]);
    assert_eq!(ids(json!({ "query": query, "tags": ["storage"] })).await, ["aws__list_buckets"]);
    assert_eq!(ids(json!({ "query": query, "read_only": true })).await, ["aws__list_buckets"]);
    let refused = bench.ask(&root(), "find_tools", json!({ "query": "x", "server": "githb" })).await.unwrap_err();
    assert_eq!(
        (refused.message.as_str(), refused.hint.as_deref()),
        ("there is no server `githb`", Some("did you mean `github`?"))
    );
    for (arguments, message) in [
        (json!({ "query": " " }), "`query` is empty"),
        (json!({}), "missing field `query`"),
        (json!({ "query": "x", "limit": 21 }), "`limit` must be 1 to 20"),
        (json!({ "query": "x", "max_tokens": 0 }), "`max_tokens` must be 1 to 50000"),
        (json!({ "query": "x", "detail": "all" }), "`detail` is `all`"),
        (json!([]), "the arguments must be an object"),
    ] {
        let refused = bench.ask(&root(), "find_tools", arguments.clone()).await.unwrap_err();
        assert_eq!((refused.message.as_str(), refused.kind), (message, fault::Kind::BadInput), "{arguments}");
    }
}

#[tokio::test]
async fn questions_of_any_length_are_answered() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let long = format!("{} send a message to a channel", "lorem ipsum ".repeat(5_000));
    find(&bench, json!({ "query": long })).await;
    find(&bench, json!({ "query": "\u{0}\u{202e}🦀" })).await;
}

#[tokio::test]
async fn a_question_about_a_domain_is_looked_up_there_and_else_everywhere() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let search = async |query: &str, domain: Option<&str>| {
        let find = Find { query: query.to_owned(), domain: domain.map(str::to_owned), ..Find::default() };
        bench.toolbox.find(&caller(&root()), &find).await
    };
    let found = search("send a message about numbers in slack", Some("auto")).await.unwrap();
    assert_eq!(found.domain.as_deref(), Some("slack"));
    assert!(found.tools.iter().all(|tool| tool.server.as_deref() == Some("slack")));
    let everywhere = search("add two numbers from a database", Some("auto")).await.unwrap();
    assert_eq!((everywhere.domain, &*everywhere.tools[0].id), (None, "maths__add_numbers"));
    assert_eq!(&*search("buckets", Some("aws")).await.unwrap().tools[0].id, "aws__list_buckets");
    assert_eq!(search("x", Some("gitub")).await.unwrap_err().to_string(), "there is no domain `gitub`");
}

#[tokio::test]
async fn a_repeated_question_is_answered_from_what_is_kept_until_the_catalogue_changes() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let arguments = json!({ "query": "create an issue" });
    let counted = || {
        bench
            .metrics
            .encode()
            .lines()
            .filter(|it| it.contains("search_duration_seconds_count{index=\"tools\"}"))
            .map(str::to_owned)
            .next()
    };
    let first = find(&bench, arguments.clone()).await;
    let searched = counted();
    let again = find(&bench, arguments.clone()).await;
    assert_eq!((&first["tools"], counted()), (&again["tools"], searched.clone()));
    let saved = |found: &Value| found["tokens"]["saved_total"].as_u64().unwrap();
    assert!(saved(&again) > saved(&first));
    bench.import(&[line("gitlab", "create_issue", "Create an issue in a project")]).await;
    let changed = find(&bench, arguments).await;
    assert!(changed["catalog_version"].as_i64() > first["catalog_version"].as_i64());
    assert!(changed["tools"].as_array().unwrap().iter().any(|tool| tool["id"] == "gitlab__create_issue"));
    assert_ne!(counted(), searched);
}

#[tokio::test]
async fn a_repeated_question_takes_no_time() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let (who, wanted) = (caller(&root()), Find { query: "create an issue".to_owned(), ..Find::default() });
    bench.toolbox.find(&who, &wanted).await.unwrap();
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..200 {
        let began = std::time::Instant::now();
        bench.toolbox.find(&who, &wanted).await.unwrap();
        took.push(began.elapsed());
    }
    took.sort();
    // 0.2 ms is the limit of a release build; this is none, on a busy machine.
    assert!(took[100] < Duration::from_millis(2), "{:?}", took[100]);
}

#[tokio::test]
async fn toolweavers_search_answers_in_its_own_words() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let found =
        bench.ask(&root(), "tool_search_tool", json!({ "query": "create an issue", "top_k": 2 })).await.unwrap();
    assert_eq!((&found["query"], &found["total_available"]), (&json!("create an issue"), &json!(5)));
    assert_eq!(found["returned"].as_u64().unwrap(), found["tools"].as_array().unwrap().len() as u64);
    let first = &found["tools"][0];
    assert_eq!((&first["name"], &first["parameters"][0]["name"]), (&json!("create_issue"), &json!("title")));
    assert!(first["relevance_score"].as_f64().unwrap() > 0.0);
    let info = bench.ask(&root(), "tool_info", json!({ "name": "slack__send_message" })).await.unwrap();
    assert_eq!(info["llm_format"]["function"]["name"], "send_message");
    let listed = bench.ask(&root(), "list_tools", json!({ "server": "github" })).await.unwrap();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let counted = bench.ask(&root(), "tool_statistics", json!({})).await.unwrap();
    assert_eq!((&counted["tools"], &counted["by_type"]["function"]), (&json!(5), &json!(5)));
    assert_eq!(Detail::named("schema"), Some(Detail::Schema));
}

#[tokio::test]
async fn a_redis_that_is_away_is_said_while_it_is_and_no_longer() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let words = async |query: &str| find(&bench, json!({ "query": query })).await["degraded"].clone();
    let usual = words("create an issue").await;
    assert!(!usual.to_string().contains("Redis"), "{usual}");
    bench.shared.away.store(true, Ordering::Relaxed);
    // What was asked before, and what was not.
    for query in ["create an issue", "send a message"] {
        let away = words(query).await;
        assert!(away.as_str().unwrap().contains("Redis is away"), "{away}");
    }
    bench.shared.away.store(false, Ordering::Relaxed);
    for query in ["create an issue", "send a message"] {
        assert_eq!(words(query).await, usual, "nothing of it is kept");
    }
}

#[tokio::test]
async fn searches_are_kept_for_the_weights_and_the_run_that_made_them() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let key = |bench: &Bench| bench.toolbox.search_key(&Viewer::of(&root()), &Find::default(), 1);
    let first = key(&bench);
    assert_eq!(key(&bench), first);
    bench.toolbox.reload(bench.settings.tools.clone());
    let reloaded = key(&bench);
    assert_ne!(reloaded, first);
    let bench = bench.again().await;
    assert!(key(&bench) != reloaded && key(&bench) != first);
}

#[tokio::test]
async fn what_is_saved_is_told_to_whom_it_was_saved() {
    let bench = Bench::sqlite().await;
    // Definitions that take more than an answer.
    let long = "x".repeat(4_000);
    let mut lines = some();
    lines.iter_mut().for_each(|line| line["input_schema"]["description"] = json!(long));
    bench.import(&lines).await;
    let (ann, bob) = (user("acme", Role::User), user("other", Role::User));
    let ask = async |who: &Identity| {
        bench.ask(who, "find_tools", json!({ "query": "create an issue" })).await.unwrap()["tokens"].clone()
    };
    let first = ask(&ann).await;
    assert!(first["saved"].as_u64().unwrap() > 0 && first["saved"] == first["saved_total"], "{first}");
    let others = ask(&bob).await;
    assert_eq!(others["saved"], others["saved_total"], "{others}");
    let saved = first["saved"].as_u64().unwrap();
    assert_eq!(ask(&ann).await["saved_total"], 2 * saved);
    let told = |who: &Identity| bench.toolbox.statistics(who).tokens_saved_total;
    assert_eq!((told(&ann), told(&bob), told(&root())), (2 * saved, saved, 3 * saved));
}

#[tokio::test]
async fn arguments_of_many_are_told_within_a_bound() {
    let bench = Bench::sqlite().await;
    let wide = |at: usize| {
        let mut tool = line("wide", &format!("tool_{at}"), "Weigh the wide thing");
        tool["input_schema"]["properties"]["title"]["description"] = json!("x".repeat(200_000));
        tool
    };
    bench.import(&(0..9).map(wide).collect::<Vec<_>>()).await;
    let find = crate::Find {
        query: "weigh the wide thing".to_owned(),
        limit: 9,
        detail: crate::Detail::Schema,
        max_tokens: usize::MAX,
        ..crate::Find::default()
    };
    let found = bench.toolbox.find(&caller(&root()), &find).await.unwrap();
    assert_eq!((found.tools.len(), found.truncated), (5, true));
    assert!(serde_json::to_string(&found).unwrap().len() < 1 << 20);
    let names = crate::Find { detail: crate::Detail::Names, ..find };
    let found = bench.toolbox.find(&caller(&root()), &names).await.unwrap();
    assert_eq!((found.tools.len(), found.truncated), (9, false));
}

#[tokio::test]
async fn of_a_question_the_beginning_counts() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let far = format!("{}send a message to a channel", "\u{e4} ".repeat(3_000));
    assert!(bench.ids(&root(), &far).await.is_empty());
    assert_eq!(crate::find::within_bytes(&"\u{e4}\u{e4}\u{fc}".repeat(3_000)).len(), 8_192);
    assert_eq!(crate::find::within_bytes(&format!("a{}", "\u{e4}".repeat(9_000))).len(), 8_191);
    let near = format!("send a message to a channel {}", " ".repeat(90_000));
    assert_eq!(bench.ids(&root(), &near).await[0], "slack__send_message");
}

#[tokio::test]
async fn learning_the_same_again_changes_nothing_that_was_found() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let tenant: Arc<str> = "default".into();
    let id = crate::id::index_id(None, "slack__send_message");
    for (query, epoch) in [("tell them", 1), ("tell them", 1), ("write them", 2)] {
        bench.toolbox.remember(&tenant, &id.clone().into(), query).await.unwrap();
        assert_eq!(bench.toolbox.recent.epoch(&tenant), epoch, "{query}");
    }
}
