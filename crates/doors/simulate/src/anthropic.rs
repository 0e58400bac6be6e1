//! Anthropic's side of the stage: messages, whole and streamed, and the count of their tokens, as in its public API
//! reference.

use crate::reel::events;
use crate::stage::{LIMITS, Stage, garbage, whole};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use models::scripted::Act;
use serde_json::{Value, json};
use wire::openai::{ChatReply, estimate_tokens};
use wire::{About, Translate, sse};

pub(crate) async fn message(State(stage): State<Stage>, body: Bytes) -> Response {
    let take = stage.take();
    let request = match anthropic::request_to_chat(body, Vec::new(), &LIMITS) {
        Ok(request) => request,
        Err(error) => return take.whole(refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &error.to_string())),
    };
    let act = stage.act(&request).await;
    if let Some(failed) = failed(&act) {
        return take.whole(failed);
    }
    let about = About { id: "scripted", model: request.model(), created: 0, original: request.original() };
    if request.stream() {
        let mut translate = anthropic::FromChat::new(&about);
        let mut blocks: Vec<Bytes> = act.events().iter().map(|event| translate.push(event)).collect();
        if act.cut_after.is_none() {
            blocks.push(translate.end());
        }
        let blocks = blocks.iter().flat_map(single).collect();
        return events(&act, blocks, take);
    }
    match ChatReply::parse(act.reply()) {
        Ok(reply) => take.whole(whole(StatusCode::OK, anthropic::reply_from_chat(&reply, &about), None)),
        Err(error) => take.whole(refuse(StatusCode::INTERNAL_SERVER_ERROR, "api_error", &error.to_string())),
    }
}

pub(crate) async fn count(State(_): State<Stage>, body: Bytes) -> Response {
    match anthropic::count_to_chat(body, Vec::new(), &LIMITS) {
        Ok(request) => whole(StatusCode::OK, json!({ "input_tokens": estimate_tokens(&request) }).to_string(), None),
        Err(error) => refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &error.to_string()),
    }
}

/// The events of a block, each as a block of its own: the script's pace is one between events.
fn single(block: &Bytes) -> Vec<Bytes> {
    let starts: Vec<usize> = sse::events(block).map(|event| event.at).collect();
    let ends = starts.iter().skip(1).copied().chain([block.len()]);
    starts.iter().zip(ends).map(|(start, end)| block.slice(*start..end)).collect()
}

/// What the script has answered instead of a message.
fn failed(act: &Act) -> Option<Response> {
    if let Some(status) = act.status {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let class = match status.as_u16() {
            429 => "rate_limit_error",
            529 => "overloaded_error",
            _ => "api_error",
        };
        return Some(whole(status, error(class, "the script says so").to_string(), Some(act)));
    }
    act.garbage.then(garbage)
}

fn refuse(status: StatusCode, class: &str, message: &str) -> Response {
    whole(status, error(class, message).to_string(), None)
}

fn error(class: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": class, "message": message } })
}
