//! What goes out: to whom with which key, in whose words.

use super::{KEY, key_file};
use crate::fixture::{LONG, at, drain, free};
use crate::{Answer, AnswerStream, Endpoint, ModelError, Opening};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{Reply, Upstream};
use wire::openai::{ChatRequest, Limits};
use wire::{Dialect, Original};

const LIMITS: Limits = Limits { n_max: 1, messages_max: 99 };

/// A request whose client wrote `text` in another dialect, and what it means as a chat.
fn written(dialect: Dialect, text: &'static str, chat: &Value) -> ChatRequest {
    let at = text.find("\"p/m\"").unwrap();
    let original = Original {
        dialect,
        bytes: Bytes::from_static(text.as_bytes()),
        model: at..at + "\"p/m\"".len(),
        headers: vec![("openai-beta", "x=1".to_owned())],
        lost: vec!["`odd`".to_owned()],
    };
    ChatRequest::translated(chat, original, &LIMITS).unwrap()
}

fn chat(stream: bool) -> Value {
    json!({ "model": "p/m", "stream": stream, "top_k": 3, "max_tokens": 9,
        "messages": [{ "role": "user", "content": "hi", "cache_control": { "type": "ephemeral" } }] })
}

const ASKED: &str = r#"{"input": "hi","odd":1.50,"model": "p/m"}"#;
const STREAMED: &str = r#"{"input": "hi","model": "p/m", "stream": true}"#;
const RESPONSE: &str = r#"{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hello","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}"#;

async fn answer(endpoint: &Arc<Endpoint>, request: &ChatRequest) -> Result<Answer, ModelError> {
    endpoint.ask(request, crate::fixture::one("r"), &free(), LONG, Opening::FirstEvent).await
}

async fn stream(endpoint: &Arc<Endpoint>, request: &ChatRequest) -> Box<AnswerStream> {
    match answer(endpoint, request).await.unwrap() {
        Answer::Stream(stream) => stream,
        Answer::Whole { .. } => panic!("no stream"),
    }
}

#[tokio::test]
async fn responses_pass_untouched_where_they_are_spoken() {
    for kind in ["azure", "vllm", "litellm", "groq", "openrouter"] {
        let upstream = Upstream::start(|_| Reply::body(200, "application/json", RESPONSE)).await;
        let endpoint = at(&upstream, &format!("kind = '{kind}'"), "");
        let given = answer(&endpoint, &written(Dialect::Responses, ASKED, &chat(false))).await.unwrap();
        let Answer::Whole { reply, lost, .. } = given else { panic!("a stream") };
        assert_eq!((reply.dialect(), reply.bytes().as_ref()), (Dialect::Responses, RESPONSE.as_bytes()), "{kind}");
        assert_eq!(reply.usage().map(|usage| (usage.prompt_tokens, usage.completion_tokens)), Some((3, 2)));
        assert!(lost.is_empty(), "whoever speaks the dialect was told everything");
        let seen = &upstream.seen()[0];
        assert_eq!(seen.body.as_ref(), ASKED.replace("p/m", "m").as_bytes());
        assert_eq!((seen.path.as_str(), seen.header("openai-beta")), ("/v1/responses", Some("x=1")));
    }
}

#[tokio::test]
async fn elsewhere_they_become_a_plain_chat() {
    for kind in ["openai", "mistral", "llamacpp"] {
        let upstream = Upstream::start(|_| Reply::chat("hello")).await;
        let endpoint = at(&upstream, &format!("kind = '{kind}'"), "");
        let given = answer(&endpoint, &written(Dialect::Responses, ASKED, &chat(false))).await.unwrap();
        let Answer::Whole { reply, lost, .. } = given else { panic!("a stream") };
        assert_eq!((reply.dialect(), reply.answer().as_str()), (Dialect::Chat, "hello"));
        let seen = &upstream.seen()[0];
        assert_eq!((seen.path.as_str(), seen.header("openai-beta")), ("/v1/chat/completions", None));
        let mut body = json!({ "model": "m", "stream": false, "max_tokens": 9,
            "messages": [{ "role": "user", "content": "hi" }] });
        let takes_top_k = kind == "llamacpp";
        if takes_top_k {
            body["top_k"] = json!(3);
        }
        assert_eq!(seen.json(), body, "{kind}");
        assert_eq!(lost, if takes_top_k { vec!["`odd`"] } else { vec!["`top_k`", "`odd`"] });
    }
}

#[tokio::test]
async fn a_stream_of_responses_passes_as_it_is() {
    let events = [
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\
         \"usage\":{\"input_tokens\":3,\"output_tokens\":2,\"total_tokens\":5}}}\n\n",
    ];
    let upstream = Upstream::start(move |_| {
        events.iter().fold(Reply::stream(&[]), |reply, event| reply.chunk(event.as_bytes().to_vec()))
    })
    .await;
    let endpoint = at(&upstream, "kind = 'vllm'", "");
    let mut passing = stream(&endpoint, &written(Dialect::Responses, STREAMED, &chat(true))).await;
    assert_eq!(passing.dialect(), Dialect::Responses);
    assert_eq!(drain(&mut passing).await, (events.concat(), None));
    assert_eq!(upstream.seen()[0].body.as_ref(), STREAMED.replace("p/m", "m").as_bytes());
}

#[tokio::test]
async fn the_usage_of_a_translated_stream_is_asked_for_and_shown() {
    for (kind, options) in [("openai", json!({ "include_usage": true })), ("mistral", Value::Null)] {
        let upstream = Upstream::start(|_| Reply::chat_stream_with_usage(&["hi"])).await;
        let endpoint = at(&upstream, &format!("kind = '{kind}'"), "");
        let mut passing = stream(&endpoint, &written(Dialect::Messages, STREAMED, &chat(true))).await;
        let (text, error) = drain(&mut passing).await;
        assert!(text.contains("\"usage\"") && error.is_none(), "{text}");
        assert_eq!(upstream.seen()[0].json()["stream_options"], options, "{kind}");
    }
}

#[tokio::test]
async fn who_refuses_to_be_asked_for_the_usage_is_not_asked() {
    for (kind, asked) in [("openai", true), ("mistral", false)] {
        let upstream = Upstream::start(|_| Reply::chat_stream(&["hi"])).await;
        let endpoint = at(&upstream, &format!("kind = '{kind}'"), "");
        drain(&mut crate::fixture::open(&endpoint, Opening::FirstEvent).await.unwrap()).await;
        let body = upstream.seen()[0].json();
        assert_eq!(body.get("stream_options").is_some(), asked, "{kind}: {body}");
    }
}

#[tokio::test]
async fn azure_finds_its_key_in_a_header_of_its_own() {
    let file = key_file(KEY);
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let endpoint = at(&upstream, &format!("kind = 'azure'\napi_key = 'file:{}'", file.path().display()), "");
    answer(&endpoint, &written(Dialect::Messages, ASKED, &chat(false))).await.map(drop).unwrap();
    let seen = &upstream.seen()[0];
    assert_eq!((seen.header("api-key"), seen.header("authorization")), (Some(KEY), None));
    assert_eq!(seen.json()["max_completion_tokens"], 9, "and knows the limit by its newer name");
}
