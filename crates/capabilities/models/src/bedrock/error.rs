//! What Bedrock's errors mean. Their text is looked at and never passed on.

use crate::ModelError;
use crate::http::retry_after;
use http::Response;
use net::{Incoming, collect};
use serde_json::Value;
use std::time::Duration;

/// An error body is read up to this many bytes.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// And waited for no longer than this: the status says most of it.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(1);

/// What models of different makers say of a prompt that is too long.
const TOO_LONG: [&str; 7] = [
    "input is too long",
    "prompt is too long",
    "too many input tokens",
    "too many total text bytes",
    "input length and `max_tokens` exceed context limit",
    "maximum context length",
    "exceeds the maximum number of tokens",
];

/// What an answer that is not a success means.
pub(super) async fn of_response(response: Response<Incoming>) -> ModelError {
    let status = response.status().as_u16();
    let wait = retry_after(response.headers());
    let named = response.headers().get("x-amzn-errortype").and_then(|name| name.to_str().ok()).map(str::to_owned);
    let body = tokio::time::timeout(ERROR_BODY_WAIT, collect(response.into_body(), ERROR_BYTES_MAX)).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let name = named.as_deref().or_else(|| body["__type"].as_str());
    let message = body["message"].as_str().or_else(|| body["Message"].as_str());
    of_name(name.unwrap_or_default(), message.unwrap_or_default(), Some(status), wait)
}

/// What an exception inside a stream means. Words that came before it have been written, so that it is not free.
pub(super) fn in_stream(name: &str, message: &str, begun: bool) -> ModelError {
    let error = of_name(name, message, None, None);
    if !begun {
        return error;
    }
    let code = match error {
        ModelError::RateLimited { .. } => Some("rate_limit_exceeded".to_owned()),
        ModelError::Refused { code, .. } | ModelError::Failed { code, .. } => code,
        _ => None,
    };
    ModelError::ErrorEvent { code }
}

/// By the name of the exception, and by the status where that is none we know.
///
/// The name may stand behind a namespace and a `#`, or before a colon and an address.
fn of_name(name: &str, message: &str, status: Option<u16>, wait: Option<Duration>) -> ModelError {
    let name = name.rsplit('#').next().unwrap_or(name);
    let name = name.split(':').next().unwrap_or(name).trim();
    // Streams write them with a small letter.
    let name = name.strip_suffix("Exception").unwrap_or(name).to_ascii_lowercase();
    let (usual, code) = match name.as_str() {
        "throttling" | "modelnotready" | "servicequotaexceeded" | "toomanyrequests" => (429, "rate_limit_exceeded"),
        "validation" if is_too_long(message) => (400, "context_length_exceeded"),
        "validation" if message.contains("model identifier is invalid") => (400, "model_not_found"),
        "validation" | "serialization" => (400, "invalid_request_error"),
        "accessdenied" | "unrecognizedclient" | "expiredtoken" | "invalidsignature" => (403, "permission_error"),
        "resourcenotfound" => (404, "model_not_found"),
        "modeltimeout" => (408, "timeout_error"),
        // The model failed, not the request.
        "modelerror" | "modelstreamerror" => {
            let status = status.unwrap_or(424);
            return ModelError::Failed { status, code: Some("server_error".to_owned()), retry_after: wait };
        }
        "internalserver" => (500, "server_error"),
        "serviceunavailable" => (503, "service_unavailable"),
        _ => return ModelError::of_status(status.unwrap_or(500), None, wait),
    };
    // A quota that is used up comes with 400, and would read as our fault.
    let status = if usual == 429 { 429 } else { status.unwrap_or(usual) };
    ModelError::of_status(status, Some(code.to_owned()), wait)
}

fn is_too_long(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    TOO_LONG.iter().any(|sentence| message.contains(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_statuses_mean_what_they_mean_everywhere() {
        let code = |code: &str| Some(code.to_owned());
        let refused = |status, word| ModelError::Refused { status, code: code(word) };
        let failed = |status, word| ModelError::Failed { status, code: code(word), retry_after: None };
        let limited = ModelError::RateLimited { retry_after: None };
        let long = "The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum";
        for (name, message, status, expect) in [
            ("ThrottlingException:http://internal.amazon.com/x", "", 429, limited.clone()),
            ("com.amazon.bedrock#ThrottlingException", "", 429, limited.clone()),
            ("ServiceQuotaExceededException", "", 400, limited.clone()),
            ("ModelNotReadyException", "", 429, limited.clone()),
            ("ValidationException", "Malformed input request", 400, refused(400, "invalid_request_error")),
            (
                "ValidationException",
                "Input is too long for requested model.",
                400,
                refused(400, "context_length_exceeded"),
            ),
            ("ValidationException", long, 400, refused(400, "context_length_exceeded")),
            ("ValidationException", "The provided model identifier is invalid.", 400, refused(400, "model_not_found")),
            ("AccessDeniedException", "", 403, ModelError::Unauthorised { status: 403 }),
            ("ExpiredTokenException", "", 403, ModelError::Unauthorised { status: 403 }),
            ("ResourceNotFoundException", "", 404, refused(404, "model_not_found")),
            ("ModelTimeoutException", "", 408, failed(408, "timeout_error")),
            ("ModelErrorException", "", 424, failed(424, "server_error")),
            ("InternalServerException", "", 500, failed(500, "server_error")),
            ("ServiceUnavailableException", "", 503, failed(503, "service_unavailable")),
            ("", "", 429, limited.clone()),
            ("SomethingNewException", "secret", 418, ModelError::Refused { status: 418, code: None }),
        ] {
            assert_eq!(of_name(name, message, Some(status), None), expect, "{name}");
        }
    }

    #[test]
    fn an_exception_behind_words_is_an_event_and_one_before_them_a_refusal() {
        let event = |code: Option<&str>| ModelError::ErrorEvent { code: code.map(str::to_owned) };
        for (name, expect) in [
            ("throttlingException", event(Some("rate_limit_exceeded"))),
            ("modelStreamErrorException", event(Some("server_error"))),
            ("internalServerException", event(Some("server_error"))),
            ("serviceUnavailableException", event(Some("service_unavailable"))),
            ("validationException", event(Some("invalid_request_error"))),
            ("novelException", event(None)),
        ] {
            assert_eq!(in_stream(name, "your prompt was: secret", true), expect, "{name}");
        }
        assert_eq!(in_stream("throttlingException", "", false), ModelError::RateLimited { retry_after: None });
        assert!(matches!(in_stream("modelStreamErrorException", "", false), ModelError::Failed { status: 424, .. }));
    }
}
