//! The routes, and what all of them share.

use crate::admission::Admits;
use crate::rows::serve;
use crate::{chat, embeddings, gatekeeper, health, models, ollama, openapi, providers, refusal};
use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use caller::Role;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use listener::{Certificate, ServeError};
use matrix::Matrix;
use measure::{Admission, Count, Metrics, RouteMetrics};
use origin::{Allowed, Proxies};
use routes::{Head, Need, Row, Terms};
use settings::Server;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::Dialect;
use wire::openai::Limits;

/// The most messages one chat may hold.
const MESSAGES_MAX: usize = 10_000;

/// What the binary hands to the door.
pub struct Parts {
    /// The engine that answers.
    pub matrix: Arc<Matrix>,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// The section `[server]` of the settings.
    pub server: Server,
    /// Whether to serve `/v1`.
    pub api: bool,
    /// Who lets callers in.
    pub admits: Arc<dyn Admits>,
    /// What is served beside.
    pub rows: Vec<Row>,
}

/// One version of the limits; swapped whole when settings are reloaded.
pub(crate) struct Rules {
    pub(crate) terms: Arc<Terms>,
    pub(crate) in_flight_max: usize,
    pub(crate) allowed: Allowed,
    pub(crate) proxies: Proxies,
}

impl Rules {
    fn new(server: &Server, guarded: &Arc<AtomicBool>, cut: &CancellationToken) -> Self {
        let terms = Terms {
            body_bytes_max: server.body_bytes_max,
            body_read: Duration::from_millis(server.body_read_ms),
            deadline: Duration::from_millis(server.deadline_ms),
            keepalive_first: Duration::from_millis(server.keepalive_first_ms),
            keepalive: Duration::from_millis(server.keepalive_ms),
            chat: Limits { n_max: u64::from(server.n_max), messages_max: MESSAGES_MAX },
            cut: cut.clone(),
        };
        Self {
            terms: Arc::new(terms),
            in_flight_max: server.in_flight_max,
            allowed: Allowed::new(server, Arc::clone(guarded)),
            proxies: Proxies::new(&server.trusted_proxies),
        }
    }
}

/// The state behind every route. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) matrix: Arc<Matrix>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) rules: ArcSwap<Rules>,
    /// The certificate in force.
    pub(crate) tls: Certificate,
    /// Whether callers need a key; the rules look at it too.
    guarded: Arc<AtomicBool>,
    pub(crate) draining: AtomicBool,
    /// Cancelled when the time to drain is over: streams that are still open say so and end.
    pub(crate) cut: CancellationToken,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) started_unix: u64,
    pub(crate) started: Instant,
    pub(crate) admits: Arc<dyn Admits>,
    api: bool,
    /// What is served beside the door's own.
    rows: Vec<Row>,
    /// Everything that is served.
    pub(crate) heads: Vec<Head>,
    pub(crate) forbidden: Count,
    /// Those of them that are for everybody, or may be: few, for each request goes through them.
    open: Vec<(&'static str, Need)>,
    /// Paths as metrics name them.
    routes: Vec<&'static str>,
    figures: HashMap<&'static str, RouteMetrics>,
    other: RouteMetrics,
}

/// Who may chat.
const CHATS_NEED: Need = Need::Role(Role::User);

/// What the door itself serves.
pub(crate) fn own(serves_api: bool) -> Vec<Row<App>> {
    let row = |method, path, need, handler: MethodRouter<App>| {
        Row::new(method, path, need, handler, openapi::operation(path))
    };
    let viewer = Need::Role(Role::Viewer);
    let mut rows = vec![
        row(Method::GET, "/livez", Need::Nobody, get(health::live)),
        row(Method::GET, "/readyz", Need::Nobody, get(health::ready)),
        row(Method::GET, "/metrics", Need::Figures, get(health::metrics)),
        row(Method::GET, "/api/openapi.json", viewer, get(openapi::serve)),
        row(Method::GET, "/", Need::Nobody, get(health::welcome)),
    ];
    if serves_api {
        rows.extend(chat::PATHS.map(|(path, _)| Row::ahead(Method::POST, path, CHATS_NEED, openapi::operation(path))));
        rows.extend([
            row(Method::POST, "/v1/messages/count_tokens", Need::Role(Role::User), post(chat::count)),
            row(Method::POST, "/v1/embeddings", Need::Role(Role::User), post(embeddings::embed)),
            row(Method::POST, "/api/embed", Need::Role(Role::User), post(embeddings::embed_ollama)),
            providers::row(),
            row(Method::GET, "/api/tags", viewer, get(ollama::tags)),
            row(Method::POST, "/api/show", viewer, post(ollama::show)),
            row(Method::GET, "/api/version", viewer, get(ollama::version)),
            row(Method::GET, "/v1/models", viewer, get(models::list)),
            row(Method::GET, "/v1/models/{*id}", viewer, get(models::one)),
        ]);
    }
    rows
}

impl App {
    /// Puts the routes together.
    pub fn new(parts: Parts) -> Self {
        let Parts { matrix, metrics, server, api: serves_api, admits, rows } = parts;
        let own = own(serves_api);
        let heads: Vec<Head> =
            own.into_iter().map(|row| row.head).chain(rows.iter().map(|row| row.head.clone())).collect();
        let mut paths: Vec<&'static str> = heads.iter().map(|head| head.path).collect();
        paths.retain(|path| !path.contains('{'));
        paths.dedup();
        let figures = paths.iter().map(|path| (*path, metrics.route("http", path))).collect();
        let open = heads.iter().map(|head| (head.path, head.need));
        let open = open.filter(|(_, need)| matches!(need, Need::Nobody | Need::Figures)).collect();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let (guarded, cut) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let inner = Inner {
            rules: ArcSwap::from_pointee(Rules::new(&server, &guarded, &cut)),
            tls: Certificate::default(),
            guarded,
            draining: AtomicBool::new(false),
            cut,
            in_flight: AtomicUsize::new(0),
            started_unix: now.as_secs(),
            started: Instant::now(),
            api: serves_api,
            routes: paths,
            figures,
            open,
            other: metrics.route("http", "other"),
            forbidden: metrics.access().admission(Admission::Forbidden).clone(),
            admits,
            rows,
            heads,
            matrix,
            metrics,
        };
        Self(Arc::new(inner))
    }

    /// Takes over the limits and the certificate of other settings; [`listener::check_tls`] tells beforehand whether the
    /// certificate can be served. Where the server listens, whether it encrypts, how many connections it holds,
    /// `header_read_ms`, `header_bytes_max`, `drain_ms`, and how long a client may take nothing (`stream_idle_ms`, whose
    /// other half follows) are fixed at the start.
    pub fn reload(&self, server: &Server) {
        self.0.rules.store(Arc::new(Rules::new(server, &self.0.guarded, &self.0.cut)));
        self.0.tls.reload(server);
    }

    /// Takes the certificate that settings name, before anybody is told that connections are encrypted: from then on it
    /// may change. [`crate::serve()`] does so too where nobody did.
    ///
    /// # Errors
    /// [`ServeError::Certificate`].
    pub fn encrypt(&self, server: &Server) -> Result<(), ServeError> {
        self.0.tls.start(server)
    }

    /// Says whether callers need a key. A guarded server may be called by any address of its machine: it need not
    /// fear a page that makes a browser call it, for pages have no key.
    pub fn set_guarded(&self, guarded: bool) {
        self.0.guarded.store(guarded, Ordering::Relaxed);
    }

    /// Within what a request that comes now is read and answered.
    pub(crate) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.0.rules.load().terms)
    }

    /// Whether the server is on its way out.
    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Everything that is served, for whoever asks in process.
    pub fn router(&self) -> Router {
        let (app, routes) = (self.clone(), self.routes());
        Router::new().fallback(move |request: Request| gatekeeper::keep(app.clone(), routes.clone(), request))
    }

    /// Answers one request in process, as if a client had sent it.
    pub async fn answer(&self, request: http::Request<Bytes>) -> (StatusCode, Bytes) {
        let answered = gatekeeper::keep(self.clone(), self.routes(), request.map(Body::from)).await;
        let (parts, body) = answered.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes());
        (parts.status, body.unwrap_or_default())
    }

    /// Everything that is served, without the gatekeeper before it.
    pub(crate) fn routes(&self) -> Router {
        let own = own(self.0.api).into_iter().map(|row| row.with_state(self));
        own.chain(self.0.rows.iter().cloned())
            .fold(Router::new(), |router, row| serve(row, router, self))
            .with_state(())
            .fallback(refusal::no_such_path)
            .method_not_allowed_fallback(refusal::wrong_method)
            .with_state(self.clone())
    }

    /// The methods that a path is served with.
    pub(crate) fn methods(&self, path: &str) -> Vec<&str> {
        let fits = |head: &&Head| same_shape(head.path, path);
        self.0.heads.iter().filter(fits).filter_map(|head| head.method.as_ref().map(Method::as_str)).collect()
    }

    /// The dialect of a chat, and who may have one. Chats are most of what a server is asked: they do not take the way
    /// through the router, whose futures, boxed twice, were a tenth of what a chat costs.
    pub(crate) fn chat(&self, request: &Request) -> Option<(Dialect, Need)> {
        let is_chat = self.0.api && request.method() == Method::POST;
        let found = || chat::PATHS.into_iter().find(|(path, _)| *path == request.uri().path());
        is_chat.then(found).flatten().map(|(_, dialect)| (dialect, CHATS_NEED))
    }

    /// Whether a path is for everybody.
    pub(crate) fn is_public(&self, path: &str) -> bool {
        let is_open = |need| need == Need::Nobody || (need == Need::Figures && self.0.admits.metrics_open());
        self.0.open.iter().any(|(open, need)| *open == path && is_open(*need))
    }

    /// The paths that are served, without those that hold a name.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.0.routes.iter().copied().filter(|path| *path != "/")
    }

    pub(crate) fn route_metrics(&self, path: &str) -> &RouteMetrics {
        // Of a path and one below it each has its own figures.
        let above = || path.rmatch_indices('/').map(|(at, _)| &path[..at]).find_map(|above| self.0.figures.get(above));
        self.0.figures.get(path).or_else(above).unwrap_or(&self.0.other)
    }
}

/// Whether a path fits a pattern with names in braces; `{*name}` fits whatever is left.
fn same_shape(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        let Some(part) = parts.next() else { return false };
        if wanted.starts_with("{*") {
            return !part.is_empty();
        }
        let fits = wanted == part || (wanted.starts_with('{') && !part.is_empty());
        if !fits {
            return false;
        }
    }
    parts.next().is_none()
}
