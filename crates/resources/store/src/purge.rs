//! Removes old rows a little at a time, so that nobody waits for long behind it. It knows no table.

use crate::{Isolation, Store, StoreError, Value};
use futures_util::FutureExt;

/// The most rows that one transaction of [`Store::purge`] may remove, for the `LIMIT` of its statement.
pub const PURGE_ROWS_MAX: i64 = 500;
/// The most transactions in a row.
const TRANSACTIONS_MAX: usize = 10;

impl Store {
    /// Runs a statement that removes up to [`PURGE_ROWS_MAX`] rows, which is the statement's business: it needs a `LIMIT`, in
    /// a sub-select, as neither database knows one for what is removed. It is run in transactions of its own, until there are fewer or
    /// it was run ten times; whether there may be more.
    ///
    /// # Errors
    /// [`StoreError`]; what was removed before stays removed.
    pub async fn purge(&self, sql: &'static str, args: Vec<Value>) -> Result<bool, StoreError> {
        for _ in 0..TRANSACTIONS_MAX {
            let args = args.clone();
            let removed = self.write(Isolation::ReadCommitted, move |tx| {
                let args = args.clone();
                async move { tx.execute(sql, args).await }.boxed()
            });
            if removed.await? < PURGE_ROWS_MAX.unsigned_abs() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
