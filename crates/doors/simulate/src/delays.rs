//! What the answers here really took, so that whoever measures them from outside can be checked. Knows no protocol.
//!
//! Scripts say how long an answer should take; timers wake a little later, up to a millisecond by their grain and more
//! on a busy machine. What is kept here is therefore measured, never what the script said.

use crate::stage::Stage;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use measure::percentile;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many of the latest delays are kept; older ones are only counted. 16 bytes each.
pub(crate) const DELAYS_KEPT_MAX: usize = 200_000;

/// One request that was answered to its end.
#[derive(Debug, Clone, Copy)]
struct Delay {
    us: u32,
    first_event_us: u32,
    /// None for a whole answer.
    events: u32,
    ok: bool,
}

/// The latest delays.
pub(crate) struct Delays(Mutex<Kept>);

struct Kept {
    latest: VecDeque<Delay>,
    count: u64,
    count_ok: u64,
}

impl Delays {
    fn push(&self, delay: Delay) {
        let mut kept = self.lock();
        kept.count += 1;
        kept.count_ok += u64::from(delay.ok);
        if kept.latest.len() == DELAYS_KEPT_MAX {
            kept.latest.pop_front();
        }
        kept.latest.push_back(delay);
    }

    fn forget(&self) {
        let mut kept = self.lock();
        (kept.count, kept.count_ok) = (0, 0);
        kept.latest.clear();
    }

    /// What is kept, all of it or what went well alone. Answers wait only while it is copied.
    fn told(&self, ok: bool) -> Told {
        let mut latest: Vec<Delay> = Vec::with_capacity(DELAYS_KEPT_MAX);
        let kept = self.lock();
        latest.extend(&kept.latest);
        let count = if ok { kept.count_ok } else { kept.count };
        drop(kept);
        latest.retain(|delay| delay.ok || !ok);
        Told::new(count, &latest)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Delays {
    fn default() -> Self {
        // All the room there may be at once: nobody who records waits while what is kept moves to a larger place.
        let latest = VecDeque::with_capacity(DELAYS_KEPT_MAX);
        Self(Mutex::new(Kept { latest, count: 0, count_ok: 0 }))
    }
}

/// One request on its way. Dropped before its end (the client left, the script hangs) it is not recorded.
pub(crate) struct Take {
    started: Instant,
    delays: Arc<Delays>,
}

impl Take {
    /// Starts the clock: the body has been read.
    pub(crate) fn new(delays: Arc<Delays>) -> Self {
        Self { started: Instant::now(), delays }
    }

    /// Since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A reply without a stream, recorded as it is handed to the server.
    pub(crate) fn whole(self, response: Response) -> Response {
        self.record(Duration::ZERO, 0, response.status() == StatusCode::OK);
        response
    }

    /// A stream whose last event is handed to the server; `ok` unless it was cut off.
    pub(crate) fn streamed(&self, first_event: Duration, events: u32, ok: bool) {
        self.record(first_event, events, ok);
    }

    fn record(&self, first_event: Duration, events: u32, ok: bool) {
        let (us, first_event_us) = (micros(self.elapsed()), micros(first_event));
        self.delays.push(Delay { us, first_event_us, events, ok });
    }
}

/// Whole microseconds; whatever is longer than 71 minutes reads as that.
fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// The answer to `GET /_delays`. Percentiles are exact (nearest rank) over what is kept, absent where nothing is.
#[derive(Serialize)]
struct Told {
    /// Recorded since the start or since they were forgotten.
    count: u64,
    /// The length of `delays_us`.
    kept: usize,
    /// Oldest first: until a whole reply, or the last event of a stream, was handed to the server.
    delays_us: Vec<u32>,
    #[serde(flatten)]
    percentiles: Percentiles,
    streams: Streams,
}

/// Of those kept, the streams with at least one event.
#[derive(Serialize)]
struct Streams {
    kept: usize,
    first_event_us: Vec<u32>,
    #[serde(flatten)]
    percentiles: Percentiles,
    /// How many each had.
    events: Vec<u32>,
}

#[derive(Serialize)]
struct Percentiles {
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

impl Told {
    fn new(count: u64, latest: &[Delay]) -> Self {
        let delays_us: Vec<u32> = latest.iter().map(|delay| delay.us).collect();
        let streams: Vec<&Delay> = latest.iter().filter(|delay| delay.events > 0).collect();
        let first_event_us: Vec<u32> = streams.iter().map(|delay| delay.first_event_us).collect();
        Self {
            count,
            kept: delays_us.len(),
            percentiles: Percentiles::of(&delays_us),
            delays_us,
            streams: Streams {
                kept: streams.len(),
                percentiles: Percentiles::of(&first_event_us),
                first_event_us,
                events: streams.iter().map(|delay| delay.events).collect(),
            },
        }
    }
}

impl Percentiles {
    fn of(sample_us: &[u32]) -> Self {
        let sample_ms: Vec<f64> = sample_us.iter().map(|&us| f64::from(us) / 1_000.0).collect();
        let at = |percent| percentile(&sample_ms, percent);
        Self { p50_ms: at(50.0), p95_ms: at(95.0), p99_ms: at(99.0) }
    }
}

/// Which delays, in the query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only those answered 200, and to the end; false is as if it were not there.
    #[serde(default)]
    ok: bool,
}

pub(crate) async fn show(State(stage): State<Stage>, wanted: Result<Query<Wanted>, QueryRejection>) -> Response {
    match wanted {
        Ok(Query(wanted)) => Json(stage.delays().told(wanted.ok)).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error.body_text() }))).into_response(),
    }
}

pub(crate) async fn forget(State(stage): State<Stage>) -> StatusCode {
    stage.delays().forget();
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(us: u32) -> Delay {
        Delay { us, first_event_us: 0, events: 0, ok: us.is_multiple_of(2) }
    }

    #[test]
    fn the_latest_are_kept_and_all_are_counted() {
        let delays = Delays::default();
        let room = delays.lock().latest.capacity();
        let all = DELAYS_KEPT_MAX as u32 + 5;
        (0..all).for_each(|us| delays.push(delay(us)));
        let told = delays.told(false);
        assert_eq!((told.count, told.kept), (u64::from(all), DELAYS_KEPT_MAX));
        assert_eq!((told.delays_us.first(), told.delays_us.last()), (Some(&5), Some(&(all - 1))));
        assert_eq!(delays.lock().latest.capacity(), room, "no room is added");
        let well = delays.told(true);
        assert_eq!((well.count, well.kept), (u64::from(all.div_ceil(2)), DELAYS_KEPT_MAX / 2));
        assert!(well.delays_us.iter().all(|us| us % 2 == 0));
        delays.forget();
        assert_eq!((delays.told(false).count, delays.told(true).kept), (0, 0));
    }

    #[test]
    fn percentiles_are_the_nearest_ranks() {
        let ms = |sample: &[u32]| {
            let found = Percentiles::of(sample);
            [found.p50_ms, found.p95_ms, found.p99_ms]
        };
        let hundred: Vec<u32> = (1..=100).rev().map(|ms| ms * 1_000 + 1).collect();
        assert_eq!(ms(&hundred), [Some(50.001), Some(95.001), Some(99.001)]);
        assert_eq!(ms(&[7]), [Some(0.007); 3]);
        assert_eq!(ms(&[]), [None; 3]);
    }

    #[test]
    fn what_takes_longer_than_a_number_holds_is_the_longest() {
        assert_eq!(micros(Duration::from_nanos(1_999)), 1);
        assert_eq!(micros(Duration::from_hours(2)), u32::MAX);
    }
}
