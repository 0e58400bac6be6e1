//! Figures as people read them on a terminal. Knows numbers and columns; no report, no unit and no verdict.

use statistics::Interval;

/// The widest line of any text of this room.
pub(crate) const COLUMNS: usize = 80;

/// Three significant digits, whole above 100, thousands apart: `1,234`, `12.3`, `0.00123`; `-` for no number.
pub(crate) fn figure(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "unbounded" } else { "-unbounded" }.to_owned();
    }
    let size = value.abs();
    if size >= 99.95 {
        return whole(value);
    }
    // Rounding may carry into one more digit before the point: 9.999 is 10, not 10.00.
    let places = if size == 0.0 { 0 } else { (2 - (size * 1.000_5).log10().floor() as i32).clamp(0, 9) as usize };
    let text = format!("{value:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// From where to where, `850 to 910`; an end that is not bounded says so.
pub(crate) fn range(interval: Interval) -> String {
    match (interval.lo.is_finite(), interval.hi.is_finite()) {
        (true, true) => format!("{} to {}", figure(interval.lo), figure(interval.hi)),
        (true, false) => format!("{} or more", figure(interval.lo)),
        (false, true) => format!("{} or less", figure(interval.hi)),
        (false, false) => "unknown".to_owned(),
    }
}

/// A share with its sign as percent: `+3.1 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{}{} %", if share > 0.0 { "+" } else { "" }, figure(share * 100.0))
}

/// The text in lines of at most [`COLUMNS`], the first after `first`, the others indented by as much. A word longer
/// than a line is cut.
pub(crate) fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count().min(COLUMNS / 2);
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        let word = fitted(word, COLUMNS - indent);
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines += &line;
            lines.push('\n');
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += &word;
        empty = false;
    }
    lines + &line + "\n"
}

/// The text in at most so many columns, cut with a mark where it is longer; control characters become spaces.
pub(crate) fn fitted(text: &str, columns: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= columns {
        return text.chars().map(clean).collect();
    }
    text.chars().take(columns.saturating_sub(1)).map(clean).chain(['…']).collect()
}

/// The median of a sample; none of an empty one. What is no number is left out.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some((upper + lower) / 2.0)
}

/// The mean of a sample; none of an empty one. What is no number is left out.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) =
        values.filter(|value| value.is_finite()).fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_have_three_digits() {
        for (value, expect) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (2.5, "2.5"),
            (9.999, "10"),
            (12.345, "12.3"),
            (99.94, "99.9"),
            (99.97, "100"),
            (100.4, "100"),
            (1_234.5, "1,234"),
            (1_234_567.0, "1,234,567"),
            (-12_345.0, "-12,345"),
            (0.001_234, "0.00123"),
            (f64::NAN, "-"),
            (f64::INFINITY, "unbounded"),
        ] {
            assert_eq!(figure(value), expect, "{value}");
        }
    }

    #[test]
    fn ranges_say_where_they_end() {
        for (lo, hi, expect) in [
            (850.0, 910.0, "850 to 910"),
            (-0.5, f64::INFINITY, "-0.5 or more"),
            (f64::NEG_INFINITY, 3.0, "3 or less"),
            (f64::NEG_INFINITY, f64::INFINITY, "unknown"),
        ] {
            assert_eq!(range(Interval { lo, hi }), expect);
        }
        assert_eq!((percent(0.031), percent(-0.2), percent(0.0)), ("+3.1 %".into(), "-20 %".into(), "0 %".into()));
    }

    #[test]
    fn middles() {
        let median = |sample: &[f64]| super::median(sample.iter().copied());
        assert_eq!(
            (median(&[]), median(&[3.0, 1.0]), median(&[5.0, f64::NAN, 1.0, 2.0])),
            (None, Some(2.0), Some(2.0))
        );
        assert_eq!((mean([].into_iter()), mean([1.0, f64::INFINITY, 2.0].into_iter())), (None, Some(1.5)));
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(first in "[^\\p{C}]{0,30}", text in ".{0,400}") {
            for line in wrapped(&first, &text).lines() {
                prop_assert!(line.chars().count() <= COLUMNS, "{line}");
            }
        }

        #[test]
        fn a_figure_is_within_a_half_percent(value in -1e9..1e9f64) {
            let read: f64 = figure(value).replace(',', "").parse().unwrap();
            prop_assert!((read - value).abs() <= value.abs() * 5.1e-3 + 1e-9, "{value}: {read}");
        }
    }
}
