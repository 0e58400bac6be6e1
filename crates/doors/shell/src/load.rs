//! What can be typed after `althing load` and `althing plan`.

use super::Where;
use clap::{Args, Subcommand};
use settings::SecretRef;
use std::path::PathBuf;

/// `althing load`.
#[derive(Debug, Clone, Subcommand)]
pub enum Load {
    /// Run scenarios and judge them: exit 0 pass, 99 fail, 98 inconclusive, 97 invalid run
    Run(Box<LoadRun>),
    /// List what is built in
    List,
    /// Print a built-in scenario or set as TOML, to be copied and changed
    Show {
        /// Its name
        name: String,
    },
    /// Print the JSON Schema of scenario files, or of reports
    Schema {
        /// That of reports
        #[arg(long)]
        report: bool,
    },
    /// Compare two reports; exit 99 if something got worse
    Compare {
        /// The report of before
        before: PathBuf,
        /// The report of now
        after: PathBuf,
    },
    /// Make a page of a report again
    Report {
        /// A `report.json`, or the id of a stored run
        report: String,
        /// Where the page goes [default: beside the report, else the working folder]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
    /// Measure throughput over numbers of users, for a capacity plan
    Sweep(Box<LoadSweep>),
    /// Show how stored runs of a scenario have developed
    Trend {
        /// The scenario's or set's name
        name: String,
        /// Only runs against this target
        #[arg(long, value_name = "URL")]
        target: Option<String>,
        /// How many runs, the latest
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Which database.
        #[command(flatten)]
        place: Where,
    },
}

/// Who is measured, and how.
#[derive(Debug, Clone, Args)]
pub struct Against {
    /// The target's root; a trailing `/v1` is tolerated
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8700")]
    pub target: String,
    /// The key to send as a bearer token, as `env:NAME` or `file:PATH`
    #[arg(long, value_name = "REF")]
    pub key: Option<SecretRef>,
    /// A header for every request, as `NAME: VALUE`
    #[arg(long, value_name = "LINE")]
    pub header: Vec<String>,
    /// The model, panel or route, wherever a scenario names none
    #[arg(long, short, value_name = "M")]
    pub model: Option<String>,
    /// A local process whose memory and processor time are watched
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Threads that send [default: as many as the rate asks for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: Option<u32>,
    /// The most seconds until a request has failed
    #[arg(long, value_name = "S")]
    pub timeout: Option<f64>,
    /// Seed of everything random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where report.json and report.html go
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Do not keep the run in the database of the data folder
    #[arg(long)]
    pub no_save: bool,
    /// Which database.
    #[command(flatten)]
    pub place: Where,
}

/// `althing load run`.
#[derive(Debug, Clone, Args)]
pub struct LoadRun {
    /// A built-in scenario or set, or a TOML file; `althing load list` shows what is built in
    #[arg(value_name = "NAME|FILE")]
    pub what: String,
    /// Only these scenarios of it
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub scenario: Vec<String>,
    /// Seconds over which each scenario's arrivals are spread
    #[arg(long, value_name = "S")]
    pub duration: Option<f64>,
    /// How often each scenario is run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeat: u32,
    /// Users
    #[arg(long, value_name = "N")]
    pub users: Option<u32>,
    /// Requests of each scenario
    #[arg(long, value_name = "N")]
    pub operations: Option<u32>,
    /// Users send the next request as soon as they have an answer: no arrivals, and stalls hide
    #[arg(long)]
    pub closed: bool,
    /// The simulated upstream that is to fail while a scenario with `fault` runs
    #[arg(long, value_name = "URL")]
    pub inject: Option<String>,
    /// Ask the same requests alone as well, and compare the answers
    #[arg(long)]
    pub integrity: bool,
    /// A report to compare with; exit 99 if something got worse
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Against what.
    #[command(flatten)]
    pub against: Against,
}

/// `althing load sweep`.
#[derive(Debug, Clone, Args)]
pub struct LoadSweep {
    /// A built-in scenario or a TOML file
    #[arg(value_name = "NAME|FILE", default_value = "scalability")]
    pub what: String,
    /// Numbers of users, at least six that span a factor of 16 [default: the scenario's, else 1,2,4,…64]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub users: Vec<u32>,
    /// How often each level is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub repeat: u32,
    /// Requests at each level
    #[arg(long, value_name = "N")]
    pub operations: Option<u32>,
    /// Against what.
    #[command(flatten)]
    pub against: Against,
}

/// `althing plan`.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// A `sweep.json` [default: the latest sweep in the database]
    #[arg(value_name = "FILE")]
    pub sweep: Option<PathBuf>,
    /// Answers per second today [default: the highest measured rate below 70 % of the maximum]
    #[arg(long, value_name = "RATE")]
    pub demand: Option<f64>,
    /// Multiples of it to plan for
    #[arg(long, value_name = "G,…", value_delimiter = ',')]
    pub growth: Vec<f64>,
    /// Requests per minute that the provider allows
    #[arg(long, value_name = "N")]
    pub rpm: Option<f64>,
    /// Tokens per minute that the provider allows
    #[arg(long, value_name = "N")]
    pub tpm: Option<f64>,
    /// Cores of the target's machine
    #[arg(long, value_name = "N")]
    pub cores: Option<u32>,
    /// Megabytes of memory of the target's machine
    #[arg(long, value_name = "MB")]
    pub memory: Option<f64>,
    /// Connections to the database that the target may open
    #[arg(long, value_name = "N")]
    pub store_pool: Option<u32>,
    /// Which database.
    #[command(flatten)]
    pub place: Where,
}
