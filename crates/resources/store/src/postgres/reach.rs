//! How a server is reached, and whether it is the server itself that answers.

use crate::StoreError;
use crate::error::read;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row as _, raw_sql};
use std::time::Duration;

/// The option that a pooler does not pass on.
const DIRECT: &str = "althing.direct";

/// The options to connect with, and whether the server itself answers.
pub(super) async fn reach(
    plain: &PgConnectOptions,
    transaction: Duration,
) -> Result<(PgConnectOptions, bool), StoreError> {
    let (statement, idle) = (transaction.as_millis().to_string(), (transaction * 2).as_millis().to_string());
    let marked = plain.clone().options([
        (DIRECT, "on"),
        ("statement_timeout", statement.as_str()),
        // Should this process be frozen, its locks do not outlive it for long.
        ("idle_in_transaction_session_timeout", idle.as_str()),
        ("client_min_messages", "warning"),
    ]);
    let pooled = plain.clone().statement_cache_capacity(0);
    let Ok(mut conn) = marked.connect().await else {
        // A pooler may refuse what it does not know; whatever else is wrong is told by the second attempt.
        close(connect(pooled.clone()).await?).await;
        return Ok((pooled, false));
    };
    let asked = raw_sql("SELECT current_setting('althing.direct', true)").fetch_one(&mut conn).await;
    let answer = asked.and_then(|row| row.try_get::<Option<String>, _>(0)).map_err(|error| read(error).0)?;
    close(conn).await;
    Ok(if answer.as_deref() == Some("on") { (marked, true) } else { (pooled, false) })
}

pub(super) async fn connect(options: PgConnectOptions) -> Result<PgConnection, StoreError> {
    options.connect().await.map_err(|error| read(error).0)
}

async fn close(conn: PgConnection) {
    let _ = conn.close().await;
}
