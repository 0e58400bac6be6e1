//! What calls cost, against sums worked out by hand: fifty shapes of usage. The comment at each row is the working, in
//! millionths of a dollar unless it says otherwise.

#![cfg(test)]

use caller::Tokens;
use prices::{Price, Table};
use rust_decimal::Decimal;

/// Made-up rates in round figures: every sort of token has its own.
const EVERY: &str = "input=10,output=20,cached=1,cached_write=12,cached_write_hour=16,reasoning=30,request='0.5'";
/// The same beyond a hundred tokens, doubled; the fee stays.
const LONG: &str = "input=10,output=20,cached=1,cached_write=12,cached_write_hour=16,reasoning=30,request='0.5',\
    long={above_tokens=100,input=20,output=40,cached=2,cached_write=24,cached_write_hour=32,reasoning=60}";
/// Like gpt-5.
const OPENAI: &str = "input='1.25',output=10,cached='0.125'";
/// Like gpt-4o-mini.
const MINI: &str = "input='0.15',output='0.6',cached='0.075'";
/// Like Claude Sonnet.
const ANTHROPIC: &str = "input=3,output=15,cached='0.3',cached_write='3.75',cached_write_hour=6";
/// Like Gemini 2.5 Pro.
const GEMINI: &str = "input='1.25',output=10,cached='0.125',\
    long={above_tokens=200000,input='2.5',output=15,cached='0.25'}";
/// Like Sonar.
const PERPLEXITY: &str = "input=1,output=1,request='0.005'";
/// Like Sonar Deep Research: those who think are paid less.
const RESEARCH: &str = "input=2,output=8,reasoning=3,request='0.005'";
/// Like DeepSeek.
const DEEPSEEK: &str = "input='0.14',output='0.28',cached='0.0028'";
/// Nothing but what must be.
const PLAIN: &str = "input=1,output=2";
/// An embedding.
const VECTOR: &str = "input='0.02',output=0";
/// Free of charge, which is not unknown.
const FREE: &str = "input=0,output=0";

const MAX: u64 = u64::MAX;

/// Rates; input, cached, written, written for an hour; output, reasoning; dollars.
type Shape = (&'static str, [u64; 4], [u64; 2], &'static str);

const SHAPES: [Shape; 50] = [
    // Zero tokens: nobody answered, and even a fee is not due.
    (EVERY, [0, 0, 0, 0], [0, 0], "0"),
    (LONG, [0, 0, 0, 0], [0, 0], "0"),
    // Parts of nothing are nothing: cached, written and reasoning cannot be more than 0.
    (EVERY, [0, 7, 7, 7], [0, 7], "0"),
    // One token read: 10, and the fee of 500,000.
    (EVERY, [1, 0, 0, 0], [0, 0], "0.50001"),
    // One token written: 20, and the fee.
    (EVERY, [0, 0, 0, 0], [1, 0], "0.50002"),
    // One of each sort: 10 + 1 + 12 + 16 + 20 + 30 = 89, and the fee.
    (EVERY, [4, 1, 2, 1], [2, 1], "0.500089"),
    // All from the cache: 100 × 1, and the fee.
    (EVERY, [100, 100, 0, 0], [0, 0], "0.5001"),
    // All into the cache: 100 × 12 = 1,200.
    (EVERY, [100, 0, 100, 0], [0, 0], "0.5012"),
    // All into the cache for an hour: 100 × 16 = 1,600.
    (EVERY, [100, 0, 100, 100], [0, 0], "0.5016"),
    // Half of what is written stays an hour: 50 × 12 + 50 × 16 = 1,400.
    (EVERY, [100, 0, 100, 50], [0, 0], "0.5014"),
    // All output is reasoning: 10 × 30 = 300.
    (EVERY, [0, 0, 0, 0], [10, 10], "0.5003"),
    // Clamped: more cached than read counts as all of it: 100 × 1.
    (EVERY, [100, 5_000, 0, 0], [0, 0], "0.5001"),
    // Clamped: cached first, 60 × 1; of what remains all was written, 40 × 12 = 480: 540.
    (EVERY, [100, 60, 5_000, 0], [0, 0], "0.50054"),
    // Clamped: nothing remains to be written, whatever is said: 100 × 1.
    (EVERY, [100, 100, 100, 100], [0, 0], "0.5001"),
    // Clamped: 40 remain to be written, all of them for an hour: 60 × 1 + 40 × 16 = 700.
    (EVERY, [100, 60, 50, 45], [0, 0], "0.5007"),
    // Clamped: more for an hour than written: 10 × 16 = 160, the other 90 × 10 = 900.
    (EVERY, [100, 0, 10, 99], [0, 0], "0.50106"),
    // Clamped: an hour without a write is nothing: 100 × 10.
    (EVERY, [100, 0, 0, 99], [0, 0], "0.501"),
    // Clamped: more reasoning than output: 10 × 30.
    (EVERY, [0, 0, 0, 0], [10, 99], "0.5003"),
    // Long: at the boundary still short, 100 × 10 + 10 × 20 = 1,200.
    (LONG, [100, 0, 0, 0], [10, 0], "0.5012"),
    // Long: one more, and all tokens cost double: 101 × 20 + 10 × 40 = 2,420.
    (LONG, [101, 0, 0, 0], [10, 0], "0.50242"),
    // Long by what was cached: 101 × 2 = 202.
    (LONG, [101, 101, 0, 0], [0, 0], "0.500202"),
    // Long, one of each sort but 98 plain: 98 × 20 + 2 + 24 + 32 + 40 + 60 = 2,118.
    (LONG, [101, 1, 2, 1], [2, 1], "0.502118"),
    // Output makes nothing long: 100 × 10 + 1,000 × 20 = 21,000.
    (LONG, [100, 0, 0, 0], [1_000, 0], "0.521"),
    // OpenAI-like: 1,000 × 1.25 = 1,250, 500 × 10 = 5,000.
    (OPENAI, [1_000, 0, 0, 0], [500, 0], "0.00625"),
    // OpenAI-like, 896 of 1,000 cached: 104 × 1.25 = 130, 896 × 0.125 = 112, 500 × 10 = 5,000.
    (OPENAI, [1_000, 896, 0, 0], [500, 0], "0.005242"),
    // OpenAI-like, reasoning is billed as output: 100 × 1.25 = 125, 2,000 × 10 = 20,000.
    (OPENAI, [100, 0, 0, 0], [2_000, 1_984], "0.020125"),
    // OpenAI-like, a write into the cache is not billed apart: 1,000 × 1.25.
    (OPENAI, [1_000, 0, 600, 0], [0, 0], "0.00125"),
    // Small prices: 8 × 0.15 = 1.2, 9 × 0.6 = 5.4.
    (MINI, [8, 0, 0, 0], [9, 0], "0.0000066"),
    // Small prices, cached: 128 × 0.15 = 19.2, 1,920 × 0.075 = 144, 16 × 0.6 = 9.6.
    (MINI, [2_048, 1_920, 0, 0], [16, 0], "0.0001728"),
    // One token: 0.15.
    (MINI, [1, 0, 0, 0], [0, 0], "0.00000015"),
    // Anthropic-like without a cache: 2,095 × 3 = 6,285, 503 × 15 = 7,545.
    (ANTHROPIC, [2_095, 0, 0, 0], [503, 0], "0.01383"),
    // Anthropic-like, first call writes: 50 × 3 = 150, 10,000 × 3.75 = 37,500, 400 × 15 = 6,000.
    (ANTHROPIC, [10_050, 0, 10_000, 0], [400, 0], "0.04365"),
    // Anthropic-like, second call reads: 50 × 3 = 150, 10,000 × 0.3 = 3,000, 400 × 15 = 6,000.
    (ANTHROPIC, [10_050, 10_000, 0, 0], [400, 0], "0.00915"),
    // Anthropic-like, written for an hour: 50 × 3 = 150, 10,000 × 6 = 60,000, 400 × 15 = 6,000.
    (ANTHROPIC, [10_050, 0, 10_000, 10_000], [400, 0], "0.06615"),
    // Anthropic-like, all at once: 100 × 3 = 300, 5,000 × 0.3 = 1,500, 1,000 × 3.75 = 3,750, 2,000 × 6 = 12,000,
    // 700 × 15 = 10,500.
    (ANTHROPIC, [8_100, 5_000, 3_000, 2_000], [700, 0], "0.02805"),
    // Anthropic-like, thinking is billed as output: 10 × 3 = 30, 1,000 × 15 = 15,000.
    (ANTHROPIC, [10, 0, 0, 0], [1_000, 900], "0.01503"),
    // Gemini-like, short: 1,000 × 1.25 = 1,250, 1,000 × 10 = 10,000.
    (GEMINI, [1_000, 0, 0, 0], [1_000, 600], "0.01125"),
    // Gemini-like, at the boundary: 200,000 × 1.25 = 250,000, 1,000 × 10 = 10,000.
    (GEMINI, [200_000, 0, 0, 0], [1_000, 0], "0.26"),
    // Gemini-like, above it: 200,001 × 2.5 = 500,002.5, 1,000 × 15 = 15,000.
    (GEMINI, [200_001, 0, 0, 0], [1_000, 0], "0.5150025"),
    // Gemini-like, long and mostly cached: 50,000 × 2.5 = 125,000, 200,000 × 0.25 = 50,000, 100 × 15 = 1,500.
    (GEMINI, [250_000, 200_000, 0, 0], [100, 0], "0.1765"),
    // Perplexity-like: 100 + 200, and a fee of 5,000.
    (PERPLEXITY, [100, 0, 0, 0], [200, 0], "0.0053"),
    // Perplexity-like, the shortest answer: 1 + 1 and the fee.
    (PERPLEXITY, [1, 0, 0, 0], [1, 0], "0.005002"),
    // Research-like: 33 × 2 = 66, 7,163 × 8 = 57,304, 73,997 × 3 = 221,991, and the fee of 5,000.
    (RESEARCH, [33, 0, 0, 0], [81_160, 73_997], "0.284361"),
    // DeepSeek-like: 36 × 0.14 = 5.04, 64 × 0.0028 = 0.1792, 10 × 0.28 = 2.8.
    (DEEPSEEK, [100, 64, 0, 0], [10, 0], "0.0000080192"),
    // Plain rates: every sort is as input or output, 100 + 2 × 50 = 200.
    (PLAIN, [100, 20, 30, 10], [50, 25], "0.0002"),
    // A million of each: 1 + 2 dollars.
    (PLAIN, [1_000_000, 0, 0, 0], [1_000_000, 0], "3"),
    // An embedding: 8,192 × 0.02 = 163.84; what it does not write costs nothing.
    (VECTOR, [8_192, 0, 0, 0], [0, 0], "0.00016384"),
    // Free is zero, however much.
    (FREE, [MAX, 5, 5, 5], [MAX, 5], "0"),
    // Huge: 2^64 − 1 = 18,446,744,073,709,551,615 tokens of input × 1 and as many of output × 2, over a million.
    (PLAIN, [MAX, 0, 0, 0], [MAX, 0], "55340232221128.654845"),
    // Huge nonsense, clamped: (2^64 − 1) × 0.3 = 5,534,023,222,112,865,484.5, over a million; more digits than those
    // 19 before the point are not lost.
    (ANTHROPIC, [MAX, MAX, MAX, MAX], [0, MAX], "5534023222112.8654845"),
];

fn price(rates: &str) -> Price {
    let text = format!("[h]\nsource = 's'\ndate = '2026-01-01'\n[h.models]\nm = {{ {rates} }}\n");
    Table::parse(&text).unwrap().find("h", "m").unwrap().price.unwrap()
}

fn tokens([input, cached, written, written_hour]: [u64; 4], [output, reasoning]: [u64; 2]) -> Tokens {
    Tokens { input, output, cached, written, written_hour, reasoning }
}

#[test]
fn fifty_shapes_cost_what_they_should() {
    for (at, (rates, input, output, expect)) in SHAPES.iter().enumerate() {
        let (price, tokens) = (price(rates), tokens(*input, *output));
        assert_eq!(price.of(&tokens).to_string(), *expect, "row {at}: {tokens:?} at {rates}");
        let most = price.most_of(tokens.input, tokens.output);
        assert!(price.of(&tokens) <= most, "row {at}: {tokens:?} may cost at most {most}");
    }
}

#[test]
fn no_two_rows_are_the_same() {
    for (at, row) in SHAPES.iter().enumerate() {
        assert!(!SHAPES[..at].contains(row), "row {at}");
    }
}

#[test]
fn the_most_of_the_shapes_is_reached() {
    // Everything written for an hour, everything reasoned: 101 × 32 + 10 × 60 = 3,832, and the fee.
    assert_eq!(price(LONG).most_of(101, 10), "0.503832".parse::<Decimal>().unwrap());
    assert_eq!(price(LONG).of(&tokens([101, 0, 101, 101], [10, 10])), price(LONG).most_of(101, 10));
}
