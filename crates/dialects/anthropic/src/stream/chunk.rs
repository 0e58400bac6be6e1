//! What is looked at in a chunk of a chat, under all the names that upstreams use. Refuses to know what becomes of it.
//!
//! Every member is kept as text until it is wanted, so that one of the wrong type costs nothing but itself.

use super::json::{inside, object, read};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A chunk.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) choices: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) althing: Option<&'a RawValue>,
}

/// One of its choices.
#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    pub(super) index: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<&'a RawValue>,
    // What ended it, as Anthropic and as vLLM call it, where it is a sequence.
    #[serde(borrow)]
    pub(super) stop_sequence: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<&'a RawValue>,
}

/// What is new in a choice.
#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking_blocks: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
}

/// The words of what is spoken.
#[derive(Deserialize)]
struct Audio<'a> {
    #[serde(borrow)]
    transcript: Option<&'a RawValue>,
}

/// A part of a list: of the content, of the thinking.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    #[serde(borrow)]
    signature: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    format: Option<&'a RawValue>,
}

/// A part of a call.
#[derive(Deserialize)]
pub(super) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(super) index: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) function: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) custom: Option<&'a RawValue>,
}

/// Whom a call calls, and with what.
#[derive(Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Option<&'a RawValue>,
    #[serde(borrow, alias = "input")]
    pub(super) arguments: Option<&'a RawValue>,
}

/// What a part says: the insides of JSON strings as they are written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    Text(&'a str),
    Refusal(&'a str),
    Thinking(&'a str),
    Signature(&'a str),
    Redacted(&'a str),
}

/// The members of a list; none of anything else.
pub(super) fn list(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.filter(|raw| raw.get().starts_with('[')).and_then(|raw| read(Some(raw))).unwrap_or_default()
}

/// What a content says: a string, or a list of parts in their order.
fn content<'a>(raw: Option<&'a RawValue>, say: &mut impl FnMut(Said<'a>)) {
    say(Said::Text(inside(raw)));
    for part in list(raw) {
        say(Said::Text(inside(Some(part))));
        let Some(part) = object::<Part<'_>>(Some(part)) else { continue };
        let words = inside(part.text);
        say(if inside(part.kind) == "thinking" { Said::Thinking(words) } else { Said::Text(words) });
        say(Said::Refusal(inside(part.refusal)));
        say(Said::Thinking(inside(part.thinking)));
        for deeper in list(part.thinking).into_iter().filter_map(|part| object::<Part<'_>>(Some(part))) {
            say(Said::Thinking(inside(deeper.text)));
        }
        say(Said::Signature(inside(part.signature)));
    }
}

impl<'a> Delta<'a> {
    /// What has been said.
    pub(super) fn said(&self, mut say: impl FnMut(Said<'a>)) {
        content(self.content, &mut say);
        say(Said::Refusal(inside(self.refusal)));
        say(Said::Text(object::<Audio<'_>>(self.audio).map_or("", |audio| inside(audio.transcript))));
    }

    /// What has been thought. Many send the same words under several names: those of `thinking_blocks` hold, else
    /// `reasoning_content`, else `reasoning`, else `reasoning_details`; signatures and what is redacted come from
    /// wherever they stand.
    pub(super) fn thought(&self, mut say: impl FnMut(Said<'a>)) {
        let read_all = |raw| list(raw).into_iter().filter_map(|part| object(Some(part))).collect::<Vec<Part<'a>>>();
        let (blocks, details) = (read_all(self.thinking_blocks), read_all(self.reasoning_details));
        let plain = [self.reasoning_content, self.reasoning].into_iter().map(inside).find(|text| !text.is_empty());
        let mut told = blocks.iter().any(Part::says);
        if let Some(plain) = plain.filter(|_| !told) {
            say(Said::Thinking(plain));
            told = true;
        }
        blocks.iter().for_each(|part| part.thought(true, &mut say));
        // Whoever gives both means the same.
        if blocks.is_empty() {
            details.iter().for_each(|part| part.thought(!told, &mut say));
        }
    }
}

impl<'a> Part<'a> {
    fn says(&self) -> bool {
        !inside(self.thinking).is_empty()
    }

    /// One block of thinking; its words only where they are wanted.
    fn thought(&self, words: bool, say: &mut impl FnMut(Said<'a>)) {
        if words {
            [self.thinking, self.text, self.summary].into_iter().for_each(|text| say(Said::Thinking(inside(text))));
        }
        say(Said::Signature(inside(self.signature)));
        // What other providers encrypt would be refused when it comes back.
        let format = inside(self.format);
        if matches!(inside(self.kind), "redacted_thinking" | "reasoning.encrypted")
            && (format.is_empty() || format.starts_with("anthropic"))
        {
            say(Said::Redacted(inside(self.data)));
        }
    }
}
