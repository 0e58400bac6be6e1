//! One model behind three protocols. Asked first it thinks, speaks and calls two tools; given their results it speaks.

use crate::support::Server;
use serde_json::{Value, json};
use testkit::{Reply, Seen, Upstream};

/// What it thinks, in two pieces.
pub(super) const THOUGHT: [&str; 2] = ["I should ", "look first."];
/// How a provider that signs has signed it.
pub(super) const SIGNATURE: &str = "c2lnbmVk+/==";
/// What it says before it calls.
pub(super) const WORDS: [&str; 2] = ["Let me ", "look."];
/// What it says at last.
pub(super) const DONE: &str = "All is done.";
/// The input of the free-form tool, with all that JSON has to escape.
pub(super) const PATCH: &str = "*** Begin Patch\n*** Update File: \"a\\b.rs\"\n-höhle 🦀\n+\tcave\n*** End Patch";

/// Both calls.
pub(super) fn calls() -> Vec<(String, Value)> {
    let shell = json!({ "command": ["ls", "-la"], "env": { "A": { "b": [1, 2.5, null, true] } }, "timeout": 10 });
    vec![("shell".to_owned(), shell), ("apply_patch".to_owned(), json!({ "input": PATCH }))]
}

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    OpenAi,
    Anthropic,
    Bedrock,
}

impl Kind {
    /// Whether thoughts are signed there.
    pub(super) fn signs(self) -> bool {
        self != Self::OpenAi
    }

    /// Starts it, and a server in front that calls it `agent/claude`.
    pub(super) async fn start(self) -> (Upstream, Server) {
        let upstream = Upstream::start(move |seen| self.answer(seen)).await;
        let (kind, path, more) = match self {
            Self::OpenAi => ("openai", "/v1", ""),
            Self::Anthropic => ("anthropic", "", "api_key = \"env:HOME\"\n"),
            Self::Bedrock => ("bedrock", "", "api_key = \"env:HOME\"\naws = { region = \"eu-central-1\" }\n"),
        };
        let model = "{ name = \"claude\", upstream_name = \"eu.anthropic.claude-sonnet-4-20250514-v1:0\" }";
        let config = format!(
            "[[provider]]\nname = \"agent\"\nkind = \"{kind}\"\nbase_url = \"http://{}{path}\"\nmodels = [{model}]\n{more}",
            upstream.addr()
        );
        (upstream, Server::start(&config))
    }

    fn answer(self, seen: &Seen) -> Reply {
        if seen.path.contains("count") {
            return Reply::json(200, &json!({ "input_tokens": 77, "inputTokens": 77 }));
        }
        let answered = !self.results(&seen.json()).is_empty();
        match self {
            Self::OpenAi => openai(answered),
            Self::Anthropic => anthropic(answered),
            Self::Bedrock => bedrock(answered),
        }
    }

    fn turns(self, asked: &Value) -> Vec<Value> {
        let messages = asked["messages"].as_array().unwrap().iter();
        let blocks = |message: &Value| message["content"].as_array().cloned().unwrap_or_default();
        if self == Self::OpenAi { messages.cloned().collect() } else { messages.flat_map(blocks).collect() }
    }

    /// The calls of a conversation as this protocol carries them.
    pub(super) fn calls(self, asked: &Value) -> Vec<(String, Value)> {
        let turns = self.turns(asked);
        let named = |name: &Value, input: &Value| (name.as_str().unwrap().to_owned(), input.clone());
        let of = |turn: &Value| match self {
            Self::OpenAi => turn["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|call| {
                    let input = call["function"]["arguments"].as_str().unwrap_or_else(|| panic!("{call}"));
                    named(&call["function"]["name"], &serde_json::from_str(input).unwrap())
                })
                .collect(),
            Self::Anthropic if turn["type"] == "tool_use" => vec![named(&turn["name"], &turn["input"])],
            Self::Bedrock if turn["toolUse"].is_object() => {
                vec![named(&turn["toolUse"]["name"], &turn["toolUse"]["input"])]
            }
            _ => Vec::new(),
        };
        turns.iter().flat_map(of).collect()
    }

    /// What tools have given back: the id of the call and the words.
    pub(super) fn results(self, asked: &Value) -> Vec<(String, String)> {
        let turns = self.turns(asked);
        let text = |content: &Value| match content.as_array() {
            Some(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(" "),
            None => content.as_str().unwrap_or_default().to_owned(),
        };
        // Where only one text may stand, several are put below each other.
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let of = |turn: &Value| {
            let (id, content) = match self {
                Self::OpenAi => (&turn["tool_call_id"], &turn["content"]),
                Self::Anthropic => (&turn["tool_use_id"], &turn["content"]),
                Self::Bedrock => (&turn["toolResult"]["toolUseId"], &turn["toolResult"]["content"]),
            };
            Some((id.as_str()?.to_owned(), words(text(content))))
        };
        turns.iter().filter_map(of).collect()
    }

    /// Thoughts that are signed: their words and the signature.
    pub(super) fn thoughts(self, asked: &Value) -> Vec<(String, String)> {
        let of = |turn: &Value| {
            let (text, signature) = match self {
                Self::OpenAi => return None,
                Self::Anthropic => (&turn["thinking"], &turn["signature"]),
                Self::Bedrock => {
                    let thought = &turn["reasoningContent"]["reasoningText"];
                    (&thought["text"], &thought["signature"])
                }
            };
            Some((text.as_str()?.to_owned(), signature.as_str()?.to_owned()))
        };
        self.turns(asked).iter().filter_map(of).collect()
    }

    /// The schemas of the tools that were offered, by name.
    pub(super) fn tools(self, asked: &Value) -> Vec<(String, Value)> {
        let tools = if self == Self::Bedrock { &asked["toolConfig"]["tools"] } else { &asked["tools"] };
        let of = |tool: &Value| {
            let (name, schema) = match self {
                Self::OpenAi => (&tool["function"]["name"], &tool["function"]["parameters"]),
                Self::Anthropic => (&tool["name"], &tool["input_schema"]),
                Self::Bedrock => (&tool["toolSpec"]["name"], &tool["toolSpec"]["inputSchema"]["json"]),
            };
            Some((name.as_str()?.to_owned(), schema.clone()))
        };
        tools.as_array().unwrap().iter().filter_map(of).collect()
    }
}

/// The arguments of a call in pieces of a few bytes, cut anywhere between two letters.
fn pieces(input: &Value) -> Vec<String> {
    let letters: Vec<char> = input.to_string().chars().collect();
    letters.chunks(7).map(|piece| piece.iter().collect()).collect()
}

fn openai(answered: bool) -> Reply {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        json!({ "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice] })
            .to_string()
    };
    let said = |delta: Value| chunk(delta, Value::Null);
    let mut events = vec![said(json!({ "role": "assistant", "content": "" }))];
    if answered {
        events.extend([said(json!({ "content": DONE })), chunk(json!({}), json!("stop"))]);
    } else {
        events.extend(THOUGHT.map(|text| said(json!({ "reasoning_content": text }))));
        events.extend(WORDS.map(|text| said(json!({ "content": text }))));
        for (index, (name, input)) in calls().iter().enumerate() {
            let function = json!({ "name": name, "arguments": "" });
            let call = json!({ "index": index, "id": id(index), "type": "function", "function": function });
            events.push(said(json!({ "tool_calls": [call] })));
            events.extend(
                pieces(input).into_iter().map(|piece| {
                    said(json!({ "tool_calls": [{ "index": index, "function": { "arguments": piece } }] }))
                }),
            );
        }
        events.push(chunk(json!({}), json!("tool_calls")));
    }
    let usage = json!({ "prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70 });
    events.push(json!({ "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage }).to_string());
    events.push("[DONE]".to_owned());
    Reply::stream(&events.iter().map(String::as_str).collect::<Vec<_>>())
}

fn id(index: usize) -> String {
    format!("toolu_{index}")
}

fn anthropic(answered: bool) -> Reply {
    let usage = json!({ "input_tokens": 50, "output_tokens": 1 });
    let message = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage });
    let mut events = vec![json!({ "type": "message_start", "message": message }), json!({ "type": "ping" })];
    let mut blocks: Vec<(Value, Vec<Value>)> = Vec::new();
    let text = |text: &str| json!({ "type": "text_delta", "text": text });
    if answered {
        blocks.push((json!({ "type": "text", "text": "" }), vec![text(DONE)]));
    } else {
        let mut thought: Vec<Value> = THOUGHT.map(|text| json!({ "type": "thinking_delta", "thinking": text })).into();
        thought.push(json!({ "type": "signature_delta", "signature": SIGNATURE }));
        blocks.push((json!({ "type": "thinking", "thinking": "", "signature": "" }), thought));
        blocks.push((json!({ "type": "text", "text": "" }), WORDS.map(text).into()));
        for (index, (name, input)) in calls().iter().enumerate() {
            let start = json!({ "type": "tool_use", "id": id(index), "name": name, "input": {} });
            let piece = |piece| json!({ "type": "input_json_delta", "partial_json": piece });
            blocks.push((start, pieces(input).into_iter().map(piece).collect()));
        }
    }
    for (index, (start, deltas)) in blocks.into_iter().enumerate() {
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        let delta = |delta| json!({ "type": "content_block_delta", "index": index, "delta": delta });
        events.extend(deltas.into_iter().map(delta));
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    let reason = if answered { "end_turn" } else { "tool_use" };
    let delta = json!({ "stop_reason": reason, "stop_sequence": null });
    events.push(json!({ "type": "message_delta", "delta": delta, "usage": { "output_tokens": 20 } }));
    events.push(json!({ "type": "message_stop" }));
    let named = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    events.iter().map(named).fold(Reply::stream(&[]), Reply::chunk)
}

fn bedrock(answered: bool) -> Reply {
    let mut events = vec![("messageStart", json!({ "role": "assistant" }))];
    let delta = |at: usize, delta: Value| ("contentBlockDelta", json!({ "contentBlockIndex": at, "delta": delta }));
    let stop = |at: usize| ("contentBlockStop", json!({ "contentBlockIndex": at }));
    if answered {
        events.extend([delta(0, json!({ "text": DONE })), stop(0)]);
    } else {
        events.extend(THOUGHT.map(|text| delta(0, json!({ "reasoningContent": { "text": text } }))));
        events.extend([delta(0, json!({ "reasoningContent": { "signature": SIGNATURE } })), stop(0)]);
        events.extend(WORDS.map(|text| delta(1, json!({ "text": text }))));
        events.push(stop(1));
        for (index, (name, input)) in calls().iter().enumerate() {
            let at = index + 2;
            let start = json!({ "toolUse": { "toolUseId": id(index), "name": name } });
            events.push(("contentBlockStart", json!({ "contentBlockIndex": at, "start": start })));
            let piece = |piece| delta(at, json!({ "toolUse": { "input": piece } }));
            events.extend(pieces(input).into_iter().map(piece));
            events.push(stop(at));
        }
    }
    events.push(("messageStop", json!({ "stopReason": if answered { "end_turn" } else { "tool_use" } })));
    let usage = json!({ "inputTokens": 50, "outputTokens": 20, "totalTokens": 70 });
    events.push(("metadata", json!({ "usage": usage, "metrics": { "latencyMs": 5 } })));
    let frames: Vec<u8> = events.iter().flat_map(|(name, event)| frame(name, event)).collect();
    Reply::body(200, "application/vnd.amazon.eventstream", frames)
}

/// A frame, as Amazon's reference of the encoding has it.
fn frame(name: &str, event: &Value) -> Vec<u8> {
    let header = |key: &str, value: &str| {
        let length = (value.len() as u16).to_be_bytes();
        [&[key.len() as u8], key.as_bytes(), &[7], &length, value.as_bytes()].concat()
    };
    let headers =
        [header(":event-type", name), header(":content-type", "application/json"), header(":message-type", "event")]
            .concat();
    let payload = event.to_string();
    let total = (headers.len() + payload.len() + 16) as u32;
    let mut frame = [total.to_be_bytes(), (headers.len() as u32).to_be_bytes()].concat();
    frame.extend(checksum(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload.bytes());
    frame.extend(checksum(&frame).to_be_bytes());
    frame
}

/// CRC-32 as in IEEE 802.3.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}
