//! How long an endpoint takes to answer: a mean that rises at once and falls slowly, and what failing does to it.

use std::time::{Duration, Instant};

/// How much longer each failure in a row of them spares an endpoint than the one before.
const REST_GROWTH: u32 = 4;
/// The longest rest, in rests after a first failure.
const REST_MAX: u32 = 30;
/// Good answers, without a failure between them, after which earlier failures are forgiven.
const FORGIVEN_AFTER: u32 = 20;

/// A moving mean of answer times that takes every peak at its height and lets it fade.
///
/// A failure is no time: whoever fails in a millisecond would be the fastest of all. It counts as a time that is
/// handed in, and spares the endpoint for a rest: once the decay, four times that if it fails again before twenty
/// answers went well, and so on up to thirty times. Asking a sick one again thus costs little however long it is sick.
#[derive(Debug, Clone)]
pub struct PeakEwma {
    decay: Duration,
    mean_s: f64,
    /// When `mean_s` was right; `None` before the first time.
    at: Option<Instant>,
    /// Failures that are not forgiven yet.
    failures: u32,
    /// Answers since the last of them.
    answers: u32,
    /// Until when it is spared.
    until: Option<Instant>,
}

impl PeakEwma {
    /// Nothing seen yet. Times lose about two thirds of their weight in each `decay`, which is at least a millisecond.
    pub fn new(decay: Duration) -> Self {
        let decay = decay.max(Duration::from_millis(1));
        Self { decay, mean_s: 0.0, at: None, failures: 0, answers: 0, until: None }
    }

    /// An answer took `rtt`, which is as good as it went.
    pub fn observe(&mut self, now: Instant, rtt: Duration) {
        self.sample(now, rtt.as_secs_f64());
        // What was on its way before the failure says nothing about what came after it.
        if self.failures > 0 && !self.penalised(now) {
            self.answers += 1;
            if self.answers >= FORGIVEN_AFTER {
                (self.failures, self.answers) = (0, 0);
            }
        }
    }

    /// A call failed, which counts as if it had taken `penalty`.
    pub fn failed(&mut self, now: Instant, penalty: Duration) {
        self.sample(now, penalty.as_secs_f64().max(self.seconds(now)));
        // Calls that failed together are one failure.
        if !self.penalised(now) {
            self.failures = self.failures.saturating_add(1);
            let times = REST_GROWTH.saturating_pow(self.failures - 1).min(REST_MAX);
            self.until = now.checked_add(self.decay.saturating_mul(times));
        }
        self.answers = 0;
    }

    /// The mean now, in seconds; 0 before the first time. It fades while nobody asks, so that whoever was slow once
    /// gets another chance.
    pub fn seconds(&self, now: Instant) -> f64 {
        self.mean_s * self.faded(now)
    }

    /// Whether it is to be spared after failing.
    pub fn penalised(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    fn sample(&mut self, now: Instant, time_s: f64) {
        let old = self.faded(now);
        self.mean_s = if self.at.is_none() { time_s } else { time_s.max(self.mean_s * old + time_s * (1.0 - old)) };
        self.at = Some(now);
    }

    /// How much of the mean is left.
    fn faded(&self, now: Instant) -> f64 {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        (-passed.as_secs_f64() / self.decay.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests;
