//! Builds the registry and the catalogue from the same rows, so that neither can know a metric the other does not.

use crate::metrics::Metrics;
use crate::process::{PROCESS_ROWS, ProcessCollector};
use crate::rows::Row;
use crate::timing::{Buckets, Timing};
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};
use std::fmt;
use std::sync::atomic::AtomicU64;

/// How the value of a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Only grows, and starts again at zero with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations in buckets; exposes `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        })
    }
}

/// What a reader may know about a metric without scraping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricInfo {
    /// The final name, with its unit and `_total` where it has them.
    pub name: &'static str,
    /// How the value moves.
    pub kind: MetricKind,
    /// The names of its labels, in the order of exposition.
    pub labels: &'static [&'static str],
    /// One line on what is measured, without a full stop.
    pub help: &'static str,
}

/// Every metric of the server in the order of exposition, whether or not it has a value yet.
pub fn catalogue() -> Vec<MetricInfo> {
    Metrics::build("").1
}

/// The values of one series; the names come along because the encoder wants pairs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Labels<const N: usize> {
    names: &'static [&'static str; N],
    values: [Box<str>; N],
}

impl<const N: usize> EncodeLabelSet for Labels<N> {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> fmt::Result {
        for (name, value) in self.names.iter().zip(&self.values) {
            (*name, value.as_ref()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// A metric with labels. Looking a series up hashes and allocates, so it is done once and the handle kept.
#[derive(Debug, Clone)]
pub(crate) struct Labelled<const N: usize, M, C = fn() -> M> {
    names: &'static [&'static str; N],
    family: Family<Labels<N>, M, C>,
}

impl<const N: usize, M: Clone, C: MetricConstructor<M>> Labelled<N, M, C> {
    /// The series with these label values, in the order of the row; created at zero if new.
    pub(crate) fn with(&self, values: [&str; N]) -> M {
        self.family.get_or_create_owned(&Labels { names: self.names, values: values.map(Box::from) })
    }
}

/// Counters of whole events.
pub(crate) type Counters<const N: usize> = Labelled<N, Counter>;
/// A counter of money.
pub(crate) type Money = Counter<f64, AtomicU64>;
/// Gauges of whole things.
pub(crate) type Gauges<const N: usize> = Labelled<N, Gauge>;
/// Histograms of durations.
pub(crate) type Timings<const N: usize> = Labelled<N, Timing, Buckets>;

/// Collects metrics while the registry is built.
#[derive(Debug, Default)]
pub(crate) struct Registrar {
    registry: Registry,
    catalogue: Vec<MetricInfo>,
}

impl Registrar {
    fn add<const N: usize>(&mut self, row: &'static Row<N>, kind: MetricKind, metric: impl Metric) {
        self.note(row, kind);
        // The encoder appends `_total` to every counter itself.
        self.registry.register(row.name.trim_end_matches("_total"), row.help, metric);
    }

    fn note<const N: usize>(&mut self, row: &'static Row<N>, kind: MetricKind) {
        self.catalogue.push(MetricInfo { name: row.name, kind, labels: &row.labels, help: row.help });
    }

    /// Registers counters of whole events.
    pub(crate) fn counters<const N: usize>(&mut self, row: &'static Row<N>) -> Counters<N> {
        let family = Family::default();
        self.add(row, MetricKind::Counter, family.clone());
        Labelled { names: &row.labels, family }
    }

    /// Registers counters of money.
    pub(crate) fn money<const N: usize>(&mut self, row: &'static Row<N>) -> Labelled<N, Money> {
        let family = Family::default();
        self.add(row, MetricKind::Counter, family.clone());
        Labelled { names: &row.labels, family }
    }

    /// Registers gauges with labels.
    pub(crate) fn gauges<const N: usize>(&mut self, row: &'static Row<N>) -> Gauges<N> {
        let family = Family::default();
        self.add(row, MetricKind::Gauge, family.clone());
        Labelled { names: &row.labels, family }
    }

    /// Registers one gauge without labels.
    pub(crate) fn gauge(&mut self, row: &'static Row<0>) -> Gauge {
        let gauge = Gauge::default();
        self.add(row, MetricKind::Gauge, gauge.clone());
        gauge
    }

    /// Registers histograms with these bounds in seconds.
    pub(crate) fn timings<const N: usize>(&mut self, row: &'static Row<N>, bounds_s: &'static [f64]) -> Timings<N> {
        let family = Family::new_with_constructor(Buckets(bounds_s));
        self.add(row, MetricKind::Histogram, family.clone());
        Labelled { names: &row.labels, family }
    }

    /// Registers the figures of the process, which are read when somebody scrapes.
    pub(crate) fn process(&mut self) {
        for (row, kind, _) in &PROCESS_ROWS {
            self.note(row, *kind);
        }
        self.registry.register_collector(Box::new(ProcessCollector::new()));
    }

    /// The registry and the catalogue of what is in it.
    pub(crate) fn finish(self) -> (Registry, Vec<MetricInfo>) {
        (self.registry, self.catalogue)
    }
}
