//! Figures of the rooms that keep things: the store, and who asks and who pays.

use crate::handles::{Count, Level};
use crate::registrar::{Counters, Gauges, Registrar, Timings};
use crate::rows;
use crate::timing::Timing;
use std::time::Duration;

/// The families, as they are registered.
#[derive(Debug)]
pub(crate) struct Books {
    pool_in_use: Gauges<1>,
    pool_limit: Gauges<1>,
    waits: Timings<1>,
    transactions: Counters<1>,
    commits: Counters<0>,
    retries: Counters<1>,
    deadlocks: Counters<0>,
    slow: Counters<0>,
    queue: Gauges<0>,
    backups: Counters<1>,
    auth: Counters<1>,
    limited: Counters<1>,
    reservations: Counters<1>,
    alerts: Counters<1>,
    overruns: Counters<0>,
    ledger_rows: Counters<1>,
    ledger_queue: Gauges<0>,
    audit: Counters<0>,
    flags: Counters<2>,
}

impl Books {
    pub(crate) fn register(registrar: &mut Registrar) -> Self {
        Self {
            pool_in_use: registrar.gauges(&rows::STORE_POOL_IN_USE),
            pool_limit: registrar.gauges(&rows::STORE_POOL_LIMIT),
            waits: registrar.timings(&rows::STORE_WAIT, rows::STORE_BOUNDS_S),
            transactions: registrar.counters(&rows::STORE_TRANSACTIONS),
            commits: registrar.counters(&rows::STORE_COMMITS),
            retries: registrar.counters(&rows::STORE_RETRIES),
            deadlocks: registrar.counters(&rows::STORE_DEADLOCKS),
            slow: registrar.counters(&rows::STORE_SLOW),
            queue: registrar.gauges(&rows::STORE_QUEUE),
            backups: registrar.counters(&rows::STORE_BACKUPS),
            auth: registrar.counters(&rows::AUTH),
            limited: registrar.counters(&rows::RATE_LIMITED),
            reservations: registrar.counters(&rows::RESERVATIONS),
            alerts: registrar.counters(&rows::BUDGET_ALERTS),
            overruns: registrar.counters(&rows::BUDGET_OVERRUNS),
            ledger_rows: registrar.counters(&rows::LEDGER_ROWS),
            ledger_queue: registrar.gauges(&rows::LEDGER_QUEUE),
            audit: registrar.counters(&rows::AUDIT_ROWS),
            flags: registrar.counters(&rows::FLAG_EXPOSURES),
        }
    }

    pub(crate) fn store(&self) -> StoreMetrics {
        let transactions = |outcome| Count(self.transactions.with([outcome]));
        StoreMetrics {
            committed: transactions("committed"),
            rolled_back: transactions("rolled_back"),
            failed: transactions("failed"),
            commits: Count(self.commits.with([])),
            deadlocks: Count(self.deadlocks.with([])),
            slow: Count(self.slow.with([])),
            queue: Level(self.queue.with([])),
            pools: StorePool::ALL.map(|pool| PoolMetrics {
                in_use: Level(self.pool_in_use.with([pool.label()])),
                limit: Level(self.pool_limit.with([pool.label()])),
                wait: self.waits.with([pool.label()]),
            }),
            conflicts: ["serialization", "deadlock", "busy"].map(|reason| Count(self.retries.with([reason]))),
            backups: ["done", "failed"].map(|outcome| Count(self.backups.with([outcome]))),
        }
    }

    pub(crate) fn access(&self) -> AccessMetrics {
        let reservations = |outcome| Count(self.reservations.with([outcome]));
        AccessMetrics {
            auth: Admission::ALL.map(|outcome| Count(self.auth.with([outcome.label()]))),
            limited_keys: Count(self.limited.with(["key"])),
            limited_addresses: Count(self.limited.with(["address"])),
            granted: reservations("granted"),
            waited: reservations("waited"),
            refused: reservations("refused"),
            unavailable: reservations("unavailable"),
            alerts: ["key", "tenant", "server"].map(|scope| Count(self.alerts.with([scope]))),
            overruns: Count(self.overruns.with([])),
            ledger_written: Count(self.ledger_rows.with(["written"])),
            ledger_dropped: Count(self.ledger_rows.with(["dropped"])),
            ledger_queue: Level(self.ledger_queue.with([])),
            audit_rows: Count(self.audit.with([])),
        }
    }

    pub(crate) fn flag_exposures(&self, flag: &str, variant: &str) -> Count {
        Count(self.flags.with([flag, variant]))
    }
}

/// A set of connections to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorePool {
    /// Those that write; of SQLite there is one.
    Writer,
    /// Those that only read.
    Reader,
    /// Those to a read-only copy.
    Replica,
}

impl StorePool {
    const ALL: [Self; 3] = [Self::Writer, Self::Reader, Self::Replica];

    fn label(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Reader => "reader",
            Self::Replica => "replica",
        }
    }
}

/// Why a transaction was tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreConflict {
    /// It could not have run alone before or after another (SQLSTATE 40001).
    Serialization,
    /// It waited for another that waited for it (SQLSTATE 40P01).
    Deadlock,
    /// Another process held the writer's lock of SQLite for too long.
    Busy,
}

/// Figures of one set of connections.
#[derive(Debug, Clone)]
pub struct PoolMetrics {
    /// Connections in use now.
    pub in_use: Level,
    /// The most there may be.
    pub limit: Level,
    wait: Timing,
}

impl PoolMetrics {
    /// Notes how long somebody waited for a connection.
    pub fn waited(&self, took: Duration) {
        self.wait.observe(took);
    }
}

/// Figures of the store.
#[derive(Debug, Clone)]
pub struct StoreMetrics {
    /// Transactions that were committed.
    pub committed: Count,
    /// Transactions whose own work failed, so that nothing of them is left.
    pub rolled_back: Count,
    /// Transactions that the database failed.
    pub failed: Count,
    /// Commits: on SQLite one commit carries a group of transactions.
    pub commits: Count,
    /// Deadlocks that the database broke.
    pub deadlocks: Count,
    /// Statements that took longer than `store.slow_ms`.
    pub slow: Count,
    /// Transactions that wait for the writer of SQLite.
    pub queue: Level,
    pools: [PoolMetrics; 3],
    conflicts: [Count; 3],
    backups: [Count; 2],
}

impl StoreMetrics {
    /// Figures of one set of connections.
    pub fn pool(&self, pool: StorePool) -> &PoolMetrics {
        &self.pools[pool as usize]
    }

    /// Transactions tried again for one reason.
    pub fn retried(&self, why: StoreConflict) -> &Count {
        &self.conflicts[why as usize]
    }

    /// Backups made, or failed.
    pub fn backup(&self, done: bool) -> &Count {
        &self.backups[usize::from(!done)]
    }
}

/// How it was decided whether to let a request in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// A key was good.
    Key,
    /// A signed token was good.
    Token,
    /// The server is open.
    Open,
    /// No credential came.
    Missing,
    /// The credential has no form that we know.
    Malformed,
    /// It has the right form, and nobody made it; or a token was not signed by its issuer.
    Unknown,
    /// Its time is over, or has not come.
    Expired,
    /// It was taken back.
    Revoked,
    /// The caller is known and may not do this.
    Forbidden,
}

impl Admission {
    const ALL: [Self; 9] = [
        Self::Key,
        Self::Token,
        Self::Open,
        Self::Missing,
        Self::Malformed,
        Self::Unknown,
        Self::Expired,
        Self::Revoked,
        Self::Forbidden,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Token => "token",
            Self::Open => "open",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Forbidden => "forbidden",
        }
    }
}

/// Figures of who asks and who pays.
#[derive(Debug, Clone)]
pub struct AccessMetrics {
    auth: [Count; 9],
    /// Requests beyond the rate of their key.
    pub limited_keys: Count,
    /// Wrong credentials beyond what one address may try.
    pub limited_addresses: Count,
    /// Reservations granted at once.
    pub granted: Count,
    /// Reservations granted after waiting for what others gave back.
    pub waited: Count,
    /// Reservations refused.
    pub refused: Count,
    /// Reservations that could not be checked.
    pub unavailable: Count,
    alerts: [Count; 3],
    /// Requests that cost more than was reserved for them.
    pub overruns: Count,
    /// Calls written into the ledger.
    pub ledger_written: Count,
    /// Calls that the ledger had no room for.
    pub ledger_dropped: Count,
    /// Calls that wait to be written.
    pub ledger_queue: Level,
    /// Rows appended to the audit log.
    pub audit_rows: Count,
}

impl AccessMetrics {
    /// Requests let in, or kept out, for one reason.
    pub fn admission(&self, outcome: Admission) -> &Count {
        &self.auth[outcome as usize]
    }

    /// Budgets that have passed their alert's share; `scope` is 0 for keys, 1 for tenants, 2 for the server.
    pub fn alert(&self, scope: usize) -> &Count {
        &self.alerts[scope.min(2)]
    }
}
