//! Other names for what can be asked. Knows names alone.

use std::collections::BTreeMap;

/// Other names for what can be asked.
#[derive(Default)]
pub(super) struct Aliases {
    /// Names as they are.
    pub(super) whole: BTreeMap<String, String>,
    /// Beginnings of names, the longest first.
    beginnings: Vec<(String, String)>,
}

impl Aliases {
    pub(super) fn new(alias: &BTreeMap<String, String>) -> Self {
        let mut aliases = Self::default();
        for (name, target) in alias {
            match name.strip_suffix('*') {
                Some(beginning) => aliases.beginnings.push((beginning.to_owned(), target.clone())),
                None => _ = aliases.whole.insert(name.clone(), target.clone()),
            }
        }
        aliases.beginnings.sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
        aliases
    }

    pub(super) fn target(&self, name: &str) -> Option<&str> {
        let fits = || self.beginnings.iter().find(|(beginning, _)| name.starts_with(beginning.as_str()));
        self.whole.get(name).or_else(|| fits().map(|(_, target)| target)).map(String::as_str)
    }
}
