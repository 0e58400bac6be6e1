//! How a server is reached, and whether it is the server itself that answers.

use crate::StoreError;
use crate::address::Server;
use crate::config::Limits;
use crate::error::read;
use crate::pool::silent;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row as _, raw_sql};
use std::time::Duration;
use tokio::time::timeout;

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

/// What a server says of itself.
pub(crate) struct Seen {
    /// The number before the first dot of its version.
    pub(crate) major: u32,
    /// Its version as it writes it.
    pub(crate) version: String,
    /// The schema that tables are made in.
    pub(crate) schema: String,
    /// Whether it is the server itself that answers.
    pub(crate) direct: bool,
}

/// Looks at a server, over a connection without time limits of ours.
pub(crate) async fn see(server: &Server, limits: &Limits) -> Result<(Seen, PgConnection), StoreError> {
    let within = limits.acquire;
    let (_, direct) = within_or_silent(within, reach(&server.options, limits.transaction)).await?;
    let mut conn = within_or_silent(within, connect(server.options.clone().application_name("althing-tool"))).await?;
    let sql = "SELECT current_setting('server_version_num'), current_setting('server_version'), current_schema()::text";
    let row = raw_sql(sql).fetch_one(&mut conn).await.map_err(|error| read(error).0)?;
    let text = |at: usize| row.try_get::<Option<String>, _>(at).map_err(|error| read(error).0);
    let major = text(0)?.and_then(|number| number.parse::<u32>().ok()).unwrap_or_default() / 10_000;
    let schema = text(2)?.unwrap_or_else(|| "public".to_owned());
    let seen = Seen { major, version: text(1)?.unwrap_or_default(), schema, direct };
    Ok((seen, conn))
}

async fn within_or_silent<T>(
    within: Duration,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(within, asked).await.unwrap_or_else(|_| Err(silent()))
}
