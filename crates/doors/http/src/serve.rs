//! The listener: bounded connections, bounded headers, an orderly end.

use crate::app::App;
use crate::socket::Socket;
use axum::Router;
use fault::{Explain, Kind, Origin};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use settings::Server;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the end of requests in progress is looked for while draining.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// How long replies that are complete may take to reach their clients.
const FLUSH: Duration = Duration::from_millis(500);
/// How long streams may take to say that they are cut.
const FAREWELL: Duration = Duration::from_millis(300);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not one.
    #[error("`{bind}` is not an address to listen on: {source}")]
    Address {
        /// What settings say.
        bind: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The address is open to others, and nobody could be told apart.
    #[error("`{bind}` can be reached from other machines, and there are no keys yet to tell callers apart")]
    Open {
        /// What settings say.
        bind: String,
    },
    /// Somebody else listens there.
    #[error("cannot listen on `{bind}`: {source}")]
    Taken {
        /// What settings say.
        bind: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Explain for ServeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "bad_bind_address",
            Self::Open { .. } => "open_bind_refused",
            Self::Taken { .. } => "address_in_use",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Address { .. } | Self::Open { .. } => Kind::BadInput,
            Self::Taken { .. } => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => "write it as `127.0.0.1:8700`".to_owned(),
            Self::Open { .. } => "listen on `127.0.0.1` and put a proxy that checks callers in front".to_owned(),
            Self::Taken { .. } => "stop whoever listens there, or choose another port with `--bind`".to_owned(),
        })
    }
}

/// Listens on an address of this machine alone.
///
/// # Errors
/// [`ServeError`], also for any address that is not loopback: until there are keys the server is open, and an open
/// server may not be reached from outside.
pub async fn bind(bind: &str) -> Result<TcpListener, ServeError> {
    let resolved = tokio::net::lookup_host(bind).await;
    let addresses: Vec<SocketAddr> =
        resolved.map_err(|source| ServeError::Address { bind: bind.to_owned(), source })?.collect();
    if !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(ServeError::Open { bind: bind.to_owned() });
    }
    TcpListener::bind(addresses.as_slice()).await.map_err(|source| ServeError::Taken { bind: bind.to_owned(), source })
}

/// Serves until `stop` is done, then lets requests in progress finish for at most `drain_ms`.
///
/// Streams that are open even then end with an error event; whole replies are just cut.
///
/// While draining the listener stays open, so that `/readyz` can say so; every other new request gets 503.
pub async fn serve(app: App, listener: TcpListener, server: &Server, stop: impl Future<Output = ()>) {
    let door = Door::new(&app, listener, server);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = door.accept_one() => {}
            () = &mut stop => break,
        }
    }
    app.0.draining.store(true, Ordering::Relaxed);
    let drain = Duration::from_millis(server.drain_ms);
    tracing::info!(in_flight = app.0.in_flight.load(Ordering::Relaxed), "draining");
    let idle = async {
        while app.0.in_flight.load(Ordering::Relaxed) > 0 {
            tokio::select! {
                () = door.accept_one() => {}
                () = tokio::time::sleep(DRAIN_LOOK) => {}
            }
        }
    };
    let mut left = FLUSH;
    if tokio::time::timeout(drain, idle).await.is_err() {
        tracing::warn!(in_flight = app.0.in_flight.load(Ordering::Relaxed), "cut off after `drain_ms`");
        app.0.cut.cancel();
        left = FAREWELL;
    }
    // Nothing else is begun: what is left are idle connections, and replies on their last bytes.
    let _ = tokio::time::timeout(left, door.connections.shutdown()).await;
}

fn protocol(server: &Server) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(server.header_read_ms))
        .max_header_size(server.header_bytes_max)
        .max_buf_size(server.header_bytes_max);
    http
}

/// What connections are made with.
struct Door {
    app: App,
    router: Router,
    listener: TcpListener,
    room: Arc<Semaphore>,
    http: http1::Builder,
    stall_max: Duration,
    connections: GracefulShutdown,
}

impl Door {
    fn new(app: &App, listener: TcpListener, server: &Server) -> Self {
        Self {
            app: app.clone(),
            router: app.router(),
            listener,
            room: Arc::new(Semaphore::new(server.connections_max)),
            http: protocol(server),
            stall_max: Duration::from_millis(server.stream_idle_ms),
            connections: GracefulShutdown::new(),
        }
    }

    async fn accept_one(&self) {
        // Whoever finds no room waits in the system's queue, which is bounded too.
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return };
        let stream = match self.listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                return tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        };
        let level = self.app.0.metrics.connections_open().enter();
        let socket = TokioIo::new(Socket::new(stream, self.stall_max));
        let connection = self.http.serve_connection(socket, TowerToHyperService::new(self.router.clone()));
        let connection = self.connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop((permit, level));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_is_listened_on() {
        let refused = bind("0.0.0.0:0").await.unwrap_err();
        assert!(matches!(refused, ServeError::Open { .. }), "{refused}");
        assert!(matches!(bind("nonsense").await.unwrap_err(), ServeError::Address { .. }));
        let taken = bind("localhost:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert!(matches!(bind(&address).await.unwrap_err(), ServeError::Taken { .. }));
    }
}
