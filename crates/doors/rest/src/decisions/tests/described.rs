//! What the OpenAPI document says about decisions.

use super::House;
use serde_json::Value;
use std::fmt::Write;

/// The members of a schema, those that are required with a `!`.
fn members(schema: &Value) -> String {
    let needed = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let names: Vec<_> = properties.map(|(name, _)| format!("{name}{}", if needed(name) { "!" } else { "" })).collect();
    names.join(" ")
}

fn content(of: &Value) -> Vec<String> {
    let kinds = of["content"].as_object().into_iter().flatten();
    kinds.map(|(kind, told)| format!("{kind} {{{}}}", members(&told["schema"]))).collect()
}

#[tokio::test]
async fn every_operation_is_described() {
    let house = House::open().await;
    let rows = crate::decisions::rows(&house.room);
    let mut text = String::new();
    for row in &rows {
        let (head, of) = (&row.head, &row.head.operation);
        writeln!(text, "{} {} {:?}", head.method.as_ref().unwrap(), head.path, head.need).unwrap();
        writeln!(text, "  {}", of["summary"].as_str().unwrap()).unwrap();
        for parameter in of["parameters"].as_array().into_iter().flatten() {
            let [name, place] = ["name", "in"].map(|member| parameter[member].as_str().unwrap());
            writeln!(text, "  {place} {name}: {}", parameter["schema"]["type"].as_str().unwrap()).unwrap();
        }
        for sent in content(&of["requestBody"]) {
            writeln!(text, "  sent {sent}").unwrap();
        }
        for (status, answer) in of["responses"].as_object().unwrap() {
            writeln!(text, "  {status} {}", content(answer).join(", ")).unwrap();
        }
        let bytes = of.to_string().len();
        assert!(bytes < 60_000, "{}: {bytes}", head.path);
    }
    let document = http_door::openapi_document(&rows);
    assert!(document["paths"]["/api/v1/decisions/{id}/matrix"]["get"].is_object());
    insta::assert_snapshot!(text);
}
