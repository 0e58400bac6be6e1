//! What can be wrong with a door before or while it serves.

use fault::{Explain, Kind, Origin};

/// Why there is no MCP server, or no longer one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum McpError {
    /// Clients refuse such a name, or models misspell it.
    #[error("the tool name `{name}` is not made of 1 to {chars_max} characters of `a-z` and `_`")]
    Name {
        /// The name.
        name: &'static str,
        /// The most characters that it may have there.
        chars_max: usize,
    },
    /// A toolset whose address nobody could write.
    #[error("the toolset name `{name}` is taken, or not made of 1 to 64 characters of `a-z`, `0-9`, `_` and `-`")]
    Toolset {
        /// The name.
        name: String,
    },
    /// Two tools answer to one name.
    #[error("there are two tools named `{name}`")]
    Duplicate {
        /// The name.
        name: &'static str,
    },
    /// A schema that no client can use.
    #[error("the {which} schema of tool `{name}` is not an object of type `object`")]
    Schema {
        /// The tool.
        name: &'static str,
        /// `input` or `output`.
        which: &'static str,
    },
    /// The conversation over standard input and output broke off.
    #[error("the conversation over standard input and output broke off")]
    Stdio {
        /// What broke.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl McpError {
    pub(crate) fn stdio(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Stdio { source: source.into() }
    }
}

impl Explain for McpError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "tool_name",
            Self::Toolset { .. } => "toolset_name",
            Self::Duplicate { .. } => "tool_duplicate",
            Self::Schema { .. } => "tool_schema",
            Self::Stdio { .. } => "mcp_stdio",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Stdio { .. } => Kind::BadInput,
            _ => Kind::Internal,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Stdio { .. } => Origin::Caller,
            _ => Origin::Us,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Stdio { source } => Some(format!("start it from an MCP client; the protocol said: {source}")),
            _ => None,
        }
    }
}
