//! Errors as clients read them, one for each status.

use super::support::{app, ask, call, get, post, request};
use crate::refusal::Shaped;
use axum::body::Body;
use fault::{Kind, Retry};
use http_body_util::BodyExt;
use insta::assert_snapshot;
use routes::Refusal;
use std::time::Duration;
use testkit::Heard;

/// The status, the headers that matter and the body, with the request id replaced.
fn shown(reply: &Heard) -> String {
    let id = reply.header("x-althing-request-id").unwrap();
    assert!(id.len() == 36 && id.starts_with("req_"), "{id}");
    let body = serde_json::to_string_pretty(&reply.json()).unwrap().replace(id, "REQ");
    let told = ["content-type", "retry-after", "x-should-retry", "allow"];
    let headers = told.iter().filter_map(|name| Some(format!("{name}: {}\n", reply.header(name)?)));
    format!("{}\n{}{body}", reply.status, headers.collect::<String>())
}

#[tokio::test]
async fn a_refused_chat() {
    assert_snapshot!(shown(&post(&app(""), "{").await), @r#"
    400 Bad Request
    content-type: application/json
    {
      "error": {
        "message": "the body is not JSON: EOF while parsing an object at line 1 column 1; send one JSON object in UTF-8",
        "type": "invalid_request_error",
        "param": null,
        "code": "invalid_json",
        "request_id": "REQ"
      }
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn nobody_answered() {
    assert_snapshot!(shown(&ask(&app(""), "s/broken").await), @r#"
    503 Service Unavailable
    content-type: application/json
    x-should-retry: false
    {
      "error": {
        "message": "no model answered: `s/broken`: the provider failed with 500; `s/broken`: the provider failed with 500; `althing doctor` checks every provider",
        "type": "server_error",
        "param": null,
        "code": "no_model_answered",
        "request_id": "REQ",
        "attempts": [
          {
            "model": "s/broken",
            "reason": "the provider failed with 500"
          },
          {
            "model": "s/broken",
            "reason": "the provider failed with 500"
          }
        ]
      }
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn nobody_answered_in_time() {
    assert_snapshot!(shown(&ask(&app("deadline_ms = 700"), "s/mute").await), @r#"
    504 Gateway Timeout
    content-type: application/json
    x-should-retry: false
    {
      "error": {
        "message": "no answer within 700 ms: `s/mute`: no answer within 700 ms; raise `deadline_ms`, or ask faster models",
        "type": "server_error",
        "param": null,
        "code": "deadline_exceeded",
        "request_id": "REQ",
        "attempts": [
          {
            "model": "s/mute",
            "reason": "no answer within 700 ms"
          }
        ]
      }
    }
    "#);
}

#[tokio::test]
async fn problems_outside_the_api() {
    assert_snapshot!(shown(&get(&app(""), "/api/nothing").await), @r#"
    404 Not Found
    content-type: application/problem+json
    {
      "type": "about:blank",
      "title": "Not Found",
      "status": 404,
      "detail": "nothing is served at `/api/nothing`; did you mean `/api/tags`?",
      "instance": "/api/nothing",
      "code": "path_not_found",
      "request_id": "REQ"
    }
    "#);
    assert_snapshot!(shown(&call(&app(""), request("POST", "/livez", Body::empty())).await), @r#"
    405 Method Not Allowed
    content-type: application/problem+json
    allow: GET,HEAD
    {
      "type": "about:blank",
      "title": "Method Not Allowed",
      "status": 405,
      "detail": "`POST` is not served at `/livez`; use GET",
      "instance": "/livez",
      "code": "method_not_allowed",
      "request_id": "REQ"
    }
    "#);
}

#[tokio::test]
async fn json_rpc_for_clients_of_mcp() {
    let mut lines = String::new();
    for (kind, path) in [(Kind::Unauthenticated, "/mcp"), (Kind::Overloaded, "/mcp/s/x"), (Kind::Forbidden, "/mcps")] {
        let (parts, body) = Refusal::new(kind, "code", "what").hint("do").for_path(path, "REQ").into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let (status, kind) = (parts.status.as_u16(), parts.headers["content-type"].to_str().unwrap());
        lines += &format!("{status} {kind} {}\n", String::from_utf8(body.to_vec()).unwrap());
    }
    assert_snapshot!(lines, @r#"
    401 application/json {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"what; do","data":{"code":"code","request_id":"REQ"}}}
    503 application/json {"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"what; do","data":{"code":"code","request_id":"REQ"}}}
    403 application/problem+json {"type":"about:blank","title":"Forbidden","status":403,"detail":"what; do","instance":"/mcps","code":"code","request_id":"REQ"}
    "#);
}

#[tokio::test]
async fn every_kind_in_both_shapes() {
    let kinds = [
        Kind::BadInput,
        Kind::Unauthenticated,
        Kind::Budget,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::Conflict,
        Kind::TooLarge,
        Kind::Semantics,
        Kind::RateLimited,
        Kind::Internal,
        Kind::Overloaded,
        Kind::Unavailable,
        Kind::Deadline,
    ];
    let mut lines = String::new();
    for kind in kinds {
        let refusal = Refusal::new(kind, "code", "what").hint("do").retry(Retry::After(Duration::from_millis(1_200)));
        for path in ["/v1/x", "/api/x"] {
            let (parts, body) = refusal.for_path(path, "REQ").into_parts();
            assert_eq!(parts.headers["retry-after"], "2", "rounded up");
            let body = body.collect().await.unwrap().to_bytes();
            lines += &format!("{} {}\n", parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap());
        }
    }
    assert_snapshot!(lines, @r#"
    400 {"error":{"message":"what; do","type":"invalid_request_error","param":null,"code":"code","request_id":"REQ"}}
    400 {"type":"about:blank","title":"Bad Request","status":400,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    401 {"error":{"message":"what; do","type":"authentication_error","param":null,"code":"code","request_id":"REQ"}}
    401 {"type":"about:blank","title":"Unauthorized","status":401,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    402 {"error":{"message":"what; do","type":"insufficient_quota","param":null,"code":"code","request_id":"REQ"}}
    402 {"type":"about:blank","title":"Payment Required","status":402,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    403 {"error":{"message":"what; do","type":"permission_error","param":null,"code":"code","request_id":"REQ"}}
    403 {"type":"about:blank","title":"Forbidden","status":403,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    404 {"error":{"message":"what; do","type":"invalid_request_error","param":null,"code":"code","request_id":"REQ"}}
    404 {"type":"about:blank","title":"Not Found","status":404,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    409 {"error":{"message":"what; do","type":"invalid_request_error","param":null,"code":"code","request_id":"REQ"}}
    409 {"type":"about:blank","title":"Conflict","status":409,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    413 {"error":{"message":"what; do","type":"invalid_request_error","param":null,"code":"code","request_id":"REQ"}}
    413 {"type":"about:blank","title":"Payload Too Large","status":413,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    422 {"error":{"message":"what; do","type":"invalid_request_error","param":null,"code":"code","request_id":"REQ"}}
    422 {"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    429 {"error":{"message":"what; do","type":"rate_limit_error","param":null,"code":"code","request_id":"REQ"}}
    429 {"type":"about:blank","title":"Too Many Requests","status":429,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    500 {"error":{"message":"what; do","type":"server_error","param":null,"code":"code","request_id":"REQ"}}
    500 {"type":"about:blank","title":"Internal Server Error","status":500,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    503 {"error":{"message":"what; do","type":"server_error","param":null,"code":"code","request_id":"REQ"}}
    503 {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    503 {"error":{"message":"what; do","type":"server_error","param":null,"code":"code","request_id":"REQ"}}
    503 {"type":"about:blank","title":"Service Unavailable","status":503,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    504 {"error":{"message":"what; do","type":"server_error","param":null,"code":"code","request_id":"REQ"}}
    504 {"type":"about:blank","title":"Gateway Timeout","status":504,"detail":"what; do","instance":"/api/x","code":"code","request_id":"REQ"}
    "#);
}

#[tokio::test]
async fn a_message_has_a_limit() {
    let refusal = Refusal::new(Kind::BadInput, "code", "ä".repeat(1_000_000));
    let body = refusal.openai_body("REQ");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.chars().count() == 2_001 && message.ends_with("ä…"));
}
