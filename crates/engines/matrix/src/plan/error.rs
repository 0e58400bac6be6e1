//! Why settings cannot be turned into something to ask, in words for operators.

use fault::{Explain, Kind as FaultKind, Origin};
use models::RegistryError;

/// Why settings cannot be turned into something to ask.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A provider is wrong.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A panel or route names a model that nobody offers.
    #[error("{what} `{name}` names the model `{model}`, which no provider offers")]
    UnknownModel {
        /// `panel`, `route` or `alias`.
        what: &'static str,
        /// Which.
        name: String,
        /// The model.
        model: String,
        /// Models with similar names.
        nearest: Vec<String>,
    },
}

impl Explain for PlanError {
    fn code(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.code(),
            Self::UnknownModel { .. } => "unknown_model",
        }
    }

    fn kind(&self) -> FaultKind {
        FaultKind::BadInput
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::UnknownModel { nearest, .. } if nearest.is_empty() => {
                Some("write `provider/model` as in `[[provider]]`".to_owned())
            }
            Self::UnknownModel { nearest, .. } => Some(format!("did you mean `{}`?", nearest.join("` or `"))),
        }
    }
}
