//! Schedules against what their patterns promise, and against the bytes they had before.

use super::intensity::{Intensity, periods};
use super::{schedule, sha256};
use crate::scenario::{Mix, Pattern, Scenario};
use fastrand::Rng;
use proptest::prelude::*;
use traffic::Arrival;

const ALL: [Pattern; 5] = [Pattern::Sustained, Pattern::Burst, Pattern::Realistic, Pattern::Spike, Pattern::Ramp];
const MANY: u32 = 20_000;

fn scenario(pattern: Pattern, operations: u32) -> Scenario {
    let mix = [80.0, 20.0].map(|weight| Mix { weight, ..Mix::default() }).to_vec();
    Scenario { pattern, operations, duration_s: 60.0, think_ms: 500, seed: 7, mix, ..Scenario::default() }
}

/// Moments as shares of the run, in order.
fn shares(pattern: Pattern, seed: u64) -> Vec<f64> {
    let scenario = Scenario { seed, ..scenario(pattern, MANY) };
    schedule(&scenario, 0, &[1, 1]).iter().map(|arrival| arrival.at_us as f64 / 60e6).collect()
}

/// How many moments lie in a stretch, for each unit of its length.
fn rate(moments: &[f64], from: f64, until: f64) -> f64 {
    moments.iter().filter(|at| (from..until).contains(*at)).count() as f64 / (until - from)
}

#[track_caller]
fn near(measured: f64, expect: f64, tolerance: f64) {
    assert!((measured / expect - 1.0).abs() <= tolerance, "{measured} instead of {expect}");
}

/// The first three arrivals: moment, request, rest.
type First = [(u64, u32, u32); 3];

/// Whoever changes these changes what every seed means: reports are then no longer comparable with older ones.
#[test]
fn a_seed_means_what_it_meant() {
    const GOLDEN: [(Pattern, First, &str); 5] = [
        (
            Pattern::Sustained,
            [(369_176, 11, 500_000), (521_404, 7, 500_000), (813_401, 5, 500_000)],
            "63ab1505723829c33e5e932ad34bc2ab0b8f4ff19a39360942a1db406fb4e99a",
        ),
        (
            Pattern::Burst,
            [(132_903, 11, 500_000), (187_705, 7, 500_000), (292_824, 5, 500_000)],
            "cde95c72b490a64d90197366abd6c60af29b059bd68fe374cf0f40525064efa2",
        ),
        (
            Pattern::Realistic,
            [(2_808_134, 10, 508_832), (3_337_244, 7, 656_824), (4_168_242, 9, 1_015_307)],
            "6df89408cf4d4b3d1780189c5523ab9b5e837bd9ede5631118e7f31c0b5aaa57",
        ),
        (
            Pattern::Spike,
            [(799_883, 11, 500_000), (1_129_710, 7, 500_000), (1_762_368, 5, 500_000)],
            "ce1c613917b2e573ba7383c73af7cf12ae46693a10208443c05f2f5a07fb9b77",
        ),
        (
            Pattern::Ramp,
            [(4_706_444, 11, 500_000), (5_593_235, 7, 500_000), (6_985_990, 5, 500_000)],
            "19d93198a07f16191e5dfbd20e4f0564e6ab060a485dd73b72ea5dbce04bcc1a",
        ),
    ];
    let made = GOLDEN.map(|(pattern, ..)| {
        let arrivals = schedule(&scenario(pattern, 400), 1, &[10, 5]);
        let first = [0, 1, 2].map(|at: usize| (arrivals[at].at_us, arrivals[at].request, arrivals[at].think_us));
        (pattern, first, sha256(&arrivals))
    });
    assert_eq!(made, GOLDEN.map(|(pattern, first, hash)| (pattern, first, hash.to_owned())));
}

#[test]
fn the_hash_is_that_of_the_bytes_in_a_row() {
    // That of nothing is well known.
    assert_eq!(sha256(&[]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let arrivals = [Arrival { at_us: 1, request: 2, think_us: 3 }, Arrival { at_us: 4, request: 5, think_us: 6 }];
    let bytes: Vec<u8> = arrivals.iter().flat_map(|arrival| arrival.to_bytes()).collect();
    let whole = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let whole: String = whole.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sha256(&arrivals), whole);
}

proptest! {
    #[test]
    fn exactly_so_many_in_order_and_in_time(
        pattern in prop::sample::select(&ALL[..]),
        (seed, repeat, operations) in (any::<u64>(), 0..9u32, 0..500u32),
        duration_s in prop_oneof![Just(0.000_001), 0.001..10_000.0],
        prompts in prop::collection::vec(0..30u32, 2),
        closed: bool,
    ) {
        let scenario = Scenario { seed, duration_s, closed, ..scenario(pattern, operations) };
        let arrivals = schedule(&scenario, repeat, &prompts);
        prop_assert_eq!(arrivals.len(), operations as usize);
        prop_assert!(arrivals.is_sorted_by_key(|arrival| arrival.at_us));
        prop_assert!(arrivals.iter().all(|arrival| (arrival.at_us as f64) < duration_s * 1e6));
        prop_assert!(arrivals.iter().all(|arrival| arrival.request < prompts.iter().sum::<u32>().max(1)));
        prop_assert!(!closed || arrivals.iter().all(|arrival| arrival.at_us == 0));
        prop_assert_eq!(sha256(&arrivals), sha256(&schedule(&scenario, repeat, &prompts)));
    }

    #[test]
    fn another_seed_is_another_schedule(pattern in prop::sample::select(&ALL[..]), seed: u64, repeat in 1..99u32) {
        let scenario = Scenario { seed, ..scenario(pattern, 50) };
        let first = sha256(&schedule(&scenario, 0, &[10, 5]));
        prop_assert_ne!(&first, &sha256(&schedule(&scenario, repeat, &[10, 5])));
        let closed = Scenario { closed: true, ..scenario };
        let order = |repeat| schedule(&closed, repeat, &[10, 5]).iter().map(|next| next.request).collect::<Vec<_>>();
        prop_assert_ne!(order(0), order(repeat));
    }

    #[test]
    fn moments_are_the_inverse_of_the_expected_share(
        pattern in prop::sample::select(&ALL[..]),
        seed: u64,
        mut draws in prop::collection::vec(0.0..1.0, 2..50),
    ) {
        let intensity = Intensity::of(pattern, &mut Rng::with_seed(seed));
        draws.sort_by(f64::total_cmp);
        let moments: Vec<f64> = draws.iter().map(|draw| intensity.moment(*draw)).collect();
        prop_assert!(moments.is_sorted_by(|one, next| *one <= next + 1e-12));
        prop_assert!(moments.iter().all(|at| (0.0..=1.0 + 1e-12).contains(at)));
        for (draw, at) in draws.iter().zip(moments) {
            prop_assert!((intensity.share(at) - draw).abs() < 1e-9, "{draw} {at}");
        }
    }
}

#[test]
fn moments_do_not_depend_on_what_is_asked() {
    let one = scenario(Pattern::Burst, 100);
    let other = Scenario { think_ms: 9, mix: vec![Mix::default()], ..one.clone() };
    let moments = |scenario, prompts: &[u32]| schedule(scenario, 0, prompts).iter().map(|next| next.at_us).collect();
    let (one, other): (Vec<u64>, Vec<u64>) = (moments(&one, &[10, 5]), moments(&other, &[3]));
    assert_eq!(one, other);
}

#[test]
fn sustained_gaps_are_exponential() {
    for seed in 0..5 {
        let moments = shares(Pattern::Sustained, seed);
        let mut gaps: Vec<f64> = moments.windows(2).map(|pair| (pair[1] - pair[0]) * f64::from(MANY)).collect();
        gaps.sort_by(f64::total_cmp);
        let below = |at: usize| at as f64 / gaps.len() as f64;
        let apart = gaps.iter().enumerate().map(|(at, gap)| {
            let share = 1.0 - (-gap).exp();
            (share - below(at)).abs().max((share - below(at + 1)).abs())
        });
        // Kolmogorov and Smirnov: one of a thousand exponential samples of this size is further off than 0.0138.
        let distance = apart.fold(0.0, f64::max);
        assert!(distance < 1.95 / f64::from(MANY).sqrt(), "seed {seed}: {distance}");
    }
}

#[test]
fn bursts_are_a_fifth_of_the_time_at_five_times_the_rate() {
    let mut counts = Vec::new();
    for seed in 0..50 {
        let periods = periods(&mut Rng::with_seed(seed).fork());
        let (mut from, mut busy_s, mut busy, mut all) = (0.0, 0.0, 0, shares(Pattern::Burst, seed));
        for (length, is_busy) in &periods {
            if *is_busy {
                busy_s += length;
                busy += all.iter().filter(|at| (from..from + length).contains(*at)).count();
            }
            from += length;
        }
        near(busy_s, 0.2, 1e-9);
        near(from, 1.0, 1e-9);
        let quiet = all.drain(..).count() - busy;
        near((busy as f64 / 0.2) / (quiet as f64 / 0.8), 5.0, 0.1);
        counts.push(periods.iter().filter(|(_, is_busy)| *is_busy).count());
    }
    // A twentieth of the run each, in a fifth of it: four, a little more as the last period ends beyond the run.
    assert!(counts.iter().all(|count| *count >= 1));
    near(counts.iter().sum::<usize>() as f64 / 50.0, 4.5, 0.2);
}

#[test]
fn no_run_is_quiet_or_busy_throughout() {
    for seed in 0..3_000 {
        let periods = periods(&mut Rng::with_seed(seed));
        let together = |kind| periods.iter().filter(|(_, busy)| *busy == kind).map(|(length, _)| length).sum();
        near(together(true), 0.2, 1e-9);
        near(together(false), 0.8, 1e-9);
    }
}

#[test]
fn a_spike_is_eight_times_the_quiet_rate() {
    let moments = shares(Pattern::Spike, 1);
    let (from, until) = (0.5, 2.0 / 3.0);
    near(rate(&moments, from, until) / rate(&moments, 0.0, from), 8.0, 0.1);
    near(rate(&moments, from, until) / rate(&moments, until, 1.0), 8.0, 0.1);
}

#[test]
fn the_other_patterns_have_their_shape() {
    let check = |pattern, tolerance, stretches: &[(f64, f64, f64)]| {
        let moments = shares(pattern, 1);
        for (from, until, expect) in stretches {
            near(rate(&moments, *from, *until) / f64::from(MANY), *expect, tolerance);
        }
    };
    check(Pattern::Sustained, 0.05, &[(0.0, 0.5, 1.0), (0.5, 1.0, 1.0)]);
    check(Pattern::Ramp, 0.05, &[(0.0, 0.5, 0.5), (0.5, 1.0, 1.5), (0.9, 1.0, 1.9)]);
    // Mean rates of the ramp, plateau, dip, climb and fall, over their mean of 0.89.
    let stretches = [(0.0, 0.2, 0.5), (0.2, 0.5, 1.0), (0.5, 0.6, 0.7), (0.6, 0.8, 1.0), (0.8, 1.0, 1.1)];
    check(Pattern::Realistic, 0.05, &stretches.map(|(from, until, rate)| (from, until, rate / 0.89)));
    // The bottom of the dip and the peak; few arrivals lie there.
    check(Pattern::Realistic, 0.15, &[(0.59, 0.61, 0.43 / 0.89), (0.79, 0.81, 1.5725 / 0.89)]);
}

fn counts(pattern: Pattern, prompts: &[u32]) -> Vec<f64> {
    let mut counts = vec![0.0; prompts.iter().sum::<u32>() as usize];
    for arrival in schedule(&scenario(pattern, MANY), 0, prompts) {
        counts[arrival.request as usize] += 1.0;
    }
    counts
}

#[test]
fn prompts_come_in_turn_and_entries_by_weight() {
    let counts = counts(Pattern::Sustained, &[10, 5]);
    near(counts[..10].iter().sum(), 16_000.0, 0.02);
    for entry in [&counts[..10], &counts[10..]] {
        let (most, least) = (entry.iter().copied().fold(0.0, f64::max), entry.iter().copied().fold(1e9, f64::min));
        assert!(most - least <= 1.0, "{entry:?}");
    }
}

#[test]
fn prompts_of_realistic_are_popular_by_zipf() {
    let mut counts = counts(Pattern::Realistic, &[100, 0]);
    let first = counts.iter().position(|count| *count > 3_000.0).expect("a favourite");
    assert_ne!(first, 0, "ranks are shuffled");
    counts.sort_by(|one, other| other.total_cmp(one));
    let harmonic: f64 = (1..=100).map(|rank| 1.0 / f64::from(rank)).sum();
    for rank in [1_u32, 2, 3, 5, 10] {
        near(counts[rank as usize - 1] / f64::from(MANY), 1.0 / f64::from(rank) / harmonic, 0.08);
    }
}

#[test]
fn think_times_are_exact_or_strewn() {
    let thinks = |pattern, think_ms| {
        let scenario = Scenario { think_ms, ..scenario(pattern, MANY) };
        let mut thinks: Vec<u32> = schedule(&scenario, 0, &[1]).iter().map(|next| next.think_us).collect();
        thinks.sort_unstable();
        thinks
    };
    assert!(thinks(Pattern::Burst, 500).iter().all(|think| *think == 500_000));
    assert!(thinks(Pattern::Ramp, u64::MAX).iter().all(|think| *think == u32::MAX));
    assert!(thinks(Pattern::Realistic, 0).iter().all(|think| *think == 0));
    let strewn = thinks(Pattern::Realistic, 500);
    // Quantiles of the lognormal: the median times e to the power of sigma times the normal's.
    for (share, normal) in [(0.1, -1.281_55_f64), (0.5, 0.0), (0.9, 1.281_55)] {
        near(f64::from(strewn[(f64::from(MANY) * share) as usize]), 500_000.0 * (0.6 * normal).exp(), 0.03);
    }
    assert_eq!(thinks(Pattern::Realistic, 50_000).last(), Some(&60_000_000));
}

#[test]
fn what_cannot_be_drawn_is_the_first() {
    let check = |weight: f64, prompts: &[u32], expect: u32| {
        let mix = vec![Mix { weight, ..Mix::default() }; 2];
        let scenario = Scenario { mix, ..scenario(Pattern::Realistic, 9) };
        let arrivals = schedule(&scenario, 0, prompts);
        assert!(arrivals.iter().all(|next| next.request == expect), "{weight} {prompts:?}");
    };
    check(1.0, &[], 0);
    check(1.0, &[0, 0], 0);
    check(1.0, &[0, 1], 0);
    check(f64::NAN, &[1, 1], 1);
    check(-1.0, &[1, 1], 1);
    check(0.0, &[1, 1], 1);
}
