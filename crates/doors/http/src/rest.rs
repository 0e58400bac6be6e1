//! What every resource under `/api/v1` shares: how it is asked and how it refuses.
//!
//! A handler returns what it has, or a `Refused`; the gatekeeper gives refusals the shape of their path.

mod agreement;
mod audit;
mod budgets;
mod cache;
pub(crate) mod describe;
mod flags;
mod keys;
mod load;
mod panels;
mod prompts;
pub mod tools;
mod usage;

use crate::app::Rules;
use crate::body;
use crate::refusal::Refusal;
use crate::rows::Row;
use ::audit::{Audit, AuditError};
use ::load::history::History;
use access::{AccessError, Flags, Keys};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::{IntoResponse, Response};
use books::{Books, BooksError};
use fault::Kind;
use http::StatusCode;
use http::request::Parts;
use matrix::Matrix;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::sync::Arc;
use store::Page;

/// What the resources stand on.
#[derive(Clone)]
pub struct Services {
    /// Keys, made and taken back.
    pub keys: Arc<Keys>,
    /// Budgets and the ledger.
    pub books: Arc<Books>,
    /// What was done, by whom.
    pub audit: Arc<Audit>,
    /// Switches and splits.
    pub flags: Arc<Flags>,
    /// Load tests that were kept.
    pub load: Arc<History>,
    /// The engine that answers, and the answers that it keeps.
    pub matrix: Arc<Matrix>,
}

/// The resources of who asks and who pays, and what load tests found.
pub fn rows(services: &Services) -> Vec<Row> {
    let all = [
        keys::rows(),
        audit::rows(),
        usage::rows(),
        budgets::rows(),
        panels::rows(),
        prompts::rows(),
        flags::rows(),
        load::rows(),
        agreement::rows(),
        cache::rows(),
    ];
    let all = all.into_iter().flatten();
    all.map(|row| row.with_state(services)).collect()
}

/// A page as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Listed<T> {
    /// The entries.
    items: Vec<T>,
    /// What to ask with for the next page.
    cursor: Option<String>,
}

impl<T> Listed<T> {
    /// A page, each entry as it is shown.
    fn of<F: Into<T>>(page: Page<F>) -> Self {
        Self { items: page.entries.into_iter().map(Into::into).collect(), cursor: page.cursor }
    }
}

/// The moment that a parameter names.
fn moment(param: &'static str, text: Option<&str>) -> Result<Option<i64>, AccessError> {
    let hint = "write a date such as `2026-12-31`, or `2026-12-31T18:00:00Z`";
    let wrong = || AccessError::Invalid { param, problem: "no point in time".to_owned(), hint };
    text.map(|text| calendar::parse_moment(text).ok_or_else(wrong)).transpose()
}

/// A refusal on its way to the gatekeeper.
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) Arc<Refusal>);

impl From<Box<Refusal>> for Refused {
    fn from(refusal: Box<Refusal>) -> Self {
        Self(Arc::from(refusal))
    }
}

impl From<AuditError> for Refused {
    fn from(error: AuditError) -> Self {
        Self(Arc::new(Refusal::of(&error)))
    }
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        Self(Arc::new(Refusal::of(&error)))
    }
}

impl From<BooksError> for Refused {
    fn from(error: BooksError) -> Self {
        let refusal = Refusal::of(&error);
        Self(Arc::new(match error {
            BooksError::Stale { version, .. } => refusal.version(version),
            _ => refusal,
        }))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A name in the path. One that is no text is nobody's name.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read = Path::from_request_parts(parts, state).await;
        Ok(Self(read.map_or_else(|_| String::from(char::REPLACEMENT_CHARACTER), |Path(name)| name)))
    }
}

/// The parameters behind the `?`; unknown ones are refused.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let wrong = |error: axum::extract::rejection::QueryRejection| {
            let text = error.body_text();
            let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
            Box::new(Refusal::new(Kind::BadInput, "invalid_parameter", format!("the query cannot be read: {reason}")))
        };
        let Query(asked) = Query::try_from_uri(&parts.uri).map_err(wrong)?;
        Ok(Self(asked))
    }
}

/// A JSON body; unknown members are refused.
pub(crate) struct Sent<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Refused;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let Some(rules) = parts.extensions.get::<Arc<Rules>>() else {
            return Err(Box::new(Refusal::new(Kind::Internal, "internal_error", "a route has lost its limits")).into());
        };
        let bytes = body::read(&parts.headers, body, rules).await?;
        let wrong = |error: serde_json::Error| {
            let hint = "send one JSON object with the members that the OpenAPI document names";
            let message = format!("the body cannot be read: {error}");
            Box::new(Refusal::new(Kind::BadInput, "invalid_body", message).hint(hint))
        };
        serde_json::from_slice(&bytes).map(Self).map_err(|error| wrong(error).into())
    }
}
