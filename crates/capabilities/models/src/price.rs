//! What an answer costs, in exact decimal money.

use caller::{NANO_PER_USD, NanoUsd, Tokens};
use rust_decimal::Decimal;

/// Dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// For tokens read.
    pub input: Decimal,
    /// For tokens written.
    pub output: Decimal,
    /// For tokens read that the provider had in its cache; as `input` where it is not set.
    pub cached: Option<Decimal>,
}

/// US dollars; `None` where the price or the token count is unknown, which is not the same as free.
pub type Cost = Option<Decimal>;

/// Tokens that a [`Price`] is for.
const TOKENS_PER_PRICE: u64 = 1_000_000;

impl Price {
    /// From settings; `None` if the digits do not fit a decimal.
    pub(crate) fn from_settings(price: &settings::Price) -> Option<Self> {
        let read = |usd: &settings::Usd| usd.as_str().parse::<Decimal>().ok();
        let cached = price.cached.as_ref().map(|usd| read(usd).ok_or(())).transpose().ok()?;
        Some(Self { input: read(&price.input)?, output: read(&price.output)?, cached })
    }

    /// What `tokens` cost.
    pub fn of(&self, tokens: &Tokens) -> Decimal {
        let cached = tokens.cached.min(tokens.input);
        let parts = [
            (self.input, tokens.input - cached),
            (self.cached.unwrap_or(self.input), cached),
            (self.output, tokens.output),
        ];
        let sum =
            parts.into_iter().filter(|(_, tokens)| *tokens > 0).try_fold(Decimal::ZERO, |sum, (price, tokens)| {
                price.checked_mul(Decimal::from(tokens)).and_then(|part| sum.checked_add(part))
            });
        // An upstream chooses these numbers: what no decimal holds counts as the most that one does.
        (sum.unwrap_or(Decimal::MAX) / Decimal::from(TOKENS_PER_PRICE)).normalize()
    }

    /// What so many tokens cost, none of them from a cache.
    pub fn of_tokens(&self, input: u64, output: u64) -> Decimal {
        self.of(&Tokens { input, output, ..Tokens::default() })
    }

    /// The most that so many tokens can cost, wherever they come from.
    pub(crate) fn most_of(&self, input: u64, output: u64) -> Decimal {
        let input_price = self.cached.map_or(self.input, |cached| cached.max(self.input));
        Self { input: input_price, ..*self }.of_tokens(input, output)
    }
}

/// An amount as books keep it: rounded up, and at most what they can hold.
pub(crate) fn nano(usd: Decimal) -> NanoUsd {
    let nano = usd.checked_mul(Decimal::from(NANO_PER_USD)).map(|nano| nano.ceil());
    nano.and_then(|nano| NanoUsd::try_from(nano).ok()).unwrap_or(NanoUsd::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn adds_exactly() {
        let price = Price { input: usd("0.15"), output: usd("0.60"), cached: None };
        assert_eq!(price.of_tokens(1_000, 500).to_string(), "0.00045");
        assert_eq!(price.of_tokens(0, 0).to_string(), "0");
    }

    #[test]
    fn what_was_cached_has_its_own_price_where_there_is_one() {
        let tokens = Tokens { input: 1_000, cached: 900, output: 10, reasoning: 10 };
        let price = Price { input: usd("1"), output: usd("2"), cached: None };
        assert_eq!(price.of(&tokens), usd("0.00102"));
        let price = Price { cached: Some(usd("0.1")), ..price };
        assert_eq!(price.of(&tokens), usd("0.00021"));
        assert_eq!(price.of(&Tokens { cached: 5_000, ..tokens }), usd("0.00012"), "no more is cached than was read");
        assert_eq!(price.most_of(1_000, 10), usd("0.00102"));
        assert_eq!(Price { cached: Some(usd("3")), ..price }.most_of(1_000, 10), usd("0.00302"));
    }

    #[test]
    fn no_count_of_tokens_is_too_much() {
        let price = Price { input: Decimal::MAX, output: usd("0.60"), cached: None };
        assert!(price.of_tokens(u64::MAX, u64::MAX) > Decimal::from(u64::MAX));
        assert_eq!(price.of_tokens(0, 1_000_000).to_string(), "0.6");
        assert_eq!(nano(price.of_tokens(u64::MAX, 1)), NanoUsd::MAX);
        assert_eq!(nano(Decimal::MAX), NanoUsd::MAX);
    }

    #[test]
    fn books_round_up() {
        assert_eq!(nano(usd("0.0000000001")), 1);
        assert_eq!(nano(usd("0.000000001")), 1);
        assert_eq!(nano(usd("1.0000000011")), 1_000_000_002);
        assert_eq!(nano(Decimal::ZERO), 0);
    }
}
