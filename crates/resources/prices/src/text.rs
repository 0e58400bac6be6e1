//! Our own format of price lists: TOML, amounts as exact text. Knows no other format.

use crate::entry::Entry;
use crate::error::PricesError;
use crate::price::{Long, Price, Rates};
use crate::table::{About, House, Table};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use settings::Usd;
use std::collections::BTreeMap;

/// The most bytes of a price list.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most models of a list.
pub(crate) const ENTRIES_MAX: usize = 100_000;
/// The most dollars for a million tokens, or for a request, that are believed.
pub(crate) const RATE_MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HouseRow {
    source: String,
    date: String,
    #[serde(default)]
    models: BTreeMap<Box<str>, Row>,
}

/// A model, in the order in which it is written.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_write: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_write_hour: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_max: Option<u64>,
    /// Only in the rates of long requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    above_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    long: Option<Box<Row>>,
}

/// Reads a list.
pub(crate) fn parse(text: &str) -> Result<Table, PricesError> {
    if text.len() > BYTES_MAX {
        return Err(PricesError::TooLarge { bytes: text.len() as u64, most: BYTES_MAX });
    }
    let rows: BTreeMap<Box<str>, HouseRow> = toml::from_str(text).map_err(|error| malformed(text, &error))?;
    if rows.values().map(|house| house.models.len()).sum::<usize>() > ENTRIES_MAX {
        return Err(PricesError::TooMany { most: ENTRIES_MAX });
    }
    let houses = rows.into_iter().map(|(name, row)| house(&name, row).map(|house| (name, house)));
    Ok(Table { houses: houses.collect::<Result<_, _>>()? })
}

fn malformed(text: &str, error: &toml::de::Error) -> PricesError {
    let before = |at: usize| text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
    PricesError::Malformed {
        line: error.span().map(|span| before(span.start) + 1),
        reason: error.message().lines().next().unwrap_or_default().to_owned(),
    }
}

fn house(name: &str, row: HouseRow) -> Result<House, PricesError> {
    dated(&row.date)?;
    let entries = row.models.into_iter().map(|(model, row)| {
        let failed =
            |reason: &str| PricesError::Entry { house: name.into(), model: model.to_string(), reason: reason.into() };
        entry(&row).map_err(failed).map(|entry| (model, entry))
    });
    let entries = entries.collect::<Result<_, _>>()?;
    Ok(House { about: About { source: row.source, date: row.date }, entries })
}

/// Whether it is a date.
pub(crate) fn dated(date: &str) -> Result<(), PricesError> {
    calendar::parse_date(date).map(drop).ok_or_else(|| PricesError::Date { date: date.chars().take(40).collect() })
}

fn entry(row: &Row) -> Result<Entry, &'static str> {
    let long = row.long.as_deref().map(long).transpose()?;
    if row.above_tokens.is_some() {
        return Err("`above_tokens` belongs into `long`");
    }
    let rates = rates(row)?;
    let price = match (rates, long) {
        (Some(rates), long) => Some(Price { rates, long }),
        (None, Some(_)) => return Err("`long` has a price without `input` and `output` beside it"),
        (None, None) => None,
    };
    Ok(Entry { price, context_tokens: row.context_tokens, output_tokens_max: row.output_tokens_max })
}

fn long(row: &Row) -> Result<Long, &'static str> {
    if row.long.is_some() || row.context_tokens.is_some() || row.output_tokens_max.is_some() {
        return Err("`long` has nothing but `above_tokens` and amounts");
    }
    let above_tokens = row.above_tokens.ok_or("`long` lacks `above_tokens`")?;
    Ok(Long { above_tokens, rates: rates(row)?.ok_or("`long` lacks `input` and `output`")? })
}

/// `None` where nothing is said of the price.
fn rates(row: &Row) -> Result<Option<Rates>, &'static str> {
    let others = [&row.cached, &row.cached_write, &row.cached_write_hour, &row.reasoning, &row.request];
    let (input, output) = match (&row.input, &row.output) {
        (Some(input), Some(output)) => (input, output),
        (None, None) if others.iter().all(|other| other.is_none()) => return Ok(None),
        _ => return Err("a price has both `input` and `output`; write `0` for what is free"),
    };
    let maybe = |usd: &Option<Usd>| usd.as_ref().map(amount).transpose();
    Ok(Some(Rates {
        input: amount(input)?,
        output: amount(output)?,
        cached: maybe(&row.cached)?,
        cached_write: maybe(&row.cached_write)?,
        cached_write_hour: maybe(&row.cached_write_hour)?,
        reasoning: maybe(&row.reasoning)?,
        request: maybe(&row.request)?,
    }))
}

fn amount(usd: &Usd) -> Result<Decimal, &'static str> {
    let amount = usd.as_str().parse::<Decimal>().ok().filter(|amount| *amount <= RATE_MAX);
    amount.ok_or("an amount is larger than any price")
}

/// Writes a list.
pub(crate) fn write(table: &Table) -> String {
    let mut text = String::from("# What models cost, in US dollars per million tokens.\n");
    for (name, house) in &table.houses {
        let name = key(name);
        let About { source, date } = &house.about;
        text.push_str(&format!("\n[{name}]\nsource = {}\ndate = {}\n", quoted(source), quoted(date)));
        text.push_str(&format!("\n[{name}.models]\n"));
        for (model, entry) in &house.entries {
            let mut row = String::new();
            // A row of texts and numbers always becomes TOML; were it not so, the model would be left out.
            if Row::of(entry).serialize(toml::ser::ValueSerializer::new(&mut row)).is_ok() {
                text.push_str(&format!("{} = {row}\n", key(model)));
            }
        }
    }
    text
}

/// A name as a key, in quotation marks where it needs them.
fn key(name: &str) -> String {
    let line = toml::to_string(&BTreeMap::from([(name, 0)])).unwrap_or_default();
    line.trim_end().strip_suffix(" = 0").unwrap_or_default().to_owned()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Row {
    fn of(entry: &Entry) -> Self {
        let long = entry.price.and_then(|price| price.long);
        let row = entry.price.map(|price| Self::of_rates(&price.rates)).unwrap_or_default();
        Self {
            context_tokens: entry.context_tokens,
            output_tokens_max: entry.output_tokens_max,
            long: long
                .map(|long| Box::new(Self { above_tokens: Some(long.above_tokens), ..Self::of_rates(&long.rates) })),
            ..row
        }
    }

    fn of_rates(rates: &Rates) -> Self {
        let usd = |amount: Decimal| amount.normalize().to_string().parse::<Usd>().ok();
        let maybe = |amount: Option<Decimal>| amount.and_then(usd);
        Self {
            input: usd(rates.input),
            output: usd(rates.output),
            cached: maybe(rates.cached),
            cached_write: maybe(rates.cached_write),
            cached_write_hour: maybe(rates.cached_write_hour),
            reasoning: maybe(rates.reasoning),
            request: maybe(rates.request),
            ..Self::default()
        }
    }
}
