//! What is measured about the connections to one provider.

use crate::handles::{Count, Level};
use crate::registrar::{Counters, Gauges, Registrar, Timings};
use crate::rows;
use crate::timing::Timing;
use std::sync::Arc;
use std::time::Duration;

/// The families, as they are registered.
#[derive(Debug)]
pub(crate) struct Upstreams {
    dns: Timings<1>,
    connect: Timings<1>,
    tls: Timings<1>,
    bytes: Counters<2>,
    connections: Gauges<1>,
    opened: Counters<1>,
    exhausted: Counters<1>,
}

impl Upstreams {
    pub(crate) fn register(registrar: &mut Registrar) -> Self {
        Self {
            dns: registrar.timings(&rows::UPSTREAM_DNS, rows::UPSTREAM_BOUNDS_S),
            connect: registrar.timings(&rows::UPSTREAM_CONNECT, rows::UPSTREAM_BOUNDS_S),
            tls: registrar.timings(&rows::UPSTREAM_TLS, rows::UPSTREAM_BOUNDS_S),
            bytes: registrar.counters(&rows::UPSTREAM_BYTES),
            connections: registrar.gauges(&rows::UPSTREAM_CONNECTIONS),
            opened: registrar.counters(&rows::UPSTREAM_OPENED),
            exhausted: registrar.counters(&rows::POOL_EXHAUSTED),
        }
    }

    pub(crate) fn upstream(&self, provider: &str) -> UpstreamMetrics {
        UpstreamMetrics(Arc::new(Handles {
            dns: self.dns.with([provider]),
            connect: self.connect.with([provider]),
            tls: self.tls.with([provider]),
            sent: Count(self.bytes.with([provider, "sent"])),
            received: Count(self.bytes.with([provider, "received"])),
            connections: Level(self.connections.with([provider])),
            opened: Count(self.opened.with([provider])),
            exhausted: Count(self.exhausted.with([provider])),
        }))
    }
}

#[derive(Debug)]
struct Handles {
    dns: Timing,
    connect: Timing,
    tls: Timing,
    sent: Count,
    received: Count,
    connections: Level,
    opened: Count,
    exhausted: Count,
}

/// The resolved metrics of the connections to one provider: take them once with [`Metrics::upstream`] and keep them. A
/// clone is one reference more to the same series.
///
/// [`Metrics::upstream`]: crate::Metrics::upstream
#[derive(Debug, Clone)]
pub struct UpstreamMetrics(Arc<Handles>);

impl UpstreamMetrics {
    /// Notes how long it took to find the addresses of a name.
    pub fn dns(&self, took: Duration) {
        self.0.dns.observe(took);
    }

    /// Notes how long a connection took to stand, from the address on and without its security.
    pub fn connect(&self, took: Duration) {
        self.0.connect.observe(took);
    }

    /// Notes how long a connection that stood took to be secured.
    pub fn tls(&self, took: Duration) {
        self.0.tls.observe(took);
    }

    /// Bytes written to sockets.
    pub fn bytes_sent(&self) -> &Count {
        &self.0.sent
    }

    /// Bytes read from sockets.
    pub fn bytes_received(&self) -> &Count {
        &self.0.received
    }

    /// Connections that are open now.
    pub fn connections(&self) -> &Level {
        &self.0.connections
    }

    /// Connections that were opened.
    pub fn opened(&self) -> &Count {
        &self.0.opened
    }

    /// Connections that had to be opened while as many as are kept were in use.
    pub fn exhausted(&self) -> &Count {
        &self.0.exhausted
    }
}
