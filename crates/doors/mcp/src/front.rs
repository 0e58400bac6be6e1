//! HTTP before and behind the protocol crate's service.
//!
//! Before: the whole body within its limit and its time, then the service. Behind: every refusal as a JSON-RPC error
//! (the service answers some in plain text), an open stream for an answer that takes long (the service of 2026-07-28
//! sends no header before the tool is done, and proxies cut such silence), and an end to listening while draining.

use crate::handler::Handler;
use crate::sessions::{FULL, Sessions};
use crate::{McpDoor, gate};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use caller::Guest;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use rmcp::model::ErrorCode;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long an answer may take before its stream is opened without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The most of a plain-text refusal that is repeated in ours.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;

/// What a stream says while it has nothing to say.
const COMMENT: Bytes = Bytes::from_static(b": working\n\n");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// The protocol for one list of tools.
type Service = StreamableHttpService<Handler, Sessions>;

type Answer = BoxFuture<'static, Response>;

/// What every request needs.
#[derive(Clone)]
struct Front {
    /// What is served at the address itself.
    core: Service,
    /// What is served below it, in the order in which it is named to whoever asks for something else.
    toolsets: Arc<[(Box<str>, Service)]>,
    sessions: Arc<Sessions>,
    drain: CancellationToken,
    body_bytes_max: usize,
    body_wait: Duration,
    patience: Duration,
}

pub(crate) fn routes(door: &McpDoor, drain: CancellationToken) -> Router {
    let toolset =
        any(|State(front): State<Front>, Path(name): Path<String>, request: Request| serve(front, Some(name), request));
    Router::new()
        .route("/", any(|State(front): State<Front>, request: Request| serve(front, None, request)))
        .route("/s/{toolset}", toolset)
        .with_state(Front::new(door, drain))
}

/// The header that names a session.
const SESSION: &str = "mcp-session-id";

/// A session belongs to whoever opened it, where it was opened: to anybody else it does not exist, nor elsewhere.
async fn serve(front: Front, toolset: Option<String>, request: Request) -> Response {
    let Some(service) = front.service(toolset.as_deref()) else {
        return front.no_such_toolset();
    };
    let place = toolset.as_deref().unwrap_or_default();
    let owner = request.extensions().get::<Guest>().map(|guest| owner(guest, place));
    let named = request.headers().get(SESSION).and_then(|id| id.to_str().ok());
    if let (Some(owner), Some(id)) = (&owner, named)
        && front.sessions.is_foreign(id, owner)
    {
        let message = "there is no such session; start a new one";
        return refusal(StatusCode::NOT_FOUND, ErrorCode::INVALID_REQUEST, message, None);
    }
    let opens = named.is_none();
    let sessions = Arc::clone(&front.sessions);
    let response = front.answer(service, request).await;
    let opened = response.headers().get(SESSION).filter(|_| opens).and_then(|id| id.to_str().ok());
    if let (Some(owner), Some(id)) = (owner, opened) {
        sessions.own(id, &owner);
    }
    response
}

/// Whose a session is: a subject alone may be somebody of another tenant too. What a session lists depends on where it
/// was opened.
fn owner(guest: &Guest, place: &str) -> Arc<str> {
    format!("{place}:{}/{}", guest.identity.tenant, guest.identity.subject).into()
}

impl Front {
    fn new(door: &McpDoor, drain: CancellationToken) -> Self {
        let (config, sessions) = (&door.config, Arc::clone(&door.sessions));
        let protocol = StreamableHttpServerConfig::default()
            .with_sse_keep_alive(Some(KEEP_ALIVE))
            .with_json_response(true)
            .with_max_request_body_bytes(config.body_bytes_max);
        let protocol = gate::guard(protocol, &config.allowed_hosts, &config.allowed_origins);
        let service = |handler: Handler| -> Service {
            StreamableHttpService::new(move || Ok(handler.clone()), Arc::clone(&sessions), protocol.clone())
        };
        let toolsets = door.toolsets.iter().map(|(name, handler)| (name.clone(), service(handler.clone()))).collect();
        let core = service(door.handler.clone());
        let (body_bytes_max, body_wait) = (config.body_bytes_max, config.deadline);
        Self { core, toolsets, sessions, drain, body_bytes_max, body_wait, patience: PATIENCE }
    }

    fn service(&self, toolset: Option<&str>) -> Option<Service> {
        let Some(wanted) = toolset else { return Some(self.core.clone()) };
        self.toolsets.iter().find(|(name, _)| **name == *wanted).map(|(_, service)| service.clone())
    }

    /// What was asked for is not repeated: people paste keys into paths.
    fn no_such_toolset(&self) -> Response {
        let names: Vec<String> = self.toolsets.iter().map(|(name, _)| format!("`{name}`")).collect();
        let there =
            if names.is_empty() { "there are none here".to_owned() } else { format!("there are {}", names.join(", ")) };
        let message = format!("there is no such toolset; {there}");
        refusal(StatusCode::NOT_FOUND, ErrorCode::INVALID_REQUEST, &message, None)
    }

    async fn answer(self, service: Service, request: Request) -> Response {
        match *request.method() {
            Method::POST => self.post(service, request).await,
            _ => self.listen(service, request).await,
        }
    }

    /// GET opens a stream without an end, DELETE ends a session.
    async fn listen(self, service: Service, request: Request) -> Response {
        let mut response = readable(service.handle(request).await.map(Body::new), &Bytes::new()).await;
        if response.status() == StatusCode::ACCEPTED {
            // The official Python client takes 202 for a failure to end its session.
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        let drain = self.drain.cancelled_owned();
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(drain)))
    }

    async fn post(self, service: Service, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = match timeout(self.body_wait, Limited::new(body, self.body_bytes_max).collect()).await {
            Ok(Ok(whole)) => whole.to_bytes(),
            Ok(Err(error)) => return self.unread(error.as_ref()),
            Err(_elapsed) => {
                let message = format!("the request's body did not arrive within {} s", self.body_wait.as_secs());
                return refusal(StatusCode::REQUEST_TIMEOUT, ErrorCode::INVALID_REQUEST, &message, None);
            }
        };
        let request = Request::from_parts(parts, Full::new(body.clone()));
        let mut answer: Answer = Box::pin(async move { service.handle(request).await.map(Body::new) });
        match timeout(self.patience, &mut answer).await {
            Ok(response) => readable(response, &body).await,
            Err(_elapsed) => late(answer, request_id(&body)),
        }
    }

    fn unread(&self, error: &(dyn std::error::Error + Send + Sync + 'static)) -> Response {
        if error.is::<LengthLimitError>() {
            let message = format!("the request is larger than {} bytes; send less at once", self.body_bytes_max);
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::INVALID_REQUEST, &message, None);
        }
        refusal(StatusCode::BAD_REQUEST, ErrorCode::INVALID_REQUEST, "the request's body broke off", None)
    }
}

/// A refusal as JSON-RPC, whatever the service wrote; anything else as it is.
async fn readable(response: Response, asked: &Bytes) -> Response {
    let status = response.status();
    if status.as_u16() < 400 || is_json(response.headers()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = Limited::new(body, REFUSAL_BYTES_MAX).collect().await.map(|text| text.to_bytes()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut refused = translate(status, &text, asked);
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name == http::header::ALLOW) {
        refused.headers_mut().insert(name, value.clone());
    }
    refused
}

fn translate(status: StatusCode, text: &str, asked: &Bytes) -> Response {
    let id = request_id(asked);
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE if text.starts_with("fail to deserialize") => unparsed(asked, id),
        StatusCode::INTERNAL_SERVER_ERROR if text.contains(FULL) => {
            let busy = StatusCode::SERVICE_UNAVAILABLE;
            let mut refused = refusal(busy, ErrorCode::INTERNAL_ERROR, "every session is in use; try again", id);
            refused.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            refused
        }
        status if status.is_server_error() => {
            tracing::error!(%status, reason = text, "the MCP service failed");
            refusal(status, ErrorCode::INTERNAL_ERROR, "the server failed to handle the request", id)
        }
        StatusCode::FORBIDDEN => {
            let setting = if text.contains("Host") { "allowed_hosts" } else { "allowed_origins" };
            let message = format!("{text}; the operator can add it to `{setting}`");
            refusal(status, ErrorCode::INVALID_REQUEST, &message, id)
        }
        status => refusal(status, ErrorCode::INVALID_REQUEST, text, id),
    }
}

/// Not JSON at all, or JSON that is no message.
fn unparsed(asked: &Bytes, id: Option<Value>) -> Response {
    let bad = StatusCode::BAD_REQUEST;
    match serde_json::from_slice::<IgnoredAny>(asked) {
        Err(error) => refusal(bad, ErrorCode::PARSE_ERROR, &format!("the body is not JSON: {error}"), None),
        Ok(_) if asked.trim_ascii_start().starts_with(b"[") => {
            refusal(bad, ErrorCode::INVALID_REQUEST, "batches left the protocol in 2025-06-18; send one message", None)
        }
        Ok(_) => refusal(bad, ErrorCode::INVALID_REQUEST, "the body is not a JSON-RPC 2.0 message of MCP", id),
    }
}

fn refusal(status: StatusCode, code: ErrorCode, message: &str, id: Option<Value>) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code.0, "message": message } });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(JSON.as_bytes()))
}

fn request_id(asked: &Bytes) -> Option<Value> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        id: Value,
    }
    let id = serde_json::from_slice::<Envelope>(asked).ok()?.id;
    (id.is_string() || id.is_number()).then_some(id)
}

/// Where a stream that was opened before its answer stands.
enum Late {
    Waiting(Answer, Option<Value>),
    Answering(Body),
}

/// A stream of events that comments while the answer is pending and then carries it. Dropping it, as happens when
/// the client hangs up, drops the answer and with it the tool's work.
fn late(answer: Answer, id: Option<Value>) -> Response {
    let events = stream::unfold(Late::Waiting(answer, id), step);
    let mut response = Response::new(Body::from_stream(events));
    response.headers_mut().insert(CONTENT_TYPE, EVENTS);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn step(late: Late) -> Option<(Result<Bytes, axum::Error>, Late)> {
    let (mut answer, id) = match late {
        Late::Answering(mut body) => {
            let frame = body.frame().await?;
            let bytes = frame.map(|frame| frame.into_data().unwrap_or_default());
            return Some((bytes, Late::Answering(body)));
        }
        Late::Waiting(answer, id) => (answer, id),
    };
    tokio::select! {
        response = &mut answer => {
            let (first, rest) = as_events(response, id).await;
            Some((Ok(first), Late::Answering(rest)))
        }
        () = sleep(KEEP_ALIVE) => Some((Ok(COMMENT), Late::Waiting(answer, id))),
    }
}

/// The answer as it belongs into a stream of events: what to send now, and what follows.
async fn as_events(response: Response, id: Option<Value>) -> (Bytes, Body) {
    let response = readable(response, &Bytes::new()).await;
    if !is_json(response.headers()) {
        return (COMMENT, response.into_body());
    }
    let refused = !response.status().is_success();
    let whole = response.into_body().collect().await.map(|whole| whole.to_bytes()).unwrap_or_default();
    let message = match serde_json::from_slice::<Map<String, Value>>(&whole) {
        // Within a stream only its id leads a refusal back to its request.
        Ok(mut message) if refused => {
            message.insert("id".to_owned(), id.unwrap_or_default());
            Value::Object(message).to_string().into()
        }
        _ => whole,
    };
    // The service and we write JSON without line breaks, so that one line holds it all.
    (Bytes::from([&b"data: "[..], &message, b"\n\n"].concat()), Body::empty())
}

#[cfg(test)]
mod tests;
