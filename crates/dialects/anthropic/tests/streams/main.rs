//! Event streams, however they are cut, and their translations. A helper here knows no code of the room that it tests:
//! what it expects it reads from the published formats alone.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of a test are a test too"
)]

mod anthropic;
#[path = "../../../../foundation/wire/tests/streams/fuzz.rs"]
mod fuzz;
mod golden;
mod heard;
#[path = "../../../../foundation/wire/tests/streams/oracle.rs"]
mod oracle;
#[path = "../../../../foundation/wire/tests/streams/random.rs"]
mod random;
mod support;
