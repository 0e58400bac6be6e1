//! `althing usage`: what was used and spent.

use crate::cli::{Global, Usage};
use crate::exit::{DONE, Failure, USAGE};
use crate::house::House;
use crate::print::{self, print};
use crate::text::{WIDTH, clean, length};
use crate::{data, wiring};
use books::{By, UsageQuery, UsageRow, csv};
use calendar::date_before;
use caller::Identity;
use serde_json::json;
use std::sync::Arc;

/// Rows asked for at a time.
const PAGE: usize = 1_000;
/// Rows printed at most: beyond that, values are for programs.
const ROWS_MAX: usize = 100_000;
/// Days looked back when nobody says from when.
const DAYS: i64 = 30;

/// Asks the books and prints.
pub(crate) fn run(global: &Global, args: &Usage) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let query = query(args)?;
    let (ready, folder) = wiring::place(global, &args.place)?;
    let config = store::Config::new(&ready.loaded.settings.store, &folder).map_err(|error| wiring::of_store(&error))?;
    data::there(&config)?;
    let rows = wiring::run(async {
        let house = wiring::house(&ready.loaded.settings, &folder, &wiring::metrics()).await?;
        let rows = all(&house, &query).await;
        house.close().await;
        rows
    })?;
    match (global.json, args.csv) {
        (true, _) => print::json(&json!({ "usage": rows }))?,
        (_, true) => print(&csv(&rows))?,
        _ => print(&table(&rows))?,
    }
    Ok(DONE)
}

fn query(args: &Usage) -> Result<UsageQuery, Failure> {
    let one = |word: &String| match word.trim() {
        "day" => Ok(By::Day),
        "tenant" => Ok(By::Tenant),
        "key" => Ok(By::Subject),
        "model" => Ok(By::Model),
        other => Err(Failure::new(USAGE, format!("`{other}` is nothing to sum by"))
            .hint("write some of `day`, `tenant`, `key`, `model`, parted by commas")),
    };
    Ok(UsageQuery {
        by: args.by.iter().map(one).collect::<Result<_, _>>()?,
        from_day: Some(args.from.clone().unwrap_or_else(|| date_before(DAYS))),
        to_day: args.to.clone(),
        tenant: args.tenant.as_deref().map(Arc::from),
        subject: args.key.as_deref().map(Arc::from),
        model: args.model.as_deref().map(Arc::from),
    })
}

async fn all(house: &House, query: &UsageQuery) -> Result<Vec<UsageRow>, Failure> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    while rows.len() < ROWS_MAX {
        let page = house.books.usage(&Identity::local(), query, cursor.as_deref(), Some(PAGE)).await;
        let page = page.map_err(|error| Failure::of(&error))?;
        rows.extend(page.entries);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(rows)
}

/// The groups, then the figures, within the terminal's width: beside each other where there is room, else below, so
/// that what tells rows apart is never cut off for the sake of figures.
fn table(rows: &[UsageRow]) -> String {
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

/// As much of a name as a line holds.
fn cut(name: &str) -> String {
    match length(name) > WIDTH {
        true => name.chars().take(WIDTH - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
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
        let text = table(&[row(key, model), row("jwt:ada", "s/m")]);
        assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
        assert!(text.contains(&format!("2026-11-21  {key}  {model}\n")) && text.contains("1234.56789"), "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
        let long = table(&[row(&"k".repeat(200), "s/m")]);
        assert!(long.lines().all(|line| length(line) <= WIDTH), "{long}");

        let short = table(&[row("k", "s/m"), row("k", "s/long")]);
        assert!(short.starts_with(&" ".repeat(21)) && short.contains("2026-11-21  k  s/m "), "{short}");
        assert_eq!(short.lines().count(), 3, "{short}");
        assert_eq!(table(&[]), "nothing was used in these days\n");
    }

    #[test]
    fn without_groups_there_is_one_row_for_all() {
        let all = UsageRow { day: None, subject: None, model: None, ..row("", "") };
        assert!(table(&[all]).lines().nth(1).unwrap().starts_with("all "));
    }
}
