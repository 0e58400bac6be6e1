//! A value of a file. It knows no format.

use std::collections::BTreeSet;

/// A value of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// Nothing.
    Null,
    /// A word, a number or a switch, as it was written.
    Word(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by name, in the order of the file.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a name; nothing where this is no map or the value is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let found = self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value);
        found.filter(|value| **value != Self::Null)
    }

    /// The word under a name.
    pub(crate) fn word(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_word()
    }

    /// The word itself, without white space around it.
    pub(crate) fn as_word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word.trim()),
            _ => None,
        }
    }

    /// All names and values; none where this is no map.
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// All values; none where this is no list.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// The entries without those whose name comes again later.
pub(super) fn last_of_each(mut entries: Vec<(String, Node)>) -> Vec<(String, Node)> {
    let mut seen = BTreeSet::new();
    entries.reverse();
    entries.retain(|(name, _)| seen.insert(name.clone()));
    entries.reverse();
    entries
}

/// Whether a word is a switch that is on, as YAML, JSON and the projects' own readers have it.
pub(crate) fn is_on(word: &str) -> bool {
    ["true", "yes", "on", "1"].iter().any(|on| word.eq_ignore_ascii_case(on))
}
