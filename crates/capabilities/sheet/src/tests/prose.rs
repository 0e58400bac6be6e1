//! Markdown.

use super::sample::{empty, full, large, partial, tied, worded};
use crate::text::columns;
use crate::{Sheet, markdown};
use proptest::prelude::*;

/// What Markdown obeys, and where it stands in a line with neither a backslash before it nor in code.
fn obeyed(line: &str) -> Vec<char> {
    let (mut found, mut code, mut letters) = (Vec::new(), false, line.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '`' => code = !code,
            _ if code => {}
            '\\' => drop(letters.next()),
            '*' | '[' | '<' | '|' | '~' | '$' => found.push(letter),
            '@' => panic!("a mailbox in `{line}`"),
            ':' => assert!(!letters.as_str().starts_with("//"), "an address in `{line}`"),
            _ => {}
        }
    }
    assert!(!code, "code stays open in `{line}`");
    found
}

/// Whether the text of a line, behind what this room puts there itself, begins a list or underlines the line before.
fn begins(line: &str) -> bool {
    let text = ["> ", "- ", "  "].iter().find_map(|lead| line.strip_prefix(lead)).unwrap_or(line);
    let word = text.split(' ').next().unwrap_or_default();
    let number = word.len() > 1
        && word.ends_with(['.', ')'])
        && word[..word.len() - 1].bytes().all(|byte| byte.is_ascii_digit());
    number || (!word.is_empty() && word.bytes().all(|byte| b"-+=:".contains(&byte)))
}

/// The Markdown, having checked what holds for each: it keeps within a terminal, foreign text is no markup, tables are
/// whole.
fn checked(sheet: &Sheet) -> String {
    let text = markdown(sheet);
    let mut width = None;
    for line in text.lines() {
        assert!(columns(line) <= 80, "{} columns: {line}", columns(line));
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!begins(line), "`{line}` begins more than a line");
        let found = obeyed(line);
        let bars = found.iter().filter(|sign| **sign == '|').count();
        let stars = found.iter().filter(|sign| **sign == '*').count();
        assert_eq!(bars + stars, found.len(), "{found:?} in `{line}`");
        if line.starts_with('|') {
            assert!(*width.get_or_insert(bars) == bars && stars == 0 && line.ends_with('|'), "{line}");
        } else {
            assert_eq!(bars, 0, "{line}");
            width = None;
        }
    }
    let stars = text.lines().flat_map(obeyed).filter(|sign| *sign == '*').count();
    assert_eq!(stars % 4, 0, "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf ") && !text.contains("\n\n\n") && text.ends_with('\n'));
    text
}

/// The headings, and with what each list item, paragraph and quotation begins.
fn shape(text: &str) -> (Vec<&str>, usize) {
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    let quotes = text.lines().filter(|line| line.starts_with('>')).count();
    (headings, quotes)
}

#[test]
fn a_whole_decision() {
    insta::assert_snapshot!(checked(&full()));
}

#[test]
fn a_partial_decision() {
    insta::assert_snapshot!(checked(&partial()));
}

#[test]
fn a_tied_decision() {
    insta::assert_snapshot!(checked(&tied()));
}

#[test]
fn an_empty_decision() {
    insta::assert_snapshot!(checked(&empty()));
    checked(&Sheet::default());
}

#[test]
fn a_wide_decision_keeps_within_a_terminal() {
    insta::assert_snapshot!(checked(&large(3, 15, "with a name that is long")));
}

const HOSTILE: [&str; 15] = [
    "1. - 2) + === --- : 3. - 4) + == -- : 5. - 6) + = - : 1. - 2) + === --- : 3. - 4) + == -- : 5. - 6) + = - :",
    "</p><script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](https://e.org) ![x](https://e.org/x.png) <https://e.org> https://e.org www.e.org a@e.org",
    "[x]: https://e.org\n\n[x]",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "x\n\n# Heading\n\n- item\n1. one\n> quote\n```\ncode\n```\n---\n===",
    "`code` ``more`` ``` *bold* **b** _e_ ~~s~~ $x$ &lt; &#60;",
    "\u{202e}gnp.exe \u{2066}x\u{2069} \u{200b}\u{feff}\u{e0041}",
    "\u{1b}[2J\u{1b}]0;x\u{7} \0 \u{9b}31m",
    "=1+1;@SUM(A1)\",\"\r\n=cmd|' /C calc'!A0",
    "- [ ] todo",
    "\\",
    "\\| \\` \\\\` a@e.org\\",
    "שלום | שלום",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
];

#[test]
fn hostile_text_stays_text() {
    let plain = checked(&worded("x"));
    let (headings, quotes) = shape(&plain);
    for words in HOSTILE {
        let text = checked(&worded(words));
        let found = shape(&text);
        // Names that are cut in tables are told in full under one more heading.
        assert!((headings.len()..=headings.len() + 1).contains(&found.0.len()), "{words}: {:#?}", found.0);
        assert_eq!(found.1, quotes, "{words}");
    }
}

#[test]
fn long_text_is_cut() {
    for words in [
        "x".repeat(10_000),
        "word ".repeat(2_000),
        "<|".repeat(5_000),
        "漢".repeat(10_000),
        "https://e.org/".repeat(700),
    ] {
        let text = checked(&worded(&words));
        assert!(text.chars().count() < 60_000, "{}", text.len());
    }
}

#[test]
fn large_decisions_stay_short_enough_to_be_read() {
    let text = checked(&large(50, 25, "some words that fill the place"));
    assert!(text.len() < 60_000, "{}", text.len());
    assert!(text.contains("have their reasons in the JSON"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_shown_as_text(words in ".{0,200}") {
        checked(&worded(&words));
    }

    #[test]
    fn any_marks_are_shown_as_text(words in "[-|`*_\\[\\]()<>#+=~$&;:!. a1\\\\\n@/\u{202e}]{0,60}") {
        checked(&worded(&words));
    }
}
