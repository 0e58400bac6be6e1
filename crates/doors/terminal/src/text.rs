//! Text laid out for a terminal of eighty columns: wrapped, shortened, cleaned. It knows nothing about what it lays out.

/// How many columns a line may have.
pub const WIDTH: usize = 80;
/// Where text stands behind its label.
const LABEL: usize = 11;

/// Foreign text without what a terminal would obey: escape sequences, carriage returns, bells.
pub fn clean(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

/// Lines of at most `width` characters, broken between words; a longer word is broken where it must be.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in clean(text).split_whitespace() {
        let mut rest = word;
        if !line.is_empty() && length(&line) + 1 + length(rest) > width {
            lines.push(std::mem::take(&mut line));
        }
        while length(rest) > width {
            let cut = rest.char_indices().nth(width).map_or(rest.len(), |(at, _)| at);
            lines.push(rest[..cut].to_owned());
            rest = &rest[cut..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(rest);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Wrapped text with `first` before its first line and as much white space before the others.
pub fn hang(first: &str, text: &str) -> String {
    if length(first) > WIDTH / 2 {
        return format!("{}\n{}", first.trim_end(), hang("    ", text));
    }
    let indent = length(first);
    let mut block = String::new();
    for (at, line) in wrap(text, WIDTH.saturating_sub(indent).max(1)).iter().enumerate() {
        let before = if at == 0 { first.to_owned() } else { " ".repeat(indent) };
        block.push_str(&format!("{before}{line}\n"));
    }
    if block.is_empty() { format!("{}\n", first.trim_end()) } else { block }
}

/// A label and its text.
pub fn labelled(label: &str, text: &str) -> String {
    hang(&format!("{label:LABEL$}"), text)
}

/// The first `lines` of wrapped text; `…` stands for the rest.
pub fn beginning(text: &str, width: usize, lines: usize) -> String {
    let all = wrap(text, width.max(2));
    let mut kept = all[..all.len().min(lines)].join(" ");
    if all.len() > lines {
        if kept.chars().count() >= width * lines {
            kept.pop();
        }
        kept.push('…');
    }
    kept
}

/// `1 member`, `2 members`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Characters; a terminal shows most scripts one column wide.
pub fn length(text: &str) -> usize {
    text.chars().count()
}

/// As much of a line as a terminal holds.
pub(crate) fn cut(line: &str) -> String {
    match length(line) > WIDTH {
        true => line.chars().take(WIDTH - 1).chain(['…']).collect(),
        false => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrap("one two  three\nfour", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("ééééé ok", 3), ["ééé", "éé", "ok"]);
        assert_eq!(wrap("", 3), [""; 0]);
        assert_eq!(hang("- ", ""), "-\n");
        let long = "word ".repeat(100);
        assert!(labelled("note", &long).lines().all(|line| length(line) <= WIDTH));
    }

    #[test]
    fn a_terminal_is_told_nothing_but_text() {
        assert_eq!(clean("a\u{1b}[2Jb\r\u{7}\tc\n\u{9b}d"), "a[2Jb\tc\nd");
    }

    #[test]
    fn long_text_is_shortened() {
        assert_eq!(beginning("one two three", 7, 1), "one two…".replace("o…", "…"));
        assert_eq!(beginning("one two", 7, 1), "one two");
        assert_eq!(beginning("a bcdefgh", 7, 1), "a…");
    }
}
