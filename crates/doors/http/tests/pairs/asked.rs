//! The same questions in every dialect, as its public API document has them.

use serde_json::{Value, json};

/// One pixel, so that transcripts stay short.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// A system's words and a user's, with the usual knobs.
    Words,
    /// Tools on offer, one of them called and answered before; the provider calls again.
    Tools,
    /// An image.
    Image,
    /// JSON by a schema.
    Schema,
    /// A model that thinks before it answers.
    Thinking,
    /// A provider that has had enough.
    Limited,
}

impl Case {
    pub(crate) const ALL: [Self; 6] =
        [Self::Words, Self::Tools, Self::Image, Self::Schema, Self::Thinking, Self::Limited];
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Chat,
    Messages,
    Responses,
    Ollama,
}

fn place() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] })
}

fn answer() -> Value {
    json!({ "type": "object", "properties": { "capital": { "type": "string" } }, "required": ["capital"],
        "additionalProperties": false })
}

impl Client {
    pub(crate) const ALL: [Self; 4] = [Self::Chat, Self::Messages, Self::Responses, Self::Ollama];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
            Self::Responses => "/v1/responses",
            Self::Ollama => "/api/chat",
        }
    }

    pub(crate) fn body(self, case: Case, stream: bool) -> Value {
        let mut body = match self {
            Self::Chat => chat(case),
            Self::Messages => messages(case),
            Self::Responses => responses(case),
            Self::Ollama => ollama(case),
        };
        body["stream"] = stream.into();
        body
    }
}

fn chat(case: Case) -> Value {
    let ask = |text: &str| json!({ "role": "user", "content": text });
    match case {
        Case::Words | Case::Limited => json!({ "model": "p/m", "temperature": 0.2, "top_p": 0.9, "max_tokens": 100,
            "stop": ["END"], "user": "u-1",
            "messages": [{ "role": "system", "content": "Be brief." }, ask("Capital of France?")] }),
        Case::Tools => json!({ "model": "p/m", "parallel_tool_calls": false, "tool_choice": "auto",
            "tools": [{ "type": "function", "function": { "name": "weather", "description": "Weather of a city", "parameters": place() } }],
            "messages": [
                ask("Paris or Berlin?"),
                { "role": "assistant", "content": "I look.", "tool_calls": [
                    { "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": "rain" },
            ] }),
        Case::Image => json!({ "model": "p/m", "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "What is it?" },
            { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PIXEL}") } }] }] }),
        Case::Schema => json!({ "model": "p/m", "messages": [ask("Capital of France?")],
            "response_format": { "type": "json_schema", "json_schema": { "name": "capital", "strict": true, "schema": answer() } } }),
        Case::Thinking => json!({ "model": "p/m", "messages": [ask("Capital of France?")], "reasoning_effort": "low",
            "max_completion_tokens": 8000 }),
    }
}

fn messages(case: Case) -> Value {
    let ask = |text: &str| json!({ "role": "user", "content": text });
    match case {
        Case::Words | Case::Limited => {
            json!({ "model": "p/m", "max_tokens": 100, "temperature": 0.2, "top_p": 0.9, "top_k": 40,
            "stop_sequences": ["END"], "metadata": { "user_id": "u-1" },
            "system": [{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral" } }],
            "messages": [ask("Capital of France?")] })
        }
        Case::Tools => json!({ "model": "p/m", "max_tokens": 100,
            "tool_choice": { "type": "auto", "disable_parallel_tool_use": true },
            "tools": [{ "name": "weather", "description": "Weather of a city", "input_schema": place() }],
            "messages": [
                ask("Paris or Berlin?"),
                { "role": "assistant", "content": [{ "type": "text", "text": "I look." },
                    { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Paris" } }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": "rain" }] },
            ] }),
        Case::Image => json!({ "model": "p/m", "max_tokens": 100, "messages": [{ "role": "user", "content": [
            { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": PIXEL } },
            { "type": "text", "text": "What is it?" }] }] }),
        Case::Schema => json!({ "model": "p/m", "max_tokens": 100, "messages": [ask("Capital of France?")],
            "output_config": { "format": { "type": "json_schema", "schema": answer() } } }),
        Case::Thinking => {
            json!({ "model": "p/m", "max_tokens": 8000, "thinking": { "type": "enabled", "budget_tokens": 2000 },
            "messages": [ask("Hi"), { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "A greeting.", "signature": "c2ln" }, { "type": "text", "text": "Hello." }] },
                ask("Capital of France?")] })
        }
    }
}

fn responses(case: Case) -> Value {
    let ask =
        |text: &str| json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] });
    match case {
        Case::Words | Case::Limited => {
            json!({ "model": "p/m", "instructions": "Be brief.", "input": "Capital of France?",
            "temperature": 0.2, "top_p": 0.9, "max_output_tokens": 100, "store": false, "user": "u-1" })
        }
        Case::Tools => json!({ "model": "p/m", "store": false, "parallel_tool_calls": false, "tool_choice": "auto",
            "tools": [{ "type": "function", "name": "weather", "description": "Weather of a city", "parameters": place(), "strict": false }],
            "input": [
                ask("Paris or Berlin?"),
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "I look." }] },
                { "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"Paris\"}" },
                { "type": "function_call_output", "call_id": "call_1", "output": "rain" },
            ] }),
        Case::Image => {
            json!({ "model": "p/m", "store": false, "input": [{ "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": "What is it?" },
            { "type": "input_image", "detail": "auto", "image_url": format!("data:image/png;base64,{PIXEL}") }] }] })
        }
        Case::Schema => json!({ "model": "p/m", "store": false, "input": "Capital of France?",
            "text": { "format": { "type": "json_schema", "name": "capital", "strict": true, "schema": answer() } } }),
        Case::Thinking => {
            json!({ "model": "p/m", "store": false, "input": "Capital of France?", "max_output_tokens": 8000,
            "reasoning": { "effort": "low", "summary": "auto" }, "include": ["reasoning.encrypted_content"] })
        }
    }
}

fn ollama(case: Case) -> Value {
    let ask = |text: &str| json!({ "role": "user", "content": text });
    match case {
        Case::Words | Case::Limited => json!({ "model": "p/m",
            "options": { "temperature": 0.2, "top_p": 0.9, "num_predict": 100, "stop": ["END"], "num_ctx": 4096 },
            "messages": [{ "role": "system", "content": "Be brief." }, ask("Capital of France?")] }),
        Case::Tools => json!({ "model": "p/m",
            "tools": [{ "type": "function", "function": { "name": "weather", "description": "Weather of a city", "parameters": place() } }],
            "messages": [
                ask("Paris or Berlin?"),
                { "role": "assistant", "content": "I look.", "tool_calls": [{ "function": { "name": "weather", "arguments": { "city": "Paris" } } }] },
                { "role": "tool", "tool_name": "weather", "content": "rain" },
            ] }),
        Case::Image => {
            json!({ "model": "p/m", "messages": [{ "role": "user", "content": "What is it?", "images": [PIXEL] }] })
        }
        Case::Schema => json!({ "model": "p/m", "messages": [ask("Capital of France?")], "format": answer() }),
        Case::Thinking => json!({ "model": "p/m", "messages": [ask("Capital of France?")], "think": "low",
            "options": { "num_predict": 8000 } }),
    }
}
