//! What can keep a command of this crate from doing its work at all, as opposed to what it finds.

use std::io;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// A program could not be started.
    #[error("cannot run `{command}`: {source}")]
    Start { command: String, source: io::Error },
    /// A program ran and failed.
    #[error("`{command}` failed: {stderr}")]
    Failed { command: String, stderr: String },
    /// A program answered something else than expected.
    #[error("cannot read the answer of `{command}`: {source}")]
    Answer { command: String, source: serde_json::Error },
    /// A file could not be read.
    #[error("cannot read `{path}`: {source}")]
    Read { path: String, source: io::Error },
    /// A file could not be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write { path: std::path::PathBuf, source: io::Error },
    /// A benchmark could not be run.
    #[error("the benchmark stopped: {what}")]
    Bench { what: String },
}
