//! `althing completions`: a script that teaches a shell to complete.

use crate::exit::{DONE, FAILED, Failure};
use crate::print;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;
use shell::{Cli, Global};

/// Prints the script; `source <(althing completions bash)` tries it at once.
pub(crate) fn run(global: &Global, shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "althing", &mut script);
    let script = String::from_utf8(script).map_err(|error| Failure::new(FAILED, error.to_string()))?;
    match global.json {
        true => print::json(&json!({ "shell": shell.to_string(), "script": script }))?,
        false => print::print(&script)?,
    }
    Ok(DONE)
}
