//! Plans by hand-computed numbers of a made-up target, and their properties. Knows no real sweep.

use super::*;
use crate::compare::words::COLUMNS;
use crate::sweep::LevelRepeat;
use crate::sweep::tests::{TRUTH, USERS, sweep};
use fault::Explain;
use proptest::prelude::*;
use statistics::usl::Usl;

fn demand(rate_per_s: f64, growths: &[f64]) -> Demand {
    Demand { rate_per_s: Some(rate_per_s), growths: growths.to_vec(), ..Demand::default() }
}

fn machine(demand: Demand) -> Demand {
    let quota = Some(Quota { rpm: Some(240_000.0), tpm: Some(6e6) });
    Demand { cores: Some(16), memory_mb: Some(8_192.0), store_pool: Some(10), quota, ..demand }
}

fn near(cell: &Cell, expect: f64) {
    let value = cell.value.unwrap_or_else(|| panic!("{cell:?}"));
    assert!((value - expect).abs() <= expect.abs() * 1e-3, "{value} instead of {expect}");
    if let Some(interval) = cell.interval {
        assert!(interval.lo <= value && value <= interval.hi, "{cell:?}");
    }
    assert!(!cell.runs.is_empty());
}

#[test]
fn figures_by_hand() {
    // λ 40, σ 0.02, κ 0.0004: the peak lies at √(0.98 / 0.0004) = 49.497 users and 40 × 49.497 / 2.93014 = 675.70.
    let sweep = sweep(TRUTH, &USERS, 3, 0.0, 1);
    let plan = plan(&sweep, &machine(demand(400.0, &[1.0, 2.0]))).unwrap();
    near(&plan.maximum_per_s, 675.70);
    near(&plan.maximum_users, 49.497);
    let [one, two] = &plan.rows[..] else { panic!() };
    // 0.0004 × 400 N² − (40 − 0.0196 × 400) N + 0.98 × 400 = 0, so N = (32.16 − √783.3856) / 0.32 = 13.0342.
    near(&one.nodes, 1.0);
    near(&one.users, 13.0342);
    near(&one.latency_ms, 13.0342 / 400.0 * 1e3);
    near(&one.cores, 400.0 * 0.01 / 0.7);
    near(&one.memory_mb, 100.0 + 2.0 * 13.0342);
    near(&one.store_connections, 5.0); // 400 × 0.005 / 0.8 + 2 = 4.5
    near(&one.provider_slots, 200.0);
    near(&one.rpm_share, 400.0 * 5.0 * 60.0 / 240_000.0);
    near(&one.tpm_share, 400.0 * 200.0 * 60.0 / 6e6);
    assert_eq!(one.exceeded, Vec::<String>::new());
    // 800 is more than 0.7 × 675.70 = 472.99 and less than twice that: two servers of 400 each.
    near(&two.nodes, 2.0);
    near(&two.users, 26.0684);
    near(&two.latency_ms, 13.0342 / 400.0 * 1e3);
    near(&two.memory_mb, 252.137);
    near(&two.store_connections, 9.0);
    near(&two.rpm_share, 1.0);
    assert_eq!(two.exceeded, vec!["tokens per minute: 160 % of the provider's quota".to_owned()]);
}

#[test]
fn no_answer_is_faster_than_for_one_user_alone() {
    let fast = Usl { lambda: 20_000.0, sigma: 0.4, kappa: 0.001 };
    let plan = plan(&sweep(fast, &USERS, 3, 0.0, 1), &demand(50.0, &[1.0, 4.0, 300.0])).unwrap();
    let [one, four, many] = &plan.rows[..] else { panic!() };
    near(&one.users, 0.0025);
    near(&one.latency_ms, 0.05);
    near(&four.latency_ms, 0.05);
    near(&many.latency_ms, 0.05);
}

#[test]
fn runs_are_named() {
    let sweep = sweep(TRUTH, &USERS, 2, 0.0, 1);
    let plan = plan(&sweep, &demand(400.0, &[1.0])).unwrap();
    // 13.03 users lie between the levels of 8 and 16.
    assert_eq!(plan.rows[0].cores.runs, ["load_8_0", "load_8_1", "load_16_0", "load_16_1"]);
    assert_eq!((plan.rows[0].users.runs.len(), plan.rows[0].memory_mb.runs.len()), (14, 14));
}

#[test]
fn demand_is_taken_from_the_sweep() {
    let sweep = sweep(TRUTH, &USERS, 2, 0.0, 1);
    let plan = plan(&sweep, &Demand::default()).unwrap();
    // 8 users give 320 / 1.1624 = 275.3, 16 give 640 / 1.396 = 458.5, 32 give more than 473.
    assert!((plan.demand_per_s - 458.45).abs() < 0.1 && plan.demand_from.contains("16 users"), "{}", plan.demand_from);
    assert_eq!(plan.rows.iter().map(|row| row.growth).collect::<Vec<_>>(), GROWTHS);
    // 1.5 × 458 = 688 takes two, 3 × 458 = 1,375 three.
    assert_eq!(plan.rows.iter().map(|row| row.nodes.value.unwrap()).collect::<Vec<_>>(), [2.0, 2.0, 3.0]);
}

#[test]
fn beyond_what_was_measured_is_refused() {
    let far = Usl { lambda: 40.0, sigma: 0.0, kappa: 1e-6 };
    let sweep = sweep(far, &USERS, 2, 0.0, 1);
    // 128 users, twice the 64 measured, give 5,120 / 1.016 = 5,038.
    let plan = plan(&sweep, &demand(5_000.0, &[1.0, 1.02])).unwrap();
    assert_eq!(plan.rows[0].refused, None);
    let refused = &plan.rows[1];
    assert!(refused.refused.as_ref().unwrap().contains("more than 2 times the 64 measured"), "{refused:?}");
    assert_eq!((refused.users.value, refused.cores.value, refused.nodes.value), (None, None, None));
    assert!(plan.notes.iter().any(|note| note.contains("beyond 2 times the 64")));
    assert!(text(&plan).contains("1.02x: refused: it takes 13"), "{}", text(&plan));
}

#[test]
fn what_the_target_does_not_tell_is_not_measured() {
    let mut sweep = sweep(TRUTH, &USERS, 2, 0.0, 1);
    for repeat in sweep.levels.iter_mut().flat_map(|level| &mut level.repeats) {
        *repeat = LevelRepeat {
            cpu_s_per_operation: None,
            resident_mb: None,
            model_s_per_operation: None,
            model_calls_per_operation: None,
            tokens_per_operation: None,
            store_in_use: None,
            ..repeat.clone()
        };
    }
    let plan = plan(&sweep, &machine(demand(400.0, &[1.0]))).unwrap();
    let row = &plan.rows[0];
    let cells =
        [&row.cores, &row.memory_mb, &row.store_connections, &row.provider_slots, &row.rpm_share, &row.tpm_share];
    for cell in cells {
        assert!(cell.value.is_none() && cell.reason.as_ref().unwrap().starts_with("not measured: "), "{cell:?}");
    }
    assert!(row.users.value.is_some() && plan.bottleneck.used.is_empty());
    assert!(text(&plan).contains("not measured"));
    let two = |sweep: &mut crate::sweep::Sweep| {
        sweep.levels[0].repeats.iter_mut().chain(&mut []).for_each(|repeat| repeat.resident_mb = Some(1.0));
        sweep.levels[1].repeats.iter_mut().for_each(|repeat| repeat.resident_mb = Some(2.0));
    };
    two(&mut sweep);
    let plan = super::plan(&sweep, &demand(400.0, &[1.0])).unwrap();
    assert_eq!(plan.rows[0].memory_mb.value, None, "two levels tell no slope");
}

#[test]
fn the_bottleneck_is_named() {
    let contended = Usl { lambda: 40.0, sigma: 0.1, kappa: 1e-5 };
    let straight = Usl { lambda: 40.0, sigma: 0.0, kappa: 0.0 };
    let with = |change: fn(&mut Demand)| {
        let mut demand = demand(100.0, &[1.0]);
        change(&mut demand);
        demand
    };
    // Without κ the maximum would be 40 / 0.02 = 2,000, without σ only 40 × 50 / 1.98 = 1,010: κ costs more.
    // One server reaches 676 answers/s: 6.76 cores, 3.38 connections, 202,710 requests and 8.1 million tokens a minute.
    for (usl, demand, expect) in [
        (TRUTH, with(|_| ()), Scarce::Coherence),
        (Usl { sigma: 0.05, kappa: 0.0001, ..TRUTH }, with(|_| ()), Scarce::Contention),
        (contended, with(|_| ()), Scarce::Contention),
        (straight, with(|_| ()), Scarce::NotReached),
        (TRUTH, with(|demand| demand.cores = Some(8)), Scarce::Cores),
        (TRUTH, with(|demand| demand.cores = Some(9)), Scarce::Coherence),
        (TRUTH, with(|demand| demand.store_pool = Some(4)), Scarce::StorePool),
        (TRUTH, with(|demand| demand.store_pool = Some(5)), Scarce::Coherence),
        (TRUTH, with(|demand| demand.memory_mb = Some(220.0)), Scarce::Memory),
        (TRUTH, with(|demand| demand.quota = Some(Quota { rpm: Some(2e5), tpm: None })), Scarce::ProviderQuota),
        (TRUTH, with(|demand| demand.quota = Some(Quota { rpm: None, tpm: Some(9e6) })), Scarce::ProviderQuota),
        (TRUTH, with(|demand| demand.quota = Some(Quota { rpm: Some(1e6), tpm: Some(1e9) })), Scarce::Coherence),
    ] {
        let found = plan(&sweep(usl, &USERS, 2, 0.0, 1), &demand).unwrap().bottleneck;
        assert_eq!(found.scarce, expect, "{usl:?} {demand:?}: {found:?}");
        assert!(!found.runs.is_empty());
    }
    // Of several spent things the most spent.
    let both = with(|demand| (demand.cores, demand.store_pool) = (Some(7), Some(2)));
    let found = plan(&sweep(TRUTH, &USERS, 2, 0.0, 1), &both).unwrap().bottleneck;
    assert_eq!(found.used.iter().map(|(scarce, _)| *scarce).collect::<Vec<_>>(), [Scarce::StorePool, Scarce::Cores]);
    assert!(found.scarce == Scarce::StorePool && found.why.contains("169 % of the pool"), "{}", found.why);
}

#[test]
fn failures_are_paid_for_by_the_answers() {
    let mut sweep = sweep(TRUTH, &USERS, 2, 0.0, 1);
    for repeat in sweep.levels.iter_mut().flat_map(|level| &mut level.repeats) {
        (repeat.success, repeat.rate_per_s) = (0.5, repeat.rate_per_s * 2.0);
    }
    let plan = plan(&sweep, &demand(400.0, &[1.0])).unwrap();
    near(&plan.rows[0].cores, 2.0 * 400.0 * 0.01 / 0.7);
}

#[test]
fn no_plan_without_a_curve_or_a_demand() {
    let good = sweep(TRUTH, &USERS, 2, 0.0, 1);
    let short = sweep(TRUTH, &USERS[..5], 2, 0.0, 1);
    let narrow = sweep(TRUTH, &[1, 2, 3, 4, 5, 6], 2, 0.0, 1);
    // A file whose levels were cut after the curve was laid.
    let mut cut = good.clone();
    cut.levels.truncate(3);
    let flat = sweep(Usl { lambda: 40.0, sigma: 1.0, kappa: 0.0 }, &USERS, 2, 0.0, 1);
    let quota = Demand { quota: Some(Quota { rpm: Some(0.0), tpm: None }), ..demand(1.0, &[]) };
    for (sweep, demand, code, message) in [
        (&short, Demand::default(), "sweep_without_curve", "only `5` different"),
        (&narrow, Demand::default(), "sweep_without_curve", "only `6` times"),
        (&cut, Demand::default(), "sweep_without_curve", "only `3` different"),
        (&good, demand(0.0, &[]), "invalid_demand", "`rate_per_s` of `0`"),
        (&good, demand(f64::NAN, &[]), "invalid_demand", "`rate_per_s` of `NaN`"),
        (&good, demand(1.0, &[2.0, -1.0]), "invalid_demand", "`growths` of `-1`"),
        (&good, Demand { cores: Some(0), ..demand(1.0, &[]) }, "invalid_demand", "`cores` of `0`"),
        (&good, quota, "invalid_demand", "`quota.rpm` of `0`"),
        (&flat, Demand::default(), "no_demand", "every measured rate is above"),
    ] {
        let error = plan(sweep, &demand).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(message) && error.hint().is_some(), "{error}");
    }
}

#[test]
fn users_lie_within_their_interval() {
    let truth = TRUTH.users_for(400.0).unwrap();
    let holds = |seed: &u64| {
        let plan = plan(&sweep(TRUTH, &USERS, 5, 0.04, *seed), &demand(400.0, &[1.0])).unwrap();
        plan.rows[0].users.interval.unwrap().holds(truth)
    };
    let held = (0..40).filter(holds).count();
    assert!(held >= 36, "{held} of 40");
}

#[test]
fn as_text() {
    let plan = plan(&sweep(TRUTH, &USERS, 3, 0.04, 7), &machine(Demand::default())).unwrap();
    insta::assert_snapshot!(text(&plan));
}

#[test]
fn written_and_read_back() {
    let plan = plan(&sweep(TRUTH, &USERS, 2, 0.0, 1), &machine(demand(400.0, &[1.0, 9.0]))).unwrap();
    let written = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&written).unwrap();
    assert_eq!(
        (read.rows.len(), read.bottleneck.scarce, read.rows[1].users.runs.len()),
        (2, Scarce::ProviderQuota, 14)
    );
    assert!(serde_json::from_str::<Demand>("{}").is_ok_and(|demand| demand == Demand::default()));
    assert!(serde_json::to_string(&schemars::schema_for!(Plan)).unwrap().contains("store_pool"));
    let loads: Vec<_> = plan.claims.iter().map(|claim| (claim.growth, claim.cores, claim.memory_gb)).collect();
    assert_eq!(loads, [(1, [2, 4], 8), (2, [4, 8], 16), (5, [8, 16], 32)]);
    assert!(plan.claimed_by.contains("Conjecture") && text(&plan).contains("25 store connections, 25 to 50 at once"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn more_demand_never_needs_less(
        lambda in 0.5..1e4f64,
        sigma in 0.0..0.5f64,
        kappa in 0.0..0.01f64,
        part in 0.01..0.99f64,
        growths in prop::collection::vec(0.1..9.0f64, 1..7),
    ) {
        let usl = Usl { lambda, sigma, kappa };
        let mut growths = growths;
        growths.sort_by(f64::total_cmp);
        let rate = usl.throughput(64.0) * part;
        let plan = plan(&sweep(usl, &USERS, 2, 0.02, 3), &machine(demand(rate, &growths))).unwrap();
        let shown: Vec<_> = plan.rows.iter().filter(|row| row.refused.is_none()).collect();
        for (less, more) in shown.iter().zip(shown.iter().skip(1)) {
            prop_assert!(less.nodes.value <= more.nodes.value && less.rpm_share.value <= more.rpm_share.value);
        }
        for row in shown {
            let users = row.users.value.unwrap();
            prop_assert!(users / row.nodes.value.unwrap() <= REACH * 64.0 * (1.0 + 1e-9));
            let little = row.rate_per_s * row.latency_ms.value.unwrap() / 1e3;
            prop_assert!((little / users - 1.0).abs() < 1e-6, "users are rate times latency");
        }
        for line in text(&plan).lines() {
            prop_assert!(line.chars().count() <= COLUMNS, "{line}");
        }
    }
}
