//! The kind `bedrock` against upstreams that do what they like, and its translation of requests and replies.

use super::*;
use crate::fixture::{KINDS, LONG, around, drain, free, no_prices, one, request, settings};
use crate::{Answer, Endpoint, Opening, Registry};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as Text, Message};
use measure::Metrics;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Reply as Scripted, Upstream};
use wire::openai::ChatRequest;

/// One frame of an event stream.
pub(super) fn frame(kind: &str, name: &str, payload: &str) -> Bytes {
    let header = |name: &'static str, value: &str| Header::new(name, Text::String(value.to_owned().into()));
    let named = if kind == "event" { ":event-type" } else { ":exception-type" };
    let message = Message::new(Bytes::copy_from_slice(payload.as_bytes()))
        .add_header(header(named, name))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", kind));
    let mut out = Vec::new();
    write_message_to(&message, &mut out).unwrap();
    Bytes::from(out)
}

const MODEL: &str = "eu.anthropic.claude-sonnet-4-20250514-v1:0";

fn moment() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_323_045)
}

fn bedrock(upstream: &Upstream, more: &str, env: &[(&str, &str)]) -> Bedrock {
    let base = upstream.url();
    let base = base.trim_end_matches("/v1");
    let provider = format!("name = 'b'\nkind = 'bedrock'\nbase_url = '{base}'\n{more}");
    let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Bedrock::new(&toml::from_str(&provider).unwrap(), &env, moment, None).unwrap()
}

const KEYS: [(&str, &str); 3] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
];

fn endpoint(upstream: &Upstream) -> Arc<Endpoint> {
    around(Arc::new(bedrock(upstream, "", &KEYS)), crate::fixture::Shape::default())
}

fn chat(more: &str) -> ChatRequest {
    request(&format!(r#"{{"model":"p/m","messages":[{{"role":"user","content":"hi"}}]{more}}}"#))
}

fn answer() -> Scripted {
    let message = json!({ "role": "assistant", "content": [{ "text": "hello" }] });
    let usage = json!({ "inputTokens": 2, "outputTokens": 1, "totalTokens": 3 });
    Scripted::json(200, &json!({ "output": { "message": message }, "stopReason": "end_turn", "usage": usage }))
}

fn stream(frames: &[Bytes]) -> Scripted {
    Scripted::body(200, FRAMES, frames.concat())
}

fn frames() -> Vec<Bytes> {
    [
        ("messageStart", r#"{"role":"assistant"}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"hel"}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"lo"}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("messageStop", r#"{"stopReason":"end_turn"}"#),
        ("metadata", r#"{"usage":{"inputTokens":2,"outputTokens":1,"totalTokens":3},"metrics":{"latencyMs":1}}"#),
    ]
    .map(|(name, payload)| frame("event", name, payload))
    .to_vec()
}

#[tokio::test]
async fn asks_signed_and_reads_the_answer() {
    let upstream = Upstream::start(|_| answer()).await;
    let provider = bedrock(&upstream, "headers = { x-team = 'blue' }", &KEYS);
    let chat = chat("");
    let call = Call { request: &chat, model: MODEL, request_id: "req-1", ear: &Ear::default() };
    let Reply::Whole(reply) = provider.chat(call).await.unwrap().reply else { panic!("a stream") };
    assert_eq!((reply.answer().as_str(), reply.usage().unwrap().total_tokens), ("hello", 3));
    let body: Value = serde_json::from_slice(reply.bytes()).unwrap();
    assert_eq!(
        (&body["id"], &body["model"], &body["created"]),
        (&json!("req-1"), &json!(MODEL), &json!(1_767_323_045))
    );
    let seen = &upstream.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str()),
        ("POST", format!("/model/{}/converse", sign::segment(MODEL)).as_str())
    );
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("x-amz-date", "20260102T030405Z"),
        ("x-request-id", "req-1"),
        ("x-team", "blue"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    // The signature is that of what was sent.
    let address = format!("http://{}{}", seen.header("host").unwrap(), seen.path);
    let keys = aws_credential_types::Credentials::new(KEYS[1].1, KEYS[2].1, None, None, "test");
    let what = sign::What { method: "POST", address: &address, body: &seen.body };
    let again = sign::sign(&what, &[("content-type", JSON)], &keys, ("eu-central-1", "bedrock"), moment()).unwrap();
    let expect = again.iter().find(|(name, _)| name == AUTHORIZATION).unwrap().1.to_str().unwrap();
    assert_eq!(seen.header("authorization"), Some(expect));
}

#[tokio::test]
async fn a_bedrock_key_is_sent_as_it_is() {
    let upstream = Upstream::start(|_| answer()).await;
    let provider = bedrock(&upstream, "", &[("AWS_BEARER_TOKEN_BEDROCK", "token")]);
    let chat = chat("");
    provider.chat(Call { request: &chat, model: "m", request_id: "r", ear: &Ear::default() }).await.unwrap();
    let seen = &upstream.seen()[0];
    assert_eq!((seen.header("authorization"), seen.header("x-amz-date")), (Some("Bearer token"), None));
}

#[tokio::test]
async fn streams_end_as_they_should_and_tell_the_usage_to_whoever_asks() {
    let upstream = Upstream::start(|_| stream(&frames())).await;
    for (more, shown) in [("", false), (r#","stream_options":{"include_usage":true}"#, true)] {
        let chat = chat(&format!(r#","stream":true{more}"#));
        let given = endpoint(&upstream).ask(&chat, one("r"), &free(), LONG, Opening::FirstToken).await.unwrap();
        let Answer::Stream(mut stream) = given else { panic!("a whole reply") };
        let (text, error) = drain(&mut stream).await;
        assert!(text.ends_with("data: [DONE]\n\n") && error.is_none(), "{text}");
        assert!(text.contains(r#""content":"hel""#) && text.contains(r#""finish_reason":"stop""#));
        assert_eq!(text.contains(r#""usage":{"#), shown, "{text}");
    }
    let seen = &upstream.seen()[0];
    assert_eq!((seen.path.as_str(), seen.header("accept")), ("/model/m/converse-stream", Some(FRAMES)));
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_is_none_is_an_error() {
    let all = frames();
    let mut damaged = all[2].to_vec();
    damaged[20] ^= 1;
    for (reply, expect) in [
        (stream(&all[..3]), "the stream broke off before it was complete"),
        (stream(&all).cut_after(0, 300), "incomplete"),
        (stream(&[all[0].clone(), all[1].clone(), damaged.into()]), "a frame of the stream is damaged"),
        (
            stream(&[all[1].clone(), frame("exception", "throttlingException", r#"{"message":"SECRET"}"#)]),
            "`rate_limit_exceeded`",
        ),
        (stream(&[frame("exception", "throttlingException", r#"{"message":"SECRET"}"#)]), "rate limiting us"),
        (answer(), "its content type is not that of a stream"),
    ] {
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let chat = chat(r#","stream":true"#);
        let error = match endpoint(&upstream).ask(&chat, one("r"), &free(), LONG, Opening::FirstToken).await {
            Ok(Answer::Stream(mut stream)) => {
                let (text, error) = drain(&mut stream).await;
                assert!(!text.contains("[DONE]"), "{text}");
                error.unwrap()
            }
            Ok(Answer::Whole { .. }) => panic!("a whole reply"),
            Err(error) => error,
        };
        let text = error.to_string();
        assert!(expect == "incomplete" || text.contains(expect), "{text} for {expect}");
        assert!(!text.contains("SECRET"), "{text}");
    }
}

#[tokio::test]
async fn refusals_and_rubbish_are_told_without_their_text() {
    let code = |code: &str| Some(code.to_owned());
    for (reply, expect) in [
        (
            Scripted::json(429, &json!({ "message": "SECRET" }))
                .header("x-amzn-errortype", "ThrottlingException:http://x/")
                .header("retry-after", "7"),
            ModelError::RateLimited { retry_after: Some(Duration::from_secs(7)) },
        ),
        (
            Scripted::json(
                400,
                &json!({ "__type": "com.amazon#ValidationException", "message": "Input is too long for requested model." }),
            ),
            ModelError::Refused { status: 400, code: code("context_length_exceeded") },
        ),
        (
            Scripted::body(502, "text/html", "<html>SECRET"),
            ModelError::Failed { status: 502, code: None, retry_after: None },
        ),
        (Scripted::body(200, "text/html", "<html>SECRET"), ModelError::NotAReply { what: "it is not JSON".to_owned() }),
        (
            Scripted::json(200, &json!({ "output": {} })),
            ModelError::NotAReply { what: "`output.message.content` is missing".to_owned() },
        ),
    ] {
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let provider = bedrock(&upstream, "", &KEYS);
        let chat = chat("");
        let error = provider
            .chat(Call { request: &chat, model: "m", request_id: "r", ear: &Ear::default() })
            .await
            .err()
            .unwrap();
        assert_eq!(error, expect);
    }
}

#[tokio::test]
async fn what_cannot_be_said_is_refused_before_anybody_is_asked() {
    let upstream = Upstream::start(|_| answer()).await;
    let provider = bedrock(&upstream, "", &KEYS);
    let chat = request(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}"#,
    );
    let error =
        provider.chat(Call { request: &chat, model: "m", request_id: "r", ear: &Ear::default() }).await.err().unwrap();
    assert!(
        matches!(&error, ModelError::Untranslatable { what } if what.starts_with("`messages[0].content[0].image_url`"))
    );
    assert!(error.worth_asking_elsewhere() && upstream.seen().is_empty());
}

#[tokio::test]
async fn tokens_are_counted_where_the_model_can() {
    let upstream = Upstream::start(|seen| {
        let counts = seen.path.contains("counts");
        let refused = json!({ "message": "The provided model doesn't support counting tokens." });
        if counts { Scripted::json(200, &json!({ "inputTokens": 12 })) } else { Scripted::json(400, &refused) }
    })
    .await;
    let provider = bedrock(&upstream, "", &KEYS);
    let chat = chat(r#","max_tokens":5"#);
    for (model, expect) in [("counts", Some(12)), ("other", None)] {
        let counted = provider.count(Call { request: &chat, model, request_id: "r", ear: &Ear::default() }).await;
        assert_eq!(counted.unwrap(), expect);
    }
    let seen = &upstream.seen()[0];
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(seen.path, "/model/counts/count-tokens");
    assert_eq!(
        body,
        json!({ "input": { "converse": { "messages": [{ "role": "user", "content": [{ "text": "hi" }] }] } } })
    );
}

#[test]
fn a_key_that_was_changed_behind_its_reference_makes_a_new_provider() {
    let (id, secret) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let write = |key: &str| [&id, &secret].map(|file| std::fs::write(file.path(), key).unwrap());
    let path = |file: &tempfile::NamedTempFile| format!("'file:{}'", file.path().display());
    let keys = format!("access_key_id = {}, secret_access_key = {}", path(&id), path(&secret));
    let text =
        format!("[[provider]]\nname = 'b'\nkind = 'bedrock'\nmodels = ['m']\naws = {{ region = 'eu-west-1', {keys} }}");
    let (settings, metrics, prices) = (settings(&text), Metrics::new("test"), no_prices());
    let build = |before| crate::fixture::build(&settings, KINDS, &metrics, &prices, before).unwrap();
    write("first");
    let first = build(None);
    let same = build(Some(&first));
    write("second");
    let second = build(Some(&same));
    let find = |registry: &Registry| registry.find("b/m").unwrap();
    assert!(Arc::ptr_eq(&find(&first), &find(&same)) && !Arc::ptr_eq(&find(&same), &find(&second)));
}

#[tokio::test]
async fn what_a_request_leaves_open_is_limited_as_it_was_reckoned() {
    let upstream = Upstream::start(|_| answer()).await;
    let listed = format!("models = ['{MODEL}', {{ name = 'm', upstream_name = 'x', output_tokens_max = 70 }}]");
    let bedrock = bedrock(&upstream, &listed, &KEYS);
    let thinking = r#","thinking":{"type":"enabled","budget_tokens":9000}"#;
    for (model, more, most, lost) in
        [(MODEL, "", 4_096, 0), ("x", "", 70, 0), ("x", r#","max_tokens":5000"#, 5_000, 0), (MODEL, thinking, 4_096, 1)]
    {
        let request = chat(more);
        let replied =
            bedrock.chat(Call { request: &request, model, request_id: "r", ear: &Ear::default() }).await.unwrap();
        assert_eq!(replied.lost.len(), lost, "{:?}", replied.lost);
        let body = upstream.seen().last().unwrap().json();
        assert_eq!(body["inferenceConfig"]["maxTokens"], most, "{model} {more}");
        if lost > 0 {
            assert_eq!(body["additionalModelRequestFields"]["thinking"]["budget_tokens"], 4_095);
        }
    }
}
