//! The log as admins read it: the newest row first, page by page.

use super::row::{COLUMNS, Stored};
use super::{Audit, hex};
use crate::AuditError;
use caller::Identity;
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use store::{Page, StoreError, Value};

/// Which rows to list; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only what is this tenant's business.
    pub tenant: Option<Arc<str>>,
    /// Only this action.
    pub action: Option<Arc<str>>,
    /// Only what this subject did.
    pub actor: Option<Arc<str>>,
    /// Not before this time, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Before this time, in milliseconds since 1970.
    pub until_ms: Option<i64>,
}

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AuditRow {
    /// Its number: the first row has 1, the next 2, without a gap.
    pub seq: i64,
    /// When, by the clock of the database, as RFC 3339 in UTC; never before the row before it.
    pub at: String,
    /// Who did it.
    pub actor: String,
    /// Whose business it is.
    pub tenant: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// More about it.
    pub detail: serde_json::Value,
    /// The hash of the row before it, in hexadecimal digits.
    pub prev: String,
    /// Its own hash, in hexadecimal digits.
    pub hash: String,
}

impl From<Stored> for AuditRow {
    fn from(row: Stored) -> Self {
        // Text that is no JSON was not written by us: it is shown as it is, and verifying the log finds it.
        let detail = serde_json::from_str(&row.detail).unwrap_or(serde_json::Value::String(row.detail));
        Self {
            seq: row.seq,
            at: calendar::rfc3339(row.at_ms),
            actor: row.actor,
            tenant: row.tenant,
            action: row.action,
            target: row.target,
            detail,
            prev: hex::encode(&row.prev),
            hash: hex::encode(&row.hash),
        }
    }
}

impl Audit {
    /// A page of the log, the newest row first. Whoever is confined to a tenant sees that tenant's rows alone; that
    /// `actor` may read the log at all is for the door to decide.
    ///
    /// # Errors
    /// [`AuditError::Cursor`] if the cursor is none of ours, and [`AuditError::Store`].
    pub async fn list(
        &self,
        actor: &Identity,
        query: &AuditQuery,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<AuditRow>, AuditError> {
        let before = cursor.map(before).transpose()?;
        let limit = store::page_limit(limit);
        let (sql, args) = select(actor.confined_to(), query, before, limit);
        let read = self.store.read(|tx| {
            let (sql, args) = (sql.clone(), args.clone());
            async move {
                let rows = tx.fetch_all(sql, args).await?;
                rows.iter().map(Stored::read).collect::<Result<Vec<_>, StoreError>>()
            }
            .boxed()
        });
        let rows = read.await?.into_iter().map(AuditRow::from).collect();
        Ok(Page::cut(rows, limit, |row: &AuditRow| vec![row.seq.to_string()]))
    }
}

/// The number behind a cursor.
fn before(cursor: &str) -> Result<i64, AuditError> {
    let key = store::decode_cursor(cursor, 1)?;
    key.first().and_then(|seq| seq.parse().ok()).ok_or(AuditError::Cursor(store::CursorError))
}

/// One row more than `limit`, which tells whether there is a next page.
fn select(tenant: Option<&str>, query: &AuditQuery, before: Option<i64>, limit: usize) -> (String, Vec<Value>) {
    let filters: [(&str, Option<Value>); 7] = [
        ("seq <", before.map(Value::from)),
        ("tenant =", tenant.map(Value::from)),
        ("tenant =", query.tenant.as_ref().map(Value::from)),
        ("action =", query.action.as_ref().map(Value::from)),
        ("actor =", query.actor.as_ref().map(Value::from)),
        ("at_ms >=", query.since_ms.map(Value::from)),
        ("at_ms <", query.until_ms.map(Value::from)),
    ];
    let (mut conditions, mut args) = (String::from("1 = 1"), Vec::new());
    for (condition, value) in filters {
        if let Some(value) = value {
            args.push(value);
            conditions.push_str(&format!(" AND {condition} ${}", args.len()));
        }
    }
    let sql = format!("SELECT {COLUMNS} FROM access_audit WHERE {conditions} ORDER BY seq DESC LIMIT {}", limit + 1);
    (sql, args)
}
