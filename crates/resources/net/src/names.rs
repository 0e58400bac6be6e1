//! Looks names up, and says how long it took. Knows no connection.

use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use measure::UpstreamMetrics;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::Service;

/// The system's resolver for one dial. What is an address already is never looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    metrics: Option<UpstreamMetrics>,
    took: Arc<OnceLock<Duration>>,
}

impl Names {
    pub(crate) fn new(metrics: Option<UpstreamMetrics>) -> Self {
        Self { metrics, took: Arc::default() }
    }

    /// How long the name took that was found; zero where none was looked up.
    pub(crate) fn took(&self) -> Duration {
        self.took.get().copied().unwrap_or_default()
    }
}

impl Service<Name> for Names {
    type Response = GaiAddrs;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<GaiAddrs>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (began, names) = (Instant::now(), self.clone());
        let found = GaiResolver::new().call(name);
        Box::pin(async move {
            let found = found.await?;
            let took = *names.took.get_or_init(|| began.elapsed());
            if let Some(metrics) = &names.metrics {
                metrics.dns(took);
            }
            Ok(found)
        })
    }
}
