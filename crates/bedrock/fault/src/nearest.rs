//! The nearest known names to one that nobody knows, for hints.

/// The smallest likeness (Jaro-Winkler, 0 to 1) at which a known name is worth offering.
const LIKENESS_MIN: f64 = 0.7;

/// Longer names are cut before they are compared: likeness takes time with the square of the length.
const ASKED_CHARS_MAX: usize = 200;

/// Up to `most` of the `known` names that look like `asked`, the most alike first.
///
/// Case is ignored, and a known name that contains what was asked for (or the reverse) always counts as alike, so
/// `4o-mini` finds `openai/gpt-4o-mini`.
pub fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let asked: String = asked.chars().take(ASKED_CHARS_MAX).collect::<String>().to_lowercase();
    let mut alike: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (likeness(&asked, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    alike.into_iter().take(most).map(|(_, name)| name).collect()
}

fn likeness(asked: &str, name: &str) -> f64 {
    let whole = strsim::jaro_winkler(asked, name);
    let last = name.rsplit('/').next().unwrap_or(name);
    let tail = strsim::jaro_winkler(asked, last);
    let contained = asked.len() >= 3 && (name.contains(asked) || asked.contains(name));
    whole.max(tail).max(if contained { 0.9 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn offers_what_was_probably_meant() {
        let known = ["body_bytes_max", "bind", "drain_ms"];
        assert_eq!(nearest("body_byte_max", known, 1), ["body_bytes_max"]);
        assert_eq!(nearest("BIND", known, 3), ["bind"]);
        assert_eq!(nearest("4o-mini", ["openai/gpt-4o-mini", "scripted/ash"], 3), ["openai/gpt-4o-mini"]);
    }

    #[test]
    fn offers_nothing_when_nothing_is_alike() {
        assert!(nearest("zzzz", ["bind", "drain_ms"], 3).is_empty());
        assert!(nearest("bind", [], 3).is_empty());
    }
}
