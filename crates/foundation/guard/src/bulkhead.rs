//! Counts who is at work and who waits, and turns away whoever would wait in vain. Only counts: waking the next in line
//! is the business of whoever owns it, and what the work is nobody here knows.

use std::time::{Duration, Instant};

use crate::shown::seconds;

/// Weight of what was known before when a new service time comes in; the new one has the rest. Older than about ten
/// answers is forgotten.
const KEEP: f64 = 0.8;

/// How many may work and how many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkheadConfig {
    /// Most at work at once. 0 reads as 1: a bulkhead that lets nobody pass would make all wait for ever.
    pub in_flight_max: u32,
    /// Most waiting in line. With 0 nobody waits.
    pub queue_max: u32,
}

/// What becomes of one who asks to enter.
#[must_use = "whoever goes or waits is counted and must leave, be promoted or give up"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Start now, and end with [`Bulkhead::leave`].
    Go,
    /// Wait in line, then [`Bulkhead::promote`] or [`Bulkhead::give_up`].
    Wait,
    /// Turned away, and not counted.
    Shed(Shed),
}

/// Why somebody was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// The waiting line is full.
    #[error("waiting line is full at `{queue_max}`; try again later")]
    QueueFull {
        /// The limit that was reached.
        queue_max: u32,
    },
    /// The wait would outlast the time the request has left.
    #[error(
        "expected wait of `{}` is longer than the `{}` left; allow more time or try again later",
        seconds(.expected),
        seconds(.remaining)
    )]
    TooLate {
        /// Estimated time in line.
        expected: Duration,
        /// Time the request had left.
        remaining: Duration,
    },
}

/// Bounded concurrency with a bounded line that sheds by expected wait.
#[derive(Debug, Clone)]
pub struct Bulkhead {
    in_flight_max: u32,
    queue_max: u32,
    in_flight: u32,
    waiting: u32,
    service_secs: Option<f64>,
}

impl Bulkhead {
    /// An empty bulkhead that does not know yet how long work takes.
    pub fn new(config: BulkheadConfig) -> Self {
        Self {
            in_flight_max: config.in_flight_max.max(1),
            queue_max: config.queue_max,
            in_flight: 0,
            waiting: 0,
            service_secs: None,
        }
    }

    /// Asks for a place, with `remaining` until the request's deadline. While anybody waits nobody overtakes: a place
    /// just freed belongs to the line. The estimate needs no clock, so the time is taken but not read.
    pub fn enter(&mut self, _now: Instant, remaining: Duration) -> Entry {
        if self.waiting == 0 && self.in_flight < self.in_flight_max {
            self.in_flight += 1;
            return Entry::Go;
        }
        if self.waiting >= self.queue_max {
            return Entry::Shed(Shed::QueueFull { queue_max: self.queue_max });
        }
        let expected = self.expected_wait();
        if expected > remaining {
            return Entry::Shed(Shed::TooLate { expected, remaining });
        }
        self.waiting += 1;
        Entry::Wait
    }

    /// One who waits takes a freed place. False, with nothing changed, when nobody waits or no place is free: the owner
    /// must call [`Bulkhead::leave`] before it wakes the next in line.
    #[must_use = "false means that no place was taken"]
    pub fn promote(&mut self) -> bool {
        if self.waiting == 0 || self.in_flight >= self.in_flight_max {
            return false;
        }
        self.waiting -= 1;
        self.in_flight += 1;
        true
    }

    /// One who waits leaves the line without a place.
    pub fn give_up(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// One at work is done after `service`, waiting not included; its place is free. A call too many frees nothing.
    pub fn leave(&mut self, service: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let sample = service.as_secs_f64();
        self.service_secs = Some(self.service_secs.map_or(sample, |known| KEEP * known + (1.0 - KEEP) * sample));
    }

    /// Estimated time in line of one who joined it now: the moving average of service times, times everybody ahead and
    /// itself, shared by all places. Zero until the first work is done.
    pub fn expected_wait(&self) -> Duration {
        let turns = (f64::from(self.waiting) + 1.0) / f64::from(self.in_flight_max);
        let secs = self.service_secs.unwrap_or(0.0) * turns;
        Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)
    }

    /// How many are at work.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many wait in line.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn bulkhead(in_flight_max: u32, queue_max: u32) -> Bulkhead {
        Bulkhead::new(BulkheadConfig { in_flight_max, queue_max })
    }

    fn enter(bulkhead: &mut Bulkhead, remaining_secs: u64) -> Entry {
        bulkhead.enter(Instant::now(), Duration::from_secs(remaining_secs))
    }

    #[test]
    fn goes_then_waits_then_sheds() {
        let mut bulkhead = bulkhead(2, 1);
        let entries = [(); 4].map(|()| enter(&mut bulkhead, 10));
        let full = Entry::Shed(Shed::QueueFull { queue_max: 1 });
        assert_eq!(entries, [Entry::Go, Entry::Go, Entry::Wait, full]);
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (2, 1));
    }

    #[test]
    fn a_freed_place_belongs_to_the_line() {
        let mut bulkhead = bulkhead(1, 5);
        let _ = [(); 2].map(|()| enter(&mut bulkhead, 10));
        assert!(!bulkhead.promote(), "no place is free yet");
        bulkhead.leave(SECOND);
        assert_eq!(enter(&mut bulkhead, 10), Entry::Wait);
        assert!(bulkhead.promote());
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (1, 1));
        bulkhead.give_up();
        bulkhead.leave(SECOND);
        assert_eq!(enter(&mut bulkhead, 10), Entry::Go);
    }

    #[test]
    fn sheds_whoever_would_wait_in_vain() {
        let mut bulkhead = bulkhead(2, 10);
        let _ = [(); 3].map(|()| enter(&mut bulkhead, 0));
        assert_eq!(bulkhead.waiting(), 1, "nothing is known yet, so nobody is turned away");
        bulkhead.leave(SECOND * 10);
        bulkhead.leave(SECOND * 20);
        assert_eq!(bulkhead.expected_wait(), SECOND * 12);
        let late = Shed::TooLate { expected: SECOND * 12, remaining: SECOND * 11 };
        assert_eq!(enter(&mut bulkhead, 11), Entry::Shed(late));
        assert_eq!(enter(&mut bulkhead, 12), Entry::Wait);
        assert_eq!(
            late.to_string(),
            "expected wait of `12.0 s` is longer than the `11.0 s` left; allow more time or try again later"
        );
        assert_eq!(Shed::QueueFull { queue_max: 10 }.to_string(), "waiting line is full at `10`; try again later");
    }

    #[test]
    fn endless_work_and_calls_too_many_break_nothing() {
        let mut bulkhead = bulkhead(0, 0);
        bulkhead.give_up();
        bulkhead.leave(Duration::MAX);
        bulkhead.leave(Duration::MAX);
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
        assert_eq!(bulkhead.expected_wait(), Duration::MAX);
        assert_eq!(enter(&mut bulkhead, 0), Entry::Go);
        assert_eq!(enter(&mut bulkhead, 0), Entry::Shed(Shed::QueueFull { queue_max: 0 }));
    }

    proptest! {
        #[test]
        fn counts_are_bounded_and_conserved(
            in_flight_max in 1..6u32,
            queue_max in 0..6u32,
            steps in prop::collection::vec((0..6u8, 0..20u64), 0..300),
        ) {
            let mut bulkhead = bulkhead(in_flight_max, queue_max);
            // Everybody ever let in, less everybody who went away again.
            let mut inside = 0;
            for (step, secs) in steps {
                let (in_flight, waiting) = (bulkhead.in_flight(), bulkhead.waiting());
                match step {
                    0..3 => {
                        let shed = matches!(enter(&mut bulkhead, secs), Entry::Shed(_));
                        inside += u32::from(!shed);
                        prop_assert!(!shed || in_flight + waiting >= in_flight_max || waiting > 0);
                    }
                    3 => prop_assert_eq!(bulkhead.promote(), waiting > 0 && in_flight < in_flight_max),
                    4 => {
                        bulkhead.give_up();
                        inside -= u32::from(waiting > 0);
                    }
                    _ => {
                        bulkhead.leave(Duration::from_secs(secs));
                        inside -= u32::from(in_flight > 0);
                    }
                }
                prop_assert!(bulkhead.in_flight() <= in_flight_max);
                prop_assert!(bulkhead.waiting() <= queue_max);
                prop_assert_eq!(bulkhead.in_flight() + bulkhead.waiting(), inside);
            }
        }
    }
}
