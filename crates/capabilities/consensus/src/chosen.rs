//! Whose words answer the question, once the votes are counted. It changes no count.

use crate::ballot::{Ballot, Cluster};
use crate::numbers::{Numbers, numbers};
use crate::order::{Ranking, Voice, order};
use crate::tables::{composed, sides_with_all};
use settings::Answers;

/// Figures that are told where nobody asked for any, at least.
const FIGURES_MIN: usize = 2;

/// The answer of a panel.
#[derive(Debug, Clone, PartialEq)]
pub enum Chosen {
    /// This member's, word for word.
    Member(usize),
    /// Nobody's: the leading value of every field, which no member gave together. It must be marked as such.
    Composed(String),
}

impl Ballot {
    /// The answer, or what comes closest to one where the vote was not reached; `None` without any answer.
    ///
    /// The leading group's medoid; but of figures the one closest to the median, of orders the one closest to Borda's
    /// count. A reached vote stays within the group that reached it. Where only the single fields of JSON answers hold,
    /// it is the member that sides with the majority in all of them, or their composition where nobody does.
    pub fn chosen(&self) -> Option<Chosen> {
        let clusters = self.clusters();
        let leader = clusters.first()?;
        if !self.leader_holds() && self.fields_hold() {
            let votes = self.fields();
            return Some(sides_with_all(&votes).map_or_else(|| Chosen::Composed(composed(&votes)), Chosen::Member));
        }
        let among = if self.leader_holds() { leader.members.clone() } else { self.answers() };
        let closest = match self.kind() {
            Answers::Number => self.numbers().and_then(|found| self.closest(&found, &among)),
            Answers::Ranking => self.ranking_of(&among).map(|found| found.closest),
            _ => None,
        };
        Some(Chosen::Member(closest.unwrap_or(leader.medoid)))
    }

    /// The share of the weight, 0 to 1, that stands behind the answer: the leading group's, or that of the weakest field
    /// where fields hold the vote.
    pub fn share(&self) -> f64 {
        let leader = self.clusters().first().map_or(0.0, |leader: &Cluster| leader.share);
        if self.leader_holds() || !self.fields_hold() {
            return leader;
        }
        self.fields().iter().map(|vote| vote.share).fold(1.0, f64::min)
    }

    /// What the figures among the answers come to: where figures were asked for, or where any kind of answer was and
    /// all are figures of one unit.
    pub fn numbers(&self) -> Option<Numbers> {
        let answers = self.answers();
        let figure = |at: &usize| Some((*at, self.weight(*at), self.answer(*at)?.quantity()?));
        let figures: Vec<_> = answers.iter().filter_map(figure).collect();
        let found = numbers(&figures)?;
        let all = found.members.len() == answers.len() && answers.len() >= FIGURES_MIN;
        let told = match self.kind() {
            Answers::Number => true,
            Answers::Auto => all,
            _ => false,
        };
        told.then_some(found)
    }

    /// What the orders among the answers add up to; `None` where none was asked for.
    pub fn ranking(&self) -> Option<Ranking> {
        self.ranking_of(&self.answers())
    }

    fn ranking_of(&self, members: &[usize]) -> Option<Ranking> {
        let voice = |member: &usize| {
            let items = self.answer(*member)?.ranking()?;
            Some(Voice { member: *member, weight: self.weight(*member), items })
        };
        order(&members.iter().filter_map(voice).collect::<Vec<_>>())
    }

    /// The member whose figure lies closest to the median; the first among equals.
    fn closest(&self, found: &Numbers, among: &[usize]) -> Option<usize> {
        let counted = among.iter().filter(|member| found.members.contains(member));
        let off = |member: &usize| Some((self.answer(*member)?.quantity()?.value - found.median).abs());
        let ranked = counted.filter_map(|member| Some((off(member)?, *member)));
        ranked.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, member)| member)
    }

    /// The kind of answer that was asked for.
    fn kind(&self) -> Answers {
        let first = self.answers().into_iter().find_map(|member| self.answer(member));
        first.map_or(Answers::Auto, |answer| answer.kind)
    }
}

#[cfg(test)]
#[path = "chosen_tests.rs"]
mod tests;
