//! The `response` object around what was answered, with the request's own parameters told again.

use serde_json::{Value, json};
use wire::openai::Usage;
use wire::{About, Dialect};

/// What of a request is told again as it came, or as `null`.
const ECHOED: [&str; 9] = [
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "temperature",
    "top_p",
    "top_logprobs",
    "prompt_cache_key",
    "safety_identifier",
    "user",
];

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Completed,
    /// Cut short, and why.
    Incomplete(&'static str),
    Failed,
}

impl Ending {
    /// From a chat's `finish_reason`.
    pub(super) fn of(reason: Option<&str>) -> Self {
        match reason {
            Some("length") => Self::Incomplete("max_output_tokens"),
            Some("content_filter") => Self::Incomplete("content_filter"),
            _ => Self::Completed,
        }
    }

    /// The status of a response.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }
}

/// A response without what was answered.
#[derive(Debug)]
pub(super) struct Envelope {
    response: Value,
    /// The request.
    pub(super) asked: Value,
}

impl Envelope {
    /// For one answer.
    pub(super) fn new(about: &About<'_>) -> Self {
        let original = about.original.filter(|original| original.dialect == Dialect::Responses);
        let asked: Value = original.and_then(|it| serde_json::from_slice(&it.bytes).ok()).unwrap_or_default();
        let or = |key: &str, other: Value| if asked[key].is_null() { other } else { asked[key].clone() };
        let (reasoning, text) = (&asked["reasoning"], &asked["text"]);
        let format = if text["format"].is_object() { text["format"].clone() } else { json!({ "type": "text" }) };
        let mut shown = json!({ "format": format });
        if text["verbosity"].is_string() {
            shown["verbosity"] = text["verbosity"].clone();
        }
        let mut response = json!({
            "id": format!("resp_{}", about.id), "object": "response", "created_at": about.created,
            "status": "in_progress", "background": false, "error": null, "incomplete_details": null,
            "model": about.model, "output": [], "usage": null,
            "parallel_tool_calls": or("parallel_tool_calls", true.into()), "previous_response_id": null,
            "reasoning": { "effort": reasoning["effort"], "summary": reasoning["summary"] },
            "service_tier": null, "store": false, "text": shown,
            "tool_choice": or("tool_choice", "auto".into()), "tools": or("tools", json!([])),
            "metadata": or("metadata", json!({})), "truncation": or("truncation", "disabled".into()),
        });
        for key in ECHOED {
            response[key] = asked[key].clone();
        }
        Self { response, asked }
    }

    /// As it is before anything was answered.
    pub(super) fn begun(&self) -> Value {
        self.response.clone()
    }

    /// As it is at the end.
    pub(super) fn ended(&self, ending: Ending, output: Vec<Value>, usage: Option<Usage>, tier: Option<&str>) -> Value {
        let mut response = self.response.clone();
        response["status"] = ending.status().into();
        response["output"] = output.into();
        response["usage"] = usage.map_or(Value::Null, shown);
        response["service_tier"] = tier.map_or(Value::Null, Value::from);
        match ending {
            Ending::Completed => {}
            Ending::Incomplete(reason) => response["incomplete_details"] = json!({ "reason": reason }),
            // What an upstream says of itself is not repeated.
            Ending::Failed => {
                response["error"] = json!({ "code": "server_error", "message": "the provider reported an error" });
            }
        }
        response
    }
}

/// A usage by the names of the responses.
fn shown(usage: Usage) -> Value {
    let (input, output) = (usage.prompt_tokens, usage.completion_tokens);
    let mut read = json!({ "cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens });
    if usage.cache_write_hour_tokens > 0 {
        read["cache_write_hour_tokens"] = usage.cache_write_hour_tokens.into();
    }
    let total = if usage.total_tokens == 0 { input.saturating_add(output) } else { usage.total_tokens };
    json!({
        "input_tokens": input, "input_tokens_details": read,
        "output_tokens": output, "output_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
        "total_tokens": total,
    })
}

/// The value of `usage`, from a parsed body.
pub(super) fn usage(value: &Value) -> Option<Usage> {
    Usage::read(&serde_json::value::to_raw_value(value).ok()?)
}
