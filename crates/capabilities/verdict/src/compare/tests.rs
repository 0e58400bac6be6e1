//! What is called a regression, by simulated runs and by tables. Knows no real run.

use super::*;
use crate::report::{
    CmoGrade, Curve, Environment, Generator, Glimpse, Grade, Memory, Percentiles, Pooled, Share, Slice, TargetFacts,
    Verdict,
};
use fastrand::Rng;
use proptest::prelude::*;

/// A normal number, mean 0.
fn normal(rng: &mut Rng, deviation: f64) -> f64 {
    let sum: f64 = (0..12).map(|_| rng.f64()).sum();
    (sum - 6.0) * deviation
}

fn percentiles(p95: f64) -> Percentiles {
    let near = |value: f64| Interval { lo: value * 0.98, hi: value * 1.02 };
    let intervals = [("p50", p95 / 2.0), ("p95", p95), ("p99", p95 * 1.5)];
    let intervals = intervals.map(|(key, value)| (key.to_owned(), near(value))).into();
    Percentiles { count: 1_000, p50: p95 / 2.0, p95, p99: p95 * 1.5, intervals, ..Percentiles::default() }
}

fn scenario(name: &str, slices: Vec<Slice>, p95: f64) -> ScenarioReport {
    ScenarioReport {
        name: name.into(),
        description: String::new(),
        users: 10,
        operations: 1_000,
        planned: 1_000,
        pattern: "sustained".into(),
        duration_s: 20.0,
        wall_s: 100.0,
        seed: 1,
        schedule_sha256: "aa".into(),
        success: Share::new(990, 1_000),
        latency_ms: percentiles(p95),
        service_ms: Percentiles::default(),
        wait_ms: Percentiles::default(),
        first_token_ms: None,
        per_token_ms: None,
        between_tokens_ms: None,
        goodput: None,
        rate_per_s: 10.0,
        users_seen: 10,
        in_flight_max: 10,
        cost_usd_mean: None,
        cache: Default::default(),
        degraded: 0,
        errors: Vec::new(),
        by_operation: Vec::new(),
        slices,
        curve: Curve::default(),
        glimpses: Vec::new(),
        memory: None,
        cpu_s_per_operation: None,
        generator: Generator::default(),
        requirements: Vec::new(),
        verdict: Verdict::Pass,
        grade: Grade::A,
        grade_cmo: CmoGrade::A,
    }
}

fn report(id: &str, scenarios: Vec<ScenarioReport>) -> Report {
    Report {
        schema: 1,
        id: id.into(),
        name: "set".into(),
        started: "2026-11-21T03:26:06Z".into(),
        target: TargetFacts { url: "http://127.0.0.1:8700".into(), ..TargetFacts::default() },
        environment: Environment::default(),
        repeats: 5,
        complete: true,
        incomplete: None,
        verdict: Verdict::Pass,
        grade: Grade::A,
        grade_cmo: CmoGrade::A,
        pooled: Pooled { success: Share::new(990, 1_000), success_mean: 0.99, p95_ms_mean: 100.0 },
        layers: Vec::new(),
        scenarios,
        integrity: None,
        notes: Vec::new(),
    }
}

/// How latencies scatter: from repeat to repeat and from second to second, as shares.
#[derive(Clone, Copy)]
struct Scatter {
    repeat: f64,
    second: f64,
}

const CALM: Scatter = Scatter { repeat: 0.002, second: 0.04 };
const ROUGH: Scatter = Scatter { repeat: 0.03, second: 0.15 };

fn slices(repeats: u32, seconds: u32, p95: f64, scatter: Scatter, rng: &mut Rng) -> Vec<Slice> {
    let mut slices = Vec::new();
    for repeat in 0..repeats {
        let level = p95 * normal(rng, scatter.repeat).exp();
        for second in 0..seconds {
            let p95 = level * normal(rng, scatter.second).exp();
            let at_s = f64::from(repeat * seconds + second);
            slices.push(Slice {
                at_s,
                repeat,
                arrived: 10,
                p50_ms: Some(p95 / 2.0),
                p95_ms: Some(p95),
                ..Slice::default()
            });
        }
    }
    slices
}

/// Two runs of which the second has so many times the latency.
fn pair(repeats: u32, factor: f64, scatter: Scatter, seed: u64) -> (Report, Report) {
    let mut rng = Rng::with_seed(seed);
    let mut side = |id, p95| report(id, vec![scenario("one", slices(repeats, 20, p95, scatter, &mut rng), p95)]);
    (side("load_a", 200.0), side("load_b", 200.0 * factor))
}

fn row<'a>(comparison: &'a Comparison, name: &str) -> &'a Row {
    comparison.scenarios[0].rows.iter().find(|row| row.name == name).unwrap()
}

/// How many of 100 seeds call the second run worse in its p50 or p95.
fn called(repeats: u32, factor: f64, scatter: Scatter) -> usize {
    let worse = |seed: &u64| {
        let (before, after) = pair(repeats, factor, scatter, *seed);
        let found = compare(&before, &after);
        ["p50_ms", "p95_ms"].iter().any(|name| row(&found, name).verdict == Change::Regression)
    };
    (0..100).filter(worse).count()
}

#[test]
fn the_same_is_rarely_called_a_regression() {
    let found = called(5, 1.0, ROUGH);
    assert!(found <= 5, "{found} of 100");
}

#[test]
fn a_fifth_more_is_found() {
    let found = called(5, 1.2, ROUGH);
    assert!(found >= 95, "{found} of 100");
}

#[test]
fn three_percent_more_are_never_called_a_regression() {
    assert_eq!(called(5, 1.03, CALM), 0);
}

#[test]
fn one_repeat_each_rests_on_seconds_and_says_so() {
    let scatter = Scatter { repeat: 0.0, second: 0.1 };
    assert!(called(1, 1.0, scatter) <= 5);
    assert!(called(1, 1.2, scatter) >= 95);
    let (before, after) = pair(4, 1.2, scatter, 1);
    let found = compare(&before, &after);
    assert!(found.notes.iter().any(|note| note.contains("4 repeats") && note.contains("slices of one run")));
    assert!(row(&found, "p95_ms").basis.ends_with("one second"));
    let (before, after) = pair(5, 1.2, scatter, 1);
    let found = compare(&before, &after);
    assert_eq!(found.notes, Vec::<String>::new());
    assert!(row(&found, "p95_ms").basis.ends_with("one repeat"));
}

#[test]
fn a_server_that_freezes_is_seen() {
    let (before, mut after) = pair(5, 1.0, CALM, 3);
    for slice in after.scenarios[0].slices.iter_mut().filter(|slice| slice.at_s % 20.0 >= 18.0) {
        slice.p95_ms = Some(1_500.0);
    }
    assert_eq!(row(&compare(&before, &after), "p95_ms").verdict, Change::Regression);
}

#[test]
fn what_a_change_is_called() {
    use Change::{Improvement, Regression, Unchanged, Unclear};
    for (effect, ends, worse, expect) in [
        (0.06, Some((0.01, 0.2)), 1.0, Regression),
        (0.06, Some((0.01, 0.2)), -1.0, Improvement),
        (-0.06, Some((-0.2, -0.01)), 1.0, Improvement),
        (-0.06, Some((-0.2, -0.01)), -1.0, Regression),
        (0.06, Some((0.0, 0.2)), 1.0, Unclear),
        (0.05, Some((0.04, 0.06)), 1.0, Unclear),
        (0.05, Some((0.04, 0.05)), 1.0, Unchanged),
        (0.03, Some((0.02, 0.04)), 1.0, Unchanged),
        (0.0, Some((-0.05, 0.05)), 1.0, Unchanged),
        (0.0, Some((-0.3, 0.01)), 1.0, Unclear),
        (0.0, Some((f64::NEG_INFINITY, f64::INFINITY)), 1.0, Unclear),
        (0.04, None, 1.0, Unchanged),
        (9.0, None, 1.0, Unclear),
        (f64::NAN, None, 1.0, Unclear),
    ] {
        let interval = ends.map(|(lo, hi)| Interval { lo, hi });
        assert_eq!(Change::of(Some(effect), interval, worse), expect, "{effect} {ends:?} {worse}");
    }
    assert_eq!(Change::of(None, None, 1.0), Unclear);
}

#[test]
fn student_known_values() {
    for (free, t) in [(4.0, 2.776), (8.0, 2.306), (30.0, 2.042), (1e6, 1.960)] {
        assert!((effects::student(free) * 1.959_964 / t - 1.0).abs() < 0.02, "{free}");
    }
}

#[test]
fn shares_differ_by_newcombe() {
    // Newcombe's own example, Statistics in Medicine 17 (1998), table II, case a: 56/70 and 48/80.
    let (mut before, mut after) = pair(5, 1.0, CALM, 1);
    (before.scenarios[0].success, after.scenarios[0].success) = (Share::new(48, 80), Share::new(56, 70));
    let found = compare(&before, &after);
    let success = row(&found, "success");
    let interval = success.interval.unwrap();
    assert!((success.effect.unwrap() - 0.2).abs() < 1e-9);
    assert!((interval.lo - 0.0524).abs() < 5e-5 && (interval.hi - 0.3339).abs() < 5e-5, "{interval:?}");
    assert_eq!(success.verdict, Change::Improvement);
    let back = compare(&after, &before);
    assert_eq!(row(&back, "success").verdict, Change::Regression);
    assert!(back.regressed());
    (before.scenarios[0].success, after.scenarios[0].success) = (Share::new(1_000, 1_000), Share::new(0, 0));
    assert_eq!(row(&compare(&before, &after), "success").verdict, Change::Unclear);
}

#[test]
fn percentiles_of_all_repeats() {
    let (before, mut after) = pair(5, 1.0, CALM, 1);
    after.scenarios[0].latency_ms = percentiles(400.0);
    let found = compare(&before, &after);
    let p99 = row(&found, "p99_ms");
    assert_eq!(
        (p99.before, p99.after, p99.effect, p99.verdict),
        (Some(300.0), Some(600.0), Some(1.0), Change::Regression)
    );
    // Both sides ± 2 %: the ratio ± 2 % × √2.
    let interval = p99.interval.unwrap();
    assert!((interval.lo - (2.0 * (-0.0283f64).exp() - 1.0)).abs() < 2e-3, "{interval:?}");
    assert!((interval.hi - (2.0 * 0.0283f64.exp() - 1.0)).abs() < 2e-3, "{interval:?}");
    // An end that the sample could not bound leaves the ratio unbounded.
    after.scenarios[0].latency_ms.intervals.insert("p99".into(), Interval { lo: f64::NEG_INFINITY, hi: f64::INFINITY });
    let found = compare(&before, &after);
    assert_eq!(row(&found, "p99_ms").interval, Some(Interval { lo: -1.0, hi: f64::INFINITY }));
    assert_eq!(row(&found, "p99_ms").verdict, Change::Unclear);
    // Without seconds the pooled figures stand in; without successes there are none.
    after.scenarios[0].slices.clear();
    assert_eq!(row(&compare(&before, &after), "p95_ms").after, Some(400.0));
    after.scenarios[0].latency_ms = Percentiles::default();
    assert_eq!(row(&compare(&before, &after), "p95_ms").after, None);
}

#[test]
fn timings_that_say_nothing_are_unclear() {
    let (before, mut after) = pair(5, 2.0, CALM, 1);
    assert!(compare(&before, &after).regressed());
    after.scenarios[0].verdict = Verdict::Invalid;
    let found = compare(&before, &after);
    assert!(!found.regressed() && row(&found, "p95_ms").basis.contains("invalid"));
    after.scenarios[0].verdict = Verdict::Fail;
    after.scenarios[0].success = Share::new(499, 1_000);
    let found = compare(&before, &after);
    assert_eq!(row(&found, "p95_ms").verdict, Change::Unclear);
    assert_eq!(row(&found, "success").verdict, Change::Regression);
}

#[test]
fn rates_are_the_targets_only_without_a_schedule() {
    let (mut before, mut after) = pair(5, 1.0, CALM, 1);
    after.scenarios[0].rate_per_s = 8.0;
    let found = compare(&before, &after);
    assert_eq!((row(&found, "rate_per_s").verdict, row(&found, "rate_per_s").interval), (Change::Unclear, None));
    for report in [&mut before, &mut after] {
        report.scenarios[0].pattern = "closed".into();
    }
    for slice in &mut after.scenarios[0].slices {
        slice.arrived = 8;
    }
    assert_eq!(row(&compare(&before, &after), "rate_per_s").verdict, Change::Regression);
    assert_eq!(row(&compare(&after, &before), "rate_per_s").verdict, Change::Improvement);
}

/// Readings of a target that uses so many processor seconds per request, of ten a second, and grows by so many MB per
/// repeat.
fn watched(report: &mut Report, cpu_s: f64, growth_mb: f64) {
    let scenario = &mut report.scenarios[0];
    let glimpse = |at: u32| Glimpse {
        at_s: f64::from(at),
        cpu_s: Some(f64::from(at) * 10.0 * cpu_s),
        resident_mb: Some(100.0 + f64::from(at) * growth_mb / 19.0),
        ..Glimpse::default()
    };
    scenario.glimpses = (0..=100).map(glimpse).collect();
    scenario.cpu_s_per_operation = Some(cpu_s);
    let growth_mb = growth_mb * 5.0;
    scenario.memory = Some(Memory {
        start_mb: 100.0,
        end_mb: 100.0 + growth_mb,
        max_mb: 100.0 + growth_mb,
        growth_mb,
        slope_mb_per_min: None,
        slope_interval: None,
    });
}

#[test]
fn processor_and_memory_of_the_target() {
    for repeats in [5, 1] {
        let (mut before, mut after) = pair(repeats, 1.0, CALM, 1);
        assert_eq!(row(&compare(&before, &after), "cpu_s_per_operation").verdict, Change::Unclear);
        assert_eq!(row(&compare(&before, &after), "memory_growth_mb").verdict, Change::Unclear);
        watched(&mut before, 0.010, 1.0);
        watched(&mut after, 0.012, 5.0);
        let found = compare(&before, &after);
        let cpu = row(&found, "cpu_s_per_operation");
        assert!((cpu.effect.unwrap() - 0.2).abs() < 1e-6 && cpu.verdict == Change::Regression, "{cpu:?}");
        let memory = row(&found, "memory_growth_mb");
        assert_eq!((memory.before, memory.after), (Some(5.0), Some(25.0)));
        // 125 MB held instead of 105.
        assert!((memory.effect.unwrap() - 20.0 / 105.0).abs() < 1e-6, "{memory:?}");
        // One run does not tell how growth scatters.
        assert_eq!(memory.verdict, if repeats == 5 { Change::Regression } else { Change::Unclear });
    }
}

#[test]
fn what_makes_runs_hard_to_compare() {
    let (mut before, mut after) = pair(5, 1.0, CALM, 1);
    after.target.url = "http://elsewhere:1".into();
    after.environment.cores = 7;
    after.scenarios[0].schedule_sha256 = "bb".into();
    after.complete = false;
    after.incomplete = Some("interrupted".into());
    before.scenarios.push(scenario("gone", Vec::new(), 1.0));
    after.scenarios.push(scenario("new", Vec::new(), 1.0));
    let found = compare(&before, &after);
    assert_eq!(
        (found.only_before.clone(), found.only_after.clone()),
        (vec!["gone".to_owned()], vec!["new".to_owned()])
    );
    for part in
        ["different targets: `http://127", "cores: `0` and `7`", "different schedules", "incomplete: interrupted"]
    {
        assert!(found.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", found.notes);
    }
    after.scenarios[0].seed = 9;
    assert!(compare(&before, &after).notes.iter().any(|note| note.contains("different seeds, 1 and 9")));
    after.scenarios.clear();
    let found = compare(&before, &after);
    assert!(!found.regressed() && found.notes.iter().any(|note| note.contains("nothing was compared")));
    assert!(compare(&before, &before).notes.iter().any(|note| note.contains("the same run")));
}

#[test]
fn as_text() {
    let (mut before, mut after) = pair(5, 1.3, CALM, 1);
    watched(&mut before, 0.010, 1.0);
    watched(&mut after, 0.0104, 1.0);
    before.scenarios.push(scenario("gone", Vec::new(), 1.0));
    after.environment.cores = 7;
    insta::assert_snapshot!(text(&compare(&before, &after)));
}

#[test]
fn written_and_read_back() {
    let (before, after) = pair(5, 1.2, CALM, 1);
    let found = compare(&before, &after);
    let read: Comparison = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
    assert_eq!(read.scenarios.len(), 1);
    assert!(read.regressed());
    assert!(serde_json::to_string(&schemars::schema_for!(Comparison)).unwrap().contains("regression"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn odd_figures_break_nothing(
        values in prop::collection::vec((0u32..7, prop::option::of(prop::num::f64::ANY), 0u32..9), 0..30),
        p95 in prop::num::f64::ANY,
        name in ".{0,120}",
    ) {
        let slices = (0..).zip(&values).map(|(at, (repeat, ms, arrived))| Slice {
            at_s: f64::from(at), repeat: *repeat, p50_ms: *ms, p95_ms: *ms, arrived: *arrived, ..Slice::default()
        });
        let mut odd = scenario("one", slices.collect(), p95);
        odd.name.clone_from(&name);
        let mut calm = pair(5, 1.0, CALM, 1).0;
        calm.scenarios[0].name.clone_from(&name);
        let odd = report(&name, vec![odd]);
        for (a, b) in [(&odd, &calm), (&calm, &odd), (&odd, &odd)] {
            let found = compare(a, b);
            for row in found.scenarios.iter().flat_map(|scenario| &scenario.rows) {
                let large = row.effect.is_some_and(|effect| effect.abs() > EFFECT_MIN);
                prop_assert!(large || row.verdict != Change::Regression);
            }
            for line in text(&found).lines() {
                prop_assert!(line.chars().count() <= words::COLUMNS, "{line}");
            }
        }
    }
}
