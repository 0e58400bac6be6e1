//! `cargo xtask bench`: the benchmarks of the registry, run one after the other against the binary of `make dist`. Knows
//! no benchmark by name, and measures nothing itself: `althing load run` does.
#![allow(clippy::print_stdout, clippy::print_stderr)] // Part of a command-line tool: printing is its work.

mod ask;
mod catalogue;
mod decisions;
mod external;
mod full;
mod gateway;
mod generator;
mod growth;
mod idle;
mod load;
mod mcp;
mod open_streams;
pub mod order;
mod outcome;
mod page;
mod panel;
mod peers;
mod process;
pub mod profile;
mod proxy;
mod python;
mod registry;
mod rounds;
mod sample;
mod sick;
mod table;
mod tools;
mod trouble;
mod truth;

pub use trouble::{Trouble, output};

use outcome::{Environment, Measured, Outcome, Verdict};
use registry::{BENCHMARKS, Benchmark, Measure};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Exit code of a run in which no target was missed, but something could not be judged.
const VOID: u8 = 3;

const USAGE: &str = "usage: cargo xtask bench [NAME…] [--quick] [--publish]
  --quick    a few short rounds, to try it; such figures cannot be published
  --publish  write what counts to docs/performance.json and docs/performance.md
exit: 0 measured, 1 a target was missed, 3 something was void
benchmarks:";

/// What every benchmark is given.
struct Setup {
    /// The binary that is measured.
    binary: PathBuf,
    /// Where results lie.
    folder: PathBuf,
    /// A few short rounds.
    quick: bool,
}

impl Setup {
    /// How many rounds are run, of which the first warms up and does not count.
    fn rounds(&self) -> usize {
        if self.quick { 3 } else { 9 }
    }

    /// As many, or a tenth of it where it is to be quick.
    fn share(&self, count: u32) -> u32 {
        if self.quick { (count / 10).max(1) } else { count }
    }
}

/// What was asked for.
struct Wanted {
    benchmarks: Vec<&'static Benchmark>,
    quick: bool,
    publish: bool,
}

/// Runs what is asked for, writes `target/bench/NAME.json` for each and prints a table.
pub fn run(arguments: &[String]) -> Result<ExitCode, Trouble> {
    let Some(wanted) = wanted(arguments) else {
        eprintln!("{USAGE}");
        BENCHMARKS.iter().for_each(|benchmark| eprintln!("  {:<11}{}", benchmark.name, benchmark.title));
        return Ok(ExitCode::from(2));
    };
    let setup = Setup { binary: binary(), folder: target().join("bench"), quick: wanted.quick };
    std::fs::create_dir_all(&setup.folder).map_err(|source| write_failed(&setup.folder, source))?;
    let mut outcomes = Vec::new();
    // Once, for what is run here raises the load average itself.
    let environment = Environment::now(setup.quick);
    for benchmark in wanted.benchmarks {
        eprintln!("{}: {}", benchmark.name, benchmark.title);
        let outcome = measured(&setup, benchmark, environment.clone());
        outcome.write(&setup.folder.join(format!("{}.json", benchmark.name)))?;
        if wanted.publish {
            page::publish(&outcome)?;
        }
        outcomes.push(outcome);
    }
    table::print(&outcomes);
    Ok(ExitCode::from(code(&outcomes)))
}

/// None if it cannot be understood.
fn wanted(arguments: &[String]) -> Option<Wanted> {
    let mut wanted = Wanted { benchmarks: Vec::new(), quick: false, publish: false };
    for argument in arguments {
        match argument.as_str() {
            "--quick" => wanted.quick = true,
            "--publish" => wanted.publish = true,
            name => wanted.benchmarks.push(BENCHMARKS.iter().find(|benchmark| benchmark.name == name)?),
        }
    }
    if wanted.benchmarks.is_empty() {
        wanted.benchmarks = BENCHMARKS.iter().collect();
    }
    (!(wanted.quick && wanted.publish)).then_some(wanted)
}

/// One benchmark, judged. What stops it makes it void: it says nothing of the target.
fn measured(setup: &Setup, benchmark: &Benchmark, environment: Environment) -> Outcome {
    let (began, before) = (Instant::now(), process::others_cpu_s());
    let done = match &benchmark.measure {
        Measure::Proxy(plan) => proxy::run(setup, plan),
        Measure::Generator => generator::run(setup),
        Measure::Truth => truth::run(setup),
        Measure::Idle => idle::run(setup),
        Measure::Gateway(world) => gateway::run(setup, *world),
        Measure::OpenStreams => open_streams::run(setup),
        Measure::Growth => growth::run(setup),
        Measure::Panel => panel::run(setup),
        Measure::Sick => sick::run(setup),
        Measure::Tools => tools::run(setup),
        Measure::Decisions => decisions::run(setup),
        Measure::Example { package, example } => external::example(setup, package, example),
        Measure::Soak(soak) => external::soak(setup, soak),
    };
    let others = (process::others_cpu_s() - before).max(0.0) / began.elapsed().as_secs_f64();
    let environment = Environment { others_cores: Some(sample::round(others)), ..environment };
    let measured = done.unwrap_or_else(|trouble| Measured { void: Some(trouble.to_string()), ..Measured::default() });
    Outcome::judged(benchmark, measured, environment)
}

fn code(outcomes: &[Outcome]) -> u8 {
    let any = |verdict| outcomes.iter().any(|outcome| outcome.verdict == verdict);
    match (any(Verdict::Fail), any(Verdict::Void)) {
        (true, _) => 1,
        (false, true) => VOID,
        (false, false) => 0,
    }
}

/// Where cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// The binary of `make dist`, or the one that `ALTHING_BIN` names.
fn binary() -> PathBuf {
    let named = std::env::var_os("ALTHING_BIN").map(PathBuf::from);
    let binary = named.unwrap_or_else(|| target().join("dist").join("althing"));
    // It is started in other folders.
    std::path::absolute(&binary).unwrap_or(binary)
}

fn write_failed(path: &Path, source: std::io::Error) -> Trouble {
    Trouble::Write { path: path.to_owned(), source }
}

/// Where a program lies, if it is installed: Debian keeps servers off the path of ordinary users.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// nginx, as it is installed or as `make bench` laid it beside the other gateways.
fn nginx() -> Option<PathBuf> {
    installed("nginx").or_else(|| Some(peers::folder().join("nginx/usr/sbin/nginx")).filter(|file| file.is_file()))
}

/// The first number with a dot that a program prints when it is asked for its version.
fn version(program: &Path, option: &str) -> Option<String> {
    let output = Command::new(program).arg(option).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let words = text.split(|letter: char| letter.is_whitespace() || letter == '/' || letter == '-');
    let is_version = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit()) && word.contains('.');
    words.into_iter().find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_name_benchmarks_and_options() {
        let names = |text: &str| {
            wanted(&words(text)).map(|wanted| wanted.benchmarks.iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(names("idle chat --quick"), Some(vec!["idle", "chat"]));
        assert_eq!(names("").map(|all| all.len()), Some(BENCHMARKS.len()));
        assert_eq!(names("nothing-like-it"), None);
        assert_eq!(names("--quick --publish"), None, "figures of a quick run are not published");
    }

    #[test]
    fn a_missed_target_counts_more_than_a_void_run() {
        let of = |verdicts: &[Verdict]| {
            let outcomes = verdicts.iter().map(|&verdict| Outcome { verdict, ..Outcome::default() });
            code(&outcomes.collect::<Vec<_>>())
        };
        assert_eq!(of(&[Verdict::Pass, Verdict::Measured, Verdict::Skipped]), 0);
        assert_eq!(of(&[Verdict::Pass, Verdict::Void]), VOID);
        assert_eq!(of(&[Verdict::Fail, Verdict::Void]), 1);
    }
}
