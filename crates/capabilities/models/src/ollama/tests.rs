//! The kind `ollama` against upstreams that answer as its API document says.

use crate::fixture::{LONG, drain, free, one, registry, request};
use crate::{Answer, Endpoint, ModelError, Opening};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{Reply, Upstream};

const WHOLE: &str = r#"{"model":"qwen3","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Paris","thinking":"France…"},"done":true,"done_reason":"stop","total_duration":1,"prompt_eval_count":11,"eval_count":4}"#;

fn endpoint(upstream: &Upstream, suffix: &str) -> Arc<Endpoint> {
    let base = upstream.url();
    let base = base.trim_end_matches("/v1");
    let text = format!(
        "[[provider]]\nname = 'o'\nkind = 'ollama'\nbase_url = '{base}{suffix}'\nmodels = [{{ name = 'm', upstream_name = 'qwen3', price = {{ input = 1, output = 2 }} }}]"
    );
    registry(&text).find("o/m").unwrap()
}

fn asked(stream: bool) -> wire::openai::ChatRequest {
    request(
        &json!({ "model": "o/m", "stream": stream, "max_tokens": 50, "temperature": 0.5, "seed": 7,
            "messages": [{ "role": "user", "content": "capital of France?" }], "logit_bias": { "1": 2 } })
        .to_string(),
    )
}

#[tokio::test]
async fn asks_in_its_own_words_wherever_the_address_ends() {
    for suffix in ["", "/", "/v1"] {
        let upstream = Upstream::start(|_| Reply::body(200, "application/json", WHOLE)).await;
        let given = endpoint(&upstream, suffix)
            .ask(&asked(false), one("r1"), &free(), LONG, Opening::FirstEvent)
            .await
            .unwrap();
        let Answer::Whole { reply, cost, lost, .. } = given else { panic!("a stream") };
        assert_eq!((reply.text().as_str(), lost), ("Paris", vec!["`logit_bias`".to_owned()]));
        assert_eq!(reply.message()["reasoning_content"], "France…");
        assert_eq!(cost.unwrap().to_string(), "0.000019");
        let seen = &upstream.seen()[0];
        assert_eq!(seen.path, "/api/chat");
        assert_eq!(
            serde_json::from_slice::<Value>(&seen.body).unwrap(),
            json!({ "model": "qwen3", "messages": [{ "role": "user", "content": "capital of France?" }],
                "stream": false, "options": { "temperature": 0.5, "seed": 7, "num_predict": 50 } })
        );
    }
}

/// The lines of a stream: a thought, a word, a call, the end.
const LINES: [&str; 4] = [
    r#"{"model":"qwen3","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#,
    r#"{"model":"qwen3","message":{"role":"assistant","content":"It is "},"done":false}"#,
    r#"{"model":"qwen3","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":false}"#,
    r#"{"model":"qwen3","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":5}"#,
];

#[tokio::test]
async fn a_stream_is_the_same_wherever_it_is_cut() {
    let text = LINES.join("\n");
    let mut first = None;
    for step in [1, 7, 100, 10_000] {
        let bytes = text.clone();
        let reply = move || {
            let chunks = bytes.as_bytes().chunks(step).map(<[u8]>::to_vec);
            let bare =
                Reply::bare().raw("HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n");
            chunks.fold(bare, Reply::raw)
        };
        let upstream = Upstream::start(move |_| reply()).await;
        let given =
            endpoint(&upstream, "").ask(&asked(true), one("r1"), &free(), LONG, Opening::FirstToken).await.unwrap();
        let Answer::Stream(mut stream) = given else { panic!("no stream") };
        let (said, error) = drain(&mut stream).await;
        assert_eq!(error, None);
        assert!(said.ends_with("data: [DONE]\n\n") && !said.contains("\"usage\""), "{said}");
        assert!(said.contains(r#""tool_calls":[{"id":"call_r1_0","type":"function","function":{"name":"f","arguments":"{\"a\":1}"},"index":0}]"#), "{said}");
        assert!(said.contains(r#""finish_reason":"tool_calls""#), "{said}");
        // The moment may differ by a second between two runs.
        let said: Vec<String> = said.lines().map(|line| line.split("\"choices\"").last().unwrap().to_owned()).collect();
        assert_eq!(*first.get_or_insert_with(|| said.clone()), said);
    }
}

#[tokio::test]
async fn says_what_went_wrong() {
    let fault = async |reply: Reply, stream: bool| {
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let asked = endpoint(&upstream, "").ask(&asked(stream), one("r1"), &free(), LONG, Opening::FirstToken).await;
        asked.map(drop).unwrap_err()
    };
    let gone = Reply::body(404, "application/json", r#"{"error":"model 'qwen3' not found, try pulling it first"}"#);
    assert_eq!(fault(gone, false).await, ModelError::Refused { status: 404, code: None });
    assert!(matches!(fault(Reply::body(200, "text/html", "<html>"), false).await, ModelError::NotAReply { .. }));
    let broken = Reply::body(200, "application/x-ndjson", "{\"error\":\"SECRET prompt\"}\n");
    let error = fault(broken, true).await;
    assert!(matches!(error, ModelError::ErrorEvent { .. }) && !error.to_string().contains("SECRET"), "{error}");
    let cut = Reply::body(200, "application/x-ndjson", format!("{}\n{}", LINES[0], &LINES[1][..20]));
    let upstream = Upstream::start(move |_| cut.clone()).await;
    let given = endpoint(&upstream, "").ask(&asked(true), one("r1"), &free(), LONG, Opening::FirstToken).await.unwrap();
    let Answer::Stream(mut stream) = given else { panic!("no stream") };
    assert_eq!(drain(&mut stream).await.1, Some(ModelError::Cut));
}

#[tokio::test]
async fn what_it_cannot_be_told_is_refused_before_anybody_is_asked() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", WHOLE)).await;
    let image = json!({ "model": "o/m", "messages": [{ "role": "user", "content": [
        { "type": "image_url", "image_url": { "url": "https://example.org/a.png" } }] }] });
    let asked = endpoint(&upstream, "")
        .ask(&request(&image.to_string()), one("r1"), &free(), LONG, Opening::FirstEvent)
        .await
        .map(drop)
        .unwrap_err();
    assert!(asked.to_string().contains("messages[0].content[0]"), "{asked}");
    assert!(asked.worth_asking_elsewhere() && upstream.seen().is_empty());
}
