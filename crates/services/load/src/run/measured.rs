//! What the repeats of one scenario brought back, before anything is made of it.

use crate::scenario::Scenario;
use crate::watch::{Look, glimpses};
use hdrhistogram::Histogram;
use std::sync::Arc;
use std::time::{Duration, Instant};
use traffic::{Prepared, Record, Taken};
use verdict::Glimpse;

/// One repeat.
pub(super) struct Repeat {
    /// Seconds of the repeats before it.
    pub(super) offset_s: f64,
    pub(super) records: Vec<Record>,
    pub(super) tides: Vec<(u32, u32)>,
    pub(super) wall: Duration,
    pub(super) cpu: Vec<Duration>,
    pub(super) left: usize,
}

/// The repeats of one scenario.
pub(super) struct Measured {
    pub(super) model: String,
    pub(super) requests: Arc<Vec<Prepared>>,
    pub(super) schedule_sha256: String,
    pub(super) repeats: Vec<Repeat>,
    pub(super) response_us: Option<Histogram<u64>>,
    pub(super) between_us: Option<Histogram<u64>>,
    pub(super) glimpses: Vec<Glimpse>,
    /// Processor seconds that the target used, over the repeats.
    pub(super) cpu_s: Option<f64>,
    pub(super) notes: Vec<String>,
    simulated: bool,
}

impl Measured {
    pub(super) fn new(scenario: &Scenario, model: &str, requests: Arc<Vec<Prepared>>) -> Self {
        Self {
            model: model.to_owned(),
            requests,
            schedule_sha256: String::new(),
            repeats: Vec::with_capacity(scenario.mix.len()),
            response_us: None,
            between_us: None,
            glimpses: Vec::new(),
            cpu_s: None,
            notes: Vec::new(),
            simulated: false,
        }
    }

    /// Adds a repeat, with the looks at the target during it.
    pub(super) fn add(&mut self, taken: Taken, looks: &[(Instant, Look)]) {
        let offset_s = self.repeats.iter().map(|repeat| repeat.wall.as_secs_f64().ceil()).sum();
        let mut seen = glimpses(looks, taken.started, offset_s);
        self.cpu_s = sum(self.cpu_s, crate::watch::cpu_s(&seen));
        if let Some(last) = self.glimpses.last() {
            seen.iter_mut().for_each(|glimpse| *glimpse = carried(glimpse, last));
        }
        self.glimpses.extend(seen);
        self.simulated |= taken.simulated;
        merge(&mut self.response_us, taken.response_us);
        merge(&mut self.between_us, taken.between_us);
        self.repeats.push(Repeat {
            offset_s,
            records: taken.records,
            tides: taken.tides,
            wall: taken.wall,
            cpu: taken.cpu,
            left: taken.left,
        });
    }

    /// Whether any answer was marked as simulated.
    pub(super) fn simulated(&self) -> bool {
        self.simulated
    }

    /// Every record of every repeat.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.repeats.iter().flat_map(|repeat| &repeat.records)
    }
}

/// Both, or the one there is.
fn sum(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

/// A glimpse whose counters go on from those of the repeat before.
fn carried(glimpse: &Glimpse, before: &Glimpse) -> Glimpse {
    let on = |of: fn(&Glimpse) -> Option<f64>| of(glimpse).and_then(|now| sum(Some(now), of(before)));
    Glimpse {
        cpu_s: on(|one| one.cpu_s),
        cache_hits: on(|one| one.cache_hits),
        cache_misses: on(|one| one.cache_misses),
        fallbacks: on(|one| one.fallbacks),
        retries: on(|one| one.retries),
        shed: on(|one| one.shed),
        model_calls: on(|one| one.model_calls),
        model_failures: on(|one| one.model_failures),
        model_s: on(|one| one.model_s),
        ..*glimpse
    }
}

fn merge(all: &mut Option<Histogram<u64>>, more: Histogram<u64>) {
    match all {
        // Histograms of the same bounds always add up.
        Some(all) => _ = all.add(&more),
        None => *all = Some(more),
    }
}
