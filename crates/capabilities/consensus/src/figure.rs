//! Finds the figure that an answer comes down to where a figure was asked for. It reads no more than one, and where
//! several could be meant it finds none.

use crate::normalise::{clean, normalise};
use crate::number::{Quantity, number};
use crate::words::Words;

/// Words of an answer that are looked at, at most.
const WORDS_MAX: usize = 2_000;

/// Words that make a figure larger.
const SCALES: [(&str, f64); 4] = [("thousand", 1e3), ("million", 1e6), ("billion", 1e9), ("trillion", 1e12)];

/// Words that are a unit behind a figure: in a sentence any other short word may just go on, as in `42 in all`.
const UNITS: [&str; 34] = [
    "%", "percent", "usd", "eur", "gbp", "jpy", "km", "m", "cm", "mm", "mi", "ft", "kg", "g", "mg", "lb", "t", "h",
    "min", "s", "ms", "l", "ml", "w", "kw", "kwh", "mw", "hz", "mhz", "ghz", "kb", "mb", "gb", "tb",
];

/// The figure of an answer that is not one as a whole. The first of these that there is:
///
/// 1. what a sentence states that only repeats the question (`stated`),
/// 2. a last line that is a figure and nothing else, as models write it behind their reasoning,
/// 3. the only figure that the question does not hold too.
pub(super) fn figure(text: &str, stated: Option<&str>, prompt: &Words) -> Option<Quantity> {
    let last = || text.lines().map(normalise).rfind(|line| !line.is_empty()).and_then(|line| scaled(&line));
    stated.and_then(scaled).or_else(last).or_else(|| only(&clean(text), prompt))
}

/// A figure with a word of scale behind it, or none.
fn scaled(text: &str) -> Option<Quantity> {
    let words: Vec<&str> = text.split(' ').collect();
    let (found, taken) = at(&words)?;
    (taken == words.len()).then_some(found)
}

/// The one figure of a text.
fn only(text: &str, prompt: &Words) -> Option<Quantity> {
    let words: Vec<&str> = text.split(' ').take(WORDS_MAX).map(bare).collect();
    let mut found: Option<Quantity> = None;
    let mut next = 0;
    while let Some(rest) = words.get(next..).filter(|rest| !rest.is_empty()) {
        let Some((quantity, taken)) = at(rest) else {
            next += 1;
            continue;
        };
        next += taken;
        if prompt.numbers.contains(&quantity.value.to_string()) {
            continue;
        }
        if found.as_ref().is_some_and(|found| !found.same(&quantity)) {
            return None;
        }
        found = Some(quantity);
    }
    found
}

/// The figure that the first words are, and how many words it takes: with its scale and its unit where they follow.
fn at(words: &[&str]) -> Option<(Quantity, usize)> {
    let first = words.first()?;
    // A word such as `one` is a pronoun more often than a figure in a sentence.
    let plain = number(first).filter(|_| first.contains(|c: char| c.is_ascii_digit()) || words.len() == 1)?;
    let scale = words.get(1).and_then(|word| SCALES.iter().find(|(name, _)| name == word)).map(|(_, scale)| *scale);
    let taken = if scale.is_some() { 2 } else { 1 };
    let with_unit = words
        .get(taken)
        .filter(|_| plain.unit.is_empty())
        .and_then(|unit| UNITS.contains(unit).then(|| number(&format!("{first} {unit}"))).flatten());
    let taken = taken + usize::from(with_unit.is_some());
    let quantity = with_unit.unwrap_or(plain);
    Some((Quantity { value: quantity.value * scale.unwrap_or(1.0), ..quantity }, taken))
}

/// A word without the punctuation around it.
fn bare(word: &str) -> &str {
    let word = word.trim_start_matches(['(', '"', '~', '≈', '=']);
    word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"'])
}

#[cfg(test)]
mod tests {
    use super::figure;
    use crate::words::Words;

    #[test]
    fn one_figure_or_none() {
        let prompt = Words::of("how many people lived there in 1950?");
        for (text, expect) in [
            ("About 42 people lived there.", Some((42.0, ""))),
            ("I think it was roughly ~2.1 million people.", Some((2.1e6, ""))),
            ("In 1950 there were 1,200 of them.", Some((1200.0, ""))),
            ("It was 12 km from there.", Some((12.0, "km"))),
            ("It was 12 in all.", Some((12.0, ""))),
            ("It cost $5 at the time.", Some((5.0, "$"))),
            ("17 and 23 make 40, and 40 again.\n\n**Answer: 40**", Some((40.0, ""))),
            ("Step 1: 17.\nStep 2: 23.\n3.5 billion", Some((3.5e9, ""))),
            ("It was 40, or 40 to be sure.", Some((40.0, ""))),
            ("It was 40 or 41.", None),
            ("One may wonder.", None),
            ("Nobody knows.", None),
            ("", None),
        ] {
            let found = figure(text, None, &prompt);
            assert_eq!(found.as_ref().map(|found| (found.value, found.unit.as_str())), expect, "{text:?}");
        }
        assert_eq!(figure("anything at all", Some("2 million"), &prompt).map(|found| found.value), Some(2e6));
    }
}
