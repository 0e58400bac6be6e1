//! The folder in which data is kept.

use crate::exit::{CONFIGURATION, Failure};
use std::path::PathBuf;

/// `$XDG_DATA_HOME/althing`, or its usual place.
pub(crate) fn usual_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("althing"))
}

/// Where converted models are, whatever the data folder of a server.
pub(crate) fn models() -> Option<PathBuf> {
    usual_folder().map(|folder| folder.join("models"))
}

/// The data folder, made if it is not there, and tried with a file.
pub(crate) fn folder(named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    let folder = named.cloned().or_else(usual_folder).ok_or_else(|| {
        Failure::new(CONFIGURATION, "there is no place to keep data")
            .hint("set HOME, or name a folder with `--data DIR`")
    })?;
    std::fs::create_dir_all(&folder).and_then(|()| doctor::write_once(&folder)).map_err(|error| {
        let message = format!("cannot use the data folder `{}`: {error}", folder.display());
        Failure::new(CONFIGURATION, message).hint("make it writable, or name another one with `--data DIR`")
    })?;
    Ok(folder)
}

/// Fails where the file of an embedded database is not there: whoever only looks at a database does not make one, and
/// a mistyped folder is not answered with "there is nothing".
pub(crate) fn there(config: &store::Config) -> Result<(), Failure> {
    match config.file() {
        Some(file) if !file.exists() => {
            Err(Failure::new(CONFIGURATION, format!("there is no database `{}`", file.display()))
                .hint("name the data folder of the server with `--data DIR`, or its settings with `--config FILE`"))
        }
        _ => Ok(()),
    }
}
