//! One kept connection, held by whoever opened it: for those who must know which connection a request takes.
//!
//! [`Client`](crate::Client) hands connections out from a pool; a [`Line`] belongs to one user, as a browser's or a
//! session's does.

use crate::body::Incoming;
use crate::client::ClientConfig;
use crate::connector::Connector;
use crate::{NetError, tls};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::task::JoinHandle;

/// Opens lines to one host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dialler {
    base: Uri,
    connector: Connector,
}

impl Dialler {
    /// For the scheme, host and port of `base`; certificates are loaded only if its scheme is `https`.
    pub fn new(base: &Uri, config: &ClientConfig) -> Self {
        Self { base: base.clone(), connector: Connector::new(config, tls::config_for(base), None) }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// [`NetError`] when it does not stand.
    pub async fn open(&self) -> Result<Line, NetError> {
        let host = self.base.host().unwrap_or_default();
        let stream = self.connector.dial(self.base.clone(), 0).await;
        Line::over(stream.map_err(|error| NetError::from_dial(host, error.as_ref()))?).await
    }
}

/// One connection, one request at a time. Dropping it closes the connection.
#[derive(Debug)]
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Line {
    async fn over<S>(stream: S) -> Result<Self, NetError>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(stream).await.map_err(|error| NetError::from_body(&error))?;
        // How a connection ends shows in the request it carries.
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Whether the other side has closed it, as far as is known.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends one request and returns as soon as the head of the answer is there. The body must be read to its end
    /// before the next request.
    ///
    /// # Errors
    /// The error and, where not a byte of the request left, the request itself, to be sent over another line.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, (NetError, Option<Request<Full<Bytes>>>)> {
        if let Err(error) = self.sender.ready().await {
            return Err((NetError::from_body(&error), Some(request)));
        }
        let sent = self.sender.try_send_request(request).await.map(|response| response.map(Incoming::driven));
        sent.map_err(|mut error| {
            let unsent = error.take_message();
            (NetError::from_body(error.error()), unsent)
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use testkit::{Reply, Upstream};
    use tokio::io::AsyncWriteExt;

    fn request() -> Request<Full<Bytes>> {
        Request::post("/v1/chat/completions").header("host", "h").body(Full::default()).unwrap()
    }

    #[tokio::test]
    async fn requests_follow_each_other_on_one_connection() {
        let upstream = Upstream::start(|_| Reply::chat("hi")).await;
        let dialler = Dialler::new(&upstream.url().parse().unwrap(), &ClientConfig::default());
        let mut line = dialler.open().await.unwrap();
        for _ in 0..3 {
            let response = line.send(request()).await.unwrap();
            assert_eq!(response.status(), 200);
            crate::collect(response.into_body(), 10_000).await.unwrap();
        }
        assert!(!line.is_closed());
    }

    #[tokio::test]
    async fn says_what_is_wrong() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let dial = |url: String| async move {
            let config = ClientConfig { connect_timeout: Duration::from_millis(400), ..ClientConfig::default() };
            Dialler::new(&url.parse().unwrap(), &config).open().await.unwrap_err()
        };
        assert!(matches!(dial(format!("http://{closed}")).await, NetError::Connect { .. }));
        assert!(matches!(dial("http://no-such-host.invalid".to_owned()).await, NetError::Dns { .. }));
        // One that answers a handshake with something else, and one that never answers it.
        let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", plain.local_addr().unwrap());
        let (error, ()) = tokio::join!(dial(url.clone()), async {
            let (mut socket, _) = plain.accept().await.unwrap();
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        });
        assert!(matches!(error, NetError::Tls { .. }), "{error:?}");
        assert!(matches!(dial(url).await, NetError::ConnectTimeout { .. }));
    }

    #[tokio::test]
    async fn a_line_that_breaks_says_so() {
        let upstream = Upstream::start(|_| Reply::bare().cut()).await;
        let dialler = Dialler::new(&upstream.url().parse().unwrap(), &ClientConfig::default());
        let mut line = dialler.open().await.unwrap();
        let (error, unsent) = line.send(request()).await.map(drop).unwrap_err();
        assert!(matches!(error, NetError::Closed | NetError::Protocol), "{error:?}");
        assert!(unsent.is_none(), "the request had left");
    }
}
