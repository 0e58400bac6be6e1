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
    /// How long streams take to their first token; its rests after failures are those of both kinds.
    streams: PeakEwma,
    /// How long whole answers take. Neither tells anything about the other.
    wholes: PeakEwma,
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
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Until a stream opened, and then its latency has been taken already.
    pub first_token: Option<Duration>,
    /// Until the end.
    pub took: Duration,
    /// Whether it is known not to have reached the endpoint.
    pub unsent: bool,
}

impl Course {
    /// Nothing seen yet, with the `decay` of old latencies; `since` is when it came, where others were there before it.
    pub fn new(decay: Duration, since: Option<Instant>) -> Self {
        let (window, streams, wholes) = (Window::default(), PeakEwma::new(decay), PeakEwma::new(decay));
        Self { window, streams, wholes, good: 0.0, bad: 0.0, at: None, since }
    }

    /// How long it takes now, in seconds: a stream to its first token, or a whole answer to its end; 0 before the first
    /// of that kind.
    pub fn seconds(&self, now: Instant, stream: bool) -> f64 {
        if stream { self.streams.seconds(now) } else { self.wholes.seconds(now) }
    }

    /// Whether it is being asked for that kind and nothing is known of it yet.
    pub fn is_cold(&self, stream: bool) -> bool {
        if stream { self.streams.is_cold() } else { self.wholes.is_cold() }
    }

    /// Whether it failed lately and is to be spared.
    pub fn penalised(&self, now: Instant) -> bool {
        self.streams.penalised(now)
    }

    /// It failed, which counts as if it had taken `penalty`.
    pub fn penalise(&mut self, now: Instant, penalty: Duration) {
        self.streams.failed(now, penalty);
        self.wholes.failed(now, penalty);
    }

    /// A call goes out that wants a `stream` or not. Until it has opened or ended it waits for a sign of an answer.
    pub fn asked(&mut self, now: Instant, stream: bool) {
        self.kind(stream).asked(now);
    }

    /// A stream had its first token after `took`.
    pub fn opened(&mut self, now: Instant, took: Duration) {
        self.streams.heard(now);
        self.streams.observe(now, took);
    }

    /// A call has ended; one that speaks against the endpoint counts as having taken `penalty` at least, and one that
    /// was cut before it answered as what it is: it would have taken longer.
    pub fn ended(&mut self, now: Instant, ended: Ended, penalty: Duration) {
        let Ended { outcome, harm, refused, recovered, stream, first_token, took, unsent } = ended;
        // What never got there and speaks against nobody tells no time.
        if !unsent || harm.is_some() {
            self.window.ended(now, outcome, harm, stream, first_token, took);
        }
        if recovered {
            self.back(now);
        }
        match outcome {
            _ if first_token.is_some() => {}
            Outcome::Answered | Outcome::Failed => self.kind(stream).heard(now),
            _ => self.kind(stream).left(),
        }
        if refused || harm == Some(true) {
            self.forget(now);
            self.bad += 1.0;
            self.penalise(now, penalty.max(took));
        } else if outcome == Outcome::Answered {
            self.forget(now);
            self.good += 1.0;
            if first_token.is_none() {
                self.wholes.observe(now, took);
                self.streams.went_well(now);
            }
        } else if first_token.is_none() && matches!(outcome, Outcome::TimedOut | Outcome::Cancelled) {
            self.kind(stream).outlasted(now, took);
        }
    }

    /// It is there again after its breaker was open, and gets its share bit by bit.
    pub fn back(&mut self, now: Instant) {
        self.since = Some(now);
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

    fn kind(&mut self, stream: bool) -> &mut PeakEwma {
        if stream { &mut self.streams } else { &mut self.wholes }
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
        let (refused, recovered, stream, first_token, unsent) = (false, false, false, None, false);
        Ended { outcome, harm, refused, recovered, stream, first_token, took, unsent }
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
    fn a_fast_failure_is_no_fast_answer() {
        let (now, mut course) = (Instant::now(), Course::new(DECAY, None));
        course.opened(now, SECOND / 4);
        course.ended(now, ended(Outcome::Failed, Some(true), SECOND / 100), SECOND * 5);
        assert!([true, false].iter().all(|stream| course.seconds(now, *stream) >= 5.0) && course.penalised(now));
    }

    #[test]
    fn whole_answers_say_nothing_about_first_tokens() {
        let (now, mut course) = (Instant::now(), Course::new(DECAY, None));
        course.opened(now, SECOND / 4);
        let stream =
            Ended { stream: true, first_token: Some(SECOND / 4), ..ended(Outcome::Answered, None, SECOND * 9) };
        course.ended(now, stream, SECOND);
        assert_eq!((course.seconds(now, true), course.seconds(now, false)), (0.25, 0.0));
        course.ended(now, ended(Outcome::Answered, Some(false), SECOND * 3), SECOND);
        assert_eq!((course.seconds(now, true), course.seconds(now, false)), (0.25, 3.0));
        let recent = course.window.recent(now);
        assert_eq!(recent.first_token_ms.map(|times| times.p95), Some(250.0));
        assert_eq!(recent.whole_ms.map(|times| (times.samples, times.p95)), Some((1, 3_000.0)));
    }

    #[test]
    fn good_answers_of_either_kind_are_forgiving() {
        let (mut now, mut course) = (Instant::now(), Course::new(SECOND, None));
        course.penalise(now, SECOND);
        for nth in 0..20 {
            now += SECOND * 100;
            if nth % 2 == 0 {
                course.opened(now, SECOND);
            } else {
                course.ended(now, ended(Outcome::Answered, Some(false), SECOND), SECOND);
            }
        }
        let spared = |course: &mut Course| {
            course.penalise(now, SECOND);
            (0..).find(|s| !course.penalised(now + SECOND * *s)).unwrap()
        };
        let first = spared(&mut Course::new(SECOND, None));
        assert_eq!(spared(&mut course), first, "as after a first failure");
    }

    #[test]
    fn a_call_that_was_cut_would_have_taken_longer() {
        let now = Instant::now();
        for (outcome, stream) in [(Outcome::Cancelled, true), (Outcome::TimedOut, false), (Outcome::TimedOut, true)] {
            let mut course = Course::new(DECAY, None);
            let cut = |took| Ended { stream, ..ended(outcome, None, took) };
            course.ended(now, cut(SECOND * 2), SECOND * 5);
            assert_eq!((course.seconds(now, stream), course.seconds(now, !stream)), (2.0, 0.0));
            let later = now + DECAY;
            let faded = course.seconds(later, stream);
            course.ended(later, cut(SECOND / 100), SECOND * 5);
            assert_eq!(course.seconds(later, stream), faded, "it never lowers the mean");
            let opened = Ended { first_token: Some(SECOND / 100), ..cut(SECOND * 60) };
            course.ended(later, opened, SECOND * 5);
            assert_eq!(course.seconds(later, stream), faded, "a stream that had opened has told all");
            assert!(!course.penalised(later) && course.health(later) == 1.0, "that is no failure");
        }
    }

    #[test]
    fn what_was_never_sent_is_no_call_unless_it_speaks_against_the_endpoint() {
        let (now, mut course) = (Instant::now(), Course::new(DECAY, None));
        course.ended(now, ended(Outcome::Answered, Some(false), SECOND), SECOND);
        let median = |course: &mut Course| course.window.recent(now).whole_ms.unwrap().p50;
        let unsent = |outcome, harm| Ended { unsent: true, ..ended(outcome, harm, SECOND * 9) };
        course.ended(now, unsent(Outcome::Cancelled, None), SECOND);
        course.ended(now, unsent(Outcome::TimedOut, None), SECOND);
        assert_eq!((median(&mut course), course.window.recent(now).calls), (1_000.0, 1));
        course.ended(now, unsent(Outcome::TimedOut, Some(true)), SECOND);
        assert_eq!(course.window.recent(now).failed, 1);
        (0..2).for_each(|_| course.ended(now, ended(Outcome::Cancelled, None, SECOND * 9), SECOND));
        assert_eq!(median(&mut course), 9_000.0, "but what was sent and cut does tell");
    }

    #[test]
    fn one_that_hangs_does_not_look_ever_faster() {
        for stream in [true, false] {
            let (now, mut course) = (Instant::now(), Course::new(DECAY, None));
            let mut ended = ended(Outcome::TimedOut, None, SECOND);
            ended.stream = stream;
            (0..2).for_each(|_| course.asked(now, stream));
            assert_eq!(course.seconds(now + SECOND * 7, stream), 7.0);
            assert_eq!(course.seconds(now + SECOND * 7, !stream), 0.0, "which says nothing about the other kind");
            course.ended(now + SECOND * 7, ended, SECOND);
            assert_eq!(course.seconds(now + SECOND * 8, stream), 8.0, "giving up is no sign");
            match stream {
                true => course.opened(now + SECOND * 8, SECOND / 10),
                false => course.ended(now + SECOND * 8, Ended { outcome: Outcome::Answered, ..ended }, SECOND),
            }
            assert!(course.seconds(now + SECOND * 600, stream) < 0.1, "nobody waits");
        }
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
