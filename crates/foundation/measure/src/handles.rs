//! The two smallest handles: a count that only grows and a level that goes up and down.
//!
//! They exist so that no other room names the types of the metrics library.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// One counter with its labels already resolved; clones count into the same place.
#[derive(Debug, Clone)]
pub struct Count(pub(crate) Counter);

impl Count {
    /// Counts one event.
    pub fn inc(&self) {
        self.0.inc();
    }

    /// Counts `events` events at once.
    pub fn add(&self, events: u64) {
        self.0.inc_by(events);
    }

    /// How many events were counted since the start.
    pub fn value(&self) -> u64 {
        self.0.get()
    }
}

/// One gauge of things that exist right now; clones show the same value.
#[derive(Debug, Clone)]
pub struct Level(pub(crate) Gauge);

impl Level {
    /// Counts one thing in until the guard is dropped.
    pub fn enter(&self) -> LevelGuard {
        self.0.inc();
        LevelGuard(self.0.clone())
    }

    /// Overwrites the level.
    pub fn set(&self, value: i64) {
        self.0.set(value);
    }

    /// How many things there are now.
    pub fn value(&self) -> i64 {
        self.0.get()
    }
}

/// Takes one thing off a [`Level`] when dropped, whichever way its scope is left.
#[derive(Debug)]
#[must_use = "the level falls again as soon as the guard is dropped"]
pub struct LevelGuard(Gauge);

impl Drop for LevelGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_falls_when_its_guard_is_dropped() {
        let level = Level(Gauge::default());
        let first = level.enter();
        let second = level.clone().enter();
        assert_eq!(level.value(), 2);
        drop(first);
        assert_eq!(level.value(), 1);
        drop(second);
        assert_eq!(level.value(), 0);
    }

    #[test]
    fn clones_of_a_count_share_one_value() {
        let count = Count(Counter::default());
        count.inc();
        count.clone().add(4);
        assert_eq!(count.value(), 5);
    }
}
