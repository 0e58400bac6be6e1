//! `POST /v1/chat/completions`.

use crate::app::{App, Rules};
use crate::gatekeeper::Arrival;
use crate::refusal::Refusal;
use crate::{body, served, sse};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use caller::{Caller, Guest};
use fault::Kind;
use http::HeaderMap;
use matrix::{AskError, Outcome};
use std::sync::Arc;
use std::time::Duration;
use wire::openai::ChatRequest;

/// The header by which a client shortens the deadline of one request, in milliseconds.
const TIMEOUT_HEADER: &str = "x-althing-timeout-ms";

pub(crate) async fn complete(
    State(app): State<App>,
    Extension(arrival): Extension<Arrival>,
    Extension(guest): Extension<Guest>,
    request: Request,
) -> Response {
    let rules = app.0.rules.load_full();
    let (parts, body) = request.into_parts();
    let read = async {
        let within = deadline(&parts.headers, &rules)?;
        let bytes = body::read(&parts.headers, body, &rules).await?;
        let request = ChatRequest::parse(bytes, &rules.chat).map_err(|error| Box::new(Refusal::of(&error)))?;
        Ok::<_, Box<Refusal>>((request, within))
    };
    let (request, within) = match read.await {
        Ok(read) => read,
        Err(refusal) => return refusal.openai(&arrival.id),
    };
    let (request_id, deadline) = (Arc::clone(&arrival.id), arrival.at + within);
    let caller = Caller { request_id, deadline, guest };
    if request.stream() && app.0.matrix.is_panel(request.model()) {
        return sse::panel(app, arrival, caller, request, &rules).await;
    }
    let asked = app.0.matrix.ask(&caller, &request).await;
    answer(&app, &arrival, &request, asked)
}

/// The reply to a request, whether it went well or not.
pub(crate) fn answer(
    app: &App,
    arrival: &Arrival,
    request: &ChatRequest,
    asked: Result<Outcome, AskError>,
) -> Response {
    match asked {
        Ok(Outcome::Whole { reply, mut report, waited }) => {
            note_overhead(app, arrival, &mut report, waited);
            if request.stream() {
                let chunks = reply.as_stream(request.include_usage(), &report);
                return served::stream(Body::from(chunks), Some(&report));
            }
            served::whole(reply.with_althing(&report), &report)
        }
        Ok(Outcome::Stream { stream, mut report, waited }) => {
            note_overhead(app, arrival, &mut report, waited);
            served::stream(sse::single(app, stream, &arrival.id), Some(&report))
        }
        Err(error) => Refusal::of_ask(&error).openai(&arrival.id),
    }
}

pub(crate) fn note_overhead(app: &App, arrival: &Arrival, report: &mut matrix::Report, waited: Duration) {
    let total = arrival.at.elapsed();
    report.set_overhead(total, waited);
    app.route_metrics("/v1/chat/completions").overhead(total.saturating_sub(waited));
}

/// How long this request may take: as long as the client says, but no longer than settings do.
fn deadline(headers: &HeaderMap, rules: &Rules) -> Result<Duration, Box<Refusal>> {
    let Some(asked) = headers.get(TIMEOUT_HEADER) else { return Ok(rules.deadline) };
    match asked.to_str().ok().and_then(|ms| ms.trim().parse::<u64>().ok()) {
        Some(ms) => Ok(Duration::from_millis(ms.max(1)).min(rules.deadline)),
        None => {
            let message = format!("the header `{TIMEOUT_HEADER}` is not a number of milliseconds");
            let refusal = Refusal::new(Kind::BadInput, "invalid_header", message);
            Err(Box::new(refusal.hint("send a whole number, or leave it out")))
        }
    }
}
