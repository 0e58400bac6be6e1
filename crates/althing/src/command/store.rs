//! `althing store`: back up, restore and check the database.

use crate::exit::{DONE, FAILED, Failure};
use crate::print::{self, print};
use crate::{data, progress, wiring};
use calendar::now_ms;
use serde_json::json;
use shell::{Global, Store as Asked, Where};
use std::path::{Path, PathBuf};
use store::{Config, Health, Store, StoreError};
use terminal::hang;

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: Asked) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked {
        Asked::Backup { file, place } => backup(global, file, &place),
        Asked::Restore { file, place } => restore(global, &file, &place),
        Asked::Check { place } => check(global, &place),
    }
}

/// The database that settings name, and the data folder.
fn config(global: &Global, place: &Where) -> Result<(Config, PathBuf), Failure> {
    let (ready, data) = wiring::place(global, place)?;
    Ok((Config::new(&ready.loaded.settings.store, &data).map_err(|error| wiring::of_store(&error))?, data))
}

fn backup(global: &Global, file: Option<PathBuf>, place: &Where) -> Result<u8, Failure> {
    let (config, data) = config(global, place)?;
    data::there(&config)?;
    let ending = if config.file().is_some() { "db" } else { "dump" };
    let usual = || data.join("backups").join(format!("althing-by-hand-{}.{ending}", now_ms()));
    let to = file.unwrap_or_else(usual);
    let made = wiring::run(async {
        let opened = Store::open(&config, wiring::metrics().store()).await.map_err(|error| wiring::of_store(&error))?;
        let made = progress::wait("backing up", opened.backup(&to)).await;
        opened.close().await;
        made?.map_err(|error| wiring::of_store(&error))
    })?;
    let (bytes, seconds) = (made.bytes, made.took.as_secs_f64());
    match global.json {
        true => print::json(&json!({ "file": made.path, "bytes": bytes, "seconds": seconds }))?,
        false => print(&hang("backup  ", &format!("{} ({bytes} bytes, {seconds:.1} s)", made.path.display())))?,
    }
    Ok(DONE)
}

fn restore(global: &Global, file: &Path, place: &Where) -> Result<u8, Failure> {
    let (ready, data) = wiring::place(global, place)?;
    let config = Config::new(&ready.loaded.settings.store, &data).map_err(|error| wiring::of_store(&error))?;
    let restored = wiring::run(async {
        let restored = progress::wait("restoring", store::restore(&config, file)).await?;
        let restored = restored.map_err(|error| wiring::of_store(&error))?;
        // The log of the backup goes on with this.
        let house = wiring::house(&ready.loaded.settings, &data, &wiring::metrics()).await?;
        house.record("store.restore", file.display().to_string()).await;
        house.close().await;
        Ok(restored)
    })?;
    match global.json {
        true => print::json(&json!({ "restored": config.shown(), "before": restored.before }))?,
        false => {
            let mut text = hang("restored  ", &config.shown());
            if let Some(before) = &restored.before {
                text.push_str(&hang("before    ", &format!("{before} holds what was there; remove it at any time")));
            }
            let checkpoints = audit::checkpoints_file(&data);
            if checkpoints.exists() {
                let advice =
                    "knows rows that came after the backup, and `althing audit verify` will say so: move it aside";
                text.push_str(&hang("audit     ", &format!("`{}` {advice}", checkpoints.display())));
            }
            print(&text)?;
        }
    }
    Ok(DONE)
}

fn check(global: &Global, place: &Where) -> Result<u8, Failure> {
    let (config, _) = config(global, place)?;
    data::there(&config)?;
    let health = wiring::run(async {
        progress::wait("checking", store::check(&config)).await?.map_err(|error| unchecked(&error))
    })?;
    match global.json {
        true => {
            let one = |(name, found): &(&str, Result<String, String>)| {
                let detail = found.as_ref().unwrap_or_else(|wrong| wrong);
                json!({ "name": name, "ok": found.is_ok(), "detail": detail })
            };
            let checks: Vec<_> = health.checks.iter().map(one).collect();
            let engine = format!("{:?}", health.engine).to_lowercase();
            print::json(&json!({
                "ok": health.is_good(), "store": config.shown(), "engine": engine, "version": health.version,
                "checks": checks,
            }))?;
        }
        false => print(&told(&config.shown(), &health))?,
    }
    Ok(if health.is_good() { DONE } else { FAILED })
}

/// Why a database could not be checked. That a check says more is no advice to whoever just ran it.
fn unchecked(error: &StoreError) -> Failure {
    let failure = wiring::of_store(error);
    match error {
        StoreError::Damaged { .. } => failure.code(FAILED).hint("bring a backup back: `althing store restore FILE`"),
        _ => failure,
    }
}

fn told(shown: &str, health: &Health) -> String {
    let mut text = hang("store  ", &format!("{shown}, {:?} {}", health.engine, health.version));
    for (name, found) in &health.checks {
        let (status, detail) = match found {
            Ok(detail) => ("ok", detail),
            Err(wrong) => ("FAIL", wrong),
        };
        text.push_str(&hang(&format!("{status:4}   {name:20}  "), detail));
    }
    text
}
