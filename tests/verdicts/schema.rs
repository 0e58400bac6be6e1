//! Holding a document against its JSON Schema, as far as the schemas of this house go: an unknown keyword fails.

use serde_json::{Map, Value};

/// Keywords that say nothing about what is valid here.
const WORDS: [&str; 5] = ["$schema", "$defs", "title", "description", "format"];

/// Asserts that a document keeps its schema.
pub(super) fn is_valid(document: &Value, schema: &Value) {
    let faults = Schema(schema).faults("", document, schema);
    assert!(faults.is_empty(), "{faults:#?}");
}

struct Schema<'a>(&'a Value);

impl Schema<'_> {
    /// Where the value breaks the rule, and how.
    fn faults(&self, at: &str, value: &Value, rule: &Value) -> Vec<String> {
        let Some(rule) = rule.as_object() else {
            return if rule == &Value::Bool(true) { vec![] } else { vec![format!("{at}: nothing may be here")] };
        };
        rule.iter().flat_map(|(word, wanted)| self.broken(at, value, rule, word, wanted)).collect()
    }

    fn broken(&self, at: &str, value: &Value, rule: &Map<String, Value>, word: &str, wanted: &Value) -> Vec<String> {
        let hold = |holds: bool| if holds { vec![] } else { vec![format!("{at}: {value} against `{word}` {wanted}")] };
        let number = |value: &Value| value.as_f64().unwrap_or_default();
        let length = value.as_array().map(Vec::len);
        match word {
            "type" => hold(is_of(value, wanted)),
            "const" => hold(value == wanted),
            "minimum" => hold(!value.is_number() || number(value) >= number(wanted)),
            "minItems" => hold(length.is_none_or(|length| length as f64 >= number(wanted))),
            "maxItems" => hold(length.is_none_or(|length| length as f64 <= number(wanted))),
            "anyOf" => hold(self.kept(at, value, wanted) > 0),
            "oneOf" => hold(self.kept(at, value, wanted) == 1),
            "required" => {
                let missing =
                    |key: &&Value| value.as_object().is_some_and(|map| !map.contains_key(key.as_str().unwrap()));
                wanted.as_array().unwrap().iter().filter(missing).map(|key| format!("{at}: no {key}")).collect()
            }
            "$ref" => {
                let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                self.faults(at, value, self.0.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")))
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.flat_map(|(index, item)| self.faults(&format!("{at}/{index}"), item, wanted)).collect()
            }
            "properties" => {
                let own = wanted.as_object().unwrap().iter();
                let own = own.filter_map(|(key, rule)| Some((key, value.get(key)?, rule)));
                own.flat_map(|(key, value, rule)| self.faults(&format!("{at}/{key}"), value, rule)).collect()
            }
            "additionalProperties" => {
                let known = |key: &String| rule.get("properties").is_some_and(|known| known.get(key).is_some());
                let more = value.as_object().into_iter().flatten().filter(|(key, _)| !known(key));
                more.flat_map(|(key, value)| self.faults(&format!("{at}/{key}"), value, wanted)).collect()
            }
            word if WORDS.contains(&word) => vec![],
            unknown => vec![format!("{at}: the test does not know `{unknown}`")],
        }
    }

    /// How many of the rules it keeps.
    fn kept(&self, at: &str, value: &Value, rules: &Value) -> usize {
        rules.as_array().unwrap().iter().filter(|rule| self.faults(at, value, rule).is_empty()).count()
    }
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| is_of(value, kind)),
        kind => match kind.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            other => panic!("no type `{other}`"),
        },
    }
}

#[test]
fn a_schema_can_be_broken() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"],
        "properties": { "a": { "$ref": "#/$defs/A" }, "b": { "type": ["number", "null"], "minimum": 0 } },
        "$defs": { "A": { "oneOf": [{ "const": "x" }, { "const": "y" }] } }
    });
    for (document, holds) in [
        (r#"{ "a": "x", "b": 1.5 }"#, true),
        (r#"{ "a": "y", "b": null }"#, true),
        (r#"{ "b": 1 }"#, false),
        (r#"{ "a": "z" }"#, false),
        (r#"{ "a": "x", "b": -1 }"#, false),
        (r#"{ "a": "x", "b": "1" }"#, false),
        ("[]", false),
    ] {
        let document: Value = serde_json::from_str(document).unwrap();
        assert_eq!(Schema(&schema).faults("", &document, &schema).is_empty(), holds, "{document}");
    }
}
