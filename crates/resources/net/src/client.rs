//! One client: a pool of kept connections per host.

use crate::{NetError, tls};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// What a client needs to know.
#[derive(Debug, Clone, Copy)]
pub struct ClientConfig {
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many unused connections are kept per host.
    pub idle_max: usize,
}

impl Default for ClientConfig {
    /// Five seconds to connect; 32 connections kept for 90 seconds.
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), idle_timeout: Duration::from_secs(90), idle_max: 32 }
    }
}

/// Sends requests over kept connections. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Client(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Plain(Pool<HttpConnector, Full<Bytes>>),
    Secure(Pool<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Client {
    /// A client for addresses like `base`: certificates are loaded only if its scheme is `https`.
    pub fn new(base: &Uri, config: &ClientConfig) -> Self {
        let connector = connector(config);
        let mut builder = Pool::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.idle_max);
        if base.scheme_str() == Some("https") {
            return Self(Kind::Secure(builder.build(secured(connector))));
        }
        Self(Kind::Plain(builder.build(connector)))
    }

    /// Sends one request and returns as soon as the head of the answer is there.
    ///
    /// Dropping the future, or later the body, closes the connection, which is how an upstream learns that
    /// nobody waits any more.
    ///
    /// # Errors
    /// [`NetError`] for everything up to the head of the answer. Any status is an answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, NetError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let sent = match &self.0 {
            Kind::Plain(pool) => pool.request(request).await,
            Kind::Secure(pool) => pool.request(request).await,
        };
        sent.map_err(|error| NetError::from_send(&host, &error))
    }
}

/// The same connector with TLS around its sockets.
pub(crate) fn secured(connector: HttpConnector) -> HttpsConnector<HttpConnector> {
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls::client_config());
    tls.https_only().enable_http1().wrap_connector(connector)
}

pub(crate) fn connector(config: &ClientConfig) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(config.connect_timeout));
    connector.set_keepalive(Some(Duration::from_secs(60)));
    connector.enforce_http(false);
    connector
}

/// Reads a body to its end.
///
/// # Errors
/// [`NetError::TooLarge`] beyond `bytes_max`, [`NetError::Closed`] when the connection ends first.
pub async fn collect(body: Incoming, bytes_max: usize) -> Result<Bytes, NetError> {
    let collected = Limited::new(body, bytes_max).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            return NetError::TooLarge { most: bytes_max };
        }
        error.downcast_ref::<hyper::Error>().map_or(NetError::Closed, NetError::from_body)
    })
}

impl NetError {
    /// What an error while reading a frame of a body means.
    pub fn of_frame(error: &hyper::Error) -> Self {
        Self::from_body(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Reply, Upstream};
    use tower::{Service, ServiceExt};

    fn get(url: &str) -> Request<Full<Bytes>> {
        Request::get(url).body(Full::default()).unwrap()
    }

    fn client(config: &ClientConfig) -> Client {
        Client::new(&Uri::from_static("http://127.0.0.1"), config)
    }

    #[tokio::test]
    async fn every_dialled_socket_has_nodelay() {
        let upstream = Upstream::start(|_| Reply::chat("hi")).await;
        let mut connector = connector(&ClientConfig::default());
        let uri: Uri = upstream.url().parse().unwrap();
        let stream = connector.ready().await.unwrap().call(uri).await.unwrap();
        assert!(stream.inner().nodelay().unwrap());
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_connection() {
        let client = client(&ClientConfig { connect_timeout: Duration::from_millis(300), ..ClientConfig::default() });
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = client.send(get(&format!("http://{closed}/"))).await.unwrap_err();
        assert!(matches!(refused, NetError::Connect { .. }), "{refused:?}");
        let unknown = client.send(get("http://no-such-host.invalid/")).await.unwrap_err();
        assert_eq!(unknown, NetError::Dns { host: "no-such-host.invalid".into() });
        let cut = Upstream::start(|_| Reply::bare().cut()).await;
        let failed = client.send(get(&cut.url())).await;
        assert!(matches!(failed, Err(NetError::Closed | NetError::Protocol)), "{failed:?}");
    }

    #[tokio::test]
    async fn a_body_has_a_limit() {
        let upstream = Upstream::start(|_| Reply::chat(&"x".repeat(5_000))).await;
        let response = client(&ClientConfig::default()).send(get(&upstream.url())).await.unwrap();
        assert_eq!(collect(response.into_body(), 100).await.unwrap_err(), NetError::TooLarge { most: 100 });
    }
}
