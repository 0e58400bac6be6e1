//! Calls that carry a key: the same key with the same arguments is the same call, whoever of the tenant sends it and
//! however often, for a day.
//!
//! A key is claimed before the tool is called and given up when the call fails, so that only successes are replayed. A
//! claim that nobody gave up, because the server was killed, ends with the time that the call may have taken.

use crate::error::ToolboxError;
use futures_util::FutureExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use store::{Isolation, Store, StoreError, args};

/// How long a result is replayed.
const LIFE_MS: i64 = 86_400_000;
/// The most keys of a tenant.
const KEYS_MAX: i64 = 10_000;
/// What the results under the keys of a tenant may take, in bytes.
const BYTES_MAX: i64 = 64 << 20;
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 200;

/// What a key means now.
pub(crate) enum Claim {
    /// Nobody has called; whoever asks does, and settles it.
    Ours(Held),
    /// It was called, with this result.
    Done(Value),
}

/// A key that is claimed.
#[derive(Clone)]
pub(crate) struct Held {
    tenant: Arc<str>,
    key: Arc<str>,
    holder: Arc<str>,
}

/// Claims a key for a call with arguments of this hash, which takes no longer than `within`.
pub(crate) async fn claim(
    store: &Store,
    tenant: &Arc<str>,
    key: &str,
    hash: String,
    within: Duration,
) -> Result<Claim, ToolboxError> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains('\0') {
        let problem = format!("`idempotency_key` must have 1 to {KEY_BYTES_MAX} bytes");
        return Err(ToolboxError::argument(problem, None));
    }
    let holder: Arc<str> = format!("{:032x}", fastrand::u128(..)).into();
    let held = Held { tenant: Arc::clone(tenant), key: key.into(), holder };
    let hash: Arc<str> = hash.into();
    let lease_ms = i64::try_from(within.as_millis()).unwrap_or(LIFE_MS) + 5_000;
    let found = store.write(Isolation::Serializable, {
        let (held, hash) = (held.clone(), Arc::clone(&hash));
        move |tx| {
            let (held, hash) = (held.clone(), Arc::clone(&hash));
            async move {
                let now = tx.now_ms().await?;
                let sql = "DELETE FROM toolbox_replay WHERE tenant = $1 AND call_key = $2 \
                           AND (at_ms < $3 OR (result IS NULL AND at_ms < $4))";
                tx.execute(sql, args![&held.tenant, &held.key, now - LIFE_MS, now - lease_ms]).await?;
                let sql = "INSERT INTO toolbox_replay (tenant, call_key, hash, holder, result, at_ms) \
                           VALUES ($1, $2, $3, $4, NULL, $5) ON CONFLICT (tenant, call_key) DO NOTHING";
                if tx.execute(sql, args![&held.tenant, &held.key, hash, &held.holder, now]).await? == 1 {
                    return Ok::<_, StoreError>(None);
                }
                let sql = "SELECT hash, result FROM toolbox_replay WHERE tenant = $1 AND call_key = $2";
                let row = tx.fetch_one(sql, args![&held.tenant, &held.key]).await?;
                Ok(Some((row.get::<Arc<str>>(0)?, row.get::<Option<String>>(1)?)))
            }
            .boxed()
        }
    });
    let key = || definitions::text::cut(key, 60);
    match found.await? {
        None => Ok(Claim::Ours(held)),
        Some((other, _)) if other != hash => Err(ToolboxError::KeyReused { key: key() }),
        Some((_, None)) => Err(ToolboxError::KeyRunning { key: key() }),
        Some((_, Some(result))) => Ok(Claim::Done(serde_json::from_str(&result).unwrap_or_default())),
    }
}

/// The call succeeded with this result. Where the tenant has too many of them then, the oldest go.
pub(crate) async fn done(store: &Store, held: &Held, result: &Value) -> Result<(), StoreError> {
    keep(store, held, result, (KEYS_MAX, BYTES_MAX)).await
}

async fn keep(store: &Store, held: &Held, result: &Value, (keys, bytes): (i64, i64)) -> Result<(), StoreError> {
    let (held, text): (_, Arc<str>) = (held.clone(), result.to_string().into());
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let (held, text) = (held.clone(), Arc::clone(&text));
        async move {
            let size = i64::try_from(text.len()).unwrap_or(i64::MAX);
            let sql = "UPDATE toolbox_replay SET result = $4, result_bytes = $5 \
                       WHERE tenant = $1 AND call_key = $2 AND holder = $3";
            tx.execute(sql, args![&held.tenant, &held.key, &held.holder, text, size]).await?;
            let sql =
                "SELECT COUNT(*), CAST(COALESCE(SUM(result_bytes), 0) AS BIGINT) FROM toolbox_replay WHERE tenant = $1";
            let row = tx.fetch_one(sql, args![&held.tenant]).await?;
            if row.get::<i64>(0)? <= keys && row.get::<i64>(1)? <= bytes {
                return Ok(());
            }
            let sql = "DELETE FROM toolbox_replay WHERE tenant = $1 AND result IS NOT NULL AND call_key IN \
                       (SELECT call_key FROM (SELECT call_key, \
                       ROW_NUMBER() OVER (ORDER BY at_ms DESC, call_key) AS place, \
                       SUM(result_bytes) OVER (ORDER BY at_ms DESC, call_key) AS whole \
                       FROM toolbox_replay WHERE tenant = $1) AS kept WHERE place > $2 OR whole > $3)";
            tx.execute(sql, args![&held.tenant, keys, bytes]).await.map(drop)
        }
        .boxed()
    });
    written.await
}

/// The call failed: whoever sends the key again calls again.
pub(crate) async fn give_up(store: &Store, held: &Held) -> Result<(), StoreError> {
    let held = held.clone();
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let held = held.clone();
        async move {
            let sql = "DELETE FROM toolbox_replay WHERE tenant = $1 AND call_key = $2 AND holder = $3";
            tx.execute(sql, args![held.tenant, held.key, held.holder]).await.map(drop)
        }
        .boxed()
    });
    written.await
}

/// Removes what is a day old.
pub(crate) async fn purge(store: &Store, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM toolbox_replay WHERE (tenant, call_key) IN \
               (SELECT tenant, call_key FROM toolbox_replay WHERE at_ms < $1 LIMIT 500)";
    store.purge(sql, args![now_ms - LIFE_MS]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn case(settings: settings::Settings) {
        let data = tempfile::tempdir().unwrap();
        let metrics = measure::Metrics::new("test");
        let store =
            Store::open(&store::Config::new(&settings.store, data.path()).unwrap(), metrics.store()).await.unwrap();
        crate::tables::migrate(&store).await.unwrap();
        let keep_one = async |tenant: &'static str, at: usize, caps| {
            let key = format!("k{at}");
            let found = claim(&store, &tenant.into(), &key, "h".to_owned(), Duration::ZERO).await.unwrap();
            let Claim::Ours(held) = found else { return false };
            keep(&store, &held, &json!("x".repeat(98)), caps).await.unwrap();
            // Which is older is told by the clock.
            tokio::time::sleep(Duration::from_millis(3)).await;
            true
        };
        for at in 0..5 {
            assert!(keep_one("acme", at, (3, 1_000)).await);
        }
        assert!(keep_one("other", 4, (3, 1_000)).await);
        assert!(!keep_one("acme", 4, (3, 1_000)).await && !keep_one("acme", 2, (3, 1_000)).await);
        assert!(keep_one("acme", 1, (3, 1_000)).await, "the oldest are gone");
        assert!(keep_one("acme", 9, (9, 250)).await);
        assert!(!keep_one("acme", 1, (9, 250)).await, "two fit");
        assert!(keep_one("acme", 3, (9, 250)).await && !keep_one("other", 4, (9, 250)).await);
        store.close().await;
    }

    #[tokio::test]
    async fn the_oldest_go_where_there_are_too_many() {
        case(settings::Settings::default()).await;
    }

    #[tokio::test]
    async fn the_oldest_go_on_postgres_too() {
        let postgres = testkit::Postgres::start();
        let mut settings = settings::Settings::default();
        settings.store.url = Some(postgres.url().parse().unwrap());
        case(settings).await;
    }
}
