//! Showing settings: the schema, every effective value with its origin, and the whole as JSON.
//!
//! Secrets appear as the references that the file holds; what lies behind them is never read here.

use serde::Serialize;

use crate::layer::leaves;
use crate::load::{Loaded, Origin, effective};
use crate::model::Settings;

/// One effective setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its path, such as `server.bind` or `provider[0].base_url`.
    pub path: String,
    /// Its value as TOML; a secret is shown as its reference.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Every effective setting, by name.
///
/// Keys that are not set and have no default are left out, and so are the profiles: what the chosen one says is in
/// the other settings already.
pub fn show(loaded: &Loaded) -> Vec<Shown> {
    leaves(&effective(&loaded.settings))
        .into_iter()
        .map(|(path, value)| {
            let origin = loaded.origins.get(&path).cloned().unwrap_or(Origin::Default);
            Shown { path, value: value.to_string(), origin }
        })
        .collect()
}

/// The effective settings as one JSON object, secrets as references and without the profiles.
pub fn to_json(loaded: &Loaded) -> serde_json::Value {
    serde_json::to_value(effective(&loaded.settings)).unwrap_or_default()
}

/// The JSON Schema (draft 2020-12) of the settings file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Settings);
    schema.insert("title".to_owned(), "Althing settings".into());
    schema.to_value()
}
