//! Lines and columns of a text, and how a line is shown to somebody who must mend it.

use std::ops::Range;
use std::path::Path;

use crate::error::Spot;
use crate::wording;

/// The most characters of a line that an error shows.
const SHOWN_MAX: usize = 120;

/// How many lines above are looked at to find where a value began.
const ABOVE_MAX: usize = 64;

/// A text that knows where its lines begin.
#[derive(Debug)]
pub(crate) struct Lines {
    text: String,
    starts: Vec<usize>,
}

impl Lines {
    /// Finds the lines of a text.
    pub(crate) fn new(text: String) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The line, counted from 1, that holds this byte.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// The place of these bytes, which may lie beyond the end of the text or inside a character.
    pub(crate) fn spot(&self, file: &Path, span: &Range<usize>) -> Spot {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.floor_char_boundary(span.end.max(start));
        let line = self.line(start);
        let line_start = self.starts.get(line - 1).copied().unwrap_or_default();
        let whole = self.text[line_start..].split('\n').next().unwrap_or_default();
        let column = self.text[line_start..start].chars().count() + 1;
        let meant = self.text[start..end].split('\n').next().unwrap_or_default().trim_end().chars().count();
        let skipped = if column > SHOWN_MAX / 2 && whole.len() > SHOWN_MAX { column - SHOWN_MAX / 2 } else { 0 };
        let shown: String = self.without_secrets(line_start, whole).chars().skip(skipped).take(SHOWN_MAX).collect();
        let indent = column - 1 - skipped;
        Spot {
            file: file.to_owned(),
            line,
            column,
            width: meant.clamp(1, SHOWN_MAX.saturating_sub(indent).max(1)),
            indent,
            text: shown.replace(char::is_control, " ").trim_end().to_owned(),
        }
    }

    /// A line as it may be shown: when it goes on with a value that may be a credential, nothing of it can be read.
    fn without_secrets(&self, line_start: usize, line: &str) -> String {
        let mut above = self.text[..line_start].lines().rev().take(ABOVE_MAX);
        match above.find(|line| wording::begins_value(line)) {
            Some(beginning) if wording::is_open_secret(beginning) => wording::starred(line),
            _ => wording::without_secrets(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, SHOWN_MAX};
    use std::path::Path;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let lines = Lines::new("a\n\té = 1\r\n\nlast".to_owned());
        let check = |span: std::ops::Range<usize>, expect: (usize, usize, usize, &str)| {
            let spot = lines.spot(Path::new("f"), &span);
            assert_eq!((spot.line, spot.column, spot.width, spot.text.as_str()), expect, "{span:?}");
        };
        check(0..1, (1, 1, 1, "a"));
        check(1..1, (1, 2, 1, "a"));
        check(3..5, (2, 2, 1, " é = 1"));
        check(4..7, (2, 2, 3, " é = 1"));
        check(8..40, (2, 6, 1, " é = 1"));
        check(11..11, (3, 1, 1, ""));
        check(12..16, (4, 1, 4, "last"));
        check(99..200, (4, 5, 1, "last"));
        assert_eq!(Lines::new(String::new()).spot(Path::new("f"), &(0..0)).line, 1);
    }

    #[test]
    fn values_of_many_lines_are_hidden_on_each() {
        let check = |text: &str, line: usize, expect: &str| {
            let lines = Lines::new(text.to_owned());
            let start = lines.starts[line - 1];
            assert_eq!(lines.spot(Path::new("f"), &(start..start)).text, expect, "{text}");
        };
        check("api_key = \"\"\"\nhunter2\\q\"\"\"", 2, "*******\\*\"\"\"");
        check("url = '''\npostgres://u:pw@h?a=b", 2, "********://*:**@*?*=*");
        check("url = [\n  'a',\n  'b'c", 3, "  '*'*");
        check("url = 'x'\nn_max many", 2, "n_max many");
        check("models = [\n  'a',\n  'b'c", 3, "  'b'c");
        check("[store]\nurl 'hunter2'", 2, "*** '*******'");
    }

    #[test]
    fn shows_the_part_of_a_long_line_that_is_meant() {
        let lines = Lines::new(format!("{}WRONG{}", "-".repeat(500), "-".repeat(500)));
        let spot = lines.spot(Path::new("f"), &(500..505));
        assert_eq!((spot.column, spot.width, spot.text.chars().count()), (501, 5, SHOWN_MAX));
        assert!(spot.text[spot.indent..].starts_with("WRONG"));
    }
}
