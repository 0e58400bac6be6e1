//! Settings that are variables: lines of `NAME=value`, or sections whose keys stand for such names.

use crate::address::{self, Address};
use crate::decimal::ms_of_seconds;
use crate::notes::Notes;
use crate::read::{Node, Tree};
use crate::secret::{Key, reference};
use std::collections::{BTreeMap, BTreeSet};

/// How deep sections are followed.
const DEPTH_MAX: usize = 4;
/// The longest time in milliseconds, as `settings` has it: a day.
const TIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Variables, and which of them were read.
pub(crate) struct Variables {
    values: BTreeMap<String, String>,
    read: BTreeSet<String>,
}

impl Variables {
    /// Those of all files; `name` makes the name of a variable out of the keys of a section.
    pub(crate) fn of(files: &[Tree], name: fn(&[&str]) -> Option<String>) -> Self {
        let mut values = BTreeMap::new();
        for file in files {
            if file.lines {
                let words = file.root.entries().iter().filter_map(|(name, value)| Some((name, value.as_word()?)));
                values.extend(words.map(|(name, word)| (name.clone(), word.to_owned())));
            } else {
                flatten(&file.root, &mut Vec::new(), name, &mut values);
            }
        }
        values.retain(|_, value| !value.is_empty());
        Self { values, read: BTreeSet::new() }
    }

    /// The first of some variables that is set, with its name.
    pub(crate) fn first<'a>(&mut self, names: &[&'a str]) -> Option<(&'a str, String)> {
        self.read.extend(names.iter().map(|name| (*name).to_owned()));
        names.iter().find_map(|name| Some((*name, self.values.get(*name)?.clone())))
    }

    /// What a variable has.
    pub(crate) fn get(&mut self, name: &str) -> Option<String> {
        self.first(&[name]).map(|(_, value)| value)
    }

    /// What a variable has, without reading it: should nobody read it, it is told as left behind.
    pub(crate) fn peek(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether a variable is set; this is not reading it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether any variable is set whose name begins like this.
    pub(crate) fn begins(&self, beginning: &str) -> bool {
        self.values.range(beginning.to_owned()..).next().is_some_and(|(name, _)| name.starts_with(beginning))
    }

    /// The key in a variable, by reference; what it refers to itself is followed. Where it stands in the file, a note
    /// says that it must be set.
    pub(crate) fn key(&mut self, name: &str, notes: &mut Notes) -> Key {
        if let Some(value) = self.get(name) {
            match Key::read(&value) {
                Key::Env(other) => return Key::Env(other),
                Key::Literal(_) => notes.leave(name, "keys are never copied: set this variable where althing runs"),
                Key::None => {}
            }
        }
        Key::Env(name.to_owned())
    }

    /// The address in the first of some variables that is set.
    ///
    /// # Errors
    /// It is set and cannot be used; a note says why.
    pub(crate) fn address(&mut self, names: &[&str], notes: &mut Notes) -> Result<Option<String>, ()> {
        let Some((name, value)) = self.first(names) else { return Ok(None) };
        if reference(&value).is_some() {
            notes.leave(name, "it refers to another variable, write the address itself");
            return Err(());
        }
        match address::clean(&value) {
            Address::Kept(url, cut) => {
                cut.into_iter().for_each(|cut| notes.leave(name, cut));
                Ok(Some(url))
            }
            Address::Refused(why) => {
                notes.leave(name, why);
                Err(())
            }
        }
    }

    /// Seconds as milliseconds, with a note where they are none.
    pub(crate) fn time(&mut self, names: &[&str], notes: &mut Notes) -> Option<u64> {
        let (name, value) = self.first(names)?;
        let time = ms_of_seconds(&value).filter(|ms| (1..=TIME_MS_MAX).contains(ms));
        if time.is_none() {
            notes.leave(name, "it is no time between a millisecond and a day");
        }
        time
    }

    /// Notes every variable that nobody has read.
    pub(crate) fn leave_rest(&self, notes: &mut Notes, why: impl Fn(&str) -> &'static str) {
        for name in self.values.keys().filter(|name| !self.read.contains(*name)) {
            notes.leave(name, why(name));
        }
    }
}

fn flatten<'a>(
    node: &'a Node,
    keys: &mut Vec<&'a str>,
    name: fn(&[&str]) -> Option<String>,
    values: &mut BTreeMap<String, String>,
) {
    if keys.len() == DEPTH_MAX {
        return;
    }
    for (key, value) in node.entries() {
        keys.push(key);
        match value {
            Node::Word(word) => values.extend(name(keys).map(|name| (name, word.trim().to_owned()))),
            inner => flatten(inner, keys, name, values),
        }
        keys.pop();
    }
}

/// Keys as one name of a variable: `planner.provider` is `PLANNER_PROVIDER`.
pub(crate) fn upper(keys: &[&str]) -> String {
    let upper = keys.join("_").to_uppercase();
    upper.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}
