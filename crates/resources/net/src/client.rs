//! One client: a pool of kept connections per host.

use crate::connector::Connector;
use crate::{NetError, tls};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use measure::UpstreamMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a client needs to know.
#[derive(Debug, Clone, Copy)]
pub struct ClientConfig {
    /// How long a connection may take to stand: the name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// The size of the pool: so many requests at once share connections that are kept for `idle_timeout`.
    ///
    /// This is no limit on requests. A request that finds the pool exhausted takes a connection beyond it, which is kept
    /// for [`BEYOND_IDLE`] after each use: long enough for a busy hour, in which hundreds of requests follow each other,
    /// and too short to keep what a burst has opened. Connections that are opened beyond the pool are counted.
    pub pool_max: usize,
}

impl Default for ClientConfig {
    /// Five seconds to connect; 20 connections kept for 90 seconds.
    fn default() -> Self {
        let (connect_timeout, idle_timeout) = (Duration::from_secs(5), Duration::from_secs(90));
        Self { connect_timeout, idle_timeout, pool_max: 20 }
    }
}

/// How long an unused connection beyond the pool is kept.
pub const BEYOND_IDLE: Duration = Duration::from_secs(5);

/// Sends requests over kept connections. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Pool<Connector, Full<Bytes>>,
    beyond: Pool<Connector, Full<Bytes>>,
    busy: Arc<AtomicUsize>,
    pool_max: usize,
}

/// One request under way, in the head of its answer: dropping the head ends it.
#[derive(Clone)]
struct Busy(#[allow(dead_code, reason = "held, not read")] Arc<Counted>);

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Client {
    /// A client for addresses with the scheme of `base`, usually of one host: certificates are loaded only if it is
    /// `https`.
    pub fn new(base: &Uri, config: &ClientConfig) -> Self {
        Self::over(Connector::new(config, tls::config_for(base), None), config)
    }

    /// The same, and what it opens, sends and receives shows in `metrics`.
    pub fn observed(base: &Uri, config: &ClientConfig, metrics: UpstreamMetrics) -> Self {
        Self::over(Connector::new(config, tls::config_for(base), Some(metrics)), config)
    }

    pub(crate) fn over(connector: Connector, config: &ClientConfig) -> Self {
        let pool = |idle_timeout, idle_max| {
            let mut builder = Pool::builder(TokioExecutor::new());
            builder
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(idle_timeout)
                .pool_max_idle_per_host(idle_max);
            builder.build(connector.clone())
        };
        Self {
            pool: pool(config.idle_timeout, config.pool_max),
            beyond: pool(BEYOND_IDLE.min(config.idle_timeout), usize::MAX),
            busy: Arc::default(),
            pool_max: config.pool_max,
        }
    }

    /// Sends one request and returns as soon as the head of the answer is there.
    ///
    /// The head counts as one request under way: whoever keeps it until the body has been read lets the pool know how
    /// busy it is. Dropping the future, or later the body, closes the connection, which is how an upstream learns that
    /// nobody waits any more.
    ///
    /// # Errors
    /// [`NetError`] for everything up to the head of the answer. Any status is an answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, NetError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let before = self.busy.fetch_add(1, Ordering::Relaxed);
        let busy = Busy(Arc::new(Counted(Arc::clone(&self.busy))));
        let pool = if before < self.pool_max { &self.pool } else { &self.beyond };
        let mut response = pool.request(request).await.map_err(|error| NetError::from_send(&host, &error))?;
        response.extensions_mut().insert(busy);
        Ok(response)
    }
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

    fn get(url: &str) -> Request<Full<Bytes>> {
        Request::get(url).body(Full::default()).unwrap()
    }

    fn client(config: &ClientConfig) -> Client {
        Client::new(&Uri::from_static("http://127.0.0.1"), config)
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
