//! Every rule of judging by tables, at the counts where an interval just reaches a target and just does not.

use super::{
    CPU_SHARE_MAX, CacheCounts, Facts, LAG_P99_MS_MAX, exit_code, generator_fault, judge, overall, verdict_name,
};
use crate::report::{Generator, Memory, Requirement, Share, Verdict};
use crate::slo::Slo;
use Verdict::{Fail, Inconclusive, Invalid, NotMeasured, Pass};
use proptest::prelude::*;
use statistics::Interval;
use std::collections::BTreeMap;

const VERDICTS: [Verdict; 5] = [Pass, Fail, Inconclusive, Invalid, NotMeasured];
const STILL: Generator =
    Generator { workers: 1, lag_p99_ms: 0.1, lag_max_ms: 0.5, cpu_share: 0.1, cpu_s: 1.0, dropped: 0, waited: 0 };

static NO_BLOCKS: BTreeMap<String, Interval> = BTreeMap::new();

/// A run of a thousand successes against a target that tells nothing.
fn facts(slo: &Slo) -> Facts<'_> {
    Facts {
        slo,
        success: Share::new(1_000, 1_000),
        success_sure: Share::new(1_000, 1_000),
        latency_ms: &[],
        latency_blocks: &NO_BLOCKS,
        first_token_ms: None,
        goodput: None,
        memory: None,
        cache: None,
        cost_usd: None,
        users_seen: 10,
        recovery: None,
        fallback: None,
        chain_ms: None,
        rate: 100.0,
        generator: &STILL,
        cut_short: None,
    }
}

/// What became of one key.
fn found(facts: &Facts, key: &str) -> Requirement {
    judge(facts).into_iter().find(|found| found.name == key).unwrap()
}

fn reason(found: &Requirement) -> &str {
    found.reason.as_deref().unwrap_or_default()
}

/// `count` values of `fast` milliseconds and the rest of `of` of `slow`.
fn times(count: usize, of: usize, fast: f64, slow: f64) -> Vec<f64> {
    (0..of).map(|at| if at < count { fast } else { slow }).collect()
}

fn every_key() -> Slo {
    Slo {
        success_min: Some(0.9),
        p50_ms_max: Some(100.0),
        p95_ms_max: Some(100.0),
        p99_ms_max: Some(100.0),
        ttft_ms_max: Some(100.0),
        goodput_min: Some(0.9),
        memory_growth_mb_max: Some(10.0),
        cache_hit_min: Some(0.5),
        cache_l1_min: Some(0.5),
        cache_l2_min: Some(0.5),
        users_min: Some(10),
        cost_usd_max: Some(0.1),
        recovery_min: Some(0.5),
        fallback_min: Some(0.5),
        chain_ms_max: Some(100.0),
        rate_min: Some(50.0),
    }
}

const MEMORY: Memory = Memory {
    start_mb: 100.0,
    end_mb: 105.0,
    max_mb: 110.0,
    growth_mb: 10.0,
    slope_mb_per_min: None,
    slope_interval: None,
};

/// Every key asked for, everything told, all well.
fn told<'a>(slo: &'a Slo, fast: &'a [f64]) -> Facts<'a> {
    Facts {
        latency_ms: fast,
        first_token_ms: Some(fast),
        goodput: Some(Share::new(1_000, 1_000)),
        memory: Some(MEMORY),
        cache: Some(CacheCounts { memory: 800, disk: 180, redis: 0, miss: 20 }),
        cost_usd: Some(&[0.01; 1_000]),
        recovery: Some((100, 100)),
        fallback: Some((100, 100)),
        chain_ms: Some(fast),
        ..facts(slo)
    }
}

#[test]
fn every_key_is_judged_once_and_in_its_order() {
    let slo = every_key();
    let fast = [10.0; 1_000];
    let judged = judge(&told(&slo, &fast));
    let serde_json::Value::Object(keys) = serde_json::to_value(slo).unwrap() else { panic!("no table") };
    assert_eq!(judged.iter().map(|found| &found.name).collect::<Vec<_>>(), keys.keys().collect::<Vec<_>>());
    for found in &judged {
        assert_eq!(found.verdict, Pass, "{found:?}");
        assert_eq!(Some(found.target), keys[&found.name].as_f64());
    }
}

#[test]
fn what_is_not_asked_for_is_not_judged() {
    let slo = Slo { p95_ms_max: Some(1.0), ..Slo::default() };
    let names: Vec<_> = judge(&facts(&slo)).into_iter().map(|found| found.name).collect();
    assert_eq!(names, ["success_min", "p95_ms_max"]);
}

#[test]
fn success_by_its_interval() {
    for (count, of, target, expect, needed) in [
        (72, 72, 0.95, Inconclusive, Some(73)),
        (73, 73, 0.95, Pass, None),
        (98, 100, 0.95, Inconclusive, Some(203)),
        (199, 203, 0.95, Pass, None),
        // The four published results of the original.
        (376, 400, 0.95, Inconclusive, Some(1_825)),
        (276, 300, 0.95, Fail, None),
        (582, 640, 0.95, Fail, None),
        (446, 480, 0.95, Fail, None),
        (0, 3, 0.5, Inconclusive, Some(4)),
        (0, 4, 0.5, Fail, None),
        (0, 1, 0.0, Pass, None),
        (1, 1, 0.0, Pass, None),
        (10, 10, 1.0, Inconclusive, None),
        (1_000_000, 1_000_000, 1.0, Inconclusive, None),
        (999_999, 1_000_000, 1.0, Fail, None),
        (0, 1, 1.0, Fail, None),
        (95, 100, 0.95, Inconclusive, None),
        (0, 0, 0.95, NotMeasured, None),
    ] {
        let slo = Slo { success_min: Some(target), ..Slo::default() };
        let found = found(&Facts { success: Share::new(count, of), ..facts(&slo) }, "success_min");
        assert_eq!((found.verdict, found.operations_needed), (expect, needed), "{count} of {of} for {target}");
        let unsaid = expect == Inconclusive && needed.is_none();
        assert_eq!(found.reason.is_some(), unsaid || expect == NotMeasured, "{found:?}");
        assert_eq!(found.measured.is_some(), of > 0);
    }
}

#[test]
fn success_is_asked_for_even_where_it_is_not() {
    for (count, of, expect) in
        [(1, 1, Pass), (376, 400, Pass), (93, 100, Pass), (276, 300, Fail), (0, 1, Fail), (0, 0, NotMeasured)]
    {
        let found = found(&Facts { success: Share::new(count, of), ..facts(&Slo::default()) }, "success_min");
        assert_eq!((found.verdict, found.target, found.operations_needed), (expect, 0.95, None), "{count} of {of}");
        assert_eq!(reason(&found).starts_with("implied"), of > 0);
    }
}

#[test]
fn percentiles_by_their_interval() {
    // Of 72 values the interval of the 95th percentile ends at the largest; of 71 it has no end.
    for (key, fast, of, expect) in [
        ("p95_ms_max", 71, 71, Inconclusive),
        ("p95_ms_max", 72, 72, Pass),
        ("p95_ms_max", 1_000, 1_000, Pass),
        ("p95_ms_max", 970, 1_000, Pass),
        ("p95_ms_max", 955, 1_000, Inconclusive),
        ("p95_ms_max", 945, 1_000, Inconclusive),
        ("p95_ms_max", 930, 1_000, Fail),
        ("p95_ms_max", 0, 1, Inconclusive),
        ("p95_ms_max", 0, 2, Fail),
        ("p50_ms_max", 1, 1, Inconclusive),
        ("p50_ms_max", 540, 1_000, Pass),
        ("p50_ms_max", 460, 1_000, Fail),
        ("p99_ms_max", 367, 367, Inconclusive),
        ("p99_ms_max", 368, 368, Pass),
        ("p99_ms_max", 980, 1_000, Fail),
        ("p99_ms_max", 0, 0, NotMeasured),
    ] {
        let slo = every_key();
        let values = times(fast, of, 99.9, 100.1);
        let success = Share::new(of as u64, of as u64);
        let found = found(&Facts { latency_ms: &values, success, ..facts(&slo) }, key);
        assert_eq!(found.verdict, expect, "{key}: {fast} of {of}");
        if expect == Inconclusive {
            assert!(found.operations_needed.is_some_and(|needed| needed >= of as u64), "{found:?}");
        }
        assert_eq!(found.reason.is_some(), expect == NotMeasured);
    }
    // At most is at most.
    let slo = every_key();
    let at_target = Facts { latency_ms: &[100.0; 72], success: Share::new(72, 72), ..facts(&slo) };
    assert_eq!(found(&at_target, "p95_ms_max").verdict, Pass);
}

#[test]
fn percentiles_by_both_intervals() {
    let slo = every_key();
    let union = |values: &[f64], key: &str, name: &str, [lo, hi]: [f64; 2]| {
        let blocks = [(name.to_owned(), Interval { lo, hi })].into();
        let success = Share::new(values.len() as u64, values.len() as u64);
        found(&Facts { latency_ms: values, latency_blocks: &blocks, success, ..facts(&slo) }, key)
    };
    let (fast, slow) = ([10.0; 1_000], [200.0; 1_000]);
    for (key, name) in [("p50_ms_max", "p50"), ("p95_ms_max", "p95"), ("p99_ms_max", "p99")] {
        for (values, blocks, expect, interval) in [
            (&fast, [9.0, 11.0], Pass, [9.0, 11.0]),
            (&fast, [20.0, 30.0], Pass, [10.0, 30.0]),
            (&fast, [9.0, 101.0], Inconclusive, [9.0, 101.0]),
            (&fast, [f64::NAN, f64::NAN], Pass, [10.0, 10.0]),
            (&slow, [150.0, 180.0], Fail, [150.0, 200.0]),
            (&slow, [99.0, 250.0], Inconclusive, [99.0, 250.0]),
        ] {
            let found = union(values, key, name, blocks);
            let Interval { lo, hi } = found.interval.unwrap();
            assert_eq!((found.verdict, [lo, hi], found.operations_needed), (expect, interval, None), "{found:?}");
            assert_eq!(reason(&found).contains("came together"), expect == Inconclusive, "{found:?}");
        }
    }
    // What single operations leave open has a number, whatever the blocks say, and another percentile's do not matter.
    let open = union(&times(955, 1_000, 10.0, 200.0), "p95_ms_max", "p95", [5.0, 300.0]);
    assert!(open.verdict == Inconclusive && open.operations_needed.is_some() && open.reason.is_none(), "{open:?}");
    assert_eq!(union(&fast, "p99_ms_max", "p95", [5.0, 300.0]).verdict, Pass);
}

#[test]
fn operations_that_timed_out_are_slow() {
    let slo = every_key();
    // The key, how many of a thousand timed out, the verdict, and whether the percentile has a figure.
    for (key, lost, expect, figure) in [
        ("p99_ms_max", 30, Fail, false),
        ("p95_ms_max", 30, Pass, true),
        ("p50_ms_max", 30, Pass, true),
        ("p99_ms_max", 12, Inconclusive, false),
        ("p99_ms_max", 8, Inconclusive, true),
        ("p99_ms_max", 1, Pass, true),
        ("p95_ms_max", 100, Fail, false),
        ("p50_ms_max", 500, Inconclusive, true),
        ("p50_ms_max", 501, NotMeasured, false),
    ] {
        let values = times(1_000 - lost, 1_000, 10.0, f64::INFINITY);
        let found =
            found(&Facts { latency_ms: &values, success: Share::new(1_000 - lost as u64, 1_000), ..facts(&slo) }, key);
        assert_eq!((found.verdict, found.measured), (expect, figure.then_some(10.0)), "{key} {lost}: {found:?}");
        let said = reason(&found) == "more operations timed out than the percentile leaves room for";
        assert_eq!(said, !figure && expect != NotMeasured, "{key} {lost}: {found:?}");
    }
}

#[test]
fn operations_count_all_of_them_not_only_cases() {
    // A tenth of the operations are streams, so ten times as many operations as streams are needed.
    let slo = Slo { ttft_ms_max: Some(100.0), fallback_min: Some(0.95), ..Slo::default() };
    let streams = [10.0; 20];
    let facts = Facts {
        success: Share::new(200, 200),
        first_token_ms: Some(&streams),
        fallback: Some((20, 20)),
        ..facts(&slo)
    };
    assert_eq!(found(&facts, "ttft_ms_max").operations_needed, Some(720));
    assert_eq!(found(&facts, "fallback_min").operations_needed, Some(730));
}

#[test]
fn no_number_settles_what_lies_on_the_target() {
    let slo = Slo { p50_ms_max: Some(100.0), ..Slo::default() };
    let values = [90.0, 90.0, 100.0, 110.0, 110.0];
    let found = found(&Facts { latency_ms: &values, success: Share::new(5, 5), ..facts(&slo) }, "p50_ms_max");
    assert_eq!((found.verdict, found.operations_needed), (Inconclusive, None));
    assert!(reason(&found).contains("the target itself"), "{found:?}");
}

#[test]
fn the_times_of_few_survivors_are_not_judged() {
    let slo = every_key();
    let fast = [10.0; 1_000];
    for (count, expect) in [(500, Pass), (499, NotMeasured), (0, NotMeasured)] {
        let facts = Facts { success: Share::new(count, 1_000), ..told(&slo, &fast[..count as usize]) };
        for key in ["p50_ms_max", "p95_ms_max", "p99_ms_max", "ttft_ms_max", "chain_ms_max"] {
            let found = found(&facts, key);
            assert_eq!((found.verdict, found.measured.is_some()), (expect, expect == Pass), "{count}: {found:?}");
        }
        assert_eq!(overall(judge(&facts).iter().map(|found| found.verdict)), Fail);
    }
}

#[test]
fn what_the_target_does_not_tell_is_not_measured() {
    let slo = every_key();
    let silent = facts(&slo);
    for (key, why) in [
        ("ttft_ms_max", "`stream`"),
        ("goodput_min", "`[goodput]`"),
        ("memory_growth_mb_max", "`process_resident_memory_bytes`"),
        ("cache_hit_min", "nothing of a cache"),
        ("cache_l1_min", "nothing of a cache"),
        ("cache_l2_min", "nothing of a cache"),
        ("cost_usd_max", "what an answer costs"),
        ("recovery_min", "no breaker"),
        ("fallback_min", "second choice"),
        ("chain_ms_max", "no degraded answer"),
    ] {
        let found = found(&silent, key);
        assert_eq!((found.verdict, found.measured, found.interval), (NotMeasured, None, None), "{key}");
        assert!(reason(&found).contains(why), "{key}: {found:?}");
    }
    let nothing = Facts {
        first_token_ms: Some(&[]),
        goodput: Some(Share::new(0, 0)),
        cache: Some(CacheCounts::default()),
        cost_usd: Some(&[]),
        recovery: Some((0, 0)),
        fallback: Some((0, 0)),
        chain_ms: Some(&[]),
        rate: f64::NAN,
        ..silent
    };
    for found in judge(&nothing).into_iter().filter(|found| !["success_min", "users_min"].contains(&&*found.name)) {
        assert_eq!((found.verdict, found.reason.is_some()), (NotMeasured, true), "{found:?}");
    }
}

#[test]
fn tiers_of_the_cache_share_what_is_left_of_the_lookups() {
    let slo = Slo { cache_hit_min: Some(0.8), cache_l1_min: Some(0.6), cache_l2_min: Some(0.7), ..Slo::default() };
    let judged = |memory, disk, redis, miss| {
        let facts = Facts { cache: Some(CacheCounts { memory, disk, redis, miss }), ..facts(&slo) };
        ["cache_hit_min", "cache_l1_min", "cache_l2_min"]
            .map(|key| (found(&facts, key).measured, found(&facts, key).verdict))
    };
    assert_eq!(judged(600, 300, 50, 50), [(Some(0.95), Pass), (Some(0.6), Inconclusive), (Some(0.75), Pass)]);
    assert_eq!(judged(500, 100, 100, 300), [(Some(0.7), Fail), (Some(0.5), Fail), (Some(0.2), Fail)]);
    // Without a disk, Redis is the second.
    assert_eq!(judged(600, 0, 300, 100), [(Some(0.9), Pass), (Some(0.6), Inconclusive), (Some(0.75), Pass)]);
    assert_eq!(judged(1_000, 0, 0, 0), [(Some(1.0), Pass), (Some(1.0), Pass), (None, NotMeasured)]);
}

#[test]
fn counted_shares_by_their_interval() {
    let slo = Slo {
        recovery_min: Some(0.95),
        fallback_min: Some(0.95),
        cache_hit_min: Some(0.95),
        goodput_min: Some(0.95),
        ..Slo::default()
    };
    for (count, of, expect) in [(72, 72, Inconclusive), (73, 73, Pass), (87, 100, Fail)] {
        let facts = Facts {
            recovery: Some((count, of)),
            fallback: Some((count, of)),
            goodput: Some(Share::new(count, of)),
            cache: Some(CacheCounts { memory: count, miss: of - count, ..CacheCounts::default() }),
            ..facts(&slo)
        };
        for key in ["recovery_min", "fallback_min", "goodput_min", "cache_hit_min"] {
            assert_eq!(found(&facts, key).verdict, expect, "{key}: {count} of {of}");
        }
    }
}

#[test]
fn memory_users_and_rate_are_plain_figures() {
    let slo = every_key();
    for (growth, users, rate, expect) in
        [(9.9, 11, 50.1, Pass), (10.0, 10, 50.0, Pass), (10.1, 9, 49.9, Fail), (f64::INFINITY, 0, 0.0, Fail)]
    {
        let memory = Some(Memory { growth_mb: growth, ..MEMORY });
        let facts = Facts { memory, users_seen: users, rate, ..facts(&slo) };
        for key in ["memory_growth_mb_max", "users_min", "rate_min"] {
            let found = found(&facts, key);
            assert_eq!(
                (found.verdict, found.interval, found.operations_needed),
                (expect, None, None),
                "{key} {growth}"
            );
        }
    }
}

#[test]
fn memory_that_still_rises_is_said_to() {
    let slo = every_key();
    for (lo, says) in [(0.5, "it still rose by 2.0 MB a minute over the second half"), (0.0, ""), (-1.0, "")] {
        let slope_interval = Some(Interval { lo, hi: 4.0 });
        let memory = Some(Memory { slope_mb_per_min: Some(2.0), slope_interval, ..MEMORY });
        let found = found(&Facts { memory, ..facts(&slo) }, "memory_growth_mb_max");
        assert_eq!((found.verdict, reason(&found)), (Pass, says));
    }
}

#[test]
fn cost_by_the_interval_of_its_mean() {
    let slo = Slo { cost_usd_max: Some(0.1), ..Slo::default() };
    let near = [0.08, 0.11, 0.08, 0.11];
    for (costs, expect, needed) in [
        (&[0.1][..], Inconclusive, None),
        (&[0.1, 0.1], Pass, None),
        (&[0.11, 0.11], Fail, None),
        (&[0.08, 0.09, 0.08, 0.09], Pass, None),
        (&[0.12, 0.11, 0.12, 0.11], Fail, None),
        // 0.095 ± 1.96 × 0.0173 / √n: below 0.1 once n is 47.
        (&near, Inconclusive, Some(47)),
        (&[f64::NAN, 0.1], Inconclusive, None),
    ] {
        let facts =
            Facts { cost_usd: Some(costs), success: Share::new(costs.len() as u64, costs.len() as u64), ..facts(&slo) };
        let found = found(&facts, "cost_usd_max");
        assert_eq!((found.verdict, found.operations_needed), (expect, needed), "{found:?}");
        assert_eq!(found.reason.is_some(), expect == Inconclusive && needed.is_none());
        assert!(found.interval.unwrap().lo >= 0.0);
    }
}

#[test]
fn a_generator_at_fault_invalidates_times_alone() {
    let slo = every_key();
    let fast = [10.0; 1_000];
    let late = Generator { lag_p99_ms: 10.1, ..STILL };
    let facts = Facts { generator: &late, memory: None, ..told(&slo, &fast) };
    for found in judge(&facts) {
        let expect = match &*found.name {
            "memory_growth_mb_max" => NotMeasured,
            "success_min" | "users_min" | "cost_usd_max" | "recovery_min" | "fallback_min" => Pass,
            name if name.starts_with("cache") => Pass,
            _ => Invalid,
        };
        assert_eq!(found.verdict, expect, "{found:?}");
        assert_eq!(reason(&found).contains("late by 10.1 ms"), expect == Invalid);
        assert_eq!(found.measured.is_some(), expect != NotMeasured);
    }
    let slow = [1_000.0; 1_000];
    assert_eq!(found(&Facts { generator: &late, ..told(&slo, &slow) }, "p95_ms_max").verdict, Invalid);
    let untimed = Facts { generator: &late, first_token_ms: None, ..told(&slo, &fast) };
    assert_eq!(found(&untimed, "ttft_ms_max").verdict, NotMeasured);
}

#[test]
fn a_generator_at_fault_excuses_only_what_it_may_have_caused() {
    let slo = Slo { success_min: Some(0.95), ..Slo::default() };
    let busy = Generator { cpu_share: 0.9, ..STILL };
    for (generator, success, sure, expect) in [
        (&STILL, Share::new(900, 1_000), Share::new(900, 900), Fail),
        (&busy, Share::new(900, 1_000), Share::new(900, 900), Invalid),
        (&busy, Share::new(900, 1_000), Share::new(900, 950), Invalid),
        (&busy, Share::new(800, 1_000), Share::new(800, 900), Fail),
        (&busy, Share::new(0, 1_000), Share::new(0, 0), Invalid),
        (&busy, Share::new(945, 1_000), Share::new(945, 1_000), Inconclusive),
        (&busy, Share::new(1_000, 1_000), Share::new(1_000, 1_000), Pass),
        (&busy, Share::new(0, 0), Share::new(0, 0), NotMeasured),
    ] {
        for slo in [slo, Slo::default()] {
            let facts = Facts { success, success_sure: sure, generator, ..facts(&slo) };
            let found = found(&facts, "success_min");
            // Where success is not asked for, it is never inconclusive.
            let implied = slo.success_min.is_none() && expect == Inconclusive;
            assert_eq!(found.verdict, if implied { Pass } else { expect }, "{success:?} {sure:?}");
            assert_eq!(reason(&found).contains("worked 90 %"), expect == Invalid, "{found:?}");
        }
    }
}

#[test]
fn faults_of_the_generator_at_their_limits() {
    for (generator, expect) in [
        (STILL, None),
        (Generator { lag_p99_ms: LAG_P99_MS_MAX, cpu_share: CPU_SHARE_MAX, ..STILL }, None),
        (Generator { lag_p99_ms: 10.1, ..STILL }, Some("it was late by 10.1 ms at the 99th percentile (10 allowed)")),
        (Generator { cpu_share: 0.81, ..STILL }, Some("its busiest thread worked 81 % of the time (80 allowed)")),
        (Generator { dropped: 1, ..STILL }, Some("it dropped 1 of the arrivals")),
        (Generator { waited: 1_000, lag_max_ms: 900.0, ..STILL }, None),
        (
            Generator { cpu_share: 0.9, dropped: 7, ..STILL },
            Some("its busiest thread worked 90 % of the time (80 allowed), it dropped 7 of the arrivals"),
        ),
    ] {
        let hint = "give it more cores or users, or ask for a lower rate";
        let expect = expect.map(|faults| format!("the generator was at fault: {faults}; {hint}"));
        assert_eq!(generator_fault(&generator), expect);
    }
}

#[test]
fn a_run_cut_short_proves_nothing() {
    let slo = every_key();
    let fast = [10.0; 1_000];
    for facts in [told(&slo, &fast), facts(&slo)] {
        let judged = judge(&Facts { cut_short: Some("interrupted"), ..facts });
        assert_eq!(judged.len(), 16);
        for found in judged {
            assert_eq!((found.verdict, reason(&found)), (Invalid, "the run was cut short: interrupted"));
        }
    }
}

#[test]
fn the_worst_decides() {
    for (verdicts, expect) in [
        (&[][..], NotMeasured),
        (&[NotMeasured], NotMeasured),
        (&[NotMeasured, Pass], Pass),
        (&[Pass, Inconclusive, NotMeasured], Inconclusive),
        (&[Inconclusive, Invalid, Pass], Invalid),
        (&[Invalid, Fail, Pass, Inconclusive, NotMeasured], Fail),
    ] {
        assert_eq!(overall(verdicts.iter().copied()), expect, "{verdicts:?}");
    }
}

#[test]
fn names_and_exit_codes() {
    for (verdict, name, code) in [
        (Pass, "pass", 0),
        (Fail, "fail", 99),
        (Inconclusive, "inconclusive", 98),
        (Invalid, "invalid", 97),
        (NotMeasured, "not_measured", 98),
    ] {
        assert_eq!((verdict_name(verdict), exit_code(verdict)), (name, code));
        assert_eq!(serde_json::to_value(verdict).unwrap(), name);
    }
}

#[test]
fn tiers_come_back_by_name() {
    let counts = CacheCounts { memory: 3, disk: 0, redis: 1, miss: 2 };
    let tiers = counts.by_tier();
    assert_eq!(tiers.keys().collect::<Vec<_>>(), ["memory", "miss", "redis"]);
    assert_eq!((CacheCounts::from_tiers(&tiers), counts.hits()), (counts, (4, 6)));
}

fn verdicts() -> impl Strategy<Value = Vec<Verdict>> {
    prop::collection::vec(prop::sample::select(VERDICTS.to_vec()), 0..6)
}

proptest! {
    #[test]
    fn one_more_verdict_never_makes_it_better(some in verdicts(), more in verdicts()) {
        let rank = |verdict| [NotMeasured, Pass, Inconclusive, Invalid, Fail].iter().position(|one| *one == verdict);
        let all = some.iter().chain(&more).copied();
        prop_assert!(rank(overall(all.clone())) >= rank(overall(some.iter().copied())));
        prop_assert_eq!(overall(all.clone()), overall(all.rev()));
    }

    #[test]
    fn timeouts_and_slow_seconds_keep_to_the_interval_of_both(
        mut values in prop::collection::vec(0.0..40.0_f64, 1..300), lost in 0_usize..200,
        lo in 0.0..40.0_f64, width in 0.0..40.0_f64, limit in 0.0..40.0_f64,
    ) {
        values.extend(vec![f64::INFINITY; lost]);
        values.sort_by(f64::total_cmp);
        let slo = Slo { p95_ms_max: Some(limit), ..Slo::default() };
        let blocks = [("p95".to_owned(), Interval { lo, hi: lo + width })].into();
        let (of, timed_out) = (values.len() as u64, lost as u64);
        let facts =
            Facts { success: Share::new(of - timed_out, of), latency_ms: &values, latency_blocks: &blocks, ..facts(&slo) };
        let found = found(&facts, "p95_ms_max");
        prop_assert!(found.measured.is_none_or(f64::is_finite), "{:?}", found);
        prop_assert_eq!(found.verdict == NotMeasured, (of - timed_out) * 2 < of);
        if let Some(interval) = found.interval {
            prop_assert!(interval.lo <= lo && interval.hi >= lo + width, "{:?}", found);
            prop_assert!(found.verdict != Pass || interval.hi <= limit, "{:?}", found);
            prop_assert_eq!(found.verdict == Fail, interval.lo > limit);
            prop_assert!(found.verdict != Inconclusive || found.operations_needed.is_some() || found.reason.is_some());
        }
    }

    #[test]
    fn a_verdict_keeps_to_its_interval(
        ok in 0_u64..300, lost in 0_u64..100, target in 0.0..=1.0_f64, limit in 0.0..40.0_f64,
        mut values in prop::collection::vec(0.0..40.0_f64, 0..300),
    ) {
        values.sort_by(f64::total_cmp);
        let slo = Slo {
            success_min: Some(target), fallback_min: Some(target), p50_ms_max: Some(limit), p95_ms_max: Some(limit),
            cost_usd_max: Some(limit), ..Slo::default()
        };
        let facts = Facts {
            success: Share::new(ok, ok + lost), fallback: Some((ok, ok + lost)), latency_ms: &values,
            cost_usd: Some(&values), ..facts(&slo)
        };
        for found in judge(&facts) {
            let Some(Interval { lo, hi }) = found.interval else { continue };
            let (below, above) = (hi <= found.target, lo >= found.target);
            let (good, bad) = if found.name.ends_with("_min") { (above, below) } else { (below, above) };
            prop_assert!(lo <= found.measured.unwrap() + 1e-9 && found.measured.unwrap() <= hi + 1e-9, "{:?}", found);
            prop_assert!(found.verdict != Pass || good, "{:?}", found);
            prop_assert!(found.verdict != Fail || bad, "{:?}", found);
            prop_assert!(found.verdict != Inconclusive || !(lo > found.target || hi < found.target), "{:?}", found);
            prop_assert!(found.operations_needed.is_none_or(|needed| needed >= ok + lost), "{:?}", found);
            prop_assert_eq!(found.operations_needed.is_some() || found.reason.is_some(), found.verdict == Inconclusive);
        }
    }
}
