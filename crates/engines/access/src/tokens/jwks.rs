//! The keys that an identity provider publishes (RFC 7517), as far as RS256 can use them.

use super::TokenFault;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

/// The most keys that are looked at.
const KEYS_MAX: usize = 100;
/// The sizes of a modulus in bits: smaller ones can be broken, larger ones cost too much.
const BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// Public keys, each with its name.
#[derive(Default)]
pub(super) struct KeySet(Vec<(Option<String>, DecodingKey)>);

impl KeySet {
    /// Reads a set; keys for other uses and of other kinds are passed over.
    pub(super) fn read(body: &[u8]) -> Result<Self, &'static str> {
        let set: Value = serde_json::from_slice(body).map_err(|_| "what it sent is no JSON")?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("what it sent is no set of keys")?;
        let usable: Vec<_> = keys.iter().take(KEYS_MAX).filter_map(usable).collect();
        if usable.is_empty() { Err("it publishes no RSA key of 2048 to 4096 bits") } else { Ok(Self(usable)) }
    }

    /// The key that a token names. Without a name there must be one key alone, and no two keys of that name.
    pub(super) fn find(&self, kid: Option<&str>) -> Result<&DecodingKey, TokenFault> {
        let mut fitting = self.0.iter().filter(|(known, _)| kid.is_none() || known.as_deref() == kid);
        match (fitting.next(), fitting.next()) {
            (Some((_, key)), None) => Ok(key),
            _ => Err(TokenFault::UnknownKey),
        }
    }
}

/// A key that RS256 can be verified with.
fn usable(key: &Value) -> Option<(Option<String>, DecodingKey)> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let is = |name: &str, value: &str| key.get(name).is_none_or(|found| found.as_str() == Some(value));
    let verifies = key
        .get("key_ops")
        .is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op.as_str() == Some("verify"))));
    if text("kty") != Some("RSA") || !is("use", "sig") || !is("alg", "RS256") || !verifies {
        return None;
    }
    let number = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let (modulus, exponent) = (number("n")?, number("e")?);
    if !BITS.contains(&bits(&modulus)) || !is_exponent(&exponent) {
        return None;
    }
    Some((text("kid").map(str::to_owned), DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
}

fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros).map_or(0, |first| (number.len() - zeros) * 8 - first.leading_zeros() as usize)
}

/// An odd number from 3 to 2³²: with 1, anything would be its own signature.
fn is_exponent(number: &[u8]) -> bool {
    (2..=32).contains(&bits(number)) && number.last().is_some_and(|last| last % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(kid: &str, bits: usize) -> Value {
        let mut modulus = vec![0xff; bits / 8];
        modulus[0] >>= (8 - bits % 8) % 8;
        json!({ "kty": "RSA", "kid": kid, "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB" })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut key = key("a", 2_048);
        key[name] = value;
        key
    }

    fn read(keys: &[Value]) -> Result<KeySet, &'static str> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn only_keys_for_rs256_are_used() {
        for good in [key("a", 2_048), key("a", 4_096), with("use", json!("sig")), with("key_ops", json!(["verify"]))] {
            assert!(read(std::slice::from_ref(&good)).is_ok(), "{good}");
        }
        let bad = [
            key("a", 512),
            key("a", 2_040),
            key("a", 8_192),
            with("use", json!("enc")),
            with("alg", json!("RS512")),
            with("alg", json!("HS256")),
            with("kty", json!("oct")),
            with("kty", json!("EC")),
            with("key_ops", json!(["encrypt"])),
            with("e", json!("AQ")),
            with("e", json!("")),
            with("e", json!("Ag")),
            with("n", json!("!")),
            json!(null),
            json!({}),
        ];
        for bad in bad {
            assert!(read(std::slice::from_ref(&bad)).is_err(), "{bad}");
        }
        for body in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert!(KeySet::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_name_must_mean_one_key() {
        let set = read(&[key("a", 2_048), key("b", 2_048), key("b", 4_096), with("kid", json!(7))]).unwrap();
        assert!(set.find(Some("a")).is_ok());
        for kid in [Some("b"), Some("c"), Some(""), None] {
            assert!(set.find(kid).is_err(), "{kid:?}");
        }
        let one = read(&[key("a", 2_048)]).unwrap();
        assert!(one.find(None).is_ok() && one.find(Some("b")).is_err());
    }
}
