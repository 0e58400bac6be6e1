//! Every limit, tripped one by one, with the words that a client reads.

use super::judge::{config, judge};
use super::{bad, begin, call, good, id, of};
use crate::support::{Ended, Place, Server, ask, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// What a tool complains of: its code and its words, which name the value and the limit.
async fn refuses(address: SocketAddr, tool: &str, arguments: Value, code: &str, says: &[&str]) -> Value {
    let shape = bad(address, "", tool, &arguments).await;
    assert_eq!(shape["error_code"], code, "{tool} {shape}");
    let text = format!("{} | {}", shape["error"].as_str().unwrap(), shape["recovery_suggestion"].as_str().unwrap());
    for piece in says {
        assert!(text.contains(piece), "no {piece:?} in {text:?}");
    }
    shape
}

/// A decision with these options.
fn start(topic: &str, options: &[String], criteria: Value) -> Value {
    json!({ "topic": topic, "options": options, "initial_criteria": criteria, "model_name": "kit/m" })
}

fn named(what: &str, count: usize) -> Vec<String> {
    (1..=count).map(|at| format!("{what} {at}")).collect()
}

fn criteria(count: usize) -> Value {
    named("c", count).into_iter().map(|name| json!({ "name": name, "description": "d" })).collect()
}

const START: &str = "start_decision_analysis";

#[tokio::test]
async fn counts_are_limited() {
    let upstream = judge(Duration::ZERO).await;
    let server = Server::start(&config(&upstream, ""));
    let at = server.address();
    let limit = "limit_exceeded";
    refuses(at, START, start("t", &named("o", 1), json!([])), limit, &["`options` holds 1", "at least 2"]).await;
    let says = ["there would be 21 options, and at most 20 may be", "`decisions.options_max`"];
    refuses(at, START, start("t", &named("o", 21), json!([])), limit, &says).await;
    let says = ["there would be 16 criteria, and at most 15 may be", "`decisions.criteria_max`"];
    refuses(at, START, start("t", &named("o", 2), criteria(16)), limit, &says).await;
    let full = id(&good(at, "", START, &start("t", &named("o", 20), criteria(15))).await);
    let one_more = json!({ "session_id": full, "option_name": "one more" });
    refuses(at, "add_option", one_more, limit, &["21 options, and at most 20"]).await;
    let one_more = json!({ "session_id": full, "name": "one more", "description": "d" });
    refuses(at, "add_criterion", one_more, limit, &["16 criteria, and at most 15"]).await;
    let bare = id(&good(at, "", START, &start("t", &named("o", 2), json!([]))).await);
    let says = ["has no criterion to judge by", "`add_criterion`"];
    refuses(at, "evaluate_options", of(&bare), "nothing_to_evaluate", &says).await;
}

#[tokio::test]
async fn texts_and_numbers_are_limited() {
    let upstream = judge(Duration::ZERO).await;
    let server = Server::start(&config(&upstream, ""));
    let at = server.address();
    let (limit, argument) = ("limit_exceeded", "invalid_arguments");
    let long = |chars: usize| "ä".repeat(chars);
    let two = named("o", 2);
    let says = ["the topic has 501 characters, and at most 500 may be", "`decisions.topic_chars_max`"];
    refuses(at, START, start(&long(501), &two, json!([])), limit, &says).await;
    refuses(at, START, start("  ", &two, json!([])), argument, &["the topic is empty"]).await;
    let says = ["the name of the option has 201 characters, and at most 200 may be"];
    refuses(at, START, start("t", &["a".to_owned(), long(201)], json!([])), limit, &says).await;
    good(at, "", START, &start(&long(500), &["a".to_owned(), long(200)], json!([]))).await;

    let session = id(&good(at, "", START, &start("t", &two, criteria(1))).await);
    let option =
        |name: String, about: String| json!({ "session_id": session, "option_name": name, "description": about });
    let criterion = |name: String, about: String, more: Value| {
        let mut all = json!({ "session_id": session, "name": name, "description": about });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let says = ["the description has 1001 characters, and at most 1000 may be"];
    refuses(at, "add_option", option("x".to_owned(), long(1001)), limit, &says).await;
    refuses(at, "add_criterion", criterion("x".to_owned(), long(1001), json!({})), limit, &says).await;
    let says = ["the name of the criterion has 101 characters, and at most 100 may be"];
    refuses(at, "add_criterion", criterion(long(101), "d".to_owned(), json!({})), limit, &says).await;
    let says = ["the custom prompt has 2001 characters, and at most 2000 may be"];
    let prompt = json!({ "custom_prompt": long(2001) });
    refuses(at, "add_criterion", criterion("x".to_owned(), "d".to_owned(), prompt), limit, &says).await;
    for weight in [0.09, 10.1, -1.0] {
        let more = json!({ "weight": weight });
        let says = [&format!("`weight` is `{weight}`") as &str, "0.1 to 10"];
        refuses(at, "add_criterion", criterion("x".to_owned(), "d".to_owned(), more), argument, &says).await;
    }
    for temperature in [-0.1, 2.1] {
        let more = json!({ "temperature": temperature });
        refuses(at, "add_criterion", criterion("x".to_owned(), "d".to_owned(), more), argument, &["0 to 2"]).await;
    }
    for score in [0.9, 10.1] {
        let scores =
            json!({ "session_id": session, "option_name": "o 1", "scores": [{ "criterion": "c 1", "score": score }] });
        refuses(at, "score_option", scores, argument, &[&format!("`score` is `{score}`"), "1 to 10"]).await;
    }
    // Nothing of all that was written.
    let current = good(at, "", "current_session", &json!({})).await;
    assert_eq!((&current["options"], &current["criteria"]), (&json!(["o 1", "o 2"]), &json!(["c 1"])), "{current}");
}

#[tokio::test]
async fn names_are_unique_and_known() {
    let upstream = judge(Duration::ZERO).await;
    let server = Server::start(&config(&upstream, ""));
    let at = server.address();
    let twice = ["Paris".to_owned(), "PARIS ".to_owned()];
    let says = ["the option `PARIS` is there already", "more than case"];
    refuses(at, START, start("t", &twice, json!([])), "duplicate_name", &says).await;
    let session = id(&good(at, "", START, &start("t", &named("o", 2), criteria(1))).await);
    let again = json!({ "session_id": session, "option_name": "O 1" });
    refuses(at, "add_option", again, "duplicate_name", &["the option `o 1` is there already"]).await;
    let again = json!({ "session_id": session, "name": "C 1", "description": "d" });
    refuses(at, "add_criterion", again, "duplicate_name", &["the criterion `c 1` is there already"]).await;
    let unknown =
        json!({ "session_id": session, "option_name": "o 11", "scores": [{ "criterion": "c 1", "score": 5 }] });
    refuses(at, "score_option", unknown, "not_found", &["there is no option `o 11`", "did you mean `o 1`"]).await;
    let mut unknown = start("t", &named("o", 2), json!([]));
    unknown["model_name"] = json!("kit/none");
    unknown["model_backend"] = json!("litellm");
    refuses(at, START, unknown, "model_not_found", &["kit/none"]).await;
    let mut unknown = start("t", &named("o", 2), json!([]));
    unknown["model_name"] = Value::Null;
    unknown["model_backend"] = json!("anthropic");
    refuses(at, START, unknown, "model_not_found", &["`anthropic`", "`kit`"]).await;
}

/// Of two things that are wrong the session is told first, as the original does.
#[tokio::test]
async fn a_session_that_is_not_there_is_told_before_anything_else() {
    let upstream = judge(Duration::ZERO).await;
    let server = Server::start(&config(&upstream, ""));
    let at = server.address();
    let none = format!("dec_{}", "0".repeat(32));
    for (tool, more) in [
        ("add_criterion", json!({ "name": 7, "weight": 99 })),
        ("evaluate_options", json!({ "nonsense": true })),
        ("get_decision_matrix", json!({ "include_history": "perhaps" })),
        ("add_option", json!({})),
        ("score_option", json!({ "scores": [] })),
    ] {
        let mut arguments = more;
        arguments["session_id"] = json!(none);
        let says = [&format!("there is no session `{none}`") as &str, "`list_sessions`"];
        let shape = refuses(at, tool, arguments.clone(), "session_not_found", &says).await;
        assert_eq!(shape["error_category"], "session");
        arguments.as_object_mut().unwrap().remove("session_id");
        refuses(at, tool, arguments, "invalid_arguments", &["`session_id` is missing"]).await;
    }
    let session = begin(at, "", "t", 2, 1).await;
    let near = format!("{}{}", &session[..session.len() - 1], if session.ends_with('0') { '1' } else { '0' });
    let says = [&format!("did you mean `{session}`") as &str];
    refuses(at, "evaluate_options", of(&near), "session_not_found", &says).await;
}

#[tokio::test]
async fn another_tenants_session_is_no_session() {
    let upstream = judge(Duration::ZERO).await;
    let place = Place::new(&config(&upstream, ""));
    let [own, foreign] = ["acme", "otherworld"].map(|tenant| place.key("user", tenant));
    let server = place.start();
    let at = server.address();
    let session = begin(at, &own, "t", 2, 1).await;
    let none = format!("dec_{}", "0".repeat(32));
    let calls = [
        ("evaluate_options", json!({})),
        ("get_decision_matrix", json!({})),
        ("add_option", json!({ "option_name": "x" })),
        ("add_criterion", json!({ "name": "x", "description": "d" })),
        ("score_option", json!({ "option_name": "option 1", "scores": [{ "criterion": "criterion 1", "score": 5 }] })),
    ];
    for (tool, arguments) in calls {
        let with = |id: &str| {
            let mut arguments = arguments.clone();
            arguments["session_id"] = json!(id);
            arguments
        };
        let mut theirs = bad(at, &foreign, tool, &with(&session)).await;
        let mut nobodys = bad(at, &foreign, tool, &with(&none)).await;
        for shape in [&mut theirs, &mut nobodys] {
            shape["timestamp"] = Value::Null;
        }
        let masked = theirs.to_string().replace(&session[4..], &none[4..]);
        assert_eq!(masked, nobodys.to_string(), "whether it is there is not told: {tool}");
    }
    for (line, body) in [
        ("GET ", None),
        ("GET /matrix", None),
        ("GET /events", None),
        ("GET /export?format=csv", None),
        ("DELETE ", None),
        ("POST /evaluate", None),
        ("POST /options", Some(json!({ "name": "x" }))),
    ] {
        let (method, below) = line.split_once(' ').unwrap();
        let path = format!("/api/v1/decisions/{session}{below}");
        let reply = ask(at, &foreign, method, &path, body.as_ref()).await;
        assert_eq!((reply.status, reply.json()["code"].clone()), (404, json!("session_not_found")), "{line}");
    }
    assert_eq!(good(at, &foreign, "list_sessions", &json!({})).await["sessions"], json!([]));
    assert_eq!(good(at, &foreign, "current_session", &json!({})).await["session_id"], Value::Null);
    assert_eq!(good(at, &foreign, "clear_all_sessions", &json!({})).await["cleared"], 0);
    let mine = good(at, &own, "list_sessions", &json!({})).await;
    assert_eq!(
        (mine["sessions"][0]["session_id"].as_str(), &mine["total_active"]),
        (Some(&*session), &json!(1)),
        "{mine}"
    );
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn an_evaluation_that_runs_is_not_run_twice() {
    let upstream = judge(Duration::from_millis(400)).await;
    let server = Server::start(&config(&upstream, ""));
    let at = server.address();
    let session = begin(at, "", "t", 3, 2).await;
    let first = tokio::spawn({
        let session = session.clone();
        async move { good(at, "", "evaluate_options", &of(&session)).await }
    });
    until("it runs", async || (!upstream.seen().is_empty()).then_some(())).await;
    let says = ["is being evaluated: 0 of 6 pairs are done", "wait for it to end"];
    let shape = refuses(at, "evaluate_options", of(&session), "evaluation_running", &says).await;
    assert_eq!(shape["error_category"], "evaluation");
    let reply = ask(at, "", "POST", &format!("/api/v1/decisions/{session}/evaluate"), None).await;
    let told = reply.json();
    assert_eq!(
        (reply.status, &told["code"], &told["progress"]["total"]),
        (409, &json!("evaluation_running"), &json!(6))
    );
    // Nor is it changed meanwhile; reading is free.
    let option = json!({ "session_id": session, "option_name": "late" });
    refuses(at, "add_option", option.clone(), "evaluation_running", &["is being evaluated"]).await;
    assert_eq!(good(at, "", "get_decision_matrix", &of(&session)).await["complete"], false);
    assert_eq!(first.await.unwrap()["evaluation_complete"], true);
    good(at, "", "add_option", &option).await;
    assert_eq!(upstream.seen().len(), 6, "each pair was asked once");
}

#[tokio::test]
async fn the_least_recently_used_go_when_there_are_too_many_but_none_that_is_evaluating() {
    let upstream = judge(Duration::from_millis(600)).await;
    let server = Server::start(&config(&upstream, "sessions_max = 3\nevict_batch = 1\n"));
    let at = server.address();
    let oldest = begin(at, "", "oldest", 2, 1).await;
    let evaluation = tokio::spawn({
        let oldest = oldest.clone();
        async move { good(at, "", "evaluate_options", &of(&oldest)).await }
    });
    until("it runs", async || (!upstream.seen().is_empty()).then_some(())).await;
    for topic in ["second", "third", "fourth"] {
        begin(at, "", topic, 2, 1).await;
    }
    let listed = good(at, "", "list_sessions", &json!({})).await;
    let topics: Vec<_> =
        listed["sessions"].as_array().unwrap().iter().map(|it| it["topic"].as_str().unwrap()).collect();
    assert_eq!(topics, ["fourth", "third", "oldest"], "newest first; it is evaluating");
    assert_eq!(evaluation.await.unwrap()["evaluation_complete"], true);
}

#[tokio::test]
async fn limits_can_be_raised_and_whoever_raises_them_is_warned() {
    let upstream = judge(Duration::ZERO).await;
    let place = Place::new(&config(&upstream, "options_max = 50\ncriteria_max = 25\n"));
    let warning = "up to 50 options and 25 criteria may ask models 1250 questions each";
    let server = place.start();
    let at = server.address();
    let session = id(&good(at, "", START, &start("t", &named("o", 50), criteria(25))).await);
    let shown = good(at, "", "get_decision_matrix", &of(&session)).await;
    assert_eq!(shown["missing"].as_array().unwrap().len(), 1_250);
    let option = json!({ "session_id": session, "option_name": "x" });
    refuses(at, "add_option", option, "limit_exceeded", &["51 options, and at most 50"]).await;
    assert!(server.log().contains(warning), "{}", server.log());
}

/// Arguments that fit no schema are told by name.
#[tokio::test]
async fn arguments_are_checked() {
    let upstream = judge(Duration::ZERO).await;
    let server = Server::start(&config(&upstream, ""));
    let at = server.address();
    let argument = "invalid_arguments";
    refuses(at, START, json!({ "options": ["a", "b"] }), argument, &["`topic`"]).await;
    refuses(at, START, json!({ "topic": "t", "options": ["a", 7] }), argument, &["string"]).await;
    refuses(at, START, json!({ "topic": "t", "options": ["a", "b"], "modle": "x" }), argument, &["`modle`"]).await;
    refuses(at, "list_sessions", json!({ "all": true }), argument, &["`all`"]).await;
    refuses(at, "evaluate_options", json!({ "session_id": 7 }), argument, &["`session_id` must be a string"]).await;
    let unknown = call(at, "", "evaluate_option", &json!({})).await.result();
    assert!(unknown["isError"] == true && unknown["content"].to_string().contains("`evaluate_options`"), "{unknown}");
}

#[test]
fn raised_limits_are_warned_of_at_the_start_and_by_the_check() {
    let check =
        |place: &Place, arguments: &[&str]| Ended::of(place.command(&[&["config", "check"], arguments].concat()));
    let server = Server::start("[decisions]\noptions_max = 50\ncriteria_max = 25\n");
    let told = check(server.place(), &["--json"]).good();
    let warned = told["warnings"][0].as_str().unwrap_or_else(|| panic!("{told}"));
    assert!(warned.contains("may ask models 1250 questions each") && told["ok"] == true, "{told}");
    assert!(server.log().contains(warned), "{}", server.log());
    let ended = check(server.place(), &[]);
    assert_eq!((ended.code, ended.stderr), (Some(0), format!("warning: {warned}\n")), "{}", ended.stdout);
    let usual = Place::new("[decisions]\noptions_max = 20\n");
    assert_eq!(check(&usual, &[]).stderr, "");
    assert_eq!(check(&usual, &["--json"]).good()["warnings"], json!([]));
}
