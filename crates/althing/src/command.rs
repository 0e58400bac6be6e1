//! One file per command.

mod reload;
mod simulate;
mod up;

use crate::cli::{Cli, Command};
use crate::exit::Failure;

/// Runs a command and returns the code to end with.
pub(crate) fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Up(args) => up::run(&global, &args),
        Command::Simulate(args) => simulate::run(&global, &args),
        _ => Err(Failure::new(crate::exit::FAILED, "")),
    }
}
