//! When the few that a panel asked first suffice. It asks nobody and knows no clock.
//!
//! A panel with `first` asks its cheapest members first, and goes on with the next one as long as those in progress could
//! not settle the question, even if all of them agreed with the leader. There are two ways to settle it:
//!
//! * The first ones are of one mind: at least `first` of them (at least two) have answered, all in one group, that weighs
//!   at least what `first` members of this panel weigh on average. With half of the panel's weight among them nobody else
//!   could have changed the winner.
//! * Somebody dissents: then nothing but the vote of the whole panel counts, with everybody who was not asked as dissent.
//!   Members are asked, the cheapest first, until it is decided; so what wins is what a fan-out to all would have let win.

use crate::Ballot;
use std::collections::VecDeque;

/// Sums of weights are compared up to this share.
const EPSILON: f64 = 1e-9;
/// Nobody is of one mind alone.
const ANSWERS_MIN: usize = 2;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask one more.
    Ask,
    /// See what those in progress say.
    Wait,
    /// Stop: the first ones are of one mind.
    Enough,
}

/// Asks no more than it takes.
#[derive(Debug, Clone, Copy)]
pub struct Escalation {
    /// How many are asked first; `None` for all at once.
    pub first: Option<usize>,
    /// The share of the weight that the leader needs.
    pub agreement: f64,
    /// All seats of the panel.
    pub seats: usize,
}

impl Escalation {
    /// What to do next in a vote that is not decided, in which `unasked` were not asked yet.
    pub fn step(self, ballot: &Ballot, unasked: &VecDeque<usize>) -> Step {
        let Some(first) = self.first.filter(|_| !unasked.is_empty()) else {
            return if unasked.is_empty() { Step::Wait } else { Step::Ask };
        };
        let unasked_weight: f64 = unasked.iter().map(|at| ballot.weight(*at)).sum();
        let counted = ballot.counted_weight();
        let (hair, asked_weight) = (EPSILON * counted, counted - unasked_weight);
        let (groups, answers) = (ballot.clusters(), ballot.answers());
        let leading = groups.first().map_or(0.0, |group| group.weight);
        let in_progress = asked_weight - answers.iter().map(|at| ballot.weight(*at)).sum::<f64>();
        if groups.len() > 1 {
            let lacking = self.agreement * counted - leading - in_progress;
            return if lacking > hair { Step::Ask } else { Step::Wait };
        }
        let pending = (0..self.seats).filter(|at| ballot.is_pending(*at)).count().saturating_sub(unasked.len());
        let first = first.max(ANSWERS_MIN);
        let mean = counted / (answers.len() + pending + unasked.len()).max(1) as f64;
        let wanted = mean * first as f64;
        let of_one_mind = answers.len() >= first && leading >= wanted - hair;
        // Whoever does not answer counts as dissent here as well.
        if of_one_mind && leading >= self.agreement * asked_weight - hair {
            return Step::Enough;
        }
        let could_be = answers.len() + pending >= first && leading + in_progress >= wanted - hair;
        if could_be { Step::Wait } else { Step::Ask }
    }
}

#[cfg(test)]
mod tests {
    use super::{Escalation, Step};
    use crate::{Answer, Ballot, Prompt};
    use std::collections::VecDeque;

    /// What to do next when seats have said these words (`.` is in progress, `-` has failed, `?` was not asked).
    fn step(said: &[&str], weights: &[f64], first: usize, agreement: f64) -> Step {
        let mut ballot = Ballot::new(weights, agreement);
        let mut unasked = VecDeque::new();
        for (at, text) in said.iter().enumerate() {
            match *text {
                "." => {}
                "-" => ballot.failed(at),
                "?" => unasked.push_back(at),
                text => ballot.answered(at, Answer::new(text, &Prompt::default())),
            }
        }
        Escalation { first: Some(first), agreement, seats: said.len() }.step(&ballot, &unasked)
    }

    #[test]
    fn known_steps() {
        for (said, first, agreement, expect) in [
            (["?", "?", "?", "?", "?"], 3, 0.6, Step::Ask),
            ([".", ".", "?", "?", "?"], 3, 0.6, Step::Ask),
            ([".", ".", ".", "?", "?"], 3, 0.6, Step::Wait),
            (["a", "a", ".", "?", "?"], 3, 0.7, Step::Wait),
            (["a", "a", "a", "?", "?"], 3, 0.7, Step::Enough),
            // Two agree, and one alone never does.
            (["a", "a", "?", "?", "?"], 2, 0.6, Step::Enough),
            (["a", "?", "?", "?", "?"], 1, 0.6, Step::Ask),
            (["a", "a", "?", "?", "?"], 1, 0.6, Step::Enough),
            // Another one takes the place of whoever fails.
            (["a", "a", "-", "?", "?"], 3, 0.8, Step::Ask),
            (["a", "a", "-", ".", "?"], 3, 0.8, Step::Wait),
            // Somebody dissents: as many as could make three of five agree.
            (["a", "b", ".", "?", "?"], 3, 0.6, Step::Ask),
            (["a", "b", ".", ".", "?"], 3, 0.6, Step::Wait),
            (["a", "a", "b", "?", "?"], 3, 0.6, Step::Ask),
            (["a", "a", "b", ".", "?"], 3, 0.6, Step::Wait),
            // Of one mind, but for those who hang: they count as dissent.
            ([".", ".", "a", "a", "?"], 2, 0.6, Step::Wait),
            ([".", "a", "a", "a", "?"], 2, 0.6, Step::Enough),
        ] {
            assert_eq!(step(&said, &[1.0; 5], first, agreement), expect, "{said:?} {first}");
        }
    }

    #[test]
    fn the_first_must_weigh_what_so_many_usually_weigh() {
        // Two light ones of one mind are no two members of a panel that the fifth rules.
        for (weights, expect) in [([1.0, 1.0, 1.0, 1.0, 1.0], Step::Enough), ([1.0, 1.0, 1.0, 1.0, 6.0], Step::Ask)] {
            assert_eq!(step(&["a", "a", "?", "?", "?"], &weights, 2, 0.6), expect, "{weights:?}");
        }
        assert_eq!(step(&["a", "a", "a", "a", "?"], &[1.0, 1.0, 1.0, 1.0, 6.0], 2, 0.6), Step::Enough);
    }
}
