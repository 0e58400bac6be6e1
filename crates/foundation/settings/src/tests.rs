//! Tests of the whole room: from text, variables and flags to settings or to an error.

mod check;
mod decisions;
mod example;
mod load;
mod passwords;
mod schema;
mod search;
mod sections;
mod total;

use crate::{Loaded, Place, SettingsError, Source};
use fault::Explain;

/// Loads a file with this text, which errors call `althing.toml`.
fn read(text: impl AsRef<[u8]>) -> Result<Loaded, SettingsError> {
    read_with(text, Source::default())
}

/// Loads a file with this text under the rest of a source.
fn read_with(text: impl AsRef<[u8]>, source: Source) -> Result<Loaded, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("althing.toml");
    std::fs::write(&path, text).unwrap();
    crate::load(&Source { file: Some(path), ..source }).map_err(rename)
}

/// An error that calls its file `althing.toml`, wherever that lay.
fn rename(mut error: SettingsError) -> SettingsError {
    if let SettingsError::Syntax { place, .. }
    | SettingsError::UnknownKey { place, .. }
    | SettingsError::Value { place, .. }
    | SettingsError::Rule { place, .. } = &mut error
        && let Place::File(spot) = place
    {
        spot.file = "althing.toml".into();
    }
    error
}

/// An error as an operator sees it: message, snippet and hint.
fn told(error: &SettingsError) -> String {
    let snippet = error.snippet().map(|snippet| format!("\n{snippet}")).unwrap_or_default();
    let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{error}{snippet}{hint}")
}

/// What an operator sees when a file with this text is loaded.
fn refusal(text: impl AsRef<[u8]>) -> String {
    match read(text) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => told(&error),
    }
}

/// The first line of what an operator sees.
fn first(text: &str) -> String {
    refusal(text).lines().next().unwrap().to_owned()
}

/// A source with one variable.
fn env(name: &str, value: &str) -> Source {
    Source { env: vec![(name.to_owned(), value.to_owned())], ..Source::default() }
}
