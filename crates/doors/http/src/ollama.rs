//! What Ollama's clients ask beside chats: its list of models, its version.

use crate::app::App;
use crate::refusal::Shaped;
use crate::served;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use fault::Kind;
use matrix::ModelInfo;
use routes::{Arrival, Refusal, body, shown};
use serde::Deserialize;
use serde_json::{Value, json};
use wire::Dialect;

/// Where Ollama's dialect is spoken.
pub(crate) const PATHS: [&str; 5] = ["/api/chat", "/api/embed", "/api/tags", "/api/show", "/api/version"];
/// The version of Ollama's API that is spoken here: clients ask for it before they use what is newer.
const VERSION: &str = "0.12.0";

/// `GET /api/tags`.
pub(crate) async fn tags(State(app): State<App>) -> Json<Value> {
    let modified = calendar::rfc3339(app.0.started_unix.cast_signed() * 1_000);
    let listed = |model: ModelInfo| {
        json!({ "name": model.id, "model": model.id, "modified_at": modified, "size": 0, "digest": "",
            "details": details(model.owned_by) })
    };
    let models: Vec<Value> = app.0.matrix.models().into_iter().map(listed).collect();
    Json(json!({ "models": models }))
}

/// `GET /api/version`.
pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "version": VERSION }))
}

/// A model that is asked about.
#[derive(Deserialize)]
struct Which {
    #[serde(alias = "name")]
    model: String,
}

/// `POST /api/show`.
pub(crate) async fn show(State(app): State<App>, Extension(arrival): Extension<Arrival>, request: Request) -> Response {
    let terms = app.terms();
    let (parts, body) = request.into_parts();
    let found = async {
        let bytes = body::read(&parts.headers, body, &terms).await?;
        let which: Which = serde_json::from_slice(&bytes).map_err(|_| {
            let refusal = Refusal::new(Kind::BadInput, "missing_parameter", "the body names no model");
            Box::new(refusal.hint("send `{\"model\": \"NAME\"}`"))
        })?;
        let known = app.0.matrix.models().into_iter().find(|model| model.id == which.model);
        known.map(card).ok_or_else(|| {
            let message = format!("the model `{}` does not exist", shown(&which.model));
            let refusal = Refusal::new(Kind::NotFound, "model_not_found", message);
            Box::new(refusal.hint("`GET /api/tags` lists what can be asked"))
        })
    };
    match found.await {
        Ok(card) => served::json(&card),
        Err(refusal) => refusal.in_dialect(Dialect::Ollama, &arrival.id),
    }
}

/// What Ollama tells about a model, as far as there is an answer.
fn card(model: ModelInfo) -> Value {
    json!({
        "modelfile": "", "parameters": "", "template": "", "capabilities": ["completion", "tools"],
        "details": details(model.owned_by), "model_info": {},
    })
}

fn details(family: String) -> Value {
    json!({ "parent_model": "", "format": "", "family": family, "families": null, "parameter_size": "",
        "quantization_level": "" })
}
