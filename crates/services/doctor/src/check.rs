//! One check and its result. How it looks and with which code a command ends is others' business.

use fault::Explain;
use serde::Serialize;
use settings::SettingsError;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Something to know, and nothing that stops anybody.
    Warn,
    /// A server would not work like this.
    Fail,
}

/// What a failed check failed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The settings are wrong.
    Settings,
    /// Something that is needed cannot be reached.
    Unreachable,
    /// Anything else.
    Other,
}

/// One check and its result.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was looked at, such as `store` or `provider aws`.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// What was seen; a lowercase fragment.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What it failed for, should it have failed.
    #[serde(skip)]
    pub cause: Cause,
}

impl Check {
    /// All is well.
    pub fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, detail: detail.into(), fix: None, cause: Cause::Other }
    }

    /// Something to know, and what to do about it.
    pub fn warn(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status: Status::Warn, fix: Some(fix.into()), ..Self::ok(name, detail) }
    }

    /// It failed.
    pub fn fail(name: impl Into<String>, detail: impl Into<String>, fix: Option<String>, cause: Cause) -> Self {
        Self { status: Status::Fail, fix, cause, ..Self::ok(name, detail) }
    }

    /// It failed for what stands in the settings.
    pub fn of_settings(name: impl Into<String>, error: &SettingsError) -> Self {
        let fix = error.hint().filter(|hint| !hint.is_empty());
        Self::fail(name, error.to_string(), fix, Cause::Settings)
    }
}
