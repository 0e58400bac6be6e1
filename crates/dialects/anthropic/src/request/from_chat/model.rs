//! What the generations of Claude take, told by a model's name. Refuses to know any other model: whoever else speaks
//! this protocol is taken to take everything.
//!
//! As published in Anthropic's migration guide: up to 4.5 a model thinks within a budget, from 4.7 on it finds its own
//! (the effort steers it) and takes neither temperature nor shares; 4.6 takes either form.

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Somebody else's.
    Foreign,
    /// Up to 4.5.
    Budget,
    /// 4.6.
    Either,
    /// From 4.7 on, and where a name tells no version.
    Adaptive,
}

impl Generation {
    /// Of the model with this name, whatever stands in front of and behind it.
    pub(super) fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let Some((_, name)) = model.split_once("claude") else { return Self::Foreign };
        match version(name) {
            Some(version) if version < (4, 6) => Self::Budget,
            Some((4, 6)) => Self::Either,
            _ => Self::Adaptive,
        }
    }
}

/// The first number of one or two digits, and the next if it follows at once: others are dates.
fn version(name: &str) -> Option<(u32, u32)> {
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let number = |at: usize| words.get(at).filter(|word| word.len() <= 2).and_then(|word| word.parse().ok());
    let at = (0..words.len()).find(|at| number(*at).is_some())?;
    Some((number(at)?, number(at + 1).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::Generation::{self, Adaptive, Budget, Either, Foreign};

    #[test]
    fn names_tell_the_generation() {
        for (model, expect) in [
            ("claude-3-7-sonnet-20250219", Budget),
            ("claude-opus-4-20250514", Budget),
            ("claude-haiku-4-5-20251001", Budget),
            ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", Budget),
            ("anthropic/claude-sonnet-4.5", Budget),
            ("claude-opus-4-5@20251101", Budget),
            ("claude-opus-4-6", Either),
            ("claude-opus-4-7", Adaptive),
            ("Claude-Sonnet-5", Adaptive),
            ("claude-haiku-5-5", Adaptive),
            ("claude-opus-10-1", Adaptive),
            ("claude-mythos-preview", Adaptive),
            ("claude", Adaptive),
            ("glm-4.6", Foreign),
            ("", Foreign),
        ] {
            assert_eq!(Generation::of(model), expect, "{model}");
        }
    }
}
