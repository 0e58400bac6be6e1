//! Texts that are nearly equal and yet contradict each other: what differs between them is a word that decides.
//!
//! It aligns the words of both in their order, as one compares two versions of a file, and looks at the places where they
//! differ. It understands nothing: of two words it knows whether they are names, numbers, negations, or on a list.

use crate::opposites::{alike, is_measure, opposite};
use crate::sequence::{Kind, Word};

/// Words of a text, without what both have in common at their ends, that are aligned at most: the work is their product.
const WORDS_MAX: usize = 500;

/// The share of the shorter text's words that the other one has in the same order, at least: texts with less in common
/// are not nearly equal, and where they differ says nothing.
const COMMON_MIN: f64 = 0.75;

/// Words in a row that only one text has, at most, for a negation or a measure among them to count: more of them say
/// something of their own.
const ADDED_MAX: usize = 3;

/// Words in the place of others, at most, for any of them to count: more of them are another way to say it, or another
/// sentence.
const REPLACED_MAX: usize = 12;

/// Words on one side of a place where both have some, at most, for them to be looked through: more are another paragraph,
/// and each would be compared with each of the other side.
const HUNK_MAX: usize = 4 * REPLACED_MAX;

/// Where two texts differ: the words of the one, and those of the other in their place.
type Hunk<'a> = (&'a [Word], &'a [Word]);

/// Whether two texts are nearly equal, and differ in what decides. Symmetric. The first of these that applies at any
/// place where they differ, once words that may stand for each other (`begin`, `start`) are left out:
///
/// 1. An odd number of reversals: a negation on one side (`can`, `cannot`), two words that are opposites (`safe`,
///    `unsafe`; `increases`, `decreases`; `faster`, `slower`). Two of them cancel out: `not legal`, `illegal`.
/// 2. Another measure: `only`, `must`, `some` where the other has none of these or another one.
/// 3. Other numbers, or other names, in the same place.
/// 4. Nothing differs but one word put for another, in one place or in several; or two names, numbers or opposites have
///    changed places. Adverbs of manner come and go and are no difference.
pub(super) fn differ_decisively(a: &[Word], b: &[Word]) -> bool {
    // Which of several equally good alignments is taken must not depend on who comes first.
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    let same = |(a, b): &(&Word, &Word)| a.stem == b.stem;
    let head = a.iter().zip(b).take_while(same).count();
    let (a, b) = (a.get(head..).unwrap_or_default(), b.get(head..).unwrap_or_default());
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    let (a, b) = (a.get(..a.len() - tail).unwrap_or_default(), b.get(..b.len() - tail).unwrap_or_default());
    if a.len().max(b.len()) > WORDS_MAX {
        return false;
    }
    let (hunks, common) = hunks(a, b);
    let shorter = (a.len().min(b.len()) + head + tail) as f64;
    let near = (common + head + tail) as f64 >= COMMON_MIN * shorter;
    swapped(a, b) || near && decide(&hunks)
}

/// What the words at one place come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// What decides, whatever differs elsewhere.
    Decisive,
    /// One word is put for another.
    OneWord,
    /// Nothing but words that may stand for each other, and manners.
    Nothing,
    /// Another way to say it, or something more.
    Other,
}

/// Whether what differs at all these places decides.
fn decide(hunks: &[Hunk<'_>]) -> bool {
    let (mut one_word, mut other) = (false, false);
    for hunk in hunks {
        match difference(*hunk) {
            Difference::Decisive => return true,
            Difference::OneWord => one_word = true,
            Difference::Other => other = true,
            Difference::Nothing => {}
        }
    }
    one_word && !other
}

/// Whether the one text is the other with two names, numbers or opposites in each other's place.
fn swapped(a: &[Word], b: &[Word]) -> bool {
    let differ = |(a, b): &(&Word, &Word)| a.stem != b.stem;
    let pairs: Vec<_> = a.iter().zip(b).filter(differ).take(3).collect();
    let [(first, other), (second, one)] = pairs.as_slice() else { return false };
    let named = |word: &Word| matches!(word.kind, Kind::Name | Kind::Number);
    // Next to each other they are listed: `hot and cold`. The ends are trimmed, so nothing stands outside the two.
    let opposites = a.len() > 2 && opposite(&first.text, &other.text);
    let crossed = a.len() == b.len() && first.stem == one.stem && second.stem == other.stem;
    crossed && (opposites || named(first) && named(second))
}

/// What kind of difference there is at one place.
fn difference((a, b): Hunk<'_>) -> Difference {
    // What most of a text is replaced by is not looked through word by word.
    let long = a.len().max(b.len()) > HUNK_MAX || a.len().min(b.len()) > 2 * REPLACED_MAX;
    if long && !a.is_empty() && !b.is_empty() {
        return Difference::Other;
    }
    let (a, b) = (unmatched(a, b), unmatched(b, a));
    let added = a.is_empty() || b.is_empty();
    if a.len().max(b.len()) > if added { ADDED_MAX } else { REPLACED_MAX } {
        return Difference::Other;
    }
    let of = |words: &[&Word], kind: Kind| -> Vec<String> {
        words.iter().filter(|word| word.kind == kind).map(|word| word.stem.clone()).collect()
    };
    let differ = |kind: Kind| {
        let (a, b) = (of(&a, kind), of(&b, kind));
        !a.is_empty() && !b.is_empty() && a != b
    };
    let negations = of(&a, Kind::Not).len().abs_diff(of(&b, Kind::Not).len());
    let opposites = a.iter().filter(|word| b.iter().any(|other| opposite(&word.text, &other.text))).count();
    if (negations + opposites) % 2 == 1 || measures(&a) != measures(&b) || differ(Kind::Number) || differ(Kind::Name) {
        return Difference::Decisive;
    }
    let content = |words: &[&Word]| words.iter().filter(|word| is_content(word)).count();
    match (content(&a), content(&b)) {
        (0, 0) => Difference::Nothing,
        (1, 1) if negations + opposites == 0 => Difference::OneWord,
        _ => Difference::Other,
    }
}

/// The words of a side for which the other side has none that may stand for them.
fn unmatched<'a>(side: &'a [Word], other: &[Word]) -> Vec<&'a Word> {
    let exact = |word: &Word, other: &Word| word.stem == other.stem;
    let similar = |word: &Word, other: &Word| {
        word.kind != Kind::Not && !opposite(&word.text, &other.text) && alike(&word.text, &other.text)
    };
    side.iter().filter(|word| !other.iter().any(|other| exact(word, other) || similar(word, other))).collect()
}

fn measures(words: &[&Word]) -> Vec<String> {
    let mut found: Vec<String> = words.iter().map(|word| word.text.clone()).filter(|word| is_measure(word)).collect();
    found.sort_unstable();
    found
}

/// Whether a word is more than a manner: adverbs come and go.
fn is_content(word: &Word) -> bool {
    word.kind != Kind::Plain || !word.text.ends_with("ly")
}

/// Where two texts differ when as many words as possible are taken for common, and how many are.
fn hunks<'a>(a: &'a [Word], b: &'a [Word]) -> (Vec<Hunk<'a>>, usize) {
    let table = lengths(a, b);
    let at = |row: usize, column: usize| table.get(row * (b.len() + 1) + column).copied().unwrap_or(0);
    let (mut found, mut common) = (Vec::new(), 0);
    let (mut row, mut column, mut from) = (0, 0, (0, 0));
    let mut close = |from: (usize, usize), row: usize, column: usize| {
        let hunk = (a.get(from.0..row).unwrap_or_default(), b.get(from.1..column).unwrap_or_default());
        if !hunk.0.is_empty() || !hunk.1.is_empty() {
            found.push(hunk);
        }
    };
    while let (Some(one), Some(other)) = (a.get(row), b.get(column)) {
        if one.stem == other.stem {
            close(from, row, column);
            (row, column, common) = (row + 1, column + 1, common + 1);
            from = (row, column);
        } else if at(row + 1, column) >= at(row, column + 1) {
            row += 1;
        } else {
            column += 1;
        }
    }
    close(from, a.len(), b.len());
    (found, common)
}

/// For every rest of `a` and every rest of `b`, row by row, how many words they have in common in the same order.
fn lengths(a: &[Word], b: &[Word]) -> Vec<u16> {
    let width = b.len() + 1;
    let mut table = vec![0_u16; (a.len() + 1) * width];
    for (row, one) in a.iter().enumerate().rev() {
        for (column, other) in b.iter().enumerate().rev() {
            let at = |row: usize, column: usize| table.get(row * width + column).copied().unwrap_or(0);
            let most = if one.stem == other.stem {
                at(row + 1, column + 1) + 1
            } else {
                at(row + 1, column).max(at(row, column + 1))
            };
            if let Some(cell) = table.get_mut(row * width + column) {
                *cell = most;
            }
        }
    }
    table
}

#[cfg(test)]
#[path = "decisive_tests.rs"]
mod tests;
