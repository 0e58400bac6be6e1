//! Every row with every role: who is let in, and what the others are told.

use super::support::{app, call, request};
use axum::body::Body;
use caller::Role;
use http::{Method, StatusCode};
use routes::Need;

/// A path that fits a pattern.
fn example(pattern: &str) -> String {
    pattern.replace("{*id}", "s/ash")
}

#[tokio::test]
async fn every_row_is_closed_to_whoever_lacks_its_role() {
    let app = app("");
    assert!(app.0.heads.len() >= 8);
    for head in &app.0.heads {
        let (method, path) = (head.method.clone().unwrap_or(Method::GET), example(head.path));
        let status = async |key: &str| {
            let mut request = request(method.as_str(), &path, Body::from("{}"));
            request.headers_mut().insert("x-api-key", key.parse().unwrap());
            call(&app, request).await.status
        };
        for role in Role::ALL {
            let closed = matches!(head.need, Need::Role(least) if role < least);
            assert_eq!(status(role.name()).await == StatusCode::FORBIDDEN, closed, "{method} {path} as {role}");
        }
        let open = head.need == Need::Nobody;
        assert_eq!(status("wrong").await == StatusCode::UNAUTHORIZED, !open, "{method} {path} with a wrong key");
    }
}

#[tokio::test]
async fn a_refusal_names_the_role_that_is_needed() {
    let app = app("");
    let mut asked = request("POST", "/v1/chat/completions", "{}");
    asked.headers_mut().insert("x-api-key", "viewer".parse().unwrap());
    let reply = call(&app, asked).await;
    assert_eq!(reply.refusal(), (403, "role_too_low".to_owned()));
    let message = reply.error()["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "this needs the role `user`, and yours is `viewer`; ask with a key of that role");
}

#[tokio::test]
async fn paths_that_do_not_exist_are_nobodys_business() {
    let app = app("");
    let mut asked = request("GET", "/api/v1/secrets", Body::empty());
    asked.headers_mut().insert("x-api-key", "wrong".parse().unwrap());
    let reply = call(&app, asked).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn only_three_paths_are_for_everybody() {
    let app = app("");
    let open = app.0.heads.iter().filter(|head| head.need == Need::Nobody).map(|head| head.path);
    assert_eq!(open.collect::<Vec<_>>(), ["/livez", "/readyz", "/"]);
}
