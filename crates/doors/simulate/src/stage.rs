//! The server around the scripts.

use crate::cast::{Cast, Scenes};
use crate::delays::{Delays, Take};
use crate::{anthropic, bedrock, delays, embeddings, ollama, openai};
use arc_swap::ArcSwap;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::FutureExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use listener::Crew;
use models::scripted::Act;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use wire::openai::{ChatRequest, Limits, SIMULATED_HEADER};

/// What a request may ask for here.
pub(crate) const LIMITS: Limits = Limits { n_max: 128, messages_max: 100_000 };
/// The largest body read.
const BODY_BYTES_MAX: usize = 64 << 20;

/// How long requests in progress may go on once the server was told to stop.
const DRAIN: Duration = Duration::from_millis(500);
/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Everything that is served.
#[derive(Clone)]
pub struct Stage {
    scenes: Arc<ArcSwap<Scenes>>,
    requests: Arc<AtomicU64>,
    delays: Arc<Delays>,
}

impl Stage {
    /// Plays `cast` from the beginning.
    pub fn new(cast: &Cast) -> Self {
        let scenes = Arc::new(ArcSwap::from_pointee(cast.scenes()));
        Self { scenes, requests: Arc::default(), delays: Arc::default() }
    }

    /// The routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/chat/completions", post(openai::complete))
            .route("/v1/models", get(openai::models))
            .route("/v1/messages", post(anthropic::message))
            .route("/v1/messages/count_tokens", post(anthropic::count))
            .route("/model/{model}/converse", post(bedrock::converse))
            .route("/model/{model}/converse-stream", post(bedrock::stream))
            .route("/model/{model}/invoke", post(bedrock::invoke))
            .route("/v1/embeddings", post(embeddings::embed))
            .route("/api/chat", post(ollama::chat))
            .route("/api/embed", post(embeddings::embed_ollama))
            .route("/api/tags", get(ollama::tags))
            .route("/api/version", get(ollama::version))
            .route("/_script", get(show).post(change))
            .route("/_delays", get(delays::show).delete(delays::forget))
            .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(middleware::map_response(mark))
            .with_state(self.clone())
    }

    pub(crate) fn scenes(&self) -> Arc<Scenes> {
        self.scenes.load_full()
    }

    pub(crate) fn delays(&self) -> &Delays {
        &self.delays
    }

    /// Counts a request whose body has been read and starts its clock.
    pub(crate) fn take(&self) -> Take {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Take::new(Arc::clone(&self.delays))
    }

    /// What happens to a chat, as [`Stage::act`] has it, and whether it is to be streamed; `Err` for what is no chat.
    pub(crate) async fn play(&self, body: Bytes) -> Result<(Act, bool), String> {
        let request = ChatRequest::parse(body, &LIMITS).map_err(|error| error.to_string())?;
        Ok((self.act(&request).await, request.stream()))
    }

    /// What happens to a request, after its latency.
    ///
    /// The timer rounds up to a whole millisecond and never wakes early, so that the true latency is the script's and
    /// a little more. That little is not lost: what is recorded for `GET /_delays` is measured.
    pub(crate) async fn act(&self, request: &ChatRequest) -> Act {
        let act = self.scenes().of(request.model()).next(request, request.model());
        if act.latency > Duration::ZERO {
            tokio::time::sleep(act.latency).await;
        }
        if act.hang {
            std::future::pending::<()>().await;
        }
        act
    }
}

async fn mark(mut response: Response) -> Response {
    response.headers_mut().insert(SIMULATED_HEADER, HeaderValue::from_static("true"));
    response
}

/// Serves until `stop` is done, and then for at most half a second: what hangs on purpose would never end by itself.
///
/// Connections are served by the threads of the `crew`; with none, by the runtime of the caller.
pub async fn serve(stage: &Stage, listener: TcpListener, crew: Crew, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let service = TowerToHyperService::new(stage.router());
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        // Whoever gives up while it waits in line is nobody's error; where no socket is to be had, one may be soon.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Without it the small packets of a stream would wait for acknowledgements.
        let _ = stream.set_nodelay(true);
        let (service, watcher) = (service.clone(), connections.watcher());
        crew.serve(stream, move |stream| {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            watcher.watch(connection).map(drop)
        });
    }
    let _ = tokio::time::timeout(DRAIN, connections.shutdown()).await;
    crew.leave().await;
}

/// A whole JSON reply.
pub(crate) fn whole(status: StatusCode, body: impl Into<Body>, act: Option<&Act>) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body.into()).into_response();
    if let Some(wait) = act.and_then(|act| act.retry_after) {
        response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().into());
    }
    response
}

/// Something that is not JSON.
pub(crate) fn garbage() -> Response {
    whole(StatusCode::OK, "<html>this is not what you asked for", None)
}

async fn show(State(stage): State<Stage>) -> Json<Value> {
    let cast = &stage.scenes().cast;
    Json(json!({ "script": cast, "requests": stage.requests.load(Ordering::Relaxed) }))
}

async fn change(State(stage): State<Stage>, body: Bytes) -> Response {
    match Cast::from_json(&body) {
        Ok(cast) => {
            stage.scenes.store(Arc::new(cast.scenes()));
            (StatusCode::OK, Json(json!({ "script": cast }))).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}
