//! How many connections of one client are open or being opened. Limits nothing: whoever dials is told how many there
//! were before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The places of one client; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<AtomicUsize>);

impl Places {
    /// Takes one more, and says how many were taken before.
    pub(crate) fn take(&self) -> (Place, usize) {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        (Place(self.clone()), before)
    }

    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Given back when dropped, whether the connection came to stand or not.
#[derive(Debug)]
pub(crate) struct Place(Places);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
