//! Budgets as operators see and change them.

use super::name::{Name, Period, Scope};
use super::{Books, money};
use crate::BooksError;
use audit::Entry;
use caller::{Identity, NanoUsd, Role, is_tenant, shown_usd};
use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use settings::Usd;
use std::sync::Arc;
use store::{Isolation, Row, StoreError, Tx, Value, args};
use store::{Page, decode_cursor, page_limit};

/// The longest name of a key or tenant that a budget can be given to, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// Which budget is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetTarget {
    /// Whose money it is.
    pub scope: Scope,
    /// How long it has to last.
    pub period: Period,
    /// The tenant: of a tenant's budget, and of a key's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The id of the key, or `jwt:` and the subject of a token: of a key's budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// A budget as it was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BudgetRow {
    /// Which one.
    #[serde(flatten)]
    pub target: BudgetTarget,
    /// What may be spent, in US dollars: exact decimal text.
    pub limit_usd: String,
    /// To be sent along when it is changed next.
    pub version: i64,
}

/// Where a budget comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// From the settings, for every key or tenant alike.
    Settings,
    /// It was set while serving.
    Store,
}

/// A budget and how it stands. Amounts are US dollars as exact decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BudgetState {
    /// Which one.
    #[serde(flatten)]
    pub target: BudgetTarget,
    /// What may be spent.
    pub limit_usd: String,
    /// What was spent in this day or month, as far as it is written down: what servers spent in the last
    /// `ledger.flush_ms` is still among what is reserved.
    pub spent_usd: String,
    /// What is set aside for requests in progress and for those that servers expect in the next moments.
    pub reserved_usd: String,
    /// What nobody has spent or set aside.
    pub left_usd: String,
    /// When the alert was raised, as RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerted_at: Option<String>,
    /// Where it comes from.
    pub from: Source,
    /// To be sent along when it is changed next; 0 for one from the settings.
    pub version: i64,
}

impl BudgetTarget {
    fn of(name: &Name) -> Self {
        let given = |text: &Arc<str>| (!text.is_empty()).then(|| text.to_string());
        let (scope, period) = (name.scope, name.period);
        Self { scope, period, tenant: given(&name.tenant), subject: given(&name.subject) }
    }
}

/// A part of a name that has to be given, or must not be.
fn part(param: &'static str, given: Option<&str>, wanted: bool) -> Result<Arc<str>, BooksError> {
    let invalid = |problem: &str, hint| Err(BooksError::Invalid { param, problem: problem.to_owned(), hint });
    match given {
        None if wanted => invalid("missing", "say whose budget it is"),
        None => Ok("".into()),
        Some(_) if !wanted => invalid("no part of such a budget", "leave it out, or choose another `scope`"),
        Some(text) if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) => {
            invalid("no name", "write the id of a key or the name of a tenant")
        }
        Some(text) => Ok(text.into()),
    }
}

fn operators_only(actor: &Identity, what: &str) -> Result<(), BooksError> {
    if actor.role < Role::Operator || actor.confined_to().is_some() {
        return Err(BooksError::Beyond { what: what.to_owned() });
    }
    Ok(())
}

/// What one write does to a budget.
#[derive(Clone)]
struct Edit {
    target: BudgetTarget,
    limit: Option<NanoUsd>,
    expected: Option<i64>,
    actor: Identity,
}

impl Books {
    /// Sets a budget; who runs the server may do that. It is durable, and holds in this process, once this returns;
    /// other processes learn of it within 5 s. With `expected_version`, only if it is the version that is there now (0:
    /// none).
    ///
    /// # Errors
    /// [`BooksError::Beyond`], [`BooksError::Invalid`], [`BooksError::Stale`] and [`BooksError::Store`].
    pub async fn set_budget(
        &self,
        actor: &Identity,
        target: &BudgetTarget,
        limit: &Usd,
        expected_version: Option<i64>,
    ) -> Result<BudgetRow, BooksError> {
        operators_only(actor, "setting budgets")?;
        let nano = money::nano(limit);
        if nano >= money::LIMIT_MAX {
            let (problem, hint) = ("too much".to_owned(), "write at most 1000000000");
            return Err(BooksError::Invalid { param: "limit_usd", problem, hint });
        }
        let (name, version) = self.edit(actor, target, Some(nano), expected_version).await?;
        Ok(BudgetRow { target: BudgetTarget::of(&name), limit_usd: shown_usd(nano), version })
    }

    /// Removes a budget that was set: what the settings say holds again.
    ///
    /// # Errors
    /// As for [`Books::set_budget`], and [`BooksError::NotFound`].
    pub async fn remove_budget(
        &self,
        actor: &Identity,
        target: &BudgetTarget,
        expected_version: Option<i64>,
    ) -> Result<(), BooksError> {
        operators_only(actor, "removing budgets")?;
        self.edit(actor, target, None, expected_version).await.map(drop)
    }

    async fn edit(
        &self,
        actor: &Identity,
        target: &BudgetTarget,
        limit: Option<NanoUsd>,
        expected: Option<i64>,
    ) -> Result<(Name, i64), BooksError> {
        let edit = Arc::new(Edit { target: target.clone(), limit, expected, actor: actor.clone() });
        let written = self.desk.store.write(Isolation::ReadCommitted, move |tx| {
            let edit = Arc::clone(&edit);
            async move { edit.run(tx).await }.boxed()
        });
        let done = written.await?;
        self.desk.metrics.audit_rows.inc();
        self.desk.read_limits().await?;
        Ok(done)
    }

    /// Budgets that are in force and how they stand: those that were set, those of the settings that somebody has
    /// spent from. Who is confined to a tenant sees that tenant's.
    ///
    /// # Errors
    /// [`BooksError::Cursor`] and [`BooksError::Store`].
    pub async fn budgets(
        &self,
        actor: &Identity,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<BudgetState>, BooksError> {
        let after = cursor.map(|cursor| decode_cursor(cursor, 4)).transpose()?;
        let limit = page_limit(limit);
        // What a dead process holds is nobody's: it should not be shown as reserved.
        if let Err(error) = super::post::expire(&self.desk.store, 0).await {
            tracing::debug!(%error, "what other servers have reserved could not be looked at");
        }
        let (sql, args) = self.listing(actor.confined_to(), after, limit);
        let read = self.desk.store.read(|tx| {
            let (sql, args) = (sql.clone(), args.clone());
            async move { tx.fetch_all(sql, args).await?.iter().map(state).collect::<Result<Vec<_>, StoreError>>() }
                .boxed()
        });
        Ok(Page::cut(read.await?, limit, |state| {
            let target = &state.target;
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            let (scope, period) = (target.scope.name().to_owned(), target.period.name().to_owned());
            vec![scope, part(&target.tenant), part(&target.subject), period]
        }))
    }

    fn listing(&self, tenant: Option<&str>, after: Option<Vec<String>>, limit: usize) -> (String, Vec<Value>) {
        let (day, defaults) = (self.desk.clock.day(), self.desk.limits.defaults());
        let (month, _) = Period::Month.span(day);
        let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let mut args = args![day, month, defaults.key, defaults.tenant, defaults.server, most];
        let mut filter = String::new();
        if let Some(after) = after {
            args.extend(after.iter().map(|part| Value::from(part.as_str())));
            filter.push_str(" AND (n.scope, n.tenant, n.subject, n.period) > ($7, $8, $9, $10)");
        }
        if let Some(tenant) = tenant {
            args.push(Value::from(tenant));
            filter.push_str(&format!(" AND n.tenant = ${}", args.len()));
        }
        (LISTING.replace("{filter}", &filter), args)
    }
}

/// Names that were set, that somebody has spent from, or that the settings give to the server; then limits, of which
/// those that were set go before those of the settings; then how they stand.
const LISTING: &str = "
WITH n AS (
    SELECT scope, tenant, subject, period FROM access_budget WHERE usd_nano IS NOT NULL
    UNION SELECT scope, tenant, subject, period FROM access_budget_window
        WHERE (period = 'day' AND starts_day = $1) OR (period = 'month' AND starts_day = $2) OR period = 'total'
    UNION SELECT 'server', '', '', 'day'
), l AS (
    SELECT n.scope, n.tenant, n.subject, n.period, b.usd_nano, b.version,
        COALESCE(b.usd_nano, CASE WHEN n.period <> 'day' THEN NULL WHEN n.scope = 'key' THEN $3
            WHEN n.scope = 'tenant' THEN $4 ELSE $5 END) AS most
    FROM n LEFT JOIN access_budget b
        ON b.scope = n.scope AND b.tenant = n.tenant AND b.subject = n.subject AND b.period = n.period
)
SELECT n.scope, n.tenant, n.subject, n.period, n.most, COALESCE(w.spent, 0), COALESCE(w.reserved, 0), w.alerted_ms,
    n.usd_nano, COALESCE(n.version, 0), COALESCE(w.alerted_nano, 0)
FROM l n LEFT JOIN access_budget_window w
    ON w.scope = n.scope AND w.tenant = n.tenant AND w.subject = n.subject AND w.period = n.period
    AND w.starts_day = CASE n.period WHEN 'day' THEN $1 WHEN 'month' THEN $2 ELSE 0 END
WHERE n.most IS NOT NULL {filter}
ORDER BY n.scope, n.tenant, n.subject, n.period LIMIT $6";

fn state(row: &Row) -> Result<BudgetState, StoreError> {
    let (limit, spent, reserved): (i64, i64, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let alerted: i64 = row.get(10)?;
    let set = row.get::<Option<i64>>(8)?.is_some();
    Ok(BudgetState {
        target: BudgetTarget::of(&Name::read(row)?),
        limit_usd: shown_usd(limit),
        spent_usd: shown_usd(spent),
        reserved_usd: shown_usd(reserved),
        left_usd: shown_usd((limit - spent - reserved).max(0)),
        alerted_at: row.get::<Option<i64>>(7)?.filter(|_| alerted >= limit).map(calendar::rfc3339),
        from: if set { Source::Store } else { Source::Settings },
        version: if set { row.get(9)? } else { 0 },
    })
}

impl Edit {
    async fn run(&self, tx: &mut Tx) -> Result<(Name, i64), BooksError> {
        let name = self.name()?;
        // From here on no other change goes on at the same time, so that versions become visible in order.
        let sql = "UPDATE access_books_count SET value = value + 1 WHERE name = 'budget' RETURNING value";
        let version: i64 = tx.fetch_one(sql, args![]).await?.get(0)?;
        let before = self.before(tx, &name).await?;
        let sql = "INSERT INTO access_budget (scope, tenant, subject, period, usd_nano, version) \
                   VALUES ($1, $2, $3, $4, $5, $6) \
                   ON CONFLICT (scope, tenant, subject, period) \
                   DO UPDATE SET usd_nano = excluded.usd_nano, version = excluded.version";
        tx.execute(sql, name.values().into_iter().chain(args![self.limit, version]).collect()).await?;
        audit::append(tx, &self.entry(&name, before, version)).await?;
        Ok((name, version))
    }

    fn name(&self) -> Result<Name, BooksError> {
        let target = &self.target;
        let (scope, period) = (target.scope, target.period);
        let subject = part("subject", target.subject.as_deref(), scope == Scope::Key)?;
        let tenant = part("tenant", target.tenant.as_deref(), scope != Scope::Server)?;
        if scope != Scope::Server && !is_tenant(&tenant) {
            let (problem, hint) =
                ("not the name of a tenant".to_owned(), "write 1 to 64 of `a`-`z`, `0`-`9`, `-`, `_` and `.`");
            return Err(BooksError::Invalid { param: "tenant", problem, hint });
        }
        Ok(Name { scope, tenant, subject, period })
    }

    /// What is there, if it may be changed.
    async fn before(&self, tx: &mut Tx, name: &Name) -> Result<Option<NanoUsd>, BooksError> {
        let sql = "SELECT usd_nano, version FROM access_budget \
                   WHERE scope = $1 AND tenant = $2 AND subject = $3 AND period = $4";
        let row = tx.fetch_optional(sql, name.values().into()).await?;
        let found: Option<(Option<i64>, i64)> =
            row.map(|row| Ok::<_, StoreError>((row.get(0)?, row.get(1)?))).transpose()?;
        let set = found.and_then(|(limit, version)| limit.map(|limit| (limit, version)));
        let version = set.map_or(0, |(_, version)| version);
        if self.expected.is_some_and(|expected| expected != version) {
            return Err(BooksError::Stale { what: "budget", id: name.to_string(), version });
        }
        if set.is_none() && self.limit.is_none() {
            return Err(BooksError::NotFound { what: "budget", id: name.to_string() });
        }
        Ok(set.map(|(limit, _)| limit))
    }

    fn entry(&self, name: &Name, before: Option<NanoUsd>, version: i64) -> Entry {
        let tenant = if name.tenant.is_empty() { Arc::clone(&self.actor.tenant) } else { Arc::clone(&name.tenant) };
        Entry {
            actor: Arc::clone(&self.actor.subject),
            tenant,
            action: if self.limit.is_some() { "budget.set" } else { "budget.remove" },
            target: name.to_string(),
            detail: json!({
                "limit_usd": self.limit.map(shown_usd), "before_usd": before.map(shown_usd), "version": version
            }),
        }
    }
}
