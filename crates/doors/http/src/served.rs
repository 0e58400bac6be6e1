//! Replies that carry an answer, with the headers that tell about it.

use crate::dialects;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use matrix::Report;
use serde_json::Value;
use wire::Dialect;
use wire::openai::SIMULATED_HEADER;

/// The header that says whether a cache answered.
const CACHE: &str = "x-althing-cache";

/// A whole reply.
pub(crate) fn whole(body: Bytes, report: &Report) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    tell(response.headers_mut(), report);
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
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(dialects::stream_type(dialect)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies such as nginx hold events back unless told otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    match report {
        Some(report) => tell(headers, report),
        None => _ = headers.insert(CACHE, HeaderValue::from_static("off")),
    }
    response
}

fn tell(headers: &mut HeaderMap, report: &Report) {
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set("x-althing-served-by", &report.served_by);
    set(CACHE, report.cache);
    set(SIMULATED_HEADER, if report.simulated { "true" } else { "false" });
    set("x-althing-degraded", if report.degraded { "true" } else { "false" });
    set("x-althing-overhead-ms", &format!("{:.3}", report.overhead_ms));
    if let Some(cost) = report.cost_usd {
        set("x-althing-cost-usd", &cost.to_string());
    }
}
