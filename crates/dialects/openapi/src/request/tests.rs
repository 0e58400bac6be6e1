//! Arguments as requests.

use super::*;
use crate::{Limits, read};
use fault::Explain;
use proptest::prelude::*;
use serde_json::json;

const BASE: &str = "https://api.example.com/v1/";

/// The one operation of a document.
fn operation(path: &str, method: &str, operation: Value) -> Operation {
    let document = json!({"openapi": "3.1.0", "paths": {path: {method: operation}}});
    let mut imported = read(document.to_string().as_bytes(), &Limits::default()).unwrap();
    assert_eq!(imported.skipped, []);
    imported.operations.remove(0)
}

fn with_parameters(path: &str, parameters: Value) -> Operation {
    operation(path, "get", json!({"parameters": parameters}))
}

fn request(operation: &Operation, arguments: Value) -> Result<Prepared, OpenApiError> {
    operation.request(BASE, arguments.as_object().unwrap())
}

fn check_address(operation: &Operation, arguments: Value, expect: &str) {
    let made = request(operation, arguments.clone()).map(|made| made.uri.to_string());
    assert_eq!(made, Ok(format!("https://api.example.com/v1{expect}")), "{arguments}");
}

#[test]
fn styles_of_paths() {
    for (style, explode, word, list, object) in [
        ("simple", false, "a%20b", "a,b%2C", "k,v,l,w"),
        ("simple", true, "a%20b", "a,b%2C", "k=v,l=w"),
        ("label", false, ".a%20b", ".a,b%2C", ".k,v,l,w"),
        ("label", true, ".a%20b", ".a.b%2C", ".k=v.l=w"),
        ("matrix", false, ";x=a%20b", ";x=a,b%2C", ";x=k,v,l,w"),
        ("matrix", true, ";x=a%20b", ";x=a;x=b%2C", ";k=v;l=w"),
    ] {
        let one = with_parameters(
            "/p/{x}/q",
            json!([{"name": "x", "in": "path", "style": style, "explode": explode, "schema": {}}]),
        );
        for (value, expect) in [(json!("a b"), word), (json!(["a", "b,"]), list), (json!({"k": "v", "l": "w"}), object)]
        {
            check_address(&one, json!({"x": value}), &format!("/p/{expect}/q"));
        }
    }
}

#[test]
fn styles_of_queries() {
    for (style, explode, list, object) in [
        ("form", true, "x=a&x=b%26", "k=v&l=1"),
        ("form", false, "x=a,b%26", "x=k,v,l,1"),
        ("spaceDelimited", false, "x=a%20b%26", "x=k,v,l,1"),
        ("pipeDelimited", false, "x=a%7Cb%26", "x=k,v,l,1"),
        ("deepObject", true, "x%5B0%5D=a&x%5B1%5D=b%26", "x%5Bk%5D=v&x%5Bl%5D=1"),
    ] {
        let one = with_parameters(
            "/p",
            json!([{"name": "x", "in": "query", "style": style, "explode": explode, "schema": {}}]),
        );
        check_address(&one, json!({"x": ["a", "b&"]}), &format!("/p?{list}"));
        check_address(&one, json!({"x": {"k": "v", "l": 1}}), &format!("/p?{object}"));
        check_address(&one, json!({"x": true}), "/p?x=true");
        check_address(&one, json!({"x": null}), "/p");
        check_address(&one, json!({}), "/p");
    }
    let json_one =
        with_parameters("/p", json!([{"name": "x", "in": "query", "content": {"application/json": {"schema": {}}}}]));
    check_address(&json_one, json!({"x": {"a": 1}}), "/p?x=%7B%22a%22%3A1%7D");
    let reserved = with_parameters("/p", json!([{"name": "x", "in": "query", "allowReserved": true, "schema": {}}]));
    check_address(&reserved, json!({"x": "a/b:c&d=e#f+g"}), "/p?x=a/b:c%26d%3De%23f%2Bg");
    let deep = (0..40).fold(json!(1), |inner, _| json!({"a": inner}));
    let one = with_parameters("/p", json!([{"name": "x", "in": "query", "style": "deepObject", "schema": {}}]));
    assert!(request(&one, json!({"x": deep})).unwrap_err().to_string().contains("too deep"));
}

#[test]
fn headers_and_cookies() {
    let one = with_parameters(
        "/p",
        json!([
            {"name": "X-List", "in": "header", "schema": {}}, {"name": "c", "in": "cookie", "schema": {}}, {"name": "d", "in": "cookie", "schema": {}},
            {"name": "Host", "in": "header", "schema": {}}, {"name": "Content-Length", "in": "header", "schema": {}}, {"name": "a b", "in": "header", "schema": {}}
        ]),
    );
    assert_eq!(one.places.len(), 3, "what a header may not be is no argument");
    let made = request(&one, json!({"X-List": ["a", 2], "c": "x; y=\r\n", "d": 1})).unwrap();
    assert_eq!(
        (&made.headers["x-list"], &made.headers["cookie"]),
        (&"a,2".parse().unwrap(), &"c=x%3B%20y%3D%0D%0A; d=1".parse().unwrap())
    );
    assert_eq!(made.headers["accept"], "application/json, text/plain;q=0.9, */*;q=0.5");
    for bad in ["a\r\nx: y", "a\nb", "a\0", "ö"] {
        let error = request(&one, json!({"X-List": bad})).unwrap_err();
        assert_eq!((error.param().as_deref(), error.code()), (Some("X-List"), "argument_invalid"), "{bad:?}");
    }
    // One that was kept before the rule, or was made by hand.
    for name in ["host", "Authorization", "content-length", "Transfer-Encoding", "cookie"] {
        let mut kept = one.clone();
        kept.places[0].name = name.to_owned();
        assert!(request(&kept, json!({"X-List": "a"})).is_err(), "{name}");
    }
}

#[test]
fn an_argument_never_leaves_its_segment() {
    let one = with_parameters("/pets/{id}", json!([]));
    check_address(&one, json!({"id": "a/b?c#d%e\\f"}), "/pets/a%2Fb%3Fc%23d%25e%5Cf");
    check_address(&one, json!({"id": "..."}), "/pets/...");
    check_address(&one, json!({"id": 7}), "/pets/7");
    for bad in
        ["..", ".", "../admin", "a/../b", "..\\x", "%2e%2e", "%2e%2e%2fadmin", "%252e%252e/x", "a\0b", "a\nb", ""]
    {
        let error = request(&one, json!({"id": bad})).unwrap_err();
        assert!(matches!(&error, OpenApiError::Argument { name, .. } if name == "id"), "{bad:?}: {error:?}");
        assert!(request(&one, json!({"id": [bad, bad]})).is_err() || bad.is_empty(), "{bad:?}");
    }
    let two = with_parameters("/pets/{a}{b}/x", json!([]));
    assert!(request(&two, json!({"a": ".", "b": "."})).is_err());
    let two = with_parameters("/pets/.{a}", json!([]));
    assert!(request(&two, json!({"a": "."})).is_err());
    let two = with_parameters("/pets/%2E{a}", json!([]));
    assert!(request(&two, json!({"a": "."})).is_err());
    check_address(&two, json!({"a": "x"}), "/pets/%2Ex");
}

#[test]
fn bodies() {
    let plain = json!({"type": "object", "required": ["a"], "properties": {"a": {}, "b": {}, "c d": {}}});
    let body = |media: &str, schema: &Value, required| json!({"requestBody": {"required": required, "content": {media: {"schema": schema}}}});
    let sent = |operation: &Operation, arguments: Value| {
        request(operation, arguments).map(|made| String::from_utf8(made.body.to_vec()).unwrap())
    };
    let one = operation("/p", "post", body("application/json", &plain, true));
    assert_eq!(sent(&one, json!({"a": null, "c_d": [1]})).as_deref(), Ok(r#"{"a":null,"c d":[1]}"#));
    assert_eq!(sent(&one, json!({"b": 1})), Err(OpenApiError::Missing { name: "a".into() }));
    assert_eq!(request(&one, json!({"a": 1})).unwrap().headers["content-type"], "application/json");
    let one = operation("/p", "post", body("application/json", &plain, false));
    let made = request(&one, json!({})).unwrap();
    assert_eq!((made.body.as_ref(), made.headers.get("content-type")), (&b""[..], None));
    assert_eq!(one.input_schema["dependentRequired"], json!({"b": ["a"], "c_d": ["a"]}));
    let one = operation("/p", "post", body("application/vnd.x+json", &json!({"oneOf": [{}]}), true));
    assert_eq!(sent(&one, json!({"body": [1, "x"]})).as_deref(), Ok(r#"[1,"x"]"#));
    assert_eq!(request(&one, json!({"body": 1})).unwrap().headers["content-type"], "application/vnd.x+json");
    let one = operation("/p", "post", body("application/x-www-form-urlencoded", &plain, true));
    assert_eq!(
        sent(&one, json!({"a": "x y&", "b": [1, 2], "c_d": {"e": 1}})).as_deref(),
        Ok("a=x%20y%26&b=1&b=2&c%20d=%7B%22e%22%3A1%7D")
    );
    let one = operation("/p", "post", body("application/x-www-form-urlencoded", &json!({}), true));
    assert_eq!(sent(&one, json!({"body": {"a": "b"}})).as_deref(), Ok("a=b"));
    assert!(sent(&one, json!({"body": 1})).is_err());
    let one = operation("/p", "post", body("text/plain", &json!({}), true));
    assert_eq!(sent(&one, json!({"body": "a\nb"})).as_deref(), Ok("a\nb"));
    assert!(sent(&one, json!({"body": {}})).is_err());
}

#[test]
fn what_is_unknown_or_missing_is_named() {
    let one =
        with_parameters("/pets/{petId}", json!([{"name": "limit", "in": "query", "required": true, "schema": {}}]));
    let error = request(&one, json!({"petId": 1, "limit": 1, "limitt": 1})).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.hint().as_deref()),
        ("`limitt` is no argument of this operation", Some("did you mean `limit`?"))
    );
    assert_eq!(request(&one, json!({"limit": 1})), Err(OpenApiError::Missing { name: "petId".into() }));
    assert_eq!(request(&one, json!({"petId": 1, "limit": null})), Err(OpenApiError::Missing { name: "limit".into() }));
    let long = request(&one, json!({"petId": 1, "limit": "x".repeat(20_000)})).unwrap_err();
    assert!(matches!(long, OpenApiError::AddressTooLong { .. }) && long.hint().is_some());
    assert!(one.request("ftp://x", json!({"petId": 1, "limit": 1}).as_object().unwrap()).is_err());
}

proptest! {
    #[test]
    fn the_path_has_as_many_segments_whatever_comes(id in ".{0,40}", query in ".{0,40}") {
        let one = with_parameters("/a/{id}/b", json!([{"name": "q", "in": "query", "schema": {}}]));
        if let Ok(made) = request(&one, json!({"id": id, "q": query})) {
            prop_assert_eq!(made.uri.host(), Some("api.example.com"));
            let path = made.uri.path();
            prop_assert_eq!(path.split('/').count(), 5, "{}", path);
            prop_assert!(path.starts_with("/v1/a/") && path.ends_with("/b"));
            // What reads addresses the way browsers do takes it for the same.
            let read = url::Url::parse(&made.uri.to_string()).unwrap();
            prop_assert_eq!(read.path(), path);
            let pairs: Vec<_> = read.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("q".to_owned(), query)]);
        }
    }
}
