//! Replies that carry an answer, with the headers that tell about it.

use crate::dialects;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use matrix::Report;
use serde_json::Value;
use wire::Dialect;
use wire::openai::SIMULATED_HEADER;

/// The header that says whether a cache answered.
const CACHE: HeaderName = HeaderName::from_static("x-althing-cache");
const SERVED_BY: HeaderName = HeaderName::from_static("x-althing-served-by");
const SIMULATED: HeaderName = HeaderName::from_static(SIMULATED_HEADER);
const DEGRADED: HeaderName = HeaderName::from_static("x-althing-degraded");
const OVERHEAD: HeaderName = HeaderName::from_static("x-althing-overhead-ms");
const COST: HeaderName = HeaderName::from_static("x-althing-cost-usd");
/// Proxies such as nginx hold events back unless told otherwise.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Room for so many headers is made at once: ours and those that every answer has.
const HEADERS: usize = 12;

/// A whole reply.
pub(crate) fn whole(body: Bytes, report: &Report) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    tell(headers, report);
    response
}

/// A whole reply that carries no answer of a model.
pub(crate) fn json(body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A stream of events; what is not known before it ends has no report.
pub(crate) fn stream(body: Body, dialect: Dialect, report: Option<&Report>) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(dialects::stream_type(dialect)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    match report {
        Some(report) => tell(headers, report),
        None => _ = headers.insert(CACHE, HeaderValue::from_static("off")),
    }
    response
}

fn tell(headers: &mut HeaderMap, report: &Report) {
    let yes_or_no = |yes| HeaderValue::from_static(if yes { "true" } else { "false" });
    headers.insert(CACHE, HeaderValue::from_static(report.cache));
    headers.insert(SIMULATED, yes_or_no(report.simulated));
    headers.insert(DEGRADED, yes_or_no(report.degraded));
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set(SERVED_BY, &report.served_by);
    set(OVERHEAD, &format!("{:.3}", report.overhead_ms));
    if let Some(cost) = report.cost_usd {
        set(COST, &cost.to_string());
    }
}
