//! Prompts and answers, where the settings say that they are kept: read by admins, and erased.

use super::Books;
use super::report::{Filter, before};
use crate::BooksError;
use audit::Entry;
use caller::{Identity, Role};
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use store::{Isolation, Row, StoreError};
use store::{Page, page_limit};

/// Which prompts are meant; all of them by default.
#[derive(Debug, Clone, Default)]
pub struct PromptQuery {
    /// Only this tenant's.
    pub tenant: Option<Arc<str>>,
    /// Only this key's.
    pub subject: Option<Arc<str>>,
    /// Only those of this request.
    pub request_id: Option<Arc<str>>,
    /// Only those before this time, in milliseconds since 1970.
    pub before_ms: Option<i64>,
}

/// What was asked and answered in one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PromptRow {
    /// The number of the call.
    pub id: String,
    /// When it ended, as RFC 3339 in UTC.
    pub at: String,
    /// The request it was made for.
    pub request_id: String,
    /// The tenant.
    pub tenant: String,
    /// The key.
    pub subject: String,
    /// The model, as `provider/model`.
    pub model: String,
    /// The body of the request, cut at `ledger.prompt_bytes_max`.
    pub prompt: String,
    /// The answer as it came, cut likewise.
    pub answer: String,
}

fn admins_only(actor: &Identity, what: &str) -> Result<(), BooksError> {
    if actor.role < Role::Admin {
        return Err(BooksError::Beyond { what: what.to_owned() });
    }
    Ok(())
}

fn filter(actor: &Identity, query: &PromptQuery) -> Filter {
    Filter::default()
        .and("tenant =", actor.confined_to())
        .and("tenant =", query.tenant.as_ref())
        .and("subject =", query.subject.as_ref())
        .and("request_id =", query.request_id.as_ref())
        .and("at_ms <", query.before_ms)
}

impl Books {
    /// Prompts and answers, the newest first. Only admins read them; who is confined to a tenant reads that tenant's.
    ///
    /// # Errors
    /// [`BooksError::Beyond`], [`BooksError::Cursor`] and [`BooksError::Store`].
    pub async fn prompts(
        &self,
        actor: &Identity,
        query: &PromptQuery,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<PromptRow>, BooksError> {
        admins_only(actor, "reading prompts")?;
        let (limit, before) = (page_limit(limit), cursor.map(before).transpose()?);
        let filter = filter(actor, query).and("id <", before);
        let sql = format!("{PROMPTS} {} ORDER BY id DESC LIMIT {}", filter.sql(), limit + 1);
        let read = self.desk.store.read(|tx| {
            let (sql, args) = (sql.clone(), filter.args.clone());
            async move { tx.fetch_all(sql, args).await?.iter().map(prompt_row).collect::<Result<Vec<_>, StoreError>>() }
                .boxed()
        });
        Ok(Page::cut(read.await?, limit, |row| vec![row.id.clone()]))
    }

    /// Erases prompts and answers, those that wait to be written included, and gives how many were erased. Only admins
    /// do. What other servers have not written yet, at most `ledger.flush_ms` old, is not among them.
    ///
    /// # Errors
    /// [`BooksError::Beyond`], [`BooksError::Unwritten`] and [`BooksError::Store`].
    pub async fn erase_prompts(&self, actor: &Identity, query: &PromptQuery) -> Result<u64, BooksError> {
        admins_only(actor, "erasing prompts")?;
        self.flush().await?;
        let (filter, entry) = (filter(actor, query), Arc::new((actor.clone(), query.clone())));
        let erased = self.desk.store.write(Isolation::ReadCommitted, move |tx| {
            let (filter, entry) = (filter.clone(), Arc::clone(&entry));
            async move {
                let sql = format!("DELETE FROM access_ledger_prompt {}", filter.sql());
                let erased = tx.execute(sql, filter.args).await?;
                audit::append(tx, &told(&entry.0, &entry.1, erased)).await?;
                Ok::<_, StoreError>(erased)
            }
            .boxed()
        });
        let erased = erased.await?;
        self.desk.metrics.audit_rows.inc();
        Ok(erased)
    }
}

fn told(actor: &Identity, query: &PromptQuery, erased: u64) -> Entry {
    let tenant = query.tenant.as_ref().filter(|tenant| actor.may_see(tenant)).unwrap_or(&actor.tenant);
    Entry {
        actor: Arc::clone(&actor.subject),
        tenant: Arc::clone(tenant),
        action: "prompts.erase",
        target: tenant.to_string(),
        detail: json!({ "erased": erased, "before": query.before_ms.map(calendar::rfc3339) }),
    }
}

const PROMPTS: &str = "SELECT id, at_ms, request_id, tenant, subject, model, prompt, answer FROM access_ledger_prompt";

fn prompt_row(row: &Row) -> Result<PromptRow, StoreError> {
    Ok(PromptRow {
        id: row.get::<i64>(0)?.to_string(),
        at: calendar::rfc3339(row.get(1)?),
        request_id: row.get(2)?,
        tenant: row.get(3)?,
        subject: row.get(4)?,
        model: row.get(5)?,
        prompt: row.get(6)?,
        answer: row.get(7)?,
    })
}
