//! Why a document cannot be read, or arguments are no request.

use fault::{Explain, Kind, Origin, nearest};

/// How many known names are offered for one that is not.
const OFFERED_MAX: usize = 3;

/// Why a document cannot be read, or arguments are no request. Holds names and places, never values of arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenApiError {
    /// More bytes than a document may have.
    #[error("the document has {bytes} bytes, more than {most}")]
    TooLarge {
        /// How many came.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// Neither JSON nor YAML.
    #[error("the document cannot be read at line {line} column {column}: {problem}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// Lists and objects lie too deep within each other.
    #[error("the document nests deeper than {most}")]
    TooDeep {
        /// The limit.
        most: usize,
    },
    /// More values than a document may stand for.
    #[error("the document stands for more than {most} values")]
    TooManyValues {
        /// The limit.
        most: usize,
    },
    /// Some other document.
    #[error("this is not an OpenAPI document: it has no `openapi`")]
    NotOpenApi,
    /// A version that is not understood.
    #[error("the version `{version}` is not supported")]
    Version {
        /// What the document says, shortened.
        version: String,
    },
    /// More operations than a document may have.
    #[error("the document has more than {most} operations")]
    TooManyOperations {
        /// The limit.
        most: usize,
    },
    /// No address to send requests to.
    #[error("`{server}` is no address of a server: {problem}")]
    Server {
        /// What was given, shortened.
        server: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An argument is needed and missing.
    #[error("`{name}` is missing")]
    Missing {
        /// The argument.
        name: String,
    },
    /// An argument that the operation does not have.
    #[error("`{name}` is no argument of this operation")]
    Unknown {
        /// What came, shortened.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An argument that cannot be written where it belongs.
    #[error("`{name}` cannot be sent: {problem}")]
    Argument {
        /// The argument.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The address of the request would be too long.
    #[error("the address of the request would have {bytes} bytes, more than {most}")]
    AddressTooLong {
        /// How many it would have.
        bytes: usize,
        /// The limit.
        most: usize,
    },
}

impl Explain for OpenApiError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "openapi_too_large",
            Self::Syntax { .. } => "openapi_syntax",
            Self::TooDeep { .. } => "openapi_too_deep",
            Self::TooManyValues { .. } => "openapi_too_many_values",
            Self::NotOpenApi => "openapi_unknown_document",
            Self::Version { .. } => "openapi_version",
            Self::TooManyOperations { .. } => "openapi_too_many_operations",
            Self::Server { .. } => "openapi_server",
            Self::Missing { .. } => "argument_missing",
            Self::Unknown { .. } => "argument_unknown",
            Self::Argument { .. } => "argument_invalid",
            Self::AddressTooLong { .. } => "address_too_long",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::TooLarge { .. }
            | Self::TooDeep { .. }
            | Self::TooManyValues { .. }
            | Self::TooManyOperations { .. }
            | Self::AddressTooLong { .. } => Kind::TooLarge,
            Self::Version { .. } => Kind::Semantics,
            _ => Kind::BadInput,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooLarge { .. } | Self::TooManyOperations { .. } => {
                "split the document, for instance by its tags, and import the parts".to_owned()
            }
            Self::Syntax { .. } => "send the document as JSON or YAML in UTF-8".to_owned(),
            Self::TooDeep { .. } => "move inner schemas to `components` and refer to them".to_owned(),
            Self::TooManyValues { .. } => "use fewer aliases, or split the document".to_owned(),
            Self::NotOpenApi => "send a document that begins with `openapi: 3.1.0` or similar".to_owned(),
            Self::Version { .. } => "convert the document to OpenAPI 3.0 or 3.1".to_owned(),
            Self::Server { .. } => "give the base address, such as `https://api.example.com/v1`".to_owned(),
            Self::Missing { name } => format!("add `{name}` to the arguments"),
            Self::Unknown { name, known } => offer(name, known),
            Self::Argument { .. } => "send a value that the input schema describes".to_owned(),
            Self::AddressTooLong { .. } => "send fewer or shorter arguments".to_owned(),
        })
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Missing { name } | Self::Unknown { name, .. } | Self::Argument { name, .. } => Some(name.clone()),
            _ => None,
        }
    }
}

fn offer(name: &str, known: &[String]) -> String {
    let alike = nearest(name, known.iter().map(String::as_str), OFFERED_MAX);
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let all: Vec<&str> = known.iter().map(String::as_str).take(OFFERED_MAX * 4).collect();
    match (alike.is_empty(), all.is_empty()) {
        (false, _) => format!("did you mean {}?", quoted(&alike)),
        (true, false) => format!("it has {}", quoted(&all)),
        (true, true) => "it has no arguments".to_owned(),
    }
}
