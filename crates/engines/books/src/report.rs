//! Usage and spending: sums from the rows of days, and single calls.
//!
//! The sums of a day are kept as rows while calls are written, so that a report reads as many rows as there were
//! callers and models, however many calls they made.

use super::Books;
use super::ledger::first_id;
use crate::BooksError;
use caller::{Identity, shown_usd};
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Page, decode_cursor, page_limit};
use store::{Row, StoreError, Value};

/// What sums are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Days of UTC.
    Day,
    /// Tenants.
    Tenant,
    /// Keys, or subjects of an identity provider.
    Subject,
    /// Models.
    Model,
}

impl By {
    fn column(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Tenant => "tenant",
            Self::Subject => "subject",
            Self::Model => "model",
        }
    }
}

/// Which sums are asked for.
#[derive(Debug, Clone, Default)]
pub struct UsageQuery {
    /// What they are grouped by; by nothing gives one row.
    pub by: Vec<By>,
    /// The first day, as `2026-11-21`.
    pub from_day: Option<String>,
    /// The last day.
    pub to_day: Option<String>,
    /// Only this tenant.
    pub tenant: Option<Arc<str>>,
    /// Only this key.
    pub subject: Option<Arc<str>>,
    /// Only this model.
    pub model: Option<Arc<str>>,
}

/// Sums over calls. What they are not grouped by is left out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UsageRow {
    /// The day, as `2026-11-21`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The model, as `provider/model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Calls of models.
    pub calls: i64,
    /// Those that were not answered.
    pub failed: i64,
    /// Tokens that models read.
    pub tokens_in: i64,
    /// Tokens that models wrote, those of reasoning included.
    pub tokens_out: i64,
    /// Of those read, how many came from a provider's cache.
    pub tokens_cached: i64,
    /// Of those written, how many were reasoning.
    pub tokens_reasoning: i64,
    /// What they cost, in US dollars: exact decimal text.
    pub cost_usd: String,
    /// How long a call took on average, in milliseconds.
    pub latency_ms_mean: f64,
}

/// Which calls are asked for; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct CallQuery {
    /// Only this tenant.
    pub tenant: Option<Arc<str>>,
    /// Only this key.
    pub subject: Option<Arc<str>>,
    /// Only this model.
    pub model: Option<Arc<str>>,
    /// Only this outcome: `answered`, `failed`, `timed_out` or `cancelled`.
    pub outcome: Option<Arc<str>>,
    /// Only this request.
    pub request_id: Option<Arc<str>>,
    /// Not before this time, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Before this time, in milliseconds since 1970.
    pub until_ms: Option<i64>,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CallRow {
    /// Its number: later calls of one server have greater ones.
    pub id: String,
    /// When it ended, as RFC 3339 in UTC.
    pub at: String,
    /// The request it was made for; a panel makes several.
    pub request_id: String,
    /// The tenant.
    pub tenant: String,
    /// The key.
    pub subject: String,
    /// The model, as `provider/model`.
    pub model: String,
    /// `answered`, `failed`, `timed_out` or `cancelled`.
    pub outcome: String,
    /// Tokens that the model read.
    pub tokens_in: i64,
    /// Tokens that it wrote, those of reasoning included.
    pub tokens_out: i64,
    /// Of those read, how many came from the provider's cache.
    pub tokens_cached: i64,
    /// Of those written, how many were reasoning.
    pub tokens_reasoning: i64,
    /// What it cost, in US dollars: exact decimal text.
    pub cost_usd: String,
    /// Whether tokens and cost are what the provider told and the settings price; otherwise they are reckoned.
    pub exact: bool,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
    /// Whether a script answered.
    pub simulated: bool,
}

/// Conditions of a query, and their parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) args: Vec<Value>,
    conditions: Vec<String>,
}

impl Filter {
    /// `condition` is a column and an operator; without a value there is no condition.
    pub(super) fn and(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.args.push(value.into());
            self.conditions.push(format!("{condition} ${}", self.args.len()));
        }
        self
    }

    /// Rows whose columns, compared in order, come after those of a cursor.
    fn after(mut self, columns: &str, key: Vec<Value>) -> Self {
        if !key.is_empty() {
            let first = self.args.len() + 1;
            let places: Vec<String> = (first..first + key.len()).map(|place| format!("${place}")).collect();
            self.conditions.push(format!("({columns}) > ({})", places.join(", ")));
            self.args.extend(key);
        }
        self
    }

    pub(super) fn sql(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }
}

impl Books {
    /// Sums over calls, in the order of what they are grouped by. Who is confined to a tenant sees that tenant's.
    ///
    /// # Errors
    /// [`BooksError::Invalid`] for a day that is none, [`BooksError::Cursor`], [`BooksError::Store`].
    pub async fn usage(
        &self,
        actor: &Identity,
        query: &UsageQuery,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<UsageRow>, BooksError> {
        let mut by = query.by.clone();
        by.sort_unstable();
        by.dedup();
        let (limit, after) = (page_limit(limit), after(&by, cursor)?);
        let (sql, args) = usage_sql(&by, actor.confined_to(), query, after, limit)?;
        let read = self.desk.store.read_stale(|tx| {
            let (sql, args, by) = (sql.clone(), args.clone(), by.clone());
            async move {
                let rows = tx.fetch_all(sql, args).await?;
                rows.iter().map(|row| usage_row(&by, row)).collect::<Result<Vec<_>, StoreError>>()
            }
            .boxed()
        });
        // Without groups there is one row, of nothing at all if there was no call.
        let rows = read.await?.into_iter().filter(|row| row.calls > 0).collect();
        Ok(Page::cut(rows, limit, |row| by.iter().map(|by| group(*by, row)).collect()))
    }

    /// Single calls, the newest first. Who is confined to a tenant sees that tenant's.
    ///
    /// # Errors
    /// [`BooksError::Cursor`] and [`BooksError::Store`].
    pub async fn calls(
        &self,
        actor: &Identity,
        query: &CallQuery,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<CallRow>, BooksError> {
        let (limit, before) = (page_limit(limit), cursor.map(before).transpose()?);
        let filter = Filter::default()
            .and("tenant =", actor.confined_to())
            .and("tenant =", query.tenant.as_ref())
            .and("subject =", query.subject.as_ref())
            .and("model =", query.model.as_ref())
            .and("outcome =", query.outcome.as_ref())
            .and("request_id =", query.request_id.as_ref())
            .and("id >=", query.since_ms.map(first_id))
            .and("id <", query.until_ms.map(first_id))
            .and("id <", before);
        let sql = format!("{CALLS} {} ORDER BY id DESC LIMIT {}", filter.sql(), limit + 1);
        let read = self.desk.store.read_stale(|tx| {
            let (sql, args) = (sql.clone(), filter.args.clone());
            async move { tx.fetch_all(sql, args).await?.iter().map(call_row).collect::<Result<Vec<_>, StoreError>>() }
                .boxed()
        });
        Ok(Page::cut(read.await?, limit, |row| vec![row.id.clone()]))
    }
}

/// The number behind a cursor.
pub(super) fn before(cursor: &str) -> Result<i64, BooksError> {
    let key = decode_cursor(cursor, 1)?;
    key.first().and_then(|id| id.parse().ok()).ok_or(BooksError::Cursor(store::CursorError))
}

fn group(by: By, row: &UsageRow) -> String {
    let part = match by {
        By::Day => &row.day,
        By::Tenant => &row.tenant,
        By::Subject => &row.subject,
        By::Model => &row.model,
    };
    part.clone().unwrap_or_default()
}

/// The groups behind a cursor.
fn after(by: &[By], cursor: Option<&str>) -> Result<Vec<Value>, BooksError> {
    let Some(cursor) = cursor else { return Ok(Vec::new()) };
    let parts = decode_cursor(cursor, by.len())?;
    let value = |(by, part): (&By, &String)| match by {
        By::Day => calendar::parse_date(part).map(Value::from).ok_or(BooksError::Cursor(store::CursorError)),
        _ => Ok(Value::from(part.as_str())),
    };
    by.iter().zip(&parts).map(value).collect()
}

fn day(param: &'static str, text: Option<&str>) -> Result<Option<i64>, BooksError> {
    let read = |text: &str| {
        calendar::parse_date(text).ok_or_else(|| BooksError::Invalid {
            param,
            problem: "no day".to_owned(),
            hint: "write it as `2026-11-21`",
        })
    };
    text.map(read).transpose()
}

pub(super) fn usage_sql(
    by: &[By],
    tenant: Option<&str>,
    query: &UsageQuery,
    after: Vec<Value>,
    limit: usize,
) -> Result<(String, Vec<Value>), BooksError> {
    let columns: Vec<&str> = by.iter().map(|by| by.column()).collect();
    let columns = columns.join(", ");
    let filter = Filter::default()
        .and("day >=", day("from", query.from_day.as_deref())?)
        .and("day <=", day("to", query.to_day.as_deref())?)
        .and("tenant =", tenant)
        .and("tenant =", query.tenant.as_ref())
        .and("subject =", query.subject.as_ref())
        .and("model =", query.model.as_ref())
        .after(&columns, after);
    let (head, tail) = match columns.as_str() {
        "" => (String::new(), String::new()),
        _ => (format!("{columns}, "), format!("GROUP BY {columns} ORDER BY {columns}")),
    };
    let sql = format!("SELECT {head}{SUMS} FROM access_ledger_day {} {tail} LIMIT {}", filter.sql(), limit + 1);
    Ok((sql, filter.args))
}

/// PostgreSQL sums whole numbers up to something larger.
const SUMS: &str = "CAST(COALESCE(SUM(calls), 0) AS BIGINT), CAST(COALESCE(SUM(failed), 0) AS BIGINT), \
     CAST(COALESCE(SUM(tokens_in), 0) AS BIGINT), CAST(COALESCE(SUM(tokens_out), 0) AS BIGINT), \
     CAST(COALESCE(SUM(tokens_cached), 0) AS BIGINT), CAST(COALESCE(SUM(tokens_reasoning), 0) AS BIGINT), \
     CAST(COALESCE(SUM(cost), 0) AS BIGINT), CAST(COALESCE(SUM(latency_us), 0) AS BIGINT)";

fn usage_row(by: &[By], row: &Row) -> Result<UsageRow, StoreError> {
    let place = |wanted: By| by.iter().position(|by| *by == wanted);
    let text = |wanted: By| place(wanted).map(|at| row.get::<String>(at)).transpose();
    let sum = |at: usize| row.get::<i64>(by.len() + at);
    let calls = sum(0)?;
    let mean_us = sum(7)? as f64 / calls.max(1) as f64;
    Ok(UsageRow {
        day: place(By::Day).map(|at| row.get(at).map(calendar::date)).transpose()?,
        tenant: text(By::Tenant)?,
        subject: text(By::Subject)?,
        model: text(By::Model)?,
        calls,
        failed: sum(1)?,
        tokens_in: sum(2)?,
        tokens_out: sum(3)?,
        tokens_cached: sum(4)?,
        tokens_reasoning: sum(5)?,
        cost_usd: shown_usd(sum(6)?),
        latency_ms_mean: mean_us.round() / 1e3,
    })
}

const CALLS: &str = "SELECT id, at_ms, request_id, tenant, subject, model, outcome, tokens_in, tokens_out, \
     tokens_cached, tokens_reasoning, cost, exact, latency_us, simulated FROM access_ledger_call";

fn call_row(row: &Row) -> Result<CallRow, StoreError> {
    Ok(CallRow {
        id: row.get::<i64>(0)?.to_string(),
        at: calendar::rfc3339(row.get(1)?),
        request_id: row.get(2)?,
        tenant: row.get(3)?,
        subject: row.get(4)?,
        model: row.get(5)?,
        outcome: row.get(6)?,
        tokens_in: row.get(7)?,
        tokens_out: row.get(8)?,
        tokens_cached: row.get(9)?,
        tokens_reasoning: row.get(10)?,
        cost_usd: shown_usd(row.get(11)?),
        exact: row.get(12)?,
        latency_ms: row.get::<i64>(13)? as f64 / 1e3,
        simulated: row.get(14)?,
    })
}
