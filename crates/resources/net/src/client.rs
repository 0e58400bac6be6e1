//! One client: a pool of kept connections per host.

use crate::body::{Incoming, Lent};
use crate::connector::Connector;
use crate::link::Link;
use crate::shelf::Shelf;
use crate::{NetError, tls};
use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use measure::UpstreamMetrics;
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a client needs to know.
#[derive(Debug, Clone, Copy)]
pub struct ClientConfig {
    /// How long a connection may take to stand: the name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// The size of the pool: so many unused connections are kept for `idle_timeout`.
    ///
    /// This is no limit on requests. What a burst has opened beyond the pool is kept for [`BEYOND_IDLE`] after each use:
    /// long enough for a busy hour, in which hundreds of requests follow each other, and too short to lie about.
    /// Connections that are opened beyond the pool are counted. Each runtime that sends has its share of the pool, and
    /// room for one connection at least, as none can use what belongs to another.
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
/// Room is made at once for a body that is said to be this long at most.
const TOLD_BYTES_MAX: usize = 64 * 1024;

/// Sends requests over kept connections. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Client {
    connector: Connector,
    shelf: Arc<Shelf>,
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
        Self { connector, shelf: Shelf::new(config.idle_timeout, config.pool_max) }
    }

    #[cfg(test)]
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Sends one request and returns as soon as the head of the answer is there.
    ///
    /// Dropping the future, or later the body, closes the connection, which is how an upstream learns that nobody waits
    /// any more. A kept connection that turns out to be closed before a byte was sent is replaced by another.
    ///
    /// # Errors
    /// [`NetError`] for everything up to the head of the answer. Any status is an answer.
    pub fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> impl Future<Output = Result<Response<Incoming>, NetError>> + Send {
        static NOBODY: AtomicBool = AtomicBool::new(false);
        self.send_noting(request, &NOBODY)
    }

    /// [`Client::send`], and `sent` tells whether the request was handed to a connection that stands, also to whoever
    /// drops this: until then nobody there has heard of it.
    ///
    /// # Errors
    /// As for [`Client::send`].
    pub async fn send_noting(
        &self,
        request: Request<Full<Bytes>>,
        sent: &AtomicBool,
    ) -> Result<Response<Incoming>, NetError> {
        let uri = request.uri().clone();
        let Some(host) = uri.authority().cloned() else {
            return Err(NetError::Connect { host: String::new(), reason: "the address names no host".to_owned() });
        };
        let mut request = in_origin_form(request, &uri, &host);
        while let Some(mut link) = self.shelf.take(&host) {
            sent.store(true, Ordering::Relaxed);
            match link.send(request).await {
                Ok(response) => return Ok(self.answered(response, link, host)),
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(NetError::from_body(refused.error())),
                },
            }
        }
        sent.store(false, Ordering::Relaxed);
        // Boxed, so that a request over a kept connection does not carry the room that opening one takes.
        let dialled = Box::pin(self.connector.dial(uri, self.shelf.idle())).await;
        let io = dialled.map_err(|error| NetError::from_dial(host.host(), error.as_ref()))?;
        let mut link = Box::new(Link::over(io).await.map_err(|error| NetError::from_body(&error))?);
        sent.store(true, Ordering::Relaxed);
        match link.send(request).await {
            Ok(response) => Ok(self.answered(response, link, host)),
            Err(refused) => Err(NetError::from_body(refused.error())),
        }
    }

    fn answered(
        &self,
        response: Response<hyper::body::Incoming>,
        link: Box<Link>,
        host: Authority,
    ) -> Response<Incoming> {
        response.map(|body| Incoming::over(body, Lent { link, host, shelf: Arc::clone(&self.shelf) }))
    }
}

/// The request as it is written to a server that is no proxy: with a path alone, and the host in a header.
fn in_origin_form(mut request: Request<Full<Bytes>>, uri: &Uri, host: &Authority) -> Request<Full<Bytes>> {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    if let header::Entry::Vacant(entry) = request.headers_mut().entry(header::HOST) {
        let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let named = if host.port_u16() == Some(usual) { host.host() } else { host.as_str() };
        // A name with a user before it is not repeated.
        let named = named.rsplit('@').next().unwrap_or(named);
        if let Ok(value) = HeaderValue::try_from(named) {
            entry.insert(value);
        }
    }
    request
}

/// Reads a body to its end, into one buffer of its size.
///
/// A piece kept as it came would hold on to the whole buffer that it was read into: the connection would need another
/// one for its next answer, and an answer of 300 bytes that somebody keeps would take eight kilobytes.
///
/// # Errors
/// [`NetError::TooLarge`] beyond `bytes_max`, [`NetError::Closed`] when the connection ends first.
pub async fn collect(body: impl Body<Data = Bytes, Error = hyper::Error>, bytes_max: usize) -> Result<Bytes, NetError> {
    let mut body = pin!(Limited::new(body, bytes_max));
    // What the other side says comes is not believed beyond what costs nothing.
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut whole = Vec::with_capacity(told.min(TOLD_BYTES_MAX));
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame.map_err(|error| unread(error.as_ref(), bytes_max))?.into_data() {
            whole.extend_from_slice(&piece);
        }
    }
    // What was room for more goes back.
    Ok(Bytes::from(whole.into_boxed_slice()))
}

/// Why a body could not be read.
fn unread(error: &(dyn Error + Send + Sync + 'static), bytes_max: usize) -> NetError {
    if error.is::<LengthLimitError>() {
        return NetError::TooLarge { most: bytes_max };
    }
    error.downcast_ref::<hyper::Error>().map_or(NetError::Closed, NetError::from_body)
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
    use futures_util::StreamExt;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use std::sync::atomic::{AtomicUsize, Ordering};
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

    /// One byte that keeps a buffer, and counts how many there are.
    struct Piece(Arc<AtomicUsize>);

    impl AsRef<[u8]> for Piece {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    impl Drop for Piece {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_body_keeps_no_buffer_that_its_pieces_came_in() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, highest) = (Arc::clone(&now), Arc::clone(&most));
        let pieces = stream::iter(0..1_000).map(move |_| {
            highest.fetch_max(counted.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            Ok(Frame::data(Bytes::from_owner(Piece(Arc::clone(&counted)))))
        });
        let body = collect(StreamBody::new(pieces), 1_000).await.unwrap();
        assert_eq!(body, "x".repeat(1_000));
        assert!(most.load(Ordering::Relaxed) <= 2, "{most:?} at once");
        let kept = Arc::new(AtomicUsize::new(1));
        let only = Frame::data(Bytes::from_owner(Piece(Arc::clone(&kept))));
        let body = collect(StreamBody::new(stream::iter([Ok(only)])), 100).await.unwrap();
        assert_eq!((body.as_ref(), kept.load(Ordering::Relaxed)), (b"x".as_slice(), 0), "it holds on to nothing");
        let pieces = [70_000, 10].map(|bytes| Ok(Frame::data(Bytes::from(vec![b'x'; bytes]))));
        let body = collect(StreamBody::new(stream::iter(pieces)), 100_000).await.unwrap();
        let held = Vec::from(body);
        assert_eq!((held.len(), held.capacity()), (70_010, 70_010), "nor on room that it does not need");
        assert_eq!(collect(StreamBody::new(stream::empty()), 100).await.unwrap(), "");
    }
}
