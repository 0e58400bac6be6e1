//! What an index refuses.

use fault::{Explain, Kind, Origin};

/// Why documents or a query are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// Something has more of something than is allowed.
    #[error("{what} has {given} {unit}, {max} are allowed")]
    TooLarge {
        /// Which: `` document `x` ``, `the query`, `the index`.
        what: String,
        /// Of what there is too much.
        unit: &'static str,
        /// How much there is.
        given: usize,
        /// How much there may be.
        max: usize,
    },
    /// A vector of another length than those that are there.
    #[error("a vector of {what} has {given} dimensions, the collection's have {held}")]
    Dimensions {
        /// Whose vector it is.
        what: String,
        /// How many it has.
        given: usize,
        /// How many it should have.
        held: usize,
    },
    /// A vector that cannot be of unit length.
    #[error("a vector of {what} has no dimensions, or one that is no number from -1 to 1")]
    Vector {
        /// Whose vector it is.
        what: String,
    },
    /// A weight outside of what is allowed.
    #[error("a field of {what} has the weight `{weight}`")]
    Weight {
        /// Whose field it is.
        what: String,
        /// The weight.
        weight: f32,
    },
}

impl Explain for SearchError {
    fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "search_too_large",
            Self::Dimensions { .. } => "search_dimensions",
            Self::Vector { .. } => "search_vector",
            Self::Weight { .. } => "search_weight",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::Dimensions { .. } => Kind::Conflict,
            Self::Vector { .. } | Self::Weight { .. } => Kind::BadInput,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooLarge { max, unit, .. } => format!("send at most {max} {unit}"),
            Self::Dimensions { .. } => {
                "embed with the model that the collection was made with, or make it anew".to_owned()
            }
            Self::Vector { .. } => "make it one of unit length".to_owned(),
            Self::Weight { .. } => "weigh fields from 0 to 100".to_owned(),
        })
    }
}
