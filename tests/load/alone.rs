//! What can be said only while nothing else runs: each of these has the machine to itself.

mod freeze;
mod peers;
mod streams;
mod truth;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One of them after the other, where the runner starts tests of one process side by side.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
