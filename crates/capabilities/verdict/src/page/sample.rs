//! A made-up report for tests: a scenario of which everything is told, and one of which next to nothing is.
//!
//! Its figures are invented, but agree with each other.

use crate::report::{
    CmoGrade, Curve, Environment, ErrorCount, Generator, Glimpse, Grade, Integrity, Layer, Memory, OperationRow,
    Percentiles, Pooled, Report, Requirement, SCHEMA, ScenarioReport, Share, Slice, TargetFacts, Verdict,
};
use statistics::Interval;

/// A run of two scenarios, the second of them not settled.
pub(super) fn sample() -> Report {
    Report {
        schema: SCHEMA,
        id: "load_00c0ffee00c0ffee".to_owned(),
        name: "ward".to_owned(),
        started: "2026-11-21T03:26:06Z".to_owned(),
        target: TargetFacts {
            url: "https://models.example.org".to_owned(),
            althing: Some("0.1.0".to_owned()),
            simulated: false,
        },
        environment: Environment {
            version: "0.1.0".to_owned(),
            system: "Linux 6.12".to_owned(),
            processor: "Example 3000".to_owned(),
            cores: 8,
            memory_mb: 32_768,
            load_average: Some(0.42),
        },
        repeats: 2,
        complete: true,
        incomplete: None,
        verdict: Verdict::Inconclusive,
        grade: Grade::C,
        grade_cmo: CmoGrade::D,
        pooled: Pooled { success: Share::new(5_712, 5_800), success_mean: 0.9618, p95_ms_mean: 1_934.5 },
        layers: vec![Layer {
            name: "cmo_015".to_owned(),
            verdict: Verdict::Pass,
            requirements: vec![
                requirement("users_min", 50.0, Some(80.0), None, Verdict::Pass),
                requirement("success_min rush", 0.95, Some(0.985), Some((0.982, 0.988)), Verdict::Pass),
            ],
        }],
        scenarios: vec![rush(), night()],
        integrity: None,
        notes: vec!["the clock of the target is 2 s behind".to_owned()],
    }
}

/// A scenario of which the target told everything.
pub(super) fn rush() -> ScenarioReport {
    let mut cached = requirement("cache_hit_min", 0.75, Some(0.743), Some((0.732, 0.754)), Verdict::Inconclusive);
    cached.operations_needed = Some(104_000);
    ScenarioReport {
        name: "morning-rush".to_owned(),
        description: "a clinic's first hour: short questions that come in bursts".to_owned(),
        users: 80,
        operations: 5_600,
        planned: 5_600,
        pattern: "burst".to_owned(),
        duration_s: 30.0,
        wall_s: 61.3,
        seed: 7,
        schedule_sha256: "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8".to_owned(),
        success: Share::new(5_516, 5_600),
        latency_ms: times(5_516, 1.0),
        service_ms: times(5_516, 0.9),
        wait_ms: times(5_600, 0.1),
        first_token_ms: Some(times(1_100, 0.4)),
        per_token_ms: Some(times(1_100, 0.02)),
        between_tokens_ms: Some(times(88_000, 0.021)),
        goodput: Some(Share::new(5_300, 5_600)),
        rate_per_s: 91.4,
        users_seen: 80,
        in_flight_max: 74,
        cost_usd_mean: Some(0.001_84),
        cache: [("l1".to_owned(), 3_900), ("l2".to_owned(), 261)].into(),
        degraded: 12,
        errors: [("status_5xx", 61), ("timeout", 20), ("connect", 3)]
            .map(|(class, count)| ErrorCount { class: class.to_owned(), count })
            .into(),
        by_operation: [("question", "chat", 4_500), ("streamed question", "stream", 1_100)]
            .map(|(name, kind, count)| operation(name, kind, count))
            .into(),
        slices: (0..62).map(slice).collect(),
        curve: curve(),
        glimpses: (0..62).map(glimpse).collect(),
        memory: Some(Memory {
            start_mb: 210.0,
            end_mb: 239.0,
            max_mb: 241.0,
            growth_mb: 31.0,
            slope_mb_per_min: Some(3.1),
            slope_interval: Some(Interval { lo: -1.2, hi: 7.4 }),
        }),
        cpu_s_per_operation: Some(0.002_31),
        generator: Generator {
            workers: 2,
            lag_p99_ms: 0.8,
            lag_max_ms: 5.1,
            cpu_share: 0.12,
            cpu_s: 7.3,
            dropped: 0,
            waited: 214,
        },
        requirements: vec![
            requirement("success_min", 0.95, Some(0.985), Some((0.982, 0.988)), Verdict::Pass),
            requirement("p95_ms_max", 1_500.0, Some(1_204.0), Some((1_150.0, 1_270.0)), Verdict::Pass),
            requirement("memory_growth_mb_max", 120.0, Some(31.0), None, Verdict::Pass),
            cached,
        ],
        verdict: Verdict::Inconclusive,
        grade: Grade::B,
        grade_cmo: CmoGrade::B,
    }
}

/// A scenario of a target that tells nothing of itself, with nothing that may be absent.
pub(super) fn night() -> ScenarioReport {
    let mut slow = requirement("p95_ms_max", 2_500.0, Some(2_665.0), Some((2_290.0, 3_320.0)), Verdict::Inconclusive);
    slow.operations_needed = Some(1_900);
    let mut told = requirement("cost_usd_max", 0.12, None, None, Verdict::NotMeasured);
    told.reason = Some("the target does not say what an answer costs".to_owned());
    ScenarioReport {
        name: "night".to_owned(),
        description: String::new(),
        users: 10,
        operations: 200,
        planned: 200,
        pattern: "closed".to_owned(),
        wall_s: 48.0,
        success: Share::new(196, 200),
        latency_ms: times(196, 2.2),
        service_ms: times(196, 2.2),
        wait_ms: Percentiles::default(),
        first_token_ms: None,
        per_token_ms: None,
        between_tokens_ms: None,
        goodput: None,
        rate_per_s: 4.17,
        users_seen: 10,
        in_flight_max: 10,
        cost_usd_mean: None,
        cache: Default::default(),
        degraded: 0,
        errors: vec![ErrorCount { class: "timeout".to_owned(), count: 4 }],
        by_operation: Vec::new(),
        slices: (0..48).map(slice).collect(),
        curve: Curve::default(),
        glimpses: Vec::new(),
        memory: None,
        cpu_s_per_operation: None,
        generator: Generator { workers: 1, ..Generator::default() },
        requirements: vec![slow, told],
        grade: Grade::C,
        grade_cmo: CmoGrade::D,
        ..rush()
    }
}

/// What `--integrity` adds.
pub(super) fn integrity() -> Integrity {
    Integrity {
        consistency: Share::new(1_180, 1_200),
        accuracy: Some(Share::new(1_101, 1_200)),
        accuracy_alone: None,
        reproducibility: Share::new(0, 0),
        unanswered: [3, 41],
    }
}

fn requirement(
    name: &str,
    target: f64,
    measured: Option<f64>,
    interval: Option<(f64, f64)>,
    verdict: Verdict,
) -> Requirement {
    let interval = interval.map(|(lo, hi)| Interval { lo, hi });
    Requirement { name: name.to_owned(), target, measured, interval, verdict, operations_needed: None, reason: None }
}

/// Percentiles in a fixed proportion to each other.
fn times(count: u64, scale: f64) -> Percentiles {
    let [p50, p90, p95, p99] = [310.0, 980.0, 1_204.0, 2_110.0].map(|ms| ms * scale);
    let near = |share: f64| {
        let around = |value: f64| Interval { lo: value * (1.0 - share), hi: value * (1.0 + share) };
        [("p50", p50), ("p95", p95), ("p99", p99)].map(|(name, value)| (name.to_owned(), around(value))).into()
    };
    let (mean, p999, max) = (430.0 * scale, 3_490.0 * scale, 4_020.0 * scale);
    Percentiles { count, mean, p50, p90, p95, p99, p999, max, intervals: near(0.05), block_intervals: near(0.09) }
}

fn operation(name: &str, kind: &str, count: u64) -> OperationRow {
    let success = Share::new(count - count / 66, count);
    let model = (kind == "chat").then(|| "quorum".to_owned());
    OperationRow { name: name.to_owned(), kind: kind.to_owned(), model, success, latency_ms: times(success.count, 1.0) }
}

/// A second of one of two repeats of 31 seconds each, the slowest in the middle; in the last nothing was begun.
fn slice(second: u32) -> Slice {
    let middle = f64::from((second % 31).abs_diff(15));
    let busy = second % 31 < 30;
    Slice {
        at_s: second.into(),
        repeat: second / 31,
        arrived: if busy { 110 - 3 * (second % 31).abs_diff(15) } else { 0 },
        failed: if second % 31 == 15 { 42 } else { 0 },
        p50_ms: busy.then_some(520.0 - 20.0 * middle),
        p95_ms: busy.then_some(1_900.0 - 80.0 * middle),
        in_flight: if busy { 74 - 3 * (second % 31).abs_diff(15) } else { 4 },
        waiting: if second % 31 == 15 { 19 } else { 0 },
    }
}

/// What the target told after so many seconds: a breaker that is open from the 15th to the 20th.
fn glimpse(second: u32) -> Glimpse {
    let at = f64::from(second);
    let broken = f64::from(second.clamp(15, 20) - 15);
    Glimpse {
        at_s: at,
        resident_mb: Some(210.0 + at.min(30.0)),
        cpu_s: Some(0.2 * at),
        cache_hits: Some(68.0 * at),
        cache_misses: Some(23.0 * at),
        breakers_open: Some(f64::from(u8::from((15..20).contains(&second)))),
        fallbacks: Some(18.0 * broken),
        retries: Some(9.0 * broken),
        shed: Some(0.0),
        model_calls: Some(25.0 * at),
        model_failures: Some(9.0 * broken),
        model_s: Some(7.5 * at),
        store_in_use: Some(f64::from(second % 3)),
        sessions: Some(0.0),
    }
}

fn curve() -> Curve {
    let shares = [0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9998];
    let times = [41.0, 310.0, 980.0, 1_204.0, 2_110.0, 3_490.0, 4_020.0];
    let rows = || shares.into_iter().zip(times);
    Curve {
        percentiles: rows().map(|(share, ms)| [share, ms]).collect(),
        ecdf: rows().map(|(share, ms)| [ms, share]).collect(),
    }
}
