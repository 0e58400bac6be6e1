//! Documents as tools: what lists, OpenAPI documents and configuration files hold, one by one, with what is wrong with
//! each. Writes nothing.
//!
//! A document is not trusted: it cannot say whose its tools are, that they change nothing, or how they are called. That is
//! for whoever imports it.

mod detect;
mod given;
mod operations;
mod servers;

pub use detect::Format;
pub use given::definition;
pub use servers::{Noted, Server};

use crate::definition::Definition;
use caller::Role;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// The most refusals that a report lists; more are counted.
const REFUSALS_MAX: usize = 1_000;

/// What holds for all tools of an import.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Who offers them, whatever the document says.
    pub server: Option<String>,
    /// Whose they are; nobody's: everybody's.
    pub tenant: Option<Arc<str>>,
    /// Who may find and call them, at least.
    pub role: Role,
    /// Words to filter by, beside those that the document says.
    pub tags: Vec<String>,
    /// What they are about, where the document does not say.
    pub domain: Option<String>,
    /// For OpenAPI: where the API is, instead of what the document says.
    pub base_url: Option<String>,
    /// For OpenAPI: where the document came from, for addresses relative to that.
    pub document_url: Option<String>,
    /// For OpenAPI: the name of the credential in the settings that they are called with.
    pub credential: Option<String>,
    /// For OpenAPI: how long a call may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Whether those that say that they change nothing are believed.
    pub trust_read_only: bool,
    /// Whether tools of the same server that the document does not hold are removed; what it holds and could not be taken
    /// stays as it was.
    pub replace: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            server: None,
            tenant: None,
            role: Role::User,
            tags: Vec::new(),
            domain: None,
            base_url: None,
            document_url: None,
            credential: None,
            timeout_ms: None,
            trust_read_only: false,
            replace: false,
        }
    }
}

/// One that does not go in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its line, or its place in the list, from 1; 0 where that cannot be told.
    pub line: usize,
    /// What it is called, as far as that can be told.
    pub id: String,
    /// Why.
    pub why: String,
}

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// What the document was taken for.
    pub format: &'static str,
    /// New tools.
    pub added: usize,
    /// Tools that differ from before.
    pub changed: usize,
    /// Tools that were there already.
    pub same: usize,
    /// Tools that were there and are not in the document, where it replaces.
    pub removed: usize,
    /// Those that did not go in, the first thousand.
    pub refused: Vec<Refused>,
    /// How many did not go in.
    pub refused_total: usize,
    /// Servers of a configuration file, which are known and not connected.
    pub upstreams: Vec<Noted>,
    /// The version of the catalogue afterwards.
    pub catalog_version: i64,
}

impl Report {
    /// Notes one that does not go in; beyond a thousand they are counted alone.
    pub fn refuse(&mut self, line: usize, id: impl Into<String>, why: impl Into<String>) {
        self.refused_total += 1;
        if self.refused.len() < REFUSALS_MAX {
            let id = crate::text::cut(&id.into(), 200);
            self.refused.push(Refused { line, id, why: why.into() });
        }
    }
}

/// Lines or items of a list with their numbers from 1, as JSON or with why they are none.
pub type Items<'a> = Box<dyn Iterator<Item = (usize, Result<Value, String>)> + Send + 'a>;

/// What a document holds.
pub enum Contents<'a> {
    /// Lines or items, each a tool to be read.
    Items(Items<'a>),
    /// Tools as they are, and what had to be left out.
    Tools {
        /// Those that could be read.
        tools: Vec<Definition>,
        /// The names of those that could not, with why.
        skipped: Vec<(String, String)>,
    },
    /// Servers.
    Servers(Vec<Server>),
}

/// Opens a document.
///
/// # Errors
/// A problem and a hint, where nothing in it can be read.
pub fn open<'a>(
    bytes: &'a [u8],
    format: Option<Format>,
    defaults: &Defaults,
    schema_bytes_max: usize,
) -> Result<(Format, Contents<'a>), (String, String)> {
    let format = match format {
        Some(format) => format,
        None => detect::format(bytes)?,
    };
    let contents = match format {
        Format::JsonLines => Contents::Items(Box::new(detect::lines(bytes))),
        Format::Json => Contents::Items(Box::new(detect::list(bytes)?)),
        Format::OpenApi => operations::read(bytes, defaults, schema_bytes_max)?,
        Format::Mcp => Contents::Servers(servers::read(bytes)?),
    };
    Ok((format, contents))
}

#[cfg(test)]
mod tests;
