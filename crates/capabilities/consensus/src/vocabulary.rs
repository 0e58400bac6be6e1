//! The words that this room knows, and their stems. English, with the commonest negations of a few other languages.

/// Words that say nothing about the content. Words that limit a statement (only, unless, but, or, all, more) are
/// missing on purpose.
const STOP: &[&str] = &[
    "about", "am", "an", "and", "answer", "are", "as", "at", "be", "because", "been", "being", "by", "can", "could",
    "did", "do", "does", "equals", "for", "from", "had", "has", "have", "he", "hence", "her", "here", "him", "his",
    "how", "in", "into", "is", "it", "it's", "its", "just", "may", "me", "might", "my", "of", "on", "our", "result",
    "shall", "she", "should", "since", "so", "that", "that's", "the", "their", "them", "then", "there", "these",
    "they", "this", "those", "thus", "to", "too", "very", "was", "we", "were", "what", "when", "where", "which", "who",
    "whom", "whose", "why", "will", "with", "would", "you", "your",
];

/// Words that turn a statement round. All of them count as one word, [`NOT`].
const NEGATIONS: &[&str] = &[
    "cannot", "cant", "doesnt", "dont", "isnt", "neither", "never", "no", "nobody", "non", "none", "nor", "not",
    "nothing", "nowhere", "without", "wont",
];
const NEGATIONS_ELSEWHERE: &[&str] =
    &["geen", "ikke", "inte", "jamais", "kein", "keine", "nicht", "niet", "nie", "pas", "sans", "не", "нет"];

/// The word that every negation becomes.
pub(super) const NOT: &str = "not";

/// First words that say yes, and first words that say no.
const YES: &[&str] = &["yes", "yeah", "yep", "true", "correct"];
const NO: &[&str] = &["no", "nope", "false", "incorrect"];

/// Words that limit a yes or a no.
const LIMITS: &[&str] = &[
    "although",
    "but",
    "depends",
    "except",
    "however",
    "if",
    "only",
    "or",
    "partly",
    "provided",
    "sometimes",
    "though",
    "unless",
    "until",
    "when",
    "while",
    "yes",
    "no",
];

/// Words between two others that mean something else when those change places.
const DIRECTIONS: &[&str] = &["than", "before", "after", "above", "below", "over", "under", "to"];

/// Letters that a stem keeps, at least.
const STEM_MIN: usize = 4;

/// Whether a word says nothing about the content.
pub(super) fn is_stop(word: &str) -> bool {
    STOP.contains(&word)
}

/// Whether a word turns a statement round.
pub(super) fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || NEGATIONS_ELSEWHERE.contains(&word) || word.ends_with("n't")
}

/// Whether a word behind a yes or a no limits it or takes it back.
pub(super) fn is_limit(word: &str) -> bool {
    LIMITS.contains(&word)
}

/// Whether two words around this one may not change places.
pub(super) fn is_direction(word: &str) -> bool {
    DIRECTIONS.contains(&word)
}

/// Whether a first word says yes (true) or no (false).
pub(super) fn polarity(word: &str) -> Option<bool> {
    if YES.contains(&word) { Some(true) } else { NO.contains(&word).then_some(false) }
}

/// The word without its commonest endings. It never joins two words of opposite meaning, and leaves short words and
/// words outside ASCII alone.
pub(super) fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    if !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let singular = singular(word);
    let bare = ["ing", "ed"].iter().find_map(|ending| {
        let root = singular.strip_suffix(ending)?;
        let vowel = root.contains(['a', 'e', 'i', 'o', 'u', 'y']);
        (root.len() >= STEM_MIN && vowel && !root.ends_with('e')).then(|| undoubled(root).to_owned())
    });
    let stem = bare.unwrap_or(singular);
    match stem.strip_suffix('e') {
        Some(root) if root.len() >= STEM_MIN => root.to_owned(),
        _ => stem,
    }
}

fn singular(word: &str) -> String {
    if let Some(root) = word.strip_suffix("ies").filter(|root| root.len() >= STEM_MIN - 1) {
        return format!("{root}y");
    }
    if word.ends_with("sses") {
        return word.trim_end_matches("es").to_owned();
    }
    let plural =
        word.len() >= STEM_MIN && word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    if plural { word.trim_end_matches('s').to_owned() } else { word.to_owned() }
}

/// `stopp` is `stop`, but `fall` stays.
fn undoubled(root: &str) -> &str {
    let mut last = root.chars().rev();
    match (last.next(), last.next()) {
        (Some(a), Some(b)) if a == b && !matches!(a, 'l' | 's' | 'z' | 'e' | 'o') => {
            root.strip_suffix(a).unwrap_or(root)
        }
        _ => root,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_negation, stem};
    use proptest::prelude::*;

    #[test]
    fn stems() {
        for (word, expect) in [
            ("cats", "cat"),
            ("cities", "city"),
            ("classes", "class"),
            ("class", "class"),
            ("virus", "virus"),
            ("paris", "paris"),
            ("walking", "walk"),
            ("walked", "walk"),
            ("stopped", "stop"),
            ("calling", "call"),
            ("increased", "increas"),
            ("increase", "increas"),
            ("increasing", "increas"),
            ("king", "king"),
            ("string", "string"),
            ("red", "red"),
            ("caring", "caring"),
            ("agreed", "agreed"),
            ("naïve", "naïve"),
        ] {
            assert_eq!(stem(word), expect, "{word}");
        }
    }

    #[test]
    fn negations_of_many_kinds() {
        for (word, expect) in [
            ("not", true),
            ("cannot", true),
            ("isn't", true),
            ("nicht", true),
            ("нет", true),
            ("knot", false),
            ("yes", false),
        ] {
            assert_eq!(is_negation(word), expect, "{word}");
        }
    }

    proptest! {
        #[test]
        fn a_stem_is_a_part_of_its_word(word in "[a-z]{1,12}") {
            let stem = stem(&word);
            prop_assert!(!stem.is_empty() && stem.len() <= word.len());
        }
    }
}
