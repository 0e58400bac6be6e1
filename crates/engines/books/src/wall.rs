//! A clock on the wall: the system's, or a test's.

use std::fmt;
use std::sync::Arc;

/// A clock on the wall.
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The system's.
    pub(super) fn system() -> Self {
        Self(Arc::new(calendar::now_ms))
    }

    /// One that shows what `now_ms` says, in milliseconds since 1970.
    #[cfg(test)]
    pub(super) fn of(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_ms))
    }

    /// Milliseconds since 1970.
    pub(super) fn now_ms(&self) -> i64 {
        (self.0)()
    }

    /// Days since 1970.
    pub(super) fn day(&self) -> i64 {
        calendar::day(self.now_ms())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Clock({})", self.now_ms())
    }
}
