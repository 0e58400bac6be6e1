//! Sets tracing up: what is logged goes to stderr, as short lines for people or as JSON for machines.

use fault::{Explain, Kind, Origin, nearest};
use std::io::{self, IsTerminal};
use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Why logging could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// A part of the filter is neither a level nor `target=level`.
    #[error("`{part}` is not a log level")]
    BadLevel {
        /// The part between commas as it was written.
        part: String,
    },
    /// The filter breaks the syntax in another way.
    #[error("`{filter}` is not a log filter")]
    BadFilter {
        /// The whole filter as it was written.
        filter: String,
        /// What the parser says.
        source: ParseError,
    },
    /// Somebody set tracing up before.
    #[error("logging is set up already")]
    AlreadySet {
        /// What tracing says.
        #[from]
        source: tracing::subscriber::SetGlobalDefaultError,
    },
}

impl Explain for LogError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadLevel { .. } => "bad_log_level",
            Self::BadFilter { .. } => "bad_log_filter",
            Self::AlreadySet { .. } => "log_already_set",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::BadLevel { .. } | Self::BadFilter { .. } => Kind::BadInput,
            Self::AlreadySet { .. } => Kind::Internal,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::BadLevel { .. } | Self::BadFilter { .. } => Origin::Caller,
            Self::AlreadySet { .. } => Origin::Us,
        }
    }

    fn hint(&self) -> Option<String> {
        let usage = format!("write one of {}, or parts such as `info,hyper=warn`", LEVELS.join(", "));
        match self {
            Self::BadLevel { part } => match nearest(part, LEVELS, 1).first() {
                Some(level) => Some(format!("did you mean `{level}`? {usage}")),
                None => Some(usage),
            },
            Self::BadFilter { .. } => Some(usage),
            Self::AlreadySet { .. } => None,
        }
    }
}

/// Sets tracing up for the whole process; call it once.
///
/// `level` is a level (`info`) or a list of levels and `target=level` (`debug,hyper=warn`), as `RUST_LOG` takes them.
/// With `json` each line is an object that names the target; without, lines are short, and coloured only when stderr
/// is a terminal and `NO_COLOR` is not set.
///
/// # Errors
///
/// [`LogError::BadLevel`] or [`LogError::BadFilter`] when `level` cannot be read, [`LogError::AlreadySet`] when
/// tracing was set up before.
pub fn init(level: &str, json: bool) -> Result<(), LogError> {
    let filter = parse(level)?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ansi = io::stderr().is_terminal() && !plain;
    tracing::subscriber::set_global_default(subscriber(filter, json, ansi, io::stderr))?;
    Ok(())
}

/// Reads a filter. Stricter than the library, which takes a misspelt level for the name of a target, and so would
/// answer `inof` with silence.
fn parse(level: &str) -> Result<EnvFilter, LogError> {
    let parts: Vec<&str> = level.split(',').map(str::trim).collect();
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    if let Some(part) = parts.iter().find(|part| !part.contains(['=', '[']) && !is_level(part)) {
        return Err(LogError::BadLevel { part: (*part).to_owned() });
    }
    let filter = EnvFilter::builder().with_regex(false).parse(parts.join(","));
    filter.map_err(|source| LogError::BadFilter { filter: level.to_owned(), source })
}

fn subscriber<W>(filter: EnvFilter, json: bool, ansi: bool, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if json {
        return Box::new(builder.json().flatten_event(true).finish());
    }
    Box::new(builder.compact().with_target(false).with_ansi(ansi).finish())
}

#[cfg(test)]
mod tests;
