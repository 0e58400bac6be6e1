//! What goes in, what does not, what a restart and a crash leave.

use super::*;
use crate::Wanted;
use futures_util::FutureExt;
use store::{Isolation, Value as Cell, args};

on_both!(what_is_imported_stays, what_a_crash_left_is_made_good, removing_leaves_nothing, a_document_can_replace);

async fn what_is_imported_stays(bench: Bench) {
    let report = bench.import(&some()).await;
    assert_eq!((report.added, report.changed, report.same, report.refused_total), (5, 0, 0, 0), "{report:?}");
    let first = report.catalog_version;
    let again = bench.import(&some()).await;
    assert_eq!((again.added, again.same, again.catalog_version), (0, 5, first));
    let mut lines = some();
    lines[0]["description"] = json!("Open an issue");
    let changed = bench.import(&lines).await;
    assert_eq!((changed.changed, changed.same, changed.catalog_version), (1, 4, first + 1));
    let bench = bench.again().await;
    assert_eq!((bench.toolbox.len(), bench.toolbox.catalog_version()), (5, first + 1));
    let info = bench.toolbox.get(&root(), "github__create_issue").await.unwrap();
    assert_eq!((&info.definition.description[..], info.version), ("Open an issue", 2));
    assert_eq!(bench.ids(&root(), "send a message").await[0], "slack__send_message");
    let domains = bench.toolbox.domains(&root());
    let count = |name: &str| domains.iter().find(|it| it.name == name).unwrap().tools;
    assert_eq!([count("github"), count("slack"), count("aws"), count("general")], [2, 1, 1, 1]);
}

async fn rows(bench: &Bench, sql: &'static str) -> i64 {
    let read = bench.store.read(|tx| async move { tx.fetch_one(sql, Vec::<Cell>::new()).await?.get(0) }.boxed());
    read.await.map_err(|error: store::StoreError| error).unwrap()
}

async fn execute(bench: &Bench, sql: &'static str) {
    let written = bench.store.write(Isolation::ReadCommitted, move |tx| tx.execute(sql, args![]).boxed());
    assert!(written.await.unwrap() > 0, "{sql}");
}

async fn what_a_crash_left_is_made_good(bench: Bench) {
    bench.import(&some()).await;
    // One was written and never indexed; another was on its way out.
    let gone: Arc<str> = "* slack__send_message".into();
    bench.retrieval.remove(&retrieval::Collection::Tools, &[gone]).await.unwrap();
    execute(&bench, "UPDATE toolbox_tool SET indexed = 0 WHERE id = 'slack__send_message'").await;
    execute(&bench, "UPDATE toolbox_tool SET indexed = 0, removed = 1 WHERE id = 'aws__list_buckets'").await;
    let bench = bench.again().await;
    assert_eq!(bench.toolbox.len(), 4);
    assert_eq!(bench.ids(&root(), "send a message to a channel").await[0], "slack__send_message");
    assert!(!bench.ids(&root(), "list s3 buckets").await.contains(&"aws__list_buckets".to_owned()));
    assert_eq!(rows(&bench, "SELECT COUNT(*) FROM toolbox_tool").await, 4);
    assert_eq!(rows(&bench, "SELECT COUNT(*) FROM toolbox_tool WHERE indexed = 0").await, 0);
    assert_eq!(bench.retrieval.ids(&retrieval::Collection::Tools).len(), 4);
}

async fn removing_leaves_nothing(bench: Bench) {
    bench.import(&some()).await;
    let stale = bench.toolbox.remove(&root(), None, "maths__add_numbers", Some(7)).await.unwrap_err();
    assert!(matches!(stale, ToolboxError::Stale { version: 1, .. }), "{stale}");
    bench.toolbox.remove(&root(), None, "maths__add_numbers", Some(1)).await.unwrap();
    assert_eq!(rows(&bench, "SELECT COUNT(*) FROM toolbox_tool").await, 4);
    assert!(bench.ids(&root(), "add two numbers").await.is_empty());
    let unknown = bench.toolbox.get(&root(), "maths__add_number").await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no tool `maths__add_number`");
    // Removed and imported again, it is the new one that is told.
    let mut line = line("maths", "add_numbers", "Sum up");
    line["tags"] = json!(["sum"]);
    assert_eq!(bench.import(&[line]).await.added, 1);
    assert_eq!(bench.toolbox.get(&root(), "maths__add_numbers").await.unwrap().definition.description, "Sum up");
}

async fn a_document_can_replace(bench: Bench) {
    bench.import(&some()).await;
    let replace = Defaults { replace: true, ..Defaults::default() };
    let report = bench.import_as(&root(), &some()[..1], replace).await.unwrap();
    assert_eq!((report.same, report.removed), (1, 1), "the other tool of github alone: {report:?}");
    assert_eq!(bench.toolbox.len(), 4);
}

#[tokio::test]
async fn each_that_is_wrong_is_told_and_the_rest_goes_in() {
    let bench = Bench::with("tools_max = 4\nschema_bytes_max = 3000").await;
    let large: serde_json::Map<String, Value> =
        (0..200).map(|at| (format!("p{at}"), json!({ "type": "string" }))).collect();
    let cyclic = json!({ "name": "cyclic", "input_schema": { "type": "object", "properties": {
        "kids": { "type": "array", "items": { "$ref": "#" } } } } });
    let itself = json!({ "name": "itself", "input_schema": { "type": "object", "$ref": "#" } });
    let other = json!({ "id": "github__create_issue", "name": "x", "server": "gitlab" });
    let report = bench
        .import(&[
            some()[0].clone(),
            json!({ "name": "two words" }),
            some()[0].clone(),
            json!({ "name": "large", "input_schema": { "type": "object", "properties": large } }),
            itself,
            cyclic,
        ])
        .await;
    let told: Vec<(usize, &str, &str)> =
        report.refused.iter().map(|it| (it.line, it.id.as_str(), it.why.as_str())).collect();
    assert_eq!(report.added, 2);
    let bytes = told[2].2;
    assert!(
        bytes.starts_with("its schema has ") && bytes.ends_with("more than 3000 (`tools.schema_bytes_max`)"),
        "{bytes}"
    );
    assert_eq!(
        [told[0], told[1], told[3]],
        [
            (2, "two words", "its name holds white space, quotes or control characters"),
            (3, "github__create_issue", "its id is taken by line 1"),
            (5, "itself", "its schema refers to itself in place"),
        ]
    );
    let report = bench.import(&[other, json!({ "name": "c" }), json!({ "name": "d" }), json!({ "name": "e" })]).await;
    let told: Vec<&str> = report.refused.iter().map(|it| it.why.as_str()).collect();
    assert_eq!(
        told,
        ["its id is taken by a tool of the server `github`", "the catalogue holds 4 tools already (`tools.tools_max`)"]
    );
    assert_eq!(bench.toolbox.len(), 4);
}

#[tokio::test]
async fn a_file_that_is_no_document_is_refused_whole() {
    let bench = Bench::sqlite().await;
    for text in ["", "hello", "{\"openapi\": \"3.1.0\"", "[1, 2"] {
        let refused = bench.toolbox.import(&root(), text.as_bytes(), None, Defaults::default()).await;
        match refused {
            Err(ToolboxError::Import { hint, .. }) => assert!(!hint.is_empty()),
            Ok(report) => assert_eq!((report.added, report.refused_total > 0), (0, true), "{text}: {report:?}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

#[tokio::test]
async fn servers_are_known_without_their_secrets() {
    let bench = Bench::sqlite().await;
    let file = json!({ "mcpServers": {
        "gh": { "command": "npx", "args": ["gh-mcp"], "env": { "GITHUB_TOKEN": "ghp_s3cr3ts3cr3t" } },
        "bad name": { "command": "x" },
    } });
    let read =
        async || bench.toolbox.import(&root(), file.to_string().as_bytes(), None, Defaults::default()).await.unwrap();
    let report = read().await;
    assert_eq!((report.format, report.added, report.refused_total), ("mcp", 1, 1));
    assert_eq!(
        (&report.upstreams[0].name[..], &report.upstreams[0].needs[..]),
        ("gh", &["GITHUB_TOKEN".to_owned()][..])
    );
    assert_eq!(read().await.same, 1);
    let known = bench.toolbox.upstreams(&root()).await.unwrap();
    let told = serde_json::to_string(&known).unwrap();
    assert!(
        !told.contains("s3cr3t") && told.contains("env:GITHUB_TOKEN") && told.contains("\"connected\":false"),
        "{told}"
    );
    let database = std::fs::read(bench.data.path().join("althing.db")).unwrap_or_default();
    assert!(!database.windows(6).any(|window| window == b"s3cr3t"));
    bench.toolbox.remove_upstream(&root(), "gh").await.unwrap();
    let unknown = bench.toolbox.remove_upstream(&root(), "gh").await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no server `gh`");
}

#[tokio::test]
async fn tools_are_listed_in_pages() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let mut wanted = Wanted { limit: Some(2), ..Wanted::default() };
    let mut seen = Vec::new();
    loop {
        let page = bench.toolbox.list(&root(), &wanted).await.unwrap();
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        match page["cursor"].as_str() {
            Some(cursor) => wanted.cursor = Some(cursor.to_owned()),
            None => break,
        }
    }
    assert_eq!(
        seen,
        [
            "aws__list_buckets",
            "github__create_issue",
            "github__merge_pull_request",
            "maths__add_numbers",
            "slack__send_message"
        ]
    );
    let of = |wanted: Wanted| bench.toolbox.page(&root(), &wanted).unwrap().entries.len();
    assert_eq!(of(Wanted { server: Some("github".to_owned()), ..Wanted::default() }), 2);
    assert_eq!(of(Wanted { domain: Some("slack".to_owned()), ..Wanted::default() }), 1);
    assert_eq!(of(Wanted { kind: Some(crate::Kind::Http), ..Wanted::default() }), 0);
    let broken = Wanted { cursor: Some("x".to_owned()), ..Wanted::default() };
    assert!(matches!(bench.toolbox.page(&root(), &broken), Err(ToolboxError::Cursor(_))));
}

#[tokio::test]
async fn very_many_go_in_at_once() {
    let bench = Bench::sqlite().await;
    let words = ["invoice", "weather", "music", "flight", "recipe", "stock", "photo", "mail"];
    let text: String = (0..5_000)
        .map(|at| {
            let word = words[at % words.len()];
            format!(
                "{{\"name\": \"{word}_{at}\", \"server\": \"s{}\", \"description\": \"Does {word} number {at}\"}}\n",
                at % 50
            )
        })
        .collect();
    let began = std::time::Instant::now();
    let report = bench.toolbox.import(&root(), text.as_bytes(), None, Defaults::default()).await.unwrap();
    assert_eq!((report.added, report.refused_total, bench.toolbox.len()), (5_000, 0, 5_000));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    let found = bench.ask(&root(), "find_tools", json!({ "query": "weather number 801" })).await.unwrap();
    assert_eq!(found["tools"][0]["id"], "s1__weather_801");
    assert!(found["tokens"]["saved"].as_u64().unwrap() > 50_000, "{found}");
    let unknown = bench.toolbox.get(&root(), "s1__weathr_801").await.unwrap_err();
    let ToolboxError::Unknown { nearest, .. } = unknown else { panic!("{unknown}") };
    assert_eq!(nearest[0], "s1__weather_801");
}

/// Asks for something and leaves before it is done.
fn leave<T>(work: impl Future<Output = T>) {
    assert!(work.now_or_never().is_none(), "it was done at once");
}

async fn until(what: &str, done: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} never came");
}

#[tokio::test]
async fn what_was_begun_is_finished_also_when_nobody_waits() {
    let bench = Bench::sqlite().await;
    let lines: String = (0..2_500).map(|at| format!("{}\n", line("s", &format!("tool_{at}"), "Does it"))).collect();
    leave(bench.toolbox.import(&root(), lines.as_bytes(), Some(Format::JsonLines), Defaults::default()));
    until("the last tool", async || bench.toolbox.len() == 2_500).await;
    leave(bench.toolbox.remove(&root(), None, "s__tool_7", None));
    until("the removal", async || rows(&bench, "SELECT COUNT(*) FROM toolbox_tool").await == 2_499).await;
    assert_eq!((bench.toolbox.len(), bench.retrieval.ids(&retrieval::Collection::Tools).len()), (2_499, 2_499));
    let id: Arc<str> = "* s__tool_8".into();
    let (collection, tenant) = (retrieval::Collection::Tools, root().tenant);
    let used = retrieval::Used { collection: &collection, tenant: &tenant, id: &id, query: "do it well" };
    bench.retrieval.learn(used).await.unwrap();
    leave(bench.toolbox.forget(&root(), None));
    let gone = async || bench.retrieval.learned(&collection, &tenant, None).await.unwrap().is_empty();
    until("forgetting", gone).await;
}
