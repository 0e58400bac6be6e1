//! `althing usage`: what was used and spent.

use crate::cli::{Global, Usage};
use crate::exit::{DONE, Failure, USAGE};
use crate::house::House;
use crate::print::{self, print};
use crate::text::{WIDTH, beginning, length};
use crate::wiring;
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
    let (ready, data) = wiring::place(global, &args.place)?;
    let rows = wiring::run(async {
        let house = wiring::house(&ready.loaded.settings, &data, &wiring::metrics()).await?;
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

/// The groups, then the figures, within the terminal's width.
fn table(rows: &[UsageRow]) -> String {
    if rows.is_empty() {
        return "nothing was used in these days\n".to_owned();
    }
    let groups = |row: &UsageRow| {
        let parts = [&row.day, &row.tenant, &row.subject, &row.model].map(|part| part.as_deref());
        let named = parts.into_iter().flatten().map(str::to_owned).collect::<Vec<_>>();
        if named.is_empty() { "all".to_owned() } else { named.join("  ") }
    };
    let width = rows.iter().map(|row| length(&groups(row))).max().unwrap_or(0).clamp(5, WIDTH - 48);
    let head = format!("{:width$} {:>8} {:>6} {:>10} {:>9} {:>10}\n", "", "CALLS", "FAILED", "IN", "OUT", "USD");
    let lines = rows.iter().map(|row| {
        let name = beginning(&groups(row), width, 1);
        let figures = (row.calls, row.failed, row.tokens_in, row.tokens_out);
        let (calls, failed, input, output) = figures;
        format!("{name:width$} {calls:>8} {failed:>6} {input:>10} {output:>9} {:>10}\n", row.cost_usd)
    });
    head + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_a_terminal() {
        let row = UsageRow {
            day: Some("2026-11-21".to_owned()),
            tenant: None,
            subject: Some("key_0123456789abcdef".to_owned()),
            model: Some("a-provider/a-model-with-a-very-long-name".to_owned()),
            calls: 1_234_567,
            failed: 12,
            tokens_in: 123_456_789,
            tokens_out: 12_345_678,
            tokens_cached: 0,
            tokens_reasoning: 0,
            cost_usd: "1234.56789".to_owned(),
            latency_ms_mean: 12.5,
        };
        let text = table(&[row]);
        assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
        assert!(text.contains("1234.56789") && text.contains("2026-11-21"), "{text}");
        assert_eq!(table(&[]), "nothing was used in these days\n");
    }
}
