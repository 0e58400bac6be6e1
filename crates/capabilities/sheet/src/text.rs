//! Foreign text made fit to be shown: cleaned of what cannot be seen, shortened, measured in columns. Knows no format.

/// Stands for whatever cannot be seen or would turn the writing round.
const UNSEEN: char = '\u{fffd}';
/// How many marks one letter may carry; more would paint over the lines above and below.
const MARKS_MAX: usize = 6;
/// Stands for what was cut off.
const REST: char = '…';

/// The text on one line, without what cannot be seen: blanks are joined, ends trimmed.
///
/// Of more than `letters_max` characters the first stand, with `…` for the rest. No more than that is read of the text.
pub(crate) fn line(text: &str, letters_max: usize) -> String {
    let mut kept = String::new();
    let mut count = 0;
    let mut gap = false;
    for letter in visible(text) {
        if letter.is_whitespace() {
            gap = !kept.is_empty();
            continue;
        }
        count += 1 + usize::from(gap);
        if count > letters_max {
            kept.push(REST);
            break;
        }
        if std::mem::take(&mut gap) {
            kept.push(' ');
        }
        kept.push(letter);
    }
    kept
}

/// The text with its paragraphs, without what cannot be seen, as long as it takes no more than `bytes_max` once it is
/// escaped for HTML; `…` stands for the rest.
pub(crate) fn body(text: &str, bytes_max: usize) -> String {
    let (mut kept, mut bytes, mut breaks, mut gap) = (String::new(), 0, 0_u8, false);
    for letter in visible(text) {
        if letter.is_whitespace() {
            gap = !kept.is_empty();
            breaks = (breaks + u8::from(letter == '\n')).min(2);
            continue;
        }
        bytes += escaped(letter) + usize::from(gap) + usize::from(breaks == 2);
        if bytes > bytes_max {
            kept.push(REST);
            return kept;
        }
        if std::mem::take(&mut gap) {
            kept.push_str([" ", "\n", "\n\n"][usize::from(breaks)]);
        }
        breaks = 0;
        kept.push(letter);
    }
    kept
}

/// Its first characters on one line, as long as they take no more than `bytes_max` once they are escaped for HTML.
pub(crate) fn short(text: &str, bytes_max: usize) -> String {
    body(text, bytes_max).replace('\n', " ")
}

/// How many bytes a text takes once it is escaped for HTML; of those that are longer than `bytes_max` a little more than
/// that.
pub(crate) fn size(text: &str, bytes_max: usize) -> usize {
    body(text, bytes_max).chars().map(escaped).sum()
}

/// How many bytes a letter takes in HTML.
fn escaped(letter: char) -> usize {
    match letter {
        '<' | '>' => 4,
        '&' => 5,
        '"' => 6,
        letter => letter.len_utf8(),
    }
}

/// The letters of a text; runs of what cannot be seen are one sign.
fn visible(text: &str) -> impl Iterator<Item = char> {
    let (mut marks, mut before) = (0, ' ');
    text.chars().map(|letter| if unseen(letter) { UNSEEN } else { letter }).filter(move |&letter| {
        marks = if mark(letter) { marks + 1 } else { 0 };
        let twice = letter == UNSEEN && std::mem::replace(&mut before, letter) == UNSEEN;
        before = letter;
        !twice && marks <= MARKS_MAX
    })
}

/// Whether a letter shows nothing, or changes how others are shown. Marks of direction and joiners are part of how some
/// scripts are written, and reach no further than the next letter.
fn unseen(letter: char) -> bool {
    if letter.is_whitespace() {
        return false;
    }
    let code = u32::from(letter);
    letter.is_control()
        || matches!(letter,
            // Embeddings, overrides and isolates, operators and spaces without width, fillers, shorthand, annotations.
            '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{200b}' | '\u{feff}' | '\u{ad}' | '\u{34f}'
            | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{fdd0}'..='\u{fdef}')
        // Tags and further selectors, which can hide whole sentences, and what is no character.
        || (0xe_0000..=0xe_0fff).contains(&code)
        || code & 0xfffe == 0xfffe
}

/// Whether a letter is drawn over the one before.
fn mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{f71}'..='\u{f84}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// How many columns of a terminal a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(column).sum()
}

/// How many columns of a terminal a letter takes.
pub(crate) fn column(letter: char) -> usize {
    match letter {
        '\u{200c}'..='\u{200f}' | '\u{61c}' => 0,
        letter if mark(letter) => 0,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' => 2,
        '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' => 2,
        '\u{1f000}'..='\u{1faff}' | '\u{20000}'..='\u{3ffff}' => 2,
        '\u{231a}' | '\u{231b}' | '\u{23e9}'..='\u{23f3}' | '\u{2614}' | '\u{2615}' | '\u{2705}' | '\u{274c}' => 2,
        _ => 1,
    }
}

/// Whether a text holds letters that are written from right to left, and what stands beside it could be drawn in.
pub(crate) fn leftward(text: &str) -> bool {
    let leftward = |letter| {
        matches!(letter, '\u{590}'..='\u{8ff}' | '\u{200f}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    };
    text.chars().any(leftward)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_said_to_be_there() {
        let check = |text: &str, expect: &str| assert_eq!(line(text, 99), expect);
        check(" a \n\t b\u{2028}c ", "a b c");
        check("a\u{202e}b\u{2066}\u{200b}c", "a�b�c");
        check("\u{1b}[31mred\0", "�[31mred�");
        check("say\u{e0073}\u{e0065}\u{e0063} no", "say� no");
        check("می‌خواهم", "می‌خواهم");
        check("👩‍🔬", "👩‍🔬");
        check("", "");
        check("\u{202e}", "�");
        assert_eq!(line(&format!("a{}b", "\u{301}".repeat(500)), 99).chars().count(), 2 + MARKS_MAX);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(line("one two", 7), "one two");
        assert_eq!(line("one twos", 7), "one two…");
        assert_eq!(line("one two", 4), "one…");
        assert_eq!(body("a\n\n\n\nb\nc  d", 99), "a\n\nb\nc d");
        assert_eq!(body("a<b", 5), "a<…");
        assert_eq!(short("one\ntwo", 99), "one two");
    }

    #[test]
    fn columns_are_those_of_a_terminal() {
        assert_eq!([columns("abc"), columns("漢字"), columns("e\u{301}"), columns("…–")], [3, 4, 1, 2]);
        assert!(leftward("a שלום") && leftward("\u{200f}") && !leftward("añ漢…"));
    }
}
