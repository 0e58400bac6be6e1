//! What every request passes: an id, the check of host and origin, room, and figures.

use crate::app::{App, Rules};
use crate::refusal::Shaped;
use crate::unread::Unread;
use crate::{admission, chat};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fault::{Kind, Retry};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use measure::{LevelGuard, RouteMetrics};
use routes::{Arrival, Refusal, Refused};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::Service;

/// The header with the id of the request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-althing-request-id");
/// The names by which the official clients look for it: Anthropic's, then OpenAI's.
const REQUEST_ID_ELSEWHERE: [HeaderName; 2] =
    [HeaderName::from_static("request-id"), HeaderName::from_static("x-request-id")];
/// What a page may read of a reply.
const EXPOSED: &str = "x-althing-request-id, request-id, x-request-id, x-althing-served-by, x-althing-cache, \
                       x-althing-cost-usd, x-althing-overhead-ms, x-althing-simulated, x-althing-degraded, x-althing-cursor, mcp-session-id, \
                       retry-after";

/// What is counted when the client left before there was a status: nginx's word for it.
const STATUS_CLIENT_GONE: u16 = 499;
/// The most of a panic's message that is logged.
const PANIC_CHARS_MAX: usize = 500;

/// Answers a request by `routes`, whoever sends it and whatever becomes of it.
pub(crate) async fn keep(app: App, routes: Router, mut request: Request) -> Response {
    let arrival = Arrival { id: caller::new_request_id(), at: Instant::now() };
    let path = request.uri().path().to_owned();
    let mut visit = Visit::new(&app, &path, &arrival);
    let rules = app.0.rules.load_full();
    let origin = request.headers().get(header::ORIGIN).filter(|_| rules.allowed.origin(request.headers())).cloned();
    let unread = Unread::watch(&mut request);
    let mut response = match check(&app, &rules, &request, &path) {
        Err(refusal) => refusal.for_path(&path, &arrival.id),
        Ok(Pass::Preflight) => preflight(request.headers()),
        Ok(Pass::In(room)) => {
            visit.room = room;
            let answered = AssertUnwindSafe(let_in(&app, &rules, &arrival, request, routes)).catch_unwind().await;
            answered
                .unwrap_or_else(|panic| Err(Box::new(panicked(panic.as_ref(), &arrival.id))))
                .unwrap_or_else(|refusal| refusal.for_path(&path, &arrival.id))
        }
    };
    if let Some(Refused(refusal)) = response.extensions_mut().remove::<Refused>() {
        response = refusal.for_path(&path, &arrival.id);
    }
    if let Ok(id) = HeaderValue::try_from(arrival.id.as_ref()) {
        let headers = response.headers_mut();
        if path.starts_with("/v1/") {
            for name in REQUEST_ID_ELSEWHERE {
                headers.insert(name, id.clone());
            }
        }
        headers.insert(REQUEST_ID, id);
    }
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if unread.is_left() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    visit.status = response.status().as_u16();
    response.map(|body| Body::new(Tracked { body, visit, id: arrival.id }))
}

/// Serves whoever is let in. What is for everybody is served without a look at who comes.
async fn let_in(
    app: &App,
    rules: &Rules,
    arrival: &Arrival,
    mut request: Request,
    mut routes: Router,
) -> Result<Response, Box<Refusal>> {
    if !app.is_public(request.uri().path()) {
        let guest = admission::admit(app, &request).known().await?;
        if let Some((dialect, need)) = app.chat(&request) {
            app.demand(need, Some(guest.identity.role))?;
            // Boxed, so that nothing else carries the room that a chat takes.
            return Ok(Box::pin(chat::serve(dialect, app.clone(), arrival.clone(), guest, request)).await);
        }
        request.extensions_mut().insert(guest);
    }
    request.extensions_mut().insert(arrival.clone());
    request.extensions_mut().insert(Arc::clone(&rules.terms));
    routes.call(request).await.map_err(|never| match never {})
}

/// What may be done with a request.
enum Pass {
    /// It is a preflight, which is answered here.
    Preflight,
    /// It is served; those who only watch need no room.
    In(Option<Room>),
}

fn check(app: &App, rules: &Rules, request: &Request, path: &str) -> Result<Pass, Box<Refusal>> {
    check_names(rules, request)?;
    if request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return Ok(Pass::Preflight);
    }
    if matches!(path, "/livez" | "/readyz" | "/metrics") {
        return Ok(Pass::In(None));
    }
    if app.draining() {
        return Err(Box::new(busy("draining", "the server is shutting down").hint("ask again later")));
    }
    let room = Room::enter(app);
    if app.0.in_flight.load(Ordering::Relaxed) > rules.in_flight_max {
        app.0.metrics.shed("server").inc();
        let most = rules.in_flight_max;
        let refusal = busy("overloaded", &format!("{most} requests are being worked on, the most allowed"));
        return Err(Box::new(refusal.hint("ask again later, or raise `server.in_flight_max`")));
    }
    Ok(Pass::In(Some(room)))
}

/// Whether the host and the origin that a request names are welcome.
fn check_names(rules: &Rules, request: &Request) -> Result<(), Box<Refusal>> {
    let Some(host) = origin::named(request.headers(), request.uri()) else {
        let refusal = Refusal::new(Kind::BadInput, "host_missing", "the request does not name one host");
        return Err(Box::new(refusal.hint("send one `host` header")));
    };
    if !rules.allowed.host(host) {
        let refusal = Refusal::new(Kind::Forbidden, "host_not_allowed", "the host that the request names is not ours");
        return Err(Box::new(refusal.hint("add it to `server.allowed_hosts`")));
    }
    if !rules.allowed.origin(request.headers()) {
        let refusal =
            Refusal::new(Kind::Forbidden, "origin_not_allowed", "pages of this origin may not call this server");
        return Err(Box::new(refusal.hint("add the origin to `server.allowed_origins`")));
    }
    Ok(())
}

/// A defect of ours, which only the log may describe.
fn panicked(panic: &(dyn Any + Send), request_id: &str) -> Refusal {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let text: String = text.unwrap_or("not text").chars().take(PANIC_CHARS_MAX).collect();
    tracing::error!(%request_id, panic = %text, "a request met a defect of this server");
    Refusal::new(Kind::Internal, "internal_error", "the request met a defect of this server")
        .hint("report it with the request id; the server's log says more")
}

fn busy(code: &'static str, message: &str) -> Refusal {
    Refusal::new(Kind::Overloaded, code, message).retry(Retry::After(Duration::from_secs(1)))
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"));
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Room for one request, held until its reply has gone out or its client is gone.
struct Room {
    app: App,
    _level: LevelGuard,
}

impl Room {
    fn enter(app: &App) -> Self {
        app.0.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { app: app.clone(), _level: app.0.metrics.requests_in_flight().enter() }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.app.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One request in the figures: counted once its reply has gone out, or its client is gone.
struct Visit {
    route: RouteMetrics,
    at: Instant,
    status: u16,
    room: Option<Room>,
}

impl Visit {
    fn new(app: &App, path: &str, arrival: &Arrival) -> Self {
        Self { route: app.route_metrics(path).clone(), at: arrival.at, status: STATUS_CLIENT_GONE, room: None }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.route.finished(self.status, self.at.elapsed());
    }
}

/// A body that keeps its request's visit going until it has been sent.
struct Tracked {
    body: Body,
    visit: Visit,
    id: Arc<str>,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(context)));
        polled.unwrap_or_else(|panic| {
            // The head has gone out: all that is left is to break off.
            this.visit.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
            this.body = Body::empty();
            panicked(panic.as_ref(), &this.id);
            Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other("internal error")))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
