//! Lines of no more than 80 columns: paragraphs, lists and tables in Markdown that also line up as they are. Knows no
//! sheet.

use super::escape::{cell, guarded, words};
use crate::text::columns;
use crate::told::{Piece, Told};

/// The widest line.
pub(super) const WIDTH: usize = 80;
/// The widest word; longer ones are cut.
const WORD: usize = 60;
/// How much is read of a name in a sentence, in characters.
const NAME: usize = 80;
/// How much is read of another text, in characters.
const TEXT: usize = 1_000;
/// The narrowest that a column of foreign text becomes.
const NARROW: usize = 8;

/// A column's heading.
pub(super) enum Head {
    /// Of words, drawn to the left.
    Words(String),
    /// Of figures, drawn to the right.
    Figures(String),
}

/// Markdown that is being written.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    pub(super) fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text.push('\n');
        self.text
    }

    /// A heading on one line; what does not fit is cut.
    pub(super) fn heading(&mut self, level: usize, ours: &str, foreign: &str) {
        self.gap();
        let lead = format!("{} {ours}", "#".repeat(level));
        let foreign = if foreign.is_empty() { String::new() } else { cell(foreign, WIDTH - columns(&lead)).0 };
        self.push(&(lead + &foreign));
        self.gap();
    }

    /// A paragraph; with a heading of its own, in bold.
    pub(super) fn paragraph(&mut self, heading: &str, told: &Told<'_>) {
        self.gap();
        self.flow("", heading, told, TEXT);
        self.gap();
    }

    /// The same as a quotation.
    pub(super) fn quote(&mut self, heading: &str, told: &Told<'_>) {
        self.gap();
        self.flow("> ", heading, told, TEXT);
        self.gap();
    }

    /// An item of a list; of foreign text no more than so many characters are read.
    pub(super) fn item(&mut self, heading: &str, told: &Told<'_>, letters_max: usize) {
        self.flow("- ", heading, told, letters_max);
    }

    /// A table. Cells are Markdown that was escaped; the table is as wide as its cells are.
    pub(super) fn table(&mut self, head: &[Head], rows: &[Vec<String>]) {
        self.gap();
        let titles: Vec<&str> = head
            .iter()
            .map(|head| match head {
                Head::Words(title) | Head::Figures(title) => title.as_str(),
            })
            .collect();
        let mut widths: Vec<usize> = titles.iter().map(|title| columns(title).max(3)).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = columns(cell).max(*width);
            }
        }
        let rules = head.iter().zip(&widths).map(|(head, &width)| match head {
            Head::Words(_) => "-".repeat(width),
            Head::Figures(_) => "-".repeat(width - 1) + ":",
        });
        let rules: Vec<String> = rules.collect();
        self.row(head, &widths, titles.into_iter());
        self.row(head, &widths, rules.iter().map(String::as_str));
        for row in rows {
            self.row(head, &widths, row.iter().map(String::as_str));
        }
        self.gap();
    }

    fn row<'a>(&mut self, head: &[Head], widths: &[usize], cells: impl Iterator<Item = &'a str>) {
        self.text.push('|');
        for ((head, &width), cell) in head.iter().zip(widths).zip(cells) {
            let blank = " ".repeat(width.saturating_sub(columns(cell)));
            let (before, after) =
                if matches!(head, Head::Words(_)) { ("", blank.as_str()) } else { (blank.as_str(), "") };
            self.text.push_str(&format!(" {before}{cell}{after} |"));
        }
        self.text.push('\n');
    }

    /// Words, broken into as many lines as they need. A quotation's lines all begin with its sign, others are indented
    /// below the first one's.
    fn flow(&mut self, lead: &str, heading: &str, told: &Told<'_>, letters_max: usize) {
        let indent = if lead == "> " { lead.to_owned() } else { " ".repeat(lead.len()) };
        let mut line = lead.to_owned();
        let mut used = 0;
        for word in atoms(heading, told, letters_max) {
            let size = columns(&word);
            if used > 0 && columns(&line) + 1 + size > WIDTH {
                self.push(&line);
                (line, used) = (indent.clone(), 0);
            }
            if used > 0 {
                line.push(' ');
                line.push_str(&word);
            } else {
                line.push_str(&guarded(&word));
            }
            used += 1;
        }
        self.push(&line);
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// An empty line, unless there is one.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

/// The words of a sentence, own and foreign ones; what no blank parts stays together as long as it fits on a line.
fn atoms(heading: &str, told: &Told<'_>, letters_max: usize) -> Vec<String> {
    let (mut atoms, mut word) = (Vec::new(), String::new());
    if !heading.is_empty() {
        atoms.extend(format!("**{heading}**").split(' ').map(str::to_owned));
    }
    let mut part = |word: &mut String| {
        if !word.is_empty() {
            atoms.push(std::mem::take(word));
        }
    };
    for piece in &told.0 {
        let foreign = match piece {
            Piece::Ours(ours) => {
                for (index, own) in ours.split(' ').enumerate() {
                    if index > 0 {
                        part(&mut word);
                    }
                    word.push_str(own);
                }
                continue;
            }
            Piece::Name(name) => words(name, letters_max.min(NAME), WORD),
            Piece::Text(text) => words(text, letters_max, WORD),
        };
        for (index, foreign) in foreign.iter().enumerate() {
            if index > 0 || columns(&word) + columns(foreign) > WORD + 10 {
                part(&mut word);
            }
            word.push_str(foreign);
        }
    }
    part(&mut word);
    atoms
}

/// How wide foreign columns may be, where so many columns of these widths stand beside them.
pub(super) fn room(beside: &[usize], foreign: usize) -> usize {
    let taken: usize = 1 + beside.iter().map(|width| width.max(&3) + 3).sum::<usize>() + 3 * foreign;
    (WIDTH.saturating_sub(taken) / foreign.max(1)).max(NARROW)
}
