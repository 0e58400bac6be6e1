//! What can be wrong with a price list.

use fault::{Explain, Kind, Origin};
use std::path::PathBuf;

/// What can be wrong with a price list.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// It is larger than anybody's.
    #[error("the price list has {bytes} bytes, {most} are the most")]
    TooLarge {
        /// How large it is.
        bytes: u64,
        /// The limit.
        most: usize,
    },
    /// It has more models than anybody's.
    #[error("the price list has more than {most} models")]
    TooMany {
        /// The limit.
        most: usize,
    },
    /// It cannot be read as what it seems to be.
    #[error("the price list cannot be read{}: {reason}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Malformed {
        /// Where, from 1, if that is known.
        line: Option<usize>,
        /// What is wrong.
        reason: String,
    },
    /// It is none of the known formats.
    #[error("this is no price list that is known here")]
    Unrecognised,
    /// A model in it makes no sense.
    #[error("`{model}` of `{house}`: {reason}")]
    Entry {
        /// Whose model.
        house: String,
        /// Which one.
        model: String,
        /// What is wrong.
        reason: String,
    },
    /// A date is none.
    #[error("`{date}` is not a date")]
    Date {
        /// What was written.
        date: String,
    },
    /// The file cannot be read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file that lies over the shipped list is wrong.
    #[error("the price list `{}` cannot be used: {source}", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: Box<PricesError>,
    },
}

impl Explain for PricesError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => "prices_too_large",
            Self::Malformed { .. } | Self::Entry { .. } | Self::Date { .. } => "prices_malformed",
            Self::Unrecognised => "prices_unrecognised",
            Self::File { .. } => "prices_file",
            Self::Broken { .. } => "prices_broken",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => Kind::TooLarge,
            Self::File { .. } => Kind::Unavailable,
            _ => Kind::BadInput,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        let known = "what can be imported is a `prices.toml`, LiteLLM's `model_prices_and_context_window.json` and \
                     `api.json` of models.dev";
        Some(match self {
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::Unrecognised => known.to_owned(),
            Self::Malformed { .. } => format!("see whether the file is whole; {known}"),
            Self::Entry { .. } => "write amounts as US dollars per million tokens, such as `0.15`".to_owned(),
            Self::Date { .. } => "write it as `2026-11-21`".to_owned(),
            Self::File { .. } => "see whether the file is there and who may read and write it".to_owned(),
            Self::Broken { .. } => {
                "import it again with `althing prices update FILE`, or remove it to use the shipped prices".to_owned()
            }
        })
    }
}
