//! The kind `anthropic` against upstreams that answer as its API reference says.

use crate::fixture::{LONG, drain, free, ms, outcomes, registry, request};
use crate::{Answer, AnswerStream, Endpoint, ModelError, Opening};
use anthropic::request_to_chat;
use bytes::Bytes;
use fault::{Explain, Kind};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use testkit::{Reply, Seen, Upstream};
use wire::Dialect;
use wire::openai::{ChatRequest, Limits};

const MESSAGE: &str = r#"{ "id":"msg_1", "type":"message", "role":"assistant", "model":"claude-sonnet-4-5", "novel":1.10, "content":[{"type":"text","text":"Paris"}], "stop_reason":"end_turn", "stop_sequence":null, "usage":{"input_tokens":11,"cache_read_input_tokens":100,"output_tokens":4} }"#;
const ASKED: &str =
    r#" {"x_new": {"b":1.50},"model" : "a/m","max_tokens":9,"messages":[{"role":"user","content":"h\u00e9"}]} "#;

/// The model `a/m`, called `claude-sonnet-4-5` upstream.
fn endpoint(upstream: &Upstream, suffix: &str, more: &str) -> Arc<Endpoint> {
    let base = upstream.url();
    let base = base.trim_end_matches("/v1");
    let model = "{ name = 'm', upstream_name = 'claude-sonnet-4-5', price = { input = 1, output = 2 } }";
    let models = if more.contains("models") { String::new() } else { format!("models = [{model}]") };
    let text = format!("[[provider]]\nname = 'a'\nkind = 'anthropic'\nbase_url = '{base}{suffix}'\n{models}\n{more}");
    registry(&text).find("a/m").unwrap()
}

fn native(text: &str) -> ChatRequest {
    let headers = vec![("anthropic-beta", "one".to_owned()), ("anthropic-beta", "two".to_owned())];
    let limits = Limits { n_max: 1, messages_max: 64 };
    request_to_chat(Bytes::copy_from_slice(text.as_bytes()), headers, &limits).unwrap()
}

fn chat(more: Value) -> ChatRequest {
    let mut chat = json!({ "model": "a/m", "messages": [{ "role": "user", "content": "capital of France?" }] });
    chat.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request(&chat.to_string())
}

async fn ask(endpoint: &Arc<Endpoint>, request: &ChatRequest) -> Result<Answer, ModelError> {
    endpoint.ask(request, crate::fixture::one("req-1"), &free(), LONG, Opening::FirstEvent).await
}

async fn open(endpoint: &Arc<Endpoint>, request: &ChatRequest) -> Result<Box<AnswerStream>, ModelError> {
    match endpoint.ask(request, crate::fixture::one("req-1"), &free(), LONG, Opening::FirstToken).await? {
        Answer::Stream(stream) => Ok(stream),
        Answer::Whole { .. } => panic!("no stream"),
    }
}

fn sent(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

#[tokio::test]
async fn what_a_client_wrote_is_sent_on_as_it_came() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", MESSAGE)).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "sk-ant-SECRET").unwrap();
    let endpoint = endpoint(&upstream, "", &format!("api_key = 'file:{}'", file.path().display()));
    let Answer::Whole { reply, cost, lost, .. } = ask(&endpoint, &native(ASKED)).await.unwrap() else {
        panic!("a stream")
    };
    assert_eq!((reply.dialect(), reply.bytes().as_ref()), (Dialect::Messages, MESSAGE.as_bytes()));
    assert_eq!(lost, Vec::<String>::new(), "the provider was told everything");
    assert_eq!(cost.unwrap().to_string(), "0.000119");
    let seen = &upstream.seen()[0];
    assert_eq!(seen.body.as_ref(), ASKED.replace("\"a/m\"", "\"claude-sonnet-4-5\"").as_bytes());
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/messages"));
    for (name, value) in [
        ("x-api-key", "sk-ant-SECRET"),
        ("anthropic-version", "2023-06-01"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("x-request-id", "req-1"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.header("authorization"), None);
    let betas: Vec<&str> =
        seen.headers.iter().filter(|(name, _)| name == "anthropic-beta").map(|(_, v)| &**v).collect();
    assert_eq!(betas, ["one", "two"]);
}

#[tokio::test]
async fn the_clients_version_takes_the_place_of_ours() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", MESSAGE)).await;
    let limits = Limits { n_max: 1, messages_max: 64 };
    let headers = vec![("anthropic-version", "2099-01-01".to_owned())];
    let newer = request_to_chat(Bytes::from_static(ASKED.as_bytes()), headers, &limits).unwrap();
    ask(&endpoint(&upstream, "", ""), &newer).await.unwrap();
    let seen = &upstream.seen()[0];
    let versions: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "anthropic-version").collect();
    assert_eq!(versions.len(), 1);
    assert_eq!(seen.header("anthropic-version"), Some("2099-01-01"));
}

#[tokio::test]
async fn a_chat_is_translated_and_so_is_its_answer_at_the_door() {
    for (suffix, more, most) in [
        ("", "", 4_096),
        ("/v1", "", 4_096),
        ("/v1/", "models = [{ name = 'm', upstream_name = 'claude-sonnet-4-5', output_tokens_max = 700 }]", 700),
    ] {
        let upstream = Upstream::start(|_| Reply::body(200, "application/json", MESSAGE)).await;
        let asked = chat(json!({ "temperature": 0.5, "seed": 7 }));
        let Answer::Whole { reply, lost, .. } = ask(&endpoint(&upstream, suffix, more), &asked).await.unwrap() else {
            panic!("a stream")
        };
        assert_eq!((reply.answer().as_str(), lost), ("Paris", vec!["`seed`".to_owned()]));
        assert_eq!(crate::dialects::as_chat(&reply).usage().unwrap().prompt_tokens, 111);
        let seen = &upstream.seen()[0];
        assert_eq!(seen.path, "/v1/messages");
        let said = json!([{ "role": "user", "content": [{ "type": "text", "text": "capital of France?" }] }]);
        assert_eq!(
            sent(seen),
            json!({ "model": "claude-sonnet-4-5", "max_tokens": most, "messages": said, "temperature": 0.5 })
        );
    }
}

#[tokio::test]
async fn thoughts_of_other_models_are_not_sent() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", MESSAGE)).await;
    let thought = |signature: &str| {
        format!(
            r#"{{"model":"a/m","max_tokens":9,"top_k":3,"x_new":1,"messages":[{{"role":"user","content":"\"signature\":\"\""}},
            {{"role":"assistant","content":[{{"type":"thinking","thinking":"hm","signature" : "{signature}"}},{{"type":"text","text":"x"}}]}},
            {{"role":"user","content":"y"}}]}}"#
        )
    };
    let endpoint = endpoint(&upstream, "", "");
    let mut lost_of = Vec::new();
    for signature in ["", "EqQB"] {
        let Answer::Whole { lost, .. } = ask(&endpoint, &native(&thought(signature))).await.unwrap() else {
            panic!("a stream")
        };
        lost_of.push(lost);
    }
    assert_eq!(lost_of, [vec!["`thinking_blocks` without a signature".to_owned(), "`x_new`".to_owned()], Vec::new()]);
    let seen = upstream.seen();
    assert_eq!(sent(&seen[0])["messages"][1]["content"], json!([{ "type": "text", "text": "x" }]));
    assert_eq!(seen[0].header("anthropic-beta"), Some("one"));
    assert_eq!(seen[1].body.as_ref(), thought("EqQB").replace("\"a/m\"", "\"claude-sonnet-4-5\"").as_bytes());
}

#[tokio::test]
async fn what_cannot_be_said_is_not_sent_and_harms_nobody() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", MESSAGE)).await;
    let endpoint = endpoint(&upstream, "", "");
    let sound = json!([{ "role": "user", "content": [{ "type": "input_audio", "input_audio": { "data": "AA==" } }] }]);
    let Err(error) = ask(&endpoint, &chat(json!({ "messages": sound }))).await else { panic!("answered") };
    assert!(error.to_string().contains("`messages[0].content[0]`"), "{error}");
    assert_eq!(
        (error.kind(), error.code(), error.worth_asking_elsewhere()),
        (Kind::Semantics, "not_translatable", true)
    );
    assert_eq!(upstream.seen().len(), 0);
}

/// What the upstream says, event by event.
const EVENTS: [&str; 7] = [
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-sonnet-4-5","stop_reason":null,"usage":{"input_tokens":11,"cache_read_input_tokens":100,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Par"}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"is"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":4}}"#,
    r#"{"type":"message_stop"}"#,
];

fn said(events: &[&str]) -> String {
    let name = |event: &str| serde_json::from_str::<Value>(event).unwrap()["type"].as_str().unwrap().to_owned();
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", name(event))).collect()
}

#[tokio::test]
async fn a_stream_passes_byte_for_byte_however_it_is_cut() {
    let whole = said(&EVENTS);
    let streamed = ASKED.replacen('{', r#"{"stream":true,"#, 1);
    for step in [1, 7, 100, 10_000] {
        let cut: Vec<Vec<u8>> = whole.as_bytes().chunks(step).map(<[u8]>::to_vec).collect();
        let script = move |_: &Seen| cut.iter().fold(Reply::stream(&[]), |reply, piece| reply.chunk(piece.clone()));
        let upstream = Upstream::start(script).await;
        let endpoint = endpoint(&upstream, "", "");
        let mut stream = open(&endpoint, &native(&streamed)).await.unwrap();
        assert_eq!(stream.dialect(), Dialect::Messages);
        assert_eq!(drain(&mut stream).await, (whole.clone(), None), "in steps of {step}");
        assert_eq!(outcomes(&endpoint), [1, 0, 0, 0, 0]);
        assert_eq!(upstream.seen()[0].header("accept"), Some("text/event-stream"));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_tells_of_an_error_is_no_answer() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"SECRET"}}"#;
    let cases: [(&[&str], ModelError); 2] = [
        (&EVENTS[..4], ModelError::Cut),
        (
            &[EVENTS[0], EVENTS[1], EVENTS[2], error],
            ModelError::ErrorEvent { code: Some("overloaded_error".to_owned()) },
        ),
    ];
    for (events, expect) in cases {
        let text = said(events);
        let upstream = Upstream::start(move |_| Reply::stream(&[]).chunk(text.clone())).await;
        let endpoint = endpoint(&upstream, "", "");
        let asked = chat(json!({ "stream": true }));
        // The words before an error in the same block may have been promised to nobody yet.
        let found = match open(&endpoint, &asked).await {
            Ok(mut stream) => {
                let (text, error) = drain(&mut stream).await;
                assert!(!text.contains("SECRET"));
                error
            }
            Err(error) => Some(error),
        };
        assert_eq!(found, Some(expect));
    }
    // The last mark may be missing where the message has ended.
    let text = said(&EVENTS[..6]);
    let upstream = Upstream::start(move |_| Reply::stream(&[]).chunk(text.clone())).await;
    let mut stream = open(&endpoint(&upstream, "", ""), &chat(json!({ "stream": true }))).await.unwrap();
    assert_eq!(drain(&mut stream).await.1, None);
}

#[tokio::test]
async fn a_status_means_what_it_means_everywhere() {
    let fault = async |status: u16, class: &str, message: &str, wait: Option<&str>| {
        let body = json!({ "type": "error", "error": { "type": class, "message": message }, "request_id": "req_0" });
        let mut reply = Reply::json(status, &body);
        if let Some(wait) = wait {
            reply = reply.header("retry-after", wait);
        }
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let Err(error) = ask(&endpoint(&upstream, "", ""), &native(ASKED)).await else { panic!("answered") };
        assert!(!format!("{error:?} {error}").contains("SECRET"), "{error:?}");
        error
    };
    let refused = |status, code: &str| ModelError::Refused { status, code: Some(code.to_owned()) };
    let invalid = "invalid_request_error";
    assert_eq!(fault(400, invalid, "SECRET", None).await, refused(400, invalid));
    let long = "prompt is too long: 210000 tokens > 200000 maximum SECRET";
    let error = fault(400, invalid, long, None).await;
    assert_eq!((error.worth_asking_elsewhere(), error), (true, refused(400, "context_length_exceeded")));
    assert_eq!(fault(401, "authentication_error", "SECRET", None).await, ModelError::Unauthorised { status: 401 });
    assert_eq!(fault(404, "not_found_error", "SECRET", None).await, refused(404, "not_found_error"));
    assert_eq!(fault(413, "request_too_large", "SECRET", None).await, refused(413, "request_too_large"));
    let limited = fault(429, "rate_limit_error", "SECRET", Some("2")).await;
    assert_eq!(limited, ModelError::RateLimited { retry_after: Some(ms(2_000)) });
    let code = Some("overloaded_error".to_owned());
    let busy = ModelError::Failed { status: 529, code, retry_after: Some(ms(3_000)) };
    assert_eq!(fault(529, "overloaded_error", "SECRET", Some("3")).await, busy);
    for body in ["SECRET", "{}", r#"{"content":"SECRET"}"#, r#"{"choices":[{"message":{}}]}"#] {
        let upstream = Upstream::start(move |_| Reply::body(200, "application/json", body)).await;
        let Err(error) = ask(&endpoint(&upstream, "", ""), &native(ASKED)).await else { panic!("answered") };
        assert!(matches!(error, ModelError::NotAReply { .. }), "{body}: {error:?}");
        assert!(!format!("{error:?}").contains("SECRET"));
    }
}

#[tokio::test]
async fn tokens_are_counted_by_whoever_knows() {
    let upstream = Upstream::start(|_| Reply::json(200, &json!({ "input_tokens": 2_095 }))).await;
    let there = endpoint(&upstream, "/v1", "");
    assert_eq!(there.count(&native(ASKED), "req-1", LONG).await, Ok(Some(2_095)));
    assert_eq!(there.count(&chat(json!({ "temperature": 0.5 })), "req-1", LONG).await, Ok(Some(2_095)));
    let seen = upstream.seen();
    assert_eq!(seen[0].path, "/v1/messages/count_tokens");
    let plain = r#"{"x_new":{"b":1.50},"messages":[{"role":"user","content":"h\u00e9"}],"model":"claude-sonnet-4-5"}"#;
    assert_eq!(sent(&seen[0]), serde_json::from_str::<Value>(plain).unwrap());
    let said = json!([{ "role": "user", "content": [{ "type": "text", "text": "capital of France?" }] }]);
    assert_eq!(sent(&seen[1]), json!({ "model": "claude-sonnet-4-5", "messages": said }));
    assert_eq!(seen[0].header("anthropic-version"), Some("2023-06-01"));

    let counted = async |reply: Reply| {
        let upstream = Upstream::start(move |_| reply.clone()).await;
        endpoint(&upstream, "", "").count(&native(ASKED), "req-1", LONG).await
    };
    assert_eq!(counted(Reply::body(404, "text/html", "no such page")).await, Ok(None));
    assert!(matches!(counted(Reply::error(500, "api_error", "x")).await, Err(ModelError::Failed { status: 500, .. })));
    assert!(matches!(counted(Reply::json(200, &json!({}))).await, Err(ModelError::NotAReply { .. })));
}
