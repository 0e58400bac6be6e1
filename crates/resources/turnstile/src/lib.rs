//! How requests get past what guards an upstream, in time: a line for a bounded number of places ([`Gate`]), a pace of
//! so much a minute ([`Pace`]), both shared with other servers where somebody knows how ([`Sharing`]), how it all went
//! lately ([`Course`], [`Usual`]), and a second copy of what is late ([`race`](race())).
//!
//! The rules are `guard`'s; this room lends them a clock, a lock and somebody who waits. It knows no request, no model
//! and no protocol, and by which means servers share nobody here knows.

mod course;
mod gate;
mod pace;
mod race;
mod sharing;
mod takings;
mod usual;

pub use course::{Course, Ended};
pub use gate::{Gate, Load, Place};
pub use pace::{Pace, Taken};
pub use race::{Race, Side, race};
pub use sharing::{SharedRate, Sharing};
pub use takings::Takings;
pub use usual::Usual;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock; a panic elsewhere cannot leave these small states half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
