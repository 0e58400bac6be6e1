//! Automation for this repository, run as `cargo xtask`. Knows the shape of the workspace; refuses to know what any
//! room does.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command-line tool: printing is its work.

mod lines;
mod source;
mod tidy;
mod workspace;

use std::process::ExitCode;

use bench::Trouble;

const USAGE: &str = "usage: cargo xtask COMMAND
  tidy    check floors, ratchets, openings, licences, banned crates, words and manifests
  lines   print a table of lines per crate
  bench   measure the binary of `make dist`, which `make bench` builds first; `bench --help` lists the benchmarks
  order   count which functions of that binary requests pass through, and write that down for the linker
  profile count how often requests take each branch, and write that down for the compiler: `make profile` calls it";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("tidy") => tidy::run(),
        Some("lines") => lines::run(),
        Some("order") => bench::order::run(),
        Some("profile") => bench::profile::run(arguments.get(1..).unwrap_or_default()),
        Some("bench") => bench::run(arguments.get(1..).unwrap_or_default()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|trouble: Trouble| {
        eprintln!("error: {trouble}");
        ExitCode::FAILURE
    })
}
