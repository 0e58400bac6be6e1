//! Decisions that go: by name, for want of room, past their time.

use crate::tables::Looking;
use crate::{Clock, DocketError};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Row, StoreError, Tx, Value, args};

/// The most decisions that one transaction removes.
pub const REMOVED_MAX: i64 = 200;

/// What belongs to a decision.
const PARTS: [&str; 4] = ["decision_options", "decision_criteria", "decision_scores", "decision_messages"];

/// Which decisions go.
#[derive(Debug, Clone)]
pub enum Which {
    /// All of a tenant, also those that are being evaluated.
    Tenant(Arc<str>),
    /// Those of a tenant that were used least recently.
    LeastRecent(Arc<str>, i64),
    /// Those that were not used since.
    UnusedSince(i64),
    /// Those of all tenants that were used least recently.
    Oldest(i64),
}

/// How often decisions are looked for anew, where all that were found have been used before they could go.
const LOOKS_MAX: u32 = 3;

/// Removes up to [`REMOVED_MAX`] of those decisions; how many. Those that are being evaluated stay, but for
/// [`Which::Tenant`].
pub(crate) async fn some(tx: &mut Tx, which: &Which, now: i64) -> Result<u64, StoreError> {
    for _ in 0..LOOKS_MAX {
        let (ids, used) = found(tx, which, now).await?;
        let bounds = match which {
            Which::Tenant(_) => Bounds::default(),
            Which::UnusedSince(moment) => Bounds { lease_ms: Some(now), touched_ms: Some(*moment), version: None },
            Which::LeastRecent(..) | Which::Oldest(_) => {
                Bounds { lease_ms: Some(now), touched_ms: Some(used), version: None }
            }
        };
        match these(tx, &ids, bounds).await? {
            0 if !ids.is_empty() => {}
            gone => return Ok(gone),
        }
    }
    Ok(0)
}

/// Those decisions, and when the one of them that was used last was.
async fn found(tx: &mut Tx, which: &Which, now: i64) -> Result<(Vec<Arc<str>>, i64), StoreError> {
    let (sql, args) = match which {
        Which::Tenant(tenant) => (
            format!("SELECT id, touched_ms FROM decision_sessions WHERE tenant = $1 ORDER BY id LIMIT {REMOVED_MAX}"),
            args![tenant],
        ),
        Which::LeastRecent(tenant, count) => (
            "SELECT id, touched_ms FROM decision_sessions WHERE tenant = $1 AND lease_ms <= $2 \
             ORDER BY touched_ms, id LIMIT $3"
                .to_owned(),
            args![tenant, now, *count.min(&REMOVED_MAX)],
        ),
        Which::UnusedSince(moment) => (
            format!(
                "SELECT id, touched_ms FROM decision_sessions WHERE touched_ms <= $1 AND lease_ms <= $2 \
                 ORDER BY touched_ms LIMIT {REMOVED_MAX}"
            ),
            args![*moment, now],
        ),
        Which::Oldest(count) => (
            "SELECT id, touched_ms FROM decision_sessions WHERE lease_ms <= $1 ORDER BY touched_ms, id LIMIT $2"
                .to_owned(),
            args![now, *count.min(&REMOVED_MAX)],
        ),
    };
    let rows = tx.fetch_all(sql, args).await?;
    let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Arc<str>>, _>>()?;
    let used = rows.iter().map(|row| row.get(1)).collect::<Result<Vec<i64>, _>>()?;
    Ok((ids, used.into_iter().max().unwrap_or(i64::MIN)))
}

/// What must hold of a decision at the moment at which it goes: on PostgreSQL others may have written since it was read.
#[derive(Default)]
struct Bounds {
    /// Its lease has ended by then.
    lease_ms: Option<i64>,
    /// It was not used after that.
    touched_ms: Option<i64>,
    /// It has this version.
    version: Option<i64>,
}

/// Removes decisions within bounds; how many. The decision itself goes first: whoever writes scores holds its row.
async fn these(tx: &mut Tx, ids: &[Arc<str>], bounds: Bounds) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let places =
        |first: usize, count: usize| (first..first + count).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
    let Bounds { lease_ms, touched_ms, version } = bounds;
    let [lease, touched] = [lease_ms, touched_ms].map(|most| Value::from(most.unwrap_or(i64::MAX)));
    let [least, most] = [version.unwrap_or(i64::MIN), version.unwrap_or(i64::MAX)].map(Value::from);
    let list = places(5, ids.len());
    let sql = format!(
        "DELETE FROM decision_sessions WHERE lease_ms <= $1 AND touched_ms <= $2 AND version BETWEEN $3 AND $4 \
         AND id IN ({list}) RETURNING id, tenant"
    );
    let args = [lease, touched, least, most].into_iter().chain(ids.iter().map(Value::from)).collect();
    let rows = tx.fetch_all(sql, args).await?;
    let mut tenants: BTreeMap<Arc<str>, i64> = BTreeMap::new();
    let mut gone: Vec<Arc<str>> = Vec::with_capacity(rows.len());
    for row in &rows {
        gone.push(row.get(0)?);
        *tenants.entry(row.get(1)?).or_default() += 1;
    }
    if gone.is_empty() {
        return Ok(0);
    }
    let list = places(1, gone.len());
    for part in PARTS {
        let args = gone.iter().map(Value::from).collect();
        tx.execute(format!("DELETE FROM {part} WHERE session IN ({list})"), args).await?;
    }
    for (tenant, count) in tenants {
        let sql = "UPDATE decision_tenants SET sessions = sessions - $2 WHERE tenant = $1";
        tx.execute(sql, args![tenant, count]).await?;
    }
    Ok(gone.len() as u64)
}

/// Removes one decision, also one that is being evaluated.
pub(crate) async fn one(
    tx: &mut Tx,
    clock: &Clock,
    looking: &Looking,
    version: Option<i64>,
) -> Result<(), DocketError> {
    let head = looking.head(tx, clock).await?.0;
    let bounds = Bounds { version, ..Bounds::default() };
    if version.is_none_or(|version| version == head.version) && these(tx, &[Arc::clone(&head.id)], bounds).await? > 0 {
        return Ok(());
    }
    // Somebody else was here: it is gone, or has another version.
    let head = looking.head(tx, clock).await?.0;
    tracing::debug!(?version, found = head.version, "a decision to be removed has changed");
    Err(DocketError::Stale { id: head.id.to_string(), version: head.version })
}

/// How many decisions there are, of all tenants.
pub(crate) async fn count(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(sessions), 0) AS BIGINT) FROM decision_tenants";
    tx.fetch_one(sql, args![]).await?.get(0)
}

/// How many a tenant has.
pub(crate) async fn count_of(tx: &mut Tx, tenant: &Arc<str>) -> Result<i64, StoreError> {
    let sql = "SELECT sessions FROM decision_tenants WHERE tenant = $1";
    let row: Option<Row> = tx.fetch_optional(sql, args![tenant]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}
