//! What is older than the settings keep is removed, a little at a time.

use super::desk::Config;
use super::ledger::first_id;
use super::name::Period;
use store::{PURGE_ROWS_MAX, Store, StoreError, args};

/// Days that budgets of past days and months are kept.
const WINDOW_DAYS: i64 = 40;
/// How long a process that has died is remembered.
const HOLDER_MS: i64 = calendar::DAY_MS;

/// Removes old rows; whether there are more.
pub(super) async fn purge(store: &Store, config: &Config, now_ms: i64) -> Result<bool, StoreError> {
    let before = |days: u32| first_id(now_ms - i64::from(days) * calendar::DAY_MS);
    let long_ago = calendar::day(now_ms) - WINDOW_DAYS;
    let old = [
        (CALLS, args![before(config.calls_days), PURGE_ROWS_MAX]),
        (PROMPTS, args![before(config.prompts_days), PURGE_ROWS_MAX]),
        (WINDOWS, args![Period::Day.name(), long_ago, PURGE_ROWS_MAX]),
        (WINDOWS, args![Period::Month.name(), long_ago, PURGE_ROWS_MAX]),
        (HOLDERS, args![now_ms - HOLDER_MS, PURGE_ROWS_MAX]),
    ];
    let mut more = false;
    for (sql, args) in old {
        more |= store.purge(sql, args).await?;
    }
    Ok(more)
}

const CALLS: &str = "DELETE FROM access_ledger_call WHERE id IN \
     (SELECT id FROM access_ledger_call WHERE id < $1 ORDER BY id LIMIT $2)";
const PROMPTS: &str = "DELETE FROM access_ledger_prompt WHERE id IN \
     (SELECT id FROM access_ledger_prompt WHERE id < $1 ORDER BY id LIMIT $2)";
/// What a process still holds of a window this old, it gives back to nobody.
const WINDOWS: &str = "DELETE FROM access_budget_window WHERE (scope, tenant, subject, period, starts_day) IN \
     (SELECT scope, tenant, subject, period, starts_day FROM access_budget_window \
     WHERE period = $1 AND starts_day < $2 LIMIT $3)";
const HOLDERS: &str = "DELETE FROM access_budget_holder WHERE holder IN \
     (SELECT holder FROM access_budget_holder WHERE dead = 1 AND expires_ms < $1 LIMIT $2)";
