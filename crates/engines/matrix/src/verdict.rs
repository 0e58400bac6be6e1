//! The agreement report: every figure of the contract, and what to be careful about.

use crate::fanout::{Fanned, Seated};
use crate::plan::Panel;
use crate::report::{Agreement, ClusterReport, MemberOutcome, MemberReport};
use consensus::{Cluster, Verdict, effective_voters, method, prior_rho, wilson};

/// Fewer answers than this tell little.
const ANSWERS_MIN: usize = 3;

pub(crate) fn agreement(panel: &Panel, fanned: &Fanned, clusters: &[Cluster]) -> Agreement {
    let ballot = &fanned.ballot;
    let voices: Vec<_> = ballot.answers().into_iter().filter_map(|at| ballot.answer(at)).collect();
    let method = method(&voices).as_str();
    let share = clusters.first().map_or(0.0, |leader| leader.share);
    let counted = counted(panel, fanned);
    let families: Vec<&str> = ballot.answers().iter().map(|at| panel.seats[*at].endpoint.family()).collect();
    let stopped_early = fanned.seated.iter().any(|seated| seated.outcome == MemberOutcome::Cancelled);
    let mut agreement = Agreement {
        method,
        asked: fanned.seated.iter().filter(|seated| seated.outcome != MemberOutcome::Skipped).count(),
        answered: voices.len(),
        reached: fanned.verdict == Verdict::Reached,
        share: shown(share),
        interval: wilson(share * counted, counted).map(rounded),
        effective_voters: (effective_voters(families.len(), prior_rho(&families)) * 100.0).round() / 100.0,
        stopped_early,
        saved_ms: saved_ms(panel, fanned),
        clusters: clusters.iter().map(|cluster| cluster_report(panel, fanned, cluster)).collect(),
        members: fanned.seated.iter().enumerate().map(|(at, seated)| member_report(panel, at, seated)).collect(),
        caution: Vec::new(),
        simulated: fanned.simulated(),
    };
    agreement.caution = caution(panel, &agreement, &families);
    agreement
}

/// How many equally heavy members the weights of those who count are worth (Kish's effective sample size).
fn counted(panel: &Panel, fanned: &Fanned) -> f64 {
    let counts = |seated: &Seated| matches!(seated.outcome, MemberOutcome::Answered | MemberOutcome::Cancelled);
    let of_seats = fanned.seated.iter().zip(&panel.seats).filter(|(seated, _)| counts(seated));
    let (sum, squares) =
        of_seats.fold((0.0, 0.0), |(sum, squares), (_, seat)| (sum + seat.weight, squares + seat.weight * seat.weight));
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
        members: cluster.members.iter().map(|at| panel.seats[*at].endpoint.id().to_owned()).collect(),
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

fn caution(panel: &Panel, agreement: &Agreement, families: &[&str]) -> Vec<String> {
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
