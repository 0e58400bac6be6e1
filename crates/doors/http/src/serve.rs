//! Serving: bounded connections, bounded handshakes and headers, an orderly end.

use crate::app::App;
use crate::gatekeeper;
use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::Either;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use listener::{Crew, ServeError, Socket};
use rustls::ServerConfig;
use settings::Server;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

/// How long to wait when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the end of requests in progress is looked for while draining.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// How long replies that are complete may take to reach their clients.
const FLUSH: Duration = Duration::from_millis(500);
/// How long streams may take to say that they are cut.
const FAREWELL: Duration = Duration::from_millis(300);

/// Serves until `stop` is done, then lets requests in progress finish for at most `drain_ms`.
///
/// Streams that are open even then end with an error event; whole replies are just cut.
///
/// While draining the listener stays open, so that `/readyz` can say so; every other new request gets 503. Connections
/// are encrypted where settings name a certificate, whose files are looked at again every few seconds.
///
/// Connections are served by the threads of the `crew`, each with a runtime of its own, so that no request wakes a second
/// thread; with none, by the runtime of the caller.
///
/// # Errors
/// [`ServeError::Certificate`] at once, which [`listener::check_tls`] tells beforehand.
pub async fn serve(
    app: App,
    listener: TcpListener,
    server: &Server,
    crew: Crew,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    app.0.tls.start(server)?;
    let _renewed =
        server.tls.as_ref().map(|_| AbortOnDropHandle::new(tokio::spawn(listener::watch(app.0.tls.clone()))));
    let door = Door::new(&app, listener, server, crew);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = door.accept_one() => {}
            () = &mut stop => break,
        }
    }
    drain(&app, door, Duration::from_millis(server.drain_ms)).await;
    Ok(())
}

/// Lets requests in progress finish.
async fn drain(app: &App, door: Door, drain_max: Duration) {
    app.0.draining.store(true, Ordering::Relaxed);
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
    if tokio::time::timeout(drain_max, idle).await.is_err() {
        tracing::warn!(in_flight = app.0.in_flight.load(Ordering::Relaxed), "cut off after `drain_ms`");
        app.0.cut.cancel();
        left = FAREWELL;
    }
    // Nothing else is begun: what is left are idle connections, and replies on their last bytes.
    let _ = tokio::time::timeout(left, door.connections.shutdown()).await;
    door.crew.leave().await;
}

fn protocol(server: &Server) -> http1::Builder {
    let mut http = http1::Builder::new();
    // What it reads while it answers takes a buffer of its own; the socket tells whether a client has gone.
    http.half_close(true).timer(TokioTimer::new());
    http.header_read_timeout(Duration::from_millis(server.header_read_ms))
        .max_header_size(server.header_bytes_max)
        .max_buf_size(server.header_bytes_max);
    http
}

/// What connections are made with.
struct Door {
    app: App,
    routes: Router,
    listener: TcpListener,
    room: Arc<Semaphore>,
    http: http1::Builder,
    handshake_max: Duration,
    stall_max: Duration,
    connections: GracefulShutdown,
    crew: Crew,
}

impl Door {
    fn new(app: &App, listener: TcpListener, server: &Server, crew: Crew) -> Self {
        Self {
            app: app.clone(),
            routes: app.routes(),
            listener,
            room: Arc::new(Semaphore::new(server.connections_max)),
            http: protocol(server),
            handshake_max: Duration::from_millis(server.header_read_ms),
            stall_max: Duration::from_millis(server.stream_idle_ms),
            connections: GracefulShutdown::new(),
            crew,
        }
    }

    async fn accept_one(&self) {
        // Whoever finds no room waits in the system's queue, which is bounded too.
        let Ok(permit) = Arc::clone(&self.room).acquire_owned().await else { return };
        let (stream, peer) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                return tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        };
        let level = self.app.0.metrics.connections_open().enter();
        let guest = self.guest(peer.ip());
        let (tls, handshake_max) = (self.app.0.tls.config(), self.handshake_max);
        self.crew.serve(stream, move |stream| {
            let served = match tls {
                // Boxed, so that a plain connection does not carry the room that a handshake takes.
                Some(tls) => Either::Left(Box::pin(guest.encrypted(tls, stream, handshake_max))),
                None => Either::Right(guest.plain(stream)),
            };
            served.map(move |()| drop((permit, level)))
        });
    }

    fn guest(&self, peer: IpAddr) -> Guest {
        Guest {
            app: self.app.clone(),
            routes: self.routes.clone(),
            peer,
            http: self.http.clone(),
            stall_max: self.stall_max,
            watcher: self.connections.watcher(),
        }
    }
}

/// Whoever is at the other end of a connection.
///
/// What serves a connection is put together by plain functions: each `async` block around it would keep room for it
/// twice, where it comes in and where it is awaited, as long as the connection lives.
struct Guest {
    app: App,
    routes: Router,
    peer: IpAddr,
    http: http1::Builder,
    stall_max: Duration,
    watcher: Watcher,
}

impl Guest {
    fn plain(self, stream: TcpStream) -> impl Future<Output = ()> + Send {
        let socket = Socket::new(stream, self.stall_max);
        self.converse(socket)
    }

    async fn encrypted(self, tls: Arc<ServerConfig>, stream: TcpStream, handshake_max: Duration) {
        match tokio::time::timeout(handshake_max, listener::greet(tls, stream, self.stall_max)).await {
            Ok(Ok(Some(stream))) => self.converse(stream).await,
            Ok(Ok(None)) => tracing::debug!("a client spoke plain http to an encrypted port"),
            Ok(Err(error)) => tracing::debug!(%error, "no handshake"),
            Err(_) => tracing::debug!("a handshake took longer than `header_read_ms`"),
        }
    }

    /// Answers request after request, each of which knows who asks.
    fn converse<S>(self, stream: S) -> impl Future<Output = ()> + Send
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { app, routes, peer, http, watcher, .. } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let client = app.0.rules.load().proxies.client(peer, request.headers());
            request.extensions_mut().insert(client);
            // Boxed, as hyper keeps room for it as long as the connection lives, also while its reply streams.
            let answered = Box::pin(gatekeeper::keep(app.clone(), routes.clone(), request.map(Body::new)));
            answered.map(Ok::<_, Infallible>)
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        watcher.watch(connection).map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        })
    }
}
