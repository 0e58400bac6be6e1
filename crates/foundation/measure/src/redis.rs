//! Figures of the links to Redis.

use crate::handles::{Count, Level};
use crate::registrar::{Counters, Gauges, Registrar};
use crate::rows;

/// The families, as they are registered.
#[derive(Debug)]
pub(crate) struct Redises {
    up: Gauges<1>,
    requests: Counters<2>,
    connections: Gauges<1>,
}

impl Redises {
    pub(crate) fn register(registrar: &mut Registrar) -> Self {
        Self {
            up: registrar.gauges(&rows::REDIS_UP),
            requests: registrar.counters(&rows::REDIS_REQUESTS),
            connections: registrar.gauges(&rows::REDIS_CONNECTIONS),
        }
    }

    pub(crate) fn redis(&self, section: &str) -> RedisMetrics {
        let requests = |outcome| Count(self.requests.with([section, outcome]));
        RedisMetrics {
            up: Level(self.up.with([section])),
            connections: Level(self.connections.with([section])),
            answered: requests("answered"),
            failed: requests("failed"),
            timed_out: requests("timed_out"),
            away: requests("away"),
        }
    }
}

/// Figures of one link to Redis.
#[derive(Debug, Clone)]
pub struct RedisMetrics {
    /// 1 while it answers, else 0.
    pub up: Level,
    /// Connections that are open now.
    pub connections: Level,
    /// Commands that were answered.
    pub answered: Count,
    /// Commands that were refused, or whose connection broke.
    pub failed: Count,
    /// Commands that were not answered in time.
    pub timed_out: Count,
    /// Commands that were not sent, because Redis was known not to answer.
    pub away: Count,
}
