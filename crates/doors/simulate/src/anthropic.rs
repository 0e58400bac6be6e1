//! Anthropic's side of the stage: messages, whole and streamed, as in its public API reference.

use crate::reel::events;
use crate::stage::{Stage, garbage, whole};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use models::scripted::Act;
use serde_json::{Value, json};

pub(crate) async fn message(State(stage): State<Stage>, body: Bytes) -> Response {
    let take = stage.take();
    let model = serde_json::from_slice::<Value>(&body).ok().and_then(|body| body["model"].as_str().map(str::to_owned));
    let (act, stream) = match stage.play(body).await {
        Ok(played) => played,
        Err(message) => return take.whole(refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &message)),
    };
    if let Some(failed) = failed(&act) {
        return take.whole(failed);
    }
    let model = model.unwrap_or_default();
    if stream {
        let blocks = blocks(&act, &model);
        return events(&act, blocks, take);
    }
    let content = json!([{ "type": "text", "text": act.text() }]);
    take.whole(whole(StatusCode::OK, head(&act, &model, &content, json!("end_turn")).to_string(), None))
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

fn head(act: &Act, model: &str, content: &Value, stop_reason: Value) -> Value {
    let usage = act.usage();
    json!({
        "id": "msg_scripted", "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": { "input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens },
    })
}

fn blocks(act: &Act, model: &str) -> Vec<Bytes> {
    let event = |name: &str, mut data: Value| {
        data["type"] = json!(name);
        Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
    };
    let block = json!({ "index": 0, "content_block": { "type": "text", "text": "" } });
    let mut blocks = vec![
        event("message_start", json!({ "message": head(act, model, &json!([]), Value::Null) })),
        event("content_block_start", block),
    ];
    let words = act.text().split_inclusive(' ');
    let delta = |word| json!({ "index": 0, "delta": { "type": "text_delta", "text": word } });
    blocks.extend(words.map(|word| event("content_block_delta", delta(word))));
    let usage = json!({ "output_tokens": act.usage().completion_tokens });
    blocks.push(event("content_block_stop", json!({ "index": 0 })));
    blocks.push(event("message_delta", json!({ "delta": { "stop_reason": "end_turn" }, "usage": usage })));
    blocks.push(event("message_stop", json!({})));
    blocks.truncate(act.cut_after.unwrap_or(usize::MAX));
    blocks
}

fn refuse(status: StatusCode, class: &str, message: &str) -> Response {
    whole(status, error(class, message).to_string(), None)
}

fn error(class: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": class, "message": message } })
}
