//! JSON as text: numbers keep their digits and never pass through binary fractions. Knows no list.

use crate::text::RATE_MAX;
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Digits behind the point that are kept of a price for a million tokens: less than a billionth of a billionth of a
/// dollar for a token. What is behind them comes of somebody's binary fractions.
const DIGITS: u32 = 12;

/// An object whose values are still text.
pub(super) type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The value as an object, if it is one.
pub(super) fn object(value: &RawValue) -> Option<Object<'_>> {
    serde_json::from_str(value.get()).ok()
}

/// The elements of an array; none if it is no array.
pub(super) fn array(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_default()
}

/// A member as text.
pub(super) fn word(row: &Object<'_>, member: &str) -> Option<String> {
    serde_json::from_str(row.get(member)?.get()).ok()
}

/// A member as a number of tokens; zero means that nobody knows.
pub(super) fn count(row: &Object<'_>, member: &str) -> Option<u64> {
    let count = decimal(row.get(member)?)?;
    if count.fract().is_zero() { u64::try_from(count).ok().filter(|count| *count > 0) } else { None }
}

/// A member as dollars, `scale` times as much; `Err` if it is there and no price.
pub(super) fn usd(row: &Object<'_>, member: &str, scale: Decimal) -> Result<Option<Decimal>, &'static str> {
    let Some(value) = row.get(member).filter(|value| value.get() != "null") else { return Ok(None) };
    let usd = decimal(value).and_then(|usd| usd.checked_mul(scale)).map(|usd| usd.round_dp(DIGITS).normalize());
    let sane = usd.filter(|usd| *usd >= Decimal::ZERO && *usd <= RATE_MAX);
    sane.map(Some).ok_or("whose price is no amount")
}

/// The same where zero means that nobody told.
pub(super) fn told(row: &Object<'_>, member: &str, scale: Decimal) -> Result<Option<Decimal>, &'static str> {
    Ok(usd(row, member, scale)?.filter(|usd| !usd.is_zero()))
}

/// A number, also one in quotation marks, by its digits.
fn decimal(value: &RawValue) -> Option<Decimal> {
    let text = value.get();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dollars for a million tokens from what a token costs.
    fn check(json: &str, expect: Result<Option<&str>, &'static str>) {
        let text = format!("{{\"a\": {json}}}");
        let found = usd(&serde_json::from_str(&text).unwrap(), "a", Decimal::from(1_000_000));
        assert_eq!(found.map(|usd| usd.map(|usd| usd.to_string())), expect.map(|usd| usd.map(str::to_owned)), "{json}");
    }

    #[test]
    fn digits_stay_what_they_are() {
        check("1.5e-07", Ok(Some("0.15")));
        check("1.5E-7", Ok(Some("0.15")));
        check("0.00000015", Ok(Some("0.15")));
        check("\"1.5e-07\"", Ok(Some("0.15")));
        check("3e-06", Ok(Some("3")));
        check("3.625e-9", Ok(Some("0.003625")));
        check("0", Ok(Some("0")));
        check("0.0", Ok(Some("0")));
        check("null", Ok(None));
        check("4.9999999999999999996e-8", Ok(Some("0.05")));
        check("1", Ok(Some("1000000")));
    }

    #[test]
    fn what_is_no_price_is_said() {
        for json in ["-1e-6", "2", "1e99", "1e-99999", "\"free\"", "true", "[]", "{}", "\"\"", "\"1e\""] {
            let text = format!("{{\"a\": {json}}}");
            let found = usd(&serde_json::from_str(&text).unwrap(), "a", Decimal::from(1_000_000));
            assert!(found.is_err() || found == Ok(Some(Decimal::ZERO)), "{json}: {found:?}");
        }
    }

    #[test]
    fn counts_are_whole() {
        let row: Object<'_> =
            serde_json::from_str(r#"{"a": 8192, "b": 1e6, "c": 1.5, "d": 0, "e": -1, "f": "4096"}"#).unwrap();
        let found = ["a", "b", "c", "d", "e", "f", "g"].map(|member| count(&row, member));
        assert_eq!(found, [Some(8192), Some(1_000_000), None, None, None, Some(4096), None]);
    }
}
