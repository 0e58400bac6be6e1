//! Where a model thinks aloud before it answers. What is thought is no answer, whatever numbers are in it.

/// What begins and ends thoughts, in the ways that models mark them.
const TAGS: [(&str, &str); 8] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
];

/// A mark at one place of a text, with its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Thoughts begin.
    Begin(usize),
    /// Thoughts end.
    End(usize),
}

/// The mark that a text begins with.
pub(super) fn mark(text: &str) -> Option<Mark> {
    TAGS.iter().find_map(|(begin, end)| {
        let begins = starts(text, begin).then_some(Mark::Begin(begin.len()));
        begins.or_else(|| starts(text, end).then_some(Mark::End(end.len())))
    })
}

/// Whether a byte may begin a mark.
pub(super) fn may_begin(byte: u8) -> bool {
    matches!(byte, b'<' | b'[' | 0xE2)
}

/// The text without the thoughts that it begins with; `None` if they do not end.
///
/// They end at their first mark, whatever stands before it: what a model quotes in its thoughts has no syntax.
pub(super) fn behind(text: &str) -> Option<&str> {
    let mut text = text.trim_start();
    while let Some((begin, end)) = TAGS.iter().find(|(begin, _)| starts(text, begin)) {
        let rest = &text[begin.len()..];
        let at = rest.char_indices().find(|(at, _)| starts(&rest[*at..], end))?.0;
        text = rest[at + end.len()..].trim_start();
    }
    Some(text)
}

/// Where the last mark ends thoughts; `None` if none does.
pub(super) fn last_end(text: &str) -> Option<usize> {
    let marks =
        |(at, c): &(usize, char)| matches!(c, '<' | '[' | '◁') && TAGS.iter().any(|(_, end)| starts(&text[*at..], end));
    text.char_indices().rev().find(marks).map(|(at, _)| at)
}

fn starts(text: &str, tag: &str) -> bool {
    text.as_bytes().get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag.as_bytes()))
}
