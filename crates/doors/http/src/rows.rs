//! What is served, one row for each method of each path, with who may ask for it.
//!
//! A row cannot be made without saying who may use it: nothing is served by accident.

use crate::app::App;
use crate::gatekeeper::Arrival;
use crate::refusal::Refusal;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::MethodRouter;
use caller::{Guest, Role};
use futures_util::future::{Either, Ready, ready};
use http::Method;
use serde_json::{Map, Value, json};
use std::task::{Context, Poll};
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

    /// The row with the state that its handler needs.
    pub fn with_state(self, state: &S) -> Row {
        let served = match self.served {
            Served::Method(handler) => Served::Method(Box::new(handler.with_state(state.clone()))),
            Served::Below(router) => Served::Below(router),
        };
        Row { head: self.head, served }
    }
}

impl Row {
    /// Adds the row to a router, behind the question who asks.
    pub(crate) fn serve(self, router: Router, app: &App) -> Router {
        let asked = Demand { app: app.clone(), need: self.head.need };
        match self.served {
            Served::Below(nested) => router.nest(self.head.path, nested.layer(asked)),
            Served::Method(handler) => router.route(self.head.path, handler.route_layer(asked)),
        }
    }
}

/// The operations of all rows by path and method, as OpenAPI wants them.
pub(crate) fn operations<'a>(heads: impl Iterator<Item = &'a Head>) -> Value {
    let mut paths = Map::new();
    for head in heads {
        let Some(method) = &head.method else { continue };
        let mut operation = head.operation.clone();
        operation["security"] = match head.need {
            Need::Nobody => json!([]),
            Need::Figures => json!([{ "bearer": [] }, { "x-api-key": [] }, {}]),
            Need::Role(_) => json!([{ "bearer": [] }, { "x-api-key": [] }]),
        };
        if let Need::Role(role) = head.need {
            operation["x-althing-role"] = role.name().into();
        }
        // OpenAPI has no word for a name that spans slashes.
        let path = paths.entry(head.path.replace("{*", "{")).or_insert_with(|| json!({}));
        path[method.as_str().to_ascii_lowercase()] = operation;
    }
    Value::Object(paths)
}

/// Lets through whoever has the role that the row needs.
#[derive(Clone)]
struct Demand {
    app: App,
    need: Need,
}

impl Demand {
    /// Why a request may not pass.
    fn refusal(&self, request: &Request) -> Option<Response> {
        let role = request.extensions().get::<Guest>().map(|guest| guest.identity.role);
        let fits = match self.need {
            Need::Nobody => true,
            Need::Figures => role.is_some() || self.app.0.admits.metrics_open(),
            Need::Role(least) => role.is_some_and(|role| role >= least),
        };
        if fits {
            return None;
        }
        let id = request.extensions().get::<Arrival>().map(|arrival| arrival.id.to_string()).unwrap_or_default();
        Some(self.app.forbidden(role, self.need).for_path(request.uri().path(), &id))
    }
}

impl<S> Layer<S> for Demand {
    type Service = Demanding<S>;

    fn layer(&self, inner: S) -> Demanding<S> {
        Demanding { demand: self.clone(), inner }
    }
}

/// What is behind a demand. Written out, as axum's own way boxes each request's futures twice more.
#[derive(Clone)]
struct Demanding<S> {
    demand: Demand,
    inner: S,
}

impl<S: Service<Request, Response = Response>> Service<Request> for Demanding<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match self.demand.refusal(&request) {
            None => Either::Left(self.inner.call(request)),
            Some(refusal) => Either::Right(ready(Ok(refusal))),
        }
    }
}

impl App {
    /// Why a row is closed to a role.
    fn forbidden(&self, role: Option<Role>, need: Need) -> Refusal {
        self.0.forbidden.inc();
        let needed = match need {
            Need::Role(role) => role,
            Need::Nobody | Need::Figures => Role::Viewer,
        };
        let Some(role) = role else {
            return Refusal::new(fault::Kind::Unauthenticated, "missing_key", "this needs a key")
                .hint("send `authorization: Bearer KEY`");
        };
        let message = format!("this needs the role `{needed}`, and yours is `{role}`");
        Refusal::new(fault::Kind::Forbidden, "role_too_low", message).hint("ask with a key of that role")
    }
}
