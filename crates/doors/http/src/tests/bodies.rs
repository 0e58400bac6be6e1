//! Bodies that are no chat requests, and how they are refused.

use super::support::{CHAT, app, ask, call, get, post, question, request};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;

/// A body whose length nobody announces.
fn chunks(count: usize, bytes: usize) -> Body {
    let piece = Bytes::from(vec![b' '; bytes]);
    Body::from_stream(stream::iter((0..count).map(move |_| Ok::<_, Infallible>(piece.clone()))))
}

async fn refused(body: impl Into<Body>, status: u16, code: &str) -> Value {
    let reply = post(&app("body_bytes_max = 2000"), body).await;
    assert_eq!(reply.refusal(), (status, code.to_owned()), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(reply.body.len() < 16 * 1024, "an error is short");
    reply.error()
}

#[tokio::test]
async fn too_large_however_it_is_announced() {
    let error = refused(vec![b' '; 2_001], 413, "body_too_large").await;
    assert_eq!(error["message"], "the body is larger than 2000 bytes; send less, or raise `server.body_bytes_max`");
    refused(chunks(3, 1_000), 413, "body_too_large").await;
    refused(chunks(100_000, 1), 413, "body_too_large").await;
    for length in ["2001", "18446744073709551615"] {
        let mut announced = request("POST", CHAT, Body::empty());
        announced.headers_mut().insert("content-length", length.parse().unwrap());
        assert_eq!(call(&app("body_bytes_max = 2000"), announced).await.refusal().0, 413);
    }
    let exact = app("body_bytes_max = 2000");
    let padded = format!("{:<2000}", question("s/ash").to_string());
    assert_eq!(post(&exact, padded).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn too_slow() {
    let waits = stream::once(async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, Infallible>(Bytes::new())
    });
    let reply = post(&app("body_read_ms = 400"), Body::from_stream(waits)).await;
    assert_eq!(reply.refusal(), (408, "body_too_slow".to_owned()));
}

#[tokio::test]
async fn not_json() {
    for body in ["", " ", "hello", "{", "{\"model\":}", "{'model':1}", "{}{}", "\u{feff}{}", "nul", "{\"a\":NaN}"] {
        refused(body, 400, "invalid_json").await;
    }
    for body in [
        &b"\xff\xfe"[..],
        b"{\"model\":\"\xc3\x28\",\"messages\":[{\"role\":\"user\"}]}",
        b"{\"\x00\":1}",
        b"\x1f\x8b\x08",
    ] {
        refused(body, 400, "invalid_json").await;
    }
    refused("[".repeat(1_000), 400, "nesting_too_deep").await;
    refused(r#"{"a":"#.repeat(300), 400, "nesting_too_deep").await;
}

#[tokio::test]
async fn wrong_types_name_the_parameter() {
    let changed = |key: &str, value: Value| {
        let mut body = question("s/ash");
        body[key] = value;
        body.to_string()
    };
    for (key, value, status_code) in [
        ("model", json!(1), "invalid_type"),
        ("model", json!(""), "empty_parameter"),
        ("model", json!(null), "missing_parameter"),
        ("messages", json!({}), "invalid_type"),
        ("messages", json!([]), "empty_parameter"),
        ("messages", json!(null), "missing_parameter"),
        ("stream", json!("yes"), "invalid_type"),
        ("n", json!(0), "parameter_out_of_range"),
        ("n", json!(17), "parameter_out_of_range"),
        ("n", json!(1.5), "invalid_type"),
        ("n", json!(-1), "parameter_out_of_range"),
        ("n", json!("1"), "invalid_type"),
        ("max_tokens", json!([]), "invalid_type"),
        ("temperature", json!("hot"), "invalid_type"),
        ("tools", json!("all"), "invalid_type"),
        ("stream_options", json!(true), "invalid_type"),
    ] {
        let error = refused(changed(key, value.clone()), 400, status_code).await;
        assert_eq!(error["param"], key, "{value}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    for (messages, param) in [
        (json!([1]), "messages[0]"),
        (json!([{ "role": "user" }, []]), "messages[1]"),
        (json!([{ "content": "x" }]), "messages[0].role"),
        (json!([{ "role": 7 }]), "messages[0].role"),
        (json!([{ "role": "user", "content": 7 }]), "messages[0].content"),
    ] {
        let reply = post(&app(""), changed("messages", messages)).await;
        assert_eq!((reply.status.as_u16(), &reply.error()["param"]), (400, &json!(param)));
    }
    for body in ["[]", "1", "\"x\"", "null", "true"] {
        refused(body, 400, "invalid_type").await;
    }
}

#[tokio::test]
async fn what_comes_from_the_request_is_cut_short() {
    let app = app("");
    let digits = "9".repeat(1_000_000);
    let reply = post(&app, format!(r#"{{"model":"s/ash","messages":[{{"role":"user"}}],"n":{digits}}}"#)).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.len() < 16 * 1024, "{} bytes", reply.body.len());
    let before = std::time::Instant::now();
    let reply = ask(&app, &"long".repeat(1_000_000)).await;
    assert_eq!(reply.refusal(), (404, "model_not_found".to_owned()));
    assert!(reply.body.len() < 16 * 1024 && before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    for path in ["/v1/models/", "/v1/", "/"].map(|start| format!("{start}{}", "x".repeat(60_000))) {
        assert!(get(&app, &path).await.body.len() < 16 * 1024);
    }
}

#[tokio::test]
async fn an_unknown_model_is_answered_with_its_neighbours() {
    let app = app("");
    let error = ask(&app, "s/ahs").await.error();
    assert_eq!((&error["code"], &error["param"]), (&json!("model_not_found"), &json!("model")));
    assert!(error["message"].as_str().unwrap().contains("did you mean `s/ash`"), "{error}");
    let error = ask(&app, "no-such-thing").await.error();
    assert!(error["message"].as_str().unwrap().ends_with("`GET /v1/models` lists what there is"), "{error}");
}

#[tokio::test]
async fn a_panel_gives_one_answer() {
    let mut body = question("quorum");
    body["n"] = json!(2);
    let reply = post(&app(""), body.to_string()).await;
    assert_eq!(reply.refusal(), (400, "panel_answers_one".to_owned()));
    assert_eq!(reply.error()["param"], "n");
}

#[tokio::test]
async fn good_requests_pass_whatever_else_they_hold() {
    let app = app("");
    for model in ["s/ash", "ash", "quorum"] {
        let reply = ask(&app, model).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["choices"][0]["message"]["content"], "yes");
        assert_eq!(reply.json()["althing"]["request_id"].as_str(), reply.header("x-althing-request-id"));
    }
    let odd = r#" {"x":1e999999,"messages":[{"role":"🎭","content":null}],"model":"s/ash","y":{"z":[[[]]]}} "#;
    assert_eq!(post(&app, odd).await.status, 200);
}
