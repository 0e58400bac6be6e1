//! Embeddings, into OpenAI's shape and out of it.

use super::request::not_an_object;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wire::WireError;
use wire::openai::{EmbeddingReply, EmbeddingRequest, Usage};

/// What `POST /api/embed` is asked.
///
/// # Errors
/// [`WireError::Unsupported`] for texts as numbers of tokens.
pub fn embed_from_openai(request: &EmbeddingRequest, model: &str) -> Result<Bytes, WireError> {
    let why = "this provider reads texts, not numbers of tokens";
    let texts = request.texts().ok_or(WireError::Unsupported { param: "input".to_owned(), why })?;
    let mut body = json!({ "model": model, "input": texts });
    if let Some(dimensions) = request.dimensions() {
        body["dimensions"] = dimensions.into();
    }
    Ok(Bytes::from(body.to_string()))
}

#[derive(Deserialize)]
struct Told {
    embeddings: Vec<Vec<f32>>,
    prompt_eval_count: Option<u64>,
}

/// The reply in OpenAI's shape.
///
/// # Errors
/// [`WireError`] for bytes that are no reply with a vector for each input.
pub fn embed_to_openai(body: &[u8], request: &EmbeddingRequest, model: &str) -> Result<EmbeddingReply, WireError> {
    let told: Told = serde_json::from_slice(body).map_err(|error| WireError::not_json(&error))?;
    if told.embeddings.len() != request.inputs() {
        return Err(WireError::Missing { param: "embeddings".to_owned() });
    }
    let usage =
        told.prompt_eval_count.map(|read| Usage { prompt_tokens: read, total_tokens: read, ..Usage::default() });
    Ok(EmbeddingReply::compose(model, &told.embeddings, request.figures(), usage))
}

/// What a client of Ollama's asks `POST /api/embed`, in OpenAI's shape.
///
/// # Errors
/// [`WireError`] for a body that is no such request.
pub fn embed_to_request(body: &Bytes) -> Result<EmbeddingRequest, WireError> {
    let asked: Map<String, Value> = serde_json::from_slice(body).map_err(|error| not_an_object(body, &error))?;
    let mut out = json!({});
    for key in ["model", "input", "dimensions"] {
        if let Some(value) = asked.get(key) {
            out[key] = value.clone();
        }
    }
    EmbeddingRequest::parse(Bytes::from(out.to_string()))
}

/// What `POST /api/embed` answers, from a reply in OpenAI's shape. Durations are not known here.
pub fn embed_from_reply(reply: &EmbeddingReply, model: &str) -> Value {
    let read = reply.usage().map_or(0, |usage| usage.prompt_tokens);
    json!({ "model": model, "embeddings": reply.vectors(), "total_duration": 0, "load_duration": 0,
        "prompt_eval_count": read })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_the_order_of_the_texts_both_ways() {
        let asked = Bytes::from_static(br#"{"model":"m","input":["a","b"],"truncate":true,"dimensions":2}"#);
        let request = embed_to_request(&asked).unwrap();
        let sent = embed_from_openai(&request, "up").unwrap();
        assert_eq!(sent, r#"{"model":"up","input":["a","b"],"dimensions":2}"#);
        let told = br#"{"model":"up","embeddings":[[1,0],[0,1]],"prompt_eval_count":4}"#;
        let reply = embed_to_openai(told, &request, "up").unwrap();
        assert_eq!(reply.usage().unwrap().prompt_tokens, 4);
        let shown = embed_from_reply(&reply, "m");
        assert_eq!((&shown["embeddings"], &shown["prompt_eval_count"]), (&json!([[1.0, 0.0], [0.0, 1.0]]), &json!(4)));
        assert!(embed_to_openai(br#"{"embeddings":[[1]]}"#, &request, "up").is_err());
    }

    #[test]
    fn tokens_are_not_for_everybody() {
        let request = EmbeddingRequest::parse(Bytes::from_static(br#"{"model":"m","input":[1,2]}"#)).unwrap();
        assert!(matches!(embed_from_openai(&request, "m"), Err(WireError::Unsupported { .. })));
    }
}
