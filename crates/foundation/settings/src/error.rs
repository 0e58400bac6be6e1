//! What can be wrong with settings, where it stands and what to do about it.
//!
//! Nothing here knows how an error is shown: a terminal, a log and a reload message use the same words.

use std::fmt;
use std::path::PathBuf;

use fault::{Explain, Kind, Origin};

use crate::load::FILE_BYTES_MAX;
use crate::secret::{REFERENCE_HINT, SecretRef};

/// A place in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file, as it was given.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// How many characters of the line are meant, at least 1.
    pub width: usize,
    /// How many characters of `text` stand before what is meant.
    pub indent: usize,
    /// The line itself, or the part around what is meant when it is long, with what may be a secret starred out.
    pub text: String,
}

/// Where a value came from, for an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// From a line of the settings file.
    File(Box<Spot>),
    /// From the environment variable of this name.
    Variable(String),
    /// From the flag that sets this dotted path.
    Flag(String),
    /// From what is built in: the defaults, or the profile of this name.
    BuiltIn(Option<String>),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(spot) => write!(out, "at {}:{}:{}", spot.file.display(), spot.line, spot.column),
            Self::Variable(name) => write!(out, "from the variable `{name}`"),
            Self::Flag(path) => write!(out, "from the flag for `{path}`"),
            Self::BuiltIn(Some(profile)) => write!(out, "from the built-in profile `{profile}`"),
            Self::BuiltIn(None) => out.write_str("by default"),
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no file where one was named.
    #[error("no settings file at `{}`", path.display())]
    Missing {
        /// The file that was named.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("cannot read the settings file `{}`", path.display())]
    Unreadable {
        /// The file that was named.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is larger than [`FILE_BYTES_MAX`].
    #[error("the settings file `{}` is larger than {FILE_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file that was named.
        path: PathBuf,
    },
    /// The text is not TOML.
    #[error("{problem} {place}")]
    Syntax {
        /// What is wrong.
        problem: String,
        /// Where.
        place: Place,
    },
    /// A key that nobody knows.
    #[error("unknown key `{key}`{} {place}", inside(section))]
    UnknownKey {
        /// The key as it was written.
        key: String,
        /// The dotted path of the table that it is in, empty for the file itself.
        section: String,
        /// Where.
        place: Place,
        /// The keys that the table knows.
        known: Vec<String>,
    },
    /// A value of the wrong type.
    #[error("{problem} {place}")]
    Value {
        /// The dotted path of the value.
        path: String,
        /// What is wrong.
        problem: String,
        /// Where.
        place: Place,
        /// What to write instead, where that is known.
        hint: Option<String>,
    },
    /// A value of the right type that cannot be used, alone or beside the others.
    #[error("{problem} {place}")]
    Rule {
        /// The dotted path of the value.
        path: String,
        /// What is wrong.
        problem: String,
        /// Where.
        place: Place,
        /// What to write instead.
        hint: String,
    },
    /// A profile that neither the file nor this server knows.
    #[error("unknown profile `{name}`")]
    UnknownProfile {
        /// The profile that was asked for.
        name: String,
        /// The profiles that could have been.
        known: Vec<String>,
    },
    /// A secret that cannot be read from where it should lie.
    #[error("cannot read the secret `{reference}`: {problem}")]
    Secret {
        /// Where it should lie.
        reference: SecretRef,
        /// What is wrong.
        problem: String,
    },
}

impl SettingsError {
    /// Where the trouble is, where one place can be named.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Syntax { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::Value { place, .. }
            | Self::Rule { place, .. } => Some(place),
            _ => None,
        }
    }

    /// The line of the file with a caret under what is meant, three lines of text without a line break at the end.
    pub fn snippet(&self) -> Option<String> {
        let Some(Place::File(spot)) = self.place() else { return None };
        let number = spot.line.to_string();
        let margin = " ".repeat(number.len());
        let before = " ".repeat(spot.indent);
        let carets = "^".repeat(spot.width);
        Some(format!("{margin} |\n{number} | {}\n{margin} | {before}{carets}", spot.text))
    }
}

impl Explain for SettingsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "settings_missing",
            Self::Unreadable { .. } => "settings_unreadable",
            Self::TooLarge { .. } => "settings_too_large",
            Self::Syntax { .. } => "settings_syntax",
            Self::UnknownKey { .. } => "settings_unknown_key",
            Self::Value { .. } => "settings_wrong_type",
            Self::Rule { .. } => "settings_rule",
            Self::UnknownProfile { .. } => "settings_unknown_profile",
            Self::Secret { .. } => "settings_secret",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } | Self::UnknownProfile { .. } | Self::Secret { .. } => Kind::NotFound,
            Self::Unreadable { .. } => Kind::Unavailable,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::Syntax { .. } | Self::UnknownKey { .. } | Self::Value { .. } => Kind::BadInput,
            Self::Rule { .. } => Kind::Semantics,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("name another file, or none: every setting has a default".to_owned()),
            Self::Unreadable { source, .. } => Some(source.to_string().to_lowercase()),
            Self::TooLarge { .. } => Some("settings are small: is this the right file?".to_owned()),
            Self::Syntax { problem, .. } => crate::wording::syntax_hint(problem).map(str::to_owned),
            Self::UnknownKey { key, known, .. } => offer(key, known, "keys"),
            Self::UnknownProfile { name, known } => offer(name, known, "profiles"),
            Self::Value { hint, .. } => hint.clone(),
            Self::Rule { hint, .. } => Some(hint.clone()),
            Self::Secret { reference: SecretRef::Env(name), .. } => {
                Some(format!("set the variable `{name}`, or remove the reference"))
            }
            Self::Secret { reference: SecretRef::File(path), .. } => {
                Some(format!("put the secret into `{}`, or {REFERENCE_HINT}", path.display()))
            }
        }
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Value { path, .. } | Self::Rule { path, .. } => Some(path.clone()),
            Self::UnknownKey { key, section, .. } if section.is_empty() => Some(key.clone()),
            Self::UnknownKey { key, section, .. } => Some(format!("{section}.{key}")),
            _ => None,
        }
    }
}

fn inside(section: &str) -> String {
    if section.is_empty() { String::new() } else { format!(" in `{section}`") }
}

/// The nearest known name, or all of them when none is near.
pub(crate) fn offer(asked: &str, known: &[String], what: &str) -> Option<String> {
    if let Some(near) = fault::nearest(asked, known.iter().map(String::as_str), 1).first() {
        return Some(format!("did you mean `{near}`?"));
    }
    if known.is_empty() {
        return None;
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("known {what} are {}", known.join(", ")))
}
