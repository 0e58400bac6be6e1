//! Foreign words as Markdown that shows them and does nothing else. Knows no lines and no tables.
//!
//! What Markdown would obey gets a backslash. What a renderer might make a link of stands as code, since some find links
//! in text that is already free of backslashes, and none look into code.

use crate::text::{column, columns, leftward, line};

/// Ends text that is written from right to left, so that what follows keeps its place.
const LEFT_TO_RIGHT: char = '\u{200e}';
/// What stands for a text without a letter.
const NAMELESS: &str = "(no name)";

/// The words of a text, each fit to stand in a paragraph or in a cell and no wider than `columns_max`; longer ones are
/// cut in pieces. Of more than `letters_max` characters the first stand.
pub(super) fn words(text: &str, letters_max: usize, columns_max: usize) -> Vec<String> {
    let text = line(text, letters_max);
    if text.is_empty() {
        return NAMELESS.split(' ').map(str::to_owned).collect();
    }
    let mut words: Vec<String> = text.split(' ').flat_map(|word| pieces(word, columns_max)).collect();
    if let Some(last) = words.last_mut().filter(|_| leftward(&text)) {
        last.push(LEFT_TO_RIGHT);
    }
    words
}

/// The beginning of a text, fit to stand in a cell, no wider than `columns_max`; and whether that is all of it.
pub(super) fn cell(text: &str, columns_max: usize) -> (String, bool) {
    let all = words(text, columns_max + 1, columns_max).join(" ");
    let whole = line(text, columns_max + 1);
    if columns(&all) <= columns_max && whole.chars().count() <= columns_max {
        return (all, true);
    }
    let mut letters = columns_max.saturating_sub(1);
    loop {
        let mut start: String = whole.chars().take(letters).collect();
        start.truncate(start.trim_end().len());
        let shown = words(&format!("{start}…"), usize::MAX, columns_max).join(" ");
        if columns(&shown) <= columns_max || letters == 0 {
            return (shown, false);
        }
        letters -= 1;
    }
}

/// A word as Markdown, in pieces of no more than so many columns.
fn pieces(word: &str, columns_max: usize) -> Vec<String> {
    let code = linkish(word);
    let room = columns_max.saturating_sub(if code { 2 } else { 0 }).max(2);
    let entity = word.rfind(';').unwrap_or(0);
    let (mut pieces, mut piece, mut used) = (Vec::new(), String::new(), 0);
    let mut before = None;
    let mut letters = word.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let after = letters.peek().map(|(_, letter)| *letter);
        let marked = !code && obeyed(letter, before, after, at < entity);
        let size = column(letter) + usize::from(marked);
        if used + size > room {
            pieces.push(std::mem::take(&mut piece));
            used = 0;
        }
        if marked {
            piece.push('\\');
        }
        piece.push(match letter {
            '`' if code => '\'',
            '|' if code => '¦',
            letter => letter,
        });
        used += size;
        before = Some(letter);
    }
    pieces.push(piece);
    if code {
        pieces.iter_mut().for_each(|piece| *piece = format!("`{piece}`"));
    }
    pieces
}

/// Whether Markdown might obey a letter where it stands. `entity` says that a semicolon follows in the word.
fn obeyed(letter: char, before: Option<char>, after: Option<char>, entity: bool) -> bool {
    let inside = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    match letter {
        '\\' | '`' | '*' | '[' | '<' | '|' | '~' | '$' | '^' => true,
        '_' => !(inside(before) && inside(after)),
        // Headings and quotes begin with these, and a heading may end with the first.
        '#' | '>' => before.is_none_or(|before| before == letter),
        '&' => entity,
        _ => false,
    }
}

/// Whether a renderer might make a link of a word: an address, a mailbox, a host, a scheme.
fn linkish(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    lower.contains("//") || lower.contains('@') || lower.contains("www.") || scheme(&lower) || host(&lower)
}

/// `mailto:x`: two letters or more, a colon, and something.
fn scheme(word: &str) -> bool {
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_lowercase);
    let bytes = word.as_bytes();
    let named = |at: usize| at >= 2 && letter(bytes.get(at - 1)) && letter(bytes.get(at - 2));
    bytes.iter().enumerate().any(|(at, &byte)| byte == b':' && named(at) && at + 1 < bytes.len())
}

/// `example.org`: a dot, two letters or more behind it, and something before. There is no domain `js`, and many
/// libraries that are named so.
fn host(word: &str) -> bool {
    let mut labels = word.split('.');
    let mut before = labels.next().unwrap_or_default();
    labels.any(|label| {
        let end = label.find(|letter: char| !letter.is_alphabetic()).unwrap_or(label.len());
        let top = &label[..end];
        let named = before.ends_with(char::is_alphanumeric);
        before = label;
        named && top.chars().nth(1).is_some() && top != "js"
    })
}

/// A word at the start of a line, where it could begin a list, an underline or a rule.
pub(super) fn guarded(word: &str) -> String {
    let number = word
        .strip_suffix(['.', ')'])
        .is_some_and(|digits| (1..10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if number {
        let (digits, end) = word.split_at(word.len() - 1);
        return format!("{digits}\\{end}");
    }
    let rule = !word.is_empty() && word.bytes().all(|byte| b"-+=:.".contains(&byte));
    if rule { format!("\\{word}") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        words(text, 999, 60).join(" ")
    }

    #[test]
    fn text_stays_text() {
        let check = |text: &str, expect: &str| assert_eq!(shown(text), expect);
        check("Rust, with care (mostly)", "Rust, with care (mostly)");
        check("a|b *c* `d` [e](f) <b> ~~g~~", r"a\|b \*c\* \`d\` \[e](f) \<b> \~\~g\~\~");
        check("snake_case _em_ __strong__", r"snake_case \_em\_ \_\_strong\_\_");
        check("# C# ## x", r"\# C# \#\# x");
        check("&lt; R&D", r"\&lt; R&D");
        check("a\nb", "a b");
        check(r"\|", r"\\\|");
        check("", "(no name)");
        check("שלום", "שלום\u{200e}");
        check("-> 5 > 3", r"-> 5 \> 3");
    }

    #[test]
    fn nothing_becomes_a_link() {
        for word in [
            "https://e.org",
            "HTTP://E.org",
            "//e.org",
            "www.e.org",
            "a@e.org",
            "mailto:a",
            "e.org/x?y#z",
            "(e.org)",
            "пример.рф",
            "javascript:alert(1)",
            "@someone",
        ] {
            assert_eq!(shown(word), format!("`{word}`"));
        }
        assert_eq!(shown("e.org`|x"), "`e.org'¦x`");
        for word in ["Node.js", "v1.2", "7.5", "end.", "...", "3:1", "a: b", "e.g."] {
            assert_eq!(shown(word), word);
        }
    }

    #[test]
    fn long_words_are_cut() {
        assert!(words(&"*".repeat(99), 999, 20).iter().all(|word| columns(word) <= 20));
        assert!(words(&"e.org/".repeat(99), 999, 20).iter().all(|word| columns(word) <= 20 && word.ends_with('`')));
        assert_eq!(cell("one two three", 13), ("one two three".to_owned(), true));
        assert_eq!(cell("one two three", 12), ("one two thr…".to_owned(), false));
        assert_eq!(cell("|||||||||", 6), (r"\|\|…".to_owned(), false));
        assert_eq!(cell("漢字漢字", 6), ("漢字…".to_owned(), false));
    }

    #[test]
    fn lines_begin_as_text() {
        assert_eq!(
            ["1.", "12)", "-", "---", ":-:", "-5", "1.5", "x"].map(guarded),
            [r"1\.", r"12\)", r"\-", r"\---", r"\:-:", "-5", "1.5", "x"]
        );
    }
}
