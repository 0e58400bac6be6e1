//! The listener: bounded connections, bounded headers, an orderly end.

use crate::app::App;
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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// The most headers one request may have.
const HEADERS_MAX: usize = 128;
/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the end of requests in progress is looked for while draining.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

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
/// While draining the listener stays open, so that `/readyz` can say so; every other new request gets 503.
pub async fn serve(app: App, listener: TcpListener, server: &Server, stop: impl Future<Output = ()>) {
    let room = Arc::new(Semaphore::new(server.connections_max));
    let connections = GracefulShutdown::new();
    let http = protocol(server);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = accept_one(&app, &listener, &room, &http, &connections) => {}
            () = &mut stop => break,
        }
    }
    app.0.draining.store(true, Ordering::Relaxed);
    let drain = Duration::from_millis(server.drain_ms);
    tracing::info!(in_flight = app.0.in_flight.load(Ordering::Relaxed), "draining");
    let idle = async {
        while app.0.in_flight.load(Ordering::Relaxed) > 0 {
            tokio::select! {
                () = accept_one(&app, &listener, &room, &http, &connections) => {}
                () = tokio::time::sleep(DRAIN_LOOK) => {}
            }
        }
    };
    if tokio::time::timeout(drain, idle).await.is_err() {
        tracing::warn!(in_flight = app.0.in_flight.load(Ordering::Relaxed), "cut off after `drain_ms`");
        return;
    }
    // Nothing is in progress: what is left are idle connections and replies being flushed.
    let _ = tokio::time::timeout(Duration::from_millis(500), connections.shutdown()).await;
}

fn protocol(server: &Server) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(server.header_read_ms))
        .max_headers(HEADERS_MAX)
        .max_buf_size(server.header_bytes_max);
    http
}

async fn accept_one(
    app: &App,
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    http: &http1::Builder,
    connections: &GracefulShutdown,
) {
    // Whoever finds no room waits in the system's queue, which is bounded too.
    let Ok(permit) = Arc::clone(room).acquire_owned().await else { return };
    let stream = match listener.accept().await {
        Ok((stream, _)) => stream,
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            return tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    };
    let level = app.0.metrics.connections_open().enter();
    let connection = connections.watch(http.serve_connection(io(stream), service(app)));
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop((permit, level));
    });
}

/// A socket that sends small packets at once: the first event of a stream may not wait for an acknowledgement.
fn io(stream: TcpStream) -> TokioIo<TcpStream> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    TokioIo::new(stream)
}

fn service(app: &App) -> TowerToHyperService<axum::Router> {
    TowerToHyperService::new(app.router())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_accepted_socket_has_nodelay() {
        let listener = bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_client, (stream, _)) = (client.unwrap(), accepted.unwrap());
        assert!(io(stream).inner().nodelay().unwrap());
    }

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
