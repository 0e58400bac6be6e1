//! The state of one vote while answers land: has it been reached, can it still be. It starts and cancels nothing.

use crate::answer::Answer;
use crate::clusters::{Likenesses, weight};
use crate::fields::Fields;
use crate::likeness::likeness;
use crate::tables::{FieldVote, Tables};

/// Sums of weights are compared up to this share, so that 3 of 5 reach 0.6 although `0.6 * 5.0` is above 3.
const EPSILON: f64 = 1e-9;

/// How a vote stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answers still to come decide.
    Pending,
    /// The leader holds enough weight, even if every answer still to come dissents.
    Reached,
    /// No answer still to come can change that too few agree.
    Unreachable,
}

/// Members that agree, with what they weigh.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Member numbers, ascending.
    pub members: Vec<usize>,
    /// The member whose answer speaks for all.
    pub medoid: usize,
    /// The members' weights together.
    pub weight: f64,
    /// That weight as a share, 0 to 1, of the weight of all who were asked and neither failed nor timed out.
    pub share: f64,
}

/// What became of one member.
#[derive(Debug, Clone)]
enum Seat {
    Pending,
    Answered(Box<Answer>),
    Failed,
    TimedOut,
}

/// One vote: who was asked, with which weight, and what came of it.
///
/// Each member is settled once; what is said about a settled or unknown member later is ignored, so that a verdict
/// never rests on an answer that changed.
#[derive(Debug, Clone, Default)]
pub struct Ballot {
    weights: Vec<f64>,
    agreement: f64,
    seats: Vec<Seat>,
    likenesses: Likenesses,
    /// The votes on single fields, where answers have any.
    tables: Tables,
}

impl Ballot {
    /// A vote in which one member per weight was asked and none has answered. A weight that is negative or no number
    /// counts as 0. `agreement` is the share, above 0 and at most 1, that the leader needs; only above one half can
    /// no second group reach it as well.
    pub fn new(weights: &[f64], agreement: f64) -> Self {
        let sound = |weight: &f64| if weight.is_finite() { weight.max(0.0) } else { 0.0 };
        Self {
            weights: weights.iter().map(sound).collect(),
            agreement,
            seats: vec![Seat::Pending; weights.len()],
            likenesses: Likenesses::new(weights.len()),
            tables: Tables::new(weights.len()),
        }
    }

    /// A member's answer has landed. It must have been read against the same prompt as the others.
    pub fn answered(&mut self, member: usize, answer: Answer) {
        if !self.is_pending(member) {
            return;
        }
        for (other, seat) in self.seats.iter().enumerate() {
            if let Seat::Answered(given) = seat {
                self.likenesses.set(member, other, likeness(&answer, given));
            }
        }
        if let Some(fields) = answer.fields() {
            let seats = &self.seats;
            self.tables.land(member, fields, |other| fields_at(seats, other));
        }
        self.settle(member, Seat::Answered(Box::new(answer)));
    }

    /// A member has failed for good: it no longer counts as asked.
    pub fn failed(&mut self, member: usize) {
        self.settle(member, Seat::Failed);
    }

    /// A member's deadline has passed: it no longer counts as asked.
    pub fn timed_out(&mut self, member: usize) {
        self.settle(member, Seat::TimedOut);
    }

    /// What a member's voice weighs; 0 for one that was never asked.
    pub fn weight(&self, member: usize) -> f64 {
        self.weights.get(member).copied().unwrap_or(0.0)
    }

    /// Whether nothing is known of a member yet; false for one that was never asked.
    pub fn is_pending(&self, member: usize) -> bool {
        matches!(self.seats.get(member), Some(Seat::Pending))
    }

    /// A member's answer.
    pub fn answer(&self, member: usize) -> Option<&Answer> {
        match self.seats.get(member) {
            Some(Seat::Answered(answer)) => Some(answer),
            _ => None,
        }
    }

    /// The members that answered, ascending.
    pub fn answers(&self) -> Vec<usize> {
        self.members(|seat| matches!(seat, Seat::Answered(_)))
    }

    /// The weight of all who were asked and neither failed nor timed out.
    pub fn counted_weight(&self) -> f64 {
        self.weight_of(|seat| matches!(seat, Seat::Pending | Seat::Answered(_)))
    }

    /// How the vote stands.
    ///
    /// JSON answers are also counted field by field: the vote is reached as well where every field has a value whose
    /// weight suffices, though no two answers may be the same as a whole.
    ///
    /// Stop at the first verdict that is not [`Verdict::Pending`]. Unreachable is final whatever comes. Reached holds if
    /// everything still to come dissents; an answer that half agrees with the leader's group could still regroup it,
    /// which is why nothing that comes after the verdict may be counted.
    pub fn verdict(&self) -> Verdict {
        if self.leader_holds() || self.fields_hold() {
            return Verdict::Reached;
        }
        let undecided = self.seats.iter().any(|seat| matches!(seat, Seat::Pending));
        let can_be_held = || {
            self.can_be_held(&self.likenesses, self.answers())
                || self.tables.can_hold(|table, given| self.can_be_held(table, given))
        };
        if undecided && can_be_held() { Verdict::Pending } else { Verdict::Unreachable }
    }

    /// Whether the heaviest group of whole answers holds the vote.
    pub(super) fn leader_holds(&self) -> bool {
        let leader = self.likenesses.clusters(&self.answers(), &self.weights).groups.into_iter().next();
        self.suffices(leader.map_or(0.0, |group| weight(&group, &self.weights)))
    }

    /// Whether every field of the JSON answers has a value that holds the vote.
    pub(super) fn fields_hold(&self) -> bool {
        self.tables.hold(&self.weights, |weight| self.suffices(weight))
    }

    /// What the vote on every field has come to, what holds something in front of what it holds; empty where no answer
    /// is counted field by field.
    pub fn fields(&self) -> Vec<FieldVote> {
        self.tables.votes(&self.weights, self.counted_weight(), |member| fields_at(&self.seats, member))
    }

    /// The groups of the answers so far, the heaviest first.
    pub fn clusters(&self) -> Vec<Cluster> {
        let counted = self.counted_weight();
        let groups = self.likenesses.clusters(&self.answers(), &self.weights).groups;
        let cluster = |members: Vec<usize>| {
            let weight = weight(&members, &self.weights);
            let share = if counted > 0.0 { (weight / counted).min(1.0) } else { 0.0 };
            let medoid = self.likenesses.medoid(&members)?;
            Some(Cluster { members, medoid, weight, share })
        };
        groups.into_iter().filter_map(cluster).collect()
    }

    fn settle(&mut self, member: usize, outcome: Seat) {
        if let Some(seat @ Seat::Pending) = self.seats.get_mut(member) {
            *seat = outcome;
        }
    }

    fn members(&self, which: impl Fn(&Seat) -> bool) -> Vec<usize> {
        self.seats.iter().enumerate().filter(|(_, seat)| which(seat)).map(|(member, _)| member).collect()
    }

    fn weight_of(&self, which: impl Fn(&Seat) -> bool) -> f64 {
        weight(&self.members(which), &self.weights)
    }

    /// Whether some group could still hold the vote.
    ///
    /// Such a group consists of answers still to come and of given ones that all agree. So each given one must see
    /// enough weight in the given ones around it and all that is to come; one that does not is in no such group, and
    /// leaves its neighbours with less. What is left over when no more leave may hold a group. An answer to come is in
    /// the sum whatever it will say, and one that fails takes its weight from both sides of the comparison, so a vote
    /// that cannot be held now never can be later.
    fn can_be_held(&self, likenesses: &Likenesses, mut given: Vec<usize>) -> bool {
        let to_come = self.weight_of(|seat| matches!(seat, Seat::Pending));
        loop {
            let near = |member: usize| given.iter().copied().filter(move |other| likenesses.agree(member, *other));
            let holds = |member: usize| weight(&near(member).collect::<Vec<_>>(), &self.weights) + to_come;
            let kept: Vec<usize> = given.iter().copied().filter(|member| self.suffices(holds(*member))).collect();
            if kept.len() == given.len() {
                return !kept.is_empty() || self.suffices(to_come);
            }
            given = kept;
        }
    }

    /// Whether a group of this weight holds the vote, with whatever is still to come as dissent.
    fn suffices(&self, weight: f64) -> bool {
        let counted = self.counted_weight();
        weight > 0.0 && weight >= self.agreement * counted - EPSILON * counted
    }
}

fn fields_at(seats: &[Seat], member: usize) -> Option<&Fields> {
    match seats.get(member) {
        Some(Seat::Answered(answer)) => answer.fields(),
        _ => None,
    }
}

#[cfg(test)]
#[path = "ballot_tests.rs"]
mod tests;
