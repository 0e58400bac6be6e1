//! How large each difference is and how sure. Knows two reports of one scenario; no words, no columns.
//!
//! Latencies and rates are compared second by second, in blocks: whole repeats where both sides have enough of them,
//! since runs of one and the same program differ more than its seconds do; else single seconds. The statistic is the
//! mean over seconds: a median of seconds would not see a server that freezes for one second in ten.

use super::{Change, REPEATS_MIN, Row};
use crate::report::{Percentiles, ScenarioReport, Share, Slice, Verdict};
use statistics::{Difference, Interval, ROUNDS, difference};
use std::collections::BTreeSet;

/// The same blocks give the same interval.
const SEED: u64 = 1;
/// Into how many spans a run with few repeats is cut, to see how its processor time scatters.
const SPANS: u32 = 10;
/// With fewer successes the latencies of those that succeeded say nothing.
const SUCCESS_MIN: f64 = 0.5;
const PERCENTILES: &str = "p50, p95: mean of each second's percentile";

/// Repeats that left a trace.
pub(super) fn repeats(scenario: &ScenarioReport) -> usize {
    scenario.slices.iter().map(|slice| slice.repeat).collect::<BTreeSet<_>>().len()
}

pub(super) fn rows(a: &ScenarioReport, b: &ScenarioReport) -> Vec<Row> {
    let pair = Pair { a, b, by_repeat: repeats(a).min(repeats(b)) >= REPEATS_MIN };
    let mut timed = vec![
        pair.seconds("p50_ms", 1.0, PERCENTILES, |slice| slice.p50_ms).unwrap_or_else(|| pair.pooled("p50")),
        pair.seconds("p95_ms", 1.0, PERCENTILES, |slice| slice.p95_ms).unwrap_or_else(|| pair.pooled("p95")),
        pair.pooled("p99"),
    ];
    if a.success.share.min(b.success.share) < SUCCESS_MIN {
        distrust(&mut timed, "fewer than half of the operations succeeded: the latencies of the rest say nothing");
    }
    timed.push(pair.rate());
    if [a, b].iter().any(|scenario| scenario.verdict == Verdict::Invalid) {
        distrust(&mut timed, "one of the runs is invalid: its timings are not the target's");
    }
    timed.extend([pair.success(), pair.cpu(), pair.memory()]);
    timed
}

fn distrust(rows: &mut [Row], basis: &str) {
    for row in rows {
        (row.verdict, row.basis) = (Change::Unclear, basis.to_owned());
    }
}

struct Pair<'a> {
    a: &'a ScenarioReport,
    b: &'a ScenarioReport,
    by_repeat: bool,
}

impl Pair<'_> {
    fn basis(&self, of: &str) -> String {
        format!("{of}; blocks of one {}", if self.by_repeat { "repeat" } else { "second" })
    }

    /// The mean over seconds of what a second says; `none` where there are too few seconds.
    fn seconds(&self, name: &str, worse: f64, of: &str, value: impl Fn(&Slice) -> Option<f64>) -> Option<Row> {
        let values = |slices: &[Slice]| slices.iter().filter_map(&value).collect::<Vec<f64>>();
        let blocks = |scenario: &ScenarioReport| -> Vec<Vec<f64>> {
            let repeats = scenario.slices.chunk_by(|one, next| one.repeat == next.repeat).map(values);
            if self.by_repeat { repeats.collect() } else { repeats.flatten().map(|second| vec![second]).collect() }
        };
        let found = apart(&blocks(self.a), &blocks(self.b))?;
        Some(row(name, worse, &found, self.basis(of)))
    }

    /// A percentile of all repeats together. The interval of the ratio is put together from those of both sides
    /// (Donner and Zou, "Closed-form confidence intervals for functions of the normal mean and standard deviation",
    /// 2012).
    fn pooled(&self, key: &str) -> Row {
        let value = |percentiles: &Percentiles| {
            let value = match key {
                "p50" => percentiles.p50,
                "p95" => percentiles.p95,
                _ => percentiles.p99,
            };
            Some(value).filter(|value| percentiles.count > 0 && *value > 0.0)
        };
        let interval = |percentiles: &Percentiles| {
            percentiles.block_intervals.get(key).or_else(|| percentiles.intervals.get(key)).copied()
        };
        let (a, b) = (&self.a.latency_ms, &self.b.latency_ms);
        let (before, after) = (value(a), value(b));
        let effect = before.zip(after).map(|(before, after)| after / before - 1.0);
        let ratio = before.zip(after).zip(interval(a).zip(interval(b))).map(|((x, y), (a, b))| {
            let log = |value: f64| value.max(0.0).ln();
            let apart = |one: f64, other: f64| if one == other { 0.0 } else { log(one) - log(other) };
            let (down, up) = (apart(y, b.lo).hypot(apart(a.hi, x)), apart(b.hi, y).hypot(apart(x, a.lo)));
            Interval { lo: y / x * (-down).exp() - 1.0, hi: y / x * up.exp() - 1.0 }
        });
        let basis = format!("{key}: of all repeats together, from the intervals of both sides");
        let verdict = Change::of(effect, ratio, 1.0);
        Row { name: format!("{key}_ms"), before, after, effect, interval: ratio, verdict, basis }
    }

    fn rate(&self) -> Row {
        let closed = |scenario: &ScenarioReport| scenario.pattern == "closed";
        let found = (closed(self.a) && closed(self.b)).then(|| {
            self.seconds("rate_per_s", -1.0, "rate: mean of the seconds", |slice| Some(f64::from(slice.arrived)))
        });
        let of = "rate: of all repeats together, as the schedule allows; no interval";
        let (before, after) = (Some(self.a.rate_per_s), Some(self.b.rate_per_s));
        found.flatten().unwrap_or_else(|| plain("rate_per_s", -1.0, before, after, of))
    }

    /// The difference of two shares, with the hybrid score interval (Newcombe, "Interval estimation for the difference
    /// between independent proportions", 1998, method 10).
    fn success(&self) -> Row {
        let (a, b) = (self.a.success, self.b.success);
        let told = |share: Share| (share.of > 0).then_some(share.share);
        let both = told(a).zip(told(b));
        let effect = both.map(|(a, b)| b - a);
        let interval = effect.map(|effect| Interval {
            lo: effect - (b.share - b.interval.lo).hypot(a.interval.hi - a.share),
            hi: effect + (b.interval.hi - b.share).hypot(a.share - a.interval.lo),
        });
        let basis = "success: the difference of the shares, Newcombe's interval".to_owned();
        let verdict = Change::of(effect, interval, -1.0);
        Row { name: "success".into(), before: told(a), after: told(b), effect, interval, verdict, basis }
    }

    fn cpu(&self) -> Row {
        const NAME: &str = "cpu_s_per_operation";
        let blocks = |scenario: &ScenarioReport| -> Vec<Vec<f64>> {
            let spans = spans(scenario, self.by_repeat);
            spans.iter().map(|span| cpu_per_operation(scenario, *span).into_iter().collect()).collect()
        };
        let of = if self.by_repeat { "one repeat" } else { "a tenth of the run" };
        match apart(&blocks(self.a), &blocks(self.b)) {
            Some(found) => row(NAME, 1.0, &found, format!("cpu: the target's metrics; blocks of {of}")),
            None => {
                let (before, after) = (self.a.cpu_s_per_operation, self.b.cpu_s_per_operation);
                plain(NAME, 1.0, before, after, "cpu: of all repeats together; no interval")
            }
        }
    }

    fn memory(&self) -> Row {
        const NAME: &str = "memory_growth_mb";
        let (Some(a), Some(b)) = (self.a.memory, self.b.memory) else {
            let growth = |scenario: &ScenarioReport| scenario.memory.map(|memory| memory.growth_mb);
            return Row {
                effect: None,
                verdict: Change::Unclear,
                ..plain(NAME, 1.0, growth(self.a), growth(self.b), "memory: not measured in both")
            };
        };
        // What the first run held at the start, and what each run added to it: a growth alone may be next to nothing.
        let held = |growth: f64| a.start_mb + growth;
        let blocks = |scenario: &ScenarioReport| -> Vec<Vec<f64>> {
            let spans = if self.by_repeat { spans(scenario, true) } else { Vec::new() };
            let growth = |span: &Span| growth_mb(scenario, *span).map(|mb| held(mb * spans.len() as f64));
            spans.iter().map(|span| growth(span).into_iter().collect()).collect()
        };
        let shown = apart(&blocks(self.a), &blocks(self.b));
        let all = plain(
            NAME,
            1.0,
            Some(held(a.growth_mb)),
            Some(held(b.growth_mb)),
            "memory: as a share of the memory held at most; no interval",
        );
        let found = shown.map(|found| {
            row(NAME, 1.0, &found, "memory: as a share of the memory held at most; blocks of one repeat".into())
        });
        Row { before: Some(a.growth_mb), after: Some(b.growth_mb), ..found.unwrap_or(all) }
    }
}

fn row(name: &str, worse: f64, found: &Difference, basis: String) -> Row {
    let (effect, interval) = (Some(found.effect), Some(found.interval));
    let verdict = Change::of(effect, interval, worse);
    Row { name: name.to_owned(), before: Some(found.a), after: Some(found.b), effect, interval, verdict, basis }
}

/// Two figures without an interval.
fn plain(name: &str, worse: f64, before: Option<f64>, after: Option<f64>, basis: &str) -> Row {
    let effect = before.zip(after).map(|(a, b)| (b - a) / a.abs()).filter(|effect| effect.is_finite());
    let verdict = Change::of(effect, None, worse);
    Row { name: name.to_owned(), before, after, effect, interval: None, verdict, basis: basis.to_owned() }
}

/// The difference of the means of blocks, its interval widened for so few blocks: the scatter of k of them is too small
/// by √((k − 1) / k), and known no better than [`student`] says.
fn apart(a: &[Vec<f64>], b: &[Vec<f64>]) -> Option<Difference> {
    let mean = |sample: &mut Vec<f64>| sample.iter().sum::<f64>() / sample.len() as f64;
    let found = difference(a, b, ROUNDS, SEED, mean)?;
    let count = |blocks: &[Vec<f64>]| blocks.iter().filter(|block| !block.is_empty()).count() as f64;
    let fewest = count(a).min(count(b));
    let wider = (fewest / (fewest - 1.0)).sqrt() * student(count(a) + count(b) - 2.0);
    let away = |end: f64| found.effect + (end - found.effect) * wider;
    let interval = Interval { lo: away(found.interval.lo), hi: away(found.interval.hi) };
    Some(Difference { interval, ..found })
}

/// Student's t over the normal quantile, at 95 % and so many degrees of freedom, by two terms of the series of Cornish
/// and Fisher (Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5).
pub(crate) fn student(free: f64) -> f64 {
    const Z2: f64 = 1.959_964 * 1.959_964;
    let free = free.max(1.0);
    1.0 + (Z2 + 1.0) / (4.0 * free) + ((5.0 * Z2 + 16.0) * Z2 + 3.0) / (96.0 * free * free)
}

/// From when to when, in seconds.
type Span = (f64, f64);

/// The repeats, or as many equal parts of the run.
fn spans(scenario: &ScenarioReport, by_repeat: bool) -> Vec<Span> {
    const SLICE_S: f64 = 1.0;
    let ends = |slices: &[Slice]| Some((slices.first()?.at_s, slices.last()?.at_s + SLICE_S));
    if by_repeat {
        return scenario.slices.chunk_by(|one, next| one.repeat == next.repeat).filter_map(ends).collect();
    }
    let Some((from, to)) = ends(&scenario.slices) else { return Vec::new() };
    let at = |part: u32| from + (to - from) * f64::from(part) / f64::from(SPANS);
    (0..SPANS).map(|part| (at(part), at(part + 1))).collect()
}

/// The target's processor seconds in a span over the requests sent in it.
fn cpu_per_operation(scenario: &ScenarioReport, (from, to): Span) -> Option<f64> {
    let sent = scenario.slices.iter().filter(|slice| (from..to).contains(&slice.at_s));
    let sent: f64 = sent.map(|slice| f64::from(slice.arrived)).sum();
    let points: Vec<_> = scenario.glimpses.iter().filter_map(|glimpse| Some((glimpse.at_s, glimpse.cpu_s?))).collect();
    let used = read(&points, to)? - read(&points, from)?;
    (sent > 0.0 && used >= 0.0 && points.len() > 2).then(|| used / sent)
}

/// A counter at a moment between two readings of it, in a straight line.
fn read(points: &[(f64, f64)], at: f64) -> Option<f64> {
    let next = points.partition_point(|(when, _)| *when < at);
    let (last, next) = (points.get(next.saturating_sub(1))?, points.get(next).or(points.last())?);
    let part = if next.0 > last.0 { ((at - last.0) / (next.0 - last.0)).clamp(0.0, 1.0) } else { 0.0 };
    Some(last.1 + (next.1 - last.1) * part)
}

/// By how many MB the target rose at most within a span.
fn growth_mb(scenario: &ScenarioReport, (from, to): Span) -> Option<f64> {
    let mut seen = scenario.glimpses.iter().filter(|glimpse| (from..to).contains(&glimpse.at_s));
    let start = seen.find_map(|glimpse| glimpse.resident_mb)?;
    Some(seen.filter_map(|glimpse| glimpse.resident_mb).fold(start, f64::max) - start)
}
