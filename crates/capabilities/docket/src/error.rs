//! Why something about a decision that is kept cannot be done.

use fault::{Explain, Kind, Origin, Retry};
use std::time::Duration;
use store::{CursorError, StoreError};

/// Why something about a decision that is kept cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum DocketError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A cursor of another list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
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
    /// Somebody is called that already, whatever the case.
    #[error("the {what} `{name}` is there already; names differ in more than case")]
    DuplicateName {
        /// `option` or `criterion`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// An argument that cannot be.
    #[error("{problem}")]
    Argument {
        /// Its name.
        param: &'static str,
        /// What is wrong, with the name.
        problem: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// More than a limit allows, or less.
    #[error("{problem}")]
    Limit {
        /// The limit's name in settings under `decisions.`, or what it is about.
        limit: &'static str,
        /// What is wrong.
        problem: String,
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
    #[error("`{id}` is being evaluated")]
    Running {
        /// Which.
        id: String,
    },
    /// Another server took the evaluation over.
    #[error("the evaluation of `{id}` was taken over by another server")]
    LeaseLost {
        /// Which.
        id: String,
    },
    /// There is nothing to evaluate by.
    #[error("`{id}` has no criterion to judge by")]
    NoCriterion {
        /// Which.
        id: String,
    },
    /// The system has no chance to give.
    #[error("the system gives no random numbers")]
    Chance,
    /// Too many decisions, all of which are being evaluated.
    #[error("{sessions} sessions are there, none of which can go")]
    Full {
        /// How many.
        sessions: usize,
    },
}

impl DocketError {
    /// An argument that cannot be, by its name.
    pub fn argument(param: &'static str, problem: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self::Argument { param, problem: problem.into(), hint: hint.into() }
    }

    /// More than a limit allows, or less.
    pub fn limit(limit: &'static str, problem: impl Into<String>) -> Self {
        Self::Limit { limit, problem: problem.into() }
    }
}

impl Explain for DocketError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Cursor(error) => error.code(),
            Self::UnknownSession { .. } => "session_not_found",
            Self::UnknownName { .. } => "not_found",
            Self::DuplicateName { .. } => "duplicate_name",
            Self::Argument { .. } => "invalid_arguments",
            Self::Limit { .. } => "limit_exceeded",
            Self::Stale { .. } => "version_conflict",
            Self::Running { .. } => "evaluation_running",
            Self::LeaseLost { .. } => "lease_lost",
            Self::NoCriterion { .. } => "nothing_to_evaluate",
            Self::Chance => "internal",
            Self::Full { .. } => "too_many_sessions",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Cursor(error) => error.kind(),
            Self::UnknownSession { .. } | Self::UnknownName { .. } => Kind::NotFound,
            Self::Argument { .. } | Self::Limit { .. } => Kind::BadInput,
            Self::DuplicateName { .. } | Self::Stale { .. } | Self::Running { .. } | Self::LeaseLost { .. } => {
                Kind::Conflict
            }
            Self::NoCriterion { .. } => Kind::Semantics,
            Self::Chance => Kind::Internal,
            Self::Full { .. } => Kind::Overloaded,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Store(_) | Self::LeaseLost { .. } | Self::Chance | Self::Full { .. } => Origin::Us,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Running { .. } | Self::LeaseLost { .. } => Retry::After(Duration::from_secs(1)),
            Self::Full { .. } => Retry::After(Duration::from_secs(5)),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => return error.hint(),
            Self::Cursor(error) => return error.hint(),
            Self::Argument { hint, .. } => return hint.clone(),
            Self::UnknownSession { nearest, .. } | Self::UnknownName { nearest, .. } if !nearest.is_empty() => {
                format!("did you mean `{}`?", nearest.join("`, `"))
            }
            Self::UnknownSession { .. } => {
                "begin one with `start_decision_analysis`; `list_sessions` shows those there are".to_owned()
            }
            Self::UnknownName { what: "option", .. } => "add it with `add_option`".to_owned(),
            Self::UnknownName { .. } => "add it with `add_criterion`".to_owned(),
            Self::DuplicateName { .. } => "give it another name, or change the one that is there".to_owned(),
            Self::Limit { limit, .. } if limit.contains('_') => format!("an operator can set `decisions.{limit}`"),
            Self::Limit { .. } => return None,
            Self::Stale { .. } => "read it again, and send the version it has now".to_owned(),
            Self::Running { .. } => "wait for it to end, or watch its progress".to_owned(),
            Self::LeaseLost { .. } => "what was scored is kept; evaluate again to do the rest".to_owned(),
            Self::NoCriterion { .. } => "add at least one criterion with `add_criterion`".to_owned(),
            Self::Chance => "an operator has to look at the system's source of random numbers".to_owned(),
            Self::Full { .. } => {
                "try again in a moment, or clear sessions; an operator can set `decisions.sessions_max`".to_owned()
            }
        })
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Cursor(error) => error.param(),
            Self::UnknownSession { .. } => Some("session_id".to_owned()),
            Self::Argument { param, .. } => Some((*param).to_owned()),
            _ => None,
        }
    }
}
