//! Tokens as Converse counts them, and why it stopped.

use crate::ConverseError;
use serde_json::Value;
use wire::openai::Usage;

/// The usage of a reply, if it holds one.
///
/// As documented, `inputTokens` are those that were neither read from the cache nor put into it.
pub(crate) fn usage(value: &Value) -> Option<Usage> {
    let count = |name: &str| value[name].as_u64();
    let (input, written) = (count("inputTokens"), count("outputTokens"));
    if input.is_none() && written.is_none() {
        return None;
    }
    let (cached_tokens, cache_write_tokens) =
        (count("cacheReadInputTokens").unwrap_or_default(), count("cacheWriteInputTokens").unwrap_or_default());
    let details = value["cacheDetails"].as_array().map(Vec::as_slice).unwrap_or_default();
    let hour =
        details.iter().filter(|detail| detail["ttl"] == "1h").filter_map(|detail| detail["inputTokens"].as_u64());
    let cache_write_hour_tokens = hour.fold(0, u64::saturating_add).min(cache_write_tokens);
    let prompt_tokens = input.unwrap_or_default().saturating_add(cached_tokens).saturating_add(cache_write_tokens);
    let completion_tokens = written.unwrap_or_default();
    Some(Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens.saturating_add(completion_tokens),
        cached_tokens,
        cache_write_tokens,
        cache_write_hour_tokens,
        reasoning_tokens: 0,
    })
}

/// Why an answer ended, in a chat's words. What the model garbled is no answer.
pub(crate) fn finish(reason: &str) -> Result<&'static str, ConverseError> {
    match reason {
        "tool_use" => Ok("tool_calls"),
        "max_tokens" | "model_context_window_exceeded" => Ok("length"),
        "guardrail_intervened" | "content_filtered" => Ok("content_filter"),
        "malformed_model_output" | "malformed_tool_use" => {
            Err(ConverseError::NotAReply { what: "what the model wrote is malformed".to_owned() })
        }
        _ => Ok("stop"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_cache_gave_and_took_counts_as_read() {
        let full = json!({ "inputTokens": 3, "outputTokens": 5, "totalTokens": 128, "cacheReadInputTokens": 100,
            "cacheWriteInputTokens": 20,
            "cacheDetails": [{ "ttl": "1h", "inputTokens": 15 }, { "ttl": "5m", "inputTokens": 5 }] });
        let expect = Usage {
            prompt_tokens: 123,
            completion_tokens: 5,
            total_tokens: 128,
            cached_tokens: 100,
            cache_write_tokens: 20,
            cache_write_hour_tokens: 15,
            reasoning_tokens: 0,
        };
        assert_eq!(usage(&full), Some(expect));
        let most = json!({ "inputTokens": u64::MAX, "outputTokens": 1, "cacheReadInputTokens": 1 });
        assert_eq!(usage(&most).map(|usage| usage.total_tokens), Some(u64::MAX));
        for none in [json!({}), json!(null), json!("many"), json!({ "totalTokens": 7 })] {
            assert_eq!(usage(&none), None, "{none}");
        }
    }
}
