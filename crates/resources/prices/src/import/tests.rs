//! Small lists in the shape of others', written for these tests.

use super::*;
use crate::price::{Long, Price, Rates};
use rust_decimal::Decimal;

const TODAY: &str = "2026-11-21";

fn usd(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn price(table: &Table, house: &str, model: &str) -> Price {
    table.find(house, model).and_then(|entry| entry.price).unwrap_or_else(|| panic!("{house} {model}"))
}

const LITELLM: &str = r#"{
        "sample_spec": {"litellm_provider": "one of many", "mode": "one of: chat, embedding", "input_cost_per_token": 0},
        "small": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.5e-07,
            "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08, "max_input_tokens": 128000,
            "max_output_tokens": 16384, "supports_vision": true, "input_cost_per_token_batches": 9},
        "anthropic/deep": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06,
            "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07,
            "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
            "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05,
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
            "cache_read_input_token_cost_above_200k_tokens": 6e-07,
            "input_cost_per_token_above_200k_tokens_priority": 1},
        "together_ai/a/b": {"litellm_provider": "together_ai", "mode": "responses", "input_cost_per_token": 1e-6,
            "output_cost_per_token": 2e-6, "output_cost_per_reasoning_token": 3e-6, "input_cost_per_request": 0.004},
        "vec": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-08,
            "max_input_tokens": 8191, "output_vector_size": 1536},
        "perplexity/seek": {"litellm_provider": "perplexity", "mode": "chat", "input_cost_per_token": 1e-06,
            "output_cost_per_token": 1e-06,
            "search_context_cost_per_query": {"search_context_size_low": 0.005, "search_context_size_high": 0.012}},
        "bedrock/eu-west-1/x": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 1, "output_cost_per_token": 1},
        "x.y-v1:0": {"litellm_provider": "bedrock_converse", "mode": "chat", "input_cost_per_token": "1e-06", "output_cost_per_token": "1e-06"},
        "picture": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_pixel": 1e-8},
        "seconds": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_second": 1e-4},
        "free?": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0.0},
        "openrouter/m:free": {"litellm_provider": "openrouter", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0},
        "steps": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6,
            "input_cost_per_token_above_128k_tokens": 2e-6, "input_cost_per_token_above_200k_tokens": 3e-6},
        "tiers": {"litellm_provider": "dashscope", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "tiered_pricing": []},
        "twice": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6},
        "groq/twice": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 2e-6, "output_cost_per_token": 1e-6},
        "same": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6},
        "groq/same": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 1.0e-6, "output_cost_per_token": 1e-6},
        "odd": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": "soon", "output_cost_per_token": 1e-6},
        "not a row": 5
    }"#;

#[test]
fn the_list_of_litellm() {
    let (table, notes) = import(LITELLM.as_bytes(), TODAY).unwrap();
    let small = table.find("openai", "small").unwrap();
    assert_eq!((small.context_tokens, small.output_tokens_max), (Some(144_384), Some(16_384)));
    let expect = Rates { input: usd("0.15"), output: usd("0.6"), cached: Some(usd("0.075")), ..Rates::default() };
    assert_eq!(small.price, Some(Price { rates: expect, long: None }));
    let deep = price(&table, "anthropic", "deep");
    assert_eq!((deep.rates.cached_write, deep.rates.cached_write_hour), (Some(usd("3.75")), Some(usd("6"))));
    let long = Rates {
        input: usd("6"),
        output: usd("22.5"),
        cached: Some(usd("0.6")),
        cached_write_hour: Some(usd("12")),
        ..Rates::default()
    };
    assert_eq!(deep.long, Some(Long { above_tokens: 200_000, rates: long }));
    let both = price(&table, "together", "a/b").rates;
    assert_eq!((both.reasoning, both.request), (Some(usd("3")), Some(usd("0.004"))));
    assert_eq!(price(&table, "openai", "vec").rates.output, Decimal::ZERO);
    assert_eq!(table.find("openai", "vec").unwrap().context_tokens, Some(8_191));
    assert_eq!(price(&table, "perplexity", "seek").rates.request, Some(usd("0.005")));
    assert_eq!(price(&table, "bedrock", "x.y-v1:0").rates.input, Decimal::ONE);
    assert_eq!(price(&table, "openrouter", "m:free").rates.input, Decimal::ZERO);
    assert_eq!(table.about("openai").unwrap().date, TODAY);
    assert_eq!(
        notes,
        [
            "read 8 models of 7 houses from LiteLLM's list",
            "left out 2 for other uses than chat and embedding",
            "left out 2 told twice, with different prices",
            "left out 2 with several steps of length",
            "left out 1 for one region or a commitment alone",
            "left out 1 whose price is no amount",
            "left out 1 with a price of nothing, which may mean that it is unknown",
            "left out 1 without a price for tokens",
        ]
    );
}

#[test]
fn the_list_of_models_dev() {
    let text = r#"{
        "google": {"id": "google", "models": {
            "pro": {"cost": {"input": 1.25, "output": 10, "cache_read": 0.125,
                "tiers": [{"tier": {"type": "context", "size": 200000}, "input": 2.5, "output": 15, "cache_read": 0.25}]},
                "limit": {"context": 1048576, "output": 65536}, "modalities": {"output": ["text"]}},
            "old": {"cost": {"input": 1, "output": 2, "cache_read": 0, "context_over_200k": {"input": 3}}},
            "paint": {"cost": {"input": 1, "output": 2}, "modalities": {"input": ["text"], "output": ["image"]}},
            "gift": {"cost": {"input": 0, "output": 0}},
            "secret": {"limit": {"context": 5}},
            "stairs": {"cost": {"input": 1, "output": 2, "tiers": [{"tier": {"size": 1}}, {"tier": {"size": 2}}]}},
            "noise": {"cost": {"input": 0.049999999999999996, "output": 0.09999999999999999, "reasoning": 3, "cache_write": 0.3}}
        }},
        "amazon-bedrock": {"models": {"x": {"cost": {"input": 1, "output": 1}}}},
        "nobody": {"models": {}}
    }"#;
    let (table, notes) = import(text.as_bytes(), TODAY).unwrap();
    let pro = table.find("gemini", "pro").unwrap();
    assert_eq!((pro.context_tokens, pro.output_tokens_max), (Some(1_048_576), Some(65_536)));
    let long = Rates { input: usd("2.5"), output: usd("15"), cached: Some(usd("0.25")), ..Rates::default() };
    assert_eq!(pro.price.unwrap().long, Some(Long { above_tokens: 200_000, rates: long }));
    let old = price(&table, "gemini", "old");
    assert_eq!(old.rates.cached, None, "nothing may mean that nobody told");
    let long = Rates { input: usd("3"), output: usd("2"), ..Rates::default() };
    assert_eq!(old.long, Some(Long { above_tokens: 200_000, rates: long }));
    let noise = price(&table, "gemini", "noise").rates;
    assert_eq!((noise.input, noise.output, noise.reasoning), (usd("0.05"), usd("0.1"), Some(usd("3"))));
    assert_eq!(table.houses().collect::<Vec<_>>(), ["bedrock", "gemini"]);
    assert_eq!(
        notes,
        [
            "read 4 models of 2 houses from the list of models.dev",
            "left out 1 for other uses than chat and embedding",
            "left out 1 with a price of nothing, which may mean that it is unknown",
            "left out 1 with several steps of length",
            "left out 1 without a price for tokens",
        ]
    );
}

#[test]
fn our_own_list() {
    let (table, notes) = import(Table::shipped().to_toml().as_bytes(), TODAY).unwrap();
    assert_eq!(table, Table::shipped());
    assert_eq!(notes, [format!("read {} models of 10 houses from a list of our own", table.len())]);
}

#[test]
fn what_is_no_list_is_refused() {
    let check = |bytes: &[u8], expect: &str| {
        let told = import(bytes, TODAY).unwrap_err().to_string();
        assert!(told.starts_with(expect), "{told}");
    };
    check(b"", "this is no price list");
    check(b"{}", "this is no price list");
    check(br#"{"a": {"b": 1}}"#, "this is no price list");
    check(br#"{"a": {"models": {}}}"#, "this is no price list");
    check(br#"{"a": {"models": 5}}"#, "this is no price list");
    check(b"{\n\"a\": }", "the price list cannot be read, line 2: expected value");
    check(b"<html>", "the price list cannot be read, line 1: ");
    check(b"\xff\xfe", "the price list cannot be read: it is not UTF-8");
    check(&vec![b' '; BYTES_MAX + 1], "the price list has 67108865 bytes");
    assert!(import(b"{}", "today").unwrap_err().to_string().contains("`today` is not a date"));
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    check(deep.as_bytes(), "this is no price list");
}

#[test]
fn names_that_cannot_be_names_and_too_many_are_refused() {
    let row = r#"{"cost": {"input": 1, "output": 1}}"#;
    let long = "n".repeat(NAME_MAX + 1);
    let text = format!(r#"{{"h": {{"models": {{"": {row}, "{long}": {row}, "a\u001bb": {row}, "good": {row}}}}}}}"#);
    let (table, notes) = import(text.as_bytes(), TODAY).unwrap();
    assert_eq!((table.len(), notes.len()), (1, 2));
    assert_eq!(notes.last().unwrap(), "left out 3 whose names cannot be names");
    let rows: Vec<_> = (0..=ENTRIES_MAX).map(|at| format!(r#""{at}": {{}}"#)).collect();
    let text = format!(r#"{{"h": {{"models": {{{}}}}}}}"#, rows.join(","));
    assert!(matches!(import(text.as_bytes(), TODAY), Err(PricesError::TooMany { .. })));
}
