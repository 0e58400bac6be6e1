//! The binary: commands and wiring, the only place that knows everybody.
//!
//! `wiring` puts rooms together, `command` holds one file per command, `exit` turns errors into messages and codes,
//! `print`, `text` and `progress` speak to whoever typed.
//! Nothing is decided here that a room could decide.

mod catalogue;
mod check;
mod command;
mod data;
mod decisions;
mod exit;
mod house;
mod print;
mod progress;
mod sharing;
mod wiring;

use clap::Parser;
use std::process::ExitCode;

/// Rather than the system's: a request makes some 140 small allocations, and a tenth of its time went into them. Without
/// huge pages, which would double the memory of a server at rest and make nothing faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match shell::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    let json = cli.global.json;
    exit::report(command::run(cli), json)
}
