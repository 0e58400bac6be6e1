//! The REST door: the services as resources under `/api/v1`.
//!
//! A handler returns what it has, or a `Refused`; whoever listens gives refusals their status and the shape of their
//! path. This room listens nowhere, judges no credential and knows no other door: its rows come with the role that each
//! needs, and the binary hands them to the door that serves them.

mod agreement;
mod audit;
mod budgets;
mod cache;
pub mod decisions;
mod flags;
mod keys;
mod load;
mod panels;
mod prompts;
pub mod tools;
mod usage;

use ::audit::{Audit, AuditError};
use ::load::history::History;
use access::{AccessError, Flags, Keys};
use axum::response::{IntoResponse, Response};
use books::{Books, BooksError};
use matrix::Matrix;
use routes::{Refusal, Row};
use serde::Serialize;
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

/// A refusal on its way to the door that serves it.
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
        routes::Refused(self.0).into_response()
    }
}

#[cfg(test)]
mod tests;
