//! Opens connections to one host: the name, TCP and TLS, each timed, all within one limit. Knows no pool and no HTTP.

use crate::client::ClientConfig;
use crate::names::Names;
use crate::places::Places;
use crate::socket::{Socket, Stream};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use measure::UpstreamMetrics;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tower::ServiceExt;

/// After how long an idle connection is asked whether anybody is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

type BoxError = Box<dyn Error + Send + Sync>;
type Dialled = Result<TokioIo<Box<dyn Stream>>, BoxError>;

/// Opens connections. Cheap to clone; clones count their connections together.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    connect_timeout: Duration,
    pool_max: usize,
    tls: Option<Arc<rustls::ClientConfig>>,
    metrics: Option<UpstreamMetrics>,
    places: Places,
}

impl Connector {
    /// With `tls`, for addresses whose scheme is `https` alone; without, for none of those.
    pub(crate) fn new(
        config: &ClientConfig,
        tls: Option<Arc<rustls::ClientConfig>>,
        metrics: Option<UpstreamMetrics>,
    ) -> Self {
        let (connect_timeout, pool_max) = (config.connect_timeout, config.pool_max);
        Self { connect_timeout, pool_max, tls, metrics, places: Places::default() }
    }

    /// A connection to the host and port of `uri`, over which nothing was sent yet. So many of those before it are `idle`:
    /// they are other threads', and nobody is short of them.
    ///
    /// # Errors
    /// What the system or the handshake says, or that the limit has passed. All of it is for
    /// [`NetError::from_dial`](crate::NetError::from_dial) to read.
    pub(crate) async fn dial(&self, uri: Uri, idle: usize) -> Dialled {
        if (uri.scheme_str() == Some("https")) != self.tls.is_some() {
            return Err("the scheme is not the one that this client is for".into());
        }
        match timeout(self.connect_timeout, self.stand(uri, idle)).await {
            Ok(dialled) => dialled,
            Err(_) => Err(io::Error::from(ErrorKind::TimedOut).into()),
        }
    }

    async fn stand(&self, uri: Uri, idle: usize) -> Dialled {
        let host = uri.host().unwrap_or_default().to_owned();
        let socket = self.connect(uri, idle).await?;
        let Some(tls) = &self.tls else { return Ok(TokioIo::new(Box::new(socket))) };
        // An address of version 6 stands in brackets, in an URI alone.
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
        let began = Instant::now();
        // Wrapped, as `NetError` tells a handshake's errors from those of the socket by what is within.
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, socket).await.map_err(io::Error::other)?;
        if let Some(metrics) = &self.metrics {
            metrics.tls(began.elapsed());
        }
        Ok(TokioIo::new(Box::new(secured)))
    }

    async fn connect(&self, uri: Uri, idle: usize) -> Result<Socket, BoxError> {
        let (place, before) = self.places.take();
        let in_use = before.saturating_sub(idle);
        if let Some(metrics) = self.metrics.as_ref().filter(|_| in_use >= self.pool_max) {
            metrics.exhausted().inc();
        }
        let names = Names::new(self.metrics.clone());
        let began = Instant::now();
        let tcp = self.tcp(names.clone()).oneshot(uri).await?.into_inner();
        if let Some(metrics) = &self.metrics {
            metrics.connect(began.elapsed().saturating_sub(names.took()));
        }
        Ok(Socket::new(tcp, self.metrics.clone(), place))
    }

    /// Made anew for each dial, so that `names` knows whose time it takes; it is a few fields.
    fn tcp(&self, names: Names) -> HttpConnector<Names> {
        let mut tcp = HttpConnector::new_with_resolver(names);
        tcp.set_nodelay(true);
        // Where a name has several addresses, they share this time: one that is silent does not take all of it.
        tcp.set_connect_timeout(Some(self.connect_timeout));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.enforce_http(false);
        tcp
    }
}

#[cfg(test)]
mod tests;
