//! The text in a message's content, which is one string or a list of parts.

use serde_json::Value;

/// The texts of a content in their order: the string, or those of its parts that hold any.
pub(super) fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => Vec::new(),
    }
}
