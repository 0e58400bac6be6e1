//! What an answer costs, in exact decimal money.

use rust_decimal::Decimal;
use wire::openai::Usage;

/// Dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// For tokens read.
    pub input: Decimal,
    /// For tokens written.
    pub output: Decimal,
}

/// US dollars; `None` where the price or the token count is unknown, which is not the same as free.
pub type Cost = Option<Decimal>;

/// Tokens that a [`Price`] is for.
const TOKENS_PER_PRICE: u64 = 1_000_000;

impl Price {
    /// From settings; `None` if the digits do not fit a decimal.
    pub(crate) fn from_settings(price: &settings::Price) -> Option<Self> {
        let read = |usd: &settings::Usd| usd.as_str().parse::<Decimal>().ok();
        Some(Self { input: read(&price.input)?, output: read(&price.output)? })
    }

    /// What `usage` costs.
    pub fn of(&self, usage: &Usage) -> Decimal {
        self.of_tokens(usage.prompt_tokens, usage.completion_tokens)
    }

    /// What so many tokens cost.
    pub fn of_tokens(&self, input: u64, output: u64) -> Decimal {
        let of = |price: Decimal, tokens: u64| price.checked_mul(Decimal::from(tokens));
        let cost = of(self.input, input).zip(of(self.output, output)).and_then(|(a, b)| a.checked_add(b));
        // An upstream chooses these numbers: what no decimal holds counts as the most that one does.
        (cost.unwrap_or(Decimal::MAX) / Decimal::from(TOKENS_PER_PRICE)).normalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_exactly() {
        let price = Price { input: "0.15".parse().unwrap(), output: "0.60".parse().unwrap() };
        assert_eq!(price.of_tokens(1_000, 500).to_string(), "0.00045");
        assert_eq!(price.of_tokens(0, 0).to_string(), "0");
    }

    #[test]
    fn no_count_of_tokens_is_too_much() {
        let price = Price { input: Decimal::MAX, output: "0.60".parse().unwrap() };
        assert!(price.of_tokens(u64::MAX, u64::MAX) > Decimal::from(u64::MAX));
        assert_eq!(price.of_tokens(0, 1_000_000).to_string(), "0.6");
    }
}
