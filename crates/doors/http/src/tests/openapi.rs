//! The document and the router are of one mind.

use super::support::{app, call, get, request};
use crate::openapi_document;
use axum::body::Body;
use serde_json::Value;

/// Every `$ref` in a document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = get(&app(""), "/api/openapi.json").await.json();
    assert_eq!(document, openapi_document(&[]));
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 3, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("`{reference}` leads outside"));
        assert!(document.pointer(pointer).is_some(), "`{reference}` leads nowhere");
    }
}

#[tokio::test]
async fn every_path_of_the_router_is_described() {
    let document = openapi_document(&[]);
    for path in app("").paths().chain(["/", "/v1/models/{id}"]) {
        assert!(document["paths"][path].is_object(), "`{path}` is not in the document");
    }
}

#[tokio::test]
async fn every_path_described_answers() {
    let app = app("");
    let document = openapi_document(&[]);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let asked = request(&method.to_uppercase(), &path.replace("{id}", "s/ash"), Body::empty());
            let reply = call(&app, asked).await;
            assert!(![404, 405].contains(&reply.status.as_u16()), "{method} {path}: {reply:?}");
            let kind = reply.header("content-type").unwrap().split(';').next().unwrap().to_owned();
            let told = &operation["responses"][reply.status.as_str()]["content"];
            assert!(told[&kind].is_object(), "{method} {path} answers {} as {kind}", reply.status);
        }
    }
}
