//! Chats in every dialect: OpenAI's completions and responses, Anthropic's messages, Ollama's chat.
//!
//! Whatever the dialect, the engine is asked with a chat; what it answers goes out in the dialect of whoever asked.

use crate::app::App;
use crate::refusal::{Shaped, of_ask};
use crate::{dialects, served, sse, wishes};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use caller::{Caller, Guest};
use http::HeaderMap;
use matrix::{AskError, Outcome};
use routes::{Arrival, Refusal, Terms, body};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use wire::openai::{ChatRequest, Limits};
use wire::{About, Dialect, WireError};

/// Headers of Anthropic's dialect that go on to a provider that speaks it.
const ANTHROPIC_HEADERS: [&str; 2] = ["anthropic-version", "anthropic-beta"];

/// Where each dialect is spoken.
pub(crate) const PATHS: [(&str, Dialect); 4] = [
    ("/v1/chat/completions", Dialect::Chat),
    ("/v1/messages", Dialect::Messages),
    ("/v1/responses", Dialect::Responses),
    ("/api/chat", Dialect::Ollama),
];

/// Answers a chat in this dialect.
pub(crate) async fn serve(dialect: Dialect, app: App, arrival: Arrival, guest: Guest, request: Request) -> Response {
    let terms = app.terms();
    let parse = |headers: &HeaderMap, bytes, limits: &Limits| parse(dialect, headers, bytes, limits);
    let (request, caller) = match read(&app, &arrival, guest, request, &terms, parse).await {
        Ok(read) => read,
        Err(refusal) => return refusal.in_dialect(dialect, &arrival.id),
    };
    if request.stream() && app.0.matrix.is_panel(request.model()) {
        return Box::pin(sse::panel(app, arrival, caller, request, &terms)).await;
    }
    let asked = app.0.matrix.ask(&caller, &request).await;
    answer(&app, &arrival, &request, asked)
}

/// `POST /v1/messages/count_tokens`.
pub(crate) async fn count(
    State(app): State<App>,
    Extension(arrival): Extension<Arrival>,
    Extension(guest): Extension<Guest>,
    request: Request,
) -> Response {
    let terms = app.terms();
    let parse = |headers: &HeaderMap, bytes, limits: &Limits| anthropic::count_to_chat(bytes, kept(headers), limits);
    let (request, caller) = match read(&app, &arrival, guest, request, &terms, parse).await {
        Ok(read) => read,
        Err(refusal) => return refusal.in_dialect(Dialect::Messages, &arrival.id),
    };
    match app.0.matrix.count(&caller, &request).await {
        Ok(counted) => served::json(&json!({
            "input_tokens": counted.tokens,
            "althing": { "request_id": &*arrival.id, "counted_by": counted.by, "estimated": counted.estimated },
        })),
        Err(error) => of_ask(&error).in_dialect(Dialect::Messages, &arrival.id),
    }
}

/// Reads a request, how long it may take and what else is wished.
pub(crate) async fn read<T>(
    app: &App,
    arrival: &Arrival,
    guest: Guest,
    request: Request,
    terms: &Terms,
    parse: impl FnOnce(&HeaderMap, Bytes, &Limits) -> Result<T, WireError>,
) -> Result<(T, Caller), Box<Refusal>> {
    let (parts, body) = request.into_parts();
    let deadline = arrival.at + terms.deadline(&parts.headers)?;
    let wishes = wishes::read(&parts.headers, &guest, &app.0.matrix)?;
    let bytes = body::read(&parts.headers, body, terms).await?;
    let read = parse(&parts.headers, bytes, &terms.chat).map_err(|error| Box::new(Refusal::of(&error)))?;
    Ok((read, Caller { request_id: Arc::clone(&arrival.id), deadline, guest, wishes }))
}

fn parse(dialect: Dialect, headers: &HeaderMap, bytes: Bytes, limits: &Limits) -> Result<ChatRequest, WireError> {
    match dialect {
        Dialect::Chat => ChatRequest::parse(bytes, limits),
        Dialect::Messages => anthropic::request_to_chat(bytes, kept(headers), limits),
        Dialect::Responses => responses::request_to_chat(bytes, limits),
        Dialect::Ollama => ollama::request_to_chat(bytes, limits),
    }
}

/// The headers that belong to Anthropic's dialect.
fn kept(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let all =
        ANTHROPIC_HEADERS.into_iter().flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)));
    all.filter_map(|(name, value)| Some((name, value.to_str().ok()?.to_owned()))).collect()
}

/// What translations need to know of an answer.
pub(crate) fn about<'a>(app: &App, arrival: &'a Arrival, request: &'a ChatRequest) -> About<'a> {
    let created = app.0.started_unix + app.0.started.elapsed().as_secs();
    About { id: &arrival.id, model: request.model(), created, original: request.original() }
}

/// The reply to a request, whether it went well or not.
pub(crate) fn answer(
    app: &App,
    arrival: &Arrival,
    request: &ChatRequest,
    asked: Result<Outcome, AskError>,
) -> Response {
    let dialect = request.dialect();
    match asked {
        Ok(Outcome::Whole { reply, mut report, waited }) => {
            note_overhead(app, arrival, dialect, &mut report, waited);
            let about = about(app, arrival, request);
            if request.stream() {
                let chunks = dialects::as_stream(&reply, dialect, &about, request.include_usage(), &report);
                return served::stream(Body::from(chunks), dialect, Some(&report));
            }
            served::whole(dialects::in_dialect(&reply, dialect, &about).with_althing(&report), &report)
        }
        Ok(Outcome::Stream { stream, mut report, waited }) => {
            note_overhead(app, arrival, dialect, &mut report, waited);
            let about = about(app, arrival, request);
            served::stream(sse::single(app, stream, request, &about), dialect, Some(&report))
        }
        Err(error) => of_ask(&error).in_dialect(dialect, &arrival.id),
    }
}

pub(crate) fn note_overhead(
    app: &App,
    arrival: &Arrival,
    dialect: Dialect,
    report: &mut matrix::Report,
    waited: Duration,
) {
    let total = arrival.at.elapsed();
    report.set_overhead(total, waited);
    if let Some((path, _)) = PATHS.iter().find(|(_, spoken)| *spoken == dialect) {
        app.route_metrics(path).overhead(total.saturating_sub(waited));
    }
}
