//! What is going on now: figures that can be read while a run lasts, and the histograms behind them.

use crate::{Class, Record};
use hdrhistogram::Histogram;
use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Significant digits of the histograms: three are an error of at most 0.1 %.
const DIGITS: u8 = 3;
/// The longest time that they tell from longer ones: two hours in microseconds.
const LONGEST_US: u64 = 7_200_000_000;

/// Times of one worker, or of all of them.
#[derive(Debug, Clone)]
pub(crate) struct Histograms {
    /// Response times of successes in microseconds.
    pub(crate) response_us: Histogram<u64>,
    /// Microseconds between two pieces of content of a stream.
    pub(crate) between_us: Histogram<u64>,
}

impl Histograms {
    fn new() -> io::Result<Self> {
        let one = || Histogram::new_with_bounds(1, LONGEST_US, DIGITS).map_err(io::Error::other);
        Ok(Self { response_us: one()?, between_us: one()? })
    }

    fn add(&mut self, other: &Self) {
        // Histograms of the same bounds always add up.
        let _ = self.response_us.add(&other.response_us);
        let _ = self.between_us.add(&other.between_us);
    }
}

/// Counts what happens while it happens. Every worker has a histogram of its own, merged only when somebody looks.
#[derive(Debug)]
pub struct Meter {
    parts: Vec<Mutex<Histograms>>,
    empty: Histograms,
    classes: [AtomicU64; Class::ALL.len()],
    in_flight: AtomicI32,
    waiting: AtomicI32,
    started: OnceLock<Instant>,
}

/// A look at a run that lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Live {
    /// Since the clock started; zero while users still connect.
    pub elapsed: Duration,
    /// Requests that ended, well or not.
    pub finished: u64,
    /// Of those: not well.
    pub failed: u64,
    /// Requests outstanding.
    pub in_flight: u32,
    /// Arrivals that wait for a free user.
    pub waiting: u32,
    /// Median response time of successes so far, in microseconds; none without a success.
    pub p50_us: Option<u64>,
    /// Their 95th percentile.
    pub p95_us: Option<u64>,
}

impl Meter {
    /// A meter for as many workers.
    ///
    /// # Errors
    /// Never in practice: the bounds of the histograms are constants.
    pub fn new(workers: u32) -> io::Result<Self> {
        let empty = Histograms::new()?;
        Ok(Self {
            parts: (0..workers.max(1)).map(|_| Mutex::new(empty.clone())).collect(),
            empty,
            classes: std::array::from_fn(|_| AtomicU64::new(0)),
            in_flight: AtomicI32::new(0),
            waiting: AtomicI32::new(0),
            started: OnceLock::new(),
        })
    }

    /// How things stand.
    pub fn live(&self) -> Live {
        let merged = self.merged().response_us;
        let at = |quantile: f64| (!merged.is_empty()).then(|| merged.value_at_quantile(quantile));
        let finished = self.classes.iter().map(|count| count.load(Relaxed)).sum();
        let level = |level: &AtomicI32| u32::try_from(level.load(Relaxed)).unwrap_or(0);
        Live {
            elapsed: self
                .started
                .get()
                .map_or(Duration::ZERO, |start| Instant::now().saturating_duration_since(*start)),
            finished,
            failed: finished - self.classes[Class::Ok as usize].load(Relaxed),
            in_flight: level(&self.in_flight),
            waiting: level(&self.waiting),
            p50_us: at(0.5),
            p95_us: at(0.95),
        }
    }

    /// How many requests ended like this.
    pub fn count(&self, class: Class) -> u64 {
        self.classes[class as usize].load(Relaxed)
    }

    /// When the clock started; now, if it has not.
    pub(crate) fn started(&self) -> Instant {
        self.started.get().copied().unwrap_or_else(Instant::now)
    }

    pub(crate) fn start(&self, at: Instant) {
        let _ = self.started.set(at);
    }

    pub(crate) fn merged(&self) -> Histograms {
        let mut all = self.empty.clone();
        for part in &self.parts {
            all.add(&part.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }

    pub(crate) fn waits(&self, by: i32) {
        self.waiting.fetch_add(by, Relaxed);
    }

    pub(crate) fn flies(&self, by: i32) {
        self.in_flight.fetch_add(by, Relaxed);
    }

    pub(crate) fn ended(&self, worker: u32, record: &Record) {
        self.classes[record.class as usize].fetch_add(1, Relaxed);
        if record.ok() {
            self.part(worker, |part| part.response_us.saturating_record(record.response_us()));
        }
    }

    pub(crate) fn between(&self, worker: u32, gaps_us: &[u32]) {
        if !gaps_us.is_empty() {
            self.part(worker, |part| gaps_us.iter().for_each(|gap| part.between_us.saturating_record(u64::from(*gap))));
        }
    }

    fn part(&self, worker: u32, then: impl FnOnce(&mut Histograms)) {
        if let Some(part) = self.parts.get(worker as usize) {
            then(&mut part.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
