//! What to be careful about in an agreement report. It changes no figure of it.

use crate::findings::Vote;
use crate::{Agreement, Ballot, Chosen, Ranking};

/// Fewer answers than this tell little.
const ANSWERS_MIN: usize = 3;

/// All that a reader should know: about the vote, about answers of a kind that was asked for, about the weights.
pub(super) fn cautions(
    vote: &Vote<'_>,
    agreement: &Agreement,
    families: &[&str],
    ranking: Option<&Ranking>,
) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(simulated(agreement));
    lines.extend(of_voices(agreement, families));
    lines.extend(of_groups(vote, agreement));
    lines.extend(of_kind(vote.ballot, agreement, ranking));
    lines.extend(vote.evidence.weights_on.map(measured));
    lines
}

fn simulated(agreement: &Agreement) -> Option<String> {
    match agreement.simulated {
        0 => None,
        all if all == agreement.answered => {
            Some("simulated: scripts made these answers up, no model was asked".to_owned())
        }
        some => Some(format!("simulated: {some} of {} answers were made up by scripts", agreement.answered)),
    }
}

/// About who has answered.
fn of_voices(agreement: &Agreement, families: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    if agreement.answered < ANSWERS_MIN {
        lines.push(format!(
            "too few answers: {} of {}, agreement among so few tells little",
            agreement.answered, agreement.asked
        ));
    }
    if let [first, rest @ ..] = families
        && !rest.is_empty()
        && rest.iter().all(|family| family == first)
    {
        lines.push(format!("one family: all answers come from `{first}`, whose models tend to make the same mistakes"));
    }
    lines
}

/// About the groups, and how they came about.
fn of_groups(vote: &Vote<'_>, agreement: &Agreement) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |line: &str| lines.push(line.to_owned());
    if agreement.clusters.len() == 1 && agreement.answered > 1 {
        say("unanimous is not the same as correct: models that err often err alike");
    }
    if let [first, second, ..] = agreement.clusters.as_slice()
        && first.share <= second.share
        && group_leads(vote)
    {
        say("a tie: the largest groups are equally heavy, the first in the panel's order leads");
    }
    if vote.cost_limited && vote.seats.iter().any(|seat| !seat.priced) {
        say("cost limit: members without a price were asked as if they were free");
    }
    if agreement.method == "lexical" {
        say("free text is compared by its words: the same answer in other words counts as another answer");
    }
    if agreement.stopped_early {
        say("stopped early: cancelled members count as dissent in every share");
    }
    lines
}

/// Whether the answer is the leading group's: not where single fields have decided, nor the middle of figures or orders.
fn group_leads(vote: &Vote<'_>) -> bool {
    let by_fields = !vote.ballot.leader_holds() && vote.ballot.fields_hold();
    let medoid = vote.clusters.first().map(|leader| Chosen::Member(leader.medoid));
    !by_fields && vote.ballot.chosen() == medoid
}

/// What to know about answers of a kind that was asked for.
fn of_kind(ballot: &Ballot, agreement: &Agreement, ranking: Option<&Ranking>) -> Vec<String> {
    let mut lines = Vec::new();
    let answers = || ballot.answers().into_iter().filter_map(|at| ballot.answer(at));
    let other = answers().filter(|answer| !answer.is_of_kind()).count();
    if other > 0 {
        lines.push(format!("another kind: {other} of {} answers are not of the kind asked for", agreement.answered));
    }
    let figures = answers().filter(|answer| answer.quantity().is_some()).count();
    if let Some(found) = agreement.numbers.as_ref().filter(|found| found.members.len() < figures) {
        let unit = found.unit.as_deref().map_or_else(|| "none".to_owned(), |unit| format!("`{unit}`"));
        lines.push(format!("units differ: only figures in the unit of most weight count, which is {unit}"));
    }
    if agreement.composed {
        lines.push(
            "composed: no member gave this answer as a whole, each field is what most weight is behind".to_owned(),
        );
    }
    if ranking.is_some_and(|found| found.uneven) {
        lines.push("items differ: what an order leaves out counts as tied behind its last item".to_owned());
    }
    lines
}

/// What stands behind the weights in force.
fn measured(answers: u64) -> String {
    match answers {
        0 => "weights: none is measured yet, so all members weigh as given".to_owned(),
        n => format!("weights were measured on {n} answers of this panel whose truth is known"),
    }
}

#[cfg(test)]
mod tests {
    use super::measured;

    #[test]
    fn what_stands_behind_weights_is_told() {
        assert_eq!(measured(7), "weights were measured on 7 answers of this panel whose truth is known");
        assert!(measured(0).starts_with("weights: none is measured yet"));
    }
}
