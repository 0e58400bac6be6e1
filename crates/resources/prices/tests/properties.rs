//! What holds for every price and every count of tokens.

#![cfg(test)]

use caller::Tokens;
use prices::{Long, Price, Rates, nano};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// An amount from nothing to far more than anybody asks, with up to six digits behind the point.
///
/// With the counts below, no sum has more digits than a decimal: everything is exact.
fn amount() -> impl Strategy<Value = Decimal> {
    prop_oneof![Just(Decimal::ZERO), (0_i64..1_000_000_000, 0_u32..=6).prop_map(|(n, scale)| Decimal::new(n, scale))]
}

fn maybe() -> impl Strategy<Value = Option<Decimal>> {
    proptest::option::of(amount())
}

fn rates() -> impl Strategy<Value = Rates> {
    let parts = (amount(), amount(), maybe(), maybe(), maybe(), maybe(), maybe());
    parts.prop_map(|(input, output, cached, cached_write, cached_write_hour, reasoning, request)| Rates {
        input,
        output,
        cached,
        cached_write,
        cached_write_hour,
        reasoning,
        request,
    })
}

/// Any price at all.
fn price() -> impl Strategy<Value = Price> {
    let long = (count(), rates()).prop_map(|(above_tokens, rates)| Long { above_tokens, rates });
    (rates(), proptest::option::of(long)).prop_map(|(rates, long)| Price { rates, long })
}

/// A price as houses make them: long requests cost no less.
fn usual() -> impl Strategy<Value = Price> {
    (rates(), count(), 1_u32..4).prop_map(|(rates, above_tokens, factor)| {
        let more = |amount: Decimal| amount * Decimal::from(factor);
        let long = Rates {
            input: more(rates.input),
            output: more(rates.output),
            cached: rates.cached.map(more),
            cached_write: rates.cached_write.map(more),
            cached_write_hour: rates.cached_write_hour.map(more),
            reasoning: rates.reasoning.map(more),
            request: None,
        };
        Price { rates, long: Some(Long { above_tokens, rates: long }) }
    })
}

/// Few tokens, and more than anybody has.
fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..1_000, 0_u64..1_000_000_000, 0_u64..100_000_000_000]
}

fn tokens() -> impl Strategy<Value = Tokens> {
    let parts = (count(), count(), count(), count(), count(), count());
    parts.prop_map(|(input, output, cached, written, written_hour, reasoning)| Tokens {
        input,
        output,
        cached,
        written,
        written_hour,
        reasoning,
    })
}

/// Tokens from how many there are of each sort: plain, cached, written, written for an hour, said, thought.
fn of_sorts([plain, cached, written, hour, said, thought]: [u64; 6]) -> Tokens {
    Tokens {
        input: plain + cached + written + hour,
        output: said + thought,
        cached,
        written: written + hour,
        written_hour: hour,
        reasoning: thought,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_costs_at_most_the_most(price in price(), tokens in tokens(), more in count()) {
        let cost = price.of(&tokens);
        prop_assert!(cost >= Decimal::ZERO);
        prop_assert!(cost <= price.most_of(tokens.input, tokens.output));
        let (input, output) = (tokens.input.saturating_add(more), tokens.output.saturating_add(more));
        prop_assert!(cost <= price.most_of(input, output), "what is reserved for more suffices for less");
        prop_assert!(nano(cost) >= 0 && nano(cost) <= nano(price.most_of(input, output)));
    }

    #[test]
    fn any_count_has_a_cost(price in price(), counts in proptest::array::uniform6(any::<u64>())) {
        let [input, output, cached, written, written_hour, reasoning] = counts;
        let cost = price.of(&Tokens { input, output, cached, written, written_hour, reasoning });
        // Sums that need more digits than a decimal has are rounded behind its 28th.
        let most = price.most_of(input, output) * (Decimal::ONE + Decimal::new(1, 20));
        prop_assert!(cost >= Decimal::ZERO && cost <= most);
        prop_assert!(nano(cost) >= 0);
    }

    #[test]
    fn more_tokens_never_cost_less(price in usual(), tokens in tokens(), more in count()) {
        let cost = price.of(&tokens);
        let read = Tokens { input: tokens.input.saturating_add(more), ..tokens };
        let written = Tokens { output: tokens.output.saturating_add(more), ..tokens };
        prop_assert!(cost <= price.of(&read));
        prop_assert!(cost <= price.of(&written));
    }

    #[test]
    fn more_tokens_of_any_sort_never_cost_less(
        price in usual(),
        sorts in proptest::array::uniform6(0_u64..100_000_000_000),
        sort in 0_usize..6,
        more in 0_u64..100_000_000_000,
    ) {
        let mut grown = sorts;
        grown[sort] += more;
        prop_assert!(price.of(&of_sorts(sorts)) <= price.of(&of_sorts(grown)));
    }

    #[test]
    fn books_never_hold_less_than_the_cost(price in price(), input in 0_u64..1_000_000, output in 0_u64..1_000_000) {
        let cost = price.of_tokens(input, output);
        let kept = nano(cost);
        prop_assert!(kept == i64::MAX || Decimal::from(kept) >= cost * Decimal::from(1_000_000_000));
        prop_assert!(kept == i64::MAX || Decimal::from(kept) < cost * Decimal::from(1_000_000_000) + Decimal::ONE);
    }
}
