//! What is measured about one route of one door.

use crate::handles::Count;
use crate::registrar::Counters;
use crate::timing::Timing;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The statuses that this server sends often enough to keep their counters at hand. Refusals are among them because
/// they must stay cheap when there are many.
const KEPT: [u16; 16] = [200, 202, 204, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504];

#[derive(Debug)]
struct Handles {
    door: Box<str>,
    route: Box<str>,
    requests: Counters<3>,
    /// In the order of [`KEPT`], resolved on first use so that no series exists that was never counted.
    kept: [OnceLock<Count>; KEPT.len()],
    duration: Timing,
    overhead: Timing,
}

/// The resolved metrics of one route: take them once with [`Metrics::route`] and keep them. A clone is one reference
/// more to the same series.
///
/// [`Metrics::route`]: crate::Metrics::route
#[derive(Debug, Clone)]
pub struct RouteMetrics(Arc<Handles>);

impl RouteMetrics {
    pub(crate) fn new(door: &str, route: &str, requests: Counters<3>, duration: Timing, overhead: Timing) -> Self {
        let kept = [const { OnceLock::new() }; KEPT.len()];
        Self(Arc::new(Handles { door: door.into(), route: route.into(), requests, kept, duration, overhead }))
    }

    /// Counts one finished request with its HTTP status, and the time from reading it to the last byte of its answer.
    pub fn finished(&self, status: u16, took: Duration) {
        self.0.duration.observe(took);
        match KEPT.iter().position(|kept| *kept == status) {
            Some(index) => self.0.kept[index].get_or_init(|| self.resolve(status)).inc(),
            None => self.resolve(status).inc(),
        }
    }

    /// Notes the time that this server added to a request: the whole less the waiting for upstream.
    pub fn overhead(&self, added: Duration) {
        self.0.overhead.observe(added);
    }

    fn resolve(&self, status: u16) -> Count {
        Count(self.0.requests.with([&self.0.door, &self.0.route, &status.to_string()]))
    }
}
