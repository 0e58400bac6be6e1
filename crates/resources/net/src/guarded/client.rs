//! The guarded client: one request, its redirects and its whole answer, within limits.

use super::GuardedError;
use super::dial::Dial;
use super::hop::Hop;
use super::resolve::{Resolve, System};
use crate::{NetError, collect};
use bytes::Bytes;
use http::{Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The least that hyper takes as the limit of what it has read and not yet understood.
const HEAD_BYTES_MIN: usize = 8 * 1024;

/// What a guarded client needs to know.
#[derive(Debug, Clone)]
pub struct GuardedConfig {
    /// Networks that may be reached although they are not public.
    pub allowed: Vec<IpNet>,
    /// How long a connection may take to stand: the name, TCP and TLS together.
    pub connect_timeout: Duration,
}

impl Default for GuardedConfig {
    /// Public addresses alone; five seconds.
    fn default() -> Self {
        Self { allowed: Vec::new(), connect_timeout: Duration::from_secs(5) }
    }
}

/// How much of an answer is waited for and read.
#[derive(Debug, Clone, Copy)]
pub struct GuardedLimits {
    /// How long all of it may take: every redirect, and the body of the last answer.
    pub timeout: Duration,
    /// The largest head of an answer, in bytes; less than 16 KB reads as 16 KB.
    pub head_bytes_max: usize,
    /// The largest body of the answer, in bytes.
    pub body_bytes_max: usize,
    /// How many redirects are followed; none: an answer that redirects is an answer.
    pub redirects_max: usize,
}

impl Default for GuardedLimits {
    /// 30 seconds, 64 KB of head, 8 MB of body, five redirects.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            head_bytes_max: 64 * 1024,
            body_bytes_max: 8 * 1024 * 1024,
            redirects_max: 5,
        }
    }
}

/// Sends requests to addresses that nobody vouches for. Cheap to clone. Each request has a connection of its own.
#[derive(Debug, Clone)]
pub struct Guarded(Arc<Dial>);

impl Guarded {
    /// With the system's resolver.
    pub fn new(config: GuardedConfig) -> Self {
        Self::with_resolver(config, Arc::new(System))
    }

    /// With another resolver. Whatever it says is judged.
    pub fn with_resolver(config: GuardedConfig, resolver: Arc<dyn Resolve>) -> Self {
        let GuardedConfig { allowed, connect_timeout } = config;
        Self(Arc::new(Dial { allowed, connect_timeout, resolver, tls: OnceLock::new() }))
    }

    #[cfg(test)]
    pub(super) fn trusting(config: GuardedConfig, resolver: Arc<dyn Resolve>, tls: Arc<rustls::ClientConfig>) -> Self {
        let GuardedConfig { allowed, connect_timeout } = config;
        Self(Arc::new(Dial { allowed, connect_timeout, resolver, tls: OnceLock::from(tls) }))
    }

    /// Sends one request and reads the whole answer. `host` and what is the connection's own among the headers are
    /// replaced. A redirect that leaves the origin takes along neither credentials nor any header but the harmless few,
    /// and nothing that is marked sensitive. Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`GuardedError`]; any status is an answer, but a redirect is followed.
    pub async fn send(&self, request: Request<Bytes>, limits: &GuardedLimits) -> Result<Response<Bytes>, GuardedError> {
        let hop = Hop::new(request)?;
        let host = hop.host().to_owned();
        let limit_ms = u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX);
        match timeout(limits.timeout, self.follow(hop, limits)).await {
            Ok(answer) => answer,
            Err(_) => Err(GuardedError::Timeout { host, limit_ms }),
        }
    }

    async fn follow(&self, mut hop: Hop, limits: &GuardedLimits) -> Result<Response<Bytes>, GuardedError> {
        for followed in 0.. {
            let (head, body, _connection) = self.exchange(&hop, limits).await?;
            let next = if limits.redirects_max == 0 { None } else { hop.redirected(head.status, &head.headers)? };
            match next {
                Some(_) if followed >= limits.redirects_max => break,
                Some(next) => hop = next,
                None => return Ok(Response::from_parts(head, collect(body, limits.body_bytes_max).await?)),
            }
        }
        Err(GuardedError::Redirects { most: limits.redirects_max })
    }

    /// One request and the head of its answer, whose body lives as long as the connection is held.
    async fn exchange(
        &self,
        hop: &Hop,
        limits: &GuardedLimits,
    ) -> Result<(http::response::Parts, hyper::body::Incoming, Driver), GuardedError> {
        let request = hop.request()?;
        let stream = TokioIo::new(self.0.open(hop).await?);
        let failed = |error| NetError::from_body(&error);
        let mut http = http1::Builder::new();
        // What is checked before a read may be doubled by it.
        http.max_buf_size((limits.head_bytes_max / 2).max(HEAD_BYTES_MIN));
        let (mut sender, connection) = http.handshake(stream).await.map_err(failed)?;
        // How a connection ends shows in the request it carries.
        let driver = Driver(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let (head, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
        Ok((head, body, driver))
    }
}

/// The task that drives a connection. Dropping it closes the connection.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
