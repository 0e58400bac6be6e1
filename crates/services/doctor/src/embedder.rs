//! Whether texts can be compared by meaning, and by which model.

use crate::{Cause, Check};
use embed::Urgency;
use fault::{Explain, Kind};
use settings::{Embed, EmbedKind};
use std::path::PathBuf;

/// What gets a model that is not there.
const GET: &str = "`make model` fetches one, and `althing embed convert FOLDER` takes one that you have";

/// Opens the embedder and has it embed a word.
pub(crate) async fn check(settings: &Embed, models: PathBuf) -> Check {
    let named = if settings.kind == EmbedKind::Onnx { &settings.path } else { &settings.folder };
    let (place, asked) = (named.clone().unwrap_or_else(|| models.join(&settings.model)), settings.clone());
    // Weights are read and checked, which is not for a runtime's thread.
    let opened = tokio::task::spawn_blocking(move || embed::open(&asked, &models)).await;
    let embedder = match opened {
        Ok(Ok(Some(embedder))) => embedder,
        Ok(Ok(None)) if settings.kind == EmbedKind::Off => {
            return Check::ok("embedder", "off: what is searched is found by words alone");
        }
        Ok(Ok(None)) => {
            let detail = format!("no model in `{}`: what is searched is found by words alone", place.display());
            return Check::warn("embedder", detail, GET);
        }
        Ok(Err(error)) => return wrong(&error),
        Err(error) => return Check::fail("embedder", error.to_string(), None, Cause::Settings),
    };
    match embedder.embed(&["hello"], Urgency::Now).await {
        Ok(vectors) => {
            let dimensions = vectors.first().map_or(0, |vector| vector.len());
            let place = match (settings.kind, &settings.base_url) {
                (EmbedKind::Openai, Some(url)) => format!("asked at {url}"),
                _ => format!("in `{}`", place.display()),
            };
            let on = embedder.place().map_or(String::new(), |on| format!(", on {on}"));
            Check::ok("embedder", format!("`{}`, {dimensions} numbers a text, {place}{on}", embedder.model()))
        }
        Err(error) => wrong(&error),
    }
}

fn wrong(error: &embed::EmbedError) -> Check {
    let cause = match error.kind() {
        Kind::Unavailable | Kind::Deadline | Kind::Overloaded => Cause::Unreachable,
        _ => Cause::Settings,
    };
    Check::fail("embedder", error.to_string(), error.hint(), cause)
}
