//! Hosts, origins, paths and methods.

use super::support::{CHAT, app, call, get, request};
use axum::body::Body;
use http::{HeaderValue, Request};

async fn with(headers: &[(&'static str, &str)], method: &str, path: &str) -> testkit::Heard {
    let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    call(&app("allowed_origins = ['https://app.example']\nallowed_hosts = ['api.example']"), request).await
}

async fn status(headers: &[(&'static str, &str)], path: &str) -> (u16, String) {
    let reply = with(headers, "GET", path).await;
    let code = (reply.status != 200).then(|| reply.json()["code"].as_str().unwrap().to_owned());
    (reply.status.as_u16(), code.unwrap_or_default())
}

#[tokio::test]
async fn hosts() {
    let refused = (403, "host_not_allowed".to_owned());
    let missing = (400, "host_missing".to_owned());
    for good in ["localhost", "127.0.0.1:8700", "[::1]:1", "api.example:443", "API.example"] {
        assert_eq!(status(&[("host", good)], "/livez").await, (200, String::new()), "{good}");
    }
    for bad in ["evil.example", "localhost@evil.example", "127.0.0.1.evil.example", "localhost:x"] {
        assert_eq!(status(&[("host", bad)], "/livez").await, refused, "{bad}");
    }
    assert_eq!(status(&[], "/livez").await, missing);
    assert_eq!(status(&[("host", "localhost"), ("host", "evil.example")], "/livez").await, missing);
    assert_eq!(status(&[("host", "localhost")], "http://evil.example/livez").await, refused);
    assert_eq!(status(&[("host", "localhost")], "http://localhost/livez").await.0, 200);
}

#[tokio::test]
async fn origins() {
    let host = ("host", "localhost");
    let reply = with(&[host, ("origin", "https://app.example")], "GET", "/livez").await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(reply.header("vary"), Some("origin"));
    assert!(reply.header("access-control-expose-headers").unwrap().contains("x-althing-request-id"));
    for bad in ["https://evil.example", "null", "http://localhost:1@evil.example", ""] {
        let reply = with(&[host, ("origin", bad)], "GET", "/livez").await;
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (403, &"origin_not_allowed".into()), "{bad}");
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let both = with(&[host, ("origin", "http://localhost"), ("origin", "https://evil.example")], "GET", "/livez").await;
    assert_eq!(both.status, 403);
}

#[tokio::test]
async fn preflights() {
    let asks = ("access-control-request-method", "POST");
    let wants = ("access-control-request-headers", "authorization, content-type");
    let host = ("host", "localhost");
    let reply = with(&[host, ("origin", "https://app.example"), asks, wants], "OPTIONS", CHAT).await;
    assert_eq!(reply.status, 204);
    assert!(reply.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(reply.header("access-control-allow-headers"), Some(wants.1));
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    let reply = with(&[host, ("origin", "https://evil.example"), asks], "OPTIONS", CHAT).await;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.header("access-control-allow-methods"), None);
}

#[tokio::test]
async fn unknown_paths_are_refused_in_the_shape_of_their_neighbours() {
    let app = app("");
    for path in ["/v1", "/v1/", "/v1/chat", "/v1/chat/completion", "/v1/models/nobody", "/v1/models/%ff"] {
        let reply = get(&app, path).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (404, Some("application/json")), "{path}");
        reply.error();
    }
    let meant = get(&app, "/v1/chat/completion").await.error()["message"].clone();
    assert_eq!(meant, "nothing is served at `/v1/chat/completion`; did you mean `/v1/chat/completions`?");
    for path in ["/v2", "/nothing", "/api", "/api/v1/x", "//", "/%2e%2e/etc/passwd", "/v1x"] {
        let reply = get(&app, path).await;
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
        let problem = reply.json();
        assert_eq!((&problem["status"], &problem["code"]), (&404.into(), &"path_not_found".into()));
        assert_eq!(problem["request_id"].as_str(), reply.header("x-althing-request-id"));
        assert_eq!(problem["instance"], path);
    }
    let reply = get(&app, "/mcp").await;
    assert_eq!((reply.status.as_u16(), reply.json()["jsonrpc"].as_str()), (404, Some("2.0")));
    assert!(reply.json()["error"]["message"].as_str().unwrap().contains("`/mcp`"));
}

#[tokio::test]
async fn wrong_methods() {
    let app = app("");
    for (method, path, allow) in [
        ("GET", CHAT, "POST"),
        ("DELETE", "/v1/models", "GET,HEAD"),
        ("POST", "/livez", "GET,HEAD"),
        ("PUT", "/", "GET,HEAD"),
        ("BREW", "/metrics", "GET,HEAD"),
        ("OPTIONS", CHAT, "POST"),
    ] {
        let reply = call(&app, request(method, path, Body::empty())).await;
        assert_eq!(reply.status, 405, "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        let json = reply.json();
        let code = if path.starts_with("/v1") { &json["error"]["code"] } else { &json["code"] };
        assert_eq!(code, "method_not_allowed");
    }
    let head = call(&app, request("HEAD", "/livez", Body::empty())).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let odd = call(&app, request(&"M".repeat(10_000), "/livez", Body::empty())).await;
    assert!(odd.status == 405 && odd.body.len() < 2_000);
}

#[tokio::test]
async fn models_are_listed_and_found() {
    let app = app("");
    let list = get(&app, "/v1/models").await.json();
    assert_eq!(list["object"], "list");
    let cards = list["data"].as_array().unwrap();
    assert_eq!(cards.len(), 8);
    for card in cards {
        let id = card["id"].as_str().unwrap();
        assert_eq!((&card["object"], card["created"].is_u64()), (&"model".into(), true));
        assert_eq!(get(&app, &format!("/v1/models/{id}")).await.json(), *card, "{id}");
    }
    let escaped = get(&app, "/v1/models/s%2Fash").await;
    assert_eq!(escaped.json()["id"], "s/ash");
}
