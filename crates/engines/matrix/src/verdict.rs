//! The agreement report: every figure of the contract, and what to be careful about.

use crate::fanout::{Fanned, Seated};
use crate::plan::Panel;
use crate::{
    Agreement, ClusterReport, FieldReport, MemberOutcome, MemberReport, NumbersReport, PlaceReport, RankingReport,
};
use consensus::{Chosen, Cluster, Numbers, Pair, Ranking, Verdict, effective_voters, mean_rho, method, wilson};
use std::collections::BTreeMap;

/// Fewer answers than this tell little.
const ANSWERS_MIN: usize = 3;

/// Digits shown of a figure that was computed.
const DIGITS: usize = 12;

/// What is known of a panel's members from earlier questions whose truth is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// On how many answers the weights in force were measured; `None` where they are the given ones.
    pub(crate) weights_on: Option<u64>,
    /// What two seats got right and wrong together, the lower number first.
    pub(crate) pairs: BTreeMap<(usize, usize), Pair>,
}

impl Evidence {
    /// The mean correlation of the errors of these seats' models.
    fn rho(&self, seats: &[usize], families: &[&str]) -> f64 {
        let seat = |at: usize| seats.get(at).copied().unwrap_or(usize::MAX);
        mean_rho(families, |a, b| self.pairs.get(&(seat(a), seat(b))).copied())
    }
}

pub(crate) fn agreement(panel: &Panel, fanned: &Fanned, clusters: &[Cluster], evidence: &Evidence) -> Agreement {
    let ballot = &fanned.ballot;
    let seats = ballot.answers();
    let voices: Vec<_> = seats.iter().filter_map(|at| ballot.answer(*at)).collect();
    let (share, counted) = (ballot.share(), counted(fanned));
    let families: Vec<&str> = seats.iter().map(|at| panel.seats[*at].endpoint.family()).collect();
    let stopped_early = fanned.seated.iter().any(|seated| seated.outcome == MemberOutcome::Cancelled);
    let (ranking, chosen) = (ballot.ranking(), ballot.chosen());
    let leader = clusters.first().map(|leader| leader.medoid);
    let mut agreement = Agreement {
        method: method(&voices).as_str(),
        asked: fanned.seated.iter().filter(|seated| seated.outcome != MemberOutcome::Skipped).count(),
        answered: voices.len(),
        reached: fanned.verdict == Verdict::Reached,
        share: shown(share),
        interval: wilson(share * counted, counted).map(rounded),
        effective_voters: (effective_voters(families.len(), evidence.rho(&seats, &families)) * 100.0).round() / 100.0,
        stopped_early,
        saved_ms: saved_ms(panel, fanned),
        clusters: clusters.iter().map(|cluster| cluster_report(panel, fanned, cluster)).collect(),
        numbers: ballot.numbers().map(|found| numbers_report(panel, found)),
        fields: field_reports(panel, fanned),
        composed: matches!(chosen, Some(Chosen::Composed(_))),
        ranking: ranking.as_ref().map(ranking_report),
        resolution: None,
        members: fanned.seated.iter().enumerate().map(|(at, seated)| member_report(panel, at, seated)).collect(),
        caution: Vec::new(),
        simulated: fanned.simulated(),
    };
    agreement.caution = caution(panel, &agreement, &families, chosen == leader.map(Chosen::Member));
    agreement.caution.extend(of_kind(fanned, &agreement, ranking.as_ref()));
    agreement.caution.extend(evidence.weights_on.map(measured));
    agreement
}

/// How many equally heavy members the weights of those who count are worth (Kish's effective sample size).
fn counted(fanned: &Fanned) -> f64 {
    let counts = |seated: &Seated| matches!(seated.outcome, MemberOutcome::Answered | MemberOutcome::Cancelled);
    let of_seats = fanned.seated.iter().enumerate().filter(|(_, seated)| counts(seated));
    let (sum, squares) = of_seats
        .map(|(at, _)| fanned.ballot.weight(at))
        .fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// What the cancelled members usually take beyond what was waited; unknown members save nothing.
fn saved_ms(panel: &Panel, fanned: &Fanned) -> u64 {
    let took = fanned.took.as_secs_f64() * 1_000.0;
    let cancelled = fanned.seated.iter().zip(&panel.seats).filter(|(s, _)| s.outcome == MemberOutcome::Cancelled);
    let usual = cancelled.filter_map(|(_, seat)| seat.endpoint.usual_latency_ms()).fold(0.0, f64::max);
    (usual - took).max(0.0) as u64
}

fn cluster_report(panel: &Panel, fanned: &Fanned, cluster: &Cluster) -> ClusterReport {
    let medoid = fanned.ballot.answer(cluster.medoid);
    ClusterReport {
        answer: medoid.map(|answer| answer.text().to_owned()).unwrap_or_default(),
        share: shown(cluster.share),
        members: names(panel, &cluster.members),
    }
}

fn names(panel: &Panel, seats: &[usize]) -> Vec<String> {
    seats.iter().map(|at| panel.seats[*at].endpoint.id().to_owned()).collect()
}

fn numbers_report(panel: &Panel, found: Numbers) -> NumbersReport {
    NumbersReport {
        median: figure(found.median),
        mad: figure(found.mad),
        trimmed_mean: found.trimmed_mean.map(figure),
        members: names(panel, &found.members),
        unit: Some(found.unit).filter(|unit| !unit.is_empty()),
    }
}

/// The fields themselves, without what only holds them.
fn field_reports(panel: &Panel, fanned: &Fanned) -> Vec<FieldReport> {
    let fields = fanned.ballot.fields().into_iter().filter(|vote| !vote.holds);
    let report = |vote: consensus::FieldVote| FieldReport {
        share: shown(vote.share),
        members: names(panel, &vote.members),
        path: vote.path,
        value: vote.value,
    };
    fields.map(report).collect()
}

fn ranking_report(found: &Ranking) -> RankingReport {
    let place = |place: &consensus::Place| PlaceReport { item: place.item.clone(), points: figure(place.points) };
    RankingReport {
        order: found.order.iter().map(place).collect(),
        condorcet: found.condorcet.clone(),
        cycle: found.cycle,
        w: found.w.map(rounded),
    }
}

/// What to know about answers of a kind that was asked for.
fn of_kind(fanned: &Fanned, agreement: &Agreement, ranking: Option<&Ranking>) -> Vec<String> {
    let ballot = &fanned.ballot;
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

fn member_report(panel: &Panel, at: usize, seated: &Seated) -> MemberReport {
    MemberReport {
        model: panel.seats[at].endpoint.id().to_owned(),
        outcome: seated.outcome,
        reason: seated.reason.clone(),
        latency_ms: (seated.latency.as_micros() as f64) / 1_000.0,
        cost_usd: seated.cost,
    }
}

/// What to know about the vote; `leader` tells whether the leading group's medoid answers.
fn caution(panel: &Panel, agreement: &Agreement, families: &[&str], leader: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |line: String| lines.push(line);
    match agreement.simulated {
        0 => {}
        all if all == agreement.answered => {
            say("simulated: scripts made these answers up, no model was asked".to_owned());
        }
        some => say(format!("simulated: {some} of {} answers were made up by scripts", agreement.answered)),
    }
    if agreement.answered < ANSWERS_MIN {
        say(format!(
            "too few answers: {} of {}, agreement among so few tells little",
            agreement.answered, agreement.asked
        ));
    }
    if let [first, rest @ ..] = families
        && !rest.is_empty()
        && rest.iter().all(|family| family == first)
    {
        say(format!("one family: all answers come from `{first}`, whose models tend to make the same mistakes"));
    }
    if agreement.clusters.len() == 1 && agreement.answered > 1 {
        say("unanimous is not the same as correct: models that err often err alike".to_owned());
    }
    if let [first, second, ..] = agreement.clusters.as_slice()
        && first.share <= second.share
        && leader
    {
        say("a tie: the largest groups are equally heavy, the first in the panel's order leads".to_owned());
    }
    if panel.cost_max.is_some() && panel.seats.iter().any(|seat| seat.endpoint.price().is_none()) {
        say("cost limit: members without a price were asked as if they were free".to_owned());
    }
    if agreement.method == "lexical" {
        say("free text is compared by its words: the same answer in other words counts as another answer".to_owned());
    }
    if agreement.stopped_early {
        say("stopped early: cancelled members count as dissent in every share".to_owned());
    }
    lines
}

/// A computed figure in as many digits as tell something.
fn figure(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

/// A share in four decimals, never more than it is: shares add up to at most 1, and none seems to hold what it missed.
fn shown(share: f64) -> f64 {
    // What is a hair below a whole figure is that figure: 0.6 as a sum of weights may be 0.5999….
    (share * 10_000.0 + 1e-6).floor() / 10_000.0
}

/// Four decimals: more would claim a precision that a handful of answers does not have.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests;
