//! Parameters and schemas say the same, and definitions are shown as clients know them.

use super::*;
use serde_json::json;

fn parameter(name: &str, kind: &str, required: bool) -> Parameter {
    Parameter { name: name.to_owned(), kind: kind.to_owned(), required, ..Parameter::default() }
}

#[test]
fn parameters_and_schema_say_the_same() {
    let mut mode = parameter("mode", "string", false);
    mode.choices = Some(vec![json!("fast"), json!("slow")]);
    mode.default = Some(json!("fast"));
    mode.description = "How".to_owned();
    let mut list = parameter("list", "array", true);
    list.items = Some(json!({ "type": "integer" }));
    let given = vec![parameter("a", "integer", true), mode, list];
    let schema = schema_of(&given);
    assert_eq!(schema["required"], json!(["a", "list"]));
    assert_eq!(parameters(&schema), given);
}

#[test]
fn a_schema_without_types_is_read_all_the_same() {
    let schema = json!({ "properties": { "a": { "type": ["null", "number"] }, "b": true, "c": { "properties": {} } } });
    let kinds: Vec<String> = parameters(&schema).into_iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["number", "any", "object"]);
    for odd in [json!(null), json!(3), json!({ "properties": [] }), json!({ "required": "a" })] {
        assert!(parameters(&odd).is_empty());
    }
}

#[test]
fn the_index_reads_members_of_members() {
    let inner = json!({ "type": "object", "properties": { "zip": { "description": "postal code" } } });
    let schema = json!({ "properties": { "to": inner, "all": { "items": { "properties": { "x": {} } } } } });
    let words = words_of(&schema);
    let words: Vec<(&str, &str)> = words.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(words, [("to", ""), ("zip", "postal code"), ("all", ""), ("x", "")]);
}

#[test]
fn examples_end_the_description_for_models() {
    let line = json!({
        "name": "add", "description": "Adds.", "examples": [
            { "scenario": "two and two", "input": { "a": 2, "b": 2 }, "output": 4, "notes": "exact" },
            { "scenario": "nothing", "input": {}, "output": 0 }]
    });
    let tool = crate::import::definition(line, &crate::import::Defaults::default()).unwrap();
    let format = tool.to_llm_format();
    assert_eq!(
        format["function"]["description"],
        "Adds.\n\nExamples:\n- two and two: {\"a\":2,\"b\":2} → 4 (exact)\n- nothing: {} → 0"
    );
    assert_eq!(format["function"]["parameters"], json!({ "type": "object", "properties": {} }));
    assert_eq!((&tool.version[..], tool.call_with()), ("1.0", "call_tool"));
    let kept: Definition = serde_json::from_value(serde_json::to_value(&tool).unwrap()).unwrap();
    assert_eq!(kept, tool);
}
