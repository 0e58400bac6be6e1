//! Events that pass by, and errors.

use super::*;
use proptest::prelude::*;

fn seen(text: &str) -> ChunkView {
    view(text.as_bytes(), false).unwrap()
}

#[test]
fn knows_a_token_from_a_preamble() {
    for quiet in [
        r#"{"type":"message_start","message":{"type":"message","content":[],"usage":{"input_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Eq"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":7}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":null}}"#,
    ] {
        assert!(!seen(quiet).token, "{quiet}");
    }
    for loud in [
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"x"}}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#,
    ] {
        assert!(seen(loud).token, "{loud}");
    }
}

#[test]
fn sees_usage_errors_and_the_end_also_once_it_has_begun() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"cache_read_input_tokens":20,"output_tokens":1}}}"#;
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#;
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for begun in [false, true] {
        let look = |text: &str| view(text.as_bytes(), begun).unwrap();
        let usage = look(start).usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens), (25, 20, 1));
        let last = look(delta);
        assert_eq!((last.usage.map(|usage| usage.completion_tokens), last.finished, last.done), (Some(7), true, false));
        assert!(look(r#"{"type":"message_stop"}"#).done);
        assert!(look(error).error);
    }
    let words = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"\"error\" \"usage\""}}"#;
    assert_eq!(view(words.as_bytes(), true), Some(ChunkView::default()));
    for text in ["", "[DONE]", "{}", "[]", "7", r#"{"type":7}"#] {
        assert_eq!(view(text.as_bytes(), false), None, "{text}");
    }
}

#[test]
fn counts_what_was_written() {
    for (data, chars) in [
        (r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"größe"}}"#, 5),
        (r#"{"delta": {"text": "a\"}\n\u00e9\\", "type": "text_delta"}}"#, 6),
        (r#"{"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#, 7),
        (r#"{"delta":{"type":"thinking_delta","thinking":"hm"}}"#, 2),
        (r#"{"delta":{"type":"signature_delta","signature":"EqQB"}}"#, 0),
        (r#"{"delta":{"type":"text","text":"text"}}"#, 4),
        (r#"{"text":"not a delta"}"#, 0),
        (r#"{"delta":{"text":"cut off"#, 7),
        (r#"{"delta":{"text":"\u00"#, 1),
        (r#"{"delta":{"text":"\"#, 1),
        (r#"{"delta":{"text""#, 0),
        ("", 0),
    ] {
        assert_eq!(said_chars(data.as_bytes()), chars, "{data}");
    }
}

#[test]
fn errors_keep_what_they_tell() {
    let check = |kind: &str, code: &str, expect: &str| {
        let told =
            json!({ "error": { "message": "no", "type": kind, "param": null, "code": code, "request_id": "r-1" } });
        let detail = json!({ "type": expect, "message": "no", "code": code });
        assert_eq!(error(&told), json!({ "type": "error", "error": detail, "request_id": "r-1" }));
    };
    check("invalid_request_error", "missing_parameter", "invalid_request_error");
    check("invalid_request_error", "body_too_large", "request_too_large");
    check("invalid_request_error", "model_not_found", "not_found_error");
    check("authentication_error", "invalid_key", "authentication_error");
    check("permission_error", "beyond_your_role", "permission_error");
    check("insufficient_quota", "cost_limit_exceeded", "billing_error");
    check("rate_limit_error", "rate_limit_exceeded", "rate_limit_error");
    check("server_error", "deadline_exceeded", "timeout_error");
    check("server_error", "shutting_down", "overloaded_error");
    check("server_error", "no_model_answered", "api_error");
    check("server_error", "overloaded_error", "overloaded_error");

    let attempts = json!([{ "model": "a/b", "reason": "upstream_failed" }]);
    let told = json!({ "error": { "message": "a\nb", "type": "server_error", "code": "c", "attempts": attempts, "request_id": "r" } });
    let event = error_event(&told);
    let text = std::str::from_utf8(&event).unwrap();
    let data = text.strip_prefix("event: error\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
    assert!(!data.contains('\n'));
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["error"]["attempts"], attempts);
    assert_eq!(error(&json!(7))["error"]["type"], "api_error");
}

proptest! {
    #[test]
    fn what_is_written_is_counted_whatever_it_says(text in "\\PC{0,40}|[\"\\\\{}:a]{0,40}") {
        let event = json!({ "type": text, "delta": { "type": "text_delta", "text": text }, "x": text });
        prop_assert_eq!(said_chars(event.to_string().as_bytes()), text.chars().count() as u64);
    }

    #[test]
    fn any_bytes_are_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..60), begun: bool) {
        view(&bytes, begun);
        said_chars(&bytes);
        said_chars(&[b"\"delta\":{\"text\":\"", bytes.as_slice()].concat());
    }
}
