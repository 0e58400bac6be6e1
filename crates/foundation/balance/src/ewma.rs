//! How long an endpoint takes to answer: a mean that rises at once and falls slowly, and what failing does to it.

use std::time::{Duration, Instant};

/// For how many decays a first failure spares an endpoint. Where a request comes each second, to ask one that is sick
/// any sooner would by itself be more than one in a hundred.
const REST_FIRST: u32 = 6;
/// How much longer each failure in a row of them spares it than the one before.
const REST_GROWTH: u32 = 4;
/// The longest rest, in decays.
const REST_MAX: u32 = 30;
/// Good answers, without a failure between them, after which earlier failures are forgiven.
const FORGIVEN_AFTER: u32 = 20;

/// A moving mean of answer times that takes every peak at its height and lets it fade.
///
/// A failure is no time: whoever fails in a millisecond would be the fastest of all. It counts as a time that is
/// handed in, and spares the endpoint for a rest: six times the decay, four times that if it fails again before twenty
/// answers went well, at most thirty times the decay. Asking a sick one again thus costs little however long it is sick.
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
    /// Calls that wait for a first sign of an answer.
    waiting: u32,
    /// Since when nothing has come while they wait.
    silent_since: Option<Instant>,
}

impl PeakEwma {
    /// Nothing seen yet. Times lose about two thirds of their weight in each `decay`, which is at least a millisecond.
    pub fn new(decay: Duration) -> Self {
        let decay = decay.max(Duration::from_millis(1));
        let (at, until, silent_since) = (None, None, None);
        Self { decay, mean_s: 0.0, at, failures: 0, answers: 0, until, waiting: 0, silent_since }
    }

    /// A call goes out. Until [`PeakEwma::heard`] or [`PeakEwma::left`] it waits for a first sign of an answer.
    pub fn asked(&mut self, now: Instant) {
        self.waiting = self.waiting.saturating_add(1);
        self.silent_since.get_or_insert(now);
    }

    /// One of the calls that wait has had a sign, good or bad.
    pub fn heard(&mut self, now: Instant) {
        self.left();
        self.silent_since = self.silent_since.map(|_| now);
    }

    /// One of them was given up without any.
    pub fn left(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.silent_since = None;
        }
    }

    /// An answer took `rtt`, which is as good as it went.
    pub fn observe(&mut self, now: Instant, rtt: Duration) {
        self.sample(now, rtt.as_secs_f64());
        self.went_well(now);
    }

    /// No answer had come after `waited`, when nobody waited any longer: it would have taken that long at least. So it
    /// may raise the mean, and never lowers it.
    pub fn outlasted(&mut self, now: Instant, waited: Duration) {
        let waited = waited.as_secs_f64();
        if waited > self.mean_s * self.faded(now) {
            self.sample(now, waited);
        }
    }

    /// An answer came whose time counts elsewhere.
    pub fn went_well(&mut self, now: Instant) {
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
        self.sample(now, penalty.as_secs_f64().max(self.mean_s * self.faded(now)));
        // Calls that failed together are one failure.
        if !self.penalised(now) {
            self.failures = self.failures.saturating_add(1);
            let times = REST_FIRST.saturating_mul(REST_GROWTH.saturating_pow(self.failures - 1)).min(REST_MAX);
            self.until = now.checked_add(self.decay.saturating_mul(times));
        }
        self.answers = 0;
    }

    /// The mean now, in seconds; 0 before the first time. It fades while nobody asks, so that whoever was slow once
    /// gets another chance. While calls wait it is no less than the silence since the last sign of any answer: one that
    /// hangs would else look ever faster.
    pub fn seconds(&self, now: Instant) -> f64 {
        let silent = self.silent_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        (self.mean_s * self.faded(now)).max(silent.as_secs_f64())
    }

    /// Whether calls wait and nothing at all is known yet: neither a time nor that it fails.
    pub fn is_cold(&self) -> bool {
        self.at.is_none() && self.waiting > 0
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
