//! A histogram of durations that takes no lock.
//!
//! The library's histogram guards its buckets with a mutex, which every worker thread would share on every request.
//! Ours adds to two atomics: the bucket and the sum, kept in whole nanoseconds (enough for 584 years of waiting).

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::family::MetricConstructor;
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of a histogram in seconds, rising; what lies above the last falls into `+Inf`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buckets(pub(crate) &'static [f64]);

impl MetricConstructor<Timing> for Buckets {
    fn new_metric(&self) -> Timing {
        let counts = (0..=self.0.len()).map(|_| AtomicU64::new(0)).collect();
        Timing { cells: Arc::new(Cells { bounds: self.0, counts, sum_ns: AtomicU64::new(0) }) }
    }
}

#[derive(Debug)]
struct Cells {
    bounds: &'static [f64],
    /// One per bound and a last one for `+Inf`; not cumulative.
    counts: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

/// One histogram; clones observe into the same buckets.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    cells: Arc<Cells>,
}

impl Timing {
    /// Files one duration under the first bound that is not below it.
    pub(crate) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.cells.bounds.partition_point(|bound| *bound < seconds);
        self.cells.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.cells.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }
}

impl TypedMetric for Timing {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Timing {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let bounds = self.cells.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.cells.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // The count is the sum of what was just read, so that it always equals the `+Inf` bucket.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = Duration::from_nanos(self.cells.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    fn exposed(took_ms: &[u64]) -> String {
        let timing = Buckets(&[0.01, 0.1, 1.0]).new_metric();
        let mut registry = Registry::default();
        registry.register("wait_seconds", "Waiting", timing.clone());
        took_ms.iter().for_each(|ms| timing.observe(Duration::from_millis(*ms)));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn buckets_are_cumulative_and_bounds_inclusive() {
        let text = exposed(&[5, 10, 11, 100, 1000, 1001]);
        for line in [
            "wait_seconds_bucket{le=\"0.01\"} 2\n",
            "wait_seconds_bucket{le=\"0.1\"} 4\n",
            "wait_seconds_bucket{le=\"1.0\"} 5\n",
            "wait_seconds_bucket{le=\"+Inf\"} 6\n",
            "wait_seconds_count 6\n",
            "wait_seconds_sum 2.127\n",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn an_unused_histogram_reads_zero() {
        assert!(exposed(&[]).contains("wait_seconds_count 0\n"));
    }
}
