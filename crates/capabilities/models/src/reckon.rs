//! What one call cost: what the upstream counted, and where it counted nothing, what it is reckoned to have used.
//!
//! The rule, in one place:
//!
//! 1. An answer that came whole and with its usage costs what the usage says at the configured price. That is exact,
//!    unless there is no price: then it costs nothing, and that is not exact.
//! 2. A call that an HTTP status refused, or that never reached the upstream, used nothing.
//! 3. Of every other call the usage is reckoned. It read one token for every four bytes of the request, and wrote one
//!    for every chunk that held words, or one for every four characters if that is more. A usage that a stream told
//!    before it broke off counts as far as it goes.

use crate::seen::Seen;
use caller::Tokens;
use prices::Price;
use rust_decimal::Decimal;
use wire::openai::Usage;

/// Bytes of a request for one token, and characters of an answer: a common rule of thumb for English text.
const PER_TOKEN: u64 = 4;
/// More tokens than this in one call are a mistake of the upstream's.
const TOKENS_MAX: u64 = 1_000_000_000;

/// How a call ended, as far as its cost goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With a whole answer.
    Whole,
    /// Without any work of the upstream's.
    Refused,
    /// Somewhere on the way.
    Broken,
}

/// What a call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bill {
    pub(crate) tokens: Tokens,
    pub(crate) usd: Decimal,
    /// Whether tokens and dollars are what the upstream told and the settings price.
    pub(crate) exact: bool,
}

/// The bill for a call whose request has so many bytes; `price` is `None` where nobody knows it.
pub(crate) fn bill(price: Option<Price>, end: End, bytes: usize, seen: &Seen) -> Bill {
    let usage = believed(seen.usage);
    let (tokens, told) = match (end, usage) {
        (End::Whole, Some(usage)) => (counted(usage), true),
        (End::Refused, _) => (Tokens::default(), false),
        (_, usage) => (reckoned(usage.map(counted).unwrap_or_default(), bytes, seen), false),
    };
    Bill { tokens, usd: price.map_or(Decimal::ZERO, |price| price.of(&tokens)), exact: told && price.is_some() }
}

/// Token counts that nobody can have used are not believed.
pub(crate) fn believed(usage: Option<Usage>) -> Option<Usage> {
    usage.filter(|usage| usage.prompt_tokens.max(usage.completion_tokens) <= TOKENS_MAX)
}

fn counted(usage: Usage) -> Tokens {
    Tokens {
        input: usage.prompt_tokens,
        output: usage.completion_tokens,
        cached: usage.cached_tokens.min(usage.prompt_tokens),
        written: usage.cache_write_tokens.min(usage.prompt_tokens),
        written_hour: usage.cache_write_hour_tokens.min(usage.cache_write_tokens),
        reasoning: usage.reasoning_tokens.min(usage.completion_tokens),
    }
}

/// What is reckoned to have been used beyond what was `told`.
fn reckoned(told: Tokens, bytes: usize, seen: &Seen) -> Tokens {
    let input = if told.input > 0 { told.input } else { (bytes as u64).div_ceil(PER_TOKEN) };
    let output = told.output.max(seen.chunks).max(seen.chars.div_ceil(PER_TOKEN));
    Tokens { input, output, ..told }
}

#[cfg(test)]
mod shapes;
#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Option<Price> {
        let cached = Some("0.1".parse().unwrap());
        let rates = prices::Rates { input: Decimal::ONE, output: Decimal::TEN, cached, ..prices::Rates::default() };
        Some(Price { rates, long: None })
    }

    fn usage(prompt: u64, completion: u64) -> Usage {
        Usage { prompt_tokens: prompt, completion_tokens: completion, ..Usage::default() }
    }

    fn seen(usage: Option<Usage>, chunks: u64, chars: u64) -> Seen {
        let mut seen = Seen::new(0);
        (seen.usage, seen.chunks, seen.chars) = (usage, chunks, chars);
        seen
    }

    /// Input, output, millionths of a dollar, exact.
    fn check(end: End, seen: &Seen, expect: (u64, u64, u64, bool)) {
        let bill = bill(price(), end, 41, seen);
        let (input, output, micro, exact) = expect;
        assert_eq!((bill.tokens.input, bill.tokens.output, bill.exact), (input, output, exact), "{end:?} {seen:?}");
        assert_eq!(bill.usd, Decimal::from(micro) / Decimal::from(1_000_000), "{end:?} {seen:?}");
    }

    #[test]
    fn a_whole_answer_costs_what_it_was_told() {
        check(End::Whole, &seen(Some(usage(3, 2)), 100, 100), (3, 2, 23, true));
        check(End::Whole, &seen(Some(usage(0, 0)), 0, 0), (0, 0, 0, true));
        let rich = Usage { cached_tokens: 10, reasoning_tokens: 2, ..usage(20, 2) };
        let found = bill(price(), End::Whole, 41, &seen(Some(rich), 0, 0));
        assert_eq!(found.tokens, Tokens { input: 20, output: 2, cached: 10, reasoning: 2, ..Tokens::default() });
        assert_eq!(found.usd.to_string(), "0.000031");
    }

    #[test]
    fn without_a_usage_it_is_reckoned() {
        check(End::Whole, &seen(None, 0, 9), (11, 3, 41, false));
        check(End::Whole, &seen(None, 5, 9), (11, 5, 61, false));
        check(End::Broken, &seen(None, 0, 0), (11, 0, 11, false));
        check(End::Broken, &seen(None, 2, 100), (11, 25, 261, false));
        check(End::Whole, &seen(Some(usage(TOKENS_MAX + 1, 1)), 1, 1), (11, 1, 21, false));
        check(End::Whole, &seen(Some(usage(1, u64::MAX)), 1, 1), (11, 1, 21, false));
    }

    #[test]
    fn what_a_broken_stream_had_told_counts_as_far_as_it_goes() {
        check(End::Broken, &seen(Some(usage(7, 2)), 1, 4), (7, 2, 27, false));
        check(End::Broken, &seen(Some(usage(7, 2)), 6, 4), (7, 6, 67, false));
        check(End::Broken, &seen(Some(usage(0, 2)), 1, 4), (11, 2, 31, false));
    }

    #[test]
    fn a_refusal_is_free() {
        check(End::Refused, &seen(None, 0, 0), (0, 0, 0, false));
        check(End::Refused, &seen(Some(usage(9, 9)), 9, 9), (0, 0, 0, false));
    }

    #[test]
    fn without_a_price_nothing_is_charged_and_nothing_is_exact() {
        let found = bill(None, End::Whole, 41, &seen(Some(usage(3, 2)), 0, 0));
        assert_eq!((found.tokens.input, found.usd, found.exact), (3, Decimal::ZERO, false));
    }
}
