//! One vote per field of JSON answers: which value each field gets, and whether all of them hold. It asks nobody.

use crate::clusters::{Likenesses, weight};
use crate::fields::{Field, Fields, alike, put_together};
use serde_json::Value;

/// Fields of all answers together, at most; an answer that would add more is compared as a whole.
const PATHS_MAX: usize = 256;

/// The votes on all fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    seats: usize,
    /// The members whose fields are counted, ascending.
    members: Vec<usize>,
    /// How much the members agree on each path, in the order in which paths came up: holders first.
    paths: Vec<(String, Likenesses)>,
}

/// The value that most weight stands behind at one path.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldVote {
    /// Where it stands, as a JSON pointer (RFC 6901).
    pub path: String,
    /// The value; `None` where the field is left out.
    pub value: Option<Value>,
    /// The weight behind it as a share, 0 to 1, of the weight of all who were asked and neither failed nor timed out.
    pub share: f64,
    /// Who is behind it, ascending.
    pub members: Vec<usize>,
    /// Whether it is an object or an array of which the fields are listed for themselves.
    pub holds: bool,
}

impl Tables {
    pub(super) fn new(seats: usize) -> Self {
        Self { seats, members: Vec::new(), paths: Vec::new() }
    }

    /// A member's answer has landed; `given` tells the fields of those that landed before.
    pub(super) fn land<'a>(&mut self, member: usize, landed: &Fields, given: impl Fn(usize) -> Option<&'a Fields>) {
        let unknown = |field: &&Field| !self.paths.iter().any(|(path, _)| *path == field.path);
        let new: Vec<String> = landed.iter().filter(unknown).map(|field| field.path.clone()).collect();
        if self.paths.len() + new.len() > PATHS_MAX {
            return;
        }
        for path in new {
            let mut table = Likenesses::new(self.seats);
            // Whoever came before has left this field out, all of them alike.
            self.members.iter().for_each(|a| self.members.iter().for_each(|b| table.set(*a, *b, 1.0)));
            self.paths.push((path, table));
        }
        for (path, table) in &mut self.paths {
            let value = landed.get(path);
            for other in &self.members {
                table.set(member, *other, alike(value, given(*other).and_then(|fields| fields.get(path))));
            }
        }
        self.members.push(member);
        self.members.sort_unstable();
    }

    /// Whether at every path some value has a weight that suffices.
    pub(super) fn hold(&self, weights: &[f64], suffices: impl Fn(f64) -> bool) -> bool {
        let leads =
            |table: &Likenesses| self.leaders(table, weights).is_some_and(|group| suffices(weight(&group, weights)));
        !self.paths.is_empty() && self.paths.iter().all(|(_, table)| leads(table))
    }

    /// Whether `can` says of every path, with who is counted, that some value may still get a weight that suffices. False
    /// while there is no path: what answers to come can do without those given is no matter of fields.
    pub(super) fn can_hold(&self, can: impl Fn(&Likenesses, Vec<usize>) -> bool) -> bool {
        !self.paths.is_empty() && self.paths.iter().all(|(_, table)| can(table, self.members.clone()))
    }

    /// What the vote on every path has come to, given the weight of all who count.
    pub(super) fn votes<'a>(
        &self,
        weights: &[f64],
        counted: f64,
        given: impl Fn(usize) -> Option<&'a Fields>,
    ) -> Vec<FieldVote> {
        let vote = |(path, table): &(String, Likenesses)| {
            let members = self.leaders(table, weights)?;
            let field = table.medoid(&members).and_then(&given).and_then(|fields| fields.get(path));
            let share = if counted > 0.0 { (weight(&members, weights) / counted).min(1.0) } else { 0.0 };
            let (value, holds) = (field.map(|field| field.value.clone()), field.is_some_and(|field| field.holds));
            Some(FieldVote { path: path.clone(), value, share, members, holds })
        };
        self.paths.iter().filter_map(vote).collect()
    }

    /// The heaviest group at a path.
    fn leaders(&self, table: &Likenesses, weights: &[f64]) -> Option<Vec<usize>> {
        table.clusters(&self.members, weights).groups.into_iter().next()
    }
}

/// The first member that is behind the leading value of every field.
pub(super) fn sides_with_all(votes: &[FieldVote]) -> Option<usize> {
    let (first, rest) = votes.split_first()?;
    first.members.iter().copied().find(|member| rest.iter().all(|vote| vote.members.contains(member)))
}

/// The document of all leading values.
pub(super) fn composed(votes: &[FieldVote]) -> String {
    let values = votes.iter().filter_map(|vote| Some((vote.path.as_str(), vote.value.as_ref()?)));
    put_together(values).to_string()
}
