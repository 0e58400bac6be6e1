//! What tests of resources share: a server over scripted models, asked in process, with a role in place of a key.

use crate::Services;
use ::audit::Audit;
use access::{Flags, Keys};
use axum::body::Body;
use books::Books;
use caller::{Guest, Identity, Role};
use http::{HeaderMap, Request, StatusCode};
use http_door::{Admits, Admitted, App, Parts};
use load::history::History;
use matrix::Matrix;
use measure::Metrics;
use routes::{Need, Refusal, Row};
use serde_json::{Value, json};
use settings::Settings;
use std::net::IpAddr;
use std::sync::Arc;
use store::{Config, Store};
use tempfile::TempDir;
use testkit::Heard;
use tower::ServiceExt;

/// What resources stand on, in a folder of their own.
pub(crate) struct Ground {
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Store,
    pub(crate) matrix: Arc<Matrix>,
    pub(crate) audit: Arc<Audit>,
    _folder: TempDir,
}

impl Ground {
    pub(crate) async fn new(settings: &str) -> Self {
        let settings: Settings = toml::from_str(settings).unwrap();
        let (folder, metrics) = (TempDir::new().unwrap(), Metrics::new("test"));
        let store = Config::new(&settings.store, folder.path()).unwrap();
        let store = Store::open(&store, metrics.store()).await.unwrap();
        let kinds = vec![models::openai::KIND, models::scripted::KIND];
        let matrix = Arc::new(Matrix::new(&settings, kinds, Arc::clone(&metrics)).unwrap());
        let audit = Arc::new(Audit::open(store.clone(), metrics.access()).await.unwrap());
        Self { settings, metrics, store, matrix, audit, _folder: folder }
    }

    pub(crate) async fn services(&self) -> Services {
        let (settings, figures) = (&self.settings, self.metrics.access());
        let books = Books::open(self.store.clone(), &settings.budget, &settings.ledger, figures.clone()).await;
        Services {
            keys: Arc::new(Keys::open(&self.store, &settings.access, figures).await.unwrap()),
            books: books.unwrap(),
            audit: Arc::clone(&self.audit),
            flags: Arc::new(Flags::new(&settings.flag, &self.metrics)),
            load: Arc::new(History::open(&self.store).await.unwrap()),
            matrix: Arc::clone(&self.matrix),
        }
    }

    /// A server of these rows alone.
    pub(crate) fn app(&self, rows: Vec<Row>) -> App {
        App::new(Parts {
            matrix: Arc::clone(&self.matrix),
            metrics: Arc::clone(&self.metrics),
            server: self.settings.server.clone(),
            api: false,
            admits: Arc::new(Desk),
            rows,
        })
    }
}

/// Lets everybody in by the role named in place of a key, of the tenant `acme` or the one behind an `@`.
struct Desk;

impl Admits for Desk {
    fn admit(&self, headers: &HeaderMap, _: IpAddr) -> Admitted {
        let key = headers.get("x-api-key").map_or("admin", |key| key.to_str().unwrap());
        let (role, tenant) = key.split_once('@').unwrap_or((key, "acme"));
        let identity = Identity { subject: key.into(), tenant: tenant.into(), role: role.parse().unwrap() };
        Admitted::Now(Ok(Guest { identity: Arc::new(identity), ..Guest::local() }))
    }
}

/// Asks as somebody.
pub(crate) fn request(role: &str, method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("host", "localhost").header("x-api-key", role);
    request.body(body.into()).unwrap()
}

pub(crate) async fn call(app: &App, request: Request<Body>) -> Heard {
    Heard::of(app.router().oneshot(request).await.unwrap()).await
}

/// A refusal as tests look at it.
pub(crate) fn told(refusal: &Refusal) -> Value {
    let hint = refusal.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    json!({ "error": { "code": refusal.code, "message": format!("{}{hint}", refusal.message) } })
}

/// Tries these rows in every role.
pub(crate) async fn closed_to_lower_roles(app: &App, rows: &[Row], least: usize) {
    assert!(rows.len() >= least, "{}", rows.len());
    for head in rows.iter().map(|row| &row.head) {
        let (method, path) = (head.method.as_ref().unwrap(), head.path.replace(['{', '}'], ""));
        for role in Role::ALL {
            let closed = matches!(head.need, Need::Role(least) if role < least);
            let reply = call(app, request(role.name(), method.as_str(), &path, "{}")).await;
            assert_eq!(reply.status == StatusCode::FORBIDDEN, closed, "{method} {path} as {role}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn every_row_is_closed_to_whoever_lacks_its_role() {
    let ground = Ground::new("").await;
    let services = ground.services().await;
    let app = ground.app(crate::rows(&services));
    closed_to_lower_roles(&app, &crate::rows(&services), 20).await;
}
