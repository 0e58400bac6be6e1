//! How fast the store is: SQLite against its targets, PostgreSQL against `pgbench` on the same server.
//!
//! `cargo run --release -p store --example bench -- --json target/bench` prints a table and writes one file for each
//! benchmark into the folder. It needs PostgreSQL's programs, which `make test-services` installs. `cargo xtask bench
//! store` runs it and judges it among the others.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

mod figures;
mod postgres;
mod sqlite;

use figures::Result;
use std::path::PathBuf;
use std::process::ExitCode;

type Benchmark = fn(&tokio::runtime::Runtime) -> Result;

fn main() -> ExitCode {
    let mut folder = None;
    let mut only = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => folder = args.next().map(PathBuf::from),
            "--only" => only = args.next(),
            other => panic!("`{other}` is not known: write `--json FOLDER` or `--only NAME`"),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let benchmarks: [(&str, Benchmark); 5] = [
        ("store-sqlite-rows", sqlite::rows),
        ("store-sqlite-batches", sqlite::batches),
        ("store-sqlite-alone", sqlite::alone),
        ("store-postgres-4", |runtime| postgres::against_pgbench(runtime, 4)),
        ("store-postgres-16", |runtime| postgres::against_pgbench(runtime, 16)),
    ];
    let mut good = true;
    figures::head();
    for (name, run) in benchmarks {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let result = run(&runtime);
        good &= result.is_good();
        result.print(name);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
            let text = format!("{:#}\n", result.json(name));
            std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
