//! The store section: which database, and how much of it.
//!
//! An address may hold a password, so it is shown without one; nothing here opens it.

use crate::error::SettingsError;
use crate::secret::SecretRef;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where everything that must outlive the process is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The database: `sqlite:FILE`, `postgres://user@host/database`, or either as `env:NAME` or `file:PATH`; without
    /// one, `althing.db` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<StoreUrl>,
    /// A read-only copy of the PostgreSQL database that reports may be read from; it may lag behind. Written as `url`,
    /// and only beside one that is not SQLite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_url: Option<StoreUrl>,
    /// The fewest connections kept open, 1 to 10000 and at most `pool_max`.
    pub pool_min: u32,
    /// The most connections open at once, to each database, 1 to 10000.
    pub pool_max: u32,
    /// How long to wait for a connection or for a place in line, in milliseconds.
    pub acquire_ms: u64,
    /// How long one transaction may take, in milliseconds.
    pub transaction_ms: u64,
    /// From how many milliseconds on a statement counts as slow.
    pub slow_ms: u64,
    /// The most transactions that wait for the writer of SQLite; beyond it they are refused.
    pub queue_max: usize,
    /// The most transactions that SQLite commits together.
    pub group_max: usize,
    /// How often a transaction is tried again after a conflict, at most 100.
    pub retries_max: u32,
    /// Hours between scheduled backups, at most a year; 0 makes none.
    pub backup_every_h: u64,
    /// How many scheduled backups are kept.
    pub backup_keep: usize,
    /// Where scheduled backups go; without it, `backups` in the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_dir: Option<PathBuf>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: None,
            replica_url: None,
            pool_min: 2,
            pool_max: 10,
            acquire_ms: 5_000,
            transaction_ms: 10_000,
            slow_ms: 250,
            queue_max: 8_192,
            group_max: 256,
            retries_max: 5,
            backup_every_h: 0,
            backup_keep: 7,
            backup_dir: None,
        }
    }
}

/// The address of a database, or where that address lies.
#[derive(Clone)]
pub enum StoreUrl {
    /// The address itself; it may hold a password.
    Literal(SecretString),
    /// Where the address lies.
    Reference(SecretRef),
}

/// Text that is no address of a database; the text is not kept, for it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the address of a database, write `sqlite:FILE`, `postgres://user@host/database`, `env:NAME` or `file:PATH`"
)]
pub struct StoreUrlError;

impl StoreUrl {
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
                let problem = "it is not the address of a database".to_owned();
                Err(SettingsError::Secret { reference: reference.clone(), problem })
            }
        }
    }

    /// Whether it is known to be a file of SQLite: what a reference leads to is not known before it is resolved.
    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Literal(url) if url.expose_secret().starts_with("sqlite:"))
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        if let Ok(reference) = text.parse() {
            return Ok(Self::Reference(reference));
        }
        if is_address(text) { Ok(Self::Literal(text.to_owned().into())) } else { Err(StoreUrlError) }
    }
}

fn is_address(text: &str) -> bool {
    let rest = ["sqlite:", "postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty()) && !text.contains(char::is_control)
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

/// Hides the passwords in what a profile says about the store: it was laid over the rest already, and what is kept of
/// it is only shown.
pub(crate) fn hide_passwords(profile: &mut toml::Table) {
    let Some(toml::Value::Table(store)) = profile.get_mut("store") else { return };
    for key in ["url", "replica_url"] {
        if let Some(toml::Value::String(url)) = store.get_mut(key)
            && let Ok(known) = url.parse::<StoreUrl>()
        {
            *url = known.to_string();
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(url) => out.write_str(&without_password(url.expose_secret())),
            Self::Reference(reference) => reference.fmt(out),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "StoreUrl({self})")
    }
}

impl PartialEq for StoreUrl {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(two)) => one.expose_secret() == two.expose_secret(),
            (Self::Reference(one), Self::Reference(two)) => one == two,
            _ => false,
        }
    }
}

impl Serialize for StoreUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StoreUrl {
    /// Reads any value first, because the usual message about a wrong type would repeat it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) => text.parse().map_err(serde::de::Error::custom),
            _ => Err(serde::de::Error::custom(StoreUrlError)),
        }
    }
}

impl JsonSchema for StoreUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StoreUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A database: `sqlite:FILE`, `postgres://…`, or where its address lies: `env:NAME`, `file:PATH`.",
            "type": "string",
            "pattern": "^(sqlite:|postgres://|postgresql://|env:|file:).+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{StoreUrl, without_password};

    #[test]
    fn shows_no_password() {
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
    fn takes_addresses_and_references_alone() {
        for good in ["sqlite:a.db", "postgres://db/a", "postgresql://db", "env:DATABASE_URL", "file:/run/secrets/db"] {
            assert!(good.parse::<StoreUrl>().is_ok(), "{good}");
        }
        for bad in ["", "sqlite:", "mysql://a", "a.db", "postgres:a", "sqlite:a\nb"] {
            assert!(bad.parse::<StoreUrl>().is_err(), "{bad}");
        }
    }
}
