//! Questions on their way into the store: how they wait, and how many are written at once. It decides nothing.

use crate::Asked;
use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Isolation, PURGE_ROWS_MAX, Store, StoreError, Tx, Value, args};

/// Bits of a question's number that tell apart those of one millisecond; the rest are milliseconds since 1970, so that
/// numbers rise with time.
const COUNT_BITS: u32 = 20;

/// A question with its place in time.
#[derive(Debug)]
pub(crate) struct Entry {
    id: i64,
    day: i64,
    asked: Asked,
}

impl Entry {
    pub(crate) fn new(asked: Asked, at_ms: i64, number: i64) -> Self {
        let count = number & ((1 << COUNT_BITS) - 1);
        Self { id: first_id(at_ms) | count, day: calendar::day(at_ms), asked }
    }
}

/// The lowest number of a question asked at a moment.
fn first_id(at_ms: i64) -> i64 {
    at_ms << COUNT_BITS
}

/// Writes questions down; those that are there already stay as they are, so that writing again does no harm.
pub(crate) async fn write(store: &Store, batch: Arc<Vec<Entry>>) -> Result<(), StoreError> {
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let batch = Arc::clone(&batch);
        async move { write_all(tx, &batch).await }.boxed()
    });
    written.await
}

async fn write_all(tx: &mut Tx, batch: &[Entry]) -> Result<(), StoreError> {
    let (mut answers, mut days) = (Vec::new(), BTreeMap::<(i64, &str, &str), (i64, i64)>::new());
    for Entry { id, day, asked } in batch {
        let reached = i64::from(asked.reached);
        let (tenant, panel) = (&*asked.tenant, asked.panel.as_str());
        let row = args![*id, tenant, panel, &*asked.request_id, *day, asked.kind, reached];
        if tx.execute(QUESTION, row).await? == 0 {
            continue;
        }
        let (yes, no) = days.entry((*day, tenant, panel)).or_default();
        (*yes, *no) = (*yes + reached, *no + 1 - reached);
        let seats = asked.answers.iter().enumerate();
        answers.extend(seats.map(|(seat, (model, cluster))| -> Vec<Value> {
            args![*id, i64::try_from(seat).unwrap_or(i64::MAX), model.as_str(), i64::from(*cluster)]
        }));
    }
    tx.insert_many("INSERT INTO votes_answer (question, seat, model, cluster)", answers, "").await?;
    for ((day, tenant, panel), (yes, no)) in days {
        tx.execute(PANEL, args![day, tenant, panel, yes, no]).await?;
    }
    Ok(())
}

const QUESTION: &str = "INSERT INTO votes_question (id, tenant, panel, request_id, day, kind, reached, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT DO NOTHING";
const PANEL: &str = "INSERT INTO votes_panel_day (day, tenant, panel, reached, not_reached) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (day, tenant, panel) DO UPDATE SET \
     reached = votes_panel_day.reached + excluded.reached, \
     not_reached = votes_panel_day.not_reached + excluded.not_reached";

/// Removes what is older than `days`, a little at a time; whether there is more.
pub(crate) async fn purge(store: &Store, days: u32, now_ms: i64) -> Result<bool, StoreError> {
    let before_day = calendar::day(now_ms) - i64::from(days);
    let before_id = first_id(before_day * calendar::DAY_MS);
    let mut more = false;
    for sql in OLD_ROWS {
        more |= store.purge(sql, args![before_id, PURGE_ROWS_MAX]).await?;
    }
    for sql in OLD_DAYS {
        more |= store.purge(sql, args![before_day, PURGE_ROWS_MAX]).await?;
    }
    Ok(more)
}

const OLD_ROWS: [&str; 2] = [
    "DELETE FROM votes_answer WHERE question IN \
     (SELECT question FROM votes_answer WHERE question < $1 ORDER BY question LIMIT $2)",
    "DELETE FROM votes_question WHERE id IN (SELECT id FROM votes_question WHERE id < $1 ORDER BY id LIMIT $2)",
];
const OLD_DAYS: [&str; 3] = [
    "DELETE FROM votes_panel_day WHERE (day, tenant, panel) IN \
     (SELECT day, tenant, panel FROM votes_panel_day WHERE day < $1 LIMIT $2)",
    "DELETE FROM votes_model_day WHERE (day, tenant, panel, model) IN \
     (SELECT day, tenant, panel, model FROM votes_model_day WHERE day < $1 LIMIT $2)",
    "DELETE FROM votes_pair_day WHERE (day, tenant, panel, model, other) IN \
     (SELECT day, tenant, panel, model, other FROM votes_pair_day WHERE day < $1 LIMIT $2)",
];
