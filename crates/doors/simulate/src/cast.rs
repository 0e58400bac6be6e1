//! Which model follows which script.

use models::scripted::{Scene, Script, ScriptError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Scripts by model; a model without one follows the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cast {
    /// For every model without a script of its own.
    pub default: Script,
    /// By the name that requests put into `model`.
    pub models: BTreeMap<String, Script>,
}

/// Why a cast is refused.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// It does not read.
    #[error("the script does not read: {0}")]
    Unreadable(String),
    /// One script makes no sense.
    #[error("the script of `{model}` is wrong: {error}")]
    Script {
        /// Whose.
        model: String,
        /// What is wrong.
        error: ScriptError,
    },
}

impl Cast {
    /// From TOML, as in a script file.
    ///
    /// # Errors
    /// [`CastError`].
    pub fn from_toml(text: &str) -> Result<Self, CastError> {
        toml::from_str(text).map_err(|error| CastError::Unreadable(error.to_string())).and_then(Self::checked)
    }

    /// From JSON, as `POST /_script` takes it.
    ///
    /// # Errors
    /// [`CastError`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, CastError> {
        serde_json::from_slice(bytes).map_err(|error| CastError::Unreadable(error.to_string())).and_then(Self::checked)
    }

    fn checked(self) -> Result<Self, CastError> {
        for (model, script) in std::iter::once(("default", &self.default)).chain(self.named()) {
            script.check().map_err(|error| CastError::Script { model: model.to_owned(), error })?;
        }
        Ok(self)
    }

    fn named(&self) -> impl Iterator<Item = (&str, &Script)> {
        self.models.iter().map(|(name, script)| (name.as_str(), script))
    }

    /// The scripts, ready to be played from their beginnings.
    pub(crate) fn scenes(&self) -> Scenes {
        let scene = |(name, script): (&String, &Script)| (name.clone(), Scene::new(script.clone(), name));
        let models = self.models.iter().map(scene).collect();
        Scenes { default: Scene::new(self.default.clone(), ""), models, cast: self.clone() }
    }
}

/// Scripts and how far each has been played.
pub(crate) struct Scenes {
    default: Scene,
    models: BTreeMap<String, Scene>,
    pub(crate) cast: Cast,
}

impl Scenes {
    pub(crate) fn of(&self, model: &str) -> &Scene {
        self.models.get(model).unwrap_or(&self.default)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        if self.models.is_empty() { vec!["simulated".to_owned()] } else { self.models.keys().cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_toml_and_json_alike_and_names_what_is_wrong() {
        let toml = Cast::from_toml("[default]\ntoken_ms = 5\n[models.a]\nanswers = [\"42\"]\n").unwrap();
        let json = Cast::from_json(br#"{"default":{"token_ms":5},"models":{"a":{"answers":["42"]}}}"#).unwrap();
        assert_eq!(toml, json);
        let wrong = Cast::from_json(br#"{"models":{"a":{"hang_rate":7}}}"#).unwrap_err();
        assert_eq!(wrong.to_string(), "the script of `a` is wrong: `hang_rate` must be a share from 0 to 1");
        assert!(Cast::from_toml("[model.a]").unwrap_err().to_string().contains("unknown field `model`"));
    }
}
