//! Units: numbers as the short text that stands at an axis or beside a bar. Knows no axis.

/// What a number counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Nothing: `2k`.
    #[default]
    None,
    /// Thousandths of a second: `200 ms`, from a thousand on `1.5 s`.
    Milliseconds,
    /// Seconds: `1.5 s`, from two minutes on `2 min`.
    Seconds,
    /// Millions of bytes: `512 MB`, from a thousand on `1.5 GB`.
    Megabytes,
    /// Hundredths: `99.9 %` is 99.9, not 0.999.
    Percent,
    /// So many a second: `2k/s`.
    PerSecond,
    /// Dollars: `$1.5`.
    Usd,
}

/// From which magnitude on to count in what: the magnitude, what to divide by, what to write behind.
type Rung = (f64, f64, &'static str);

const PLAIN: &[Rung] = &[(0.0, 1.0, ""), (1e3, 1e3, "k"), (1e6, 1e6, "M"), (1e9, 1e9, "G"), (1e12, 1e12, "T")];
const RATE: &[Rung] = &[(0.0, 1.0, "/s"), (1e3, 1e3, "k/s"), (1e6, 1e6, "M/s"), (1e9, 1e9, "G/s"), (1e12, 1e12, "T/s")];
const MONEY: &[Rung] = &[(0.0, 1.0, ""), (1e3, 1e3, "k"), (1e6, 1e6, "M"), (1e9, 1e9, "B")];
const BYTES: &[Rung] = &[
    (0.0, 1e-6, " B"),
    (1e-3, 1e-3, " kB"),
    (1.0, 1.0, " MB"),
    (1e3, 1e3, " GB"),
    (1e6, 1e6, " TB"),
    (1e9, 1e9, " PB"),
];
const TIME: &[Rung] = &[
    (0.0, 1e-9, " ns"),
    (1e-6, 1e-6, " µs"),
    (1e-3, 1e-3, " ms"),
    (1.0, 1.0, " s"),
    (120.0, 60.0, " min"),
    (7_200.0, 3_600.0, " h"),
    (172_800.0, 86_400.0, " d"),
];

/// How many digits a number has when nobody asks for more.
const DIGITS: usize = 3;
/// How many digits of a number in binary are worth writing.
const DIGITS_MAX: usize = 15;
/// Percentages below one hundred get as many nines as they have, up to here.
const NINES_MAX: usize = 9;

impl Unit {
    /// The number with its unit, in three digits that count and without zeros at the end.
    ///
    /// Percentages between 99 and 100 keep their nines: 99.95 is not `100 %`. What is no number is `–`.
    pub fn format(self, value: f64) -> String {
        self.text(value, DIGITS, f64::INFINITY)
    }

    /// The number in so many digits, counted in nothing larger than what a `reach` (in this unit) is counted in.
    pub(crate) fn text(self, value: f64, digits: usize, reach: f64) -> String {
        if value.is_nan() {
            return "–".to_owned();
        }
        let sign = if value < 0.0 { "-" } else { "" };
        if value.is_infinite() {
            return format!("{sign}∞");
        }
        let digits = self.digits(value, digits).clamp(DIGITS, DIGITS_MAX);
        let per_unit = self.seconds().unwrap_or(1.0);
        // Rounded before it is decided what to count in, so that 999.9 ms is one second.
        let size = rounded(value.abs() * per_unit, digits);
        let (divisor, suffix) = self.rung(size, reach * per_unit);
        let number = number(size / divisor, digits);
        let dollar = if self == Self::Usd { "$" } else { "" };
        let sign = if number == "0" { "" } else { sign };
        format!("{sign}{dollar}{number}{suffix}")
    }

    /// Seconds in one of it, when it is a time.
    pub(crate) fn seconds(self) -> Option<f64> {
        match self {
            Self::Milliseconds => Some(1e-3),
            Self::Seconds => Some(1.0),
            _ => None,
        }
    }

    fn digits(self, value: f64, digits: usize) -> usize {
        let missing = 100.0 - value.abs();
        if self != Self::Percent || missing <= 0.0 || missing >= 1.0 {
            return digits;
        }
        let nines = (1..NINES_MAX).find(|nines| missing * 10f64.powi(*nines as i32) > 1.0 - 1e-6);
        digits.max(2 + nines.unwrap_or(NINES_MAX))
    }

    fn rung(self, size: f64, reach: f64) -> (f64, &'static str) {
        let rungs: &[Rung] = match self {
            Self::None => PLAIN,
            Self::Milliseconds | Self::Seconds => TIME,
            Self::Megabytes => BYTES,
            Self::Percent => &[(0.0, 1.0, " %")],
            Self::PerSecond => RATE,
            Self::Usd => MONEY,
        };
        // Nothing at all is counted in the unit itself.
        let size = match (size > 0.0, self) {
            (true, _) => size.min(reach),
            (false, Self::Milliseconds) => 1e-3,
            (false, _) => 1.0,
        };
        let fits = rungs.iter().rev().find(|(from, ..)| *from <= size);
        fits.map_or((1.0, ""), |(_, divisor, suffix)| (*divisor, *suffix))
    }
}

fn rounded(value: f64, digits: usize) -> f64 {
    // The largest number of all would be rounded up to infinity.
    format!("{value:.*e}", digits - 1).parse().ok().filter(|rounded: &f64| rounded.is_finite()).unwrap_or(value)
}

/// A number in so many digits that count, written out unless it is very large or very small.
fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..=6).contains(&power) {
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    let decimals = usize::try_from(digits as i32 - 1 - power).unwrap_or(0);
    trimmed(&format!("{:.decimals$}", rounded(value, digits))).to_owned()
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::Unit::{self, *};
    use proptest::prelude::*;

    fn check(unit: Unit, cases: &[(f64, &str)]) {
        for (value, text) in cases {
            assert_eq!(unit.format(*value), *text, "{unit:?} {value}");
        }
    }

    #[test]
    fn numbers_and_money() {
        check(None, &[(0.0, "0"), (-0.0, "0"), (2_000.0, "2k"), (999.6, "1k"), (1_500_000.0, "1.5M"), (1.234, "1.23")]);
        check(None, &[(-1_250.0, "-1.25k"), (0.1 + 0.2, "0.3"), (0.001_239, "0.00124"), (1.5e-7, "1.5e-7")]);
        check(None, &[(7e9, "7G"), (7e12, "7T"), (2.5e21, "2.5e9T"), (f64::MAX, "1.8e296T"), (1e-320, "1e-320")]);
        check(None, &[(f64::NAN, "–"), (f64::INFINITY, "∞"), (f64::NEG_INFINITY, "-∞")]);
        check(Usd, &[(1.5, "$1.5"), (-2_000.0, "-$2k"), (0.0012, "$0.0012"), (0.0, "$0"), (3e9, "$3B")]);
        check(PerSecond, &[(2_000.0, "2k/s"), (12.5, "12.5/s"), (0.0, "0/s"), (0.25, "0.25/s")]);
    }

    #[test]
    fn times_and_bytes() {
        check(Milliseconds, &[(200.0, "200 ms"), (1_500.0, "1.5 s"), (999.9, "1 s"), (0.25, "250 µs"), (0.0, "0 ms")]);
        check(Milliseconds, &[(1.0, "1 ms"), (0.001, "1 µs"), (0.000_5, "500 ns"), (90_000.0, "90 s")]);
        check(Seconds, &[(1.5, "1.5 s"), (119.0, "119 s"), (150.0, "2.5 min"), (7_200.0, "2 h"), (0.02, "20 ms")]);
        check(Seconds, &[(0.0, "0 s"), (-3.0, "-3 s"), (172_800.0, "2 d")]);
        check(Megabytes, &[(512.0, "512 MB"), (1_500.0, "1.5 GB"), (0.25, "250 kB"), (0.0, "0 MB"), (2e6, "2 TB")]);
    }

    #[test]
    fn a_percentage_keeps_its_nines() {
        check(Percent, &[(50.0, "50 %"), (33.333, "33.3 %"), (99.0, "99 %"), (99.9, "99.9 %"), (100.0, "100 %")]);
        check(Percent, &[(99.95, "99.95 %"), (99.99, "99.99 %"), (99.999, "99.999 %"), (99.994, "99.994 %")]);
        check(Percent, &[(0.0, "0 %"), (120.0, "120 %"), (0.0125, "0.0125 %")]);
    }

    #[test]
    fn an_axis_may_ask_for_more_digits_and_smaller_units() {
        assert_eq!(None.text(1_000.2, 5, f64::INFINITY), "1.0002k");
        assert_eq!(Seconds.text(610.0, 3, 100.0), "610 s");
        assert_eq!(Milliseconds.text(610_000.0, 3, 100_000.0), "610 s");
    }

    proptest! {
        #[test]
        fn every_number_is_short_and_keeps_three_digits(value in prop::num::f64::ANY) {
            let text = None.format(value);
            prop_assert!(text.chars().count() <= 12, "{text}");
            let suffix = |c: char| "kMGT".find(c).map(|index| 10f64.powi(3 * (index as i32 + 1)));
            let factor = text.chars().last().and_then(suffix).unwrap_or(1.0);
            if value.is_normal() && let Ok(read) = text.trim_end_matches(['k', 'M', 'G', 'T']).parse::<f64>() {
                prop_assert!((read / (value / factor) - 1.0).abs() < 0.0051, "{value} as {text}");
            }
        }
    }
}
