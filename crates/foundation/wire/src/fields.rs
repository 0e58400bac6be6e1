//! A JSON object as its keys and the untouched text of its values.
//!
//! Numbers keep their digits and unknown keys keep their place, which a parsed value would not promise.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of one object in their order.
pub struct Fields<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl Fields<'_> {
    /// Writes the object again: without the keys in `drop`, and with `set` in place of (or after) what was there.
    pub fn write(&self, drop: &[&str], set: &[(&str, String)]) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.push(b'{');
        for (key, value) in &self.0 {
            let replaced = set.iter().any(|(name, _)| name == key);
            if !replaced && !drop.contains(&key.as_ref()) {
                write_member(&mut out, key, value.get());
            }
        }
        for (key, value) in set {
            write_member(&mut out, key, value);
        }
        out.push(b'}');
        out
    }
}

fn write_member(out: &mut Vec<u8>, key: &str, value: &str) {
    if out.len() > 1 {
        out.push(b',');
    }
    out.extend_from_slice(serde_json::Value::from(key).to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(value.as_bytes());
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    members.push((key.0, map.next_value()?));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(Fields)
    }
}

/// A key that is borrowed unless it holds escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn keeps_order_digits_and_unknown_keys() {
        let text = r#"{"b":1.10,"a":{"x":[1, 2]},"big":123456789012345678901234567890,"stream":true}"#;
        let fields: Fields<'_> = serde_json::from_str(text).unwrap();
        let out = fields.write(&["stream"], &[("a", "null".to_owned()), ("z\"", "1".to_owned())]);
        let expected = r#"{"b":1.10,"big":123456789012345678901234567890,"a":null,"z\"":1}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
