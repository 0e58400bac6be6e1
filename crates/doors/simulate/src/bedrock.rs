//! Bedrock's side of the stage: Converse whole and in frames, and Titan's embeddings, as in Amazon's public API
//! reference. Signatures are not looked at.

use crate::reel::events;
use crate::stage::{LIMITS, Stage, garbage, whole};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as Text, Message};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use models::scripted::Act;
use models::scripted::embedding::embed as vectors;
use serde_json::{Map, Value, json};
use wire::openai::{ChatRequest, EmbeddingRequest};

/// The media type of a stream.
const FRAMES: &str = "application/vnd.amazon.eventstream";
/// How many figures an embedding has if the request does not say.
const DIMENSIONS: u64 = 1_024;
/// How many it may have.
const SIZES: [u64; 3] = [256, 512, 1_024];

/// `POST /model/{model}/converse`.
pub(crate) async fn converse(State(stage): State<Stage>, Path(model): Path<String>, body: Bytes) -> Response {
    let take = stage.take();
    match act(&stage, &model, &body).await {
        Ok(act) => take.whole(failed(&act).unwrap_or_else(|| whole(StatusCode::OK, reply(&act).to_string(), None))),
        Err(refused) => take.whole(refused),
    }
}

/// `POST /model/{model}/converse-stream`.
pub(crate) async fn stream(State(stage): State<Stage>, Path(model): Path<String>, body: Bytes) -> Response {
    let take = stage.take();
    let act = match act(&stage, &model, &body).await {
        Ok(act) => act,
        Err(refused) => return take.whole(refused),
    };
    match failed(&act) {
        Some(failed) => take.whole(failed),
        None => {
            let mut response = events(&act, frames(&act), take);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FRAMES));
            response
        }
    }
}

/// `POST /model/{model}/invoke`, which embeds one text.
pub(crate) async fn invoke(State(stage): State<Stage>, Path(model): Path<String>, body: Bytes) -> Response {
    let take = stage.take();
    let Some((embedding, words)) = embedding(&model, &body) else {
        let message = "Malformed input request: `inputText` and `dimensions` of 256, 512 or 1024 are expected";
        return take.whole(refuse(StatusCode::BAD_REQUEST, message, None));
    };
    let act = stage.act(&ChatRequest::from_prompt(&model, "")).await;
    let by_type = json!({ "float": embedding });
    let reply = json!({ "embedding": embedding, "embeddingsByType": by_type, "inputTextTokenCount": words });
    take.whole(failed(&act).unwrap_or_else(|| whole(StatusCode::OK, reply.to_string(), None)))
}

/// The vector of one text and its words; `None` for what is no request.
fn embedding(model: &str, body: &[u8]) -> Option<(Value, usize)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = body["inputText"].as_str()?;
    let size = body.get("dimensions").map_or(Some(DIMENSIONS), Value::as_u64);
    let size = size.filter(|size| SIZES.contains(size))?;
    let asked = json!({ "model": model, "input": text, "dimensions": size }).to_string();
    let reply = vectors(&EmbeddingRequest::parse(asked.into()).ok()?)?;
    let mut reply: Value = serde_json::from_slice(reply.bytes()).ok()?;
    Some((reply["data"][0]["embedding"].take(), text.split_whitespace().count()))
}

/// What the script makes of a request.
async fn act(stage: &Stage, model: &str, body: &[u8]) -> Result<Act, Response> {
    let chat = chat(model, body).map_err(|message| refuse(StatusCode::BAD_REQUEST, &message, None))?;
    Ok(stage.act(&chat).await)
}

/// As much of a request as a script looks at: the texts, and the names of tools.
fn chat(model: &str, body: &[u8]) -> Result<ChatRequest, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let texts = |content: &Value| -> Vec<Value> {
        let blocks = content.as_array().into_iter().flatten();
        blocks.filter_map(|block| Some(json!({ "type": "text", "text": block["text"].as_str()? }))).collect()
    };
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let message = |message: &Value| json!({ "role": message["role"], "content": texts(&message["content"]) });
    let mut chat = json!({ "model": model, "messages": messages.iter().map(message).collect::<Vec<_>>() });
    let tools = body["toolConfig"]["tools"].as_array().into_iter().flatten();
    let names = tools.filter_map(|tool| tool["toolSpec"]["name"].as_str());
    let tools: Vec<Value> = names.map(|name| json!({ "type": "function", "function": { "name": name } })).collect();
    if !tools.is_empty() {
        chat["tools"] = tools.into();
    }
    ChatRequest::parse(chat.to_string().into(), &LIMITS).map_err(|error| error.to_string())
}

/// What the script has answered instead of a message.
fn failed(act: &Act) -> Option<Response> {
    let Some(status) = act.status else { return act.garbage.then(garbage) };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Some(refuse(status, "the script says so", Some(act)))
}

/// An error as Amazon sends it: its name in a header, a message in the body.
fn refuse(status: StatusCode, message: &str, act: Option<&Act>) -> Response {
    let name = match status.as_u16() {
        400 => "ValidationException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    };
    let mut response = whole(status, json!({ "message": message }).to_string(), act);
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(name));
    response
}

/// What an act says: its text or its calls, as the blocks of a message.
fn content(act: &Act) -> (Vec<Value>, &'static str) {
    let reply: Value = serde_json::from_slice(&act.reply()).unwrap_or_default();
    let calls = reply["choices"][0]["message"]["tool_calls"].as_array();
    let Some(calls) = calls.filter(|calls| !calls.is_empty()) else {
        return (vec![json!({ "text": act.text() })], "end_turn");
    };
    let block = |call: &Value| {
        let function = &call["function"];
        let input = serde_json::from_str::<Map<String, Value>>(function["arguments"].as_str().unwrap_or_default());
        let input = input.unwrap_or_default();
        json!({ "toolUse": { "toolUseId": call["id"], "name": function["name"], "input": input } })
    };
    (calls.iter().map(block).collect(), "tool_use")
}

fn usage(act: &Act) -> Value {
    let usage = act.usage();
    let (read, written) = (usage.prompt_tokens, usage.completion_tokens);
    json!({ "inputTokens": read, "outputTokens": written, "totalTokens": usage.total_tokens })
}

fn reply(act: &Act) -> Value {
    let (content, stop) = content(act);
    json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop, "usage": usage(act), "metrics": { "latencyMs": latency_ms(act) },
    })
}

fn latency_ms(act: &Act) -> u64 {
    u64::try_from(act.latency.as_millis()).unwrap_or(u64::MAX)
}

/// The frames of a streamed reply, one word each, up to where it breaks off.
fn frames(act: &Act) -> Vec<Bytes> {
    let (content, stop) = content(act);
    let mut frames = vec![frame("messageStart", &json!({ "role": "assistant" }))];
    for (at, block) in content.iter().enumerate() {
        let delta = |delta: Value| frame("contentBlockDelta", &json!({ "contentBlockIndex": at, "delta": delta }));
        if let Some(text) = block["text"].as_str() {
            frames.extend(text.split_inclusive(' ').map(|word| delta(json!({ "text": word }))));
        } else {
            let call = &block["toolUse"];
            let start = json!({ "toolUse": { "toolUseId": call["toolUseId"], "name": call["name"] } });
            frames.push(frame("contentBlockStart", &json!({ "contentBlockIndex": at, "start": start })));
            frames.push(delta(json!({ "toolUse": { "input": call["input"].to_string() } })));
        }
        frames.push(frame("contentBlockStop", &json!({ "contentBlockIndex": at })));
    }
    frames.push(frame("messageStop", &json!({ "stopReason": stop })));
    let metadata = json!({ "usage": usage(act), "metrics": { "latencyMs": latency_ms(act) } });
    frames.push(frame("metadata", &metadata));
    frames.truncate(act.cut_after.unwrap_or(usize::MAX));
    frames
}

fn frame(name: &str, event: &Value) -> Bytes {
    let header = |key: &'static str, value: &str| Header::new(key, Text::String(value.to_owned().into()));
    let message = Message::new(Bytes::from(event.to_string()))
        .add_header(header(":event-type", name))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", "event"));
    let mut out = Vec::new();
    // Fails only for frames that are longer than a length can tell.
    let written = write_message_to(&message, &mut out);
    written.map(|()| Bytes::from(out)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_eventstream::frame::read_message_from;
    use models::scripted::{Scene, Script};

    fn acted(script: &str, body: &Value) -> Act {
        let script = Script::from_table(&toml::from_str(script).unwrap()).unwrap();
        Scene::new(script, "m").next(&chat("m", body.to_string().as_bytes()).unwrap(), "m")
    }

    fn asked() -> Value {
        json!({ "messages": [{ "role": "user", "content": [{ "text": "hello there" }, { "image": {} }] }],
            "toolConfig": { "tools": [{ "toolSpec": { "name": "look" } }, { "cachePoint": { "type": "default" } }] } })
    }

    /// Names and payloads of frames.
    fn read(frames: Vec<Bytes>) -> Vec<(String, Value)> {
        let read = |frame: Bytes| {
            let message = read_message_from(frame).unwrap();
            let name = message.headers()[0].value().as_string().unwrap().as_str().to_owned();
            (name, serde_json::from_slice(message.payload()).unwrap())
        };
        frames.into_iter().map(read).collect()
    }

    #[test]
    fn scripts_are_told_as_converse_tells_them() {
        let act = acted("answers = ['you said {prompt}']", &asked());
        let usage = json!({ "inputTokens": 2, "outputTokens": 4, "totalTokens": 6 });
        assert_eq!(
            reply(&act),
            json!({ "output": { "message": { "role": "assistant", "content": [{ "text": "you said hello there" }] } },
                "stopReason": "end_turn", "usage": usage, "metrics": { "latencyMs": 0 } })
        );
        let frames = read(frames(&act));
        let text: String = frames.iter().filter_map(|(_, event)| event["delta"]["text"].as_str()).collect();
        assert_eq!((text.as_str(), frames.len()), ("you said hello there", 8));
        assert_eq!((frames[6].0.as_str(), &frames[6].1), ("messageStop", &json!({ "stopReason": "end_turn" })));
        assert_eq!((frames[7].0.as_str(), &frames[7].1["usage"]), ("metadata", &usage));
    }

    #[test]
    fn tools_are_called_and_streams_cut() {
        let script = "tool_call = { name = 'look', arguments = '{\"a\":[1]}' }";
        let act = acted(script, &asked());
        let call = json!({ "toolUseId": "call_scripted", "name": "look", "input": { "a": [1] } });
        let told = reply(&act);
        assert_eq!(
            (&told["output"]["message"]["content"][0]["toolUse"], &told["stopReason"]),
            (&call, &json!("tool_use"))
        );
        let names: Vec<String> = read(frames(&act)).into_iter().map(|(name, _)| name).collect();
        let expect =
            ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];
        assert_eq!(names, expect);
        let cut = acted(&format!("{script}\ncut_rate = 1.0\ncut_after = 3"), &asked());
        assert_eq!(frames(&cut).len(), 3);
    }

    #[test]
    fn a_text_has_a_vector() {
        for (body, size) in [
            (json!({ "inputText": "a b" }), Some(1_024)),
            (json!({ "inputText": "a b", "dimensions": 256, "normalize": true }), Some(256)),
            (json!({ "inputText": "a b", "dimensions": 7 }), None),
            (json!({ "inputText": 7 }), None),
            (json!([]), None),
        ] {
            let made = embedding("amazon.titan-embed-text-v2:0", body.to_string().as_bytes());
            let told = made.map(|(vector, words)| (vector.as_array().unwrap().len(), words));
            assert_eq!(told, size.map(|size| (size, 2)), "{body}");
        }
    }

    #[test]
    fn what_is_no_conversation_is_refused() {
        for (body, expect) in [("{}", "`messages` is empty"), ("[", "the body is not JSON")] {
            let error = chat("m", body.as_bytes()).unwrap_err();
            assert!(error.starts_with(expect), "{error}");
        }
    }
}
