//! How the command line ends: a message people can act on, and a code scripts can match on.

use crate::print;
use fault::{Explain, Kind};
use serde_json::{Value, json};
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
/// Ended by Ctrl-C, as shells count it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command failed: what to print, and with which code to end.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    name: Option<&'static str>,
    message: String,
    /// Whole lines below the message: where in a file, which attempts.
    details: String,
    hint: Option<String>,
    more: Option<Box<(&'static str, Value)>>,
}

impl Failure {
    /// A failure with a message.
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, name: None, message: message.into(), details: String::new(), hint: None, more: None }
    }

    /// From any room's error.
    pub(crate) fn of(error: &impl Explain) -> Self {
        let code = match error.kind() {
            Kind::Unavailable | Kind::Overloaded | Kind::Deadline => UNREACHABLE,
            _ => FAILED,
        };
        Self {
            name: Some(error.code()),
            hint: error.hint().filter(|hint| !hint.is_empty()),
            ..Self::new(code, error.to_string())
        }
    }

    /// From an error in the settings, with the line at fault.
    pub(crate) fn of_settings(error: &settings::SettingsError) -> Self {
        Self { details: error.snippet().unwrap_or_default(), ..Self::of(error).code(CONFIGURATION) }
    }

    /// The same failure with another code.
    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The same failure with a name that scripts can match on.
    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// The same failure in other words.
    pub(crate) fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The same failure with a next step.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The next step, if there is one.
    pub(crate) fn next(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The same failure with whole lines for people, and the same as JSON under `key`.
    pub(crate) fn details(mut self, text: String, key: &'static str, value: Value) -> Self {
        self.details = text;
        self.more = Some(Box::new((key, value)));
        self
    }

    /// What is printed.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        if !self.details.trim().is_empty() {
            text.push_str(self.details.trim_end());
            text.push('\n');
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }

    /// The same as JSON.
    pub(crate) fn document(&self) -> Value {
        let name = self.name.unwrap_or(match self.code {
            USAGE => "usage",
            CONFIGURATION => "configuration",
            UNREACHABLE => "unreachable",
            _ => "failed",
        });
        let mut error = json!({ "code": name, "message": self.message, "hint": self.hint });
        if let Some((key, value)) = self.more.as_deref() {
            error[*key] = value.clone();
        }
        json!({ "error": error })
    }
}

/// Ends with what a command returned; with `json`, what went wrong is also a document on standard output.
pub(crate) fn report(result: Result<u8, Failure>, json: bool) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            print::say(&failure.text());
            if json {
                // Nobody is left to hear that this could not be printed.
                let _ = print::json(&failure.document());
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Ends with what clap says: help is not an error.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Somebody who closed the pipe has read enough.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::from(DONE);
    }
    let mut words = std::env::args_os().take_while(|word| word != "--");
    if words.any(|word| word == "--json") {
        let text = error.to_string();
        let message = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
        let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
        let hint = tip.unwrap_or("`althing --help` shows what can be typed");
        let failure = Failure::new(USAGE, message.split_whitespace().collect::<Vec<_>>().join(" ")).hint(hint);
        let _ = print::json(&failure.document());
    }
    ExitCode::from(USAGE)
}
