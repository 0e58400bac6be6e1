//! The list of models.dev: an object of providers with their models, dollars for a million tokens. Knows what it calls
//! the houses, nothing of their models.

use super::Reader;
use super::raw::{Object, array, count, object, told, usd, word};
use crate::entry::Entry;
use crate::error::PricesError;
use crate::price::{Long, Price, Rates};
use crate::table::Table;
use rust_decimal::Decimal;

/// Where it is published.
const SOURCE: &str = "https://models.dev/api.json";

/// Reads it.
pub(super) fn read(rows: &Object<'_>, today: &str) -> Result<(Table, Vec<String>), PricesError> {
    let mut reader = Reader::new(SOURCE, today);
    for (provider, row) in rows {
        let models = object(row).and_then(|row| object(row.get("models").copied()?));
        for (model, row) in models.unwrap_or_default() {
            let row = object(row).ok_or("that are no objects").and_then(|row| entry(&model, &row));
            reader.take(house(provider), &model, row)?;
        }
    }
    reader.done("the list of models.dev")
}

/// What we call a house.
fn house(provider: &str) -> &str {
    match provider {
        "amazon-bedrock" => "bedrock",
        "google" => "gemini",
        "togetherai" => "together",
        other => other,
    }
}

fn entry(model: &str, row: &Object<'_>) -> Result<Entry, &'static str> {
    let answers = row.get("modalities").and_then(|value| object(value)).map(|kinds| {
        let output = kinds.get("output").map(|value| array(value)).unwrap_or_default();
        output.iter().any(|kind| kind.get() == "\"text\"")
    });
    if answers == Some(false) {
        return Err("for other uses than chat and embedding");
    }
    let cost = row.get("cost").and_then(|value| object(value)).unwrap_or_default();
    let rates = rates(&cost, None)?;
    if rates.input.is_zero() && rates.output.is_zero() && !model.ends_with(":free") {
        return Err("with a price of nothing, which may mean that it is unknown");
    }
    let limit = row.get("limit").and_then(|value| object(value)).unwrap_or_default();
    Ok(Entry {
        price: Some(Price { rates, long: long(&rates, &cost)? }),
        context_tokens: count(&limit, "context"),
        output_tokens_max: count(&limit, "output"),
    })
}

/// The rates of a row. `input` and `output` of long requests are as for short ones where they are left out; what is
/// left out of a cache is not guessed from those of short ones.
fn rates(cost: &Object<'_>, short: Option<&Rates>) -> Result<Rates, &'static str> {
    const UNKNOWN: &str = "without a price for tokens";
    let told = |member: &str| told(cost, member, Decimal::ONE);
    let all = |member: &str, short: Option<Decimal>| usd(cost, member, Decimal::ONE)?.or(short).ok_or(UNKNOWN);
    Ok(Rates {
        input: all("input", short.map(|short| short.input))?,
        output: all("output", short.map(|short| short.output))?,
        cached: told("cache_read")?,
        cached_write: told("cache_write")?,
        cached_write_hour: None,
        reasoning: told("reasoning")?,
        request: None,
    })
}

fn long(short: &Rates, cost: &Object<'_>) -> Result<Option<Long>, &'static str> {
    let tiers = cost.get("tiers").map(|value| array(value)).unwrap_or_default();
    let made = |above_tokens, row: &Object<'_>| Ok(Some(Long { above_tokens, rates: rates(row, Some(short))? }));
    match (tiers.as_slice(), cost.get("context_over_200k").and_then(|value| object(value))) {
        ([], None) => Ok(None),
        ([], Some(row)) => made(200_000, &row),
        ([tier], _) => {
            let row = object(tier).unwrap_or_default();
            let size = row.get("tier").and_then(|value| object(value)).unwrap_or_default();
            if word(&size, "type").is_some_and(|kind| kind != "context") {
                return Err("with a step that is not of length");
            }
            made(count(&size, "size").ok_or("with a step that is not of length")?, &row)
        }
        _ => Err("with several steps of length"),
    }
}
