//! Errors in OpenAI's shape, and the one safe word in an upstream's.

use serde::Serialize;

/// `{"error": {…}}`.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What went wrong; the first four members are OpenAI's, the rest are ours.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorDetail {
    /// A sentence that says what to do next.
    pub message: String,
    /// OpenAI's class of error, `invalid_request_error` for instance.
    #[serde(rename = "type")]
    pub class: &'static str,
    /// The parameter at fault.
    pub param: Option<String>,
    /// A stable name.
    pub code: &'static str,
    /// The id of the request.
    pub request_id: String,
    /// Every attempt and why it failed, where models were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// One model that was asked and did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Which one.
    pub model: String,
    /// Why not.
    pub reason: String,
}

/// Error codes and types from the providers' public API references.
const CODES: &[&str] = &[
    "api_error",
    "authentication_error",
    "billing_hard_limit_reached",
    "content_filter",
    "content_policy_violation",
    "context_length_exceeded",
    "engine_overloaded",
    "insufficient_quota",
    "invalid_api_key",
    "invalid_image",
    "invalid_request_error",
    "invalid_value",
    "missing_required_parameter",
    "model_not_found",
    "not_found_error",
    "overloaded",
    "overloaded_error",
    "permission_error",
    "rate_limit_error",
    "rate_limit_exceeded",
    "request_too_large",
    "server_error",
    "service_unavailable",
    "string_above_max_length",
    "timeout_error",
    "tokens_limit_reached",
    "unsupported_model",
    "unsupported_parameter",
    "unsupported_value",
];

/// The error code in an upstream's error body, where it is a known word.
///
/// Upstream bodies never reach our callers: they may quote prompts, keys or internals. A code such as
/// `context_length_exceeded` is safe and is what a caller needs; a word that nobody has published is dropped, since
/// even a key may look like one.
pub fn upstream_code(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let plain = |text: &&str| CODES.contains(text);
    // OpenAI's responses tell an error of a stream one level deeper, or beside its type.
    let places = [&body["error"], &body["response"]["error"], &body];
    let words = places.into_iter().flat_map(|error| [error["code"].as_str(), error["type"].as_str()]);
    words.flatten().find(plain).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::upstream_code;

    #[test]
    fn only_known_words_pass() {
        let code = |text: &str| upstream_code(text.as_bytes());
        let long = r#"{"error":{"code":"context_length_exceeded","message":"your prompt was: secret"}}"#;
        assert_eq!(code(long).as_deref(), Some("context_length_exceeded"));
        assert_eq!(code(r#"{"error":{"code":null,"type":"overloaded_error"}}"#).as_deref(), Some("overloaded_error"));
        assert_eq!(code(r#"{"error":{"code":"sk_secret_0123"}}"#), None);
        assert_eq!(code(r#"{"error":"plain"}"#), None);
        let failed = r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded"}}}"#;
        assert_eq!(code(failed).as_deref(), Some("rate_limit_exceeded"));
        assert_eq!(code(r#"{"type":"error","code":"server_error","message":"x"}"#).as_deref(), Some("server_error"));
        assert_eq!(code("<html>"), None);
    }
}
