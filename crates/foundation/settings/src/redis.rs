//! The address of a Redis. It may hold a password, so it is shown without one; nothing here opens it.

use crate::error::SettingsError;
use crate::secret::SecretRef;
use crate::store::without_password;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The address of a Redis, or where that address lies.
#[derive(Clone)]
pub enum RedisUrl {
    /// The address itself; it may hold a password.
    Literal(SecretString),
    /// Where the address lies.
    Reference(SecretRef),
}

/// Text that is no address of a Redis; the text is not kept, for it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the address of a Redis, write `redis://host:6379`, `rediss://…`, `redis+cluster://…`, `env:NAME` or `file:PATH`"
)]
pub struct RedisUrlError;

impl RedisUrl {
    /// The address, read from where it lies.
    ///
    /// # Errors
    /// The reference leads nowhere, or to text that is no address.
    pub fn resolve(&self) -> Result<SecretString, SettingsError> {
        match self {
            Self::Literal(url) => Ok(url.clone()),
            Self::Reference(reference) => {
                let url = reference.resolve()?;
                if is_address(url.expose_secret()) {
                    return Ok(url);
                }
                let problem = "it is not the address of a Redis".to_owned();
                Err(SettingsError::Secret { reference: reference.clone(), problem })
            }
        }
    }
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        if let Ok(reference) = text.parse() {
            return Ok(Self::Reference(reference));
        }
        if is_address(text) { Ok(Self::Literal(text.to_owned().into())) } else { Err(RedisUrlError) }
    }
}

fn is_address(text: &str) -> bool {
    let schemes = ["redis://", "rediss://", "redis+cluster://", "rediss+cluster://"];
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty()) && !text.contains(char::is_control)
}

/// Hides the passwords in what a profile says about Redis: it was laid over the rest already, and what is kept of it is
/// only shown.
pub(crate) fn hide_passwords(profile: &mut toml::Table) {
    for section in ["cache", "replicas"] {
        if let Some(toml::Value::Table(section)) = profile.get_mut(section)
            && let Some(toml::Value::String(url)) = section.get_mut("redis_url")
            && let Ok(known) = url.parse::<RedisUrl>()
        {
            *url = known.to_string();
        }
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(url) => out.write_str(&without_password(url.expose_secret())),
            Self::Reference(reference) => reference.fmt(out),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RedisUrl({self})")
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(two)) => one.expose_secret() == two.expose_secret(),
            (Self::Reference(one), Self::Reference(two)) => one == two,
            _ => false,
        }
    }
}

impl Serialize for RedisUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RedisUrl {
    /// Reads any value first, because the usual message about a wrong type would repeat it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) => text.parse().map_err(serde::de::Error::custom),
            _ => Err(serde::de::Error::custom(RedisUrlError)),
        }
    }
}

impl JsonSchema for RedisUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RedisUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A Redis: `redis://…`, `rediss://…`, either with `+cluster`, or where its address lies: `env:NAME`, `file:PATH`.",
            "type": "string",
            "pattern": "^(rediss?(\\+cluster)?://|env:|file:).+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::RedisUrl;

    #[test]
    fn shows_no_password() {
        let shown = |url: &str| format!("{0} {0:?}", url.parse::<RedisUrl>().unwrap());
        assert_eq!(
            shown("redis://:s3cret@cache:6379/2"),
            "redis://:***@cache:6379/2 RedisUrl(redis://:***@cache:6379/2)"
        );
        assert!(!shown("rediss+cluster://ada:s3cret@a,b:7000").contains("s3c"));
    }

    #[test]
    fn takes_addresses_and_references_alone() {
        for good in ["redis://localhost", "rediss://a:1/0", "redis+cluster://a,b", "env:REDIS_URL", "file:/run/redis"] {
            assert!(good.parse::<RedisUrl>().is_ok(), "{good}");
        }
        for bad in ["", "redis:", "redis://", "valkey://a", "localhost:6379", "redis://a\nb"] {
            assert!(bad.parse::<RedisUrl>().is_err(), "{bad}");
        }
    }
}
