//! The load generator: whether what it says of a target is true, and what saying it costs.
//!
//! Measured with the release binary, against `althing simulate`, which records what its answers really took.

mod alone;
mod release;
mod seed;
