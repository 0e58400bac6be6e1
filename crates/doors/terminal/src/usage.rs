//! What was used, as a table of eighty columns.

use crate::text::{WIDTH, clean, cut, length};
use books::UsageRow;

/// The groups, then the figures, within the terminal's width: beside each other where there is room, else below, so
/// that what tells rows apart is never cut off for the sake of figures.
pub fn usage(rows: &[UsageRow]) -> String {
    if rows.is_empty() {
        return "nothing was used in these days\n".to_owned();
    }
    let head = ["CALLS", "FAILED", "IN", "OUT", "USD"].map(str::to_owned);
    let figures: Vec<_> = rows.iter().map(figures).collect();
    let wide = |at: usize| figures.iter().chain([&head]).map(|row| length(&row[at])).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(wide);
    let columns = |row: &[String; 5]| row.iter().zip(widths).map(|(text, wide)| format!("  {text:>wide$}")).collect();
    let names = names(rows);
    let width = names.iter().map(|name| length(name)).max().unwrap_or(0);
    let beside = width + widths.iter().map(|wide| wide + 2).sum::<usize>() <= WIDTH;
    let line = |name: &str, row| {
        let figures: String = columns(row);
        match beside {
            true => format!("{name:width$}{figures}\n"),
            false => format!("{}\n{figures:>WIDTH$}\n", cut(name)),
        }
    };
    let first = if beside { line("", &head) } else { format!("{:>WIDTH$}\n", columns(&head)) };
    first + &names.iter().zip(&figures).map(|(name, row)| line(name, row)).collect::<String>()
}

/// What rows are grouped by, in columns.
fn names(rows: &[UsageRow]) -> Vec<String> {
    let parts = |row: &UsageRow| {
        [&row.day, &row.tenant, &row.subject, &row.model].map(|part| part.as_deref().map(clean).unwrap_or_default())
    };
    let rows: Vec<_> = rows.iter().map(parts).collect();
    let widths = [0, 1, 2, 3].map(|at: usize| rows.iter().map(|row| length(&row[at])).max().unwrap_or(0));
    let one = |row: &[String; 4]| {
        let shown = row.iter().zip(widths).filter(|(_, wide)| *wide > 0);
        let name = shown.map(|(part, wide)| format!("{part:wide$}")).collect::<Vec<_>>().join("  ");
        if name.is_empty() { "all".to_owned() } else { name.trim_end().to_owned() }
    };
    rows.iter().map(one).collect()
}

fn figures(row: &UsageRow) -> [String; 5] {
    let whole = [row.calls, row.failed, row.tokens_in, row.tokens_out].map(|figure| figure.to_string());
    let [calls, failed, input, output] = whole;
    [calls, failed, input, output, row.cost_usd.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &str, model: &str) -> UsageRow {
        UsageRow {
            day: Some("2026-11-21".to_owned()),
            tenant: None,
            subject: Some(subject.to_owned()),
            model: Some(model.to_owned()),
            calls: 1_234_567,
            failed: 12,
            tokens_in: 123_456_789,
            tokens_out: 12_345_678,
            tokens_cached: 0,
            tokens_reasoning: 0,
            cost_usd: "1234.56789".to_owned(),
            latency_ms_mean: 12.5,
        }
    }

    #[test]
    fn the_table_fits_a_terminal_and_tells_rows_apart() {
        let (key, model) = ("key_0123456789abcdef", "a-provider/a-model-with-a-very-long-name");
        let text = usage(&[row(key, model), row("jwt:ada", "s/m")]);
        assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
        assert!(text.contains(&format!("2026-11-21  {key}  {model}\n")) && text.contains("1234.56789"), "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
        let long = usage(&[row(&"k".repeat(200), "s/m")]);
        assert!(long.lines().all(|line| length(line) <= WIDTH), "{long}");

        let short = usage(&[row("k", "s/m"), row("k", "s/long")]);
        assert!(short.starts_with(&" ".repeat(21)) && short.contains("2026-11-21  k  s/m "), "{short}");
        assert_eq!(short.lines().count(), 3, "{short}");
        assert_eq!(usage(&[]), "nothing was used in these days\n");
    }

    #[test]
    fn without_groups_there_is_one_row_for_all() {
        let all = UsageRow { day: None, subject: None, model: None, ..row("", "") };
        assert!(usage(&[all]).lines().nth(1).unwrap().starts_with("all "));
    }
}
