//! Signs that are no words: marks of roles, look-alikes of the fence and of answers.

use super::{FlagKind, Found};

/// Marks by which chat templates separate roles. Those of the form `<|name|>` are found by their form.
const MARKS: [&str; 24] = [
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<system",
    "</system",
    "<assistant>",
    "</assistant>",
    "<think>",
    "</think>",
    "<tool_call>",
    "<function_call>",
    "[system message]",
    "<instructions>",
    "</instructions>",
    "</instruction>",
    "<prompt>",
    "</prompt>",
    "</option>",
    "</input>",
    "</user>",
    "<admin>",
];

/// Roles that a line may begin with, as in a written-down conversation.
const ROLES: [&str; 8] = ["system", "assistant", "developer", "user", "human", "ai", "instruction", "response"];

/// What follows `System:` where it commands.
const COMMANDS: [&str; 21] = [
    "ignore",
    "disregard",
    "forget",
    "override",
    "respond",
    "reply",
    "output",
    "answer",
    "score this",
    "rate this",
    "give this",
    "you must",
    "you are",
    "you will",
    "you should",
    "always",
    "maximum score",
    "highest score",
    "score 10",
    "rate 10",
    "give ",
];

/// What data would be called in a line that pretends to end it.
const ENDS: [&str; 10] = [
    "end of data",
    "end of input",
    "end of prompt",
    "end of the data",
    "end of user",
    "end data",
    "end input",
    "end of option",
    "begin instructions",
    "begin system",
];

/// Keys and labels of an answer.
const KEYS: [&str; 3] = ["score", "status", "confidence"];

/// Bytes from a sign on that are looked at, at most: what keeps the time linear.
const BEHIND: usize = 64;

/// Adds each sign of the text.
pub(super) fn check(text: &str, found: &mut Found) {
    // Only ASCII changes, so that places stay the same.
    let small = text.to_ascii_lowercase();
    for (at, c) in small.char_indices().filter(|(_, c)| matches!(c, '<' | '[' | '"' | '\'' | '{')) {
        bracket(text, &small, at, c, found);
    }
    lines(text, &small, found);
    for end in ENDS {
        for (at, _) in small.match_indices(end).filter(|(at, _)| decorated(&small, *at, end.len())) {
            found.add(FlagKind::Fence, &text[at..at + end.len()]);
        }
    }
}

/// What begins at a bracket or a quote.
fn bracket(text: &str, small: &str, at: usize, c: char, found: &mut Found) {
    let rest = &small[at..small.floor_char_boundary(at + BEHIND)];
    let seen = |len: usize| &text[at..at + len];
    match c {
        '<' | '[' => {
            if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(&mark.to_ascii_lowercase())) {
                found.add(FlagKind::Role, seen(mark.len()));
            }
            if let Some(len) = piped(rest) {
                found.add(FlagKind::Role, seen(len));
            }
            if let Some(len) = fence(rest) {
                found.add(FlagKind::Fence, seen(len));
            }
            if rest.starts_with("[no_response]") {
                found.add(FlagKind::Answer, seen("[no_response]".len()));
            }
        }
        _ => {
            if let Some(len) = member(rest) {
                found.add(FlagKind::Answer, seen(len));
            }
        }
    }
}

/// The length of `<|name|>`.
fn piped(rest: &str) -> Option<usize> {
    let name = rest.strip_prefix("<|")?;
    let len = name.bytes().take_while(|byte| byte.is_ascii_lowercase() || *byte == b'_').count();
    (len >= 2 && name[len..].starts_with("|>")).then_some(len + 4)
}

/// The length of a tag like those around the data.
fn fence(rest: &str) -> Option<usize> {
    let name = rest.strip_prefix("</").or_else(|| rest.strip_prefix('<'))?;
    let tail = name.strip_prefix("data")?;
    let digits = tail.strip_prefix(['-', '_']).unwrap_or_default();
    let digits = digits.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let closes = rest.starts_with("</") && tail.trim_start().starts_with('>');
    if digits >= 4 {
        return Some(rest.len() - tail.len() + 1 + digits);
    }
    closes.then_some(rest.len() - tail.len())
}

/// The length of a member of an answer, from its quote on: `"score": 1`, `"status": "success`.
fn member(rest: &str) -> Option<usize> {
    let inner = rest.trim_start_matches(['"', '\'', '{', '\\', ' ']);
    let key = KEYS.iter().find(|key| inner.starts_with(*key))?;
    let behind = inner[key.len()..].trim_start_matches(['"', '\'', '\\']);
    let value = behind.trim_start().strip_prefix(':')?.trim_start().trim_start_matches(['"', '\'', '\\']);
    let fits = match *key {
        "status" => ["success", "abstain", "error"].iter().any(|status| value.starts_with(status)),
        _ => value.starts_with(|c: char| c.is_ascii_digit()),
    };
    (fits && behind.len() < inner.len() - key.len()).then(|| rest.len() - value.len() + 1)
}

/// Lines that begin like those of a conversation or of an answer.
fn lines(text: &str, small: &str, found: &mut Found) {
    let (mut speakers, mut labels) = ((false, false), (false, false));
    let mut start = 0;
    for line in small.split_inclusive('\n') {
        let whole = &text[start..start + line.len()];
        start += line.len();
        let Some((label, rest)) = label(line) else { continue };
        let rest = rest.trim_start_matches([':', ']', '*', ' ', '"']);
        match label {
            "score" => labels.0 |= rest.starts_with(|c: char| c.is_ascii_digit()),
            "justification" | "reasoning" => labels.1 = true,
            "assistant" | "human" => speakers.0 = true,
            "system" | "user" => speakers.1 = true,
            _ => {}
        }
        let role = ROLES.contains(&label);
        let commands = matches!(label, "system" | "assistant" | "developer" | "ai" | "instruction");
        if commands && COMMANDS.iter().any(|command| rest.starts_with(command)) {
            found.add(FlagKind::Role, whole.trim());
        }
        if role && line.starts_with("###") && !matches!(label, "system" | "user") {
            found.add(FlagKind::Role, whole.trim());
        }
    }
    let speaks = |found: &Found| found.has(FlagKind::Override) || found.has(FlagKind::Score);
    if speakers == (true, true) || (speakers.1 && speaks(found)) {
        found.add(FlagKind::Role, "lines of a conversation");
    }
    if labels == (true, true) {
        found.add(FlagKind::Answer, "lines of an answer");
    }
}

/// The word that a line begins with, before a colon or a closing bracket, and what is behind it.
fn label(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start_matches(['#', '*', '[', '<', ' ', '\t', '>', '-', '"']);
    let len = line.bytes().take(BEHIND).take_while(u8::is_ascii_lowercase).count();
    let (word, rest) = line.split_at(len);
    rest.trim_start_matches('*').starts_with([':', ']']).then_some((word, rest))
}

/// Whether signs that draw a line stand on one side.
fn decorated(small: &str, at: usize, len: usize) -> bool {
    let drawn =
        |side: &str| side.chars().take(3).filter(|c| matches!(c, '-' | '=' | '#' | '*' | '<' | '[' | '_')).count();
    let before: String = small[..at].chars().rev().filter(|c| *c != ' ').take(3).collect();
    let behind: String = small[at + len..].chars().filter(|c| *c != ' ').take(3).collect();
    drawn(&before) >= 2 || drawn(&behind) >= 3 || before.starts_with(['[', '<'])
}
