//! `althing config import`: other projects' settings as an `althing.toml`. What they become is decided in `migration`;
//! here files are read and written.

use crate::exit::{CONFIGURATION, DONE, FAILED, Failure};
use crate::print::{self, print};
use migration::{Format, Imported, MigrationError, SOURCE_BYTES_MAX, Source};
use serde_json::{Value, json};
use shell::{Global, Import};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use terminal::{count, hang};

/// Reads the files, and prints or writes what they become.
pub(super) fn run(global: &Global, asked: &Import) -> Result<u8, Failure> {
    // Refused before anything is read, so that nobody waits for nothing.
    if let Some(out) = asked.out.as_deref().filter(|out| !asked.force && out.exists()) {
        return Err(is_there(out));
    }
    let sources = asked.files.iter().map(|file| source(file)).collect::<Result<Vec<_>, _>>()?;
    let imported = migration::import(asked.from, &sources).map_err(|error| refused(&error))?;
    if let Some(out) = &asked.out {
        write(out, &imported.toml, asked.force)?;
    }
    if global.json {
        print::json(&document(&imported, asked.out.as_deref()))?;
    } else {
        if asked.out.is_none() {
            print(&imported.toml)?;
        }
        print::say(&report(&imported, asked.out.as_deref()));
    }
    Ok(DONE)
}

/// A file as text, no more of it than is ever read.
fn source(file: &Path) -> Result<Source, Failure> {
    let name = file.display().to_string();
    let most = SOURCE_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    File::open(file).and_then(|open| open.take(most).read_to_end(&mut bytes)).map_err(|error| {
        let why = error.to_string().to_lowercase();
        Failure::new(FAILED, format!("cannot read `{name}`: {why}")).hint("name files with settings of another project")
    })?;
    // A file that was cut in the middle of a letter is too large, which is said better where it is known.
    let text = String::from_utf8(bytes).or_else(|error| {
        let cut = error.as_bytes().len() as u64 == most;
        let text = || String::from_utf8_lossy(error.as_bytes()).into_owned();
        let why = || Failure::new(CONFIGURATION, format!("`{name}` is not text")).hint("write it as UTF-8");
        if cut { Ok(text()) } else { Err(why()) }
    })?;
    Ok(Source { name, text })
}

fn is_there(out: &Path) -> Failure {
    let message = format!("`{}` is there already", out.display());
    Failure::new(FAILED, message).hint("name another file, or write over it with `--force`").named("file_exists")
}

/// Writes the settings; without `force`, also a file that has just appeared stays as it is.
fn write(out: &Path, toml: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(out).and_then(|mut file| file.write_all(toml.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(out),
        _ => Failure::new(FAILED, format!("cannot write `{}`: {}", out.display(), error.to_string().to_lowercase()))
            .hint("name a file in a folder that is there and can be written to"),
    })
}

/// Why nothing was imported; of a file that nobody knows, what was looked for.
fn refused(error: &MigrationError) -> Failure {
    let failure = Failure::of(error).code(CONFIGURATION);
    if !matches!(error, MigrationError::Unknown { .. }) {
        return failure;
    }
    let signs = Format::ALL.map(|format| hang(&format!("  {:16}", format.name()), format.signs()));
    let looked_for: Value = Format::ALL.iter().map(|format| (format.name(), Value::from(format.signs()))).collect();
    let failure = failure.details(format!("looked for\n{}", signs.concat()), "looked_for", looked_for);
    failure.hint("name the format with `--from`")
}

/// What people read on standard error.
fn report(imported: &Imported, out: Option<&Path>) -> String {
    let format = imported.format.name();
    let read = match imported.detected {
        Some(sign) => format!("read as {format}, told by {sign}"),
        None => format!("read as {format}, as asked"),
    };
    let parts = [
        count(imported.providers.len(), "provider"),
        count(imported.routes.len(), "route"),
        count(imported.panels.len(), "panel"),
        format!("{} left behind", imported.left.len()),
    ];
    let mut text = hang("", &format!("{read}: {}", parts.join(", ")));
    for left in &imported.left {
        text.push_str(&hang("left: ", &format!("{}: {}", left.path, left.why)));
    }
    if let Some(out) = out {
        text.push_str(&hang("", &format!("written to {}", out.display())));
    }
    text
}

fn document(imported: &Imported, out: Option<&Path>) -> Value {
    let left: Vec<Value> = imported.left.iter().map(|left| json!({ "path": left.path, "why": left.why })).collect();
    json!({
        "from": imported.format.name(),
        "detected": imported.detected,
        "out": out.map(|out| out.display().to_string()),
        "toml": imported.toml,
        "carried": imported.carried,
        "left": left,
    })
}
