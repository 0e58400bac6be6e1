//! Takes markdown decoration off a text: fences, back-ticks and paired emphasis. It renders nothing.

use std::collections::BTreeMap;

const FENCE: &str = "```";

/// The text without the lines that open or close a code fence; what they enclose stays as it is.
///
/// An opening line loses its language only when a later line closes it, so that a lone "```42" keeps its 42.
pub(super) fn without_fences(text: &str) -> String {
    let last = text.lines().enumerate().filter(|(_, line)| is_fence(line)).map(|(at, _)| at).last();
    let mut open = false;
    let mut kept = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if !is_fence(line) {
            kept.push(line);
            continue;
        }
        let closes_later = last.is_some_and(|last| at < last);
        let label = line.trim().trim_matches('`');
        if !label.is_empty() && (open || !closes_later) {
            kept.push(label);
        }
        open = !open;
    }
    kept.join("\n")
}

/// A line that opens or closes a fence: three back-ticks and at most one word behind them.
fn is_fence(line: &str) -> bool {
    let line = line.trim();
    line.strip_prefix(FENCE).is_some_and(|rest| !rest.contains('`') && !rest.contains(char::is_whitespace))
}

/// One run of `*` or `_` in a text.
struct Run {
    start: usize,
    len: usize,
    mark: char,
    opens: bool,
    closes: bool,
}

/// The text without back-ticks and without emphasis marks that pair up around a word.
///
/// A mark without its partner stays, and so does every mark inside code: `2 * 3`, `int *p` and `snake_case` mean
/// something with their marks.
pub(super) fn without_emphasis(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut dropped = vec![false; chars.len()];
    // The latest run that could open, by mark and length. Keeping only the latest bounds the work on hostile texts.
    let mut open: BTreeMap<(char, usize), usize> = BTreeMap::new();
    for run in runs(&chars) {
        let key = (run.mark, run.len);
        if run.closes
            && let Some(start) = open.remove(&key)
        {
            drop_run(&mut dropped, start, run.len);
            drop_run(&mut dropped, run.start, run.len);
        } else if run.opens {
            open.insert(key, run.start);
        }
    }
    chars.iter().zip(dropped).filter(|(c, dropped)| **c != '`' && !dropped).map(|(c, _)| *c).collect()
}

fn drop_run(dropped: &mut [bool], start: usize, len: usize) {
    dropped.iter_mut().skip(start).take(len).for_each(|mark| *mark = true);
}

/// The runs of emphasis marks outside code, in order.
fn runs(chars: &[char]) -> Vec<Run> {
    let mut found = Vec::new();
    let mut in_code = false;
    let mut at = 0;
    while let Some(&mark) = chars.get(at) {
        let len = chars.iter().skip(at).take_while(|c| **c == mark).count();
        if mark == '`' {
            in_code = !in_code;
        } else if !in_code && matches!(mark, '*' | '_') {
            found.push(run(chars, at, len, mark));
        }
        at += len;
    }
    found
}

/// A run opens before a word and closes behind one; within a word it does neither.
fn run(chars: &[char], start: usize, len: usize, mark: char) -> Run {
    let before = start.checked_sub(1).and_then(|at| chars.get(at)).copied();
    let after = chars.get(start + len).copied();
    let spaced = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    Run { start, len, mark, opens: !spaced(after) && !in_word(before), closes: !spaced(before) && !in_word(after) }
}

#[cfg(test)]
mod tests {
    use super::{without_emphasis, without_fences};

    #[test]
    fn fences_go_and_their_content_stays() {
        for (text, expect) in [
            ("```json\n{\"a\": 1}\n```", "{\"a\": 1}"),
            ("```\n42\n```", "42"),
            ("so:\n```rust\nlet a = 1;\n```\ndone", "so:\nlet a = 1;\ndone"),
            ("```42", "42"),
            ("```42```", "```42```"),
            ("no fence", "no fence"),
            ("", ""),
        ] {
            assert_eq!(without_fences(text), expect, "{text:?}");
        }
    }

    #[test]
    fn emphasis_goes_only_in_pairs_around_words() {
        for (text, expect) in [
            ("**Yes**", "Yes"),
            ("**Yes**.", "Yes."),
            ("***Yes***", "Yes"),
            ("_maybe_ *so*", "maybe so"),
            ("**bold with *nested* words**", "bold with nested words"),
            ("**Answer:** 42", "Answer: 42"),
            ("(**$5**)", "($5)"),
            ("`code`", "code"),
            ("`*kept*`", "*kept*"),
            ("2*3*4", "2*3*4"),
            ("2 * 3 * 4", "2 * 3 * 4"),
            ("int *p, *q", "int *p, *q"),
            ("snake_case_name", "snake_case_name"),
            ("* item", "* item"),
            ("", ""),
        ] {
            assert_eq!(without_emphasis(text), expect, "{text:?}");
        }
    }
}
