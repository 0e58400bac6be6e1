//! Why bytes are not what a protocol says they should be.

use fault::{Explain, Kind, Origin};

/// Why bytes are not what a protocol says they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not JSON at all.
    #[error("the body is not JSON: {what} at line {line} column {column}")]
    NotJson {
        /// What the parser stumbled over.
        what: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A value has the wrong type.
    #[error("`{param}` must be {expected}, not {found}")]
    WrongType {
        /// Where, as the caller wrote it.
        param: String,
        /// The type that fits.
        expected: &'static str,
        /// The type that came.
        found: &'static str,
    },
    /// A value is needed and missing.
    #[error("`{param}` is missing")]
    Missing {
        /// Where, as the caller would write it.
        param: String,
    },
    /// A list or text that may not be empty is.
    #[error("`{param}` is empty")]
    Empty {
        /// Where, as the caller wrote it.
        param: String,
    },
    /// A number is outside its limits.
    #[error("`{param}` is `{found}`, outside {least} to {most}")]
    OutOfRange {
        /// Where, as the caller wrote it.
        param: String,
        /// What came.
        found: String,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed; a named limit in settings.
        most: u64,
    },
    /// A value makes sense and cannot be had here.
    #[error("`{param}` is not supported: {why}")]
    Unsupported {
        /// Where, as the caller wrote it.
        param: String,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// Brackets nest deeper than anybody means.
    #[error("the body nests deeper than {most} levels")]
    TooDeep {
        /// The limit.
        most: usize,
    },
    /// One event of a stream is longer than its limit.
    #[error("one event of the stream is longer than {most} bytes")]
    EventTooLong {
        /// The limit in bytes.
        most: usize,
    },
}

impl WireError {
    /// A value of the wrong type, named as its client wrote it.
    pub fn wrong_type(param: impl Into<String>, expected: &'static str, found: &serde_json::Value) -> Self {
        use serde_json::Value;
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) if number.is_f64() => "a fraction",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        Self::WrongType { param: param.into(), expected, found }
    }

    /// From the first byte that is not text.
    pub fn not_utf8(bytes: &[u8], error: &std::str::Utf8Error) -> Self {
        let good = &bytes[..error.valid_up_to()];
        let line = 1 + memchr::memchr_iter(b'\n', good).count();
        let column = good.len() - memchr::memrchr(b'\n', good).map_or(0, |at| at + 1) + 1;
        Self::NotJson { what: "invalid UTF-8".to_owned(), line, column }
    }

    /// From a parser's error, whose position is kept and whose own position text is dropped.
    pub fn not_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
        Self::NotJson { what, line: error.line(), column: error.column() }
    }
}

impl Explain for WireError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "invalid_json",
            Self::WrongType { .. } => "invalid_type",
            Self::Missing { .. } => "missing_parameter",
            Self::Empty { .. } => "empty_parameter",
            Self::OutOfRange { .. } => "parameter_out_of_range",
            Self::Unsupported { .. } => "unsupported_parameter",
            Self::TooDeep { .. } => "nesting_too_deep",
            Self::EventTooLong { .. } => "event_too_long",
        }
    }

    fn kind(&self) -> Kind {
        Kind::BadInput
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            // What to do instead stands in the message.
            Self::Unsupported { .. } => return None,
            Self::NotJson { .. } => "send one JSON object in UTF-8".to_owned(),
            Self::WrongType { expected, .. } => format!("send {expected}"),
            Self::Missing { param } => format!("add `{param}`"),
            Self::Empty { param } => format!("put at least one entry into `{param}`"),
            Self::OutOfRange { least, most, .. } => format!("send a whole number from {least} to {most}"),
            Self::TooDeep { .. } => "flatten the structure".to_owned(),
            Self::EventTooLong { .. } => "raise the provider's `event_bytes_max`".to_owned(),
        })
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::WrongType { param, .. }
            | Self::Unsupported { param, .. }
            | Self::Missing { param }
            | Self::Empty { param }
            | Self::OutOfRange { param, .. } => Some(param.clone()),
            Self::NotJson { .. } | Self::TooDeep { .. } | Self::EventTooLong { .. } => None,
        }
    }
}
