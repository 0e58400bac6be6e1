//! The original's own layers over a whole run: CMO-015 and its revalidation. They say what its authors asked for, by
//! intervals, and never decide an exit code.
//!
//! Their requirements are named as keys of `[slo]`, with a scenario's name after a blank where it is about one. They
//! ask for more than a share and less than a time, where `[slo]` asks for at least and at most.

use super::rules::{Want, estimate, of_survivors, plain, share, union, unmeasured};
use super::{CacheCounts, generator_fault, invalid, memory, mistimed, overall};
use crate::grade::grade_cmo;
use crate::report::{CmoGrade, Layer, Requirement, ScenarioReport, Share, Verdict};
use statistics::Interval;

/// Users that CMO-015 asks for.
const CMO_015_USERS: u32 = 50;
/// Users that the revalidation asks for.
const REVALIDATION_USERS: u32 = 80;
/// Both ask for more success than this in every scenario.
const SUCCESS: f64 = 0.95;
/// The revalidation asks for more than this in its scenario about retrieval.
const RAG_SUCCESS: f64 = 0.96;
/// The name of that scenario.
const RAG: &str = "rag";
/// Both ask for a smaller 95th percentile than this, in milliseconds.
const P95_MS: f64 = 2_000.0;
/// The most megabytes by which memory may grow in CMO-015.
const MEMORY_GROWTH_MB: f64 = 100.0;
/// The revalidation asks for a larger share of answers from the cache.
const CACHE_HIT: f64 = 0.80;
/// The worst grade that the revalidation allows.
const GRADE: CmoGrade = CmoGrade::B;
/// Why a scenario is not judged.
const NOTHING_DONE: &str = "no operation was finished";

/// Both layers over every scenario of a run.
pub fn layers(scenarios: &[ScenarioReport]) -> Vec<Layer> {
    let mut cmo_015 = vec![users(scenarios, CMO_015_USERS)];
    let mut revalidation = vec![users(scenarios, REVALIDATION_USERS)];
    for scenario in scenarios {
        let growth = memory(named("memory_growth_mb_max", scenario), MEMORY_GROWTH_MB, scenario.memory);
        cmo_015.extend([success(scenario, SUCCESS), p95(scenario), whole(growth, scenario)]);
        let least = if scenario.name == RAG { RAG_SUCCESS } else { SUCCESS };
        revalidation.extend([success(scenario, least), p95(scenario), graded(scenario)]);
    }
    if scenarios.iter().all(|scenario| scenario.name != RAG) {
        let name = format!("success_min {RAG}");
        revalidation.push(unmeasured(name, RAG_SUCCESS, "no scenario called `rag` was run"));
    }
    revalidation.push(cache(scenarios));
    [("cmo_015", cmo_015), ("revalidation", revalidation)].map(layer).into()
}

fn layer((name, requirements): (&str, Vec<Requirement>)) -> Layer {
    let verdict = overall(requirements.iter().map(|requirement| requirement.verdict));
    Layer { name: name.to_owned(), verdict, requirements }
}

fn named(key: &str, scenario: &ScenarioReport) -> String {
    format!("{key} {}", scenario.name)
}

fn users(scenarios: &[ScenarioReport], least: u32) -> Requirement {
    match scenarios.iter().map(|scenario| scenario.users_seen).max() {
        None => unmeasured("users_min", least.into(), "no scenario was run"),
        Some(most) => all_whole(plain("users_min", Want::AtLeast, least.into(), most.into()), scenarios),
    }
}

fn success(scenario: &ScenarioReport, least: f64) -> Requirement {
    let name = named("success_min", scenario);
    let found = match scenario.success.of {
        0 => unmeasured(name, least, NOTHING_DONE),
        done => share(name, Want::MoreThan, least, scenario.success, done),
    };
    whole(found, scenario)
}

fn p95(scenario: &ScenarioReport) -> Requirement {
    let name = named("p95_ms_max", scenario);
    let found = match p95_interval(scenario) {
        None => unmeasured(name, P95_MS, "no operation that succeeded was timed"),
        Some(interval) => estimate(name, Want::LessThan, P95_MS, scenario.latency_ms.p95, interval),
    };
    timed(of_survivors(found, scenario.success), scenario)
}

/// Where the true percentile lies, by order statistics and by blocks; anywhere, where the report does not say. None
/// without a success.
fn p95_interval(scenario: &ScenarioReport) -> Option<Interval> {
    let latency = &scenario.latency_ms;
    let anywhere = Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    let single = latency.intervals.get("p95").copied().unwrap_or(anywhere);
    (latency.count > 0).then(|| union(single, latency.block_intervals.get("p95").copied()))
}

/// The grade as a number, A+ as 5 to F as 0. It is shown where even the worse ends of both intervals get it, and
/// missed where the better ends do not.
fn graded(scenario: &ScenarioReport) -> Requirement {
    let name = named("grade_cmo_min", scenario);
    let success = scenario.success;
    if success.of == 0 {
        return whole(unmeasured(name, points(GRADE), NOTHING_DONE), scenario);
    }
    let p95 = p95_interval(scenario).unwrap_or(Interval { lo: f64::NAN, hi: f64::NAN });
    let (worst, best) = (grade_cmo(success.interval.lo, p95.hi), grade_cmo(success.interval.hi, p95.lo));
    let found = scenario.grade_cmo;
    let interval = Interval { lo: points(worst), hi: points(best) };
    let mut row = estimate(name, Want::AtLeast, points(GRADE), points(found), interval);
    let ends = || format!("grade `{found}`, between `{worst}` and `{best}`; asked for is `{GRADE}`");
    row.reason = (row.verdict != Verdict::Pass).then(ends);
    timed(row, scenario)
}

fn points(grade: CmoGrade) -> f64 {
    match grade {
        CmoGrade::APlus => 5.0,
        CmoGrade::A => 4.0,
        CmoGrade::B => 3.0,
        CmoGrade::C => 2.0,
        CmoGrade::D => 1.0,
        CmoGrade::F => 0.0,
    }
}

fn cache(scenarios: &[ScenarioReport]) -> Requirement {
    let counts = scenarios.iter().map(|scenario| CacheCounts::from_tiers(&scenario.cache).hits());
    let (hits, lookups) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if lookups == 0 {
        return unmeasured("cache_hit_min", CACHE_HIT, "the target says nothing of a cache");
    }
    let done = scenarios.iter().map(|scenario| scenario.operations).sum();
    all_whole(share("cache_hit_min", Want::MoreThan, CACHE_HIT, Share::new(hits, lookups), done), scenarios)
}

/// Invalid where the scenario was cut short: fewer requests than planned came to an end.
fn whole(found: Requirement, scenario: &ScenarioReport) -> Requirement {
    let (operations, planned) = (scenario.operations, scenario.planned);
    if operations < planned {
        return invalid(found, format!("the run was cut short: {operations} of {planned} operations were finished"));
    }
    found
}

/// The same for what all scenarios have part in.
fn all_whole(found: Requirement, scenarios: &[ScenarioReport]) -> Requirement {
    scenarios.iter().fold(found, whole)
}

/// The same for what is about time, which the generator must have kept, too.
fn timed(found: Requirement, scenario: &ScenarioReport) -> Requirement {
    let kept = match generator_fault(&scenario.generator) {
        Some(fault) => mistimed(found, fault),
        None => found,
    };
    whole(kept, scenario)
}

#[cfg(test)]
mod tests;
