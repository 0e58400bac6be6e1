//! Making a scenario's report from what its repeats brought back.

use super::blocks;
use super::measured::{Measured, Repeat};
use crate::scenario::{Goodput, Mix, Scenario};
use crate::watch;
use hdrhistogram::Histogram;
use statistics::{Interval, quantile, quantile_interval};
use std::collections::{BTreeMap, BTreeSet};
use traffic::{Cache, Class, Reading, Record};
use verdict::{CacheCounts, Facts, judge, overall};
use verdict::{
    Curve, ErrorCount, Generator, OperationRow, Percentiles, Requirement, ScenarioReport, Share, Slice, Verdict,
};
use verdict::{P95_TARGET_MS, grade, grade_cmo};

/// The most points of the empirical distribution.
const ECDF_POINTS_MAX: usize = 400;
/// Waiting beyond this counts as having waited, in microseconds.
const WAITED_US: u32 = 1_000;
/// Which percentiles get intervals.
const BOUNDED: [(&str, f64); 3] = [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)];

/// The report of a scenario.
pub(super) fn scenario_report(scenario: &Scenario, measured: &Measured, cut_short: bool) -> ScenarioReport {
    let sample = Sample::of(measured);
    let finished = measured.records().count() as u64;
    let left: usize = measured.repeats.iter().map(|repeat| repeat.left).sum();
    let wall_s: f64 = measured.repeats.iter().map(|repeat| repeat.wall.as_secs_f64()).sum();
    let latency_ms = sample.latency(measured);
    let success = share(measured.records().map(Record::ok));
    let p95_target = scenario.slo.p95_ms_max.unwrap_or(P95_TARGET_MS);
    let stream_rows: BTreeSet<u16> =
        measured.requests.iter().filter(|one| one.reading == Reading::Stream).map(|one| one.row).collect();
    let with_streams = |percentiles: Percentiles| streams(measured).then_some(percentiles);
    let mut report = ScenarioReport {
        name: scenario.name.clone(),
        description: scenario.description.clone(),
        users: scenario.users,
        operations: finished,
        planned: finished + left as u64,
        pattern: pattern(scenario),
        duration_s: scenario.duration_s,
        wall_s,
        seed: scenario.seed,
        schedule_sha256: measured.schedule_sha256.clone(),
        success,
        service_ms: percentiles(measured.records().filter(|one| one.ok()).map(|one| ms(one.service_us.into()))),
        wait_ms: percentiles(measured.records().map(|one| ms(one.wait_us.into()))),
        first_token_ms: with_streams(percentiles(sample.first_ms.iter().copied())),
        per_token_ms: with_streams(percentiles(measured.records().filter_map(per_token_ms))),
        between_tokens_ms: measured.between_us.as_ref().map(from_histogram).and_then(with_streams),
        goodput: scenario
            .goodput
            .as_ref()
            .map(|good| share(measured.records().map(|record| is_good(record, good, &stream_rows)))),
        rate_per_s: if wall_s > 0.0 { finished as f64 / wall_s } else { 0.0 },
        users_seen: users_seen(measured),
        in_flight_max: measured.repeats.iter().flat_map(|one| &one.tides).map(|tide| tide.0).max().unwrap_or(0),
        cost_usd_mean: mean(&sample.cost_usd),
        cache: cache(measured).map(CacheCounts::by_tier).unwrap_or_default(),
        degraded: measured.records().filter(|record| record.degraded).count() as u64,
        errors: errors(measured),
        by_operation: by_operation(scenario, measured),
        slices: measured.repeats.iter().zip(0..).flat_map(|(repeat, number)| slices(repeat, number)).collect(),
        curve: curve(measured, &sample),
        glimpses: measured.glimpses.clone(),
        memory: watch::memory(&measured.glimpses),
        cpu_s_per_operation: measured.cpu_s.filter(|_| finished > 0).map(|spent| spent / finished as f64),
        grade: grade(success.share, latency_ms.p95, p95_target),
        grade_cmo: grade_cmo(success.share, latency_ms.p95),
        latency_ms,
        generator: generator(measured),
        requirements: Vec::new(),
        verdict: Verdict::Invalid,
    };
    let cut = cut_short.then(|| format!("it was stopped with {left} requests unfinished"));
    report.requirements = requirements(scenario, measured, &sample, &report, cut.as_deref());
    if !cut_short {
        report.verdict = overall(report.requirements.iter().map(|one| one.verdict));
    }
    report
}

/// What the scenario asks for, judged.
fn requirements(
    scenario: &Scenario,
    measured: &Measured,
    sample: &Sample,
    report: &ScenarioReport,
    cut_short: Option<&str>,
) -> Vec<Requirement> {
    let mut found = judge(&Facts {
        slo: &scenario.slo,
        success: report.success,
        success_sure: share(measured.records().filter(|one| !is_the_generators(one.class)).map(Record::ok)),
        latency_ms: &sample.judged_ms,
        latency_blocks: &sample.judged_intervals(measured, &report.latency_ms.block_intervals),
        first_token_ms: streams(measured).then_some(sample.first_ms.as_slice()),
        goodput: report.goodput,
        memory: report.memory,
        cache: cache(measured),
        cost_usd: Some(sample.cost_usd.as_slice()).filter(|costs| !costs.is_empty()),
        users_seen: report.users_seen,
        recovery: recovery(measured),
        fallback: fallback(measured),
        chain_ms: Some(sample.degraded_ms.as_slice()).filter(|times| !times.is_empty()),
        rate: report.rate_per_s,
        generator: &report.generator,
        cut_short,
    });
    for one in found.iter_mut().filter(|one| one.name == "success_min" && one.verdict != Verdict::Pass) {
        let reasons: Vec<String> = one.reason.take().into_iter().chain(failures(&report.errors)).collect();
        one.reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    }
    found
}

/// Sorted samples over all repeats.
struct Sample {
    /// Of successes.
    response_ms: Vec<f64>,
    /// As [`judged_ms`] says.
    judged_ms: Vec<f64>,
    first_ms: Vec<f64>,
    degraded_ms: Vec<f64>,
    cost_usd: Vec<f64>,
}

impl Sample {
    fn of(measured: &Measured) -> Self {
        let good = || measured.records().filter(|record| record.ok());
        let first = |record: &Record| {
            Some(ms(u64::from(record.lag_us) + u64::from(record.wait_us) + u64::from(record.first_us?)))
        };
        Self {
            response_ms: sorted(good().map(response_ms).collect()),
            judged_ms: sorted(measured.records().filter_map(judged_ms).collect()),
            first_ms: sorted(good().filter_map(first).collect()),
            degraded_ms: sorted(good().filter(|record| record.degraded).map(response_ms).collect()),
            cost_usd: good().filter_map(|record| record.cost_nano_usd.map(|nano| nano as f64 / 1e9)).collect(),
        }
    }

    /// Percentiles of the response times, with the intervals that see slow seconds.
    fn latency(&self, measured: &Measured) -> Percentiles {
        let block_intervals =
            block_intervals(measured, &self.response_ms, |record| record.ok().then(|| response_ms(record)));
        Percentiles { block_intervals, ..percentiles(self.response_ms.iter().copied()) }
    }

    /// The intervals of what is judged: those of the report, unless some requests ran out of time.
    fn judged_intervals(&self, measured: &Measured, told: &BTreeMap<String, Interval>) -> BTreeMap<String, Interval> {
        if self.judged_ms.len() == self.response_ms.len() {
            told.clone()
        } else {
            block_intervals(measured, &self.judged_ms, judged_ms)
        }
    }
}

/// By percentile: the interval from a bootstrap over whole seconds, of what `value` finds in records.
fn block_intervals(
    measured: &Measured,
    all_sorted: &[f64],
    value: impl Fn(&Record) -> Option<f64>,
) -> BTreeMap<String, Interval> {
    let seconds: Vec<Vec<f64>> = measured.repeats.iter().flat_map(|repeat| seconds(repeat, &value)).collect();
    let one = |(name, at): (&str, f64)| Some((name.to_owned(), blocks::interval(&seconds, all_sorted, at)?));
    BOUNDED.into_iter().filter_map(one).collect()
}

/// Values by the second in which their requests were meant to be sent, sorted.
fn seconds(repeat: &Repeat, value: impl Fn(&Record) -> Option<f64>) -> impl Iterator<Item = Vec<f64>> {
    let mut seconds: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for record in &repeat.records {
        if let Some(value) = value(record) {
            seconds.entry(record.at_us / 1_000_000).or_default().push(value);
        }
    }
    seconds.into_values().map(sorted)
}

fn response_ms(record: &Record) -> f64 {
    ms(record.response_us())
}

/// As what a request counts where percentiles are judged: one that ran out of time as slower than any target, for that
/// is known of it; one that failed otherwise not at all.
fn judged_ms(record: &Record) -> Option<f64> {
    match record.class {
        Class::Ok => Some(response_ms(record)),
        Class::Timeout => Some(f64::INFINITY),
        _ => None,
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn share(checks: impl Iterator<Item = bool>) -> Share {
    let (count, of) = checks.fold((0, 0), |(count, of), holds| (count + u64::from(holds), of + 1));
    Share::new(count, of)
}

fn percentiles(values: impl Iterator<Item = f64>) -> Percentiles {
    let values = sorted(values.collect());
    let at = |share: f64| quantile(&values, share).unwrap_or_default();
    Percentiles {
        count: values.len() as u64,
        mean: mean(&values).unwrap_or_default(),
        p50: at(0.50),
        p90: at(0.90),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1.0),
        intervals: BOUNDED.into_iter().map(|(name, at)| (name.to_owned(), quantile_interval(&values, at))).collect(),
        block_intervals: BTreeMap::new(),
    }
}

/// Percentiles of a histogram of microseconds, to its three digits; without intervals.
fn from_histogram(histogram: &Histogram<u64>) -> Percentiles {
    let at = |quantile: f64| if histogram.is_empty() { 0.0 } else { ms(histogram.value_at_quantile(quantile)) };
    Percentiles {
        count: histogram.len(),
        mean: if histogram.is_empty() { 0.0 } else { histogram.mean() / 1e3 },
        p50: at(0.50),
        p90: at(0.90),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1.0),
        ..Percentiles::default()
    }
}

fn pattern(scenario: &Scenario) -> String {
    if scenario.closed {
        return "closed".to_owned();
    }
    let name = serde_json::to_value(scenario.pattern).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

/// Whether anything is read as a stream.
fn streams(measured: &Measured) -> bool {
    measured.requests.iter().any(|request| request.reading == Reading::Stream)
}

/// Whether the target tells about its answers, as an Althing server does.
fn told(measured: &Measured) -> bool {
    measured.records().any(|record| record.degraded || record.cost_nano_usd.is_some())
        || measured.glimpses.iter().any(|glimpse| glimpse.fallbacks.is_some())
}

/// Whether a generator that is too busy can end requests like this by itself.
fn is_the_generators(class: Class) -> bool {
    matches!(class, Class::Timeout | Class::Dropped)
}

fn is_good(record: &Record, good: &Goodput, stream_rows: &BTreeSet<u16>) -> bool {
    let before = u64::from(record.lag_us) + u64::from(record.wait_us);
    let first = record.first_us.map(|first| ms(before + u64::from(first)));
    let within =
        |value: Option<f64>, most: Option<f64>| most.is_none_or(|most| value.is_none_or(|value| value <= most));
    // A stream that showed nothing showed it in no time that anybody could keep.
    let shown = good.ttft_ms_max.is_none() || first.is_some() || !stream_rows.contains(&record.row);
    record.ok()
        && shown
        && within(Some(ms(record.response_us())), good.latency_ms_max)
        && within(first, good.ttft_ms_max)
        && within(per_token_ms(record), good.per_token_ms_max)
}

/// Mean time between the pieces of a stream's content.
fn per_token_ms(record: &Record) -> Option<f64> {
    let gaps = record.tokens.checked_sub(1).filter(|gaps| *gaps > 0 && record.ok())?;
    Some(ms(u64::from(record.service_us.saturating_sub(record.first_us?))) / f64::from(gaps))
}

fn users_seen(measured: &Measured) -> u32 {
    let users: BTreeSet<u32> = measured.records().filter(|one| one.ok()).map(|one| one.user).collect();
    u32::try_from(users.len()).unwrap_or(u32::MAX)
}

/// Lookups by tier; none where no answer says where it was found.
fn cache(measured: &Measured) -> Option<CacheCounts> {
    let mut counts = CacheCounts::default();
    let mut said = false;
    for record in measured.records() {
        let count = match record.cache {
            Cache::Unsaid => continue,
            Cache::Miss => &mut counts.miss,
            Cache::Memory => &mut counts.memory,
            Cache::Disk => &mut counts.disk,
            Cache::Redis => &mut counts.redis,
        };
        (*count, said) = (*count + 1, true);
    }
    said.then_some(counts)
}

/// Successes, and all requests, meant to be sent after the last breaker that was open is closed again; none where none
/// was seen to open and close.
fn recovery(measured: &Measured) -> Option<(u64, u64)> {
    let open = |at: &usize| measured.glimpses.get(*at).and_then(|one| one.breakers_open).is_some_and(|open| open > 0.0);
    let last = (0..measured.glimpses.len()).rev().find(open)?;
    let closed_s = measured.glimpses.get(last + 1)?.at_s;
    let after = measured.repeats.iter().flat_map(|repeat| {
        repeat.records.iter().filter(move |record| repeat.offset_s + record.at_us as f64 / 1e6 >= closed_s)
    });
    let (good, all) = after.fold((0, 0), |(good, all), record| (good + u64::from(record.ok()), all + 1));
    (all > 0).then_some((good, all))
}

/// Answers that needed a second choice, and those with all that failed for want of one.
fn fallback(measured: &Measured) -> Option<(u64, u64)> {
    if !told(measured) {
        return None;
    }
    let rescued = measured.records().filter(|record| record.ok() && record.degraded).count() as u64;
    let lost = measured.records().filter(|record| !record.ok()).count() as u64;
    (rescued + lost > 0).then_some((rescued, rescued + lost))
}

fn errors(measured: &Measured) -> Vec<ErrorCount> {
    let count = |class: Class| measured.records().filter(|record| record.class == class).count() as u64;
    let counted = Class::ALL.into_iter().filter(|class| *class != Class::Ok);
    let counted = counted.map(|class| ErrorCount { class: class.name().to_owned(), count: count(class) });
    let mut errors: Vec<ErrorCount> = counted.filter(|error| error.count > 0).collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.count));
    errors
}

/// What failed, in words; none if nothing did.
fn failures(errors: &[ErrorCount]) -> Option<String> {
    let counts: Vec<String> = errors.iter().map(|error| format!("{} {}", error.count, error.class)).collect();
    (!counts.is_empty()).then(|| format!("failed: {}", counts.join(", ")))
}

fn by_operation(scenario: &Scenario, measured: &Measured) -> Vec<OperationRow> {
    let row = |(mix, number): (&Mix, u16)| {
        let own = || measured.records().filter(move |record| record.row == number);
        let kind = serde_json::to_value(mix.kind).unwrap_or_default().as_str().unwrap_or_default().to_owned();
        let model = if mix.model.is_empty() { &measured.model } else { &mix.model };
        OperationRow {
            name: if mix.name.is_empty() { kind.clone() } else { mix.name.clone() },
            model: super::names_a_model(mix.kind).then(|| model.clone()).filter(|model| !model.is_empty()),
            kind,
            success: share(own().map(Record::ok)),
            latency_ms: percentiles(own().filter(|one| one.ok()).map(|one| ms(one.response_us()))),
        }
    };
    scenario.mix.iter().zip(0..).map(row).collect()
}

fn slices(repeat: &Repeat, number: u32) -> Vec<Slice> {
    let last = repeat.records.last().map_or(0, |record| record.at_us / 1_000_000);
    // Behind the last arrival, only seconds in which something was still outstanding belong to the run.
    let busy = repeat.tides.iter().rposition(|tide| *tide != (0, 0)).map_or(0, |second| second + 1);
    let seconds = usize::try_from(last + 1).unwrap_or(0).max(busy);
    let mut latencies = vec![Vec::new(); seconds];
    let mut slices: Vec<Slice> = (0..seconds)
        .map(|second| {
            let (in_flight, waiting) = repeat.tides.get(second).copied().unwrap_or_default();
            Slice { at_s: repeat.offset_s + second as f64, repeat: number, in_flight, waiting, ..Slice::default() }
        })
        .collect();
    for record in &repeat.records {
        let second = usize::try_from(record.at_us / 1_000_000).unwrap_or(usize::MAX);
        let (Some(slice), Some(latency)) = (slices.get_mut(second), latencies.get_mut(second)) else { continue };
        slice.arrived += 1;
        if record.ok() { latency.push(ms(record.response_us())) } else { slice.failed += 1 }
    }
    for (slice, latency) in slices.iter_mut().zip(latencies) {
        let latency = sorted(latency);
        (slice.p50_ms, slice.p95_ms) = (quantile(&latency, 0.50), quantile(&latency, 0.95));
    }
    slices
}

fn curve(measured: &Measured, sample: &Sample) -> Curve {
    let steps = measured.response_us.iter().flat_map(|histogram| histogram.iter_quantiles(5));
    let percentiles = steps.map(|step| [step.quantile_iterated_to(), ms(step.value_iterated_to())]);
    let all = sample.response_ms.len();
    let stride = all.div_ceil(ECDF_POINTS_MAX).max(1);
    // From the end, so that the largest is always among them.
    let mut ecdf: Vec<[f64; 2]> = (0..all)
        .rev()
        .step_by(stride)
        .filter_map(|at| Some([*sample.response_ms.get(at)?, (at + 1) as f64 / all as f64]))
        .collect();
    ecdf.reverse();
    Curve { percentiles: percentiles.filter(|point| point[0] < 1.0).collect(), ecdf }
}

fn generator(measured: &Measured) -> Generator {
    let lag = sorted(measured.records().map(|record| ms(record.lag_us.into())).collect());
    let shares = measured.repeats.iter().flat_map(|repeat| {
        repeat.cpu.iter().map(|cpu| cpu.as_secs_f64() / repeat.wall.as_secs_f64().max(f64::MIN_POSITIVE))
    });
    Generator {
        workers: measured.repeats.first().map_or(0, |repeat| u32::try_from(repeat.cpu.len()).unwrap_or(u32::MAX)),
        lag_p99_ms: quantile(&lag, 0.99).unwrap_or_default(),
        lag_max_ms: lag.last().copied().unwrap_or_default(),
        cpu_share: shares.fold(0.0, f64::max),
        cpu_s: measured.repeats.iter().flat_map(|repeat| &repeat.cpu).map(std::time::Duration::as_secs_f64).sum(),
        dropped: measured.records().filter(|record| record.class == Class::Dropped).count() as u64,
        waited: measured.records().filter(|record| record.wait_us > WAITED_US).count() as u64,
    }
}
