//! Members of what a client sent, with errors that name them as the client wrote them. Refuses to know any format.

use serde_json::Value;
use wire::WireError;

/// A member that is there and not `null`.
pub(super) fn given<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

/// A text that has to be there, in the object that stands at `at`.
pub(super) fn text<'a>(object: &'a Value, at: &str, key: &str) -> Result<&'a str, WireError> {
    let param = || format!("{at}.{key}");
    let value = given(object, key).ok_or_else(|| WireError::Missing { param: param() })?;
    value.as_str().ok_or_else(|| wrong(param(), "a string", value))
}

/// A list that has to be one where it is there.
pub(super) fn list<'a>(value: &'a Value, param: &str, expected: &'static str) -> Result<&'a [Value], WireError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| wrong(param, expected, value))
}

/// A value of the wrong type.
pub(super) fn wrong(param: impl Into<String>, expected: &'static str, found: &Value) -> WireError {
    WireError::wrong_type(param, expected, found)
}
