//! `althing eval` and `althing tools tune`: how well something is found, on a labelled set and in an index of its own.

use crate::catalogue::Embedding;
use crate::exit::{DONE, FAILED, Failure, USAGE};
use crate::print::{self, print};
use crate::{progress, wiring};
use retrieval::{Retrieval, Rules, Setup};
use serde_json::{Value, json};
use settings::Settings;
use shell::{Eval, Global};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use terminal::clean;
use toolbox::{Evaluation, EvaluationError, Labelled, Tuned};

/// Measures.
pub(crate) fn run(global: &Global, asked: &Eval) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let Eval::Tools { dir, limit, profile } = asked;
    let told = with(global, dir, *limit, profile.as_deref(), async |set, retrieval, rules| {
        let asked = set.evaluate(retrieval, rules);
        let told: Evaluation = progress::wait("asking", asked).await?.map_err(|error| failure(&error))?;
        let whole = json!({ "set": told.set, "documents": told.documents, "queries": told.queries,
            "latency_ms": told.latency_ms, "by": told.by });
        Ok(rounded(merged(json!(told.quality), whole)))
    })?;
    show(global, &told, terminal::evaluation)
}

/// Tries weights on every other question, and says what the best of them comes to on the others.
pub(crate) fn tune(global: &Global, dir: &Path, limit: Option<usize>, profile: Option<&str>) -> Result<u8, Failure> {
    let told = with(global, dir, limit, profile, async |set, retrieval, rules| {
        if retrieval.progress().model.is_none() {
            let message = "there is no embedding model, so there is nothing to weigh words against";
            return Err(Failure::new(FAILED, message).hint("`make model` gets one"));
        }
        let tried = set.tune(retrieval, rules);
        let told: Tuned = progress::wait("trying weights", tried).await?.map_err(|error| failure(&error))?;
        let settings = format!("[search.tools]\nvectors = {}\n", told.vectors);
        Ok(merged(rounded(json!(told)), json!({ "settings": settings })))
    })?;
    show(global, &told, terminal::tuned)
}

fn show(global: &Global, told: &Value, words: fn(&Value) -> String) -> Result<u8, Failure> {
    if global.json {
        print::json(told)?
    } else {
        print(&words(told))?
    }
    Ok(DONE)
}

/// Two objects as one.
fn merged(mut one: Value, other: Value) -> Value {
    if let (Some(all), Value::Object(more)) = (one.as_object_mut(), other) {
        all.extend(more);
    }
    one
}

/// Figures with four digits: more of them would be noise.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            json!((number.as_f64().unwrap_or_default() * 10_000.0).round() / 10_000.0)
        }
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        other => other,
    }
}

/// Reads the set, fills an index with it, and works with both.
fn with(
    global: &Global,
    dir: &Path,
    limit: Option<usize>,
    profile: Option<&str>,
    work: impl AsyncFnOnce(&Labelled, &Retrieval, &Rules) -> Result<Value, Failure>,
) -> Result<Value, Failure> {
    let ready = wiring::load(wiring::source(global, profile))?;
    // A name that ends in a dot or a slash tells no set.
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let set = Labelled::read(&dir, limit).map_err(|error| failure(&error))?;
    let scratch = Scratch::new()?;
    wiring::run(async {
        let settings = Settings { store: settings::Store::default(), ..ready.loaded.settings };
        let metrics = wiring::metrics();
        let embedder = Embedding::begin(&settings, &scratch.0).end().await?;
        let store = wiring::store(&settings, &scratch.0, &metrics).await?;
        let (index, rules) = (Arc::new(search::Embedded::default()), Rules::new(&settings));
        let setup = Setup::new(index, embedder, &settings, metrics);
        let retrieval = Retrieval::open(store.clone(), setup).await.map_err(|error| wiring::of_store(&error))?;
        let filled = progress::wait("embedding the tools", set.fill(&retrieval)).await?;
        let done = match filled {
            Ok(()) => work(&set, &retrieval, &rules).await,
            Err(error) => Err(failure(&error)),
        };
        retrieval.close().await;
        store.close().await;
        done
    })
}

fn failure(error: &EvaluationError) -> Failure {
    match error {
        EvaluationError::Retrieval(error) => wiring::of_store(error),
        EvaluationError::File { .. } => Failure::new(USAGE, clean(&error.to_string()))
            .hint("name a folder with `tools.jsonl`, `queries.jsonl` and `qrels.tsv`"),
        _ => Failure::new(USAGE, clean(&error.to_string())),
    }
}

/// A folder that goes when the work is done.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("althing-eval-{:016x}", fastrand::u64(..)));
        let made = std::fs::create_dir(&folder);
        made.map_err(|error| Failure::new(FAILED, format!("cannot use `{}`: {error}", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a folder is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{merged, rounded};
    use serde_json::json;

    #[test]
    fn figures_are_rounded_and_counts_are_not() {
        let told = merged(json!({ "ndcg@10": 0.123_456 }), json!({ "by": [[0.5, 1.0]], "queries": 12_345_678 }));
        assert_eq!(rounded(told), json!({ "ndcg@10": 0.1235, "by": [[0.5, 1.0]], "queries": 12_345_678 }));
    }
}
