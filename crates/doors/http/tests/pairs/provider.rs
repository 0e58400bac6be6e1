//! The same answers by every provider, as its public API document has them.

use crate::asked::Case;
use serde_json::{Value, json};
use testkit::{Reply, Upstream};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    OpenAi,
    Anthropic,
    Bedrock,
    Ollama,
}

/// What is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Words,
    Call,
    Thought,
    Json,
}

const JSON_TEXT: &str = "{\"capital\":\"Paris\"}";

impl Protocol {
    pub(crate) const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Bedrock, Self::Ollama];

    pub(crate) fn settings(self, upstream: &Upstream) -> String {
        let root = upstream.url().trim_end_matches("/v1").to_owned();
        let (kind, base, more) = match self {
            // An address of its own: the kind's own price list and dialects do not hold there.
            Self::OpenAi => ("llamacpp", format!("{root}/v1"), ""),
            Self::Anthropic => ("anthropic", root, ""),
            Self::Bedrock => ("bedrock", root, "aws = { region = 'eu-central-1' }\nheaders = {}"),
            Self::Ollama => ("ollama", root, ""),
        };
        // A key for whoever insists on one; the test's own variable holds no secret.
        let key = if self == Self::Bedrock || self == Self::Anthropic { "api_key = 'env:CARGO_PKG_NAME'" } else { "" };
        format!(
            "[[provider]]\nname = 'p'\nkind = '{kind}'\nbase_url = '{base}'\n{key}\n{more}\n\
             models = [{{ name = 'm', upstream_name = 'up-m', price = {{ input = 1, output = 10 }} }}]\n"
        )
    }

    pub(crate) fn reply(self, case: Case, stream: bool) -> Reply {
        let answer = match case {
            Case::Limited => return self.limited(),
            Case::Words | Case::Image => Answer::Words,
            Case::Tools => Answer::Call,
            Case::Thinking => Answer::Thought,
            Case::Schema => Answer::Json,
        };
        match (self, stream) {
            (Self::OpenAi, false) => Reply::json(200, &openai(answer)),
            (Self::OpenAi, true) => events(None, &openai_stream(answer)),
            (Self::Anthropic, false) => Reply::json(200, &anthropic(answer)),
            (Self::Anthropic, true) => events(Some("type"), &anthropic_stream(answer)),
            (Self::Bedrock, false) => Reply::json(200, &bedrock(answer)),
            (Self::Bedrock, true) => frames(&bedrock_stream(answer)),
            (Self::Ollama, false) => Reply::json(200, &ollama(answer)),
            (Self::Ollama, true) => {
                let lines: String = ollama_stream(answer).iter().map(|line| format!("{line}\n")).collect();
                Reply::body(200, "application/x-ndjson", lines)
            }
        }
    }

    fn limited(self) -> Reply {
        let body = match self {
            Self::OpenAi => {
                json!({ "error": { "message": "SECRET", "type": "rate_limit_error", "code": "rate_limit_exceeded" } })
            }
            Self::Anthropic => json!({ "type": "error", "error": { "type": "rate_limit_error", "message": "SECRET" } }),
            Self::Bedrock => json!({ "message": "SECRET" }),
            Self::Ollama => json!({ "error": "SECRET" }),
        };
        let reply = Reply::json(429, &body).header("retry-after", "7");
        if self == Self::Bedrock { reply.header("x-amzn-errortype", "ThrottlingException") } else { reply }
    }
}

/// Events of data, named by one of their members where the format names them; OpenAI's end is told.
fn events(named_by: Option<&str>, all: &[Value]) -> Reply {
    let mut text = String::new();
    for event in all {
        if let Some(key) = named_by {
            text.push_str(&format!("event: {}\n", event[key].as_str().unwrap()));
        }
        text.push_str(&format!("data: {event}\n\n"));
    }
    if named_by.is_none() {
        text.push_str("data: [DONE]\n\n");
    }
    Reply::body(200, "text/event-stream", text)
}

fn openai(answer: Answer) -> Value {
    let call = json!([{ "id": "call_2", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Berlin\"}" } }]);
    let (message, reason) = match answer {
        Answer::Words => (json!({ "role": "assistant", "content": "Paris." }), "stop"),
        Answer::Json => (json!({ "role": "assistant", "content": JSON_TEXT }), "stop"),
        Answer::Call => (json!({ "role": "assistant", "content": null, "tool_calls": call }), "tool_calls"),
        Answer::Thought => {
            (json!({ "role": "assistant", "content": "Paris.", "reasoning_content": "The capital city." }), "stop")
        }
    };
    json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": "up-m",
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": reason }], "usage": openai_usage() })
}

fn openai_usage() -> Value {
    json!({ "prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42,
        "prompt_tokens_details": { "cached_tokens": 10 }, "completion_tokens_details": { "reasoning_tokens": 4 } })
}

fn openai_stream(answer: Answer) -> Vec<Value> {
    let chunk = |delta: Value, reason: Value| {
        json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "up-m",
            "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason }], "usage": null })
    };
    let call = |function: Value| json!({ "tool_calls": [{ "index": 0, "function": function }] });
    let mut deltas = vec![json!({ "role": "assistant", "content": "" })];
    deltas.extend(match answer {
        Answer::Words => vec![json!({ "content": "Pa" }), json!({ "content": "ris." })],
        Answer::Json => vec![json!({ "content": "{\"capital\":" }), json!({ "content": "\"Paris\"}" })],
        Answer::Thought => {
            vec![json!({ "reasoning_content": "The capital " }), json!({ "reasoning_content": "city." }), json!({ "content": "Paris." })]
        }
        Answer::Call => vec![
            json!({ "tool_calls": [{ "index": 0, "id": "call_2", "type": "function", "function": { "name": "weather", "arguments": "" } }] }),
            call(json!({ "arguments": "{\"city\":" })),
            call(json!({ "arguments": "\"Berlin\"}" })),
        ],
    });
    let reason = if answer == Answer::Call { "tool_calls" } else { "stop" };
    let mut all: Vec<Value> = deltas.into_iter().map(|delta| chunk(delta, Value::Null)).collect();
    all.push(chunk(json!({}), reason.into()));
    let mut last = chunk(json!({}), Value::Null);
    last["choices"] = json!([]);
    last["usage"] = openai_usage();
    all.push(last);
    all
}

fn anthropic(answer: Answer) -> Value {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let (content, reason) = match answer {
        Answer::Words => (vec![text("Paris.")], "end_turn"),
        Answer::Json => (vec![text(JSON_TEXT)], "end_turn"),
        Answer::Call => (
            vec![json!({ "type": "tool_use", "id": "toolu_2", "name": "weather", "input": { "city": "Berlin" } })],
            "tool_use",
        ),
        Answer::Thought => (
            vec![
                json!({ "type": "thinking", "thinking": "The capital city.", "signature": "c2lnbmVk" }),
                text("Paris."),
            ],
            "end_turn",
        ),
    };
    json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "up-m", "content": content,
        "stop_reason": reason, "stop_sequence": null, "usage": anthropic_usage(12) })
}

fn anthropic_usage(output: u64) -> Value {
    json!({ "input_tokens": 20, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 10, "output_tokens": output })
}

fn anthropic_stream(answer: Answer) -> Vec<Value> {
    let block = |index: u64, start: Value, deltas: Vec<Value>| {
        let mut all = vec![json!({ "type": "content_block_start", "index": index, "content_block": start })];
        all.extend(
            deltas.into_iter().map(|delta| json!({ "type": "content_block_delta", "index": index, "delta": delta })),
        );
        all.push(json!({ "type": "content_block_stop", "index": index }));
        all
    };
    let text = |index: u64, pieces: &[&str]| {
        let deltas = pieces.iter().map(|piece| json!({ "type": "text_delta", "text": piece })).collect();
        block(index, json!({ "type": "text", "text": "" }), deltas)
    };
    let json_piece = |piece: &str| json!({ "type": "input_json_delta", "partial_json": piece });
    let mut all = vec![
        json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant", "model": "up-m",
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": anthropic_usage(1) } }),
        json!({ "type": "ping" }),
    ];
    all.extend(match answer {
        Answer::Words => text(0, &["Pa", "ris."]),
        Answer::Json => text(0, &["{\"capital\":", "\"Paris\"}"]),
        Answer::Call => block(
            0,
            json!({ "type": "tool_use", "id": "toolu_2", "name": "weather", "input": {} }),
            vec![json_piece(""), json_piece("{\"city\":"), json_piece("\"Berlin\"}")],
        ),
        Answer::Thought => {
            let thought = |piece: &str| json!({ "type": "thinking_delta", "thinking": piece });
            let signature = json!({ "type": "signature_delta", "signature": "c2lnbmVk" });
            let start = json!({ "type": "thinking", "thinking": "", "signature": "" });
            let mut blocks = block(0, start, vec![thought("The capital "), thought("city."), signature]);
            blocks.extend(text(1, &["Paris."]));
            blocks
        }
    });
    let reason = if answer == Answer::Call { "tool_use" } else { "end_turn" };
    all.push(json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null }, "usage": { "output_tokens": 12 } }));
    all.push(json!({ "type": "message_stop" }));
    all
}

fn bedrock(answer: Answer) -> Value {
    let (content, reason) = match answer {
        Answer::Words => (json!([{ "text": "Paris." }]), "end_turn"),
        Answer::Json => (json!([{ "text": JSON_TEXT }]), "end_turn"),
        Answer::Call => (
            json!([{ "toolUse": { "toolUseId": "tooluse_2", "name": "weather", "input": { "city": "Berlin" } } }]),
            "tool_use",
        ),
        Answer::Thought => (
            json!([{ "reasoningContent": { "reasoningText": { "text": "The capital city.", "signature": "c2lnbmVk" } } }, { "text": "Paris." }]),
            "end_turn",
        ),
    };
    json!({ "output": { "message": { "role": "assistant", "content": content } }, "stopReason": reason,
        "usage": bedrock_usage(), "metrics": { "latencyMs": 200 } })
}

fn bedrock_usage() -> Value {
    json!({ "inputTokens": 20, "outputTokens": 12, "totalTokens": 47, "cacheReadInputTokens": 10, "cacheWriteInputTokens": 5 })
}

/// Events by their type.
fn bedrock_stream(answer: Answer) -> Vec<(&'static str, Value)> {
    let delta = |index: u64, delta: Value| ("contentBlockDelta", json!({ "contentBlockIndex": index, "delta": delta }));
    let stop = |index: u64| ("contentBlockStop", json!({ "contentBlockIndex": index }));
    let mut all = vec![("messageStart", json!({ "role": "assistant" }))];
    all.extend(match answer {
        Answer::Words => vec![delta(0, json!({ "text": "Pa" })), delta(0, json!({ "text": "ris." })), stop(0)],
        Answer::Json => {
            vec![delta(0, json!({ "text": "{\"capital\":" })), delta(0, json!({ "text": "\"Paris\"}" })), stop(0)]
        }
        Answer::Call => vec![
            ("contentBlockStart", json!({ "contentBlockIndex": 0, "start": { "toolUse": { "toolUseId": "tooluse_2", "name": "weather" } } })),
            delta(0, json!({ "toolUse": { "input": "{\"city\":" } })),
            delta(0, json!({ "toolUse": { "input": "\"Berlin\"}" } })),
            stop(0),
        ],
        Answer::Thought => vec![
            delta(0, json!({ "reasoningContent": { "text": "The capital " } })),
            delta(0, json!({ "reasoningContent": { "text": "city." } })),
            delta(0, json!({ "reasoningContent": { "signature": "c2lnbmVk" } })),
            stop(0),
            delta(1, json!({ "text": "Paris." })),
            stop(1),
        ],
    });
    let reason = if answer == Answer::Call { "tool_use" } else { "end_turn" };
    all.push(("messageStop", json!({ "stopReason": reason })));
    all.push(("metadata", json!({ "usage": bedrock_usage(), "metrics": { "latencyMs": 200 } })));
    all
}

/// The frames of AWS's event stream.
fn frames(events: &[(&'static str, Value)]) -> Reply {
    let mut bytes = Vec::new();
    for (name, payload) in events {
        bytes.extend_from_slice(&frame(name, payload.to_string().as_bytes()));
    }
    Reply::body(200, "application/vnd.amazon.eventstream", bytes)
}

/// One frame: lengths, their checksum, headers, payload, checksum of all.
fn frame(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    for (key, value) in [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")] {
        headers.push(key.len() as u8);
        headers.extend_from_slice(key.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = 16 + headers.len() + payload.len();
    let mut out = Vec::new();
    out.extend_from_slice(&(total as u32).to_be_bytes());
    out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out
}

/// The checksum of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

fn ollama(answer: Answer) -> Value {
    let call = json!([{ "function": { "name": "weather", "arguments": { "city": "Berlin" } } }]);
    let message = match answer {
        Answer::Words => json!({ "role": "assistant", "content": "Paris." }),
        Answer::Json => json!({ "role": "assistant", "content": JSON_TEXT }),
        Answer::Call => json!({ "role": "assistant", "content": "", "tool_calls": call }),
        Answer::Thought => json!({ "role": "assistant", "content": "Paris.", "thinking": "The capital city." }),
    };
    ollama_line(message, true)
}

fn ollama_line(message: Value, done: bool) -> Value {
    let mut line = json!({ "model": "up-m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": done });
    if done {
        for (key, value) in [("total_duration", 9), ("prompt_eval_count", 30), ("eval_count", 12)] {
            line[key] = value.into();
        }
        line["done_reason"] = "stop".into();
    }
    line
}

fn ollama_stream(answer: Answer) -> Vec<Value> {
    let said = |text: &str| json!({ "role": "assistant", "content": text });
    let thought = |text: &str| json!({ "role": "assistant", "content": "", "thinking": text });
    let mut messages = match answer {
        Answer::Words => vec![said("Pa"), said("ris.")],
        Answer::Json => vec![said("{\"capital\":"), said("\"Paris\"}")],
        Answer::Thought => vec![thought("The capital "), thought("city."), said("Paris.")],
        Answer::Call => vec![ollama(Answer::Call)["message"].clone()],
    };
    messages.push(said(""));
    let last = messages.len() - 1;
    messages.into_iter().enumerate().map(|(at, message)| ollama_line(message, at == last)).collect()
}
