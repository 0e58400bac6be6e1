//! Runs that were kept: in the database of the data folder, beside everything else.

use crate::exit::{DONE, FAILED, Failure};
use crate::print::{self, print, say};
use crate::{data, wiring};
use load::history::History;
use shell::{Global, Where};
use verdict::Report;

/// Does something with the runs that were kept.
pub(crate) fn history<T>(
    global: &Global,
    place: &Where,
    new: bool,
    work: impl AsyncFnOnce(&History) -> Result<T, load::history::HistoryError>,
) -> Result<T, Failure> {
    let (ready, folder) = wiring::place(global, place)?;
    let config = store::Config::new(&ready.loaded.settings.store, &folder).map_err(|error| wiring::of_store(&error))?;
    if !new {
        data::there(&config)?;
    }
    wiring::run(async {
        let store = wiring::store(&ready.loaded.settings, &folder, &wiring::metrics()).await?;
        let done = match History::open(&store).await {
            Ok(history) => work(&history).await,
            Err(error) => Err(error),
        };
        store.close().await;
        done.map_err(|error| Failure::of(&error))
    })
}

/// Keeps a run. A run that cannot be kept is no less true: it is said, and that is all.
pub(super) fn keep(global: &Global, place: &Where, report: &Report) {
    if let Err(failure) = history(global, place, true, async |history: &History| history.keep(report).await) {
        unkept(&failure);
    }
}

/// Says that something was not kept.
pub(super) fn unkept(failure: &Failure) {
    say(&format!("the run was not kept for `althing load trend`: {}", failure.text()));
}

/// A run that was kept.
pub(super) fn stored(global: &Global, id: &str, place: &Where) -> Result<Report, Failure> {
    let text = history(global, place, false, async |history: &History| history.document(id).await)?;
    let text = text.ok_or_else(|| {
        Failure::new(FAILED, format!("no run `{id}` was kept")).hint("`althing load trend NAME --json` lists ids")
    })?;
    serde_json::from_str(&text).map_err(|error| Failure::new(FAILED, format!("`{id}` does not read: {error}")))
}

/// `althing load trend`.
pub(super) fn trend(
    global: &Global,
    name: &str,
    target: Option<&str>,
    limit: usize,
    place: &Where,
) -> Result<u8, Failure> {
    let runs = history(global, place, false, async |history: &History| history.past(name, target, limit).await)?;
    let trend = verdict::trend::trend(&runs);
    match global.json {
        true => print::json(&trend)?,
        false => print(&verdict::trend::text(&trend))?,
    }
    Ok(DONE)
}
