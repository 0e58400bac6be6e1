//! The words of an answer as it is kept, so that two can be compared.

use serde_json::Value;
use wire::Dialect;
use wire::openai::ChatReply;
use wire::sse::events;

/// The longest text that is compared, in bytes.
pub const SAID_BYTES_MAX: usize = 64 * 1024;

/// What an answer says, whole or as the events of a stream; `None` where that cannot be read, is nothing, or is more
/// than [`SAID_BYTES_MAX`], and such an answer is not given for a similar question: nobody could tell whether it was right.
pub fn said(dialect: Dialect, bytes: &[u8], streamed: bool) -> Option<String> {
    let text = match streamed {
        true => events(bytes).filter_map(|event| event.data.map(|data| piece(&data))).collect(),
        false => whole(dialect, bytes)?,
    };
    Some(text).filter(|text: &String| !text.trim().is_empty() && text.len() <= SAID_BYTES_MAX)
}

fn whole(dialect: Dialect, bytes: &[u8]) -> Option<String> {
    let texts = |parts: &Value| -> Vec<String> {
        let parts = parts.as_array().into_iter().flatten();
        parts.filter_map(|part| part["text"].as_str()).map(str::to_owned).collect()
    };
    let body: Value = serde_json::from_slice(bytes).ok()?;
    Some(match dialect {
        Dialect::Chat | Dialect::Ollama => ChatReply::parse(bytes.to_vec().into()).ok()?.answer(),
        Dialect::Messages => texts(&body["content"]).join("\n"),
        Dialect::Responses => {
            let items = body["output"].as_array().into_iter().flatten();
            items.flat_map(|item| texts(&item["content"])).collect::<Vec<_>>().join("\n")
        }
    })
}

/// What one event adds: a chat's delta, a message's, or a response's.
fn piece(data: &[u8]) -> String {
    let event: Value = serde_json::from_slice(data).unwrap_or_default();
    let chat = event["choices"][0]["delta"]["content"].as_str();
    let message = || event["delta"]["text"].as_str();
    let response = || event["delta"].as_str().filter(|_| event["type"] == "response.output_text.delta");
    chat.or_else(message).or_else(response).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::said;
    use wire::Dialect::{self, Chat, Messages, Responses};

    #[test]
    fn every_dialect_is_read_whole_and_streamed() {
        for (dialect, streamed, bytes, expect) in [
            (Chat, false, r#"{"choices":[{"message":{"content":"a b"}}]}"#, Some("a b")),
            (Messages, false, r#"{"content":[{"type":"text","text":"a b"}]}"#, Some("a b")),
            (Responses, false, r#"{"output":[{"type":"reasoning"},{"content":[{"text":"a b"}]}]}"#, Some("a b")),
            (
                Chat,
                true,
                "data: {\"choices\":[{\"delta\":{\"content\":\"a \"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\ndata: [DONE]\n\n",
                Some("a b"),
            ),
            (Messages, true, "event: x\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"a b\"}}\n\n", Some("a b")),
            (Responses, true, "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a b\"}\n\n", Some("a b")),
            (Dialect::Ollama, true, "{\"message\":{\"content\":\"a b\"}}\n", None),
            (Chat, false, "{}", None),
            (Chat, false, r#"{"choices":[{"message":{"content":" "}}]}"#, None),
        ] {
            assert_eq!(said(dialect, bytes.as_bytes(), streamed).as_deref(), expect, "{bytes}");
        }
    }
}
