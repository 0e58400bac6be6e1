//! Reports as files: `report.json` and the page made of it.

use super::past;
use crate::exit::{DONE, FAILED, Failure, USAGE};
use crate::print::{self, print};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use shell::{Global, Where};
use std::path::{Path, PathBuf};
use verdict::Report;

/// The largest report that is read.
const BYTES_MAX: u64 = 256 << 20;

/// Reads a document that a run wrote.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let failed = |what: String| Failure::new(USAGE, format!("cannot read `{}`: {what}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > BYTES_MAX {
        return Err(failed(format!("it is larger than {BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| {
        failed(error.to_string())
            .hint("name a `report.json` (or for a plan a `sweep.json`) that `althing load --out` wrote")
    })
}

/// The folder for reports, made and tried before anything is measured.
pub(super) fn folder(path: &Path) -> Result<PathBuf, Failure> {
    let tried = std::fs::create_dir_all(path).and_then(|()| doctor::write_once(path));
    tried.map_err(|error| {
        Failure::new(FAILED, format!("cannot write into `{}`: {error}", path.display()))
            .hint("name another folder with `--out`")
    })?;
    Ok(path.to_owned())
}

/// Writes `report.json` and `report.html`; what the page is called.
pub(super) fn write(folder: &Path, report: &Report) -> Result<PathBuf, Failure> {
    document(&folder.join("report.json"), report)?;
    let page = folder.join("report.html");
    whole(&page, verdict::page(report).as_bytes())?;
    Ok(page)
}

/// Writes a document of JSON.
pub(super) fn document(path: &Path, document: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document);
    let text = text.map_err(|error| Failure::new(FAILED, format!("this cannot be told as JSON: {error}")))?;
    whole(path, text.as_bytes())
}

/// Writes a file whole or not at all: a reader never finds half a report under its name.
pub(crate) fn whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let beside = path.with_extension(format!("{:016x}.part", fastrand::u64(..)));
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        Failure::new(FAILED, format!("cannot write `{}`: {error}", path.display()))
            .hint("the figures above are whole; only the file is missing")
    })
}

/// `althing load report`: the page of a report that is there already.
pub(super) fn again(global: &Global, named: &str, out: Option<PathBuf>, place: &Where) -> Result<u8, Failure> {
    let path = Path::new(named);
    let stored = !path.exists() && named.starts_with("load_");
    let report: Report = if stored { past::stored(global, named, place)? } else { read(path)? };
    let usual = if stored { PathBuf::from(format!("{named}.html")) } else { path.with_extension("html") };
    let out = out.unwrap_or(usual);
    whole(&out, verdict::page(&report).as_bytes())?;
    match global.json {
        true => print::json(&json!({ "page": out, "id": report.id, "verdict": report.verdict }))?,
        false => print(&format!("{}report: {}\n", verdict::text(&report), out.display()))?,
    }
    Ok(DONE)
}
