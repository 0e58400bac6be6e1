//! What watches over the server: alive, ready, figures, and a word of welcome.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

/// Says what is served here.
pub(crate) async fn welcome(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "name": "althing",
        "version": env!("CARGO_PKG_VERSION"),
        "default_model": app.0.matrix.default_model(),
        "paths": app.paths().collect::<Vec<_>>(),
    }))
}

/// Touches nothing: the process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Whether requests are welcome: something can be asked, and the server is not on its way out.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let models = app.0.matrix.models().len();
    let draining = app.draining();
    let ready = models > 0 && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "draining": draining, "models": models }))).into_response()
}

pub(crate) async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, measure::CONTENT_TYPE)], app.0.metrics.encode()).into_response()
}
