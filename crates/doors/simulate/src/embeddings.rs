//! Embeddings on the stage, as OpenAI's and Ollama's clients ask for them. Vectors tell texts apart and nothing else.

use crate::openai::{failed, refuse};
use crate::stage::Stage;
use crate::{ollama, stage};
use ::ollama::{embed_from_reply, embed_to_request};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use models::scripted::embedding::{DIMENSIONS_MAX, embed as vectors};
use wire::WireError;
use wire::openai::{ChatRequest, EmbeddingReply, EmbeddingRequest};

pub(crate) async fn embed(State(stage): State<Stage>, body: Bytes) -> Response {
    let take = stage.take();
    let request = EmbeddingRequest::parse(body);
    let asked = request.and_then(|request| answer(&request).map(|reply| (request, reply)));
    let (request, reply) = match asked {
        Ok(asked) => asked,
        Err(error) => return take.whole(refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &error.to_string())),
    };
    // Scripts are played to chats, and nothing here depends on what such a chat would say.
    let act = stage.act(&ChatRequest::from_prompt(request.model(), "")).await;
    let whole = || stage::whole(StatusCode::OK, reply.bytes().clone(), None);
    take.whole(failed(&act).unwrap_or_else(whole))
}

pub(crate) async fn embed_ollama(State(stage): State<Stage>, body: Bytes) -> Response {
    let take = stage.take();
    let asked = embed_to_request(&body).and_then(|request| answer(&request).map(|reply| (request, reply)));
    let (request, reply) = match asked {
        Ok(asked) => asked,
        Err(error) => return take.whole(ollama::refuse(StatusCode::BAD_REQUEST, &error.to_string())),
    };
    let act = stage.act(&ChatRequest::from_prompt(request.model(), "")).await;
    let whole = || stage::whole(StatusCode::OK, embed_from_reply(&reply, request.model()).to_string(), None);
    take.whole(ollama::failed(&act).unwrap_or_else(whole))
}

fn answer(request: &EmbeddingRequest) -> Result<EmbeddingReply, WireError> {
    const TOKENS: &str = "a script reads texts, not numbers of tokens";
    const FIGURES: &str = "a script makes at most 4096 figures";
    let unsupported = |param: &str, why| WireError::Unsupported { param: param.to_owned(), why };
    vectors(request).ok_or_else(|| match request.dimensions() {
        Some(dimensions) if dimensions > DIMENSIONS_MAX => unsupported("dimensions", FIGURES),
        _ => unsupported("input", TOKENS),
    })
}
