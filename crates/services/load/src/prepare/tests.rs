//! What is sent for each kind, byte for byte.

use super::{Pool, pool};
use crate::scenario::{Files, Kind, Mix, Prompt, Scenario};
use traffic::Reading;

fn made(mix: Vec<Mix>, files: &Files) -> Pool {
    pool(&Scenario { mix, ..Scenario::default() }, "quorum", files)
}

/// The request as one line: method, path, type and body.
fn line(pool: &Pool, at: usize) -> String {
    let request = &pool.requests[at];
    let kind = request.headers.get("content-type").map_or("-", |kind| kind.to_str().unwrap());
    format!("{} {} {kind} {}", request.method, request.path, std::str::from_utf8(&request.body).unwrap())
}

#[track_caller]
fn check(mix: Mix, reading: Reading, expect: &str) {
    let pool = made(vec![mix], &Files::new());
    assert_eq!((line(&pool, 1).as_str(), pool.requests[1].reading), (expect, reading));
}

fn mix(kind: Kind, prompt: &str) -> Mix {
    Mix { kind, prompt: prompt.to_owned(), topics: vec!["\"lactate\"".to_owned(), "NAD+".to_owned()], ..Mix::default() }
}

#[test]
fn chats() {
    let chat = mix(Kind::Chat, "{n}: what is {topic}, {prompt} {n");
    check(
        chat.clone(),
        Reading::Chat,
        r#"POST /v1/chat/completions application/json {"model":"quorum","messages":[{"role":"user","content":"2: what is NAD+, {prompt} {n"}],"stream":false}"#,
    );
    let stream = Mix { kind: Kind::Stream, model: "m".into(), max_tokens: Some(9), path: Some("/chat".into()), ..chat };
    check(
        stream,
        Reading::Stream,
        r#"POST /chat application/json {"model":"m","messages":[{"role":"user","content":"2: what is NAD+, {prompt} {n"}],"stream":true,"max_tokens":9}"#,
    );
}

#[test]
fn embeddings() {
    check(
        mix(Kind::Embeddings, "a \"{n}\""),
        Reading::Embeddings,
        r#"POST /v1/embeddings application/json {"model":"quorum","input":"a \"2\""}"#,
    );
}

#[test]
fn calls_of_tools() {
    let list = mix(Kind::Mcp, "find {n}");
    check(list.clone(), Reading::Mcp, r#"POST /mcp application/json {"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let arguments = toml::from_str("q = '{prompt} of {topic}'\nlimit = 5\nwide = true\nin = [1.5, { n = '{n}' }]");
    let call = Mix { tool: Some("search".into()), arguments: Some(arguments.unwrap()), ..list.clone() };
    let pool = made(vec![call], &Files::new());
    let body: serde_json::Value = serde_json::from_slice(&pool.requests[0].body).unwrap();
    let arguments =
        serde_json::json!({"q": "find 1 of \"lactate\"", "limit": 5, "wide": true, "in": [1.5, {"n": "1"}]});
    let params = serde_json::json!({"name": "search", "arguments": arguments});
    assert_eq!((&body["method"], &body["params"], &body["id"]), (&"tools/call".into(), &params, &1.into()));
    let bare = Mix { tool: Some("now".into()), ..list };
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"now","arguments":{}}}"#;
    check(bare, Reading::Mcp, &format!("POST /mcp application/json {body}"));
}

#[test]
fn any_request() {
    let rest = |path: &str, method: Option<&str>, body: Option<&str>, expect: &str| {
        let [method, body] = [method, body].map(|text| text.map(str::to_owned));
        check(Mix { path: Some(path.into()), method, body, ..mix(Kind::Rest, "a b?") }, Reading::Any, expect);
    };
    rest("/items/{n}", None, None, "GET /items/2 - ");
    rest("/find?q={prompt}&t={topic}", None, None, "GET /find?q=a%20b%3F&t=NAD%2B - ");
    rest("/items", Some("delete"), None, "DELETE /items - ");
    rest("/items", None, Some("{n} {x}"), "POST /items text/plain; charset=utf-8 2 {x}");
    rest("/items", Some("PUT"), Some(r#"{"a" : {n}}"#), r#"PUT /items application/json {"a" : 2}"#);
}

#[test]
fn bodies_that_are_spelt_out_stay_what_they_are() {
    let body = Some(r#"{"model":"x",  "prompt": "{topic} {n}"}"#.to_owned());
    let pool = made(vec![Mix { body, method: Some("PUT".into()), ..mix(Kind::Chat, "-") }], &Files::new());
    let expect = r#"POST /v1/chat/completions application/json {"model":"x",  "prompt": "\"lactate\" 1"}"#;
    assert_eq!(line(&pool, 0), expect);
    let body = Some("say {topic}".to_owned());
    let pool = made(vec![Mix { body, ..mix(Kind::Rest, "-") }], &Files::new());
    assert_eq!(line(&pool, 0), "POST / text/plain; charset=utf-8 say \"lactate\"");
}

#[test]
fn entries_follow_each_other_and_files_bring_answers() {
    let prompts = [("Is {n} kept?", Some("yes")), ("And?", None)];
    let prompts = prompts.map(|(prompt, answer)| Prompt { prompt: prompt.into(), answer: answer.map(str::to_owned) });
    let none = Mix { prompts: 0, ..mix(Kind::Rest, "") };
    let mixes = vec![Mix { prompts: 3, ..mix(Kind::Chat, "{topic}") }, mix(Kind::Stream, "-"), none];
    let pool = made(mixes, &Files::from([(1, prompts.to_vec())]));
    assert_eq!((&pool.first, pool.prompts()), (&vec![0, 3, 5], vec![3, 2, 1]));
    assert_eq!(pool.requests.iter().map(|request| request.row).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 2]);
    assert_eq!(pool.answers, [None, None, None, Some("yes".to_owned()), None, None]);
    assert!(line(&pool, 3).contains("Is {n} kept?"), "{}", line(&pool, 3));
    // Topics come round again.
    assert!(line(&pool, 2).contains(r#"\"lactate\""#), "{}", line(&pool, 2));
    assert_eq!(made(Vec::new(), &Files::new()).prompts(), Vec::<u32>::new());
}
