//! A look at values that clients wrote, with errors that name them as they did. Knows no format.

use serde_json::Value;
use wire::WireError;

/// The name of a member of `param`.
pub(super) fn at(param: &str, key: &str) -> String {
    if param.is_empty() { key.to_owned() } else { format!("{param}.{key}") }
}

/// A text that has to be there.
pub(super) fn text<'a>(value: &'a Value, key: &str, param: &str) -> Result<&'a str, WireError> {
    match &value[key] {
        Value::String(text) => Ok(text),
        Value::Null => Err(WireError::Missing { param: at(param, key) }),
        other => Err(wrong(&at(param, key), "a string", other)),
    }
}

/// A value of the wrong type.
pub(super) fn wrong(param: &str, expected: &'static str, found: &Value) -> WireError {
    WireError::wrong_type(param, expected, found)
}
