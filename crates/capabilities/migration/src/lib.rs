//! Other projects' settings, rewritten as ours.
//!
//! Text goes in, settings come out: providers, panels, routes, aliases, limits, the TOML that says the same with comments,
//! and a line for everything that could not come along. Variables that a server finds when it starts can be taken over
//! as well. What is written is always read back by `settings` before it is
//! returned. This room opens no file, reads no environment and asks no provider; a key that stands in a source is
//! never repeated, not in the settings, not in a line and not in an error.

mod address;
mod conjecture;
mod decimal;
mod decision_matrix;
mod deployment;
mod detect;
mod error;
mod house;
mod litellm;
mod model_name;
mod notes;
mod read;
mod secret;
mod toolweaver;
mod variables;
mod write;

#[cfg(test)]
mod tests;

pub use decision_matrix::start::take_over;
pub use detect::Format;
pub use error::MigrationError;
pub use read::{DEPTH_MAX, NODES_MAX, SOURCE_BYTES_MAX, SOURCES_MAX};

use std::collections::BTreeMap;

/// A file to read, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What it is called in comments and errors.
    pub name: String,
    /// What stands in it: YAML, JSON or lines of `NAME=value`.
    pub text: String,
}

/// What did not come along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// Where it stands in its file, such as `model_list[0].litellm_params.weight`, or the name of a variable.
    pub path: String,
    /// Why, and what to do instead; a lowercase fragment.
    pub why: String,
}

/// Values for sections that hold for the whole server; what is not set keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    /// `guard.attempts_max`: how often one model is asked, counting the first time.
    pub attempts_max: Option<u32>,
    /// `guard.breaker_failures`: failures in a row after which a provider is set aside.
    pub breaker_failures: Option<u32>,
    /// `guard.breaker_open_ms`: how long it stays so, in milliseconds.
    pub breaker_open_ms: Option<u64>,
    /// `guard.backoff_base_ms`: the shortest wait before a retry, in milliseconds.
    pub backoff_base_ms: Option<u64>,
    /// `server.deadline_ms`: how long a request may take in all, in milliseconds; set where a provider needs more than
    /// the default.
    pub deadline_ms: Option<u64>,
    /// `server.bind`: where to listen.
    pub bind: Option<String>,
    /// Keys of `[decisions]` with their values.
    pub decisions: Vec<(&'static str, u64)>,
}

/// Settings that say what the sources said.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Whose settings the sources were.
    pub format: Format,
    /// What gave the format away, or nothing where the caller named it.
    pub detected: Option<&'static str>,
    /// Providers, one for each kind, address and key.
    pub providers: Vec<settings::Provider>,
    /// Models that answered together.
    pub panels: Vec<settings::Panel>,
    /// Names that stood for several models.
    pub routes: Vec<settings::Route>,
    /// Names that stood for one model, or for a route whose own name was taken.
    pub alias: BTreeMap<String, String>,
    /// What holds for the whole server.
    pub whole: Whole,
    /// All of it as a settings file with comments.
    pub toml: String,
    /// What came along, a line each.
    pub carried: Vec<String>,
    /// What did not.
    pub left: Vec<Left>,
}

/// Reads other projects' settings; without `from`, their content says whose they are.
///
/// # Errors
/// [`MigrationError`]: a file that cannot be read, is too large or belongs to nobody known; files of two projects; or
/// nothing in them that could come along. No error repeats a value of the files.
pub fn import(from: Option<Format>, files: &[Source]) -> Result<Imported, MigrationError> {
    let files = read::all(files)?;
    let (format, detected) = match from {
        Some(format) => (format, None),
        None => detect::detect(&files).map(|(format, sign)| (format, Some(sign)))?,
    };
    let draft = match format {
        Format::Litellm => litellm::draft(&files),
        Format::Toolweaver => toolweaver::draft(&files),
        Format::Conjecture => conjecture::draft(&files),
        Format::DecisionMatrix => decision_matrix::draft(&files),
    };
    let built = house::build(draft);
    let Whole { bind, decisions, .. } = &built.whole;
    if built.providers.is_empty() && bind.is_none() && decisions.is_empty() {
        return Err(MigrationError::Nothing { format, left: built.notes.into_left().len() });
    }
    let toml = write::toml(&built, format);
    read_back(&toml)?;
    let house::Built { providers, panels, routes, alias, whole, notes, .. } = built;
    let (carried, left) = notes.settle();
    let providers = providers.into_iter().map(|built| built.provider).collect();
    Ok(Imported { format, detected, providers, panels, routes, alias, whole, toml, carried, left })
}

/// Lets `settings` read what was written: whatever it refuses is a defect of ours, better told here than at the next
/// start of a server.
fn read_back(text: &str) -> Result<(), MigrationError> {
    let unfit = |problem: String| MigrationError::Unfit { problem };
    let table: toml::Table = text.parse().map_err(|_| unfit("it is not TOML".to_owned()))?;
    let source = settings::Source { flags: table.into_iter().collect(), ..settings::Source::default() };
    settings::load(&source).map(drop).map_err(|error| unfit(error.to_string()))
}
