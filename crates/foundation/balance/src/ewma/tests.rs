//! Peaks count at once, fade slowly, and failing costs more each time.

use super::PeakEwma;
use proptest::prelude::*;
use std::time::{Duration, Instant};

const DECAY: Duration = Duration::from_secs(10);
/// How long a first failure spares.
const REST: Duration = Duration::from_secs(60);
const S: Duration = Duration::from_secs(1);

fn near(found: f64, expect: f64) {
    assert!((found - expect).abs() < 1e-6, "{found} is not {expect}");
}

#[test]
fn higher_times_replace_the_mean_and_lower_ones_decay_in() {
    let (mut mean, now) = (PeakEwma::new(DECAY), Instant::now());
    near(mean.seconds(now), 0.0);
    mean.observe(now, S);
    near(mean.seconds(now), 1.0);
    mean.observe(now, 4 * S);
    near(mean.seconds(now), 4.0);
    mean.observe(now, S);
    near(mean.seconds(now), 4.0);
    let later = now + DECAY;
    let left = (-1.0_f64).exp();
    near(mean.seconds(later), 4.0 * left);
    mean.observe(later, S);
    near(mean.seconds(later), 4.0 * left + (1.0 - left));
}

#[test]
fn who_was_not_waited_for_took_that_long_at_least() {
    let (mut mean, now) = (PeakEwma::new(DECAY), Instant::now());
    mean.outlasted(now, 2 * S);
    near(mean.seconds(now), 2.0);
    mean.outlasted(now, S / 10);
    near(mean.seconds(now), 2.0);
    let later = now + DECAY;
    let faded = mean.seconds(later);
    mean.outlasted(later, S / 10);
    near(mean.seconds(later), faded);
    mean.outlasted(later, 9 * S);
    near(mean.seconds(later), 9.0);
}

#[test]
fn a_failure_counts_as_its_penalty_however_fast_it_was() {
    let (mut mean, now) = (PeakEwma::new(DECAY), Instant::now());
    mean.failed(now, 5 * S);
    near(mean.seconds(now), 5.0);
    assert!(mean.penalised(now) && mean.penalised(now + REST - S) && !mean.penalised(now + REST));
    // One that was slower still does not gain by failing.
    mean.observe(now, 9 * S);
    mean.failed(now, 5 * S);
    near(mean.seconds(now), 9.0);
}

/// How long it is spared after each of so many failures, each right after the rest before it.
fn rests(failures: usize) -> Vec<u64> {
    let (mut mean, mut now) = (PeakEwma::new(DECAY), Instant::now());
    let rest = |_| {
        mean.failed(now, S);
        let rest = (0..).find(|s| !mean.penalised(now + *s * S)).unwrap();
        now += rest * S;
        u64::from(rest)
    };
    (0..failures).map(rest).collect()
}

#[test]
fn who_fails_again_is_spared_for_longer() {
    assert_eq!(rests(5), [60, 240, 300, 300, 300]);
}

#[test]
fn calls_that_fail_together_are_one_failure() {
    let (mut mean, now) = (PeakEwma::new(DECAY), Instant::now());
    for _ in 0..50 {
        mean.failed(now, S);
    }
    assert!(!mean.penalised(now + REST));
}

#[test]
fn enough_good_answers_forgive() {
    for (answers, rest) in [(19, 4 * REST), (20, REST)] {
        let (mut mean, now) = (PeakEwma::new(DECAY), Instant::now());
        mean.failed(now, S);
        // Those that were on their way do not count.
        (0..30).for_each(|_| mean.observe(now, S));
        let back = now + REST;
        (0..answers).for_each(|_| mean.observe(back, S));
        mean.failed(back, S);
        assert!(mean.penalised(back + rest - S) && !mean.penalised(back + rest), "{answers}");
    }
}

#[test]
fn silence_counts_while_calls_wait_for_a_sign() {
    let (mut mean, now) = (PeakEwma::new(DECAY), Instant::now());
    mean.asked(now);
    near(mean.seconds(now + 7 * S), 7.0);
    mean.asked(now + 5 * S);
    near(mean.seconds(now + 7 * S), 7.0);
    // Any sign ends the silence, and the next one begins where others still wait.
    mean.heard(now + 7 * S);
    near(mean.seconds(now + 9 * S), 2.0);
    mean.asked(now + 8 * S);
    // One that is given up is no sign.
    mean.left();
    near(mean.seconds(now + 9 * S), 2.0);
    mean.left();
    near(mean.seconds(now + 90 * S), 0.0);
    // One too many breaks nothing.
    mean.left();
    mean.heard(now);
    mean.asked(now);
    near(mean.seconds(now + S), 1.0);
}

#[test]
fn is_cold_until_anything_is_known() {
    let now = Instant::now();
    let cold = || {
        let mut mean = PeakEwma::new(DECAY);
        assert!(!mean.is_cold(), "nobody asks");
        mean.asked(now);
        mean.asked(now);
        assert!(mean.is_cold() && mean.seconds(now + S) > 0.0, "silence is nothing known");
        mean
    };
    type Known = fn(&mut PeakEwma, Instant);
    let known: [Known; 3] =
        [|mean, now| mean.observe(now, S), |mean, now| mean.failed(now, S), |mean, now| mean.outlasted(now, S)];
    for known in known {
        let mut mean = cold();
        known(&mut mean, now);
        assert!(!mean.is_cold());
    }
    let mut left = cold();
    left.left();
    assert!(left.is_cold());
    left.left();
    assert!(!left.is_cold());
}

#[test]
fn silence_is_no_time_of_an_answer() {
    let (mut mean, now) = (PeakEwma::new(DECAY), Instant::now());
    mean.observe(now, S);
    mean.asked(now);
    mean.asked(now);
    mean.heard(now + 20 * S);
    mean.failed(now + 20 * S, 5 * S);
    mean.left();
    near(mean.seconds(now + 20 * S), 5.0);
}

#[test]
fn senseless_times_break_nothing() {
    let now = Instant::now();
    for decay in [Duration::ZERO, Duration::MAX] {
        let mut mean = PeakEwma::new(decay);
        mean.failed(now, Duration::MAX);
        mean.observe(now, Duration::ZERO);
        assert!(mean.seconds(now).is_finite());
        mean.penalised(now);
    }
}

proptest! {
    #[test]
    fn the_mean_lies_between_nothing_and_the_highest_time(
        samples in prop::collection::vec((0..20_000_u64, 0..30_000_u64, any::<bool>()), 1..60),
    ) {
        let (mut mean, mut now, mut highest) = (PeakEwma::new(DECAY), Instant::now(), 0.0_f64);
        for (pause_ms, time_ms, failed) in samples {
            now += Duration::from_millis(pause_ms);
            let time = Duration::from_millis(time_ms);
            if failed { mean.failed(now, time) } else { mean.observe(now, time) }
            highest = highest.max(time.as_secs_f64());
            let found = mean.seconds(now);
            prop_assert!(found + 1e-9 >= time.as_secs_f64() && found <= highest + 1e-9);
        }
    }
}
