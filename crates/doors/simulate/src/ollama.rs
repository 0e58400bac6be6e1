//! Ollama's side of the stage: chats, whole and as lines, and its lists, as in its public API document.

use crate::reel::events;
use crate::stage::{LIMITS, Stage, garbage, whole};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use models::scripted::Act;
use serde_json::{Value, json};
use wire::openai::ChatReply;
use wire::{About, Translate};

/// The version of Ollama's API that is played.
const VERSION: &str = "0.12.0";

pub(crate) async fn chat(State(stage): State<Stage>, body: Bytes) -> Response {
    let take = stage.take();
    let request = match ollama::request_to_chat(body, &LIMITS) {
        Ok(request) => request,
        Err(error) => return take.whole(refuse(StatusCode::BAD_REQUEST, &error.to_string())),
    };
    let act = stage.act(&request).await;
    if let Some(failed) = failed(&act) {
        return take.whole(failed);
    }
    let about = About { id: "scripted", model: request.model(), created: 0, original: request.original() };
    if request.stream() {
        let mut lines = ollama::FromChat::new(&about);
        let mut blocks: Vec<Bytes> = act.events().iter().map(|event| lines.push(event)).collect();
        blocks.retain(|block| !block.is_empty());
        let mut response = events(&act, blocks, take);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        return response;
    }
    match ChatReply::parse(act.reply()) {
        Ok(reply) => take.whole(whole(StatusCode::OK, ollama::reply_from_chat(&reply, &about), None)),
        Err(error) => take.whole(refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())),
    }
}

/// What the script has answered instead of a chat.
pub(crate) fn failed(act: &Act) -> Option<Response> {
    if let Some(status) = act.status {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return Some(whole(status, json!({ "error": "the script says so" }).to_string(), Some(act)));
    }
    act.garbage.then(garbage)
}

pub(crate) async fn tags(State(stage): State<Stage>) -> Json<Value> {
    let card = |name: String| {
        json!({ "name": name, "model": name, "modified_at": "1970-01-01T00:00:00Z", "size": 0, "digest": "",
            "details": { "format": "", "family": "simulate", "families": null, "parameter_size": "", "quantization_level": "" } })
    };
    let models: Vec<Value> = stage.scenes().names().into_iter().map(card).collect();
    Json(json!({ "models": models }))
}

pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "version": VERSION }))
}

pub(crate) fn refuse(status: StatusCode, message: &str) -> Response {
    whole(status, json!({ "error": message }).to_string(), None)
}
