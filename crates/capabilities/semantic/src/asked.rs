//! What a request asks, and what it asks it in: the last message of its user, and all the rest.

use serde_json::Value;
use wire::openai::ChatRequest;

/// The longest question that is looked for, in characters: models that make vectors read only the beginning of a text,
/// so that long ones which differ at the end would look the same.
pub const CHARS_MAX: usize = 1_000;

/// Members of a message that make it part of a conversation with tools.
const OF_TOOLS: [&str; 3] = ["tool_calls", "function_call", "tool_call_id"];

/// A request, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The text of the last message.
    pub text: String,
    /// The body as the client wrote it, without that text: only requests that have it in common are compared.
    pub frame: Vec<u8>,
}

/// Takes a request apart; `None` where a similar question's answer will not do or its question cannot be told: with
/// tools or their messages, with images or other files, with several choices, where the last message is not the user's,
/// and where that is empty or longer than [`CHARS_MAX`].
pub fn asked(request: &ChatRequest) -> Option<Asked> {
    if request.has_tools() || request.beyond_text() || request.n() > 1 {
        return None;
    }
    let body = request.original().map_or(request.bytes(), |original| &original.bytes);
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let offers = ["tools", "functions"].iter().any(|name| body[*name].as_array().is_some_and(|all| !all.is_empty()));
    if offers || has_tool_messages(request) {
        return None;
    }
    let text = take_text(&mut body)?;
    let fits = !text.trim().is_empty() && text.chars().count() <= CHARS_MAX;
    fits.then(|| Asked { text, frame: body.to_string().into_bytes() })
}

/// Whether a tool was asked or has answered, in the chat that every dialect is translated into.
fn has_tool_messages(request: &ChatRequest) -> bool {
    let Ok(mut chat) = serde_json::from_slice::<Value>(request.bytes()) else { return true };
    let messages = chat["messages"].take();
    let Value::Array(messages) = messages else { return true };
    messages.iter().any(|message| {
        let role = message["role"].as_str().unwrap_or_default();
        matches!(role, "tool" | "function") || OF_TOOLS.iter().any(|name| !message[*name].is_null())
    })
}

/// Takes the text out of the last message: of `messages`, or of `input` as responses have it.
fn take_text(body: &mut Value) -> Option<String> {
    let input = &mut body["input"];
    if input.is_string() {
        return text_of(input.take());
    }
    let list = if input.is_array() { "input" } else { "messages" };
    let last = body[list].as_array_mut()?.last_mut()?;
    if last["role"] != "user" {
        return None;
    }
    text_of(last.get_mut("content")?.take())
}

/// A content's text, where it holds nothing else.
fn text_of(content: Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text),
        Value::Array(parts) => {
            let texts: Option<Vec<&str>> = parts.iter().map(|part| part["text"].as_str()).collect();
            Some(texts?.join(" "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, CHARS_MAX, asked};
    use serde_json::{Value, json};
    use wire::openai::{ChatRequest, Limits};
    use wire::{Dialect, Original};

    const LIMITS: Limits = Limits { n_max: 16, messages_max: 100 };

    fn read(messages: &Value, more: &Value) -> Option<Asked> {
        let mut body = json!({ "model": "m", "messages": messages });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        asked(&ChatRequest::parse(body.to_string().into(), &LIMITS).unwrap())
    }

    fn user(text: &str) -> Value {
        json!({ "role": "user", "content": text })
    }

    #[test]
    fn only_the_last_text_is_taken_out() {
        let system = json!({ "role": "system", "content": "be brief" });
        let one = read(&json!([system, user("a?")]), &json!({ "seed": 1 })).unwrap();
        let other = read(&json!([system, user("b?")]), &json!({ "seed": 1 })).unwrap();
        assert_eq!((one.text.as_str(), other.text.as_str(), &one.frame), ("a?", "b?", &other.frame));
        for (messages, more) in [
            (json!([user("a?")]), json!({ "seed": 1 })),
            (json!([user("a?"), user("a?")]), json!({ "seed": 1 })),
            (json!([system, user("a?")]), json!({ "seed": 2 })),
            (json!([system, user("a?")]), json!({ "seed": 1, "stream": true })),
        ] {
            assert_ne!(read(&messages, &more).unwrap().frame, one.frame, "{messages} {more}");
        }
        let parts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
        assert_eq!(read(&json!([{ "role": "user", "content": parts }]), &json!({})).unwrap().text, "a b");
    }

    #[test]
    fn tools_images_and_what_is_no_question_are_left_alone() {
        let tool = json!({ "type": "function", "function": { "name": "f" } });
        let call = json!({ "role": "assistant", "tool_calls": [{ "id": "1" }] });
        let image = json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] });
        for (messages, more) in [
            (json!([user("a")]), json!({ "tools": [tool] })),
            (json!([user("a")]), json!({ "functions": [tool] })),
            (json!([user("a")]), json!({ "n": 2 })),
            (json!([call, user("a")]), json!({})),
            (json!([{ "role": "tool", "tool_call_id": "1", "content": "x" }, user("a")]), json!({})),
            (json!([image, user("a")]), json!({})),
            (json!([user("a"), { "role": "assistant", "content": "b" }]), json!({})),
            (json!([user(" ")]), json!({})),
            (json!([user(&"a".repeat(CHARS_MAX + 1))]), json!({})),
        ] {
            assert_eq!(read(&messages, &more), None, "{messages} {more}");
        }
        assert!(read(&json!([user(&"é".repeat(CHARS_MAX))]), &json!({ "tools": [] })).is_some());
    }

    #[test]
    fn other_dialects_are_read_as_their_clients_wrote_them() {
        let chat = json!({ "model": "m", "messages": [user("a?")] });
        for (dialect, body, expect) in [
            (Dialect::Messages, json!({ "messages": [user("a?")], "max_tokens": 5 }), Some("a?")),
            (Dialect::Responses, json!({ "input": "a?" }), Some("a?")),
            (Dialect::Responses, json!({ "input": [{ "role": "user", "content": [{ "text": "a?" }] }] }), Some("a?")),
            (Dialect::Responses, json!({ "input": "a?", "tools": [{ "type": "web_search" }] }), None),
        ] {
            let bytes = body.to_string().into();
            let original = Original { dialect, bytes, model: 0..0, headers: Vec::new(), lost: Vec::new() };
            let request = ChatRequest::translated(&chat, original, &LIMITS).unwrap();
            assert_eq!(asked(&request).map(|asked| asked.text).as_deref(), expect, "{body}");
        }
    }
}
