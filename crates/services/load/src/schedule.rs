//! When each request of a run is meant to be sent and which one it is, decided before the first is sent. Knows no clock
//! and no socket: the seed alone decides, so that two runs with one seed ask the same things at the same moments.

mod choice;
mod intensity;

use fastrand::Rng;
use ring::digest::{Context, SHA256};
use traffic::Arrival;

use crate::scenario::{Pattern, Scenario};
use choice::Choice;
use intensity::Intensity;

/// How far think times of `realistic` stray: the standard deviation of their logarithm.
const THINK_SIGMA: f64 = 0.6;
/// The longest think time of `realistic`, in microseconds: a lognormal has no end of its own.
const THINK_MAX_US: f64 = 60e6;

/// The schedule of one repeat of a scenario: exactly its `operations`, sorted, within `[0, duration_s)`.
///
/// `prompts` says how many requests are prepared for each entry of the mix; [`Arrival::request`] counts through them,
/// entry after entry, as in [`crate::Pool::requests`]. Without any it is 0 throughout. The seed is the scenario's plus
/// `repeat`. Moments, choices and think times are drawn from streams of their own, so that another mix or another think
/// time leaves the moments where they were. A closed scenario has no moments: all are 0.
///
/// Given how many arrivals a Poisson process of intensity `r(t)` has in all, each of them lies anywhere with the density
/// `r(t) / ∫r`, whatever the others do. So exactly so many arrivals of such a process are as many independent draws from
/// that density, sorted: no thinning, and no number of operations that comes out only roughly.
pub fn schedule(scenario: &Scenario, repeat: u32, prompts: &[u32]) -> Vec<Arrival> {
    let mut rng = Rng::with_seed(scenario.seed.wrapping_add(u64::from(repeat)));
    let (mut times, mut choices, mut rests) = (rng.fork(), rng.fork(), rng.fork());
    let mut choice = Choice::new(scenario, prompts, &mut choices);
    moments(scenario, &mut times)
        .into_iter()
        .map(|at_us| Arrival { at_us, request: choice.next(&mut choices), think_us: think_us(scenario, &mut rests) })
        .collect()
}

/// The SHA-256 of a schedule's bytes, in lower-case hexadecimal digits.
pub fn sha256(arrivals: &[Arrival]) -> String {
    let mut context = Context::new(&SHA256);
    for arrival in arrivals {
        context.update(&arrival.to_bytes());
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When requests are meant to be sent, in microseconds, sorted.
fn moments(scenario: &Scenario, rng: &mut Rng) -> Vec<u64> {
    if scenario.closed {
        return vec![0; scenario.operations as usize];
    }
    let intensity = Intensity::of(scenario.pattern, rng);
    let duration_us = scenario.duration_s * 1e6;
    // Rounding must not push the last one onto the end, which lies outside.
    let last_us = (duration_us as u64).saturating_sub(1);
    let draw = |_| ((intensity.moment(rng.f64()) * duration_us) as u64).min(last_us);
    let mut moments: Vec<u64> = (0..scenario.operations).map(draw).collect();
    moments.sort_unstable();
    moments
}

/// How long a user rests, in microseconds: exactly as the scenario says, or strewn around it for `realistic`.
fn think_us(scenario: &Scenario, rng: &mut Rng) -> u32 {
    // Beyond what fits (71 minutes) it is the longest that does, as casts of floating-point numbers are.
    let median_us = scenario.think_ms as f64 * 1e3;
    match scenario.pattern {
        Pattern::Realistic => (median_us * (THINK_SIGMA * normal(rng)).exp()).min(THINK_MAX_US) as u32,
        _ => median_us as u32,
    }
}

/// A draw from the standard normal distribution (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    (2.0 * exponential(rng)).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}

/// A draw from the exponential distribution of mean 1.
fn exponential(rng: &mut Rng) -> f64 {
    // One less the draw, which is never 1, is never 0.
    -(1.0 - rng.f64()).ln()
}

#[cfg(test)]
mod tests;
