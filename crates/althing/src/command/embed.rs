//! `althing embed`: a published model turned into the form that a server reads.

use crate::exit::{CONFIGURATION, DONE, Failure};
use crate::print::{self, print};
use crate::{data, wiring};
use embed::{EmbedError, Embedder, Local, Options};
use serde_json::json;
use settings::Settings;
use shell::{Embed, Global};
use std::path::{Path, PathBuf};
use terminal::hang;

/// Runs it.
pub(crate) fn run(global: &Global, asked: &Embed) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked {
        Embed::Convert { from, to } => convert(global, from, to.clone()),
        Embed::Check { folder } => check(global, folder.clone()),
    }
}

/// Where servers look is no matter of this command's settings: `make model` has none.
fn usual(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match named {
        Some(folder) => Ok(folder),
        None => Ok(data::models().ok_or_else(no_place)?.join(Settings::default().embed.model)),
    }
}

fn check(global: &Global, folder: Option<PathBuf>) -> Result<u8, Failure> {
    let folder = usual(folder)?;
    let model = Local::open(&folder, &Options::default()).map_err(|error| Failure::of(&error))?;
    match global.json {
        true => print::json(&json!({ "folder": folder.display().to_string(), "model": model.model() }))?,
        false => print(&hang("usable  ", &format!("{} in {}", model.model(), folder.display())))?,
    }
    Ok(DONE)
}

fn convert(global: &Global, from: &Path, to: Option<PathBuf>) -> Result<u8, Failure> {
    let to = usual(to)?;
    let converted = ::embed::convert(from, &to).map_err(|error| failure(&error, from))?;
    if global.json {
        print::json(&json!({ "folder": to.display().to_string(), "converted": converted }))?;
        return Ok(DONE);
    }
    print(&hang("converted  ", &format!("{}, {} numbers a text", converted.model, converted.dimensions)))?;
    print(&hang("folder     ", &to.display().to_string()))?;
    Ok(DONE)
}

fn no_place() -> Failure {
    Failure::new(CONFIGURATION, "there is no place to keep models").hint("set HOME, or name the folder")
}

/// What is missing here is not what a server misses.
fn failure(error: &EmbedError, from: &Path) -> Failure {
    match error {
        EmbedError::Missing { .. } => {
            let message = format!("there is no `model.safetensors` with a `tokenizer.json` in `{}`", from.display());
            Failure::of(error).message(message).hint("name the folder of an unpacked all-MiniLM-L6-v2")
        }
        _ => Failure::of(error),
    }
}
