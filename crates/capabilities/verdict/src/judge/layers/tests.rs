//! The original's layers on runs that keep to them, miss them, and cannot tell.

use super::layers;
use crate::grade::grade_cmo;
use crate::report::{
    Curve, Generator, Grade, Layer, Memory, Percentiles, Requirement, ScenarioReport, Share,
    Verdict::{self, Fail, Inconclusive, Invalid, NotMeasured, Pass},
};
use statistics::Interval;

/// A scenario of which `count` of `of` succeeded with so large a 95th percentile, surely.
fn scenario(name: &str, count: u64, of: u64, p95: [f64; 3]) -> ScenarioReport {
    let [lo, middle, hi] = p95;
    let intervals = [("p95".to_owned(), Interval { lo, hi })].into();
    let latency_ms = Percentiles { count, p95: middle, intervals, ..Percentiles::default() };
    let success = Share::new(count, of);
    ScenarioReport {
        name: name.to_owned(),
        description: String::new(),
        users: 80,
        operations: of,
        planned: of,
        pattern: "sustained".to_owned(),
        duration_s: 60.0,
        wall_s: 60.0,
        seed: 1,
        schedule_sha256: String::new(),
        success,
        service_ms: latency_ms.clone(),
        wait_ms: Percentiles::default(),
        grade_cmo: grade_cmo(success.share, middle),
        latency_ms,
        first_token_ms: None,
        per_token_ms: None,
        between_tokens_ms: None,
        goodput: None,
        rate_per_s: 10.0,
        users_seen: 80,
        in_flight_max: 80,
        cost_usd_mean: None,
        cache: [("memory".to_owned(), 900), ("miss".to_owned(), 100)].into(),
        degraded: 0,
        errors: Vec::new(),
        by_operation: Vec::new(),
        slices: Vec::new(),
        curve: Curve::default(),
        glimpses: Vec::new(),
        memory: Some(Memory {
            start_mb: 50.0,
            end_mb: 60.0,
            max_mb: 150.0,
            growth_mb: 100.0,
            slope_mb_per_min: None,
            slope_interval: None,
        }),
        cpu_s_per_operation: None,
        generator: Generator::default(),
        requirements: Vec::new(),
        verdict: Pass,
        grade: Grade::A,
    }
}

fn good(name: &str) -> ScenarioReport {
    scenario(name, 1_000, 1_000, [300.0, 320.0, 350.0])
}

fn two(scenarios: &[ScenarioReport]) -> [Layer; 2] {
    layers(scenarios).try_into().unwrap()
}

fn row<'a>(layer: &'a Layer, name: &str) -> &'a Requirement {
    layer.requirements.iter().find(|row| row.name == name).unwrap()
}

fn names(layer: &Layer) -> Vec<&str> {
    layer.requirements.iter().map(|row| row.name.as_str()).collect()
}

#[test]
fn a_good_run_keeps_to_both() {
    let [first, second] = two(&[good("academic"), good("rag")]);
    assert_eq!((&*first.name, first.verdict, &*second.name, second.verdict), ("cmo_015", Pass, "revalidation", Pass));
    assert_eq!(
        names(&first),
        [
            "users_min",
            "success_min academic",
            "p95_ms_max academic",
            "memory_growth_mb_max academic",
            "success_min rag",
            "p95_ms_max rag",
            "memory_growth_mb_max rag"
        ]
    );
    assert_eq!(
        names(&second),
        [
            "users_min",
            "success_min academic",
            "p95_ms_max academic",
            "grade_cmo_min academic",
            "success_min rag",
            "p95_ms_max rag",
            "grade_cmo_min rag",
            "cache_hit_min"
        ]
    );
    assert_eq!((row(&second, "success_min rag").target, row(&second, "success_min academic").target), (0.96, 0.95));
}

#[test]
fn the_published_run_fails_both() {
    let published = [
        scenario("academic", 376, 400, [1_900.0, 2_006.0, 2_100.0]),
        scenario("morning-rush", 276, 300, [3_200.0, 3_467.0, 3_700.0]),
        scenario("cache", 582, 640, [3_500.0, 3_633.0, 3_700.0]),
        scenario("rag", 446, 480, [2_300.0, 2_427.0, 2_500.0]),
    ];
    let [first, second] = two(&published);
    assert_eq!((first.verdict, second.verdict), (Fail, Fail));
    for (name, expect) in [
        ("success_min academic", Inconclusive),
        ("p95_ms_max academic", Inconclusive),
        ("success_min morning-rush", Fail),
        ("success_min cache", Fail),
        ("success_min rag", Fail),
        ("p95_ms_max rag", Fail),
        ("memory_growth_mb_max rag", Pass),
    ] {
        assert_eq!(row(&first, name).verdict, expect, "{name}");
    }
    assert_eq!(row(&first, "success_min academic").operations_needed, Some(1_825));
    assert_eq!(row(&second, "grade_cmo_min academic").verdict, Fail);
}

#[test]
fn more_than_and_less_than_are_strict() {
    for (p95, expect) in [
        ([1_000.0, 1_500.0, 1_999.9], Pass),
        ([1_000.0, 1_500.0, 2_000.0], Inconclusive),
        ([1_999.9, 2_001.0, 2_100.0], Inconclusive),
        ([2_000.0, 2_001.0, 2_100.0], Fail),
        ([f64::NEG_INFINITY, 1_500.0, f64::INFINITY], Inconclusive),
    ] {
        let [first, second] = two(&[scenario("rag", 1_000, 1_000, p95)]);
        for layer in [first, second] {
            assert_eq!(row(&layer, "p95_ms_max rag").verdict, expect, "{p95:?}");
        }
    }
}

#[test]
fn a_percentile_without_its_interval_may_lie_anywhere() {
    let mut scenario = good("rag");
    scenario.latency_ms.intervals.clear();
    let [first, second] = two(&[scenario]);
    assert_eq!(row(&first, "p95_ms_max rag").verdict, Inconclusive);
    assert_eq!(row(&second, "grade_cmo_min rag").verdict, Inconclusive);
}

#[test]
fn slow_seconds_widen_the_percentile() {
    for (blocks, p95, grade) in [
        ([310.0, 340.0], Pass, Pass),
        ([310.0, 1_600.0], Pass, Inconclusive),
        ([310.0, 2_100.0], Inconclusive, Inconclusive),
    ] {
        let mut scenario = good("rag");
        scenario.latency_ms.block_intervals = [("p95".to_owned(), Interval { lo: blocks[0], hi: blocks[1] })].into();
        let [_, second] = two(&[scenario]);
        let found = row(&second, "p95_ms_max rag");
        assert_eq!((found.verdict, row(&second, "grade_cmo_min rag").verdict), (p95, grade), "{blocks:?}");
        let Interval { lo, hi } = found.interval.unwrap();
        assert_eq!([lo, hi], [300.0, blocks[1].max(350.0)]);
    }
}

#[test]
fn retrieval_must_succeed_more_often() {
    for (count, first_expect, second_expect) in
        [(992, Pass, Pass), (970, Pass, Inconclusive), (945, Inconclusive, Fail), (900, Fail, Fail)]
    {
        let [first, second] = two(&[scenario("rag", count, 1_000, [300.0, 320.0, 350.0])]);
        let verdicts = (row(&first, "success_min rag").verdict, row(&second, "success_min rag").verdict);
        assert_eq!(verdicts, (first_expect, second_expect), "{count}");
    }
    let [_, second] = two(&[good("academic")]);
    assert_eq!(row(&second, "success_min rag").verdict, NotMeasured);
}

#[test]
fn users_are_the_most_of_any_scenario() {
    for (users, expect) in
        [([10, 49], [Fail, Fail]), ([50, 10], [Pass, Fail]), ([79, 79], [Pass, Fail]), ([10, 80], [Pass, Pass])]
    {
        let scenarios = users.map(|users_seen| ScenarioReport { users_seen, ..good("rag") });
        assert_eq!(two(&scenarios).map(|layer| row(&layer, "users_min").verdict), expect, "{users:?}");
    }
}

#[test]
fn memory_and_cache_where_the_target_tells() {
    let memory = |growth_mb| good("rag").memory.map(|memory| Memory { growth_mb, ..memory });
    for (memory, expect) in [(memory(99.9), Pass), (memory(100.0), Pass), (memory(100.1), Fail), (None, NotMeasured)] {
        let [first, _] = two(&[ScenarioReport { memory, ..good("rag") }]);
        assert_eq!(row(&first, "memory_growth_mb_max rag").verdict, expect, "{memory:?}");
    }
    // Hits are counted over all scenarios together: the other one has 900 of 1,000.
    for (hits, misses, expect) in [(900, 300, Pass), (750, 250, Pass), (700, 300, Inconclusive), (100, 900, Fail)] {
        let cache = [("disk".to_owned(), hits), ("miss".to_owned(), misses)].into();
        let [_, second] = two(&[good("academic"), ScenarioReport { cache, ..good("rag") }]);
        assert_eq!(row(&second, "cache_hit_min").verdict, expect, "{hits} {misses}");
    }
    let [_, second] = two(&[ScenarioReport { cache: [].into(), ..good("rag") }]);
    assert_eq!((row(&second, "cache_hit_min").verdict, second.verdict), (NotMeasured, Pass));
}

#[test]
fn the_grade_is_judged_at_both_ends() {
    for (count, p95, expect, ends) in [
        (1_000, [300.0, 320.0, 350.0], Pass, "between `A+` and `A+`"),
        (1_000, [1_200.0, 1_400.0, 1_500.0], Pass, "between `B` and `B`"),
        (1_000, [1_200.0, 1_400.0, 1_500.1], Inconclusive, "between `C` and `B`"),
        (1_000, [1_500.1, 1_600.0, 1_700.0], Fail, "between `C` and `C`"),
        (900, [300.0, 320.0, 350.0], Inconclusive, "between `C` and `B`"),
        (870, [300.0, 320.0, 350.0], Fail, "between `D` and `C`"),
        (0, [0.0, 0.0, 0.0], Fail, "between `F` and `F`"),
    ] {
        let [_, second] = two(&[scenario("rag", count, 1_000, p95)]);
        let found = row(&second, "grade_cmo_min rag");
        assert_eq!((found.verdict, found.target), (expect, 3.0), "{count} {p95:?}: {found:?}");
        assert_eq!(found.reason.is_some(), expect != Pass, "{found:?}");
        assert!(found.reason.as_deref().is_none_or(|reason| reason.contains(ends)), "{found:?}");
    }
}

#[test]
fn a_generator_at_fault_and_a_run_cut_short() {
    let by_verdict = |layer: &Layer, verdict: Verdict| -> Vec<String> {
        layer.requirements.iter().filter(|row| row.verdict == verdict).map(|row| row.name.clone()).collect()
    };
    let generator = Generator { dropped: 1, ..Generator::default() };
    let [first, second] = two(&[ScenarioReport { generator, ..good("rag") }]);
    assert_eq!(by_verdict(&first, Invalid), ["p95_ms_max rag"]);
    assert_eq!(by_verdict(&second, Invalid), ["p95_ms_max rag", "grade_cmo_min rag"]);

    let [first, second] = two(&[good("academic"), ScenarioReport { planned: 1_001, ..good("rag") }]);
    assert_eq!((first.verdict, second.verdict), (Invalid, Invalid));
    assert_eq!(
        by_verdict(&first, Invalid),
        ["users_min", "success_min rag", "p95_ms_max rag", "memory_growth_mb_max rag"]
    );
    assert_eq!(by_verdict(&second, Pass), ["success_min academic", "p95_ms_max academic", "grade_cmo_min academic"]);
}

#[test]
fn nothing_is_never_a_verdict() {
    assert_eq!(two(&[]).map(|layer| layer.verdict), [NotMeasured, NotMeasured]);
    let mut nothing = scenario("rag", 0, 0, [0.0, 0.0, 0.0]);
    (nothing.users_seen, nothing.memory, nothing.cache) = (0, None, [].into());
    for layer in two(&[nothing]) {
        assert!(layer.requirements.iter().skip(1).all(|row| row.verdict == NotMeasured), "{layer:?}");
    }
    // The times of few survivors say nothing.
    let [first, _] = two(&[scenario("rag", 499, 1_000, [300.0, 320.0, 350.0])]);
    assert_eq!(row(&first, "p95_ms_max rag").verdict, NotMeasured);
}
