//! Why something is not translated.

use wire::WireError;

/// Why something is not translated, in words that quote nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConverseError {
    /// Converse has no place for what a chat says.
    #[error("{what}")]
    Untranslatable {
        /// What, and why not.
        what: String,
    },
    /// What came is no reply.
    #[error("{what}")]
    NotAReply {
        /// What is wrong with it.
        what: String,
    },
}

impl ConverseError {
    /// From what is wrong with bytes that should be a reply; a parser's own words would quote them.
    pub(crate) fn of(error: &WireError) -> Self {
        let what = match error {
            WireError::NotJson { line, column, .. } => format!("it stops making sense at line {line} column {column}"),
            other => other.to_string(),
        };
        Self::NotAReply { what }
    }
}
