//! Amounts as text and as billionths.

use caller::NanoUsd;
use settings::Usd;

/// The largest limit, some 1.15 billion dollars: sums of limits and costs stay far from overflowing.
pub(super) const LIMIT_MAX: NanoUsd = 1 << 60;
const DIGITS: usize = 9;

/// Billionths in an amount; finer parts are cut off, more than [`LIMIT_MAX`] is that.
pub(super) fn nano(amount: &Usd) -> NanoUsd {
    let (whole, fraction) = amount.as_str().split_once('.').unwrap_or((amount.as_str(), ""));
    let digits = whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(DIGITS));
    // At most 28 + 9 digits, which 128 bits can hold.
    let nano = digits.fold(0_i128, |sum, digit| sum * 10 + i128::from(digit.wrapping_sub(b'0')));
    NanoUsd::try_from(nano).unwrap_or(LIMIT_MAX).min(LIMIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::{LIMIT_MAX, nano};

    #[test]
    fn amounts_are_exact_to_the_billionth() {
        let cases = [
            ("0", 0),
            ("1.5", 1_500_000_000),
            ("0.000000001", 1),
            ("0.0000000019", 1),
            ("20", 20_000_000_000),
            ("0012.10", 12_100_000_000),
            ("9999999999999999999999999999", LIMIT_MAX),
        ];
        for (text, expected) in cases {
            assert_eq!(nano(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
