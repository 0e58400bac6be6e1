//! What `os.environ/NAME` stands for, as far as the files say so. Only what is no key is ever looked up here.

use crate::read::{Node, Tree};
use crate::secret::reference;
use std::collections::BTreeMap;

/// Values by name: those in `environment_variables`, over lines of `NAME=value`.
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    pub(super) fn of(files: &[Tree]) -> Self {
        let lines = files.iter().filter(|file| file.lines).map(|file| &file.root);
        let sections = files.iter().filter_map(|file| file.root.get("environment_variables"));
        let entries = lines.chain(sections).flat_map(Node::entries);
        let values = entries.filter_map(|(name, value)| Some((name.clone(), value.as_word()?.to_owned())));
        Self(values.collect())
    }

    /// What a word says: itself, or what the variable that it refers to has.
    ///
    /// # Errors
    /// The variable, where no file says what it has.
    pub(super) fn said(&self, word: &str) -> Result<String, String> {
        match reference(word) {
            None => Ok(word.trim().to_owned()),
            Some(name) => self.0.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(|| name.to_owned()),
        }
    }

    /// What a variable has.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
