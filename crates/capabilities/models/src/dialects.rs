//! What providers answer in, whichever dialect: read on the side while it passes by, and put into a chat.
//!
//! Knows every dialect that a provider speaks; how clients are answered in theirs is the door's business.

use std::borrow::Cow;
use wire::Dialect;
use wire::openai::{ChatReply, ChunkView, is_done};

/// Reads the data of one event that passes by; `None` if it is none of this dialect.
///
/// `begun` says that the stream has shown its first token: then only what may hold a usage, an error or the end
/// is parsed.
pub(crate) fn read(dialect: Dialect, data: &[u8], begun: bool) -> Option<ChunkView> {
    match dialect {
        Dialect::Chat | Dialect::Ollama if is_done(data) => Some(ChunkView { done: true, ..ChunkView::default() }),
        Dialect::Chat | Dialect::Ollama if begun => ChunkView::read_rest(data),
        Dialect::Chat | Dialect::Ollama => ChunkView::read(data),
        Dialect::Messages => anthropic::view(data, begun),
        Dialect::Responses => responses::view(data, begun),
    }
}

/// Characters that the model has written in one event, as far as a look without parsing tells.
pub(crate) fn said_chars(dialect: Dialect, data: &[u8]) -> u64 {
    match dialect {
        Dialect::Chat | Dialect::Ollama => wire::openai::said_chars(data),
        Dialect::Messages => anthropic::said_chars(data),
        Dialect::Responses => responses::said_chars(data),
    }
}

/// A reply as a chat.
pub fn as_chat(reply: &ChatReply) -> Cow<'_, ChatReply> {
    let chat = match reply.dialect() {
        Dialect::Chat | Dialect::Ollama => return Cow::Borrowed(reply),
        Dialect::Messages => anthropic::reply_to_chat(reply.bytes().clone()),
        Dialect::Responses => responses::reply_to_chat(reply.bytes().clone()),
    };
    // What was read as a reply of its dialect translates.
    let marked = |chat: ChatReply| if reply.simulated() { chat.marked_simulated() } else { chat };
    chat.map_or(Cow::Borrowed(reply), |chat| Cow::Owned(marked(chat)))
}
