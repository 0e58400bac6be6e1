//! LiteLLM's list: an object of models, dollars for a token. Knows what it calls the houses, nothing of their models.

use super::Reader;
use super::raw::{Object, count, object, told, usd, word};
use crate::entry::Entry;
use crate::error::PricesError;
use crate::price::{Long, Price, Rates};
use crate::table::Table;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// Where it is published.
const SOURCE: &str = "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json";
/// Prices are for one token there, and for a million here.
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// The house whose requests have a fee, which stands among the prices of searching: each of its requests is a search.
const SEARCHES: &str = "perplexity";

/// Reads it.
pub(super) fn read(rows: &Object<'_>, today: &str) -> Result<(Table, Vec<String>), PricesError> {
    let mut reader = Reader::new(SOURCE, today);
    for (key, row) in rows {
        let Some(row) = object(row) else { continue };
        let provider = word(&row, "litellm_provider").unwrap_or_default();
        let house = house(&provider);
        let model = key.strip_prefix(&format!("{provider}/")).or_else(|| key.strip_prefix(&format!("{house}/")));
        let model = model.unwrap_or(key);
        reader.take(house, model, entry(house, model, &row))?;
    }
    reader.done("LiteLLM's list")
}

/// What we call a house.
fn house(provider: &str) -> &str {
    match provider {
        "bedrock_converse" => "bedrock",
        "together_ai" => "together",
        other => other,
    }
}

fn entry(house: &str, model: &str, row: &Object<'_>) -> Result<Entry, &'static str> {
    let mode = word(row, "mode");
    if !matches!(mode.as_deref(), Some("chat" | "embedding" | "responses")) {
        return Err("for other uses than chat and embedding");
    }
    // Amazon's ids have no slash: what stands before one is a region or a commitment, with prices of its own.
    if house == "bedrock" && model.contains('/') {
        return Err("for one region or a commitment alone");
    }
    let rates = rates(house, row, mode.as_deref() == Some("embedding"))?;
    let long = long(&rates, row)?;
    if rates.input.is_zero() && rates.output.is_zero() && !model.ends_with(":free") {
        return Err("with a price of nothing, which may mean that it is unknown");
    }
    let output_tokens_max = count(row, "max_output_tokens").filter(|_| mode.as_deref() != Some("embedding"));
    let read = count(row, "max_input_tokens");
    // Some models are told with the whole window as input and some without the answer's part; the sum refuses nobody
    // wrongly.
    let context_tokens = match mode.as_deref() {
        Some("embedding") => read,
        _ => read.zip(output_tokens_max).map(|(read, written)| read.saturating_add(written)),
    };
    Ok(Entry { price: Some(Price { rates, long }), context_tokens, output_tokens_max })
}

fn rates(house: &str, row: &Object<'_>, embedding: bool) -> Result<Rates, &'static str> {
    const UNKNOWN: &str = "without a price for tokens";
    let token = |member: &str| told(row, member, MILLION);
    let searching = || {
        let search = object(row.get("search_context_cost_per_query").copied()?)?;
        Some(told(&search, "search_context_size_low", Decimal::ONE))
    };
    let fee = told(row, "input_cost_per_request", Decimal::ONE)?;
    let output = usd(row, "output_cost_per_token", MILLION)?;
    Ok(Rates {
        input: usd(row, "input_cost_per_token", MILLION)?.ok_or(UNKNOWN)?,
        output: output.or(embedding.then_some(Decimal::ZERO)).ok_or(UNKNOWN)?,
        cached: token("cache_read_input_token_cost")?,
        cached_write: token("cache_creation_input_token_cost")?,
        cached_write_hour: token("cache_creation_input_token_cost_above_1hr")?,
        reasoning: token("output_cost_per_reasoning_token")?,
        request: match fee {
            None if house == SEARCHES => searching().transpose()?.flatten(),
            fee => fee,
        },
    })
}

/// The rates of long requests: `input_cost_per_token_above_200k_tokens` and its like. `input` and `output` are as for
/// short ones where they are left out; what is left out of a cache is not guessed from those of short ones.
fn long(short: &Rates, row: &Object<'_>) -> Result<Option<Long>, &'static str> {
    const SEVERAL: &str = "with several steps of length";
    let above = |member: &String| {
        let (name, thousands) = member.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
        let priced = matches!(name, "input_cost_per_token" | "output_cost_per_token");
        thousands.parse::<u32>().ok().filter(|thousands| priced && *thousands > 0)
    };
    let steps: BTreeSet<u32> = row.keys().filter_map(above).collect();
    let thousands = match (steps.first(), steps.len(), row.contains_key("tiered_pricing")) {
        (None, _, false) => return Ok(None),
        (Some(thousands), 1, false) => *thousands,
        _ => return Err(SEVERAL),
    };
    let token = |member: &str| told(row, &format!("{member}_above_{thousands}k_tokens"), MILLION);
    let rates = Rates {
        input: token("input_cost_per_token")?.unwrap_or(short.input),
        output: token("output_cost_per_token")?.unwrap_or(short.output),
        cached: token("cache_read_input_token_cost")?,
        cached_write: token("cache_creation_input_token_cost")?,
        cached_write_hour: token("cache_creation_input_token_cost_above_1hr")?,
        reasoning: token("output_cost_per_reasoning_token")?,
        request: None,
    };
    Ok(Some(Long { above_tokens: u64::from(thousands) * 1_000, rates }))
}
