//! What can keep a benchmark, or a command beside it, from doing its work at all, as opposed to what it finds.

use std::io;
use std::process::Command;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A program could not be started.
    #[error("cannot run `{command}`: {source}")]
    Start {
        /// The program, with its arguments.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("`{command}` failed: {stderr}")]
    Failed {
        /// The program, with its arguments.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// A program answered something else than expected.
    #[error("cannot read the answer of `{command}`: {source}")]
    Answer {
        /// The program, with its arguments.
        command: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file could not be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A benchmark could not be run.
    #[error("the benchmark stopped: {what}")]
    Bench {
        /// What happened.
        what: String,
    },
}

/// What a program prints.
pub fn output(command: &[&str]) -> Result<String, Trouble> {
    let words = command.join(" ");
    let ran = Command::new(command[0]).args(&command[1..]).output();
    let ran = ran.map_err(|source| Trouble::Start { command: words.clone(), source })?;
    if !ran.status.success() {
        let stderr = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
        return Err(Trouble::Failed { command: words, stderr });
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}
