//! One file per command.

mod agreement;
mod ask;
mod audit;
mod cache;
mod completions;
mod config;
mod decide;
mod doctor;
mod embed;
mod eval;
mod keys;
mod load;
mod mcp;
mod place;
mod plan;
mod prices;
mod reload;
pub(crate) mod server;
mod simulate;
mod store;
mod tools;
pub(crate) mod up;
mod usage;

use crate::exit::Failure;
use shell::{Cli, Command};

/// Runs a command and returns the code to end with.
pub(crate) fn run(cli: Cli) -> Result<u8, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Up(args) => up::run(&global, &args),
        Command::Simulate(args) => simulate::run(&global, &args),
        Command::Ask(args) => ask::run(&global, &args),
        Command::Decide(asked) => decide::run(&global, *asked),
        Command::Agreement(args) => agreement::run(&global, &args),
        Command::Doctor(args) => doctor::run(&global, &args),
        Command::Config(args) => config::run(&global, &args),
        Command::Mcp(asked) => mcp::run(&global, &asked),
        Command::Keys(keys) => keys::run(&global, keys),
        Command::Audit(audit) => audit::run(&global, audit),
        Command::Store(asked) => store::run(&global, asked),
        Command::Usage(args) => usage::run(&global, &args),
        Command::Prices(asked) => prices::run(&global, &asked),
        Command::Tools(asked) => tools::run(&global, asked),
        Command::Eval(asked) => eval::run(&global, &asked),
        Command::Cache(asked) => cache::run(&global, &asked),
        Command::Load(asked) => load::run(&global, asked),
        Command::Plan(args) => plan::run(&global, &args),
        Command::Embed(asked) => embed::run(&global, &asked),
        Command::Completions { shell } => completions::run(&global, shell),
    }
}
