//! A question cut into words, signs and quotations. It is no parser: it sees letters, digits and marks.

/// A word as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// In lower case, with one kind of apostrophe and without `'s` at its end.
    pub(crate) text: String,
    /// As it was written.
    pub(crate) written: String,
    /// It begins a sentence.
    pub(crate) first: bool,
}

/// Marks that part words and sentences, and say nothing else.
const PUNCTUATION: &str = ".,;:!?'\"()[]-–—…“”„‘’«»`_";
/// Marks after which a sentence begins.
const ENDS: &str = ".:!?\n“”„\"«";

/// The words in their order, and the signs: whatever is neither word nor space nor punctuation.
pub(crate) fn words(text: &str) -> (Vec<Word>, String) {
    let letters: Vec<char> = text.chars().map(|letter| if letter == '’' { '\'' } else { letter }).collect();
    let at = |index: usize| letters.get(index).copied().unwrap_or(' ');
    let (mut words, mut signs, mut first, mut index) = (Vec::new(), String::new(), true, 0);
    while index < letters.len() {
        let letter = at(index);
        let before = index.checked_sub(1).map_or(' ', at);
        let minus = matches!(letter, '-' | '−') && at(index + 1).is_numeric() && !before.is_alphanumeric();
        if !letter.is_alphanumeric() && !minus {
            first |= ENDS.contains(letter);
            if !letter.is_whitespace() && !PUNCTUATION.contains(letter) {
                signs.push(letter);
            }
            index += 1;
            continue;
        }
        let start = index;
        index += 1;
        while at(index).is_alphanumeric() || joins(at(index - 1), at(index), at(index + 1)) {
            index += 1;
        }
        let written: String = letters.iter().skip(start).take(index - start).collect();
        let lower = written.to_lowercase();
        let plain = lower.strip_suffix("'s").filter(|_| !crate::vocabulary::is_plain(&lower));
        words.push(Word { text: plain.unwrap_or(&lower).to_owned(), written, first });
        first = false;
    }
    (words, signs)
}

/// Whether a mark stands within a word: an apostrophe between letters, a point or a comma between digits.
fn joins(before: char, mark: char, behind: char) -> bool {
    match mark {
        '\'' => before.is_alphanumeric() && behind.is_alphanumeric(),
        '.' | ',' | ':' => before.is_numeric() && behind.is_numeric(),
        _ => false,
    }
}

/// What stands within quotation marks, word for word and in its order. A mark that is not closed quotes nothing.
pub(crate) fn quotations(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let (mut found, mut index) = (Vec::new(), 0);
    while let Some(&letter) = letters.get(index) {
        let before = index.checked_sub(1).and_then(|at| letters.get(at)).copied().unwrap_or(' ');
        index += 1;
        let Some(closing) = closing(letter, before) else { continue };
        let ends = |at: usize, letter: char| {
            let behind = letters.get(at + 1).copied().unwrap_or(' ');
            closing.contains(letter) && !(matches!(letter, '\'' | '’') && behind.is_alphanumeric())
        };
        let end = letters.iter().enumerate().skip(index).find(|(at, letter)| ends(*at, **letter)).map(|(at, _)| at);
        if let Some(end) = end {
            found.push(letters.iter().skip(index).take(end - index).collect());
            index = end + 1;
        }
    }
    found
}

/// What ends the quotation that a mark opens; an apostrophe behind a letter opens none.
fn closing(mark: char, before: char) -> Option<&'static str> {
    match mark {
        '"' => Some("\""),
        '“' | '„' => Some("”“\""),
        '«' => Some("»"),
        '`' => Some("`"),
        '\'' | '‘' if !before.is_alphanumeric() => Some("'’"),
        _ => None,
    }
}
