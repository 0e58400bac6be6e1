//! What may and may not be said about decisions, and what the built-in profiles say.

use super::{first, refusal};
use crate::{Decisions, Source, load};

#[test]
fn numbers_have_bounds() {
    for (key, wrong, range) in [
        ("sessions_max", 0, "1 to 1000000"),
        ("session_ttl_s", 0, "1 to 31622400"),
        ("options_max", 1, "2 to 500"),
        ("criteria_max", 0, "1 to 200"),
        ("in_flight_max", 0, "1 to 10000"),
        ("criterion_in_flight_max", 0, "1 to 10000"),
        ("pair_deadline_ms", 0, "1 to 86400000"),
        ("retries_max", 17, "0 to 16"),
        ("lease_ms", 999, "1000 to 600000"),
        ("draws", 99, "100 to 1000000"),
    ] {
        let told = refusal(format!("decisions.{key} = {wrong}"));
        assert!(told.starts_with(&format!("`decisions.{key}` is `{wrong}` at althing.toml:1:")), "{told}");
        assert!(told.ends_with(&format!("hint: write a whole number from {range}")), "{told}");
    }
    assert!(first("decisions.memory_share_max = 1.1").starts_with("`decisions.memory_share_max` is `1.1`"));
    for wrong in ["0.0", "1.1"] {
        let told = first(&format!("decisions.tenant_share = {wrong}"));
        assert!(told.starts_with("`decisions.tenant_share` is"), "{told}");
    }
    for good in [
        "breaker_failures = 0",
        "history_max = 0",
        "retries_max = 0",
        "memory_share_max = 0",
        "options_max = 50",
        "tenant_share = 1",
    ] {
        assert_eq!(refusal(format!("decisions.{good}")), "accepted", "{good}");
    }
}

#[test]
fn profiles_size_decisions() {
    let figures = |it: &Decisions| {
        let times = (it.session_ttl_s, it.sweep_s, it.pair_deadline_ms / 1_000);
        let places = (it.criterion_in_flight_max, it.in_flight_max);
        (it.sessions_max, times, places, (it.retries_max, it.breaker_failures))
    };
    for (profile, expected) in [
        (None, (100, (3_600, 300, 120), (10, 20), (3, 5))),
        (Some("dev"), (10, (1_800, 300, 60), (3, 5), (1, 0))),
        (Some("prod"), (500, (3_600, 180, 120), (10, 20), (3, 5))),
        (Some("high-scale"), (2_000, (1_800, 60, 180), (20, 50), (2, 3))),
    ] {
        let source = Source { profile: profile.map(str::to_owned), ..Source::default() };
        assert_eq!(figures(&load(&source).unwrap().settings.decisions), expected, "{profile:?}");
    }
}

#[test]
fn raised_limits_are_warned_of() {
    assert!(Decisions::default().warnings().is_empty());
    let large = Decisions { options_max: 50, criteria_max: 25, ..Decisions::default() };
    assert!(large.warnings()[0].contains("1250 questions"), "{:?}", large.warnings());
}
