//! How the command line ends: a message people can act on, and a code scripts can match on.

#![allow(clippy::print_stderr, reason = "the command line speaks to people here")]

use fault::{Explain, Kind};
use std::process::ExitCode;

/// Done.
pub(crate) const DONE: u8 = 0;
/// Tried and failed.
pub(crate) const FAILED: u8 = 1;
/// Called wrongly.
pub(crate) const USAGE: u8 = 2;
/// The settings are wrong.
pub(crate) const CONFIGURATION: u8 = 3;
/// Something that is needed cannot be reached.
pub(crate) const UNREACHABLE: u8 = 4;

/// Why a command failed: what to print, and with which code to end.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    snippet: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure with a message.
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), snippet: None, hint: None }
    }

    /// From any room's error.
    pub(crate) fn of(error: &impl Explain) -> Self {
        let code = match error.kind() {
            Kind::Unavailable | Kind::Overloaded | Kind::Deadline => UNREACHABLE,
            _ => FAILED,
        };
        Self { hint: error.hint(), ..Self::new(code, error.to_string()) }
    }

    /// From an error in the settings, with the line at fault.
    pub(crate) fn of_settings(error: &settings::SettingsError) -> Self {
        Self { snippet: error.snippet(), ..Self::of(error).code(CONFIGURATION) }
    }

    /// The same failure with another code.
    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The same failure with a next step.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is printed.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        if let Some(snippet) = &self.snippet {
            text.push_str(snippet.trim_end());
            text.push('\n');
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }
}

/// Ends with what a command returned.
pub(crate) fn report(result: Result<u8, Failure>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprint!("{}", failure.text());
            ExitCode::from(failure.code)
        }
    }
}

/// Ends with what clap says: help is not an error.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { USAGE } else { DONE })
}
