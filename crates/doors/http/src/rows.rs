//! How rows are served: behind the question who asks; and how all of them are described.

use crate::app::App;
use crate::refusal::Shaped;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use caller::{Guest, Role};
use futures_util::future::{Either, Ready, ready};
use routes::{Arrival, Head, Need, Refusal, Row};
use serde_json::{Map, Value, json};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Adds a row to a router, behind the question who asks.
pub(crate) fn serve(row: Row, router: Router, app: &App) -> Router {
    let asked = Demand { app: app.clone(), need: row.head.need };
    row.serve(router, asked)
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
        let refusal = self.app.demand(self.need, role).err()?;
        let id = request.extensions().get::<Arrival>().map(|arrival| arrival.id.to_string()).unwrap_or_default();
        Some(refusal.for_path(request.uri().path(), &id))
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
    /// Whether whoever has this role, or none, may use what needs that.
    pub(crate) fn demand(&self, need: Need, role: Option<Role>) -> Result<(), Box<Refusal>> {
        let fits = match need {
            Need::Nobody => true,
            Need::Figures => role.is_some() || self.0.admits.metrics_open(),
            Need::Role(least) => role.is_some_and(|role| role >= least),
        };
        if fits { Ok(()) } else { Err(Box::new(self.forbidden(role, need))) }
    }

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
