//! Keys in other projects' settings: references are kept, keys themselves become references that somebody must fill.
//!
//! A key that was read lies here only to tell two of them apart. It has no `Debug` and no way out.

use std::collections::BTreeMap;

/// Words that stand for no key, in lower case.
const NONE: [&str; 22] = [
    "",
    "none",
    "null",
    "nil",
    "empty",
    "not-needed",
    "not_needed",
    "notneeded",
    "no-key",
    "no_key",
    "no-key-required",
    "sk-no-key-required",
    "na",
    "n/a",
    "dummy",
    "fake",
    "fake-key",
    "fake_key",
    "placeholder",
    "ollama",
    "lm-studio",
    "unused",
];
/// What keys of well-known makers begin with; such a word in an address is taken for one.
const BEGINNINGS: [&str; 14] =
    ["sk-", "sk_", "pk-", "pk_", "rk_", "gsk_", "aiza", "xai-", "pplx-", "hf_", "ghp_", "github_pat_", "akia", "key-"];

/// A key as a source has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// None, or a word that says so.
    None,
    /// In the variable of this name.
    Env(String),
    /// Itself.
    Literal(Literal),
}

/// A key itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Literal(String);

impl Key {
    /// Reads `os.environ/NAME`, `${NAME}`, `$NAME`, `env:NAME`, a word for none, or a key.
    pub(crate) fn read(word: &str) -> Self {
        match reference(word) {
            Some(name) => Self::Env(name.to_owned()),
            None if NONE.contains(&word.trim().to_lowercase().as_str()) => Self::None,
            None => Self::Literal(Literal(word.to_owned())),
        }
    }
}

/// The variable that a word refers to.
pub(crate) fn reference(word: &str) -> Option<&str> {
    let word = word.trim();
    let braced = || word.strip_prefix("${")?.strip_suffix('}').map(|name| name.split(":-").next().unwrap_or(name));
    let name = word
        .strip_prefix("os.environ/")
        .or_else(|| word.strip_prefix("env:"))
        .or_else(braced)
        .or_else(|| word.strip_prefix('$').filter(|name| !name.contains(|letter: char| letter.is_lowercase())))?;
    is_variable(name).then_some(name)
}

/// Whether a word can be the name of a variable.
pub(crate) fn is_variable(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a part of an address looks like a key.
pub(crate) fn looks_like_one(part: &str) -> bool {
    let lower = part.to_lowercase();
    BEGINNINGS.iter().any(|beginning| lower.starts_with(beginning) && lower.len() > beginning.len() + 5)
}

/// Names of variables, each for one key.
#[derive(Default)]
pub(crate) struct Variables {
    taken: BTreeMap<String, Option<Literal>>,
}

impl Variables {
    /// Keeps a name that a source refers to from being given to another key.
    pub(crate) fn keep(&mut self, name: &str) {
        self.taken.insert(name.to_owned(), None);
    }

    /// A name for a key: the first wish that is free or already this key's, numbered if none is.
    pub(crate) fn propose(&mut self, key: &Literal, wishes: &[String]) -> String {
        let numbered = (2..).map(|number| format!("{}_{number}", wishes.last().map_or("API_KEY", String::as_str)));
        let mut names = wishes.iter().cloned().chain(numbered);
        let free = |name: &String| self.taken.get(name).is_none_or(|of| of.as_ref() == Some(key));
        let name = names.find(free).unwrap_or_default();
        self.taken.insert(name.clone(), Some(key.clone()));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_keys() {
        let variable = |word: &str| match Key::read(word) {
            Key::Env(name) => name,
            Key::None => "-".to_owned(),
            Key::Literal(_) => "!".to_owned(),
        };
        for word in ["os.environ/A_KEY", "${A_KEY}", "$A_KEY", "env:A_KEY", " ${A_KEY:-} "] {
            assert_eq!(variable(word), "A_KEY", "{word}");
        }
        for word in ["", "None", "not-needed", "EMPTY", "sk-no-key-required"] {
            assert_eq!(variable(word), "-", "{word}");
        }
        for word in ["sk-1", "os.environ/a b", "${}", "$1", "$ecret1", "env:1"] {
            assert_eq!(variable(word), "!", "{word}");
        }
    }

    #[test]
    fn a_name_is_never_given_twice() {
        let mut names = Variables::default();
        names.keep("OPENAI_API_KEY");
        let (one, two) = (Literal("one".to_owned()), Literal("two".to_owned()));
        let wishes = ["OPENAI_API_KEY".to_owned(), "EAST_API_KEY".to_owned()];
        assert_eq!(names.propose(&one, &wishes), "EAST_API_KEY");
        assert_eq!(names.propose(&two, &wishes), "EAST_API_KEY_2");
        assert_eq!(names.propose(&one, &wishes), "EAST_API_KEY");
    }

    #[test]
    fn keys_in_addresses_are_noticed() {
        assert!(looks_like_one("sk-abcdef123456") && looks_like_one("AIzaSyAbcdefg"));
        assert!(!looks_like_one("v1") && !looks_like_one("openai") && !looks_like_one("sk-1"));
    }
}
