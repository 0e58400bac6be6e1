//! OpenAI's side of the stage.

use crate::stage::{Stage, events, garbage, whole};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

pub(crate) async fn complete(State(stage): State<Stage>, body: Bytes) -> Response {
    let (act, stream) = match stage.play(body).await {
        Ok(played) => played,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &message),
    };
    if let Some(status) = act.status {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let class = if status == StatusCode::TOO_MANY_REQUESTS { "rate_limit_error" } else { "server_error" };
        return whole(status, error(class, "the script says so").to_string(), Some(&act));
    }
    if act.garbage {
        return garbage();
    }
    if stream {
        let blocks = act.events();
        return events(&act, blocks);
    }
    whole(StatusCode::OK, act.reply(), None)
}

pub(crate) async fn models(State(stage): State<Stage>) -> Json<Value> {
    let card = |id: String| json!({ "id": id, "object": "model", "created": 0, "owned_by": "simulate" });
    let data: Vec<Value> = stage.scenes().names().into_iter().map(card).collect();
    Json(json!({ "object": "list", "data": data }))
}

fn refuse(status: StatusCode, class: &str, message: &str) -> Response {
    whole(status, error(class, message).to_string(), None)
}

fn error(class: &str, message: &str) -> Value {
    json!({ "error": { "message": message, "type": class, "param": null, "code": class } })
}
