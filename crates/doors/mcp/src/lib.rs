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
mod sessions;
mod shelf;

pub use error::McpError;

use axum::Router;
use caller::{Guest, Tool};
use handler::Handler;
use measure::Level;
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
    sessions: Arc<Sessions>,
}

impl McpDoor {
    /// Checks the tools and makes the door.
    ///
    /// # Errors
    /// [`McpError`] when a tool has a name that clients refuse, a name that another one has, or a schema that is not
    /// an object.
    pub fn new(config: McpConfig) -> Result<Self, McpError> {
        let shelf = Shelf::new(config.tools.clone())?;
        let handler = Handler::new(shelf, &config);
        let sessions = Arc::new(Sessions::new(config.sessions_max, config.deadline, config.sessions_level.clone()));
        Ok(Self { config: Arc::new(config), handler, sessions })
    }

    /// The routes, to be nested under the path that clients connect to (`/mcp`).
    ///
    /// When `drain` is cancelled, the streams on which clients only listen end, so that a listener can finish
    /// gracefully; calls under way go on until they answer or their deadline passes.
    pub fn routes(&self, drain: CancellationToken) -> Router {
        front::routes(&self.config, self.handler.clone(), Arc::clone(&self.sessions), drain)
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

#[cfg(test)]
mod tests;
