//! The MCP door: shows a list of [`caller::Tool`]s over streamable HTTP and stdio.
//!
//! Both eras of the protocol are served at one address: 2025-11-25 and older with sessions, 2026-07-28 without. The
//! door owns what belongs to the protocol: sessions and their bounds, who may connect from where, how a fault reads
//! to a model, what happens when a client hangs up. It knows tools, never the services or models behind them, and it
//! opens no listener: the binary nests [`McpDoor::routes`] under the HTTP listener's address.

mod call;
mod error;
mod front;
mod gate;
mod handler;
mod read;
mod sessions;
mod shelf;

pub use error::McpError;

use axum::Router;
use caller::{Guest, Resources, Tool};
use handler::Handler;
use measure::Level;
use read::Reading;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use sessions::Sessions;
use shelf::Shelf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// What the door shows, and its limits.
#[derive(Clone)]
pub struct McpConfig {
    /// The tools, in the order in which clients see them.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Further lists of tools by name, each at an address of its own: `s/{name}` below the door's.
    pub toolsets: Vec<(String, Vec<Arc<dyn Tool>>)>,
    /// What can be read by its URI, at every address.
    pub resources: Vec<Arc<dyn Resources>>,
    /// Who speaks over standard input and output. Over HTTP, whoever the listener has let in.
    pub guest: Guest,
    /// Host names (with or without a port) that a request may be addressed to, besides loopback; `*` means any.
    pub allowed_hosts: Vec<String>,
    /// Origins (`https://app.example.com`, `:*` for any port) that a browser may call from, besides loopback; `*`
    /// means any.
    pub allowed_origins: Vec<String>,
    /// How long one call may take.
    pub deadline: Duration,
    /// The version that clients are told.
    pub server_version: String,
    /// The largest request: a body over HTTP, a line over stdio.
    pub body_bytes_max: usize,
    /// The most sessions (2025-11-25 and older) held at once. The longest unused makes room for a new one; a session
    /// without any message for 30 minutes ends by itself.
    pub sessions_max: usize,
    /// Shows how many sessions are held.
    pub sessions_level: Option<Level>,
}

impl Default for McpConfig {
    fn default() -> Self {
        Self {
            tools: Vec::new(),
            toolsets: Vec::new(),
            resources: Vec::new(),
            guest: Guest::local(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            deadline: Duration::from_secs(120),
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            body_bytes_max: 16 * 1024 * 1024,
            sessions_max: 10_000,
            sessions_level: None,
        }
    }
}

/// The MCP server, ready to be nested under a listener or to speak over standard input and output.
///
/// Clones share their sessions.
#[derive(Clone)]
pub struct McpDoor {
    config: Arc<McpConfig>,
    handler: Handler,
    /// By name, in the order of the configuration.
    toolsets: Arc<[(Box<str>, Handler)]>,
    sessions: Arc<Sessions>,
}

impl McpDoor {
    /// Checks the tools and makes the door.
    ///
    /// # Errors
    /// [`McpError`] when a tool or a toolset has a name that clients refuse or that another one has, or a tool a schema
    /// that is not an object.
    pub fn new(config: McpConfig) -> Result<Self, McpError> {
        let reading = Reading::new(config.resources.clone());
        let handler = Handler::new(Shelf::core(config.tools.clone())?, reading.clone(), &config);
        let mut toolsets: Vec<(Box<str>, Handler)> = Vec::with_capacity(config.toolsets.len());
        for (name, tools) in &config.toolsets {
            if !is_toolset(name) || toolsets.iter().any(|(taken, _)| **taken == **name) {
                return Err(McpError::Toolset { name: name.clone() });
            }
            let handler = Handler::new(Shelf::toolset(tools.clone())?, reading.clone(), &config);
            toolsets.push((name.as_str().into(), handler));
        }
        let sessions = Arc::new(Sessions::new(config.sessions_max, config.deadline, config.sessions_level.clone()));
        Ok(Self { config: Arc::new(config), handler, toolsets: toolsets.into(), sessions })
    }

    /// The routes, to be nested under the path that clients connect to (`/mcp`): the tools there, each toolset below
    /// at `s/{name}`. All of them share the bound on sessions; a session is good only where it was opened.
    ///
    /// When `drain` is cancelled, the streams on which clients only listen end, so that a listener can finish
    /// gracefully; calls under way go on until they answer or their deadline passes.
    pub fn routes(&self, drain: CancellationToken) -> Router {
        front::routes(self, drain)
    }

    /// The same door with a toolset in the place of the tools, for one client that has no addresses to choose from;
    /// `None` where there is no such toolset.
    pub fn with_toolset(&self, name: &str) -> Option<Self> {
        let (_, handler) = self.toolsets.iter().find(|(known, _)| **known == *name)?;
        Some(Self { handler: handler.clone(), ..self.clone() })
    }

    /// The names of the toolsets.
    pub fn toolsets(&self) -> impl Iterator<Item = &str> {
        self.toolsets.iter().map(|(name, _)| &**name)
    }

    /// Serves one client over standard input and output until standard input closes.
    ///
    /// Nothing but protocol is written to standard output; calls still running at the end get five seconds.
    ///
    /// # Errors
    /// [`McpError::Stdio`] when the client's first messages break the protocol or the streams fail.
    pub async fn stdio(&self) -> Result<(), McpError> {
        let (reader, writer) = rmcp::transport::stdio_pipes();
        self.serve_lines(reader, writer).await
    }

    /// How many sessions there are now (2025-11-25 and older clients).
    pub fn sessions_active(&self) -> usize {
        self.sessions.active()
    }

    /// The most sessions there may be.
    pub fn sessions_max(&self) -> usize {
        self.config.sessions_max
    }

    /// The size of the answer to `tools/list` in bytes of JSON; about four bytes make a token.
    pub fn list_bytes(&self) -> usize {
        self.handler.shelf().list_bytes()
    }

    async fn serve_lines<R, W>(&self, reader: R, writer: W) -> Result<(), McpError>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let transport = AsyncRwTransport::new_server(reader, writer).with_max_line_length(self.config.body_bytes_max);
        match rmcp::serve_server(self.handler.clone(), transport).await {
            Ok(running) => running.waiting().await.map(|_| ()).map_err(McpError::stdio),
            // The client left before it said anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(McpError::stdio(error)),
        }
    }
}

/// Whether a name can stand in an address as it is.
fn is_toolset(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests;
