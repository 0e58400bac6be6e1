//! The few OpenAI chat shapes a scripted upstream answers with. Refuses to know how they travel.

use serde_json::{Value, json};

/// The model every scripted answer names.
const MODEL: &str = "scripted";
/// The id every scripted answer carries.
const ID: &str = "chatcmpl-testkit";
/// When every scripted answer was made, in seconds since 1970: fixed, so that snapshots stay equal.
const CREATED: u64 = 1_700_000_000;
/// Prompt tokens every scripted answer claims.
const PROMPT_TOKENS: usize = 9;

/// A complete `chat.completion` that says `text`.
pub(crate) fn completion(text: &str) -> Value {
    json!({
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": MODEL,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }],
        "usage": usage(text),
    })
}

/// The events of a streamed answer: the role, each delta, the end, `usage` when asked for, `[DONE]`.
pub(crate) fn events(deltas: &[&str], with_usage: bool) -> Vec<String> {
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend(deltas.iter().map(|delta| chunk(json!({"content": delta}), Value::Null)));
    events.push(chunk(json!({}), json!("stop")));
    if with_usage {
        let mut last = envelope(json!([]));
        last["usage"] = usage(&deltas.concat());
        events.push(last.to_string());
    }
    events.push("[DONE]".to_owned());
    events
}

/// An error body as OpenAI shapes it.
pub(crate) fn error(kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}

fn chunk(delta: Value, finish_reason: Value) -> String {
    envelope(json!([{"index": 0, "delta": delta, "finish_reason": finish_reason}])).to_string()
}

fn envelope(choices: Value) -> Value {
    json!({"id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": MODEL, "choices": choices})
}

/// Counts words, at least one: enough to tell a long answer from a short one.
fn usage(text: &str) -> Value {
    let completion = text.split_whitespace().count().max(1);
    json!({
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": completion,
        "total_tokens": PROMPT_TOKENS + completion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_adds_up_and_never_claims_nothing() {
        assert_eq!(completion("two words")["usage"]["total_tokens"], 11);
        assert_eq!(completion("")["usage"]["completion_tokens"], 1);
    }

    #[test]
    fn a_stream_opens_with_the_role_and_closes_with_done() {
        let events = events(&["Hel", "lo"], true);
        assert_eq!(events.len(), 6);
        let parsed: Vec<Value> = events[..5].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        assert_eq!(parsed[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(parsed[2]["choices"][0]["delta"]["content"], "lo");
        assert_eq!(parsed[3]["choices"][0]["finish_reason"], "stop");
        assert_eq!(parsed[4]["usage"]["completion_tokens"], 1);
        assert_eq!(events[5], "[DONE]");
    }
}
