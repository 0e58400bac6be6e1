//! How recent calls of one model went: a bounded window, and the figures that are made of it when somebody asks.
//! Knows no clock: moments are handed in.

use crate::{Outcome, percentile};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Calls older than this say nothing about now.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);
/// Calls remembered at most.
const CALLS_MAX: usize = 512;

/// Times of recent calls, in milliseconds: so many percent took no longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// 50 %.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 95 %.
    pub p95: f64,
    /// 99 %.
    pub p99: f64,
}

impl Quantiles {
    fn of(sample: &[f64]) -> Option<Self> {
        let at = |percent| percentile(sample, percent);
        Some(Self { p50: at(50.0)?, p90: at(90.0)?, p95: at(95.0)?, p99: at(99.0)? })
    }
}

/// How the calls of the last 15 minutes went, at most 512 of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Recent {
    /// Until the first event of streams.
    pub first_token_ms: Option<Quantiles>,
    /// Until the end of answers, streamed or whole.
    pub answer_ms: Option<Quantiles>,
    /// Calls that came to an end which says something about the model: neither cancelled nor in too great a hurry.
    pub calls: usize,
    /// Of these, those without an answer. A request that was refused for what it asks is none of them.
    pub failed: usize,
}

/// One call.
#[derive(Debug, Clone, Copy)]
struct Past {
    at: Instant,
    failed: bool,
    first_token_ms: Option<f64>,
    answer_ms: Option<f64>,
}

/// The window.
#[derive(Debug, Default)]
pub struct Window(VecDeque<Past>);

impl Window {
    /// Takes one call in that ended `now`; `harm` tells whether it speaks against the model, `None` that it says nothing.
    pub fn ended(
        &mut self,
        now: Instant,
        outcome: Outcome,
        harm: Option<bool>,
        first_token: Option<Duration>,
        took: Duration,
    ) {
        let failed = match (outcome, harm) {
            (Outcome::Answered, _) | (Outcome::Failed, Some(false)) => false,
            (Outcome::Failed, _) | (Outcome::TimedOut, Some(true)) => true,
            _ => return,
        };
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        self.forget(now);
        if self.0.len() >= CALLS_MAX {
            self.0.pop_front();
        }
        let answer_ms = (outcome == Outcome::Answered).then(|| ms(took));
        self.0.push_back(Past { at: now, failed, first_token_ms: first_token.map(ms), answer_ms });
    }

    /// The figures now.
    pub fn recent(&mut self, now: Instant) -> Recent {
        self.forget(now);
        let times = |of: fn(&Past) -> Option<f64>| self.0.iter().filter_map(of).collect::<Vec<_>>();
        Recent {
            first_token_ms: Quantiles::of(&times(|past| past.first_token_ms)),
            answer_ms: Quantiles::of(&times(|past| past.answer_ms)),
            calls: self.0.len(),
            failed: self.0.iter().filter(|past| past.failed).count(),
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|past| now.saturating_duration_since(past.at) > AGE_MAX) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AGE_MAX, CALLS_MAX, Quantiles, Recent, Window};
    use crate::Outcome;
    use std::time::{Duration, Instant};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn figures_are_of_what_was_seen() {
        let (mut window, now) = (Window::default(), Instant::now());
        assert_eq!(window.recent(now), Recent::default());
        for at in 1..=100 {
            window.ended(now, Outcome::Answered, Some(false), (at % 2 == 0).then(|| ms(at)), ms(10 * at));
        }
        let recent = window.recent(now);
        let answers = Quantiles { p50: 500.0, p90: 900.0, p95: 950.0, p99: 990.0 };
        assert_eq!(recent.answer_ms, Some(answers));
        assert_eq!(recent.first_token_ms.unwrap().p50, 50.0);
        assert_eq!((recent.calls, recent.failed), (100, 0));
    }

    #[test]
    fn only_what_speaks_against_the_model_counts_against_it() {
        let (mut window, now) = (Window::default(), Instant::now());
        for (outcome, harm, expect) in [
            (Outcome::Failed, Some(true), (1, 1)),
            (Outcome::Failed, None, (2, 2)),
            (Outcome::Failed, Some(false), (3, 2)),
            (Outcome::TimedOut, Some(true), (4, 3)),
            (Outcome::TimedOut, None, (4, 3)),
            (Outcome::Cancelled, None, (4, 3)),
            (Outcome::Answered, Some(false), (5, 3)),
        ] {
            window.ended(now, outcome, harm, None, ms(1));
            let recent = window.recent(now);
            assert_eq!((recent.calls, recent.failed), expect, "{outcome:?} {harm:?}");
        }
        assert_eq!(window.recent(now).answer_ms.unwrap().p99, 1.0, "failures have no time of an answer");
    }

    #[test]
    fn it_forgets_the_old_and_the_many() {
        let (mut window, now) = (Window::default(), Instant::now());
        window.ended(now, Outcome::Failed, Some(true), None, ms(1));
        assert_eq!(window.recent(now + AGE_MAX).calls, 1);
        let now = now + AGE_MAX + ms(1);
        assert_eq!(window.recent(now), Recent::default());
        for at in 0..CALLS_MAX as u64 + 100 {
            window.ended(now, Outcome::Answered, Some(false), None, ms(at));
        }
        let recent = window.recent(now);
        assert_eq!((recent.calls, recent.answer_ms.unwrap().p50), (CALLS_MAX, 355.0));
    }
}
