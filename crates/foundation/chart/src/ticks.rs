//! Ticks: the even values that an axis names. Knows no pixels.

use crate::scale::{Reach, Scale};
use crate::unit::Unit;

/// A value that an axis names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// Where it lies, as [`Scale::place`] tells.
    pub(crate) place: f64,
    pub(crate) text: String,
}

/// Even steps of time above ten seconds, in seconds.
const STEPS_S: [f64; 14] =
    [10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0];
/// The times above ten seconds that powers of ten give way to, in seconds.
const TIMES_S: [f64; 13] =
    [20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 18_000.0, 36_000.0, 86_400.0];
/// Those of them that stand for whole powers of ten.
const DECADES_S: [f64; 4] = [60.0, 600.0, 3_600.0, 36_000.0];
const DAY_S: f64 = 86_400.0;
/// Below this step, in seconds, times are not counted in minutes.
const MINUTES_FROM_S: f64 = 30.0;
/// A time that is counted in seconds, in seconds.
const SECONDS_S: f64 = 100.0;
/// Up to so many powers of ten, twos and fives are named too.
const DENSE_DECADES: f64 = 2.2;
/// For sums of fractions that should be whole.
const SLACK: f64 = 1e-9;

/// At most about so many ticks of a stretch.
pub(crate) fn ticks(reach: Reach, scale: Scale, unit: Unit, most: usize) -> Vec<Tick> {
    let found = match scale {
        Scale::Linear | Scale::Zoom => linear(reach, unit, most),
        Scale::Log => log(reach, unit, most),
        Scale::Quantile => quantile(reach),
    };
    if found.len() > 1 || matches!(scale, Scale::Linear | Scale::Zoom) {
        return found;
    }
    // A short stretch between two powers of ten: even steps of the values themselves.
    let (back, unit): (fn(f64) -> f64, _) = match scale {
        Scale::Quantile => (|place| 100.0 * (1.0 - 10f64.powf(-place)), Unit::Percent),
        _ => (|place| 10f64.powf(place), unit),
    };
    let values = linear(Reach { lo: back(reach.lo), hi: back(reach.hi) }, unit, most);
    let share = if scale == Scale::Quantile { 0.01 } else { 1.0 };
    values.into_iter().filter_map(|tick| Some(Tick { place: scale.place(tick.place * share)?, ..tick })).collect()
}

/// The stretch up to the next even value on either side.
pub(crate) fn rounded(reach: Reach, scale: Scale, unit: Unit, most: usize) -> Reach {
    match scale {
        Scale::Linear | Scale::Zoom => {
            let step = step(reach.hi - reach.lo, unit, most);
            let (lo, hi) = ((reach.lo / step + SLACK).floor() * step, (reach.hi / step - SLACK).ceil() * step);
            Reach { lo: lo.min(reach.lo), hi: hi.max(reach.hi) }
        }
        Scale::Log => {
            let wide = Reach { lo: reach.lo - 1.0, hi: reach.hi + 1.0 };
            let places: Vec<f64> = powers(wide, unit, true).map(f64::log10).collect();
            let below = places.iter().rev().find(|place| **place <= reach.lo + SLACK);
            let above = places.iter().find(|place| **place >= reach.hi - SLACK);
            Reach {
                lo: below.map_or(reach.lo, |lo| lo.min(reach.lo)),
                hi: above.map_or(reach.hi, |hi| hi.max(reach.hi)),
            }
        }
        Scale::Quantile => reach,
    }
}

fn linear(reach: Reach, unit: Unit, most: usize) -> Vec<Tick> {
    let step = step(reach.hi - reach.lo, unit, most);
    let first = (reach.lo / step - SLACK).ceil();
    let count = ((reach.hi / step + SLACK).floor() - first).clamp(0.0, 2.0 * most as f64) as usize;
    let mut places: Vec<f64> = (0..=count).map(|index| (first + index as f64) * step).collect();
    places.dedup();
    let size = reach.lo.abs().max(reach.hi.abs());
    // As many digits as tell neighbours apart.
    let digits = (size.log10().floor() - step.log10().floor()).max(0.0) as usize + 1;
    let seconds = unit.seconds().filter(|seconds| step * seconds < MINUTES_FROM_S);
    let largest = seconds.map_or(f64::INFINITY, |seconds| SECONDS_S / seconds);
    places.into_iter().map(|place| Tick { place, text: unit.text(place, digits, largest) }).collect()
}

/// The smallest even step that needs no more than so many for a stretch.
fn step(length: f64, unit: Unit, most: usize) -> f64 {
    let rough = (length / most.max(1) as f64).max(f64::MIN_POSITIVE);
    match unit.seconds() {
        Some(seconds) if rough * seconds > STEPS_S[0] => {
            let rough_s = rough * seconds;
            let even = STEPS_S.into_iter().find(|step| *step >= rough_s * (1.0 - SLACK));
            even.unwrap_or_else(|| round_up(rough_s / DAY_S) * DAY_S) / seconds
        }
        _ => round_up(rough),
    }
}

/// The next number that is 1, 2 or 5 times a power of ten.
fn round_up(rough: f64) -> f64 {
    let power = 10f64.powi(rough.log10().floor() as i32);
    let even = [1.0, 2.0, 5.0].into_iter().find(|times| times * power >= rough * (1.0 - SLACK));
    even.unwrap_or(10.0) * power
}

fn log(reach: Reach, unit: Unit, most: usize) -> Vec<Tick> {
    let decades = reach.hi - reach.lo;
    let every = (decades / most.max(1) as f64).ceil().max(1.0) as usize;
    let values = powers(reach, unit, decades < DENSE_DECADES).step_by(every);
    values.map(|value| Tick { place: value.log10(), text: unit.format(value) }).collect()
}

/// The powers of ten of a stretch, and if `dense` twice and five times them. Above ten seconds times are round in
/// minutes and hours instead.
fn powers(reach: Reach, unit: Unit, dense: bool) -> impl Iterator<Item = f64> {
    let times: &[f64] = if dense { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let decades = reach.lo.floor() as i32..=reach.hi.ceil() as i32;
    let even = decades.flat_map(move |power| times.iter().map(move |times| times * 10f64.powi(power)));
    let seconds = unit.seconds();
    let even = even.filter(move |value| seconds.is_none_or(|seconds| value * seconds < 10.0 + SLACK));
    let clock: &[f64] = if dense { &TIMES_S } else { &DECADES_S };
    let clock = seconds.map(|seconds| clock.iter().map(move |time| time / seconds)).into_iter().flatten();
    let inside = move |value: &f64| (reach.lo - SLACK..=reach.hi + SLACK).contains(&value.log10());
    even.chain(clock).filter(inside)
}

fn quantile(reach: Reach) -> Vec<Tick> {
    let nines = (1..=15).map(|nines| 10f64.powi(-nines));
    let rests = [1.0, 0.5].into_iter().chain(nines).map(|rest| (-rest.log10(), 100.0 * (1.0 - rest)));
    let inside = rests.filter(|(place, _)| (reach.lo - SLACK..=reach.hi + SLACK).contains(place));
    // `+ 0.0` makes a zero of the negative one that a logarithm gives.
    inside.map(|(place, percent)| Tick { place: place + 0.0, text: Unit::Percent.format(percent) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(scale: Scale, unit: Unit, lo: f64, hi: f64, expect: &str) {
        let place = |value| scale.place(value).unwrap();
        let found = ticks(Reach { lo: place(lo), hi: place(hi) }, scale, unit, 6);
        let texts: Vec<&str> = found.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(texts.join(", "), expect);
    }

    #[test]
    fn even_steps() {
        let check = |unit, lo, hi, expect| check(Scale::Linear, unit, lo, hi, expect);
        check(Unit::None, 0.0, 1.0, "0, 0.2, 0.4, 0.6, 0.8, 1");
        check(Unit::None, -3.0, 7.5, "-2, 0, 2, 4, 6");
        check(Unit::None, 0.0, 4_200.0, "0, 1k, 2k, 3k, 4k");
        check(Unit::Milliseconds, 0.0, 2_500.0, "0 ms, 500 ms, 1 s, 1.5 s, 2 s, 2.5 s");
        check(Unit::None, 10_000.2, 10_000.7, "10.0002k, 10.0003k, 10.0004k, 10.0005k, 10.0006k, 10.0007k");
        check(Unit::None, 1e16, 1e16 + 4.0, "10000T, 10000T, 10000T");
    }

    #[test]
    fn times_are_even_in_minutes_and_hours() {
        let check = |unit, lo, hi, expect| check(Scale::Linear, unit, lo, hi, expect);
        check(Unit::Seconds, 0.0, 60.0, "0 s, 10 s, 20 s, 30 s, 40 s, 50 s, 60 s");
        check(Unit::Seconds, 0.0, 600.0, "0 s, 2 min, 4 min, 6 min, 8 min, 10 min");
        check(Unit::Seconds, 0.0, 7_200.0, "0 s, 30 min, 60 min, 90 min, 2 h");
        check(Unit::Seconds, 600.0, 660.0, "600 s, 610 s, 620 s, 630 s, 640 s, 650 s, 660 s");
        check(Unit::Milliseconds, 0.0, 300_000.0, "0 ms, 60 s, 2 min, 3 min, 4 min, 5 min");
        check(Unit::Seconds, 0.0, 6e6, "0 s, 20 d, 40 d, 60 d");
    }

    #[test]
    fn powers_of_ten() {
        let check = |unit, lo, hi, expect| check(Scale::Log, unit, lo, hi, expect);
        check(Unit::None, 1.0, 64.0, "1, 2, 5, 10, 20, 50");
        check(Unit::None, 1.0, 1e6, "1, 10, 100, 1k, 10k, 100k, 1M");
        check(Unit::None, 1.0, 1e12, "1, 100, 10k, 1M, 100M, 10G, 1T");
        check(Unit::Milliseconds, 0.5, 3_600_000.0, "1 ms, 100 ms, 10 s, 10 min");
        check(Unit::Milliseconds, 500.0, 20_000.0, "500 ms, 1 s, 2 s, 5 s, 10 s, 20 s");
        check(Unit::None, 101.0, 104.0, "101, 101.5, 102, 102.5, 103, 103.5, 104");
    }

    #[test]
    fn nines() {
        check(Scale::Quantile, Unit::None, 0.0, 0.999_95, "0 %, 50 %, 90 %, 99 %, 99.9 %, 99.99 %");
        check(Scale::Quantile, Unit::None, 0.0, 0.4, "0 %, 10 %, 20 %, 30 %, 40 %");
    }

    proptest! {
        #[test]
        fn ticks_are_few_distinct_and_inside(
            from in -1e280..1e280f64,
            length in prop_oneof![1e-250..1e280f64, 0.1..1e6f64],
            scale in prop_oneof![Just(Scale::Linear), Just(Scale::Zoom)],
            unit in prop_oneof![Just(Unit::None), Just(Unit::Seconds), Just(Unit::Milliseconds)],
        ) {
            let wide = Reach { lo: from, hi: from + length }.upright(scale, unit, 5);
            prop_assert!(wide.lo <= from && wide.hi >= from + length && wide.lo < wide.hi, "{wide:?}");
            let found = ticks(wide, scale, unit, 5);
            prop_assert!(found.len() <= 11);
            let slack = (wide.hi - wide.lo) * 1e-6;
            prop_assert!(found.iter().all(|tick| tick.place >= wide.lo - slack && tick.place <= wide.hi + slack));
            prop_assert!(found.windows(2).all(|pair| pair[0].place < pair[1].place), "{found:?}");
        }
    }
}
