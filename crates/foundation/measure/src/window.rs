//! How recent calls of one model went: a bounded window, and the figures that are made of it when somebody asks.
//! Knows no clock: moments are handed in.

use crate::Outcome;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Calls older than this say nothing about now.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);
/// Calls remembered at most.
const CALLS_MAX: usize = 512;

/// Times of recent calls, in milliseconds: so many percent took no longer.
///
/// Calls that nobody waited for to the end count as what they are, at least so long: by the estimate of Kaplan and
/// Meier. Leaving them out would make an endpoint look the faster the more often it is given up on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiles {
    /// Calls whose time was seen to its end.
    pub samples: usize,
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
    /// `None` where no time was seen to its end.
    fn of(mut times: Vec<Time>) -> Option<Self> {
        let samples = times.iter().filter(|time| !time.cut).count();
        let most = times.iter().map(|time| time.ms).max_by(f64::total_cmp).filter(|_| samples > 0)?;
        // What was cut at a moment at which another ended would have taken longer.
        times.sort_unstable_by(|one, other| one.ms.total_cmp(&other.ms).then(one.cut.cmp(&other.cut)));
        let mut longer = 1.0;
        let steps: Vec<(f64, f64)> = (1..=times.len())
            .rev()
            .zip(&times)
            .filter(|(_, time)| !time.cut)
            .map(|(left, time)| {
                longer *= (left as f64 - 1.0) / left as f64;
                (1.0 - longer, time.ms)
            })
            .collect();
        // A hair's breadth, so that what many divisions have rounded keeps whole ranks whole.
        let at = |share| steps.iter().find(|(ended, _)| *ended >= share - 1e-9).map_or(most, |(_, ms)| *ms);
        Some(Self { samples, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) })
    }
}

/// How the calls of the last 15 minutes went, at most 512 of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Recent {
    /// Until the first event of streams.
    pub first_token_ms: Option<Quantiles>,
    /// Until the end of answers, streamed or whole.
    pub answer_ms: Option<Quantiles>,
    /// The same of whole ones alone.
    pub whole_ms: Option<Quantiles>,
    /// Calls that came to an end which says something about the model: neither cancelled nor in too great a hurry.
    pub calls: usize,
    /// Of these, those without an answer. A request that was refused for what it asks is none of them.
    pub failed: usize,
}

/// One call.
#[derive(Debug, Clone, Copy)]
struct Past {
    at: Instant,
    /// Whether it failed; `None` where it says nothing about the model.
    failed: Option<bool>,
    stream: bool,
    first_token: Option<Time>,
    answer: Option<Time>,
}

/// What something took, or how long it had taken when it was cut.
#[derive(Debug, Clone, Copy)]
struct Time {
    ms: f64,
    cut: bool,
}

impl Past {
    /// The times that figures are made of: to the first token, of answers, of whole ones.
    const TIMES: [fn(&Self) -> Option<Time>; 3] =
        [|past| past.first_token, |past| past.answer, |past| past.answer.filter(|_| !past.stream)];

    /// Whether it tells nothing but that it would have taken longer.
    fn is_cut(&self) -> bool {
        let times = [self.first_token, self.answer];
        self.failed.is_none() && times.into_iter().flatten().all(|time| time.cut)
    }
}

/// The window.
#[derive(Debug, Default)]
pub struct Window {
    calls: VecDeque<Past>,
    /// How many of them were only cut.
    cuts: usize,
}

impl Window {
    /// Takes one call in that ended `now` and wanted a `stream` or not; `harm` tells whether it speaks against the model,
    /// `None` that it says nothing. What timed out or was given up on was cut: it would have taken longer. Of those no
    /// crowd drives out the calls that came to an end.
    pub fn ended(
        &mut self,
        now: Instant,
        outcome: Outcome,
        harm: Option<bool>,
        stream: bool,
        first_token: Option<Duration>,
        took: Duration,
    ) {
        let failed = match (outcome, harm) {
            (Outcome::Answered, _) | (Outcome::Failed, Some(false)) => Some(false),
            (Outcome::Failed, _) | (Outcome::TimedOut, Some(true)) => Some(true),
            _ => None,
        };
        let time = |time: Duration, cut| Time { ms: time.as_secs_f64() * 1_000.0, cut };
        let cut = matches!(outcome, Outcome::TimedOut | Outcome::Cancelled);
        let answer = (cut || outcome == Outcome::Answered).then(|| time(took, cut));
        let opened = first_token.map(|first_token| time(first_token, false));
        let first_token = opened.or(answer.filter(|answer| stream && answer.cut));
        if failed.is_none() && answer.is_none() {
            return;
        }
        self.forget(now);
        let past = Past { at: now, failed, stream, first_token, answer };
        if past.is_cut() && self.is_moot(&past) {
            return;
        }
        if self.calls.len() >= CALLS_MAX {
            let too_many_cuts = self.cuts * 2 > self.calls.len();
            self.remove(if too_many_cuts { self.calls.iter().position(Past::is_cut).unwrap_or(0) } else { 0 });
        }
        self.cuts += usize::from(past.is_cut());
        self.calls.push_back(past);
    }

    /// Whether one that was cut changes no figure: all that is known of its kind took longer anyway.
    fn is_moot(&self, cut: &Past) -> bool {
        Past::TIMES.iter().all(|of| {
            let ended = self.calls.iter().filter_map(of).filter(|time| !time.cut);
            let least = ended.map(|time| time.ms).min_by(f64::total_cmp);
            of(cut).is_none_or(|cut| least.is_some_and(|least| cut.ms < least))
        })
    }

    fn remove(&mut self, at: usize) {
        let cut = self.calls.remove(at).is_some_and(|past| past.is_cut());
        self.cuts -= usize::from(cut);
    }

    /// The figures now.
    pub fn recent(&mut self, now: Instant) -> Recent {
        self.forget(now);
        let times = |of: fn(&Past) -> Option<Time>| Quantiles::of(self.calls.iter().filter_map(of).collect());
        let failed = || self.calls.iter().filter_map(|past| past.failed);
        let count = |of: fn(bool) -> bool| failed().filter(|it| of(*it)).count();
        let [first_token_ms, answer_ms, whole_ms] = Past::TIMES.map(times);
        Recent { first_token_ms, answer_ms, whole_ms, calls: count(|_| true), failed: count(|failed| failed) }
    }

    fn forget(&mut self, now: Instant) {
        while self.calls.front().is_some_and(|past| now.saturating_duration_since(past.at) > AGE_MAX) {
            self.remove(0);
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
            let stream = at % 2 == 0;
            window.ended(now, Outcome::Answered, Some(false), stream, stream.then(|| ms(at)), ms(10 * at));
        }
        let recent = window.recent(now);
        let answers = Quantiles { samples: 100, p50: 500.0, p90: 900.0, p95: 950.0, p99: 990.0 };
        assert_eq!(recent.answer_ms, Some(answers));
        let wholes = Quantiles { samples: 50, p50: 490.0, p90: 890.0, p95: 950.0, p99: 990.0 };
        assert_eq!(recent.whole_ms, Some(wholes));
        assert_eq!(recent.first_token_ms.map(|times| (times.samples, times.p50)), Some((50, 50.0)));
        assert_eq!((recent.calls, recent.failed), (100, 0));
    }

    #[test]
    fn what_was_cut_took_that_long_at_least() {
        let now = Instant::now();
        let check = |stream, cut: Outcome, cuts: &[u64], expect: Option<(usize, f64, f64)>| {
            let mut window = Window::default();
            for at in 1..=10 {
                let outcome = if cuts.contains(&at) { cut } else { Outcome::Answered };
                let opened = (stream && outcome == Outcome::Answered).then(|| ms(at));
                window.ended(now, outcome, None, stream, opened, ms(at));
            }
            let recent = window.recent(now);
            let times = if stream { recent.first_token_ms } else { recent.whole_ms };
            assert_eq!(times.map(|times| (times.samples, times.p50, times.p95)), expect, "{stream} {cuts:?}");
        };
        for stream in [true, false] {
            check(stream, Outcome::Cancelled, &[], Some((10, 5.0, 10.0)));
            // Without the slow ones half would have taken no more than three.
            check(stream, Outcome::Cancelled, &[6, 7, 8, 9, 10], Some((5, 5.0, 10.0)));
            check(stream, Outcome::TimedOut, &[10], Some((9, 5.0, 10.0)));
            // Whoever is given up on at once says next to nothing.
            check(stream, Outcome::Cancelled, &[1, 2, 3, 4], Some((6, 7.0, 10.0)));
            check(stream, Outcome::TimedOut, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], None);
        }
    }

    #[test]
    fn a_crowd_that_gives_up_drives_out_nobody() {
        let now = Instant::now();
        for (stream, given_up_ms, cuts) in [(false, 1, 0), (true, 1, 0), (false, 150, 412), (true, 150, 412)] {
            let mut window = Window::default();
            let answered = |window: &mut Window, at| {
                window.ended(now, Outcome::Answered, Some(false), stream, stream.then(|| ms(at)), ms(at));
            };
            (101..=200).for_each(|at| answered(&mut window, at));
            let before = window.recent(now);
            for _ in 0..2_000 {
                window.ended(now, Outcome::Cancelled, None, stream, None, ms(given_up_ms));
            }
            let after = window.recent(now);
            assert_eq!(after.answer_ms.unwrap().samples, 100, "{stream} {given_up_ms}");
            assert_eq!((window.cuts, after == before), (cuts, cuts == 0), "{stream} {given_up_ms}");
            // Those that came to an end come back, and the oldest of all go then.
            (0..600).for_each(|_| answered(&mut window, 300));
            assert_eq!((window.calls.len(), window.recent(now).calls), (CALLS_MAX, CALLS_MAX - window.cuts));
            assert!(window.cuts * 2 <= CALLS_MAX);
            assert_eq!((window.recent(now + AGE_MAX * 2).calls, window.cuts), (0, 0));
        }
    }

    #[test]
    fn a_call_that_is_cut_soon_counts_until_its_kind_is_known() {
        let (mut window, now) = (Window::default(), Instant::now());
        window.ended(now, Outcome::Answered, Some(false), false, None, ms(100));
        window.ended(now, Outcome::Cancelled, None, true, None, ms(50));
        window.ended(now, Outcome::Answered, Some(false), true, Some(ms(20)), ms(200));
        assert_eq!(window.recent(now).first_token_ms.unwrap().p95, 50.0);
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
            window.ended(now, outcome, harm, false, None, ms(1));
            let recent = window.recent(now);
            assert_eq!((recent.calls, recent.failed), expect, "{outcome:?} {harm:?}");
        }
        assert_eq!(window.recent(now).answer_ms.unwrap().p99, 1.0, "failures have no time of an answer");
    }

    #[test]
    fn it_forgets_the_old_and_the_many() {
        let (mut window, now) = (Window::default(), Instant::now());
        window.ended(now, Outcome::Failed, Some(true), false, None, ms(1));
        assert_eq!(window.recent(now + AGE_MAX).calls, 1);
        let now = now + AGE_MAX + ms(1);
        assert_eq!(window.recent(now), Recent::default());
        for at in 0..CALLS_MAX as u64 + 100 {
            window.ended(now, Outcome::Answered, Some(false), false, None, ms(at));
        }
        let recent = window.recent(now);
        assert_eq!((recent.calls, recent.answer_ms.unwrap().p50), (CALLS_MAX, 355.0));
    }
}
