//! Stops asking an upstream that keeps failing, and lets one request at a time find out whether it is well again.
//! Knows neither what a request is nor what counts as a failure: the caller judges and reports.

use std::fmt;
use std::time::{Duration, Instant};

use crate::shown::seconds;

/// When a [`Breaker`] opens and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Consecutive failures that open it. Default 5, as in Envoy's outlier detection. 0 switches the
    /// breaker off: it never opens.
    pub failures: u32,
    /// How long it admits nobody once open. Default 60 s. With 0 the next to ask is the probe.
    pub open: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, open: Duration::from_secs(60) }
    }
}

/// What others are told to wait for while a probe takes longer than the breaker was open.
const PROBE_SLOW: Duration = Duration::from_secs(1);

/// What [`Breaker::admit`] would act on at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Everybody is admitted.
    Closed,
    /// Nobody is admitted.
    Open,
    /// One probe at a time is admitted.
    HalfOpen,
}

impl State {
    /// The number a metric shows: closed 0, half-open 1, open 2, so that more is worse.
    pub fn gauge(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        })
    }
}

/// The breaker refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("breaker is open for another `{}`", seconds(.retry_after))]
pub struct Open {
    /// How long until asking is of use; never zero. While a probe is out nobody knows: its answer may close the
    /// breaker sooner or later.
    pub retry_after: Duration,
}

/// Leave to send one request, given back once through [`Breaker::success`], [`Breaker::failure`] or
/// [`Breaker::abandon`], also when the request is dropped: a probe is waited for however long it takes. Only the
/// breaker that issued it understands it.
#[must_use = "a permit that is not given back keeps the probe's place taken"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    generation: u64,
    probe: bool,
}

impl Permit {
    /// Whether this request is the one that finds out if the upstream is well again.
    pub fn is_probe(self) -> bool {
        self.probe
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed { failures: u32 },
    Open { since: Instant },
    HalfOpen { probe_since: Option<Instant> },
}

/// A circuit breaker on consecutive failures with a half-open state of exactly one probe.
///
/// Every change of phase and every probe starts a new generation. A result counts only if its permit is of the current
/// one, so an answer that was under way while the breaker opened and closed again moves nothing.
#[derive(Debug, Clone)]
pub struct Breaker {
    config: BreakerConfig,
    phase: Phase,
    generation: u64,
}

impl Breaker {
    /// A closed breaker without failures.
    pub fn new(config: BreakerConfig) -> Self {
        Self { config, phase: Phase::Closed { failures: 0 }, generation: 0 }
    }

    /// Asks to send one request at `now`.
    ///
    /// # Errors
    ///
    /// [`Open`] while the breaker is open, or half-open with its probe still out.
    pub fn admit(&mut self, now: Instant) -> Result<Permit, Open> {
        self.peek(now)?;
        match self.phase {
            Phase::Closed { .. } => Ok(Permit { generation: self.generation, probe: false }),
            Phase::Open { .. } | Phase::HalfOpen { .. } => Ok(self.probe(now)),
        }
    }

    /// Whether [`Breaker::admit`] would admit somebody; takes nothing.
    ///
    /// # Errors
    ///
    /// As for [`Breaker::admit`].
    pub fn peek(&self, now: Instant) -> Result<(), Open> {
        let shut_for = match self.phase {
            Phase::Closed { .. } | Phase::HalfOpen { probe_since: None } => None,
            Phase::Open { since } => self.left(since, now),
            Phase::HalfOpen { probe_since: Some(since) } => Some(self.left(since, now).unwrap_or(PROBE_SLOW)),
        };
        shut_for.map_or(Ok(()), |retry_after| Err(Open { retry_after }))
    }

    /// The request was answered well: failures start from zero, and a probe closes the breaker.
    ///
    /// The three ways back are alike in shape so that a caller can choose between them by value; this one does not
    /// read the time.
    pub fn success(&mut self, permit: Permit, _now: Instant) {
        if !self.is_current(permit) {
            return;
        }
        if permit.probe {
            self.enter(Phase::Closed { failures: 0 });
        } else {
            self.phase = Phase::Closed { failures: 0 };
        }
    }

    /// The request failed in a way that speaks against the upstream: one more failure, and a probe opens the breaker
    /// again for the whole time from `now`.
    pub fn failure(&mut self, permit: Permit, now: Instant) {
        if !self.is_current(permit) {
            return;
        }
        let failures = self.failures().saturating_add(1);
        if permit.probe || (self.config.failures > 0 && failures >= self.config.failures) {
            self.enter(Phase::Open { since: now });
        } else {
            self.phase = Phase::Closed { failures };
        }
    }

    /// The request was cancelled before it could tell: neither success nor failure, but a probe's place is free again.
    /// Does not read the time, see [`Breaker::success`].
    pub fn abandon(&mut self, permit: Permit, _now: Instant) {
        if permit.probe && self.is_current(permit) {
            self.enter(Phase::HalfOpen { probe_since: None });
        }
    }

    /// What the breaker is at `now`: an open breaker whose time is over already counts as half-open, because the next
    /// to ask will be its probe.
    pub fn state(&self, now: Instant) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { since } if self.left(since, now).is_some() => State::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// What is left of the open time counted from `since`; none when it is over. Subtracts instead of adding to an
    /// instant, so that no configured duration can overflow.
    fn left(&self, since: Instant, now: Instant) -> Option<Duration> {
        let left = self.config.open.saturating_sub(now.saturating_duration_since(since));
        (!left.is_zero()).then_some(left)
    }

    fn probe(&mut self, now: Instant) -> Permit {
        self.enter(Phase::HalfOpen { probe_since: Some(now) });
        Permit { generation: self.generation, probe: true }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
    }

    fn is_current(&self, permit: Permit) -> bool {
        permit.generation == self.generation
    }

    fn failures(&self) -> u32 {
        match self.phase {
            Phase::Closed { failures } => failures,
            Phase::Open { .. } | Phase::HalfOpen { .. } => 0,
        }
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(60);

    fn config(failures: u32) -> BreakerConfig {
        BreakerConfig { failures, open: OPEN }
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(config(1));
        let permit = breaker.admit(now).unwrap();
        breaker.failure(permit, now);
        assert_eq!(breaker.state(now), State::Open);
        breaker
    }

    #[test]
    fn opens_after_consecutive_failures_only() {
        let now = Instant::now();
        let mut breaker = Breaker::new(config(3));
        for outcome in [false, false, true, false, false] {
            let permit = breaker.admit(now).unwrap();
            if outcome { breaker.success(permit, now) } else { breaker.failure(permit, now) }
        }
        assert_eq!(breaker.state(now), State::Closed);
        let permit = breaker.admit(now).unwrap();
        breaker.failure(permit, now);
        assert_eq!(breaker.admit(now), Err(Open { retry_after: OPEN }));
    }

    #[test]
    fn a_refusal_says_how_long() {
        let open = Open { retry_after: Duration::from_millis(12_300) };
        assert_eq!(open.to_string(), "breaker is open for another `12.3 s`");
    }

    #[test]
    fn one_probe_then_closed_or_open_again() {
        let now = Instant::now();
        let later = now + OPEN;
        for well in [true, false] {
            let mut breaker = opened(now);
            assert_eq!(breaker.state(later), State::HalfOpen);
            let probe = breaker.admit(later).unwrap();
            assert!(probe.is_probe());
            let soon = later + Duration::from_secs(1);
            assert_eq!(breaker.admit(soon), Err(Open { retry_after: OPEN - Duration::from_secs(1) }));
            if well {
                breaker.success(probe, soon)
            } else {
                breaker.failure(probe, soon)
            }
            assert_eq!(breaker.state(soon), if well { State::Closed } else { State::Open });
            assert_eq!(breaker.admit(soon).is_ok(), well);
        }
    }

    #[test]
    fn an_abandoned_probe_frees_its_place_once() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + OPEN;
        let first = breaker.admit(later).unwrap();
        breaker.abandon(first, later);
        let second = breaker.admit(later).unwrap();
        assert!(second.is_probe());
        breaker.abandon(first, later);
        assert!(breaker.admit(later).is_err(), "a token used twice must not free the place of another");
    }

    #[test]
    fn a_probe_has_the_time_it_takes() {
        for well in [true, false] {
            let now = Instant::now();
            let mut breaker = opened(now);
            let slow = breaker.admit(now + OPEN).unwrap();
            for opens in [2, 3, 50] {
                let later = now + OPEN * opens;
                assert_eq!(breaker.admit(later), Err(Open { retry_after: PROBE_SLOW }), "nobody takes its place");
                assert_eq!((breaker.peek(later).is_ok(), breaker.state(later)), (false, State::HalfOpen));
            }
            let later = now + OPEN * 60;
            if well {
                breaker.success(slow, later)
            } else {
                breaker.failure(slow, later)
            }
            assert_eq!(breaker.state(later), if well { State::Closed } else { State::Open });
        }
    }

    #[test]
    fn late_results_of_an_older_generation_count_for_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::new(config(1));
        let [slow, fails, good] = [(); 3].map(|()| breaker.admit(now).unwrap());
        breaker.failure(fails, now);
        breaker.success(good, now);
        assert_eq!(breaker.state(now), State::Open, "a late success must not close it");
        let later = now + OPEN;
        let probe = breaker.admit(later).unwrap();
        breaker.success(good, later);
        assert!(breaker.admit(later).is_err(), "nor end the probe");
        breaker.success(probe, later);
        breaker.failure(slow, later);
        assert_eq!(breaker.state(later), State::Closed, "a late failure must not open it");
    }

    #[test]
    fn zero_failures_switches_it_off() {
        let now = Instant::now();
        let mut breaker = Breaker::new(config(0));
        for _ in 0..100 {
            let permit = breaker.admit(now).unwrap();
            breaker.failure(permit, now);
        }
        assert_eq!(breaker.state(now), State::Closed);
    }

    #[test]
    fn states_read_as_words_and_numbers() {
        let shown = [State::Closed, State::HalfOpen, State::Open].map(|s| (s.to_string(), s.gauge()));
        assert_eq!(shown, [("closed".into(), 0), ("half-open".into(), 1), ("open".into(), 2)]);
    }
}
