//! What is served, one row for each method of each path, with who may ask for it.
//!
//! A row cannot be made without saying who may use it: nothing is served by accident.

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, Route};
use caller::Role;
use http::Method;
use serde_json::Value;
use std::convert::Infallible;
use tower::{Layer, Service};

/// Who may use a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Everybody, without a credential: whether the server lives and is ready, and its name.
    Nobody,
    /// Whoever may see figures: viewers, or everybody where `access.metrics_open` says so.
    Figures,
    /// This role and those above.
    Role(Role),
}

/// What is known about a row without serving it.
#[derive(Debug, Clone)]
pub struct Head {
    /// The path, with names in braces.
    pub path: &'static str,
    /// The method; `None` for a router that answers all of them, and everything below its path.
    pub method: Option<Method>,
    /// Who may use it.
    pub need: Need,
    /// The operation as OpenAPI describes it.
    pub operation: Value,
}

/// One method of one path, whose handler still needs a state `S`.
#[derive(Clone)]
pub struct Row<S = ()> {
    /// What is known about it.
    pub head: Head,
    served: Served<S>,
}

#[derive(Clone)]
enum Served<S> {
    Method(Box<MethodRouter<S>>),
    Below(Router),
    Ahead,
}

impl<S: Clone + Send + Sync + 'static> Row<S> {
    /// One method of one path.
    pub fn new(method: Method, path: &'static str, need: Need, handler: MethodRouter<S>, operation: Value) -> Self {
        Self { head: Head { path, method: Some(method), need, operation }, served: Served::Method(Box::new(handler)) }
    }

    /// Everything below a path, answered by a router of its own.
    pub fn nested(path: &'static str, need: Need, router: Router) -> Self {
        Self { head: Head { path, method: None, need, operation: Value::Null }, served: Served::Below(router) }
    }

    /// One method of one path whose requests never come as far as the router: somebody ahead of it answers them. The
    /// router only has to know that the path is there.
    pub fn ahead(method: Method, path: &'static str, need: Need, operation: Value) -> Self {
        Self { head: Head { path, method: Some(method), need, operation }, served: Served::Ahead }
    }

    /// The row with the state that its handler needs.
    pub fn with_state(self, state: &S) -> Row {
        let served = match self.served {
            Served::Method(handler) => Served::Method(Box::new(handler.with_state(state.clone()))),
            Served::Below(router) => Served::Below(router),
            Served::Ahead => Served::Ahead,
        };
        Row { head: self.head, served }
    }
}

impl Row {
    /// Adds the row to a router, behind whatever lets requests pass.
    pub fn serve<L>(self, router: Router, behind: L) -> Router
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        match self.served {
            Served::Below(nested) => router.nest(self.head.path, nested.layer(behind)),
            Served::Method(handler) => router.route(self.head.path, handler.route_layer(behind)),
            Served::Ahead => router.route(self.head.path, MethodRouter::new()),
        }
    }
}
