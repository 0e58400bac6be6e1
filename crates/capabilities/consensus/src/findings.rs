//! A vote turned into its report: every figure of the contract. It asks nobody, and knows no endpoint and no clock.

use crate::caution::cautions;
use crate::{
    Agreement, Ballot, Chosen, Cluster, ClusterReport, FieldReport, FieldVote, MemberOutcome, MemberReport, Numbers,
    NumbersReport, Pair, Place, PlaceReport, Ranking, RankingReport, effective_voters, mean_rho, method, wilson,
};
use prices::Cost;
use std::collections::BTreeMap;
use std::time::Duration;

/// Digits shown of a figure that was computed.
const DIGITS: usize = 12;

/// What is known of a panel's members from earlier questions whose truth is known.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// On how many answers the weights in force were measured; `None` where they are the given ones.
    pub weights_on: Option<u64>,
    /// What two seats got right and wrong together, the lower number first.
    pub pairs: BTreeMap<(usize, usize), Pair>,
}

impl Evidence {
    /// The mean correlation of the errors of these seats' models.
    fn rho(&self, seats: &[usize], families: &[&str]) -> f64 {
        let seat = |at: usize| seats.get(at).copied().unwrap_or(usize::MAX);
        mean_rho(families, |a, b| self.pairs.get(&(seat(a), seat(b))).copied())
    }
}

/// One seat of a panel, and how asking it ended.
#[derive(Debug, Clone)]
pub struct Seat<'a> {
    /// Who sits there, as `provider/model`.
    pub model: &'a str,
    /// Who trained it, as far as that is known.
    pub family: &'a str,
    /// Whether anybody knows what it costs.
    pub priced: bool,
    /// Milliseconds that its answers usually take; `None` where that is not known.
    pub usual_latency_ms: Option<f64>,
    /// How asking it ended.
    pub outcome: MemberOutcome,
    /// Why there is no answer.
    pub reason: Option<&'a str>,
    /// How long it took to end.
    pub latency: Duration,
    /// US dollars; `None` when unknown.
    pub cost: Cost,
}

/// A vote that is over.
#[derive(Debug, Clone, Copy)]
pub struct Vote<'a> {
    /// The id of the request that was voted on.
    pub request_id: &'a str,
    /// The votes; its member numbers are places in `seats`.
    pub ballot: &'a Ballot,
    /// The ballot's groups.
    pub clusters: &'a [Cluster],
    /// All seats of the panel, in its order.
    pub seats: &'a [Seat<'a>],
    /// Whether enough weight agreed.
    pub reached: bool,
    /// How long all of it took.
    pub took: Duration,
    /// Whether what it may cost was limited.
    pub cost_limited: bool,
    /// How many of the answers scripts made up.
    pub simulated: usize,
    /// What is known of the members from earlier questions.
    pub evidence: &'a Evidence,
}

impl<'a> Vote<'a> {
    /// The report of it.
    pub fn agreement(&self) -> Agreement {
        let ballot = self.ballot;
        let answered = ballot.answers();
        let voices: Vec<_> = answered.iter().filter_map(|at| ballot.answer(*at)).collect();
        let (share, counted) = (ballot.share(), self.counted());
        let families: Vec<&str> = answered.iter().filter_map(|at| self.seats.get(*at)).map(|it| it.family).collect();
        let rho = self.evidence.rho(&answered, &families);
        let ranking = ballot.ranking();
        let mut agreement = Agreement {
            request_id: self.request_id.to_owned(),
            method: method(&voices).as_str(),
            asked: self.seats.iter().filter(|seat| seat.outcome != MemberOutcome::Skipped).count(),
            answered: voices.len(),
            reached: self.reached,
            share: shown(share),
            interval: wilson(share * counted, counted).map(rounded),
            effective_voters: (effective_voters(families.len(), rho) * 100.0).round() / 100.0,
            stopped_early: self.seats.iter().any(|seat| seat.outcome == MemberOutcome::Cancelled),
            saved_ms: self.saved_ms(),
            clusters: self.clusters.iter().map(|cluster| self.cluster_report(cluster)).collect(),
            numbers: ballot.numbers().map(|found| self.numbers_report(found)),
            fields: self.field_reports(),
            composed: matches!(ballot.chosen(), Some(Chosen::Composed(_))),
            ranking: ranking.as_ref().map(ranking_report),
            resolution: None,
            members: self.seats.iter().map(member_report).collect(),
            caution: Vec::new(),
            simulated: self.simulated,
        };
        agreement.caution = cautions(self, &agreement, &families, ranking.as_ref());
        agreement
    }

    /// How many equally heavy members the weights of those who count are worth (Kish's effective sample size).
    fn counted(&self) -> f64 {
        let counts = |seat: &Seat<'_>| matches!(seat.outcome, MemberOutcome::Answered | MemberOutcome::Cancelled);
        let of_seats = self.seats.iter().enumerate().filter(|(_, seat)| counts(seat));
        let (sum, squares) = of_seats
            .map(|(at, _)| self.ballot.weight(at))
            .fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    /// What the cancelled members usually take beyond what was waited; unknown members save nothing.
    fn saved_ms(&self) -> u64 {
        let took = self.took.as_secs_f64() * 1_000.0;
        let cancelled = self.seats.iter().filter(|seat| seat.outcome == MemberOutcome::Cancelled);
        let usual = cancelled.filter_map(|seat| seat.usual_latency_ms).fold(0.0, f64::max);
        (usual - took).max(0.0) as u64
    }

    fn cluster_report(&self, cluster: &Cluster) -> ClusterReport {
        let medoid = self.ballot.answer(cluster.medoid);
        ClusterReport {
            answer: medoid.map(|answer| answer.text().to_owned()).unwrap_or_default(),
            share: shown(cluster.share),
            members: self.names(&cluster.members),
        }
    }

    fn names(&self, seats: &[usize]) -> Vec<String> {
        seats.iter().filter_map(|at| self.seats.get(*at)).map(|seat| seat.model.to_owned()).collect()
    }

    fn numbers_report(&self, found: Numbers) -> NumbersReport {
        NumbersReport {
            median: figure(found.median),
            mad: figure(found.mad),
            trimmed_mean: found.trimmed_mean.map(figure),
            members: self.names(&found.members),
            unit: Some(found.unit).filter(|unit| !unit.is_empty()),
        }
    }

    /// The fields themselves, without what only holds them.
    fn field_reports(&self) -> Vec<FieldReport> {
        let fields = self.ballot.fields().into_iter().filter(|vote| !vote.holds);
        let report = |vote: FieldVote| FieldReport {
            share: shown(vote.share),
            members: self.names(&vote.members),
            path: vote.path,
            value: vote.value,
        };
        fields.map(report).collect()
    }
}

fn ranking_report(found: &Ranking) -> RankingReport {
    let place = |place: &Place| PlaceReport { item: place.item.clone(), points: figure(place.points) };
    RankingReport {
        order: found.order.iter().map(place).collect(),
        condorcet: found.condorcet.clone(),
        cycle: found.cycle,
        w: found.w.map(rounded),
    }
}

fn member_report(seat: &Seat<'_>) -> MemberReport {
    MemberReport {
        model: seat.model.to_owned(),
        outcome: seat.outcome,
        reason: seat.reason.map(str::to_owned),
        latency_ms: (seat.latency.as_micros() as f64) / 1_000.0,
        cost_usd: seat.cost,
    }
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
mod tests {
    use super::{Evidence, figure};
    use crate::Pair;

    #[test]
    fn what_was_measured_takes_the_place_of_what_is_assumed() {
        let families = ["x", "x", "y"];
        let apart = Pair { both_right: 640, only_first: 160, only_second: 160, both_wrong: 40 };
        let evidence = Evidence { weights_on: Some(7), pairs: [((1, 4), apart)].into() };
        // The seats 1, 4 and 6 have answered: one pair of one family is measured, the others are assumed.
        let found = evidence.rho(&[1, 4, 6], &families);
        assert!((found - (30.0 / 1030.0 + 0.4 + 0.4) / 3.0).abs() < 1e-12, "{found}");
        assert!((Evidence::default().rho(&[1, 4, 6], &families) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn computed_figures_lose_what_only_computing_adds() {
        for (value, expect) in
            [(0.1 + 0.2, 0.3), (391.0, 391.0), (-1.0 / 3.0, -0.333333333333), (0.0, 0.0), (1e300, 1e300)]
        {
            assert_eq!(figure(value), expect);
        }
    }
}
