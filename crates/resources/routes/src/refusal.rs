//! Why a request is not served, on its way to the door that gives it a status and a shape.

use axum::response::{IntoResponse, Response};
use fault::{Explain, Kind, Retry};
use http::StatusCode;
use serde_json::{Map, Value};
use std::sync::Arc;
use wire::openai::Attempt;

/// The most characters of a refusal's message: what it repeats may come from the request.
const MESSAGE_CHARS_MAX: usize = 2_000;
/// The most characters of a path, a method or a name that are repeated.
const SHOWN_CHARS_MAX: usize = 200;

/// Why a request is not served.
#[derive(Debug)]
pub struct Refusal {
    /// What kind of trouble it is.
    pub kind: Kind,
    /// The status, where the kind alone does not tell it.
    pub status: Option<StatusCode>,
    /// A stable name in `snake_case`.
    pub code: &'static str,
    /// A lowercase fragment; it may repeat what came with the request.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// Whether asking again is of use.
    pub retry: Retry,
    /// Further members of problem JSON.
    pub more: Map<String, Value>,
    /// Models that were asked, each with its reason.
    pub attempts: Vec<Attempt>,
    /// How far a panel agreed.
    pub agreement: Option<Value>,
    /// Models have been asked, and asked again: the client need not.
    pub retried: bool,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            code,
            message: cut(message.into(), MESSAGE_CHARS_MAX),
            hint: None,
            param: None,
            retry: Retry::Never,
            more: Map::new(),
            attempts: Vec::new(),
            agreement: None,
            retried: false,
        }
    }

    /// What a room's error says of itself.
    pub fn of(error: &impl Explain) -> Self {
        Self {
            hint: error.hint(),
            param: error.param(),
            retry: error.retry(),
            ..Self::new(error.kind(), error.code(), error.to_string())
        }
    }

    /// Tells the version that is there now to whoever wanted to change another.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.more.insert("version".to_owned(), version.into());
        self
    }

    /// Tells one thing more.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// Gives it a status that its kind does not have.
    #[must_use]
    pub fn status_is(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says whether asking again is of use.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

/// A refusal as a handler returns it: the door finds it in the reply's extensions and gives it its shape.
#[derive(Debug, Clone)]
pub struct Refused(pub Arc<Refusal>);

impl From<Box<Refusal>> for Refused {
    fn from(refusal: Box<Refusal>) -> Self {
        Self(Arc::from(refusal))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// As much of a client's text as is repeated.
pub fn shown(text: &str) -> String {
    cut(text.to_owned(), SHOWN_CHARS_MAX)
}

fn cut(mut text: String, chars_max: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(chars_max) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_of_a_request_is_cut_between_characters() {
        assert_eq!(shown("é"), "é");
        let long = "é".repeat(300);
        assert_eq!(shown(&long), format!("{}…", "é".repeat(200)));
        let refusal = Refusal::new(Kind::BadInput, "code", "é".repeat(3_000));
        assert_eq!(refusal.message.chars().count(), MESSAGE_CHARS_MAX + 1);
    }

    #[test]
    fn a_handlers_refusal_goes_with_its_reply() {
        let refusal = Box::new(Refusal::new(Kind::Conflict, "version_conflict", "stale").version(3).hint("again"));
        let mut response = Refused::from(refusal).into_response();
        // Whoever forgets to give it its shape shows a defect, not an empty success.
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let Refused(found) = response.extensions_mut().remove().unwrap();
        assert_eq!((found.code, &found.more["version"]), ("version_conflict", &Value::from(3)));
    }
}
