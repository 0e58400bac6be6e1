//! The content blocks of a message while it is written: one open at a time, numbered, whatever the order in which the
//! parts of a chat come. Refuses to know what a chunk looks like.
//!
//! Blocks stand in a queue. The first is open and written at once; what belongs to a later one waits. Text and thinking
//! end when something else begins; a call ends when its arguments are whole and something else waits, else at the end
//! of the message, because a chat may always bring one more piece of it.

use super::arguments::Arguments;
use super::json::{escaped, put};
use std::borrow::Cow;
use std::collections::VecDeque;

/// What stands around the text of a custom tool, inside of a string.
const CUSTOM_BEGIN: &str = r#"{\"input\":\""#;
const CUSTOM_END: &str = r#"\"}"#;

/// The blocks of one message. All words that go in are the insides of JSON strings as they are written.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    queue: VecDeque<Block>,
    /// Whether the first of the queue has begun.
    open: bool,
    /// The number of the first of the queue.
    index: usize,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Block {
    content: Content,
    /// What has come and is not written yet.
    waiting: String,
}

#[derive(Debug)]
enum Content {
    Text,
    /// With its signature, which ends it.
    Thinking(Option<String>),
    Redacted,
    /// A call, by its place in the list of all.
    Call(usize),
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: Arguments,
    /// Whether its arguments are a text, which becomes the member `input` of an object.
    custom: bool,
    ended: bool,
}

/// What a chunk tells of a call; empty where it does not tell.
#[derive(Debug, Default)]
pub(super) struct CallPart<'a> {
    /// Its number among the calls of the message.
    pub(super) index: Option<u64>,
    /// Its id.
    pub(super) id: &'a str,
    /// Whom it calls.
    pub(super) name: &'a str,
    /// The next fragment of its arguments.
    pub(super) arguments: &'a str,
    /// Whether they are a text and no JSON.
    pub(super) custom: bool,
}

impl Blocks {
    /// Whether a tool is called.
    pub(super) fn calls_tools(&self) -> bool {
        self.calls.iter().any(Call::is_something)
    }

    /// More text.
    pub(super) fn text(&mut self, out: &mut Vec<u8>, words: &str) {
        let more = matches!(self.queue.back(), Some(Block { content: Content::Text, .. }));
        self.say(out, if more { None } else { Some(Content::Text) }, words);
    }

    /// More thinking.
    pub(super) fn thinking(&mut self, out: &mut Vec<u8>, words: &str) {
        let more = matches!(self.queue.back(), Some(Block { content: Content::Thinking(None), .. }));
        self.say(out, if more { None } else { Some(Content::Thinking(None)) }, words);
    }

    /// The signature of the thinking before it, which is then complete.
    pub(super) fn signature(&mut self, out: &mut Vec<u8>, signature: &str) {
        if signature.is_empty() {
            return;
        }
        match self.queue.back_mut() {
            Some(Block { content: Content::Thinking(sign @ None), .. }) => *sign = Some(signature.to_owned()),
            _ => self.begin(Content::Thinking(Some(signature.to_owned()))),
        }
        self.write(out);
    }

    /// Thinking that only its author can read.
    pub(super) fn redacted(&mut self, out: &mut Vec<u8>, data: &str) {
        self.say(out, Some(Content::Redacted), data);
    }

    /// A part of a call.
    pub(super) fn call(&mut self, out: &mut Vec<u8>, part: &CallPart<'_>) {
        if part.id.is_empty() && part.name.is_empty() && part.arguments.is_empty() {
            return;
        }
        let at = self.place(part);
        let call = &mut self.calls[at];
        // Its arguments were whole; what comes behind them is none.
        if call.ended {
            return;
        }
        for (known, told) in [(&mut call.id, part.id), (&mut call.name, part.name)] {
            if known.is_empty() {
                known.push_str(told);
            }
        }
        call.custom |= part.custom;
        let arguments = if part.custom { call.in_object(part.arguments) } else { Cow::Borrowed(part.arguments) };
        call.arguments.take(&arguments);
        let mine = |block: &&mut Block| matches!(block.content, Content::Call(place) if place == at);
        if let Some(block) = self.queue.iter_mut().rev().find(mine) {
            block.waiting.push_str(&arguments);
        }
        self.write(out);
    }

    /// Where this call stands in the list; a new one goes to its end.
    fn place(&mut self, part: &CallPart<'_>) -> usize {
        let CallPart { index, id, name, arguments, .. } = *part;
        let same_id = |call: &Call| !id.is_empty() && call.id == id;
        let place = match index {
            Some(_) => {
                let same = self.calls.iter().rposition(|call| call.index == index && same_id(call));
                same.or_else(|| self.calls.iter().rposition(|call| call.index == index))
            }
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().rposition(same_id),
        };
        // Some give every call the same number, or none: a name begins another one where the id is another, or where
        // a call without either has its arguments.
        let another = |call: &Call| {
            let other_id = !id.is_empty() && !call.id.is_empty() && call.id != id;
            let has_all = if index.is_none() { call.arguments.any() } else { call.ended && !arguments.is_empty() };
            !name.is_empty() && (other_id || (id.is_empty() && has_all))
        };
        match place {
            Some(at) if !another(&self.calls[at]) => at,
            _ => {
                self.calls.push(Call { index, ..Call::default() });
                let at = self.calls.len() - 1;
                self.begin(Content::Call(at));
                at
            }
        }
    }

    /// Ends all blocks; a call without an id gets one of the answer `id`, one without arguments an empty input.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>, id: &str) {
        while let Some(first) = self.queue.front() {
            if let Content::Call(at) = first.content {
                let call = &mut self.calls[at];
                if !call.is_something() {
                    self.queue.pop_front();
                    continue;
                }
                if call.id.is_empty() {
                    call.id = wire::call_id(id, at);
                }
            }
            self.write_first(out, true);
            self.end_first(out);
        }
    }

    fn begin(&mut self, content: Content) {
        self.queue.push_back(Block { content, waiting: String::new() });
    }

    /// Words for a new block, or for the last.
    fn say(&mut self, out: &mut Vec<u8>, new: Option<Content>, words: &str) {
        if words.is_empty() {
            return;
        }
        if let Some(content) = new {
            self.begin(content);
        }
        if let Some(block) = self.queue.back_mut() {
            block.waiting.push_str(words);
        }
        self.write(out);
    }

    /// Writes as much as can be written.
    fn write(&mut self, out: &mut Vec<u8>) {
        loop {
            self.write_first(out, false);
            let Some(first) = self.queue.front() else { return };
            let ends = match &first.content {
                Content::Text | Content::Thinking(None) => self.queue.len() > 1,
                Content::Thinking(Some(_)) | Content::Redacted => true,
                Content::Call(at) => self.queue.len() > 1 && self.open && self.calls[*at].arguments.whole(),
            };
            if !ends {
                return;
            }
            self.end_first(out);
        }
    }

    /// Writes what the first block has: its beginning too, unless it is a call of which the id or the name may still
    /// come.
    fn write_first(&mut self, out: &mut Vec<u8>, last: bool) {
        let Some(first) = self.queue.front_mut() else { return };
        let index = self.index.to_string();
        if !self.open {
            if let Content::Call(at) = first.content
                && !last
                && (self.calls[at].id.is_empty() || self.calls[at].name.is_empty())
            {
                return;
            }
            start(out, &index, first, &self.calls);
            self.open = true;
        }
        let kind = match first.content {
            Content::Text => "text_delta\",\"text",
            Content::Thinking(_) => "thinking_delta\",\"thinking",
            Content::Call(_) => "input_json_delta\",\"partial_json",
            Content::Redacted => return first.waiting.clear(),
        };
        if !first.waiting.is_empty() {
            delta(out, &index, kind, &first.waiting);
            first.waiting.clear();
        }
    }

    fn end_first(&mut self, out: &mut Vec<u8>) {
        let Some(first) = self.queue.pop_front() else { return };
        let index = self.index.to_string();
        match first.content {
            Content::Thinking(Some(signature)) => delta(out, &index, "signature_delta\",\"signature", &signature),
            Content::Call(at) => {
                let call = &mut self.calls[at];
                call.ended = true;
                let rest = match call.arguments.any() {
                    _ if call.custom => [&call.in_object(""), CUSTOM_END].concat(),
                    false => "{}".to_owned(),
                    true => String::new(),
                };
                if !rest.is_empty() {
                    delta(out, &index, "input_json_delta\",\"partial_json", &rest);
                }
            }
            _ => {}
        }
        event(out, "content_block_stop", &[",\"index\":", &index]);
        self.open = false;
        self.index += 1;
    }
}

impl Call {
    /// Whether there is anything to it that a client could use.
    fn is_something(&self) -> bool {
        !self.name.is_empty() || self.arguments.any()
    }

    /// The next piece of an object that holds a text, from the next piece of the text.
    fn in_object(&self, text: &str) -> Cow<'static, str> {
        let begin = if self.arguments.any() { "" } else { CUSTOM_BEGIN };
        Cow::Owned([begin, &escaped(text)].concat())
    }
}

fn start(out: &mut Vec<u8>, index: &str, block: &Block, calls: &[Call]) {
    let head = [",\"index\":", index, ",\"content_block\":"].concat();
    let name = "content_block_start";
    match block.content {
        Content::Text => event(out, name, &[&head, r#"{"type":"text","text":""}"#]),
        Content::Thinking(_) => event(out, name, &[&head, r#"{"type":"thinking","thinking":"","signature":""}"#]),
        Content::Redacted => {
            event(out, name, &[&head, r#"{"type":"redacted_thinking","data":""#, &block.waiting, "\"}"]);
        }
        Content::Call(at) => {
            let call = &calls[at];
            let open = r#"{"type":"tool_use","id":""#;
            event(out, name, &[&head, open, &call.id, r#"","name":""#, &call.name, r#"","input":{}}"#]);
        }
    }
}

/// `kind` is the type of the delta and the name of the member that holds the words.
fn delta(out: &mut Vec<u8>, index: &str, kind: &str, words: &str) {
    let open = r#","delta":{"type":""#;
    event(out, "content_block_delta", &[",\"index\":", index, open, kind, "\":\"", words, "\"}"]);
}

/// An event with its type; `members` go behind it.
pub(super) fn event(out: &mut Vec<u8>, name: &str, members: &[&str]) {
    put(out, &["event: ", name, "\ndata: {\"type\":\"", name, "\""]);
    put(out, members);
    put(out, &["}\n\n"]);
}
