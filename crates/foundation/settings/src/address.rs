//! The address of something that is asked with a password, or where that address lies. It is shown without the
//! password; nothing here opens it, and what is behind it nobody here knows.

use crate::error::SettingsError;
use crate::secret::SecretRef;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// What an address is the address of.
pub trait Target {
    /// What the type of its addresses is called in messages for developers and in the schema.
    const TYPE: &'static str;
    /// What it is, in words: `a database`.
    const WHAT: &'static str;
    /// What its addresses begin with.
    const SCHEMES: &'static [&'static str];
    /// How its addresses are written, for people.
    const FORMS: &'static str;
}

/// The address of a `T`, or where that address lies.
#[derive(Clone)]
pub struct Address<T> {
    given: Given,
    of: PhantomData<T>,
}

#[derive(Clone)]
enum Given {
    /// The address itself; it may hold a password.
    Literal(SecretString),
    /// Where the address lies.
    Reference(SecretRef),
}

/// Text that is no address of what it should be one of; the text is not kept, for it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the address of {what}, write {forms}, `env:NAME` or `file:PATH`")]
pub struct AddressError {
    what: &'static str,
    forms: &'static str,
}

impl<T: Target> Address<T> {
    const WRONG: AddressError = AddressError { what: T::WHAT, forms: T::FORMS };

    /// The address, read from where it lies.
    ///
    /// # Errors
    /// The reference leads nowhere, or to text that is no address.
    pub fn resolve(&self) -> Result<SecretString, SettingsError> {
        let reference = match &self.given {
            Given::Literal(url) => return Ok(url.clone()),
            Given::Reference(reference) => reference,
        };
        let url = reference.resolve()?;
        if Self::is_one(url.expose_secret()) {
            return Ok(url);
        }
        let problem = format!("it is not the address of {}", T::WHAT);
        Err(SettingsError::Secret { reference: reference.clone(), problem })
    }

    /// Whether it is known to begin so: what a reference leads to is not known before it is resolved.
    pub(crate) fn begins(&self, scheme: &str) -> bool {
        matches!(&self.given, Given::Literal(url) if url.expose_secret().starts_with(scheme))
    }

    fn is_one(text: &str) -> bool {
        let rest = T::SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        rest.is_some_and(|rest| !rest.is_empty()) && !text.contains(char::is_control)
    }

    /// Hides the password in an address that a profile gives: it was laid over the rest already, and what is kept of it
    /// is only shown.
    pub(crate) fn hide_password(profile: &mut toml::Table, section: &str, key: &str) {
        if let Some(toml::Value::Table(section)) = profile.get_mut(section)
            && let Some(toml::Value::String(url)) = section.get_mut(key)
            && let Ok(known) = url.parse::<Self>()
        {
            *url = known.to_string();
        }
    }
}

/// An address without its password.
///
/// Whatever stands between the scheme and the last `@` is a user and perhaps a password, and a query may hold one too.
/// Where it cannot be told which is which, because of an `@` behind the first `?` or `#`, nothing is shown.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    if query.contains('@') {
        return format!("{scheme}://***");
    }
    let query = if query.is_empty() { "" } else { "?***" };
    let Some((user, place)) = rest.rsplit_once('@') else { return format!("{scheme}://{rest}{query}") };
    let (user, hidden) = user.split_once(':').map_or((user, ""), |(user, _)| (user, ":***"));
    format!("{scheme}://{user}{hidden}@{place}{query}")
}

impl<T: Target> FromStr for Address<T> {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let given = match text.parse() {
            Ok(reference) => Given::Reference(reference),
            Err(_) if Self::is_one(text) => Given::Literal(text.to_owned().into()),
            Err(_) => return Err(Self::WRONG),
        };
        Ok(Self { given, of: PhantomData })
    }
}

impl<T> fmt::Display for Address<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.given {
            Given::Literal(url) => out.write_str(&without_password(url.expose_secret())),
            Given::Reference(reference) => reference.fmt(out),
        }
    }
}

impl<T: Target> fmt::Debug for Address<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}({self})", T::TYPE)
    }
}

impl<T> PartialEq for Address<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.given, &other.given) {
            (Given::Literal(one), Given::Literal(two)) => one.expose_secret() == two.expose_secret(),
            (Given::Reference(one), Given::Reference(two)) => one == two,
            _ => false,
        }
    }
}

impl<T> Serialize for Address<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Target> Deserialize<'de> for Address<T> {
    /// Reads any value first, because the usual message about a wrong type would repeat it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) => text.parse().map_err(serde::de::Error::custom),
            _ => Err(serde::de::Error::custom(Self::WRONG)),
        }
    }
}

impl<T: Target> JsonSchema for Address<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::TYPE.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let schemes: Vec<String> = T::SCHEMES.iter().map(|scheme| scheme.replace('+', "\\+")).collect();
        schemars::json_schema!({
            "description": format!("The address of {}: {}, or where it lies: `env:NAME`, `file:PATH`.", T::WHAT, T::FORMS),
            "type": "string",
            "pattern": format!("^({}|env:|file:).+$", schemes.join("|")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;
    use crate::{RedisUrl, StoreUrl};

    #[test]
    fn a_database_shows_no_password() {
        let shown = |url: &str| format!("{0} {0:?}", url.parse::<StoreUrl>().unwrap());
        let url = "postgres://ada:s3c:r@et@db.example:5432/althing?password=s3cret&sslmode=require";
        assert_eq!(without_password(url), "postgres://ada:***@db.example:5432/althing?***");
        assert!(!shown(url).contains("s3c"));
        assert_eq!(without_password("postgres://ada@db/althing"), "postgres://ada@db/althing");
        assert_eq!(without_password("sqlite:a.db"), "sqlite:a.db");
        for odd in ["postgres://ada:s3c?ret@db/a", "postgres://ada:s3c#ret@db/a", "postgres://ada:s3@c?r@et@db"] {
            assert_eq!(without_password(odd), "postgres://***", "{odd}");
        }
        assert_eq!(without_password("postgres://ada:s3c/ret@db/a"), "postgres://ada:***@db/a");
    }

    #[test]
    fn a_redis_shows_no_password() {
        let shown = |url: &str| format!("{0} {0:?}", url.parse::<RedisUrl>().unwrap());
        assert_eq!(
            shown("redis://:s3cret@cache:6379/2"),
            "redis://:***@cache:6379/2 RedisUrl(redis://:***@cache:6379/2)"
        );
        assert!(!shown("rediss+cluster://ada:s3cret@a,b:7000").contains("s3c"));
    }

    #[test]
    fn takes_addresses_and_references_alone() {
        for good in ["sqlite:a.db", "postgres://db/a", "postgresql://db", "env:DATABASE_URL", "file:/run/secrets/db"] {
            assert!(good.parse::<StoreUrl>().is_ok(), "{good}");
        }
        for bad in ["", "sqlite:", "mysql://a", "a.db", "postgres:a", "sqlite:a\nb"] {
            assert!(bad.parse::<StoreUrl>().is_err(), "{bad}");
        }
        for good in ["redis://localhost", "rediss://a:1/0", "redis+cluster://a,b", "env:REDIS_URL", "file:/run/redis"] {
            assert!(good.parse::<RedisUrl>().is_ok(), "{good}");
        }
        for bad in ["", "redis:", "redis://", "valkey://a", "localhost:6379", "redis://a\nb"] {
            assert!(bad.parse::<RedisUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_none_is_told_what_would_be_one() {
        let told = |error: super::AddressError| error.to_string();
        assert_eq!(
            told("mysql://a".parse::<StoreUrl>().unwrap_err()),
            "not the address of a database, write `sqlite:FILE`, `postgres://user@host/database`, `env:NAME` or \
             `file:PATH`"
        );
        assert_eq!(
            told("localhost".parse::<RedisUrl>().unwrap_err()),
            "not the address of a Redis, write `redis://host:6379`, `rediss://…`, `redis+cluster://…`, `env:NAME` or \
             `file:PATH`"
        );
    }
}
