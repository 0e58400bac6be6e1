//! Settings: load, merge, check and explain the configuration.
//!
//! One TOML file in which every key is optional, laid over the defaults and under a profile, the variables
//! `ALTHING__SECTION__KEY` and the flags, in that order. Whatever is wrong is refused with its line, its column and
//! the nearest known key. This room opens no sockets, knows no kind of provider by name and does not know which
//! models exist; it reads the settings file and the secrets that the file refers to, and nothing else.

mod access;
mod address;
mod balance;
mod cache;
mod check;
mod decisions;
mod depth;
mod document;
mod error;
mod flag;
mod host;
mod layer;
mod limits;
mod lines;
mod load;
mod model;
mod names;
mod panel;
mod provider;
mod redis;
mod search;
mod secret;
mod show;
mod store;
mod usd;
mod wording;

#[cfg(test)]
mod tests;

pub use access::{Access, Budget, Ledger, Oidc, Tls};
pub use address::{Address, AddressError, Target, without_password};
pub use balance::{Balance, Replicas, Strategy};
pub use cache::{Cache, Cacheable, Semantic};
pub use decisions::Decisions;
pub use error::{Place, SettingsError, Spot};
pub use flag::{Flag, OFF, ON, parse_flag_condition, standing};
pub use host::network;
pub use load::{FILE_BYTES_MAX, Loaded, Origin, PROFILES, Source, load, problems};
pub use model::{Guard, Server, Settings};
pub use panel::{Answers, Choice, Class, Member, OnDisagreement, Panel, Resolution, Route, Rule, Weights, When};
pub use provider::{Aws, Concurrency, LongPrice, ModelEntry, Price, Provider};
pub use redis::{Redis, RedisUrl};
pub use search::{
    Credential, Domain, Embed, EmbedDevice, EmbedKind, EmbedPrecision, Fusion, Ranking, Search, SearchBackend, Tools,
};
pub use secret::{SECRET_BYTES_MAX, SecretRef};
pub use show::{Shown, schema, show, to_json};
pub use store::{Database, Store, StoreUrl};
pub use usd::{Usd, UsdError};
