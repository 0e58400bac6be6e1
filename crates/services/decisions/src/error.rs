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
    /// There is no such decision, or it is another tenant's.
    #[error("there is no session `{id}`")]
    UnknownSession {
        /// As it was asked for, shortened.
        id: String,
        /// The nearest ones of this tenant.
        nearest: Vec<String>,
    },
    /// There is no option or criterion of that name.
    #[error("there is no {what} `{name}` in this session")]
    UnknownName {
        /// `option` or `criterion`.
        what: &'static str,
        /// As it was asked for, shortened.
        name: String,
        /// The nearest ones that there are.
        nearest: Vec<String>,
    },
    /// The decision has changed meanwhile.
    #[error("`{id}` has changed meanwhile: it has version {version} now")]
    Stale {
        /// Which.
        id: String,
        /// Its version now.
        version: i64,
    },
    /// It is being evaluated.
    #[error("`{id}` is being evaluated: {}", shown(.progress))]
    EvaluationRunning {
        /// Which.
        id: String,
        /// How far, where this server does it.
        progress: Option<Box<Progress>>,
    },
    /// There is nothing to evaluate.
    #[error("`{id}` has {problem}")]
    Incomplete {
        /// Which.
        id: String,
        /// What it lacks.
        problem: &'static str,
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

    /// The same of a decision that is there all the same; one that says which it is about stays as it is.
    pub(crate) fn begun(id: &str, error: Self) -> Self {
        match error {
            Self::UnknownSession { .. } => error,
            error => Self::Begun { id: id.to_owned(), error: Box::new(error) },
        }
    }
}

/// What doors tell in words of their own stands for itself.
impl From<DocketError> for DecisionError {
    fn from(error: DocketError) -> Self {
        match error {
            DocketError::UnknownSession { id, nearest } => Self::UnknownSession { id, nearest },
            DocketError::UnknownName { what, name, nearest } => Self::UnknownName { what, name, nearest },
            DocketError::Stale { id, version } => Self::Stale { id, version },
            DocketError::Running { id } => Self::EvaluationRunning { id, progress: None },
            DocketError::NoCriterion { id } => Self::Incomplete { id, problem: "no criterion to judge by" },
            other => Self::Kept(other),
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
            Self::Kept(error) => error.code(),
            Self::UnknownSession { .. } => "session_not_found",
            Self::UnknownName { .. } => "not_found",
            Self::Stale { .. } => "version_conflict",
            Self::EvaluationRunning { .. } => "evaluation_running",
            Self::Incomplete { .. } => "nothing_to_evaluate",
            Self::UnknownModel { .. } => "model_not_found",
            Self::Begun { error, .. } => error.code(),
            Self::TooManyEvaluations { .. } => "too_many_evaluations",
            Self::Stopped => "stopping",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Kept(error) => error.kind(),
            Self::UnknownSession { .. } | Self::UnknownName { .. } => Kind::NotFound,
            Self::Stale { .. } | Self::EvaluationRunning { .. } => Kind::Conflict,
            Self::Incomplete { .. } => Kind::Semantics,
            Self::UnknownModel { .. } => Kind::BadInput,
            Self::Begun { error, .. } => error.kind(),
            Self::Stopped => Kind::Unavailable,
            Self::TooManyEvaluations { .. } => Kind::Overloaded,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Kept(error) => error.origin(),
            Self::Begun { error, .. } => error.origin(),
            Self::Stopped | Self::TooManyEvaluations { .. } => Origin::Us,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Kept(error) => error.retry(),
            Self::Begun { error, .. } => error.retry(),
            Self::EvaluationRunning { .. } | Self::Stopped => Retry::After(Duration::from_secs(1)),
            Self::TooManyEvaluations { .. } => Retry::After(Duration::from_secs(5)),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Kept(error) => return error.hint(),
            Self::UnknownSession { nearest, .. } | Self::UnknownName { nearest, .. } if !nearest.is_empty() => {
                format!("did you mean `{}`?", nearest.join("`, `"))
            }
            Self::UnknownSession { .. } => {
                "begin one with `start_decision_analysis`; `list_sessions` shows those there are".to_owned()
            }
            Self::UnknownName { what: "option", .. } => "add it with `add_option`".to_owned(),
            Self::UnknownName { .. } | Self::Incomplete { .. } => "add it with `add_criterion`".to_owned(),
            Self::Stale { .. } => "read it again, and send the version it has now".to_owned(),
            Self::EvaluationRunning { .. } => "wait for it to end, or watch its progress".to_owned(),
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
            Self::Kept(error) => error.param(),
            Self::Begun { error, .. } => error.param(),
            Self::UnknownSession { .. } => Some("session_id".to_owned()),
            _ => None,
        }
    }
}
