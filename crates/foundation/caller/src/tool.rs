//! The trait behind every tool that a door can show.

use crate::{Caller, Role};
use fault::{Explain, Kind, Origin, Retry};
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;

/// What a tool returns: structured content, or the reason why there is none.
pub type ToolFuture<'a> = Pin<Box<dyn Future<Output = Result<Value, ToolFault>> + Send + 'a>>;

/// What a client is told about a tool.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Unique within a server: at most 20 characters of `a-z` and `_`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// For models: what it does, when to use it.
    pub description: String,
    /// JSON Schema 2020-12 of the arguments; an object.
    pub input_schema: Value,
    /// JSON Schema 2020-12 of the structured content; an object.
    pub output_schema: Value,
    /// Changes nothing.
    pub read_only: bool,
    /// May destroy something.
    pub destructive: bool,
    /// Calling it twice with the same arguments equals calling it once.
    pub idempotent: bool,
    /// Reaches beyond this server.
    pub open_world: bool,
    /// Who may call it: this role and those above.
    pub role: Role,
}

/// One ability, called with JSON and answering with JSON.
pub trait Tool: Send + Sync {
    /// What a client is told about it.
    fn spec(&self) -> ToolSpec;

    /// Runs it. `arguments` is whatever the client sent; a tool checks it against its own schema and refuses what
    /// does not fit with [`Kind::BadInput`]. Dropping the future cancels the work.
    fn call<'a>(&'a self, caller: &'a Caller, arguments: Value) -> ToolFuture<'a>;

    /// A fault that somebody else found with a call of it, such as a deadline that passed, as this tool would tell it:
    /// with a shape, where its own faults have one.
    fn shaped(&self, fault: ToolFault) -> ToolFault {
        fault
    }
}

/// Why a tool has no result.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ToolFault {
    /// A stable name in `snake_case`.
    pub code: &'static str,
    /// What went wrong, with the value at fault in backticks.
    pub message: String,
    /// What kind of trouble it is.
    pub kind: Kind,
    /// Who caused it.
    pub origin: Origin,
    /// Whether asking again is of use.
    pub retry: Retry,
    /// What to do next.
    pub hint: Option<String>,
    /// What clients that know another server's errors expect instead: told as it is, as text.
    pub shape: Option<Box<Value>>,
}

impl ToolFault {
    /// The arguments do not fit the schema, or name something that does not exist.
    pub fn bad_input(message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self {
            code: "invalid_arguments",
            message: message.into(),
            kind: Kind::BadInput,
            origin: Origin::Caller,
            retry: Retry::Never,
            hint: hint.into(),
            shape: None,
        }
    }
}

impl<E: Explain> From<&E> for ToolFault {
    fn from(error: &E) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            kind: error.kind(),
            origin: error.origin(),
            retry: error.retry(),
            hint: error.hint(),
            shape: None,
        }
    }
}

impl Explain for ToolFault {
    fn code(&self) -> &'static str {
        self.code
    }
    fn kind(&self) -> Kind {
        self.kind
    }
    fn origin(&self) -> Origin {
        self.origin
    }
    fn retry(&self) -> Retry {
        self.retry
    }
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
