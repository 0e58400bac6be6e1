//! What these tests share: an app over scripted models, asked in process or over a socket.

use crate::{Admits, Admitted, App, Parts, serve};
use axum::Router;
use axum::body::Body;
use caller::{Guest, Identity, Role, ToolFault};
use fault::{Kind, Origin, Retry};
use http::{HeaderMap, Request};
use listener::Crew;
use matrix::Matrix;
use measure::Metrics;
use routes::{Need, Row};
use serde_json::{Value, json};
use settings::Settings;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use testkit::Heard;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tower::ServiceExt;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The path of most requests here.
pub(crate) const CHAT: &str = "/v1/chat/completions";
/// Three models that agree, one that never answers, and a panel.
const MODELS: &str = "
    [[provider]]
    name = 's'
    kind = 'scripted'
    models = [
        { name = 'ash', script = { answers = ['yes'] } },
        { name = 'elm', script = { answers = ['yes'] } },
        { name = 'oak', script = { answers = ['yes'] } },
        { name = 'mute', script = { hang_rate = 1.0 } },
        { name = 'slow', script = { latency = { ms = 2000 } } },
        { name = 'broken', script = { error_rate = 1.0, error_status = 500 } },
    ]
    [[panel]]
    name = 'quorum'
    members = ['s/ash', 's/elm', 's/oak']
    [[panel]]
    name = 'late'
    members = ['s/slow']
";

pub(crate) fn settings(server: &str) -> Settings {
    toml::from_str(&format!("[server]\n{server}\n{MODELS}")).unwrap()
}

/// The app with these lines in `[server]`.
pub(crate) fn app(server: &str) -> App {
    app_of(&settings(server), Vec::new())
}

pub(crate) fn app_of(settings: &Settings, nested: Vec<(&'static str, Router)>) -> App {
    let metrics = Metrics::new("test");
    let kinds = vec![::models::openai::KIND, ::models::scripted::KIND];
    let matrix = Arc::new(Matrix::new(settings, kinds, Arc::clone(&metrics)).unwrap());
    let rows = nested.into_iter().map(|(path, router)| Row::nested(path, Need::Role(Role::Viewer), router)).collect();
    let server = settings.server.clone();
    App::new(Parts { matrix, metrics, server, api: true, admits: Arc::new(Desk), rows })
}

/// Lets everybody in as an admin; who names a role in place of a key comes in that role, and `wrong` is nobody's key.
struct Desk;

impl Admits for Desk {
    fn admit(&self, headers: &HeaderMap, _: IpAddr) -> Admitted {
        let key = headers.get("x-api-key").map(|key| key.to_str().unwrap());
        if key == Some("wrong") {
            return Admitted::Later(Box::pin(async { Err(stranger()) }));
        }
        let Some((key, Ok(role))) = key.map(|key| (key, key.parse())) else { return Admitted::Now(Ok(Guest::local())) };
        let identity = Identity { subject: key.into(), tenant: "acme".into(), role };
        Admitted::Now(Ok(Guest { identity: Arc::new(identity), ..Guest::local() }))
    }
}

fn stranger() -> ToolFault {
    ToolFault {
        code: "unknown_key",
        message: "the key is not known".to_owned(),
        kind: Kind::Unauthenticated,
        origin: Origin::Caller,
        retry: Retry::Never,
        hint: None,
        shape: None,
    }
}

pub(crate) async fn call(app: &App, request: Request<Body>) -> Heard {
    call_router(app.router(), request).await
}

pub(crate) async fn call_router(router: Router, request: Request<Body>) -> Heard {
    Heard::of(router.oneshot(request).await.unwrap()).await
}

pub(crate) fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder().method(method).uri(path).header("host", "localhost").body(body.into()).unwrap()
}

pub(crate) async fn get(app: &App, path: &str) -> Heard {
    call(app, request("GET", path, Body::empty())).await
}

pub(crate) async fn post(app: &App, body: impl Into<Body>) -> Heard {
    call(app, request("POST", CHAT, body)).await
}

/// A chat with one message.
pub(crate) fn question(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "is it so?" }] })
}

pub(crate) async fn ask(app: &App, model: &str) -> Heard {
    post(app, question(model).to_string()).await
}

/// The app behind a listener, until it is dropped.
pub(crate) struct Live {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) served: tokio::task::JoinHandle<()>,
}

impl Live {
    pub(crate) async fn start(server: &str) -> Self {
        Self::of(&settings(server), Vec::new()).await
    }

    pub(crate) async fn of(settings: &Settings, nested: Vec<(&'static str, Router)>) -> Self {
        let app = app_of(settings, nested);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let (serving, server) = (app.clone(), settings.server.clone());
        let served = tokio::spawn(async move {
            serve(serving, listener, &server, Crew::start(0), async move { _ = stopped.await }).await.unwrap();
        });
        Self { app, address, stop: Some(stop), served }
    }

    /// Tells it to drain.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes and gives all that comes until the server closes.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A server that has refused need not read the rest.
        let _ = stream.write_all(bytes).await;
        read_all(&mut stream).await
    }

    /// Waits until no connection and no request is left.
    pub(crate) async fn quiet(&self) {
        let metrics = &self.app.0.metrics;
        let empty = || metrics.connections_open().value() == 0 && metrics.requests_in_flight().value() == 0;
        let waiting = async {
            while !empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("connections and requests end");
    }
}

/// Everything until the end or a reset.
pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = async { while matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {} };
    timeout(PATIENCE, read).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}
