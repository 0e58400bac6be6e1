//! Load tests: scenarios, schedules, the target watched, runs that are judged and kept.
//!
//! A scenario becomes a schedule, `traffic` sends it, and `verdict` says what came of it. This room knows no terminal, no
//! command line and no key: the target's address comes from the operator.

mod environment;
pub mod history;
mod prepare;
mod presets;
mod run;
mod scenario;
mod schedule;
mod watch;

pub use prepare::{Pool, pool};
pub use presets::{builtin, levels, names, show, unknown};
pub use run::{LoadError, Options, Step, run, sweep};
pub use scenario::{
    Fault, Files, Goodput, Kind, Mix, Pattern, Prompt, Scenario, ScenarioError, Set, Slo, Spot, prompts, read,
    read_file, schema,
};
pub use schedule::{schedule, sha256};
pub use traffic::{Live as Progress, Meter};
