//! What came along and what did not, gathered while reading and put in order at the end.

use crate::Left;
use std::collections::BTreeMap;

/// Of how many places with the same trouble each is named.
const NAMED_MAX: usize = 2;
/// The longest path or name that is told, in characters.
const CHARS_MAX: usize = 120;

/// What came along and what did not.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    carried: Vec<String>,
    left: Vec<Left>,
}

impl Notes {
    /// Notes what came along.
    pub(crate) fn carry(&mut self, what: String) {
        self.carried.push(what);
    }

    /// Notes what did not, and why.
    pub(crate) fn leave(&mut self, path: impl AsRef<str>, why: impl Into<String>) {
        self.left.push(Left { path: plain(path.as_ref()), why: why.into() });
    }

    /// What did not.
    pub(crate) fn into_left(self) -> Vec<Left> {
        self.left
    }

    /// Both, without saying the same twice: places that differ in a number alone are told as one.
    pub(crate) fn settle(self) -> (Vec<String>, Vec<Left>) {
        let mut groups: BTreeMap<(String, &str), Vec<usize>> = BTreeMap::new();
        for (at, left) in self.left.iter().enumerate() {
            groups.entry((general(&left.path), &left.why)).or_default().push(at);
        }
        let mut told: Vec<(usize, Left)> = Vec::new();
        for ((general, why), mut places) in groups {
            places.dedup_by_key(|at| &self.left[*at].path);
            if places.len() > NAMED_MAX {
                let why = format!("{why} (in {} places)", places.len());
                told.push((places[0], Left { path: general, why }));
            } else {
                told.extend(places.into_iter().map(|at| (at, self.left[at].clone())));
            }
        }
        told.sort_by_key(|(at, _)| *at);
        (self.carried, told.into_iter().map(|(_, left)| left).collect())
    }
}

/// A path with its numbers taken out: `model_list[3].x` is `model_list[].x`.
fn general(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|letter| {
            inside = if *letter == '[' { true } else { inside && letter.is_ascii_digit() };
            !(inside && letter.is_ascii_digit())
        })
        .collect()
}

/// A path as it can be shown.
fn plain(path: &str) -> String {
    path.chars().filter(|letter| !letter.is_control()).take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_in_many_places_is_told_once() {
        let mut notes = Notes::default();
        for at in 0..3 {
            notes.leave(format!("model_list[{at}].weight"), "no weights");
        }
        notes.leave("a[0].b", "one");
        notes.leave("a[1].b", "one");
        let (_, left) = notes.settle();
        let told: Vec<String> = left.iter().map(|left| format!("{}: {}", left.path, left.why)).collect();
        assert_eq!(told, ["model_list[].weight: no weights (in 3 places)", "a[0].b: one", "a[1].b: one"]);
    }
}
