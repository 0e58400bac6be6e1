//! `althing cache`: the kept answers of a server that runs, seen, dropped, made beforehand.

use crate::command::server::{self, ask};
use crate::exit::{DONE, FAILED, Failure, USAGE};
use crate::print::{self, print};
use crate::progress;
use crate::wiring;
use http::Method;
use remote::escaped;
use serde_json::{Value, json};
use shell::{Cache, CacheAt, Global};
use std::path::Path;
use std::time::Duration;
use terminal::clean;

/// Where the server tells of its cache.
const PATH: &str = "/api/v1/cache";
/// How long the server may take for an answer at once.
const WITHIN: Duration = Duration::from_secs(10);
/// How long one part of the questions may take.
const WARM_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Questions sent at once.
const PART: usize = 100;
/// Failures that are told in words.
const FAULTS_MAX: usize = 10;

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: &Cache) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked {
        Cache::Stats { at } => {
            let server = server::find(global, at.target.as_deref())?;
            let stats = wiring::run(ask(&server, Method::GET, PATH, None, WITHIN))?;
            show(global, &stats, terminal::cache)?;
        }
        Cache::Drop { tag, tenant, at } => {
            let server = server::find(global, at.target.as_deref())?;
            let named = [("tag", tag), ("tenant", tenant)];
            let query: Vec<String> = named
                .iter()
                .filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_deref()?))))
                .collect();
            let path = if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{}", query.join("&")) };
            let dropped = wiring::run(ask(&server, Method::DELETE, &path, None, WITHIN))?;
            show(global, &dropped, terminal::dropped)?;
        }
        Cache::Warm { file, at } => return warm(global, file, at),
    }
    Ok(DONE)
}

fn warm(global: &Global, file: &Path, at: &CacheAt) -> Result<u8, Failure> {
    let questions = questions(file)?;
    let server = server::find(global, at.target.as_deref())?;
    let warmed = wiring::run(async {
        let mut all = json!({ "asked": 0, "made": 0, "kept": 0, "failed": 0, "faults": [] });
        for (at, part) in questions.chunks(PART).enumerate() {
            let body = json!({ "requests": part });
            let asked = ask(&server, Method::POST, "/api/v1/cache/warm", Some(&body), WARM_WITHIN);
            let what = format!("asking questions {} to {}", at * PART + 1, at * PART + part.len());
            add(&mut all, &progress::wait(&what, asked).await??, at * PART);
        }
        Ok(all)
    })?;
    show(global, &warmed, terminal::warmed)?;
    Ok(if warmed["failed"].as_u64() == Some(0) { DONE } else { FAILED })
}

/// The questions of a file: a body of a chat in each line.
fn questions(file: &Path) -> Result<Vec<Value>, Failure> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(USAGE, format!("`{}` cannot be read: {error}", clean(&shown))))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let question = |(at, line): (usize, &str)| {
        serde_json::from_str::<Value>(line).ok().filter(Value::is_object).ok_or_else(|| {
            Failure::new(USAGE, format!("line {} of `{}` is no JSON object", at + 1, clean(&shown)))
                .hint("write the body of a chat into each line, as for `/v1/chat/completions`")
        })
    };
    lines.map(question).collect()
}

/// Adds what came of one part to what came of all; `before` questions were sent earlier.
fn add(all: &mut Value, part: &Value, before: usize) {
    for name in ["asked", "made", "kept", "failed"] {
        let number = |value: &Value| value[name].as_u64().unwrap_or_default();
        all[name] = json!(number(all) + number(part));
    }
    let Some(faults) = all["faults"].as_array_mut() else { return };
    let more = part["faults"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for fault in more {
        // The server counts from the beginning of its part.
        let counted = fault.strip_prefix("question ").and_then(|rest| rest.split_once(": "));
        let numbered = counted.and_then(|(at, fault)| Some((at.parse::<usize>().ok()?, fault)));
        if faults.len() < FAULTS_MAX {
            faults.push(match numbered {
                Some((at, fault)) => json!(format!("question {}: {fault}", before + at)),
                None => json!(fault),
            });
        }
    }
}

fn show(global: &Global, value: &Value, words: fn(&Value) -> String) -> Result<(), Failure> {
    if global.json { print::json(value) } else { print(&words(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_questions_keep_their_numbers() {
        let mut all = json!({ "asked": 0, "made": 0, "kept": 0, "failed": 0, "faults": [] });
        let part = |failed| json!({ "asked": 3, "made": 1, "kept": 1, "failed": failed, "faults": ["question 2: `model` is missing"] });
        add(&mut all, &part(1), 0);
        add(&mut all, &part(1), 100);
        assert_eq!(
            all,
            json!({ "asked": 6, "made": 2, "kept": 2, "failed": 2,
                "faults": ["question 2: `model` is missing", "question 102: `model` is missing"] })
        );
        assert!(terminal::warmed(&all).starts_with("6 asked: 2 answered and kept, 2 kept already, 2 failed\n"));
    }

    #[test]
    fn tiers_are_told_in_a_table() {
        let stats = json!({ "lookups": 10, "hits": 9, "hit_rate": 0.9, "shared": 1, "tiers": [
            { "tier": "memory", "on": true, "entries": 3, "bytes": 1_572_864, "lookups": 10, "hits": 9, "hit_rate": 0.9 },
            { "tier": "disk", "on": false, "lookups": 0, "hits": 0, "hit_rate": null },
        ] });
        let text = terminal::cache(&stats);
        assert!(text.contains("memory            3          1.5           10     90.0 %\n"), "{text}");
        assert!(text.contains("disk            off\n"), "{text}");
    }
}
