//! What can go wrong between a room and its tables.
//!
//! No error repeats a value or an address: both may be secret.

use fault::{Explain, Kind, Origin, Retry};
use measure::StoreConflict;
use std::path::PathBuf;
use std::time::Duration;

/// How long a caller is told to wait before asking again.
const SOON: Duration = Duration::from_secs(1);

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database cannot be used.
    #[error("`store.url` cannot be used: {reason}")]
    Address {
        /// What is wrong with it, without repeating it.
        reason: String,
    },
    /// The database cannot be opened or reached.
    #[error("the database cannot be reached: {reason}")]
    Unreachable {
        /// What the database or the system says.
        reason: String,
    },
    /// Nothing was free in time.
    #[error("the database is busy: nothing was free within {} ms", within.as_millis())]
    Busy {
        /// How long was waited.
        within: Duration,
    },
    /// Too many wait for the writer.
    #[error("the database is busy: {most} transactions wait for it already")]
    Queue {
        /// The most that may wait.
        most: usize,
    },
    /// A transaction took too long and was broken off.
    #[error("a transaction took longer than {} ms and was broken off", within.as_millis())]
    Slow {
        /// What is allowed.
        within: Duration,
    },
    /// It met others that did the same at once, again and again.
    #[error("the transaction met others that changed the same again and again ({attempts} attempts)")]
    Conflict {
        /// How often it was tried.
        attempts: u32,
    },
    /// There is no room left on the disk.
    #[error("the disk of the database is full, or the database may not grow: nothing can be written")]
    Full,
    /// It may not be written to.
    #[error("the database cannot be written to: {reason}")]
    ReadOnly {
        /// What the database says.
        reason: String,
    },
    /// A statement breaks a rule of its table: a key that is taken, a reference that leads nowhere.
    #[error("the database refuses a change: {reason}")]
    Constraint {
        /// Which rule.
        reason: String,
    },
    /// The file is no database, or a damaged one.
    #[error("the database is damaged: {reason}")]
    Damaged {
        /// What the database says.
        reason: String,
    },
    /// The tables were made by a newer version of this program.
    #[error("the tables of `{room}` have version {found}, and this program knows up to version {known}")]
    Newer {
        /// Whose tables.
        room: String,
        /// The version in the database.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The SQLite that is built in is too old to be trusted.
    #[error("SQLite {found} is built in, and versions before {least} can lose data")]
    OldSqlite {
        /// The version built in.
        found: String,
        /// The first version that is trusted.
        least: &'static str,
    },
    /// A value that not both databases can keep.
    #[error("{reason}")]
    Unfit {
        /// What it holds, without repeating it.
        reason: &'static str,
    },
    /// A result does not have the shape that the code expects.
    #[error("a row has another shape than expected: {reason}")]
    Shape {
        /// What differs.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file would be overwritten.
    #[error("`{}` is there already", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The file cannot be restored.
    #[error("`{}` cannot be restored: {reason}", path.display())]
    NoBackup {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A server uses what only one may use.
    #[error("{what} is in use")]
    InUse {
        /// What.
        what: String,
    },
    /// A pooler cannot be backed up or restored through.
    #[error("a pooler stands before PostgreSQL, which can only be backed up or restored directly")]
    Pooled,
    /// A program of PostgreSQL is missing, or too old for the server.
    #[error("`{name}` of PostgreSQL {least} or newer was not found{}", found.as_ref().map(|version| format!(", only of {version}")).unwrap_or_default())]
    Program {
        /// Which program.
        name: &'static str,
        /// The oldest version that will do.
        least: u32,
        /// The newest version there is.
        found: Option<u32>,
    },
    /// The database failed a statement in a way that is not expected.
    #[error("the database failed: {reason}")]
    Failed {
        /// What the database says.
        reason: String,
    },
    /// The store is closed, or its work panicked.
    #[error("the store has been closed")]
    Closed,
}

impl StoreError {
    /// The same for one more who is concerned: a group of transactions fails together. What concerns one alone is told
    /// as a failure.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            Self::Closed => Self::Closed,
            Self::Busy { within } => Self::Busy { within: *within },
            Self::Slow { within } => Self::Slow { within: *within },
            Self::Conflict { attempts } => Self::Conflict { attempts: *attempts },
            Self::ReadOnly { reason } => Self::ReadOnly { reason: reason.clone() },
            Self::Damaged { reason } => Self::Damaged { reason: reason.clone() },
            Self::Unreachable { reason } => Self::Unreachable { reason: reason.clone() },
            Self::Failed { reason } => Self::Failed { reason: reason.clone() },
            Self::Unfit { reason } => Self::Unfit { reason },
            other => Self::Failed { reason: other.to_string() },
        }
    }
}

impl Explain for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "store_address",
            Self::Unreachable { .. } => "store_unreachable",
            Self::Busy { .. } | Self::Queue { .. } => "store_busy",
            Self::Slow { .. } => "store_slow",
            Self::Conflict { .. } => "store_conflict",
            Self::Full => "store_full",
            Self::ReadOnly { .. } => "store_read_only",
            Self::Constraint { .. } => "store_constraint",
            Self::Damaged { .. } => "store_damaged",
            Self::Newer { .. } => "store_newer",
            Self::OldSqlite { .. } => "sqlite_too_old",
            Self::Unfit { .. } => "store_unfit",
            Self::Shape { .. } | Self::Failed { .. } => "store_failed",
            Self::File { .. } => "store_file",
            Self::Exists { .. } => "store_file_exists",
            Self::NoBackup { .. } => "store_no_backup",
            Self::InUse { .. } => "store_in_use",
            Self::Pooled => "store_pooled",
            Self::Program { .. } => "store_program",
            Self::Closed => "store_closed",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Address { .. }
            | Self::Newer { .. }
            | Self::OldSqlite { .. }
            | Self::NoBackup { .. }
            | Self::Unfit { .. }
            | Self::Pooled
            | Self::Program { .. } => Kind::BadInput,
            Self::Busy { .. } | Self::Queue { .. } | Self::Conflict { .. } => Kind::Overloaded,
            Self::Constraint { .. } | Self::Exists { .. } | Self::InUse { .. } => Kind::Conflict,
            Self::Shape { .. } | Self::Failed { .. } => Kind::Internal,
            Self::Unreachable { .. }
            | Self::Slow { .. }
            | Self::Full
            | Self::ReadOnly { .. }
            | Self::Damaged { .. }
            | Self::File { .. }
            | Self::Closed => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Us
    }

    fn retry(&self) -> Retry {
        match self.kind() {
            Kind::Overloaded | Kind::Unavailable => Retry::After(SOON),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Address { .. } => "write `sqlite:FILE` or `postgres://user@host/database`",
            Self::Unreachable { .. } => "see that the database runs and that `store.url` leads to it",
            Self::Busy { .. } => "ask again, or raise `store.pool_max`",
            Self::Queue { .. } => "ask again, or raise `store.queue_max`",
            Self::Slow { .. } => "ask again, or raise `store.transaction_ms`",
            Self::Conflict { .. } => "ask again, or raise `store.retries_max`",
            Self::Full => "make room on the disk; reading still works",
            Self::ReadOnly { .. } => "see that the data folder belongs to the user that serves",
            Self::Damaged { .. } => "`althing store check` says more, `althing store restore` brings a backup back",
            Self::Newer { .. } => "use the newer version of this program, or restore a backup made before it ran",
            Self::Exists { .. } => "name a file that is not there",
            Self::NoBackup { .. } => "nothing was changed; take another backup",
            Self::InUse { .. } => "stop every server that uses it first",
            Self::Pooled => "let `store.url` lead to the server itself for this",
            Self::Program { .. } => "install PostgreSQL's client programs, on Debian `postgresql-client`",
            Self::OldSqlite { .. } => "build with the SQLite that the lock file names",
            Self::Unfit { .. } => "leave it out",
            Self::Constraint { .. } | Self::Shape { .. } | Self::File { .. } | Self::Failed { .. } | Self::Closed => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

/// What one database error means: an error of ours, and the conflict behind it if asking again may help.
pub(crate) fn read(error: sqlx::Error) -> (StoreError, Option<StoreConflict>) {
    let reason = || error.to_string();
    let found = match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            return by_code(&code, database.message());
        }
        // A server that goes away in the middle of an answer breaks the protocol.
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            StoreError::Unreachable { reason: reason() }
        }
        sqlx::Error::Configuration(_) => StoreError::Address { reason: "it has a part that is not understood".into() },
        sqlx::Error::RowNotFound
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_) => StoreError::Shape { reason: reason() },
        _ => StoreError::Failed { reason: reason() },
    };
    (found, None)
}

/// SQLSTATEs have five characters, result codes of SQLite are numbers whose lowest byte tells the class.
fn by_code(code: &str, message: &str) -> (StoreError, Option<StoreConflict>) {
    let reason = message.to_owned();
    if code.len() == 5 {
        return by_sqlstate(code, reason);
    }
    let found = match code.parse::<u32>().unwrap_or_default() & 0xff {
        // SQLITE_BUSY and SQLITE_LOCKED: another process writes.
        5 | 6 => return (StoreError::Busy { within: Duration::ZERO }, Some(StoreConflict::Busy)),
        8 => StoreError::ReadOnly { reason },
        9 => StoreError::Slow { within: Duration::ZERO },
        10 | 14 => StoreError::Unreachable { reason },
        11 | 26 => StoreError::Damaged { reason },
        13 => StoreError::Full,
        19 => StoreError::Constraint { reason },
        _ => StoreError::Failed { reason },
    };
    (found, None)
}

fn by_sqlstate(code: &str, reason: String) -> (StoreError, Option<StoreConflict>) {
    let conflict = match code {
        "40001" => Some(StoreConflict::Serialization),
        "40P01" => Some(StoreConflict::Deadlock),
        _ => None,
    };
    let found = match (code, code.get(..2).unwrap_or_default()) {
        ("40001" | "40P01", _) => StoreError::Conflict { attempts: 1 },
        ("53100", _) => StoreError::Full,
        ("57014", _) => StoreError::Slow { within: Duration::ZERO },
        ("25006", _) => StoreError::ReadOnly { reason },
        ("3D000", _) | (_, "08" | "28" | "53" | "57" | "58") => StoreError::Unreachable { reason },
        (_, "23") => StoreError::Constraint { reason },
        (_, "XX") => StoreError::Damaged { reason },
        _ => StoreError::Failed { reason },
    };
    (found, conflict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: &str) -> &'static str {
        by_code(code, "").0.code()
    }

    #[test]
    fn codes_of_both_databases_are_told_apart() {
        assert_eq!((kind("5"), kind("517"), kind("13")), ("store_busy", "store_busy", "store_full"));
        assert_eq!((kind("1555"), kind("2067"), kind("11")), ("store_constraint", "store_constraint", "store_damaged"));
        assert_eq!(
            (kind("53100"), kind("57P01"), kind("23505")),
            ("store_full", "store_unreachable", "store_constraint")
        );
    }

    #[test]
    fn only_two_conflicts_of_postgres_are_worth_asking_again() {
        assert_eq!(by_code("40001", "").1, Some(StoreConflict::Serialization));
        assert_eq!(by_code("40P01", "").1, Some(StoreConflict::Deadlock));
        for other in ["40003", "55P03", "57014", "23505", "08006"] {
            assert_eq!(by_code(other, "").1, None, "{other}");
        }
    }
}
