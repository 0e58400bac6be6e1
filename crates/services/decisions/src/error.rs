//! Why something about decisions cannot be done.

use crate::Progress;
use docket::DocketError;
use fault::{Explain, Kind, Origin, Retry};
use std::time::Duration;
use store::StoreError;

/// Why something about decisions cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// What is kept of them forbids it.
    #[error(transparent)]
    Kept(DocketError),
    /// It is being evaluated.
    #[error("{kept}: {}", shown(.progress))]
    Running {
        /// [`DocketError::Running`].
        kept: DocketError,
        /// How far, where this server does it.
        progress: Option<Box<Progress>>,
    },
    /// No provider or model is called that.
    #[error("{problem}")]
    UnknownModel {
        /// What is wrong.
        problem: String,
        /// What there is.
        hint: String,
    },
    /// It was begun, and something went wrong then: it can be gone on with.
    #[error("session `{id}` is there, but {error}")]
    Begun {
        /// Which.
        id: String,
        /// What went wrong.
        error: Box<DecisionError>,
    },
    /// Too many evaluations on this server.
    #[error("{running} evaluations run on this server already")]
    TooManyEvaluations {
        /// How many.
        running: usize,
    },
    /// The server stops.
    #[error("the server is stopping")]
    Stopped,
}

fn shown(progress: &Option<Box<Progress>>) -> String {
    match progress {
        Some(progress) => format!("{} of {} pairs are done", progress.done, progress.total),
        None => "by another server".to_owned(),
    }
}

impl DecisionError {
    pub(crate) fn argument(param: &'static str, problem: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self::Kept(DocketError::argument(param, problem, hint))
    }

    /// That an evaluation of a decision is running, and how far it is.
    pub(crate) fn running(id: &str, progress: Option<Progress>) -> Self {
        Self::Running { kept: DocketError::Running { id: id.to_owned() }, progress: progress.map(Box::new) }
    }

    /// The same of a decision that is there all the same; one that says which it is about stays as it is.
    pub(crate) fn begun(id: &str, error: Self) -> Self {
        match error {
            Self::Kept(DocketError::UnknownSession { .. }) => error,
            error => Self::Begun { id: id.to_owned(), error: Box::new(error) },
        }
    }
}

impl From<DocketError> for DecisionError {
    fn from(error: DocketError) -> Self {
        match error {
            DocketError::Running { .. } => Self::Running { kept: error, progress: None },
            error => Self::Kept(error),
        }
    }
}

impl From<StoreError> for DecisionError {
    fn from(error: StoreError) -> Self {
        Self::Kept(DocketError::Store(error))
    }
}

impl Explain for DecisionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Kept(error) | Self::Running { kept: error, .. } => error.code(),
            Self::UnknownModel { .. } => "model_not_found",
            Self::Begun { error, .. } => error.code(),
            Self::TooManyEvaluations { .. } => "too_many_evaluations",
            Self::Stopped => "stopping",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Kept(error) | Self::Running { kept: error, .. } => error.kind(),
            Self::UnknownModel { .. } => Kind::BadInput,
            Self::Begun { error, .. } => error.kind(),
            Self::Stopped => Kind::Unavailable,
            Self::TooManyEvaluations { .. } => Kind::Overloaded,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Kept(error) | Self::Running { kept: error, .. } => error.origin(),
            Self::UnknownModel { .. } => Origin::Caller,
            Self::Begun { error, .. } => error.origin(),
            Self::Stopped | Self::TooManyEvaluations { .. } => Origin::Us,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Kept(error) | Self::Running { kept: error, .. } => error.retry(),
            Self::UnknownModel { .. } => Retry::Never,
            Self::Begun { error, .. } => error.retry(),
            Self::Stopped => Retry::After(Duration::from_secs(1)),
            Self::TooManyEvaluations { .. } => Retry::After(Duration::from_secs(5)),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Kept(error) | Self::Running { kept: error, .. } => return error.hint(),
            Self::UnknownModel { hint, .. } => hint.clone(),
            Self::Begun { id, error } => {
                let first = error.hint().map(|hint| format!("{hint}; then ")).unwrap_or_default();
                format!("{first}go on with `session_id` `{id}`")
            }
            Self::TooManyEvaluations { .. } => {
                "try again in a moment; an operator can set `decisions.evaluations_max`".to_owned()
            }
            Self::Stopped => "ask again when it is back; nothing that was scored is lost".to_owned(),
        })
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Kept(error) | Self::Running { kept: error, .. } => error.param(),
            Self::Begun { error, .. } => error.param(),
            _ => None,
        }
    }
}
