//! Event streams, however they are cut. A helper here knows no code of the room that it tests:
//! what it expects it reads from the published formats alone.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of a test are a test too"
)]

mod clock;
mod cuts;
mod fuzz;
mod oracle;
mod random;
