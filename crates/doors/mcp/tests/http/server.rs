//! The door behind a listener on loopback, with a tool that answers and one that waits.

use axum::extract::Request;
use axum::{Router, middleware};
use caller::{
    Caller, Content, Guest, Identity, LinksFuture, ReadFuture, ResourceLink, ResourceTemplate, Resources, Role, Tool,
    ToolFault, ToolFuture, ToolSpec,
};
use fault::Kind;
use mcp_door::{McpConfig, McpDoor};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;
pub(crate) const SESSIONS_MAX: usize = 3;
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) door: McpDoor,
    watched: Arc<Watched>,
}

#[derive(Default)]
struct Watched {
    started: AtomicUsize,
    dropped: AtomicUsize,
}

struct Ask;

struct Wait(Arc<Watched>);

struct Running(Arc<Watched>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn spec(name: &'static str, title: &'static str) -> ToolSpec {
    ToolSpec {
        name,
        title,
        description: "For tests.".to_owned(),
        input_schema: json!({ "type": "object" }),
        output_schema: json!({ "type": "object" }),
        read_only: true,
        destructive: false,
        idempotent: false,
        open_world: true,
        role: Role::User,
    }
}

impl Tool for Ask {
    fn spec(&self) -> ToolSpec {
        let prompt = json!({ "prompt": { "type": "string" } });
        let answer = json!({ "answer": { "type": "string" }, "agreement": { "type": "object" } });
        ToolSpec {
            input_schema: json!({ "type": "object", "properties": prompt, "required": ["prompt"] }),
            output_schema: json!({ "type": "object", "properties": answer, "required": ["answer", "agreement"] }),
            ..spec("ask", "Ask")
        }
    }

    fn call<'a>(&'a self, caller: &'a Caller, arguments: Value) -> ToolFuture<'a> {
        Box::pin(async move {
            assert_eq!(caller.request_id.len(), "req_".len() + 32);
            assert!(caller.deadline <= tokio::time::Instant::now() + DEADLINE);
            match arguments["prompt"].as_str() {
                Some(prompt) => Ok(json!({ "answer": prompt, "agreement": { "share": 1.0 } })),
                None => Err(ToolFault::bad_input("`prompt` is missing", "say what to ask".to_owned())),
            }
        })
    }
}

/// Answers with more than stands in an answer.
struct Large;

impl Tool for Large {
    fn spec(&self) -> ToolSpec {
        // Longer than a core tool may be named.
        spec("large_answers_with_a_link", "Large")
    }

    fn call<'a>(&'a self, _caller: &'a Caller, _arguments: Value) -> ToolFuture<'a> {
        Box::pin(async { Ok(json!({ "cut": true, "resource_link": whole().to_value() })) })
    }
}

/// Where the rest of a large answer is.
pub(crate) fn whole() -> ResourceLink {
    ResourceLink {
        uri: "kept://7".to_owned(),
        name: "the whole answer".to_owned(),
        description: String::new(),
        mime: "application/json".to_owned(),
        size: Some(10),
    }
}

struct Shelf;

impl Resources for Shelf {
    fn templates(&self) -> Vec<ResourceTemplate> {
        let (name, description) = ("kept", "Answers that were too large.");
        vec![ResourceTemplate { uri: "kept://{id}", name, description, mime: "application/json" }]
    }

    fn list<'a>(&'a self, caller: &'a Caller) -> LinksFuture<'a> {
        Box::pin(async move { Ok(if &*caller.guest.identity.subject == "local" { vec![whole()] } else { Vec::new() }) })
    }

    fn read<'a>(&'a self, _caller: &'a Caller, uri: &'a str) -> ReadFuture<'a> {
        Box::pin(async move {
            if uri != "kept://7" {
                let fault = ToolFault::bad_input(format!("there is no `{uri}`"), "read `kept://7`".to_owned());
                return Err(ToolFault { kind: Kind::NotFound, ..fault });
            }
            Ok(Content { bytes: b"[1, 2, 3]".to_vec(), mime: "application/json".to_owned() })
        })
    }
}

impl Tool for Wait {
    fn spec(&self) -> ToolSpec {
        ToolSpec { role: Role::Operator, ..spec("wait", "Wait") }
    }

    fn call<'a>(&'a self, _caller: &'a Caller, _arguments: Value) -> ToolFuture<'a> {
        Box::pin(async move {
            self.0.started.fetch_add(1, Ordering::SeqCst);
            let _running = Running(Arc::clone(&self.0));
            std::future::pending().await
        })
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let watched = Arc::new(Watched::default());
        let door = McpDoor::new(McpConfig {
            tools: vec![Arc::new(Ask), Arc::new(Wait(Arc::clone(&watched)))],
            toolsets: vec![("answers".to_owned(), vec![Arc::new(Large)]), ("none".to_owned(), Vec::new())],
            resources: vec![Arc::new(Shelf)],
            allowed_hosts: vec!["mcp.example".to_owned()],
            allowed_origins: vec!["https://app.example".to_owned()],
            deadline: DEADLINE,
            server_version: "9.9.9".to_owned(),
            body_bytes_max: BODY_BYTES_MAX,
            sessions_max: SESSIONS_MAX,
            ..McpConfig::default()
        })
        .expect("a door");
        let routes = door.routes(CancellationToken::new()).layer(middleware::map_request(let_in));
        let app = Router::new().nest("/mcp", routes);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, door, watched }
    }

    pub(crate) async fn until_started(&self, count: usize) {
        until(&self.watched.started, count).await;
    }

    /// Well before the deadline would have dropped it.
    pub(crate) async fn until_dropped(&self, count: usize) {
        until(&self.watched.dropped, count).await;
    }
}

async fn until(counter: &AtomicUsize, count: usize) {
    let reached = async {
        while counter.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE / 2, reached).await.expect("in time");
}

/// Stands in for the listener that asks who comes: the header `x-as` says `subject:role`, `nobody` is not let in.
async fn let_in(mut request: Request) -> Request {
    let named = request.headers().get("x-as").and_then(|named| named.to_str().ok()).unwrap_or("local:admin").to_owned();
    if let Some((subject, role)) = named.split_once(':') {
        let identity = Identity { subject: subject.into(), tenant: "acme".into(), role: role.parse().expect("a role") };
        let guest = Guest { identity: Arc::new(identity), ..Guest::local() };
        request.extensions_mut().insert(guest);
    }
    request
}
