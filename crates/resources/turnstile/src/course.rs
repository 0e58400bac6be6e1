//! How the calls of one endpoint went lately, as far as that decides who is asked next. Knows no clock: moments are
//! handed in.

use balance::PeakEwma;
use measure::{Outcome, Window};
use std::time::{Duration, Instant};

/// How fast what went well and what did not lose their weight.
const FORGET: Duration = Duration::from_secs(60);
/// The share that whoever has just come back gets at least: without any nobody would find out how it is.
const SHARE_LEAST: f64 = 0.1;

/// How the calls of one endpoint went lately.
#[derive(Debug)]
pub struct Course {
    /// The calls of the last 15 minutes.
    pub window: Window,
    /// How long it takes to the first sign of an answer.
    pub latency: PeakEwma,
    good: f64,
    bad: f64,
    at: Option<Instant>,
    /// Since when it is there again, if it ever was away or new.
    since: Option<Instant>,
}

/// How one call ended, as far as that says something about its endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// How it ended for whoever counts.
    pub outcome: Outcome,
    /// Whether it speaks against the endpoint; `None` says nothing.
    pub harm: Option<bool>,
    /// Whether it was refused for want of room.
    pub refused: bool,
    /// Whether it closed the breaker again.
    pub recovered: bool,
    /// Until a stream opened, and then its latency has been taken already.
    pub first_token: Option<Duration>,
    /// Until the head of the answer came.
    pub head: Option<Duration>,
    /// Until the end.
    pub took: Duration,
}

impl Course {
    /// Nothing seen yet, with the `decay` of old latencies; `since` is when it came, where others were there before it.
    pub fn new(decay: Duration, since: Option<Instant>) -> Self {
        let (window, latency) = (Window::default(), PeakEwma::new(decay));
        Self { window, latency, good: 0.0, bad: 0.0, at: None, since }
    }

    /// A call has ended; one that speaks against the endpoint counts as having taken `penalty` at least.
    pub fn ended(&mut self, now: Instant, ended: Ended, penalty: Duration) {
        let Ended { outcome, harm, refused, recovered, first_token, head, took } = ended;
        self.window.ended(now, outcome, harm, first_token, took);
        if recovered {
            self.since = Some(now);
        }
        if refused || harm == Some(true) {
            self.forget(now);
            self.bad += 1.0;
            self.latency.failed(now, penalty.max(took));
        } else if outcome == Outcome::Answered {
            self.forget(now);
            self.good += 1.0;
            if first_token.is_none() {
                self.latency.observe(now, head.unwrap_or(took));
            }
        }
    }

    /// The share of recent calls that went well; what was long ago weighs little against a benefit of the doubt.
    pub fn health(&self, now: Instant) -> f64 {
        let kept = self.kept(now);
        (self.good * kept + 1.0) / ((self.good + self.bad) * kept + 1.0)
    }

    /// The share of its full part that it gets, where it came back at `back` or since what is known here.
    pub fn share(&self, now: Instant, back: Option<Instant>, slow_start: Duration) -> f64 {
        let Some(since) = self.since.max(back).filter(|_| !slow_start.is_zero()) else { return 1.0 };
        let there = now.saturating_duration_since(since).as_secs_f64();
        (there / slow_start.as_secs_f64()).clamp(SHARE_LEAST, 1.0)
    }

    fn forget(&mut self, now: Instant) {
        let kept = self.kept(now);
        (self.good, self.bad, self.at) = (self.good * kept, self.bad * kept, Some(now));
    }

    fn kept(&self, now: Instant) -> f64 {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        (-passed.as_secs_f64() / FORGET.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DECAY: Duration = Duration::from_secs(10);

    fn ended(outcome: Outcome, harm: Option<bool>, took: Duration) -> Ended {
        let (refused, recovered, first_token, head) = (false, false, None, None);
        Ended { outcome, harm, refused, recovered, first_token, head, took }
    }

    #[test]
    fn health_is_what_went_well_of_late() {
        let (now, mut course) = (Instant::now(), Course::new(DECAY, None));
        assert_eq!(course.health(now), 1.0);
        for _ in 0..9 {
            course.ended(now, ended(Outcome::Failed, Some(true), SECOND), SECOND);
        }
        assert!((course.health(now) - 0.1).abs() < 1e-9, "{}", course.health(now));
        course.ended(now, ended(Outcome::Cancelled, None, SECOND), SECOND);
        course.ended(now, ended(Outcome::Answered, Some(false), SECOND), SECOND);
        assert!((course.health(now) - 2.0 / 11.0).abs() < 1e-9, "{}", course.health(now));
        assert!(course.health(now + SECOND * 600) > 0.99);
    }

    #[test]
    fn a_fast_failure_is_no_fast_answer_and_a_head_is_the_first_sign() {
        let (now, mut course) = (Instant::now(), Course::new(DECAY, None));
        let head = Ended { head: Some(SECOND / 4), ..ended(Outcome::Answered, Some(false), SECOND * 3) };
        course.ended(now, head, SECOND);
        assert_eq!(course.latency.seconds(now), 0.25);
        course.ended(now, ended(Outcome::Failed, Some(true), SECOND / 100), SECOND * 5);
        assert!(course.latency.seconds(now) >= 5.0 && course.latency.penalised(now));
    }

    #[test]
    fn whoever_comes_back_gets_its_share_bit_by_bit() {
        let now = Instant::now();
        let share = |course: &Course, ms, back| course.share(now + SECOND * ms / 1_000, back, SECOND);
        let old = Course::new(DECAY, None);
        assert_eq!((share(&old, 0, None), share(&old, 250, Some(now))), (1.0, 0.25));
        let mut new = Course::new(DECAY, Some(now));
        assert_eq!([0, 500, 2_000].map(|ms| share(&new, ms, None)), [0.1, 0.5, 1.0]);
        assert_eq!(new.share(now, None, Duration::ZERO), 1.0);
        let recovered = Ended { recovered: true, ..ended(Outcome::Answered, Some(false), SECOND) };
        new.ended(now + SECOND * 5, recovered, SECOND);
        assert_eq!((share(&new, 5_500, None), share(&new, 6_000, None)), (0.5, 1.0));
    }
}
