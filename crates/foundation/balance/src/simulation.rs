//! Five endpoints, one of which fails fast: how much of the traffic reaches it, by the way it is spread. The columns
//! without a penalty show the problem, the last one is what is shipped.

use crate::{Balancer, PeakEwma, Reading, Strategy};
use guard::{Breaker, BreakerConfig, Permit};
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

const ENDPOINTS: usize = 5;
/// The one that is sick.
const SICK: usize = 0;
/// How soon it fails.
const FAILS_AFTER: Duration = Duration::from_millis(20);
/// The spread of the logarithm of answer times, whose median is a second.
const SIGMA: f64 = 0.6;
const DECAY: Duration = Duration::from_secs(10);
const PENALTY: Duration = Duration::from_secs(5);
const SEEDS: [u64; 3] = [1, 2, 3];

/// How requests are spread, and what a failure counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    RoundRobin,
    LeastOutstanding,
    PeakEwma,
    FixedPenalty,
    ScaledPenalty,
    Breaker,
    /// The penalty of this room, scaled, and the breaker.
    Shipped,
}

/// The plain mean of the table: as high as its last sample left it, however long ago that was.
struct Plain {
    mean_s: f64,
    at: Option<Instant>,
}

impl Plain {
    fn observe(&mut self, now: Instant, time: Duration) {
        let time_s = time.as_secs_f64();
        let passed = self.at.map_or(Duration::MAX, |at| now - at);
        let old = (-passed.as_secs_f64() / DECAY.as_secs_f64()).exp();
        self.mean_s = time_s.max(self.mean_s * old + time_s * (1.0 - old));
        self.at = Some(now);
    }
}

struct Endpoint {
    plain: Plain,
    mean: PeakEwma,
    breaker: Breaker,
    in_flight: u32,
}

impl Endpoint {
    fn load(&self, now: Instant) -> f64 {
        self.mean.seconds(now) * f64::from(self.in_flight + 1)
    }

    fn plain_load(&self) -> f64 {
        self.plain.mean_s * f64::from(self.in_flight + 1)
    }
}

/// A call that ends; the earliest is the greatest.
struct Ends {
    at: Instant,
    endpoint: usize,
    took: Duration,
    failed: bool,
    permit: Permit,
}

impl PartialEq for Ends {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl Eq for Ends {}
impl PartialOrd for Ends {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ends {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.at.cmp(&self.at)
    }
}

struct World {
    way: Way,
    endpoints: Vec<Endpoint>,
    balancer: Balancer,
    rng: fastrand::Rng,
}

impl World {
    fn new(way: Way, seed: u64) -> Self {
        let failures = if matches!(way, Way::Breaker | Way::Shipped) { 5 } else { u32::MAX };
        let config = BreakerConfig { failures, open: Duration::from_secs(60) };
        let endpoint = |_| Endpoint {
            plain: Plain { mean_s: 0.0, at: None },
            mean: PeakEwma::new(DECAY),
            breaker: Breaker::new(config),
            in_flight: 0,
        };
        let endpoints = (0..ENDPOINTS).map(endpoint).collect();
        Self { way, endpoints, balancer: Balancer::default(), rng: fastrand::Rng::with_seed(seed) }
    }

    fn readings(&self, now: Instant) -> Vec<Reading> {
        let reading = |endpoint: &Endpoint| Reading {
            load_s: match self.way {
                Way::LeastOutstanding => f64::from(endpoint.in_flight),
                Way::Shipped => endpoint.load(now),
                _ => endpoint.plain_load(),
            },
            in_flight: endpoint.in_flight,
            penalised: self.way == Way::Shipped && endpoint.mean.penalised(now),
            available: endpoint.breaker.clone().admit(now).is_ok(),
            ..Reading::default()
        };
        self.endpoints.iter().map(reading).collect()
    }

    /// Sends a request to whoever comes first; when and how that ends.
    fn send(&mut self, now: Instant, fail_rate: f64) -> Ends {
        let strategy = if self.way == Way::RoundRobin { Strategy::RoundRobin } else { Strategy::PeakEwma };
        let readings = self.readings(now);
        let order = self.balancer.order(strategy, &readings, &mut self.rng);
        let admitted = |endpoint: usize| Some((endpoint, self.endpoints[endpoint].breaker.admit(now).ok()?));
        let (endpoint, permit) = order.places.into_iter().find_map(admitted).unwrap();
        self.endpoints[endpoint].in_flight += 1;
        let failed = endpoint == SICK && self.rng.f64() < fail_rate;
        let took = if failed { FAILS_AFTER } else { Duration::from_secs_f64((SIGMA * normal(&mut self.rng)).exp()) };
        Ends { at: now + took, endpoint, took, failed, permit }
    }

    fn end(&mut self, call: Ends) {
        let worst = self.worst(call.endpoint, call.at);
        let endpoint = &mut self.endpoints[call.endpoint];
        endpoint.in_flight -= 1;
        if !call.failed {
            endpoint.breaker.success(call.permit, call.at);
            endpoint.plain.observe(call.at, call.took);
            return endpoint.mean.observe(call.at, call.took);
        }
        endpoint.breaker.failure(call.permit, call.at);
        match self.way {
            Way::FixedPenalty => endpoint.plain.observe(call.at, PENALTY),
            Way::ScaledPenalty => endpoint.plain.observe(call.at, PENALTY.max(worst)),
            Way::Shipped => endpoint.mean.failed(call.at, PENALTY.max(worst)),
            _ => endpoint.plain.observe(call.at, call.took),
        }
    }

    /// The load of the most loaded peer.
    fn worst(&self, than: usize, now: Instant) -> Duration {
        let peers = self.endpoints.iter().enumerate().filter(|(at, _)| *at != than);
        Duration::from_secs_f64(
            peers
                .map(|(_, peer)| if self.way == Way::Shipped { peer.load(now) } else { peer.plain_load() })
                .fold(0.0, f64::max),
        )
    }
}

/// A draw from the standard normal distribution (Box and Muller).
fn normal(rng: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}

/// The share of requests in percent that failed within `lasts`, at so many a second.
fn errors(way: Way, per_s: f64, fail_rate: f64, lasts: Duration, seed: u64) -> f64 {
    let mut world = World::new(way, seed);
    let start = Instant::now();
    let (mut now, mut sent, mut failed) = (start, 0_u32, 0_u32);
    let mut calls: BinaryHeap<Ends> = BinaryHeap::new();
    while now < start + lasts {
        while calls.peek().is_some_and(|call| call.at <= now) {
            world.end(calls.pop().unwrap());
        }
        let call = world.send(now, fail_rate);
        (sent, failed) = (sent + 1, failed + u32::from(call.failed));
        calls.push(call);
        now += Duration::from_secs_f64(-(1.0 - world.rng.f64()).ln() / per_s);
    }
    f64::from(failed) * 100.0 / f64::from(sent)
}

fn mean_errors(way: Way, per_s: f64, fail_rate: f64, lasts: Duration) -> f64 {
    SEEDS.iter().map(|seed| errors(way, per_s, fail_rate, lasts, *seed)).sum::<f64>() / SEEDS.len() as f64
}

const WAYS: [Way; 7] = [
    Way::RoundRobin,
    Way::LeastOutstanding,
    Way::PeakEwma,
    Way::FixedPenalty,
    Way::ScaledPenalty,
    Way::Breaker,
    Way::Shipped,
];

/// Requests a second, the share of the sick one's calls that fail, and the errors in percent that were measured
/// elsewhere for each way but the last.
const ROWS: [(f64, f64, [f64; 6]); 4] = [
    (1.0, 1.0, [20.0, 23.4, 36.5, 2.1, 0.7, 2.2]),
    (20.0, 1.0, [20.0, 39.4, 39.8, 36.2, 0.1, 0.1]),
    (20.0, 0.3, [6.1, 7.2, 7.5, 4.4, 0.7, 1.8]),
    (1.0, 0.3, [6.2, 5.8, 6.3, 1.2, 0.7, 6.2]),
];
/// How far, in points, a simulation with other chance and another spread of times may be from those.
const TOLERANCE: f64 = 3.0;
/// What may reach the sick one, in percent.
const SHIPPED_MAX: f64 = 1.0;
/// Requests in each simulation, and the most seconds it lasts.
const REQUESTS: f64 = 6_000.0;
const LASTS_MAX_S: f64 = 20.0 * 60.0;

#[test]
fn the_shipped_way_sends_next_to_nothing_to_who_fails_fast() {
    for (per_s, fail_rate, expect) in ROWS {
        let lasts = Duration::from_secs_f64((REQUESTS / per_s).min(LASTS_MAX_S));
        let row = WAYS.map(|way| mean_errors(way, per_s, fail_rate, lasts));
        let said = format!("{per_s} requests/s, {fail_rate} of them failing: {row:.1?}");
        for (found, expect) in row.iter().zip(expect) {
            assert!((found - expect).abs() <= TOLERANCE, "{said} against {expect:?}");
        }
        assert!(row[6] <= SHIPPED_MAX, "{said}");
        assert!(row[2] > 5.0, "the problem shows: {said}");
    }
}

#[test]
fn the_same_seed_gives_the_same_traffic() {
    let once = || errors(Way::Shipped, 5.0, 0.5, Duration::from_secs(60), 7);
    assert_eq!(once(), once());
}
