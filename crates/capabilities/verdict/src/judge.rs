//! Judging: what was asked for, what was found, and what the interval around it allows to say. Knows no schedule, no
//! socket and no clock: facts in, verdicts out.

mod layers;
mod rules;
#[cfg(test)]
mod tests;

pub use layers::layers;

use crate::report::{Generator, Memory, Requirement, Share, Verdict};
use crate::slo::Slo;
use rules::{Want, latency, mean, of_survivors, plain, share, unmeasured};
use statistics::Interval;
use std::collections::BTreeMap;

/// The largest 99th percentile of the generator's own lateness in milliseconds at which its times are believed.
pub const LAG_P99_MS_MAX: f64 = 10.0;
/// The largest share of its time that the generator's busiest thread may work, 0 to 1.
pub const CPU_SHARE_MAX: f64 = 0.8;
/// The least share of successes where `[slo]` asks for none: below it a run fails whatever else it was for.
pub const SUCCESS_MIN_IMPLIED: f64 = 0.95;

/// Requirements about time, which a generator at fault cannot judge.
const TIMING: [&str; 7] =
    ["p50_ms_max", "p95_ms_max", "p99_ms_max", "ttft_ms_max", "goodput_min", "chain_ms_max", "rate_min"];

/// What is known about a scenario that was run, its repeats together.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What is asked for.
    pub slo: &'a Slo,
    /// Requests that got the answer they asked for.
    pub success: Share,
    /// Successes among the operations that neither timed out nor were dropped: what a generator at fault cannot have
    /// spoilt.
    pub success_sure: Share,
    /// From the intended start to the last byte in milliseconds, sorted: of successes, and infinite for each operation
    /// that timed out, as that is known to be slow. Other failures are left out: how slow they are is not known.
    pub latency_ms: &'a [f64],
    /// By `p50`, `p95`, `p99`: where the true percentile of the same sample lies in milliseconds, by a bootstrap over
    /// blocks of one second. Where one is missing, order statistics alone say how sure the percentile is.
    pub latency_blocks: &'a BTreeMap<String, Interval>,
    /// From the intended start to the first content in milliseconds, of streams, sorted; none without streams.
    pub first_token_ms: Option<&'a [f64]>,
    /// Good answers; none where the scenario does not say what that is.
    pub goodput: Option<Share>,
    /// The target's resident memory; none where it does not show it.
    pub memory: Option<Memory>,
    /// Lookups by where they ended; none where the target does not say.
    pub cache: Option<CacheCounts>,
    /// What each answer cost in US dollars; none where the target does not say.
    pub cost_usd: Option<&'a [f64]>,
    /// Users that got an answer.
    pub users_seen: u32,
    /// Successes, and all requests, after the last open breaker has closed again; none where none had opened.
    pub recovery: Option<(u64, u64)>,
    /// Successes, and all requests, answered by another than the first choice; none where the target does not say.
    pub fallback: Option<(u64, u64)>,
    /// From the intended start to the last byte in milliseconds, of degraded answers, sorted; none where the target
    /// does not say.
    pub chain_ms: Option<&'a [f64]>,
    /// Requests finished per second.
    pub rate: f64,
    /// What the generator itself did.
    pub generator: &'a Generator,
    /// Why the run ended before its time, if it did.
    pub cut_short: Option<&'a str>,
}

/// Lookups by where they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// In the first tier.
    pub memory: u64,
    /// In the second.
    pub disk: u64,
    /// In the third.
    pub redis: u64,
    /// In none: the answer was made.
    pub miss: u64,
}

impl CacheCounts {
    /// The lookups that a tier answered, and all.
    fn hits(self) -> (u64, u64) {
        let hits = self.memory + self.disk + self.redis;
        (hits, hits + self.miss)
    }

    /// Those of the first tier below memory: Redis, where no answer came from a disk.
    fn second(self) -> u64 {
        if self.disk > 0 { self.disk } else { self.redis }
    }

    /// By the names that `ScenarioReport::cache` has, tiers without a lookup left out.
    pub fn by_tier(self) -> BTreeMap<String, u64> {
        let tiers = [("memory", self.memory), ("disk", self.disk), ("redis", self.redis), ("miss", self.miss)];
        tiers.into_iter().filter(|(_, count)| *count > 0).map(|(tier, count)| (tier.to_owned(), count)).collect()
    }

    /// The counts of such names; others are left out.
    fn from_tiers(tiers: &BTreeMap<String, u64>) -> Self {
        let count = |tier: &str| tiers.get(tier).copied().unwrap_or(0);
        Self { memory: count("memory"), disk: count("disk"), redis: count("redis"), miss: count("miss") }
    }
}

/// Judges every key that `[slo]` has, in its order, and the success that every run must have.
///
/// A share or a time passes or fails only where its whole 95 % interval lies on one side of the target. Times are
/// `invalid` where the generator was at fault, everything is where the run was cut short. A percentile's interval holds
/// both the one by order statistics and the one by blocks.
pub fn judge(facts: &Facts) -> Vec<Requirement> {
    let slo = facts.slo;
    let found = [
        Some(success(facts)),
        slo.p50_ms_max.map(|target| facts.quantile("p50", 0.50, target)),
        slo.p95_ms_max.map(|target| facts.quantile("p95", 0.95, target)),
        slo.p99_ms_max.map(|target| facts.quantile("p99", 0.99, target)),
        slo.ttft_ms_max.map(|target| first_token(facts, target)),
        slo.goodput_min.map(|target| goodput(facts, target)),
        slo.memory_growth_mb_max.map(|target| memory("memory_growth_mb_max", target, facts.memory)),
        slo.cache_hit_min.map(|target| cache(facts, "cache_hit_min", target, CacheCounts::hits)),
        slo.cache_l1_min.map(|target| cache(facts, "cache_l1_min", target, |all| (all.memory, all.hits().1))),
        slo.cache_l2_min
            .map(|target| cache(facts, "cache_l2_min", target, |all| (all.second(), all.hits().1 - all.memory))),
        slo.users_min.map(|least| plain("users_min", Want::AtLeast, least.into(), facts.users_seen.into())),
        slo.cost_usd_max.map(|target| cost(facts, target)),
        slo.recovery_min.map(|target| {
            counted(facts, "recovery_min", target, facts.recovery, "no breaker of the target opened and closed again")
        }),
        slo.fallback_min.map(|target| {
            counted(facts, "fallback_min", target, facts.fallback, "the target told of no answer by a second choice")
        }),
        slo.chain_ms_max.map(|target| chain(facts, target)),
        slo.rate_min.map(|target| rate(facts.rate, target)),
    ];
    found.into_iter().flatten().map(|found| believed(found, facts)).collect()
}

/// Success; where it is not asked for, it can only fail: what nobody asked to be shown needs no showing.
fn success(facts: &Facts) -> Requirement {
    let done = facts.success.of;
    let target = facts.slo.success_min.unwrap_or(SUCCESS_MIN_IMPLIED);
    if done == 0 {
        return unmeasured("success_min", target, "no operation was finished");
    }
    let mut found = share("success_min", Want::AtLeast, target, facts.success, done);
    if facts.slo.success_min.is_none() {
        found.reason = Some("implied: `[slo]` asks for no `success_min`, so only a clear miss counts".to_owned());
        found.operations_needed = None;
        if found.verdict == Verdict::Inconclusive {
            found.verdict = Verdict::Pass;
        }
    }
    found
}

impl Facts<'_> {
    fn quantile(&self, percentile: &str, at: f64, target: f64) -> Requirement {
        let (key, blocks) = (format!("{percentile}_ms_max"), self.latency_blocks.get(percentile).copied());
        of_survivors(latency(&key, at, target, self.latency_ms, blocks, self.success.of), self.success)
    }
}

fn first_token(facts: &Facts, target: f64) -> Requirement {
    match facts.first_token_ms {
        None => unmeasured("ttft_ms_max", target, "the mix holds no `stream`"),
        Some([]) => unmeasured("ttft_ms_max", target, "no stream brought any content"),
        Some(sorted) => {
            of_survivors(latency("ttft_ms_max", 0.95, target, sorted, None, facts.success.of), facts.success)
        }
    }
}

fn chain(facts: &Facts, target: f64) -> Requirement {
    match facts.chain_ms {
        None | Some([]) => unmeasured("chain_ms_max", target, "the target told of no degraded answer"),
        Some(sorted) => {
            of_survivors(latency("chain_ms_max", 0.95, target, sorted, None, facts.success.of), facts.success)
        }
    }
}

fn goodput(facts: &Facts, target: f64) -> Requirement {
    match facts.goodput {
        None => unmeasured("goodput_min", target, "the scenario does not say in `[goodput]` what a good answer is"),
        Some(good) => counted(facts, "goodput_min", target, Some((good.count, good.of)), "no operation was finished"),
    }
}

/// Memory is read, not estimated; that it still rises at the end is said, because a longer run would tell another tale.
fn memory(name: impl Into<String>, target: f64, memory: Option<Memory>) -> Requirement {
    let Some(memory) = memory else {
        return unmeasured(name, target, "the target shows no `process_resident_memory_bytes`");
    };
    let mut found = plain(name, Want::AtMost, target, memory.growth_mb);
    if let (Some(slope), Some(interval)) = (memory.slope_mb_per_min, memory.slope_interval)
        && interval.lo > 0.0
    {
        found.reason = Some(format!("it still rose by {slope:.1} MB a minute over the second half"));
    }
    found
}

fn cache(facts: &Facts, name: &str, target: f64, part: impl Fn(CacheCounts) -> (u64, u64)) -> Requirement {
    match facts.cache {
        None => unmeasured(name, target, "the target says nothing of a cache"),
        Some(all) => counted(facts, name, target, Some(part(all)), "no lookup got as far as this tier"),
    }
}

fn cost(facts: &Facts, target: f64) -> Requirement {
    match facts.cost_usd {
        None | Some([]) => unmeasured("cost_usd_max", target, "the target does not say what an answer costs"),
        Some(costs) => mean("cost_usd_max", target, costs, facts.success.of),
    }
}

fn rate(rate: f64, target: f64) -> Requirement {
    if rate.is_finite() {
        plain("rate_min", Want::AtLeast, target, rate)
    } else {
        unmeasured("rate_min", target, "no time passed")
    }
}

/// A share that is counted over some of the operations, if there were any such.
fn counted(facts: &Facts, name: &str, target: f64, counts: Option<(u64, u64)>, none: &str) -> Requirement {
    match counts {
        None | Some((_, 0)) => unmeasured(name, target, none),
        Some((count, of)) => share(name, Want::AtLeast, target, Share::new(count, of), facts.success.of),
    }
}

/// Takes back a verdict that the run cannot bear. What was found stays, to be looked at.
fn believed(found: Requirement, facts: &Facts) -> Requirement {
    if let Some(why) = facts.cut_short {
        return invalid(found, format!("the run was cut short: {why}"));
    }
    match generator_fault(facts.generator) {
        Some(fault) if TIMING.contains(&found.name.as_str()) => mistimed(found, fault),
        Some(fault) if found.name == "success_min" && spoilt(&found, facts.success_sure) => invalid(found, fault),
        _ => found,
    }
}

/// Whether success fails only by what a generator at fault may have caused: its own timeouts and drops are not the
/// target's failures.
fn spoilt(found: &Requirement, sure: Share) -> bool {
    let sure = || share("success_min", Want::AtLeast, found.target, sure, sure.of);
    found.verdict == Verdict::Fail && sure().verdict != Verdict::Fail
}

fn invalid(found: Requirement, reason: String) -> Requirement {
    Requirement { verdict: Verdict::Invalid, operations_needed: None, reason: Some(reason), ..found }
}

/// Invalid because of the generator, unless there was nothing to be wrong about.
fn mistimed(found: Requirement, fault: String) -> Requirement {
    if found.verdict == Verdict::NotMeasured { found } else { invalid(found, fault) }
}

/// Why the generator's times are not to be believed, in a sentence; none if they are.
pub fn generator_fault(generator: &Generator) -> Option<String> {
    let mut faults = Vec::new();
    if generator.lag_p99_ms > LAG_P99_MS_MAX {
        faults.push(format!(
            "it was late by {:.1} ms at the 99th percentile ({LAG_P99_MS_MAX} allowed)",
            generator.lag_p99_ms
        ));
    }
    if generator.cpu_share > CPU_SHARE_MAX {
        faults.push(format!(
            "its busiest thread worked {:.0} % of the time ({:.0} allowed)",
            generator.cpu_share * 100.0,
            CPU_SHARE_MAX * 100.0
        ));
    }
    if generator.dropped > 0 {
        faults.push(format!("it dropped {} of the arrivals", generator.dropped));
    }
    let hint = "give it more cores or users, or ask for a lower rate";
    (!faults.is_empty()).then(|| format!("the generator was at fault: {}; {hint}", faults.join(", ")))
}

/// The worst of them: one failure fails all. What was not measured counts only where nothing was.
pub fn overall(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let severity = |verdict: &Verdict| match verdict {
        Verdict::NotMeasured => 0,
        Verdict::Pass => 1,
        Verdict::Inconclusive => 2,
        Verdict::Invalid => 3,
        Verdict::Fail => 4,
    };
    verdicts.max_by_key(severity).unwrap_or(Verdict::NotMeasured)
}

/// The exit code of a run that came to this verdict. Where nothing was measured, nothing was concluded.
pub const fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Fail => 99,
        Verdict::Inconclusive | Verdict::NotMeasured => 98,
        Verdict::Invalid => 97,
    }
}

/// A verdict's stable name, as in JSON.
pub const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Invalid => "invalid",
        Verdict::NotMeasured => "not_measured",
    }
}
