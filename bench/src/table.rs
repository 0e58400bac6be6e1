//! Results as a table for people, 80 columns wide, and the numbers in it, which the page shares.

use super::outcome::{Bound, Outcome};

pub(super) const WIDTH: usize = 80;

pub(super) fn print(outcomes: &[Outcome]) {
    for line in outcomes.iter().flat_map(lines) {
        println!("{line}");
    }
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![row([&outcome.benchmark, "", "", "", outcome.verdict.word()])];
    for figure in &outcome.figures {
        let target = figure.target.map(bound).unwrap_or_default();
        let value = with_unit(&number(figure.value), &figure.unit);
        lines.push(row(["", &figure.name, &value, &target, figure.verdict.word()]));
    }
    for ratio in &outcome.ratios {
        let range = format!("{} to {}", number(ratio.low), number(ratio.high));
        lines.push(row(["", &ratio.name, &format!("{} {}", number(ratio.value), ratio.to), &range, ""]));
    }
    let drift = outcome.drift.map(|drift| format!("drift of the baseline {:.1} %", drift * 1e2));
    for note in outcome.notes.iter().chain(&drift) {
        lines.push(cut(&format!("  {}", note.lines().next().unwrap_or_default()), WIDTH));
    }
    lines
}

fn row([name, figure, value, target, verdict]: [&str; 5]) -> String {
    let figure = if name.is_empty() { format!("  {figure}") } else { name.to_owned() };
    let line = format!("{:<33} {:>18} {:>17} {verdict:>9}", cut(&figure, 33), cut(value, 18), cut(target, 17));
    line.trim_end().to_owned()
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

pub(super) fn bound(bound: Bound) -> String {
    match bound {
        Bound::AtMost(most) => format!("≤ {}", number(most)),
        Bound::AtLeast(least) => format!("≥ {}", number(least)),
    }
}

pub(super) fn with_unit(number: &str, unit: &str) -> String {
    match unit {
        "" => number.to_owned(),
        "/s" => format!("{number}/s"),
        unit => format!("{number} {unit}"),
    }
}

/// With as many decimals as say something, and commas between thousands.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 || size == size.trunc() => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.find('.').map_or((text.as_str(), ""), |at| text.split_at(at));
    let digits = whole.trim_start_matches('-').len();
    let mut number = String::new();
    for (at, letter) in whole.trim_start_matches('-').chars().enumerate() {
        if at > 0 && (digits - at) % 3 == 0 {
            number.push(',');
        }
        number.push(letter);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{number}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Figure, Ratio};

    #[test]
    fn numbers_say_no_more_than_they_know() {
        let check = |value, expect: &str| assert_eq!(number(value), expect);
        check(0.0416, "0.042");
        check(-3.456, "-3.46");
        check(10.46, "10.5");
        check(20.0, "20");
        check(1_234_567.8, "1,234,568");
        check(-100_000.0, "-100,000");
        check(999.4, "999");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let mut outcome = Outcome { benchmark: "b".repeat(20), drift: Some(0.123), ..Outcome::default() };
        outcome
            .figures
            .push(Figure::new("f".repeat(70), 1_234_567.0, "% of a core").bound(Bound::AtLeast(1_000_000.0)));
        let ratio = Ratio::new("r".repeat(70), ("a", &[123_456.0, 1_234_560.0]), ("pgbench", &[1.0, 1.0]));
        outcome.ratios.extend(ratio);
        outcome.notes.push("n".repeat(100));
        let lines = lines(&outcome);
        assert_eq!(lines.len(), 5);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:#?}");
    }
}
