//! What can be wrong with a tool, an import or a call.

use caller::ToolFault;
use fault::{Explain, Kind, Origin, Retry};
use retrieval::RetrievalError;
use std::time::Duration;
use store::{CursorError, StoreError};

/// Why something about tools cannot be done. Holds no secrets, and nothing of what an upstream said with an error.
#[derive(Debug, thiserror::Error)]
pub enum ToolboxError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Finding failed.
    #[error(transparent)]
    Retrieval(#[from] RetrievalError),
    /// A cursor of another list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The tiers of the cache cannot be opened.
    #[error("the cache of the catalogue cannot be opened: {reason}")]
    Cache {
        /// What the system says.
        reason: String,
    },
    /// The server stops; what was not written yet is not.
    #[error("the server is stopping, and a change of the catalogue broke off")]
    Stopped,
    /// There is no such tool, or the caller may not know of it.
    #[error("there is no {what} `{id}`")]
    Unknown {
        /// `tool`, `server`, `domain`, `result`.
        what: &'static str,
        /// As it was asked for.
        id: String,
        /// The nearest ones that there are.
        nearest: Vec<String>,
    },
    /// The tool has changed meanwhile.
    #[error("`{id}` has changed meanwhile: it has version {version} now")]
    Stale {
        /// Which tool.
        id: String,
        /// Its version now.
        version: i64,
    },
    /// The caller may not do this.
    #[error("{problem}")]
    Forbidden {
        /// What it may not do.
        problem: String,
        /// What would do.
        hint: &'static str,
    },
    /// A document that cannot be imported at all.
    #[error("{problem}")]
    Import {
        /// What is wrong with it.
        problem: String,
        /// What to send instead.
        hint: String,
    },
    /// An argument of ours that is wrong.
    #[error("{problem}")]
    Argument {
        /// What is wrong, with the argument's name.
        problem: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// The arguments do not fit the tool's schema.
    #[error("the arguments do not fit `{id}`: {}", problems.join("; "))]
    Unfit {
        /// Which tool.
        id: String,
        /// What is wrong where.
        problems: Vec<String>,
        /// The schema, shortened where it is large.
        schema: String,
    },
    /// A tool that nothing here can call.
    #[error("`{id}` cannot be called: {reason}")]
    NotCallable {
        /// Which tool.
        id: String,
        /// Why not.
        reason: String,
    },
    /// Called as if it changed nothing, which nobody has vouched for.
    #[error("`{id}` is not known to change nothing")]
    NotReadOnly {
        /// Which tool.
        id: String,
    },
    /// An idempotency key that was used for something else.
    #[error("the idempotency key `{key}` was used with other arguments")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// A call with the same key that has not ended.
    #[error("a call with the idempotency key `{key}` is still running")]
    KeyRunning {
        /// The key.
        key: String,
    },
    /// A credential that cannot be used.
    #[error("the credential `{name}` cannot be used: {reason}")]
    Credential {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The tool's server answered with an error.
    #[error("`{id}` answered with status {status}")]
    Upstream {
        /// Which tool.
        id: String,
        /// The status.
        status: u16,
        /// How long it asks to be left alone.
        after: Option<Duration>,
    },
    /// The tool's server could not be reached.
    #[error("`{id}` cannot be reached: {reason}")]
    Unreachable {
        /// Which tool.
        id: String,
        /// What went wrong.
        reason: String,
        /// What kind of trouble it is.
        kind: Kind,
        /// What to do.
        hint: Option<String>,
    },
    /// What somebody else's look for the same came to.
    #[error(transparent)]
    Shared(#[from] ToolFault),
}

impl ToolboxError {
    pub(crate) fn argument(problem: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self::Argument { problem: problem.into(), hint: hint.into() }
    }
}

impl Explain for ToolboxError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Retrieval(error) => error.code(),
            Self::Cursor(error) => error.code(),
            Self::Cache { .. } => "cache_unusable",
            Self::Stopped => "stopping",
            Self::Unknown { .. } => "not_found",
            Self::Stale { .. } => "version_conflict",
            Self::Forbidden { .. } => "not_permitted",
            Self::Import { .. } => "import_unreadable",
            Self::Argument { .. } => "invalid_arguments",
            Self::Unfit { .. } => "arguments_unfit",
            Self::NotCallable { .. } => "tool_not_callable",
            Self::NotReadOnly { .. } => "tool_not_read_only",
            Self::KeyReused { .. } => "idempotency_key_reused",
            Self::KeyRunning { .. } => "idempotency_key_running",
            Self::Credential { .. } => "credential_unusable",
            Self::Upstream { .. } => "tool_failed",
            Self::Unreachable { .. } => "tool_unreachable",
            Self::Shared(fault) => fault.code,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Retrieval(error) => error.kind(),
            Self::Cursor(error) => error.kind(),
            Self::Cache { .. } => Kind::Internal,
            Self::Stopped => Kind::Unavailable,
            Self::Unknown { .. } => Kind::NotFound,
            Self::Stale { .. } | Self::KeyReused { .. } | Self::KeyRunning { .. } => Kind::Conflict,
            Self::Forbidden { .. } | Self::NotReadOnly { .. } => Kind::Forbidden,
            Self::Import { .. } | Self::Argument { .. } => Kind::BadInput,
            // The door would add the schema of `call_tool`, and the model needs that of the tool.
            Self::Unfit { .. } | Self::NotCallable { .. } | Self::Credential { .. } => Kind::Semantics,
            Self::Upstream { status, .. } => kind_of(*status),
            Self::Unreachable { kind, .. } => *kind,
            Self::Shared(fault) => fault.kind,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Store(_) | Self::Cache { .. } | Self::Stopped => Origin::Us,
            Self::Retrieval(error) => error.origin(),
            Self::Upstream { .. } | Self::Unreachable { .. } => Origin::Upstream,
            Self::Shared(fault) => fault.origin,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Store(error) => error.retry(),
            Self::Retrieval(error) => error.retry(),
            Self::KeyRunning { .. } | Self::Stopped => Retry::After(Duration::from_secs(1)),
            Self::Upstream { after: Some(wait), .. } => Retry::After(*wait),
            Self::Upstream { status: 429 | 500..=599, .. } => Retry::After(Duration::from_secs(1)),
            Self::Unreachable { kind: Kind::Deadline | Kind::Unavailable, .. } => Retry::After(Duration::from_secs(1)),
            Self::Shared(fault) => fault.retry,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Retrieval(error) => error.hint(),
            Self::Cursor(error) => error.hint(),
            Self::Import { hint, .. } => Some(hint.clone()),
            Self::Argument { hint, .. } | Self::Unreachable { hint, .. } => hint.clone(),
            Self::Shared(fault) => fault.hint.clone(),
            other => other.advice(),
        }
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Cursor(error) => error.param(),
            Self::Unfit { .. } => Some("arguments".to_owned()),
            Self::Unknown { what: "tool", .. } => Some("id".to_owned()),
            _ => None,
        }
    }
}

impl ToolboxError {
    fn advice(&self) -> Option<String> {
        Some(match self {
            Self::Cache { .. } => "see that the data folder can be written to".to_owned(),
            Self::Stopped => "ask again when it is back; the same again does no harm".to_owned(),
            Self::Unknown { nearest, .. } if !nearest.is_empty() => {
                format!("did you mean {}?", definitions::text::quoted(nearest.iter().map(String::as_str)))
            }
            Self::Unknown { what: "tool", .. } => "look for it with `find_tools`".to_owned(),
            Self::Unknown { what: "result", .. } => "results are kept for an hour; call the tool again".to_owned(),
            Self::Stale { .. } => "read it again, and send the version it has now".to_owned(),
            Self::Forbidden { hint, .. } => (*hint).to_owned(),
            Self::Unfit { schema, .. } => format!("the arguments must fit this JSON Schema: {schema}"),
            Self::NotCallable { .. } => "use it where it lives, or have it imported with an address".to_owned(),
            Self::NotReadOnly { .. } => {
                "call it through `call_tool`; an operator can vouch for it when importing".to_owned()
            }
            Self::KeyReused { .. } => "use a new key for a new call".to_owned(),
            Self::KeyRunning { .. } => "ask again in a moment, with the same key".to_owned(),
            Self::Credential { .. } => "an operator can set it up under `[[tools.credential]]`".to_owned(),
            Self::Upstream { status: 401 | 403, .. } => {
                "its credential is missing or may not do this; tell the operator".to_owned()
            }
            Self::Upstream { status: 400..=499, .. } => {
                "it does not take these arguments; `describe_tools` shows which there are".to_owned()
            }
            Self::Upstream { .. } => "it may answer later".to_owned(),
            _ => return None,
        })
    }
}

/// What a status of a tool's server is to whoever called the tool.
fn kind_of(status: u16) -> Kind {
    match status {
        404 | 410 => Kind::NotFound,
        409 | 412 => Kind::Conflict,
        429 => Kind::RateLimited,
        // It is our credential that was refused, not the caller's.
        400..=499 => Kind::Semantics,
        504 => Kind::Deadline,
        _ => Kind::Unavailable,
    }
}
