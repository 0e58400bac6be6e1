//! `althing audit verify`: whether the audit log is whole.

use crate::exit::{DONE, FAILED, Failure};
use crate::print::{self, print};
use crate::wiring;
use ::audit::{Verdict, checkpoints_file};
use serde_json::json;
use shell::{Audit, Global};
use terminal::{count, hang};

/// Runs it.
pub(crate) fn run(global: &Global, audit: Audit) -> Result<u8, Failure> {
    let Audit::Verify { mut checkpoints, place } = audit;
    wiring::logs(global, "warn")?;
    let (ready, data) = wiring::place(global, &place)?;
    let config = store::Config::new(&ready.loaded.settings.store, &data).map_err(|error| wiring::of_store(&error))?;
    crate::data::there(&config)?;
    if checkpoints.is_empty() {
        checkpoints.extend(Some(checkpoints_file(&data)).filter(|file| file.exists()));
    }
    let verdict = wiring::run(async {
        let metrics = wiring::metrics();
        let store = wiring::store(&ready.loaded.settings, &data, &metrics).await?;
        // Where nothing was ever done there are no tables yet. Whoever may only read has them, or is told below.
        let _ = ::audit::Audit::open(store.clone(), metrics.access().clone()).await;
        let verdict = ::audit::verify(&store, &checkpoints).await.map_err(|error| Failure::of(&error));
        store.close().await;
        verdict
    })?;
    match global.json {
        true => print::json(&json!({ "ok": verdict.ok(), "verdict": verdict }))?,
        false => print(&told(&verdict))?,
    }
    Ok(if verdict.ok() { DONE } else { FAILED })
}

fn told(verdict: &Verdict) -> String {
    let number = |many: u64| usize::try_from(many).unwrap_or(usize::MAX);
    let checked =
        format!("{}, {}", count(number(verdict.rows), "row"), count(number(verdict.checkpoints), "checkpoint"));
    if verdict.ok() {
        return format!("the audit log is whole: {checked}\n");
    }
    let mut text = format!("THE AUDIT LOG WAS TAMPERED WITH ({checked}):\n");
    for fault in &verdict.faults {
        let row = fault.seq.map(|seq| format!("row {seq}: ")).unwrap_or_default();
        text.push_str(&hang("  - ", &format!("{row}{}", fault.what)));
    }
    if verdict.unlisted > 0 {
        text.push_str(&format!("  and {} more\n", verdict.unlisted));
    }
    text
}
