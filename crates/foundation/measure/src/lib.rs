//! The metric registry, process figures, percentiles and the tracing set-up.
//!
//! Every metric of the server is a row of one table in this room, and only metrics that something feeds have a row.
//! Other rooms take handles that were resolved once ([`EndpointMetrics`], [`UpstreamMetrics`], [`RouteMetrics`],
//! [`Count`], [`Level`]), so that a request pays for atomic additions and not for hashing labels. This room knows
//! nothing about HTTP: a door serves what [`Metrics::encode`] returns under [`CONTENT_TYPE`].

mod books;
mod cache;
mod decisions;
mod docs;
mod endpoint;
mod handles;
mod logs;
mod metrics;
mod percentile;
mod process;
mod redis;
mod registrar;
mod route;
mod rows;
mod search;
mod timing;
mod tools;
mod upstream;
mod votes;
mod window;

pub use books::{AccessMetrics, Admission, PoolMetrics, StoreConflict, StoreMetrics, StorePool};
pub use cache::TierMetrics;
pub use decisions::DecisionMetrics;
pub use docs::docs;
pub use endpoint::{BreakerState, EndpointMetrics, Outcome};
pub use handles::{Count, Level, LevelGuard};
pub use logs::{LogError, init};
pub use metrics::{Agreement, CONTENT_TYPE, HedgeMetrics, Metrics, Reload};
pub use percentile::{EWMA_WEIGHT, Ewma, percentile};
pub use redis::RedisMetrics;
pub use registrar::{MetricInfo, MetricKind, catalogue};
pub use route::RouteMetrics;
pub use search::{EmbedMetrics, SearchMetrics};
pub use tools::ToolMetrics;
pub use upstream::UpstreamMetrics;
pub use votes::VotesMetrics;
pub use window::{Quantiles, Recent, Window};
