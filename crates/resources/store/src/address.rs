//! Where a database is. An address may hold a password: it is shown without one, and errors do not repeat it.

use crate::StoreError;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a database is.
#[derive(Clone)]
pub(crate) enum Address {
    /// In a file.
    Sqlite(PathBuf),
    /// At a server.
    Postgres(Box<Server>),
}

/// A database at a server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) options: PgConnectOptions,
    shown: String,
}

impl Address {
    /// Reads `sqlite:FILE` (relative to `data`) or `postgres://…`.
    pub(crate) fn parse(url: &str, data: &Path) -> Result<Self, StoreError> {
        if let Some(file) = url.strip_prefix("sqlite:") {
            // `sqlite:///file` and `sqlite://file` are common spellings.
            let file = file.strip_prefix("//").unwrap_or(file);
            if file.is_empty() || file == ":memory:" || file.contains('?') {
                let reason = "`sqlite:` must be followed by a file, without options".to_owned();
                return Err(StoreError::Address { reason });
            }
            return Ok(Self::Sqlite(data.join(file)));
        }
        // What the parser says may quote the password.
        let wrong = |_| StoreError::Address { reason: "it is no `postgres://user@host:port/database`".to_owned() };
        let options = url.parse::<PgConnectOptions>().map_err(wrong)?;
        let options = options.application_name("althing").extra_float_digits(None).disable_statement_logging();
        Ok(Self::Postgres(Box::new(Server { options, shown: settings::without_password(url) })))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(out, "sqlite:{}", path.display()),
            Self::Postgres(server) => out.write_str(&server.shown),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({self})")
    }
}
