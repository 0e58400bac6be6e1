//! OpenAI's side of the stage.

use crate::reel::events;
use crate::stage::{Stage, garbage, whole};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use models::scripted::Act;
use serde_json::{Value, json};

pub(crate) async fn complete(State(stage): State<Stage>, body: Bytes) -> Response {
    let take = stage.take();
    let (act, stream) = match stage.play(body).await {
        Ok(played) => played,
        Err(message) => return take.whole(refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &message)),
    };
    if let Some(failed) = failed(&act) {
        return take.whole(failed);
    }
    if stream {
        let blocks = act.events();
        return events(&act, blocks, take);
    }
    take.whole(whole(StatusCode::OK, act.reply(), None))
}

/// What the script has answered instead of what was asked for.
pub(crate) fn failed(act: &Act) -> Option<Response> {
    if let Some(status) = act.status {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let class = if status == StatusCode::TOO_MANY_REQUESTS { "rate_limit_error" } else { "server_error" };
        return Some(whole(status, error(class, "the script says so").to_string(), Some(act)));
    }
    act.garbage.then(garbage)
}

pub(crate) async fn models(State(stage): State<Stage>) -> Json<Value> {
    let card = |id: String| json!({ "id": id, "object": "model", "created": 0, "owned_by": "simulate" });
    let data: Vec<Value> = stage.scenes().names().into_iter().map(card).collect();
    Json(json!({ "object": "list", "data": data }))
}

pub(crate) fn refuse(status: StatusCode, class: &str, message: &str) -> Response {
    whole(status, error(class, message).to_string(), None)
}

fn error(class: &str, message: &str) -> Value {
    json!({ "error": { "message": message, "type": class, "param": null, "code": class } })
}
