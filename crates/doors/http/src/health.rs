//! What watches over the server: alive, ready, figures, and a word of welcome.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the database may take to answer before the server is not ready.
const HEALTHY_WITHIN: Duration = Duration::from_secs(1);

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

/// Whether requests are welcome: something can be asked, the database answers, and the server is not on its way out.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let models = app.0.matrix.models().len();
    let draining = app.draining();
    let healthy = tokio::time::timeout(HEALTHY_WITHIN, app.0.admits.healthy()).await;
    let trouble = healthy.map_or_else(|_| Some("it does not answer in time".to_owned()), Result::err);
    let ready = models > 0 && !draining && trouble.is_none();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut told = json!({ "ready": ready, "draining": draining, "models": models });
    if let Some(trouble) = trouble {
        told["store"] = trouble.into();
    }
    (status, Json(told)).into_response()
}

pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    app.0.metrics.tasks().set(i64::try_from(tasks).unwrap_or(i64::MAX));
    // Milliseconds of work, which the thread of a thousand connections has not.
    match tokio::task::spawn_blocking(move || app.0.metrics.encode()).await {
        Ok(page) => ([(header::CONTENT_TYPE, measure::CONTENT_TYPE)], page).into_response(),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
