//! `POST /v1/chat/completions`.

use crate::app::{App, Rules};
use crate::gatekeeper::Arrival;
use crate::refusal::Refusal;
use crate::{body, served, sse};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use caller::{Caller, Class};
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
    request: Request,
) -> Response {
    let rules = app.0.rules.load_full();
    let (parts, body) = request.into_parts();
    let read = async {
        let bytes = body::read(&parts.headers, body, &rules).await?;
        ChatRequest::parse(bytes, &rules.chat).map_err(|error| Box::new(Refusal::of(&error)))
    };
    let request = match read.await {
        Ok(request) => request,
        Err(refusal) => return refusal.openai(&arrival.id),
    };
    let caller = Caller {
        request_id: Arc::clone(&arrival.id),
        class: Class::Normal,
        deadline: arrival.at + deadline(&parts.headers, &rules),
    };
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
            served::stream(sse::single(stream, Arc::clone(&arrival.id)), Some(&report))
        }
        Err(error) => Refusal::of_ask(&error).openai(&arrival.id),
    }
}

pub(crate) fn note_overhead(app: &App, arrival: &Arrival, report: &mut matrix::Report, waited: Duration) {
    let total = arrival.at.elapsed();
    report.set_overhead(total, waited);
    app.route_metrics("/v1/chat/completions").overhead(total.saturating_sub(waited));
}

fn deadline(headers: &HeaderMap, rules: &Rules) -> Duration {
    let asked = headers.get(TIMEOUT_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    asked.map_or(rules.deadline, |ms: u64| Duration::from_millis(ms.max(1)).min(rules.deadline))
}
