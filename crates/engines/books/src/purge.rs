//! What is older than the settings keep is removed, a little at a time.

use super::desk::Config;
use super::ledger::first_id;
use super::name::Period;
use futures_util::FutureExt;
use store::{Isolation, Store, StoreError, Value, args};

/// The most rows that one transaction removes.
const ROWS_MAX: i64 = 500;
/// The most transactions in a row; the rest is removed soon after.
const TRANSACTIONS_MAX: usize = 10;
/// Days that budgets of past days and months are kept.
const WINDOW_DAYS: i64 = 40;
/// How long a process that has died is remembered.
const HOLDER_MS: i64 = calendar::DAY_MS;

/// Removes old rows; whether there are more.
pub(super) async fn purge(store: &Store, config: &Config, now_ms: i64) -> Result<bool, StoreError> {
    let before = |days: u32| first_id(now_ms - i64::from(days) * calendar::DAY_MS);
    let long_ago = calendar::day(now_ms) - WINDOW_DAYS;
    let old = [
        (CALLS, args![before(config.calls_days), ROWS_MAX]),
        (PROMPTS, args![before(config.prompts_days), ROWS_MAX]),
        (WINDOWS, args![Period::Day.name(), long_ago]),
        (WINDOWS, args![Period::Month.name(), long_ago]),
        (HOLDERS, args![now_ms - HOLDER_MS]),
    ];
    let mut more = false;
    for (sql, args) in old {
        more |= remove(store, sql, args).await?;
    }
    Ok(more)
}

async fn remove(store: &Store, sql: &'static str, args: Vec<Value>) -> Result<bool, StoreError> {
    for _ in 0..TRANSACTIONS_MAX {
        let args = args.clone();
        let removed = store.write(Isolation::ReadCommitted, move |tx| {
            let args = args.clone();
            async move { tx.execute(sql, args).await }.boxed()
        });
        if removed.await? < ROWS_MAX.unsigned_abs() {
            return Ok(false);
        }
    }
    Ok(true)
}

const CALLS: &str = "DELETE FROM access_ledger_call WHERE id IN \
     (SELECT id FROM access_ledger_call WHERE id < $1 ORDER BY id LIMIT $2)";
const PROMPTS: &str = "DELETE FROM access_ledger_prompt WHERE id IN \
     (SELECT id FROM access_ledger_prompt WHERE id < $1 ORDER BY id LIMIT $2)";
/// What a process still holds of a window this old, it gives back to nobody.
const WINDOWS: &str = "DELETE FROM access_budget_window WHERE period = $1 AND starts_day < $2";
const HOLDERS: &str = "DELETE FROM access_budget_holder WHERE dead = 1 AND expires_ms < $1";
