//! `althing usage`: what was used and spent.

use crate::exit::{DONE, Failure, USAGE};
use crate::house::House;
use crate::print::{self, print};
use crate::{data, wiring};
use books::{By, UsageQuery, UsageRow, csv};
use calendar::date_before;
use caller::Identity;
use serde_json::json;
use shell::{Global, Usage};
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
        _ => print(&terminal::usage(&rows))?,
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
