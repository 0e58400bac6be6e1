//! Amounts of money as they were written.
//!
//! This file keeps the decimal digits and calculates nothing: whoever adds amounts up turns the text into a decimal.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most digits an amount may have in all, which every decimal type of 96 bits can hold.
const DIGITS_MAX: usize = 28;

/// A non-negative amount of US dollars, kept as exact decimal text such as `0.15`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Usd(String);

impl Usd {
    /// The amount as decimal digits with an optional fraction, never an exponent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Usd {
    fn default() -> Self {
        Self("0".to_owned())
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Usd({})", self.0)
    }
}

/// Text that is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount of US dollars, write digits with an optional fraction such as `0.15`")]
pub struct UsdError {
    /// What was written.
    text: String,
}

impl FromStr for Usd {
    type Err = UsdError;

    fn from_str(text: &str) -> Result<Self, UsdError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let length = whole.len() + fraction.map_or(0, str::len);
        if digits(whole) && fraction.is_none_or(digits) && length <= DIGITS_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(UsdError { text: text.chars().take(2 * DIGITS_MAX).collect() })
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UsdVisitor)
    }
}

struct UsdVisitor;

impl Visitor<'_> for UsdVisitor {
    type Value = Usd;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an amount of US dollars, as a number or a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Usd, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, amount: i64) -> Result<Usd, E> {
        amount.to_string().parse().map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, amount: u64) -> Result<Usd, E> {
        amount.to_string().parse().map_err(E::custom)
    }

    /// The shortest decimal that means the same number, which is what was written unless it had too many digits.
    fn visit_f64<E: serde::de::Error>(self, amount: f64) -> Result<Usd, E> {
        amount.to_string().parse().map_err(E::custom)
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A non-negative amount of US dollars, as a number or as exact decimal text.",
            "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$" }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Usd;

    #[test]
    fn keeps_the_digits_that_were_written() {
        for text in ["0", "3", "0.15", "0.150", "12345678901234567890.12345678"] {
            assert_eq!(text.parse::<Usd>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_an_amount() {
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "NaN", "inf", "1,5", "1.2.3", "12345678901234567890123456789"]
        {
            assert!(text.parse::<Usd>().is_err(), "{text}");
        }
        let error = "-1".parse::<Usd>().unwrap_err().to_string();
        assert_eq!(error, "`-1` is not an amount of US dollars, write digits with an optional fraction such as `0.15`");
    }

    #[test]
    fn reads_numbers_and_text() {
        let read = |text: &str| toml::from_str::<std::collections::BTreeMap<String, Usd>>(text);
        assert_eq!(read("a = 0.15").unwrap()["a"].as_str(), "0.15");
        assert_eq!(read("a = 3").unwrap()["a"].as_str(), "3");
        assert_eq!(read("a = 1e-7").unwrap()["a"].as_str(), "0.0000001");
        assert_eq!(read("a = '0.10'").unwrap()["a"].as_str(), "0.10");
        for wrong in ["a = -0.5", "a = nan", "a = inf", "a = 1e300", "a = true", "a = '1 USD'"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
