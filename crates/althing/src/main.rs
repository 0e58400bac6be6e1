//! The binary: commands and wiring, the only place that knows everybody.
//!
//! `wiring` puts rooms together, `command` holds one file per command, `exit` turns errors into messages and codes,
//! `print`, `text` and `progress` speak to whoever typed.
//! Nothing is decided here that a room could decide.

mod check;
mod cli;
mod command;
mod data;
mod defaults;
mod exit;
mod house;
mod print;
mod progress;
mod sharing;
mod wiring;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    let json = cli.global.json;
    exit::report(command::run(cli), json)
}
