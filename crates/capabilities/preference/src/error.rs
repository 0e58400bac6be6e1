//! What can be wrong with a table, with comparisons or with draws. It names places by their index, from 0.

use fault::{Explain, Kind, Origin};

/// Why numbers are refused. They came from the caller.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PreferenceError {
    /// Too few or too many of something.
    #[error("{given} {what} are not within `{min}` to `{max}`")]
    Count {
        /// `options`, `criteria`, `draws`.
        what: &'static str,
        /// How many there are.
        given: usize,
        /// How many there must be at least.
        min: usize,
        /// How many there may be at most.
        max: usize,
    },
    /// A list or a row of another length than it must have.
    #[error("{what} has length `{given}` where `{expected}` is needed")]
    Length {
        /// Which list, with its index where there are several.
        what: String,
        /// Its length.
        given: usize,
        /// The length it must have.
        expected: usize,
    },
    /// A number that is none, or lies outside of what is allowed.
    #[error("{what} is `{given}`, which is not within `{min}` to `{max}`")]
    Number {
        /// Which number, with its indices.
        what: String,
        /// The number.
        given: f64,
        /// The smallest that is allowed.
        min: f64,
        /// The largest that is allowed.
        max: f64,
    },
    /// Two comparisons of the same pair that are not each other's reciprocal.
    #[error("`[{row}][{column}]` is `{given}` and `[{column}][{row}]` is `{back}`: they contradict each other")]
    NotReciprocal {
        /// The row of the first.
        row: usize,
        /// The column of the first.
        column: usize,
        /// The first comparison.
        given: f64,
        /// The one the other way round.
        back: f64,
    },
    /// Comparisons that contradict each other too much to make weights of them.
    #[error("the comparisons contradict each other: their consistency ratio is `{ratio:.2}`")]
    Inconsistent {
        /// The consistency ratio.
        ratio: f64,
    },
}

impl PreferenceError {
    /// Refuses a number that is none or not within `min` to `max`, both included.
    pub(crate) fn check(what: impl FnOnce() -> String, given: f64, min: f64, max: f64) -> Result<(), Self> {
        if (min..=max).contains(&given) { Ok(()) } else { Err(Self::Number { what: what(), given, min, max }) }
    }

    /// Refuses a list of the wrong length.
    pub(crate) fn check_length(what: impl FnOnce() -> String, given: usize, expected: usize) -> Result<(), Self> {
        if given == expected { Ok(()) } else { Err(Self::Length { what: what(), given, expected }) }
    }

    /// Refuses too few and too many.
    pub(crate) fn check_count(what: &'static str, given: usize, min: usize, max: usize) -> Result<(), Self> {
        if (min..=max).contains(&given) { Ok(()) } else { Err(Self::Count { what, given, min, max }) }
    }
}

impl Explain for PreferenceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Count { .. } => "wrong_count",
            Self::Length { .. } => "wrong_length",
            Self::Number { .. } => "number_out_of_range",
            Self::NotReciprocal { .. } => "not_reciprocal",
            Self::Inconsistent { .. } => "inconsistent_comparisons",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Inconsistent { .. } => Kind::Semantics,
            _ => Kind::BadInput,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Count { what, min, max, .. } => format!("give `{min}` to `{max}` {what}"),
            Self::Length { expected, .. } => format!("give `{expected}` of them"),
            Self::Number { min, max, .. } => format!("give a number from `{min}` to `{max}`"),
            Self::NotReciprocal { row, column, given, .. } => {
                format!("let `[{column}][{row}]` be `{}`, or change `[{row}][{column}]`", 1.0 / given)
            }
            Self::Inconsistent { .. } => "compare again the pair that is most at odds with the others".to_owned(),
        })
    }
}
