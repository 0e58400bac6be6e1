//! A fan-out as a vote, for its report.

use crate::Agreement;
use crate::fanout::{Fanned, Seated};
use crate::plan::{Panel, Seat};
use consensus::{Cluster, Evidence, Verdict, Vote};

pub(crate) fn agreement(
    panel: &Panel,
    request_id: &str,
    fanned: &Fanned,
    clusters: &[Cluster],
    evidence: &Evidence,
) -> Agreement {
    let seats: Vec<_> = panel.seats.iter().zip(&fanned.seated).map(seat).collect();
    let vote = Vote {
        request_id,
        ballot: &fanned.ballot,
        clusters,
        seats: &seats,
        reached: fanned.verdict == Verdict::Reached,
        took: fanned.took,
        cost_limited: panel.cost_max.is_some(),
        simulated: fanned.simulated(),
        evidence,
    };
    vote.agreement()
}

fn seat<'a>((seat, seated): (&'a Seat, &'a Seated)) -> consensus::Seat<'a> {
    consensus::Seat {
        model: seat.endpoint.id(),
        family: seat.endpoint.family(),
        priced: seat.endpoint.price().is_some(),
        usual_latency_ms: seat.endpoint.usual_latency_ms(),
        outcome: seated.outcome,
        reason: seated.reason.as_deref(),
        latency: seated.latency,
        cost: seated.cost,
    }
}

#[cfg(test)]
mod tests;
