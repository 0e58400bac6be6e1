//! Where a database is. An address may hold a password: it is shown without one, and errors do not repeat it.

use crate::StoreError;
use secrecy::SecretString;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::{Path, PathBuf};

/// What may stand behind the `?` of an address, and what PostgreSQL's own programs call it. Anything else is refused: it
/// would be passed over, and logged with its value.
const PARAMETERS: [(&str, &str); 17] = [
    ("sslmode", "PGSSLMODE"),
    ("ssl-mode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("ssl-root-cert", "PGSSLROOTCERT"),
    ("ssl-ca", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("ssl-cert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("ssl-key", "PGSSLKEY"),
    ("host", "PGHOST"),
    ("hostaddr", "PGHOST"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
];

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
    /// The same for PostgreSQL's own programs, as variables of their environment, where nobody else sees them.
    pub(crate) environment: Vec<(&'static str, SecretString)>,
    shown: String,
}

impl Address {
    /// Reads `sqlite:FILE` (relative to `data`) or `postgres://…`.
    pub(crate) fn parse(url: &str, data: &Path) -> Result<Self, StoreError> {
        let Some(file) = url.strip_prefix("sqlite:") else { return Ok(Self::Postgres(Box::new(server(url)?))) };
        // `sqlite:///file` and `sqlite://file` are common spellings.
        let file = file.strip_prefix("//").unwrap_or(file);
        if file.is_empty() || file == ":memory:" || file.contains('?') {
            return Err(wrong("`sqlite:` must be followed by a file, without options"));
        }
        Ok(Self::Sqlite(data.join(file)))
    }
}

fn server(text: &str) -> Result<Server, StoreError> {
    // What the parsers say may quote the password.
    let form = "it is no `postgres://user@host:port/database`";
    if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err(wrong(form));
    }
    if !parameters(text).all(|key| PARAMETERS.iter().any(|(name, _)| *name == key)) {
        return Err(wrong("it has a parameter behind `?` that is not known"));
    }
    let url = text.parse().map_err(|_| wrong(form))?;
    let options = PgConnectOptions::from_url(&url).map_err(|_| wrong(form))?;
    let options = options.application_name("althing").extra_float_digits(None).disable_statement_logging();
    let mut environment = vec![
        ("PGHOST", options.get_socket().map_or(options.get_host().to_owned(), |at| at.display().to_string())),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
    ];
    environment.extend(options.get_database().map(|name| ("PGDATABASE", name.to_owned())));
    environment.extend(url.password().map(|password| ("PGPASSWORD", decoded(password))));
    for (key, value) in url.query_pairs() {
        let known = PARAMETERS.iter().find(|(name, _)| *name == key);
        environment.extend(known.map(|(_, variable)| (*variable, value.into_owned())));
    }
    let environment = environment.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect();
    Ok(Server { options, environment, shown: settings::without_password(text) })
}

/// The names of what stands behind the `?`.
fn parameters(text: &str) -> impl Iterator<Item = &str> {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key))
}

fn wrong(reason: &str) -> StoreError {
    StoreError::Address { reason: reason.to_owned() }
}

/// `%41` is an `A`. Whatever is not written like that stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let hex = others.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn environment(url: &str) -> Vec<(&'static str, String)> {
        let Ok(Address::Postgres(server)) = Address::parse(url, Path::new("/data")) else { panic!("{url}") };
        server.environment.iter().map(|(name, value)| (*name, value.expose_secret().to_owned())).collect()
    }

    #[test]
    fn programs_are_told_the_same_as_the_driver() {
        let url = "postgres://ada:p%40ss%25%zz@db.example:5433/al%20thing?sslmode=require&sslrootcert=/ca%2Bx.pem";
        let found = environment(url);
        let expected = [
            ("PGHOST", "db.example"),
            ("PGPORT", "5433"),
            ("PGUSER", "ada"),
            ("PGDATABASE", "al thing"),
            ("PGPASSWORD", "p@ss%%zz"),
            ("PGSSLMODE", "require"),
            ("PGSSLROOTCERT", "/ca+x.pem"),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_repeated() {
        for url in [
            "postgres://ada:s3cret@db/a?sslmode=nonsense",
            "postgres://ada:s3cret@db/a?passwd=s3cret",
            "postgres://ada:s3cret@db:99999/a",
            "postgres:ada:s3cret",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a.db?mode=ro",
        ] {
            let error = Address::parse(url, Path::new("/data")).map(drop).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{url}: {error}");
        }
    }

    #[test]
    fn a_file_lies_in_the_data_folder_unless_it_says_otherwise() {
        let path = |url: &str| Address::parse(url, Path::new("/data")).map(|address| address.to_string());
        assert_eq!(path("sqlite:a.db").unwrap(), "sqlite:/data/a.db");
        assert_eq!(path("sqlite:///srv/a.db").unwrap(), "sqlite:/srv/a.db");
    }
}
