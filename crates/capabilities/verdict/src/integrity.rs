//! Whether load changes answers: the same requests alone and under load, compared as fractions with counts.
//!
//! Knows texts alone; neither who gave them nor what a correct answer looks like beyond the one that is known.

use crate::report::{Integrity, Share};

/// Compares answers given alone, in two passes by request, with those given under load, which name their request.
///
/// An answer is the text of the reply; what a server reports about it is no part of it. Texts are compared after
/// trimming. `None` is a request that got no answer: it is counted, and compared with nothing.
///
/// Consistency is measured against the first pass (the second where the first has no answer), so that a target which
/// load does not touch shows the same share there as in reproducibility.
///
/// An answer is accurate if it equals the known one, case and runs of white space apart, or holds it as whole words: a
/// known `12` is in `It is 12.` but neither in `123` nor in `12.5` nor in `-12`.
pub fn integrity(
    alone: &[Vec<Option<String>>],
    loaded: &[(u32, Option<String>)],
    known: &[Option<String>],
) -> Integrity {
    let pass = |pass: usize, request: usize| alone.get(pass)?.get(request)?.as_deref();
    let known = |request: usize| known.get(request)?.as_deref().map(plain).filter(|text| !text.is_empty());
    let under_load = || loaded.iter().filter_map(|(at, text)| Some((*at as usize, text.as_deref()?)));
    let requests = alone.iter().map(Vec::len).max().unwrap_or(0);
    let given_alone =
        || alone.iter().flat_map(|pass| pass.iter().enumerate().filter_map(|(at, text)| Some((at, text.as_deref()?))));

    let is_known = (0..requests).chain(loaded.iter().map(|(at, _)| *at as usize)).any(|at| known(at).is_some());
    let accurate = |(at, text): (usize, &str)| Some(holds(&plain(text), &known(at)?));
    let same = |one: &str, other: &str| one.trim() == other.trim();
    let missing = |texts: usize, answered: usize| texts.saturating_sub(answered) as u64;
    Integrity {
        consistency: tally(
            under_load().filter_map(|(at, text)| Some(same(text, pass(0, at).or_else(|| pass(1, at))?))),
        ),
        accuracy: is_known.then(|| tally(under_load().filter_map(accurate))),
        accuracy_alone: is_known.then(|| tally(given_alone().filter_map(accurate))),
        reproducibility: tally((0..requests).filter_map(|at| Some(same(pass(0, at)?, pass(1, at)?)))),
        unanswered: [
            missing(alone.iter().map(Vec::len).sum(), given_alone().count()),
            missing(loaded.len(), under_load().count()),
        ],
    }
}

fn tally(checks: impl Iterator<Item = bool>) -> Share {
    let (count, of) = checks.fold((0, 0), |(count, of), holds| (count + u64::from(holds), of + 1));
    Share::new(count, of)
}

/// In lower case, with single spaces.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether the known words stand in the answer as they are, and not as part of longer ones.
fn holds(answer: &str, known: &str) -> bool {
    answer.match_indices(known).any(|(at, found)| {
        let before = answer.get(..at).unwrap_or_default();
        let after = answer.get(at + found.len()..).unwrap_or_default();
        let [first, last] = [found.starts_with(char::is_numeric), found.ends_with(char::is_numeric)];
        let on_before = found.starts_with(char::is_alphanumeric) && runs_on(before.chars().rev(), first, true);
        let on_after = found.ends_with(char::is_alphanumeric) && runs_on(after.chars(), last, false);
        !on_before && !on_after
    })
}

/// Whether a word that ends here goes on: by a letter or digit, or, of a number, by a mark and a digit or by a sign in
/// front.
fn runs_on(mut onwards: impl Iterator<Item = char>, number: bool, front: bool) -> bool {
    let (next, then) = (onwards.next(), onwards.next());
    match next {
        Some(c) if c.is_alphanumeric() || c == '_' => true,
        Some('.' | ',') => number && then.is_some_and(char::is_numeric),
        // A minus sign, unless it joins two words or numbers.
        Some('-' | '−') => number && front && !then.is_some_and(char::is_alphanumeric),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| (*text != "-").then(|| (*text).to_owned())).collect()
    }

    fn counts(tally: Share) -> (u64, u64) {
        (tally.count, tally.of)
    }

    #[test]
    fn fractions_with_counts() {
        let alone = [texts(&["4", "Paris ", "-", "a"]), texts(&["4", "Lyon", "b", "-"])];
        let loaded: Vec<_> = (0..6).zip(texts(&["4", "paris", "b", "-", "z", "-"])).collect();
        let known = texts(&["4", "Paris", "-", "-"]);
        let found = integrity(&alone, &loaded, &known);
        assert_eq!(counts(found.consistency), (2, 3), "case counts, the second pass stands in, request 4 has no pair");
        assert_eq!(counts(found.reproducibility), (1, 2));
        assert_eq!(counts(found.accuracy.unwrap()), (2, 2));
        assert_eq!(counts(found.accuracy_alone.unwrap()), (3, 4));
        assert_eq!(found.unanswered, [2, 2]);
        assert!((found.consistency.interval.lo - statistics::wilson(2.0, 3.0)[0]).abs() < 1e-12);
    }

    #[test]
    fn nothing_asked_is_nothing_shown() {
        let found = integrity(&[], &[], &[]);
        assert_eq!(
            (counts(found.consistency), counts(found.reproducibility), found.unanswered),
            ((0, 0), (0, 0), [0, 0])
        );
        assert_eq!((found.accuracy, found.accuracy_alone), (None, None));
        assert_eq!(found.consistency.interval, statistics::Interval { lo: 0.0, hi: 1.0 });
        let blank = integrity(&[texts(&["x"])], &[(0, None)], &[Some("  ".to_owned())]);
        assert_eq!((blank.accuracy, blank.unanswered), (None, [0, 1]));
    }

    #[test]
    fn known_answers_as_whole_words() {
        for (answer, known, expect) in [
            ("12", "12", true),
            ("It is 12.", "12", true),
            ("It is 12, I think", "12", true),
            ("123", "12", false),
            ("112", "12", false),
            ("12.5", "12", false),
            ("0.12", "12", false),
            ("1,200", "200", false),
            ("-12", "12", false),
            ("7-12", "12", true),
            ("-12", "-12", true),
            ("12 or 120", "12", true),
            ("120 or 12", "12", true),
            ("The  capital\nis PARIS!", "paris", true),
            ("Parisian", "Paris", false),
            ("New   York", "new york", true),
            ("snake_case", "case", false),
            ("well-known", "known", true),
            ("Größe", "röß", false),
            ("", "x", false),
            ("C++ is it", "C++", true),
        ] {
            assert_eq!(holds(&plain(answer), &plain(known)), expect, "{known} in {answer}");
        }
    }

    proptest! {
        #[test]
        fn the_same_everywhere_is_whole(answers in prop::collection::vec("[a-z0-9 .,-]{0,12}", 1..20)) {
            let pass: Vec<_> = answers.iter().cloned().map(Some).collect();
            let loaded: Vec<_> = (0..).zip(answers.iter().map(|text| Some(format!(" {text}\n")))).collect();
            let found = integrity(&[pass.clone(), pass.clone()], &loaded, &pass);
            let all = [Some(found.consistency), Some(found.reproducibility), found.accuracy, found.accuracy_alone];
            for tally in all.into_iter().flatten() {
                prop_assert_eq!(tally.count, tally.of);
                prop_assert!(tally.interval.lo <= tally.share && tally.share <= tally.interval.hi + 1e-12);
            }
        }
    }
}
