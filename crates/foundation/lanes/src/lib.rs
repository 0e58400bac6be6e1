//! Products of small integers and floats, as wide as the processor allows: matrices times packed weights, one vector
//! against many, and the few functions that stand between them in a network.
//!
//! This room knows no model, no file and no thread. Like `pages` it has `unsafe`: processor instructions that are
//! chosen at run time cannot be had without. What makes them sound is in one place: a [`Lanes`] can be made only for a
//! path that this processor has, and each function compares the lengths of what it is handed before a pointer is made.

#![allow(unsafe_code)]

mod float;
mod integer;
mod network;
mod packed;
mod paths;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use float::Rows;
pub use network::Quantised;
pub use packed::{PackedF32, PackedI8, signed};
pub use paths::{Lanes, Path};

#[cfg(test)]
mod tests;
