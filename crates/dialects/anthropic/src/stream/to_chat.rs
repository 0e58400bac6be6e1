//! Events of a message become chunks of a chat. Refuses to know who reads them.

use super::json::{escaped, inside, object, one_line, put};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::openai::{StreamWriter, Usage};
use wire::sse::events;
use wire::{About, Translate};

/// Events of a message become chunks of a chat.
///
/// The end of the choice, the usage and `[DONE]` are written together, once, when the message has ended.
#[derive(Debug)]
pub struct ToChat {
    /// How every chunk begins, up to its first choice.
    head: String,
    begun: bool,
    ended: bool,
    tools: Vec<Tool>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    usage: Option<Usage>,
    /// Whether the usage is told at the end.
    tells_usage: bool,
    althing: Option<String>,
}

/// A call, whose place in the list is its number in the chat.
#[derive(Debug)]
struct Tool {
    /// The number of its block, as it is written.
    block: String,
    /// The inside of a string with the input that stood at its beginning.
    input: String,
    /// Whether its arguments have been written.
    told: bool,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    althing: Option<&'a RawValue>,
}

/// What is looked at in a message, a block and a delta; none has all of it.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    signature: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    partial_json: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    stop_sequence: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl ToChat {
    /// At the beginning of a stream.
    pub fn new(about: &About<'_>) -> Self {
        let (id, model, created) = (escaped(about.id), escaped(about.model), about.created);
        let head = format!(
            r#"data: {{"id":"chatcmpl-{id}","object":"chat.completion.chunk","created":{created},"model":"{model}","choices":["#
        );
        Self {
            head,
            begun: false,
            ended: false,
            tools: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: None,
            tells_usage: true,
            althing: None,
        }
    }

    /// Whether the usage is told, in a chunk of its own at the end: clients that do not ask for it need not know such
    /// a chunk. Told unless said otherwise.
    #[must_use]
    pub fn with_usage(self, tells_usage: bool) -> Self {
        Self { tells_usage, ..self }
    }

    fn read(&mut self, name: Option<&str>, text: &str, out: &mut Vec<u8>) {
        let Ok(event) = serde_json::from_str::<Event<'_>>(text) else { return };
        if let Some(report) = event.althing {
            self.althing = Some(one_line(report).into_owned());
        }
        let kind = inside(event.kind);
        let part = |raw| object::<Part<'_>>(raw);
        match if kind.is_empty() { name.unwrap_or_default() } else { kind } {
            "message_start" => {
                self.count(part(event.message).and_then(|message| message.usage));
                self.begin(out);
            }
            "content_block_start" => part(event.content_block).into_iter().for_each(|p| self.start(&event, &p, out)),
            "content_block_delta" => part(event.delta).into_iter().for_each(|p| self.more(&event, &p, out)),
            "content_block_stop" => self.stop(event.index, out),
            "message_delta" => {
                self.count(event.usage);
                let delta = part(event.delta);
                let told = |raw: Option<&RawValue>| Some(inside(raw).to_owned()).filter(|text| !text.is_empty());
                let (reason, sequence) = delta.map_or((None, None), |delta| (delta.stop_reason, delta.stop_sequence));
                self.stop_reason = told(reason).or(self.stop_reason.take());
                self.stop_sequence = told(sequence).or(self.stop_sequence.take());
            }
            "message_stop" => self.close(out),
            "ping" => out.extend_from_slice(&StreamWriter::comment("ping")),
            "error" => self.error(event.error, out),
            _ => {}
        }
    }

    fn count(&mut self, raw: Option<&RawValue>) {
        let now = raw.and_then(Usage::read);
        self.usage = match (self.usage, now) {
            (Some(before), Some(now)) => Some(before.or_more(now)),
            (before, now) => now.or(before),
        };
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            self.write(out, &[r#""role":"assistant","content":"""#]);
        }
    }

    /// A block begins; most are empty then.
    fn start(&mut self, event: &Event<'_>, block: &Part<'_>, out: &mut Vec<u8>) {
        match inside(block.kind) {
            "text" => self.say("content", inside(block.text), out),
            "thinking" => {
                self.say("reasoning_content", inside(block.thinking), out);
                self.sign(inside(block.signature), out);
            }
            "redacted_thinking" => {
                let open = r#""thinking_blocks":[{"type":"redacted_thinking","data":""#;
                self.begin(out);
                self.write(out, &[open, inside(block.data), "\"}]"]);
            }
            "tool_use" => {
                let input = block.input.map(one_line).filter(|input| !matches!(input.as_ref(), "null"));
                let input = escaped(input.as_deref().unwrap_or("{}"));
                let place = self.tools.len().to_string();
                self.tools.push(Tool { block: number(event.index), input, told: false });
                let (id, name) = (inside(block.id), inside(block.name));
                self.begin(out);
                let open = [r#""tool_calls":[{"index":"#, &place, r#","id":""#, id].concat();
                let rest = r#"","type":"function","function":{"name":""#;
                self.write(out, &[&open, rest, name, r#"","arguments":""}}]"#]);
            }
            // What Anthropic ran itself is no call of the client's.
            _ => {}
        }
    }

    /// A block goes on.
    fn more(&mut self, event: &Event<'_>, delta: &Part<'_>, out: &mut Vec<u8>) {
        match inside(delta.kind) {
            "text_delta" => self.say("content", inside(delta.text), out),
            "thinking_delta" => self.say("reasoning_content", inside(delta.thinking), out),
            "signature_delta" => self.sign(inside(delta.signature), out),
            "input_json_delta" => {
                let (block, fragment) = (number(event.index), inside(delta.partial_json));
                let place = self.tools.iter().rposition(|tool| tool.block == block);
                if let Some(place) = place.filter(|_| !fragment.is_empty()) {
                    self.arguments(place, fragment, out);
                }
            }
            _ => {}
        }
    }

    /// A block ends; a call without arguments gets its empty input.
    fn stop(&mut self, index: Option<&RawValue>, out: &mut Vec<u8>) {
        let block = number(index);
        if let Some(place) = self.tools.iter().rposition(|tool| tool.block == block) {
            self.complete(place, out);
        }
    }

    fn complete(&mut self, place: usize, out: &mut Vec<u8>) {
        if let Some(tool) = self.tools.get_mut(place).filter(|tool| !tool.told) {
            let input = std::mem::take(&mut tool.input);
            self.arguments(place, &input, out);
        }
    }

    fn arguments(&mut self, place: usize, fragment: &str, out: &mut Vec<u8>) {
        if let Some(tool) = self.tools.get_mut(place) {
            tool.told = true;
        }
        let place = place.to_string();
        let open = r#""tool_calls":[{"index":"#;
        self.write(out, &[open, &place, r#","function":{"arguments":""#, fragment, "\"}}]"]);
    }

    fn say(&mut self, member: &str, words: &str, out: &mut Vec<u8>) {
        if !words.is_empty() {
            self.begin(out);
            self.write(out, &["\"", member, "\":\"", words, "\""]);
        }
    }

    fn sign(&mut self, signature: &str, out: &mut Vec<u8>) {
        if !signature.is_empty() {
            self.begin(out);
            let open = r#""thinking_blocks":[{"type":"thinking","thinking":"","signature":""#;
            self.write(out, &[open, signature, "\"}]"]);
        }
    }

    /// A chunk with one delta.
    fn write(&self, out: &mut Vec<u8>, delta: &[&str]) {
        put(out, &[&self.head, r#"{"index":0,"delta":{"#]);
        put(out, delta);
        put(out, &["},\"logprobs\":null,\"finish_reason\":null}]}\n\n"]);
    }

    fn error(&mut self, raw: Option<&RawValue>, out: &mut Vec<u8>) {
        self.ended = true;
        let part = object::<Part<'_>>(raw);
        let (kind, message) = part.map_or(("", ""), |part| (inside(part.kind), inside(part.message)));
        let kind = if kind.is_empty() { "api_error" } else { kind };
        let rest = r#"","param":null,"code":""#;
        put(out, &[r#"data: {"error":{"message":""#, message, r#"","type":""#, kind, rest, kind, "\"}}\n\n"]);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.begin(out);
        (0..self.tools.len()).for_each(|place| self.complete(place, out));
        let report = self.althing.take().map_or(String::new(), |report| [",\"althing\":", &report].concat());
        let finish = r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":""#;
        put(out, &[&self.head, finish, self.finish_reason(), "\""]);
        if let Some(sequence) = &self.stop_sequence {
            put(out, &[",\"stop_sequence\":\"", sequence, "\""]);
        }
        put(out, &["}]"]);
        match self.usage.filter(|_| self.tells_usage) {
            Some(usage) => {
                let both = usage.prompt_tokens.saturating_add(usage.completion_tokens);
                let usage = Usage { total_tokens: usage.total_tokens.max(both), ..usage };
                let usage = serde_json::to_string(&usage).unwrap_or_default();
                put(out, &["}\n\n", &self.head, "],\"usage\":", &usage, &report, "}\n\n"]);
            }
            None => put(out, &[&report, "}\n\n"]),
        }
        out.extend_from_slice(&StreamWriter::done());
    }

    fn finish_reason(&self) -> &'static str {
        match self.stop_reason.as_deref() {
            Some("max_tokens" | "model_context_window_exceeded") => "length",
            Some("refusal") => "content_filter",
            Some("tool_use") | None if !self.tools.is_empty() => "tool_calls",
            _ => "stop",
        }
    }
}

/// The number of a block as it is written.
fn number(raw: Option<&RawValue>) -> String {
    raw.map_or("", RawValue::get).to_owned()
}

impl Translate for ToChat {
    fn push(&mut self, block: &[u8]) -> Bytes {
        let mut out = Vec::new();
        for event in events(block) {
            match event.data {
                _ if self.ended => break,
                None => out.extend_from_slice(&StreamWriter::comment("ping")),
                Some(data) => self.read(event.name.as_deref(), &String::from_utf8_lossy(&data), &mut out),
            }
        }
        Bytes::from(out)
    }

    fn end(&mut self) -> Bytes {
        let mut out = Vec::new();
        self.close(&mut out);
        Bytes::from(out)
    }
}
