//! What every request passes: an id, the check of host and origin, room, and figures.

use crate::app::App;
use crate::refusal::Refusal;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fault::{Kind, Retry};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use measure::LevelGuard;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The id of a request and when it came.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) id: Arc<str>,
    pub(crate) at: Instant,
}

/// The header with the id of the request.
const REQUEST_ID: &str = "x-althing-request-id";
/// What a page may read of a reply.
const EXPOSED: &str = "x-althing-request-id, x-althing-served-by, x-althing-cache, x-althing-cost-usd, \
                       x-althing-overhead-ms, mcp-session-id, retry-after";

pub(crate) async fn keep(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let arrival = Arrival { id: format!("req_{:032x}", fastrand::u128(..)).into(), at: Instant::now() };
    let path = request.uri().path().to_owned();
    let rules = app.0.rules.load();
    let origin = request.headers().get(header::ORIGIN).filter(|_| rules.allowed.origin(request.headers())).cloned();
    let mut response = match check(&app, &rules, &request, &path) {
        Err(refusal) => refusal.for_path(&path, &arrival.id),
        Ok(None) => preflight(request.headers()),
        Ok(Some(room)) => {
            drop(rules);
            request.extensions_mut().insert(arrival.clone());
            let response = next.run(request).await;
            response.map(|body| Body::new(Tracked { body, _room: room }))
        }
    };
    if let Ok(id) = HeaderValue::try_from(arrival.id.as_ref()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    app.route_metrics(&path).finished(response.status().as_u16(), arrival.at.elapsed());
    response
}

/// `Ok(None)` is a preflight, which is answered here.
fn check(app: &App, rules: &crate::app::Rules, request: &Request, path: &str) -> Result<Option<Room>, Box<Refusal>> {
    if !rules.allowed.host(request.headers(), request.uri()) {
        let refusal = Refusal::new(Kind::Forbidden, "host_not_allowed", "the host that the request names is not ours");
        return Err(Box::new(refusal.hint("add it to `server.allowed_hosts`")));
    }
    if !rules.allowed.origin(request.headers()) {
        let refusal =
            Refusal::new(Kind::Forbidden, "origin_not_allowed", "pages of this origin may not call this server");
        return Err(Box::new(refusal.hint("add the origin to `server.allowed_origins`")));
    }
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS && asks {
        return Ok(None);
    }
    let watching = matches!(path, "/livez" | "/readyz" | "/metrics");
    if app.draining() && !watching {
        return Err(Box::new(busy("draining", "the server is shutting down")));
    }
    let room = Room::enter(app);
    if !watching && app.0.in_flight.load(Ordering::Relaxed) > rules.in_flight_max {
        app.0.metrics.shed("server").inc();
        let most = rules.in_flight_max;
        let refusal = busy("overloaded", &format!("{most} requests are being worked on, the most allowed"));
        return Err(Box::new(refusal.hint("ask again later, or raise `server.in_flight_max`")));
    }
    Ok(Some(room))
}

fn busy(code: &'static str, message: &str) -> Refusal {
    Refusal::new(Kind::Overloaded, code, message).retry(Retry::After(Duration::from_secs(1)))
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PATCH, DELETE"));
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

/// A body that keeps the request's room until it has been sent.
struct Tracked {
    body: Body,
    _room: Room,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
