//! Endpoints among which one is chosen for each request.

use super::Lead;
use super::usual::Usual;
use crate::context::Context;
use balance::{Balancer, Ordered, Reading};
use models::Endpoint;
use settings::Strategy;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A second copy never goes out sooner: what is late by less is not worth a second answer.
const HEDGE_FLOOR: Duration = Duration::from_millis(50);

/// One of a group.
struct Pick {
    endpoint: Arc<Endpoint>,
    weight: f64,
    usual: Usual,
}

impl Pick {
    fn new(endpoint: Arc<Endpoint>, weight: f64) -> Self {
        Self { endpoint, weight, usual: Usual::default() }
    }
}

/// Beyond which one of a group is asked last.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Limits {
    /// US dollars that one request would likely cost.
    pub(crate) cost_usd: Option<f64>,
    /// Seconds that it usually takes to the first token.
    pub(crate) latency_s: Option<f64>,
}

/// Endpoints among which one is chosen for each request. Never empty.
pub(crate) struct Group {
    name: String,
    endpoints: Vec<Arc<Endpoint>>,
    picks: Vec<Pick>,
    strategy: Strategy,
    limits: Limits,
    hedge: bool,
    balancer: Balancer,
}

/// What a group needs to know of a request.
pub(crate) struct Asked<'a> {
    pub(crate) context: &'a Context,
    /// What it would likely cost at an endpoint in US dollars, where that is known.
    pub(crate) cost: &'a dyn Fn(&Endpoint) -> Option<f64>,
    /// Whether it wants a stream; `None` where no second copy makes sense.
    pub(crate) stream: Option<bool>,
}

impl Group {
    /// Endpoints with their weights, under a name of its own.
    pub(crate) fn new(name: &str, chosen: Vec<(Arc<Endpoint>, f64)>, strategy: Strategy) -> Self {
        let endpoints = chosen.iter().map(|(endpoint, _)| Arc::clone(endpoint)).collect();
        let picks = chosen.into_iter().map(|(endpoint, weight)| Pick::new(endpoint, weight)).collect();
        let (name, limits, balancer) = (name.to_owned(), Limits::default(), Balancer::default());
        Self { name, endpoints, picks, strategy, limits, hedge: false, balancer }
    }

    pub(crate) fn with(self, limits: Limits, hedge: bool) -> Self {
        Self { limits, hedge, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Those in it, as they were written.
    pub(crate) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// The first of them.
    pub(crate) fn first(&self) -> Option<&Arc<Endpoint>> {
        self.endpoints.first()
    }

    /// The order for one request; `from` tells what led here.
    pub(crate) fn lead(&self, asked: &Asked<'_>, from: String) -> Lead {
        let peers = self.strategy != Strategy::Order;
        let is_down = |endpoint: &Arc<Endpoint>| !endpoint.is_up();
        let decides = peers || self.limits != Limits::default() || self.endpoints.iter().any(is_down);
        if !decides || self.picks.len() < 2 {
            let (candidates, hedge_after) = (self.endpoints.clone(), self.hedge_after(asked, self.picks.first()));
            return Lead { candidates, peers, hedge_after, from: Some(from), why: None, beyond: Vec::new() };
        }
        let Chosen { places, why, beyond } = self.choose(asked);
        let chosen = || places.iter().filter_map(|at| self.picks.get(*at));
        let hedge_after = self.hedge_after(asked, chosen().next());
        let candidates = chosen().map(|pick| Arc::clone(&pick.endpoint)).collect();
        Lead { candidates, peers, hedge_after, from: Some(from), why, beyond }
    }

    fn choose(&self, asked: &Asked<'_>) -> Chosen {
        let mut readings: Vec<Reading> = self.picks.iter().map(|pick| self.reading(pick, asked)).collect();
        let beyond: Vec<Option<&str>> = readings.iter().map(|reading| self.beyond(reading)).collect();
        let resting: Vec<bool> = readings.iter().map(|reading| !reading.available).collect();
        // Those beyond a limit compete among themselves only.
        for (reading, _) in readings.iter_mut().zip(&beyond).filter(|(_, beyond)| beyond.is_some()) {
            reading.available = false;
        }
        let strategy = strategy(self.strategy);
        let Ordered { mut places, peers } =
            asked.context.with_chance(|rng| self.balancer.order(strategy, &readings, rng));
        if self.strategy == Strategy::Order {
            // Who rests says so at once; who fails its health checks would be waited for.
            places.sort_by_key(|at| (!self.endpoints[*at].is_up(), beyond[*at].is_some()));
        } else {
            // One that rests cannot be asked: whoever is beyond a limit can.
            places.sort_by_key(|at| (resting[*at], beyond[*at].is_some()));
        }
        let first = places.first().copied().unwrap_or_default();
        let why = if beyond[first].is_some() { None } else { self.why(&readings[first], peers) };
        let is_beyond = |at: &usize| Some((Arc::clone(&self.endpoints[*at]), beyond[*at]?));
        let beyond = places.iter().filter_map(is_beyond).collect();
        Chosen { places, why, beyond }
    }

    fn reading(&self, pick: &Pick, asked: &Asked<'_>) -> Reading {
        let endpoint = &pick.endpoint;
        let mut reading = Reading {
            weight: pick.weight,
            ..endpoint.reading_for(Instant::now().into_std(), asked.stream == Some(true))
        };
        if self.strategy == Strategy::Cheapest || self.limits.cost_usd.is_some() {
            reading.cost = (asked.cost)(endpoint);
        }
        if self.strategy == Strategy::Fastest || self.limits.latency_s.is_some() {
            // One of which no call came to its end is known for how long it has taken at least.
            reading.latency_s = pick.usual.median_s(endpoint, asked.stream == Some(true)).or(reading.latency_s);
        }
        reading
    }

    /// The limit that it is beyond. What is not known is within every limit.
    fn beyond(&self, reading: &Reading) -> Option<&'static str> {
        let is_beyond =
            |value: Option<f64>, limit: Option<f64>| value.zip(limit).is_some_and(|(value, limit)| value > limit);
        if is_beyond(reading.cost, self.limits.cost_usd) {
            return Some("cost_usd_max");
        }
        is_beyond(reading.latency_s, self.limits.latency_s).then_some("latency_ms_max")
    }

    /// Why the first of `peers` is the first.
    fn why(&self, first: &Reading, peers: usize) -> Option<String> {
        let all = self.picks.len();
        if peers < 2 && self.strategy != Strategy::Order {
            return Some(format!("the others of {all} are worse placed"));
        }
        let why = match self.strategy {
            Strategy::Order => return None,
            Strategy::PeakEwma if peers == 2 => "the least loaded of 2".to_owned(),
            Strategy::PeakEwma => format!("the least loaded of two that chance took from {peers}"),
            Strategy::RoundRobin => format!("its turn among {peers}"),
            Strategy::Weighted => format!("its turn by weight among {peers}"),
            Strategy::LeastConnections => format!("the fewest calls in progress of {peers}"),
            Strategy::ResourceBased => format!("the most room left of {peers}"),
            Strategy::Adaptive => format!("the best score of {peers}"),
            Strategy::Cheapest if first.cost.is_none() => format!("no cost of {peers} is known"),
            Strategy::Cheapest => format!("the cheapest of {peers}"),
            Strategy::Fastest if first.latency_s.is_none() => "nobody knows yet how fast it is".to_owned(),
            Strategy::Fastest => format!("usually the fastest of {peers}"),
        };
        Some(if peers < all { format!("{why}, the others of {all} are worse placed") } else { why })
    }

    /// When a second copy may go out: where settings ask for it, there is somebody else, and what is late for the first
    /// is known.
    fn hedge_after(&self, asked: &Asked<'_>, first: Option<&Pick>) -> Option<Duration> {
        let (stream, first) = (asked.stream.filter(|_| self.hedge && self.picks.len() > 1)?, first?);
        Some(first.usual.late_after(&first.endpoint, stream)?.max(HEDGE_FLOOR))
    }
}

struct Chosen {
    places: Vec<usize>,
    why: Option<String>,
    beyond: Vec<(Arc<Endpoint>, &'static str)>,
}

fn strategy(strategy: Strategy) -> balance::Strategy {
    match strategy {
        Strategy::Order => balance::Strategy::Order,
        Strategy::PeakEwma => balance::Strategy::PeakEwma,
        Strategy::RoundRobin => balance::Strategy::RoundRobin,
        Strategy::Weighted => balance::Strategy::Weighted,
        Strategy::LeastConnections => balance::Strategy::LeastConnections,
        Strategy::ResourceBased => balance::Strategy::ResourceBased,
        Strategy::Adaptive => balance::Strategy::Adaptive,
        Strategy::Cheapest => balance::Strategy::Cheapest,
        Strategy::Fastest => balance::Strategy::Fastest,
    }
}
