//! The store, on every database it knows: one suite, and what each of them can do to us besides.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the helpers of a test are a test too"
)]

mod backend;
mod backup;
mod broken;
mod child;
mod durable;
mod file;
mod isolation;
mod logs;
mod migrations;
mod pitr;
mod server;
mod values;
