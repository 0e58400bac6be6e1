//! Why a set of scenarios cannot be run.

use crate::scenario::ScenarioError;
use fault::{Explain, Kind, Origin, Retry};
use traffic::TrafficError;

/// Why a set of scenarios cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The scenario is wrong.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The target cannot be reached, or the generator cannot start.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
    /// A scenario leaves the model to the target, and the target lists none.
    #[error("`{url}` lists no model: {reason}")]
    NoModel {
        /// The target's root.
        url: String,
        /// What came of asking.
        reason: String,
    },
    /// The upstream that is to fail on purpose does not take orders.
    #[error("`{url}` takes no script: {reason}")]
    Inject {
        /// Its root.
        url: String,
        /// What came of asking.
        reason: String,
    },
}

impl Explain for LoadError {
    fn code(&self) -> &'static str {
        match self {
            Self::Scenario(error) => error.code(),
            Self::Traffic(error) => error.code(),
            Self::NoModel { .. } => "no_model",
            Self::Inject { .. } => "inject_refused",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Scenario(error) => error.kind(),
            Self::Traffic(error) => error.kind(),
            Self::NoModel { .. } | Self::Inject { .. } => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Scenario(error) => error.origin(),
            Self::Traffic(error) => error.origin(),
            Self::NoModel { .. } | Self::Inject { .. } => Origin::Upstream,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Scenario(error) => error.retry(),
            Self::Traffic(error) => error.retry(),
            Self::NoModel { .. } | Self::Inject { .. } => Retry::Now,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Scenario(error) => error.hint(),
            Self::Traffic(error) => error.hint(),
            Self::NoModel { .. } => Some("name one with `--model`, or in the scenario's mix".to_owned()),
            Self::Inject { .. } => Some("`--inject` takes the root of a running `althing simulate`".to_owned()),
        }
    }
}
