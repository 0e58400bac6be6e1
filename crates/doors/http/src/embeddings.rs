//! `POST /v1/embeddings`, and the same as Ollama's clients ask for it.

use crate::app::App;
use crate::chat;
use crate::refusal::{Shaped, of_ask};
use crate::served;
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use caller::{Caller, Guest};
use matrix::Vectors;
use routes::{Arrival, Refusal};
use serde_json::json;
use wire::Dialect;
use wire::openai::EmbeddingRequest;

/// `POST /v1/embeddings`.
pub(crate) async fn embed(
    State(app): State<App>,
    Extension(arrival): Extension<Arrival>,
    Extension(guest): Extension<Guest>,
    request: Request,
) -> Response {
    let terms = app.terms();
    let parse = |_: &_, bytes, _: &_| EmbeddingRequest::parse(bytes);
    let asked = match chat::read(&app, &arrival, guest, request, &terms, parse).await {
        Ok((request, caller)) => ask(&app, &arrival, &caller, &request, "/v1/embeddings").await,
        Err(refusal) => Err(refusal),
    };
    match asked {
        Ok(Vectors { reply, report, .. }) => served::whole(reply.with_althing(&report), &report),
        Err(refusal) => refusal.in_dialect(Dialect::Chat, &arrival.id),
    }
}

/// `POST /api/embed`.
pub(crate) async fn embed_ollama(
    State(app): State<App>,
    Extension(arrival): Extension<Arrival>,
    Extension(guest): Extension<Guest>,
    request: Request,
) -> Response {
    let terms = app.terms();
    let parse = |_: &_, bytes: Bytes, _: &_| ollama::embed_to_request(&bytes);
    let asked = match chat::read(&app, &arrival, guest, request, &terms, parse).await {
        Ok((request, caller)) => {
            let asked = ask(&app, &arrival, &caller, &request, "/api/embed").await;
            asked.map(|vectors| (vectors, request))
        }
        Err(refusal) => Err(refusal),
    };
    match asked {
        Ok((Vectors { reply, report, .. }, request)) => {
            let mut body = ollama::embed_from_reply(&reply, request.model());
            body["althing"] = json!(report);
            served::whole(body.to_string().into(), &report)
        }
        Err(refusal) => refusal.in_dialect(Dialect::Ollama, &arrival.id),
    }
}

async fn ask(
    app: &App,
    arrival: &Arrival,
    caller: &Caller,
    request: &EmbeddingRequest,
    route: &str,
) -> Result<Vectors, Box<Refusal>> {
    let asked = app.0.matrix.embed(caller, request).await;
    let mut vectors = asked.map_err(|error| Box::new(of_ask(&error)))?;
    let total = arrival.at.elapsed();
    vectors.report.set_overhead(total, vectors.waited);
    app.route_metrics(route).overhead(total.saturating_sub(vectors.waited));
    Ok(vectors)
}
