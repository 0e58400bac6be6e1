//! A turn in the store: one transaction that settles, lends, and writes the ledger.
//!
//! Turns of one process are numbered. Who does not learn how a turn ended, because the connection broke, tries again
//! under the same number and is told when it had happened: nothing is ever written twice. The row that holds the
//! number also says until when the process is believed to live. Whoever finds that over declares it dead and gives its
//! leases back, and the process learns of it from its next turn.

use super::ledger::Batch;
use super::limits::{self, Change};
use super::name::Key;
use super::turn::{Asked, Found, Move, Position, Verdict, decide};
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use store::{Isolation, Row, Store, StoreError, Tx, Value, args};

/// The most rows of windows or leases in one statement.
const ROWS_MAX: usize = 100;

/// What a turn is to do.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) holder: i64,
    pub(super) turn: i64,
    pub(super) lease: Duration,
    /// In the order in which rows are locked.
    pub(super) keys: Vec<Key>,
    pub(super) positions: Vec<Position>,
    pub(super) asks: Vec<Asked>,
    pub(super) batch: Option<Arc<Batch>>,
    /// Whether the process has to be heard of even if there is nothing else to write.
    pub(super) renew: bool,
    /// Changes about budgets after this one are of interest.
    pub(super) seen: Option<i64>,
}

/// How a turn ended.
#[derive(Debug)]
pub(super) enum Done {
    /// It has happened.
    Turned(Outcome),
    /// It had happened before; these leases came of it.
    Already { leases: Vec<(Key, i64)>, dead: bool },
    /// The process was declared dead: it has no leases, and nothing was written.
    Dead,
}

/// What came of a turn.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) moves: Vec<Move>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) changes: Option<Vec<Change>>,
    /// Whether anything was written, and with it that the process lives.
    pub(super) written: bool,
}

/// Why a turn is undone.
enum Undone {
    Store(StoreError),
    /// Nothing had to be written.
    Idle(Outcome),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Runs a turn.
pub(super) async fn post(store: &Store, order: Order) -> Result<Done, StoreError> {
    let order = Arc::new(order);
    // Every decision is made on rows that are locked by then.
    let posted = store.write(Isolation::ReadCommitted, move |tx| {
        let order = Arc::clone(&order);
        async move { run(tx, &order).await }.boxed()
    });
    match posted.await {
        Ok(done) => Ok(done),
        Err(Undone::Idle(outcome)) => Ok(Done::Turned(outcome)),
        Err(Undone::Store(error)) => Err(error),
    }
}

async fn run(tx: &mut Tx, order: &Order) -> Result<Done, Undone> {
    if !begin(tx, order).await? {
        return Ok(why_not(tx, order).await?);
    }
    if let Some(batch) = &order.batch {
        batch.write(tx).await?;
    }
    let found = lock(tx, &order.keys).await?;
    let (moves, verdicts) = decide(&order.positions, &found, &order.asks);
    write_windows(tx, order, &moves).await?;
    let changes = match order.seen {
        Some(seen) => Some(limits::changes(tx, seen).await?),
        None => None,
    };
    let written = order.renew
        || order.batch.as_ref().is_some_and(|batch| !batch.is_empty())
        || !moves.iter().all(Move::is_nothing);
    let outcome = Outcome { moves, verdicts, changes, written };
    if written { Ok(Done::Turned(outcome)) } else { Err(Undone::Idle(outcome)) }
}

/// Counts the turn, if it is the next one of a process that is believed to live.
async fn begin(tx: &mut Tx, order: &Order) -> Result<bool, StoreError> {
    let expires_ms = expires_ms(tx, order.lease).await?;
    let sql = "UPDATE access_budget_holder SET turn = $2, expires_ms = $3 \
               WHERE holder = $1 AND turn = $2 - 1 AND dead = 0";
    Ok(tx.execute(sql, args![order.holder, order.turn, expires_ms]).await? == 1)
}

async fn expires_ms(tx: &mut Tx, lease: Duration) -> Result<i64, StoreError> {
    let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2);
    Ok(tx.now_ms().await?.saturating_add(lease_ms))
}

async fn why_not(tx: &mut Tx, order: &Order) -> Result<Done, StoreError> {
    let sql = "SELECT turn, dead FROM access_budget_holder WHERE holder = $1";
    let Some(row) = tx.fetch_optional(sql, args![order.holder]).await? else { return Ok(Done::Dead) };
    let (turn, dead): (i64, bool) = (row.get(0)?, row.get(1)?);
    if turn != order.turn {
        return Ok(Done::Dead);
    }
    let sql = "SELECT scope, tenant, subject, period, starts_day, amount FROM access_budget_lease WHERE holder = $1";
    let rows = tx.fetch_all(sql, args![order.holder]).await?;
    let leases = rows.iter().map(|row| Ok((Key::read(row)?, row.get(5)?))).collect::<Result<_, StoreError>>()?;
    Ok(Done::Already { leases, dead })
}

/// Locks the rows of windows, in order, making those that are missing.
async fn lock(tx: &mut Tx, keys: &[Key]) -> Result<Vec<Found>, StoreError> {
    let none = Found { spent: 0, reserved: 0, alerted: 0 };
    let mut found = vec![none; keys.len()];
    for (chunk, found) in keys.chunks(ROWS_MAX).zip(found.chunks_mut(ROWS_MAX)) {
        let sql = format!(
            "INSERT INTO access_budget_window (scope, tenant, subject, period, starts_day, spent, reserved, alerted_nano) VALUES {} \
             ON CONFLICT (scope, tenant, subject, period, starts_day) \
             DO UPDATE SET reserved = access_budget_window.reserved \
             RETURNING scope, tenant, subject, period, starts_day, spent, reserved, alerted_nano",
            marks(chunk.len())
        );
        let args = chunk.iter().flat_map(Key::values).collect();
        for row in tx.fetch_all(sql, args).await? {
            // Neither database promises an order.
            let key = Key::read(&row)?;
            if let Some(found) = chunk.binary_search(&key).ok().and_then(|at| found.get_mut(at)) {
                *found = read(&row)?;
            }
        }
    }
    Ok(found)
}

fn read(row: &Row) -> Result<Found, StoreError> {
    Ok(Found { spent: row.get(5)?, reserved: row.get(6)?, alerted: row.get(7)? })
}

/// Places for the keys of so many windows, each with three zeros.
fn marks(windows: usize) -> String {
    let row = |at: usize| {
        let first = at * 5 + 1;
        format!("(${}, ${}, ${}, ${}, ${}, 0, 0, 0)", first, first + 1, first + 2, first + 3, first + 4)
    };
    (0..windows).map(row).collect::<Vec<_>>().join(", ")
}

async fn write_windows(tx: &mut Tx, order: &Order, moves: &[Move]) -> Result<(), StoreError> {
    let moved: Vec<(&Key, &Move)> = order.keys.iter().zip(moves).filter(|(_, moved)| !moved.is_nothing()).collect();
    let with = |key: &Key, rest: &[i64]| -> Vec<Value> {
        key.values().into_iter().chain(rest.iter().map(|amount| Value::from(*amount))).collect()
    };
    let rows = moved.iter().map(|(key, moved)| with(key, &[moved.spent, moved.reserved, 0])).collect();
    tx.insert_many(
        "INSERT INTO access_budget_window (scope, tenant, subject, period, starts_day, spent, reserved, alerted_nano)",
        rows,
        "ON CONFLICT (scope, tenant, subject, period, starts_day) DO UPDATE SET \
         spent = access_budget_window.spent + excluded.spent, \
         reserved = access_budget_window.reserved + excluded.reserved",
    )
    .await?;
    let rows = moved.iter().map(|(key, moved)| with(key, &[moved.lease, order.holder])).collect();
    tx.insert_many(
        "INSERT INTO access_budget_lease (scope, tenant, subject, period, starts_day, amount, holder)",
        rows,
        "ON CONFLICT (holder, scope, tenant, subject, period, starts_day) DO UPDATE SET amount = excluded.amount",
    )
    .await?;
    if moved.iter().any(|(_, moved)| moved.lease == 0) {
        let sql = "DELETE FROM access_budget_lease WHERE holder = $1 AND amount = 0";
        tx.execute(sql, args![order.holder]).await?;
    }
    let now_ms = if moves.iter().any(|moved| moved.alert) { tx.now_ms().await? } else { 0 };
    let positions = order.positions.iter().zip(&order.keys).zip(moves);
    for ((position, key), _) in positions.filter(|(_, moved)| moved.alert) {
        let sql = "UPDATE access_budget_window SET alerted_ms = $6, alerted_nano = $7 \
                   WHERE scope = $1 AND tenant = $2 AND subject = $3 AND period = $4 AND starts_day = $5";
        tx.execute(sql, with(key, &[now_ms, position.limit])).await?;
    }
    Ok(())
}

/// Gives this process a number that no other has.
pub(super) async fn register(store: &Store, lease: Duration) -> Result<i64, StoreError> {
    let registered = store.write(Isolation::ReadCommitted, move |tx| {
        async move {
            let sql = "UPDATE access_books_count SET value = value + 1 WHERE name = 'holder' RETURNING value";
            let holder: i64 = tx.fetch_one(sql, args![]).await?.get(0)?;
            let expires_ms = expires_ms(tx, lease).await?;
            let sql = "INSERT INTO access_budget_holder (holder, turn, expires_ms, dead) VALUES ($1, 0, $2, 0)";
            tx.execute(sql, args![holder, expires_ms]).await?;
            Ok::<_, StoreError>(holder)
        }
        .boxed()
    });
    registered.await
}

/// The process ends and holds nothing: nobody has to wait for it.
pub(super) async fn leave(store: &Store, holder: i64) -> Result<(), StoreError> {
    let left = store.write(Isolation::ReadCommitted, move |tx| {
        async move {
            let sql = "DELETE FROM access_budget_holder WHERE holder = $1 AND NOT EXISTS \
                       (SELECT 1 FROM access_budget_lease WHERE holder = $1)";
            tx.execute(sql, args![holder]).await.map(drop)
        }
        .boxed()
    });
    left.await
}

/// Gives back what processes hold that are no longer heard of; `own` is not one of them.
pub(super) async fn expire(store: &Store, own: i64) -> Result<(), StoreError> {
    let late = store.read(move |tx| {
        async move {
            let now_ms = tx.now_ms().await?;
            let sql = "SELECT holder FROM access_budget_holder \
                       WHERE dead = 0 AND expires_ms < $1 AND holder <> $2 ORDER BY holder LIMIT 100";
            let rows = tx.fetch_all(sql, args![now_ms, own]).await?;
            rows.iter().map(|row| row.get::<i64>(0)).collect::<Result<Vec<_>, StoreError>>()
        }
        .boxed()
    });
    for holder in late.await? {
        let freed = store.write(Isolation::ReadCommitted, move |tx| bury(tx, holder).boxed()).await?;
        for (key, amount) in freed {
            let (budget, usd) = (key.name, caller::shown_usd(amount));
            tracing::warn!(%budget, usd, holder, "money reserved by a server that is no longer heard of is free again");
        }
    }
    Ok(())
}

async fn bury(tx: &mut Tx, holder: i64) -> Result<Vec<(Key, i64)>, StoreError> {
    let now_ms = tx.now_ms().await?;
    let sql = "UPDATE access_budget_holder SET dead = 1 WHERE holder = $1 AND dead = 0 AND expires_ms < $2";
    if tx.execute(sql, args![holder, now_ms]).await? == 0 {
        return Ok(Vec::new());
    }
    let sql = "DELETE FROM access_budget_lease WHERE holder = $1 \
               RETURNING scope, tenant, subject, period, starts_day, amount";
    let rows = tx.fetch_all(sql, args![holder]).await?;
    let mut freed =
        rows.iter().map(|row| Ok((Key::read(row)?, row.get(5)?))).collect::<Result<Vec<_>, StoreError>>()?;
    freed.sort_unstable();
    for (key, amount) in &freed {
        let sql = "UPDATE access_budget_window SET reserved = reserved - $6 \
                   WHERE scope = $1 AND tenant = $2 AND subject = $3 AND period = $4 AND starts_day = $5";
        let args = key.values().into_iter().chain([Value::from(*amount)]).collect();
        tx.execute(sql, args).await?;
    }
    Ok(freed)
}
