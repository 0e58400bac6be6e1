//! What a price is made of, and its edges. Whole shapes of usage are in `tests/shapes.rs`.

use super::*;

fn usd(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn rates(input: &str, output: &str) -> Rates {
    Rates { input: usd(input), output: usd(output), ..Rates::default() }
}

fn price(input: &str, output: &str) -> Price {
    Price { rates: rates(input, output), long: None }
}

#[test]
fn adds_exactly() {
    assert_eq!(price("0.15", "0.60").of_tokens(1_000, 500).to_string(), "0.00045");
    assert_eq!(price("0.15", "0.60").of_tokens(0, 0).to_string(), "0");
}

#[test]
fn no_count_of_tokens_is_too_much() {
    let price = Price { rates: Rates { input: Decimal::MAX, ..rates("0", "0.60") }, long: None };
    assert!(price.of_tokens(u64::MAX, u64::MAX) > Decimal::from(u64::MAX));
    assert_eq!(price.of_tokens(0, 1_000_000).to_string(), "0.6");
    assert_eq!(nano(price.of_tokens(u64::MAX, 1)), NanoUsd::MAX);
    assert_eq!(nano(Decimal::MAX), NanoUsd::MAX);
    let fee = Price { rates: Rates { request: Some(Decimal::MAX), ..rates("1", "1") }, long: None };
    assert!(fee.most_of(1, 1) >= fee.of_tokens(1, 1));
}

#[test]
fn books_round_up() {
    assert_eq!(nano(usd("0.0000000001")), 1);
    assert_eq!(nano(usd("0.000000001")), 1);
    assert_eq!(nano(usd("1.0000000011")), 1_000_000_002);
    assert_eq!(nano(Decimal::ZERO), 0);
}

#[test]
fn the_most_is_the_dearest_sort_of_token() {
    let cached = |amount: &str| Price { rates: Rates { cached: Some(usd(amount)), ..rates("1", "2") }, long: None };
    assert_eq!(cached("0.1").most_of(1_000, 10), usd("0.00102"));
    assert_eq!(cached("3").most_of(1_000, 10), usd("0.00302"));
    let all = Rates {
        cached_write: Some(usd("1.25")),
        cached_write_hour: Some(usd("2")),
        reasoning: Some(usd("5")),
        request: Some(usd("0.01")),
        ..rates("1", "2")
    };
    // 1,000 × 2 + 10 × 5 = 2,050 millionths, and the fee.
    assert_eq!(Price { rates: all, long: None }.most_of(1_000, 10), usd("0.01205"));
}

#[test]
fn the_most_reaches_the_long_rates_only_where_the_tokens_do() {
    let long = Some(Long { above_tokens: 200, rates: rates("4", "8") });
    let price = Price { rates: Rates { request: Some(usd("0.5")), ..rates("1", "2") }, long };
    assert_eq!(price.most_of(200, 10), usd("0.50022"));
    assert_eq!(price.most_of(201, 10), usd("0.500884"), "with the fee of short requests");
    // Where long requests are cheaper, a shorter one may cost the most.
    let odd = Price { rates: rates("10", "10"), long: Some(Long { above_tokens: 200, rates: rates("1", "1") }) };
    assert_eq!(odd.most_of(201, 0), usd("0.002"));
}

#[test]
fn settings_say_it_all() {
    let text = "input = 1\noutput = 2\ncached = '0.1'\ncached_write = '1.25'\ncached_write_hour = 2\nreasoning = 3\n\
                request = '0.005'\nlong = { above_tokens = 9, input = 4, output = 5, cached = '0.4', cached_write = 6 }";
    let found = Price::from_settings(&toml::from_str(text).unwrap()).unwrap();
    let some = |text| Some(usd(text));
    let expect = Rates {
        cached: some("0.1"),
        cached_write: some("1.25"),
        cached_write_hour: some("2"),
        reasoning: some("3"),
        request: some("0.005"),
        ..rates("1", "2")
    };
    assert_eq!(found.rates, expect);
    let long = Rates { cached: some("0.4"), cached_write: some("6"), ..rates("4", "5") };
    assert_eq!(found.long, Some(Long { above_tokens: 9, rates: long }));
    assert_eq!(Price::from_settings(&settings::Price::default()), Some(Price::default()));
}
