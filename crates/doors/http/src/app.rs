//! The routes, and what all of them share.

use crate::hosts::Allowed;
use crate::{chat, gatekeeper, health, models, openapi, refusal};
use arc_swap::ArcSwap;
use axum::Router;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use matrix::Matrix;
use measure::{Metrics, RouteMetrics};
use settings::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
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
    /// Routers to serve beside ours: where, and what.
    pub nested: Vec<(&'static str, Router)>,
}

/// One version of the limits; swapped whole when settings are reloaded.
pub(crate) struct Rules {
    pub(crate) body_bytes_max: usize,
    pub(crate) body_read: Duration,
    pub(crate) in_flight_max: usize,
    pub(crate) deadline: Duration,
    pub(crate) keepalive_first: Duration,
    pub(crate) keepalive: Duration,
    pub(crate) chat: Limits,
    pub(crate) allowed: Allowed,
}

impl Rules {
    fn new(server: &Server) -> Self {
        Self {
            body_bytes_max: server.body_bytes_max,
            body_read: Duration::from_millis(server.body_read_ms),
            in_flight_max: server.in_flight_max,
            deadline: Duration::from_millis(server.deadline_ms),
            keepalive_first: Duration::from_millis(server.keepalive_first_ms),
            keepalive: Duration::from_millis(server.keepalive_ms),
            chat: Limits { n_max: u64::from(server.n_max), messages_max: MESSAGES_MAX },
            allowed: Allowed::new(server),
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
    pub(crate) draining: AtomicBool,
    /// Cancelled when the time to drain is over: streams that are still open say so and end.
    pub(crate) cut: CancellationToken,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) started_unix: u64,
    api: bool,
    /// Paths as metrics name them.
    routes: Vec<(&'static str, RouteMetrics)>,
    other: RouteMetrics,
    nested: Router,
}

type Routes = Vec<(&'static str, MethodRouter<App>)>;

/// What is always served.
fn watched() -> Routes {
    vec![
        ("/livez", get(health::live)),
        ("/readyz", get(health::ready)),
        ("/metrics", get(health::metrics)),
        ("/api/openapi.json", get(openapi::serve)),
        ("/", get(health::welcome)),
    ]
}

/// What models are asked through.
fn api() -> Routes {
    vec![
        ("/v1/chat/completions", post(chat::complete)),
        ("/v1/models", get(models::list)),
        ("/v1/models/{*id}", get(models::one)),
    ]
}

impl App {
    /// Puts the routes together.
    pub fn new(parts: Parts) -> Self {
        let Parts { matrix, metrics, server, api: serves_api, nested } = parts;
        let asked = if serves_api { api() } else { Vec::new() };
        let paths = asked.iter().chain(&watched()).map(|(path, _)| *path).collect::<Vec<_>>();
        let paths = paths.into_iter().chain(nested.iter().map(|(path, _)| *path)).filter(|path| !path.contains('{'));
        let routes = paths.map(|path| (path, metrics.route("http", path))).collect();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let inner = Inner {
            rules: ArcSwap::from_pointee(Rules::new(&server)),
            draining: AtomicBool::new(false),
            cut: CancellationToken::new(),
            in_flight: AtomicUsize::new(0),
            started_unix: now.as_secs(),
            api: serves_api,
            routes,
            other: metrics.route("http", "other"),
            nested: nested.into_iter().fold(Router::new(), |router, (path, nested)| router.nest(path, nested)),
            matrix,
            metrics,
        };
        Self(Arc::new(inner))
    }

    /// Takes over the limits of other settings. Where the server listens, and how many connections it holds, is
    /// fixed at the start.
    pub fn reload(&self, server: &Server) {
        self.0.rules.store(Arc::new(Rules::new(server)));
    }

    /// Whether the server is on its way out.
    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Everything that is served, as one router.
    pub fn router(&self) -> Router {
        let asked = if self.0.api { api() } else { Vec::new() };
        let ours = asked.into_iter().chain(watched());
        ours.fold(Router::new(), |router, (path, methods)| router.route(path, methods))
            .merge(self.0.nested.clone().with_state(()))
            .fallback(refusal::no_such_path)
            .method_not_allowed_fallback(refusal::wrong_method)
            .with_state(self.clone())
            .layer(middleware::from_fn_with_state(self.clone(), gatekeeper::keep))
    }

    /// The paths that are served, without those that hold a name.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.0.routes.iter().map(|(path, _)| *path).filter(|path| *path != "/")
    }

    pub(crate) fn route_metrics(&self, path: &str) -> &RouteMetrics {
        let named = |(route, _): &&(&str, RouteMetrics)| {
            *route == path || (route.len() > 1 && path.strip_prefix(route).is_some_and(|rest| rest.starts_with('/')))
        };
        self.0.routes.iter().find(named).map_or(&self.0.other, |(_, metrics)| metrics)
    }
}
