//! Secrets by reference: where one lies, never what it is.
//!
//! A reference can be shown, logged and written back; the secret behind it leaves this file only inside
//! [`SecretString`]. Whatever stands where a reference should is treated as a secret and is never repeated.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::SettingsError;

/// The most bytes a file with a secret may have.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// What to write instead of a literal secret.
pub(crate) const REFERENCE_HINT: &str = "write `env:NAME` or `file:PATH`";

/// Where a secret lies.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// In the environment variable of this name.
    Env(String),
    /// In this file; a relative path starts from the working directory of the server.
    File(PathBuf),
}

impl SecretRef {
    /// Reads the secret, without the line breaks at its end.
    ///
    /// # Errors
    /// The variable is not set, the file cannot be read or is larger than [`SECRET_BYTES_MAX`], or the secret is
    /// empty or not text. The error names the reference and never the secret.
    pub fn resolve(&self) -> Result<SecretString, SettingsError> {
        let mut text = match self {
            Self::Env(name) => std::env::var(name).map_err(|error| match error {
                std::env::VarError::NotPresent => self.unresolved("the variable is not set"),
                std::env::VarError::NotUnicode(_) => self.unresolved("the variable is not text"),
            })?,
            Self::File(path) => self.read(path)?,
        };
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        if text.trim().is_empty() {
            return Err(self.unresolved("it is empty"));
        }
        Ok(SecretString::from(text))
    }

    fn read(&self, path: &std::path::Path) -> Result<String, SettingsError> {
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text))
            .map_err(|error| self.unresolved(&error.to_string().to_lowercase()))?;
        if text.len() as u64 > SECRET_BYTES_MAX {
            return Err(self.unresolved(&format!("the file is larger than {SECRET_BYTES_MAX} bytes")));
        }
        Ok(text)
    }

    fn unresolved(&self, problem: &str) -> SettingsError {
        SettingsError::Secret { reference: self.clone(), problem: problem.to_owned() }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(out, "env:{name}"),
            Self::File(path) => write!(out, "file:{}", path.display()),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretRef({self})")
    }
}

/// Text that is not a reference to a secret; the text is not kept, for it may be the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret must be a reference, {REFERENCE_HINT}")]
pub struct SecretRefError;

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, SecretRefError> {
        if let Some(name) = text.strip_prefix("env:")
            && is_variable(name)
        {
            return Ok(Self::Env(name.to_owned()));
        }
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() && !path.contains(char::is_control) => Ok(Self::File(PathBuf::from(path))),
            _ => Err(SecretRefError),
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    /// Reads any value first, because the usual message about a wrong type would repeat it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) => text.parse().map_err(serde::de::Error::custom),
            _ => Err(serde::de::Error::custom(SecretRefError)),
        }
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "Where a secret lies: `env:NAME` or `file:PATH`, never the secret itself.",
            "type": "string",
            "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{SECRET_BYTES_MAX, SecretRef};
    use fault::{Explain, Kind};
    use secrecy::ExposeSecret;

    #[test]
    fn reads_and_writes_references_alone() {
        for text in ["env:OPENAI_API_KEY", "file:/run/secrets/key", "file:key with space"] {
            assert_eq!(text.parse::<SecretRef>().unwrap().to_string(), text);
        }
        for text in ["", "sk-1234", "env:", "env:sk-1234", "env:1A", "file:", "ENV:A", "file:a\nb"] {
            let error = text.parse::<SecretRef>().unwrap_err().to_string();
            assert_eq!(error, "a secret must be a reference, write `env:NAME` or `file:PATH`");
        }
    }

    #[test]
    fn resolves_a_variable() {
        let secret = SecretRef::Env("CARGO_PKG_NAME".to_owned()).resolve().unwrap();
        assert_eq!(secret.expose_secret(), "settings");
        assert!(!format!("{secret:?}").contains("settings"));
        let error = SecretRef::Env("ALTHING_NO_SUCH_VARIABLE".to_owned()).resolve().unwrap_err();
        assert_eq!(error.to_string(), "cannot read the secret `env:ALTHING_NO_SUCH_VARIABLE`: the variable is not set");
        assert_eq!(error.kind(), Kind::NotFound);
        assert_eq!(error.hint().unwrap(), "set the variable `ALTHING_NO_SUCH_VARIABLE`, or remove the reference");
    }

    #[test]
    fn resolves_a_file_without_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let secret = SecretRef::File(path.clone());
        assert!(secret.resolve().unwrap_err().to_string().contains("no such file"));
        std::fs::write(&path, "s3cret \r\n").unwrap();
        assert_eq!(secret.resolve().unwrap().expose_secret(), "s3cret ");
        std::fs::write(&path, "\n\n").unwrap();
        assert!(secret.resolve().unwrap_err().to_string().ends_with(": it is empty"));
        std::fs::write(&path, vec![b'x'; SECRET_BYTES_MAX as usize + 1]).unwrap();
        assert!(secret.resolve().unwrap_err().to_string().ends_with("is larger than 65536 bytes"));
    }

    #[test]
    fn debug_shows_the_reference() {
        assert_eq!(format!("{:?}", SecretRef::Env("A".to_owned())), "SecretRef(env:A)");
    }
}
