//! Words and vectors, indexed: documents go in, and come out by what they say and by what they mean.
//!
//! [`Index`] is what every backend does, [`Embedded`] does it in this process, and `conformance` is the suite that all
//! of them pass. Documents live in *scopes*, and a query names those that it may see: what is outside of them is not
//! found, and counts in no statistic, so that it moves nobody's score. What a *filter* leaves out is not found either, but
//! it counts.
//!
//! This room knows nothing of tools, passages or permissions, embeds no text, keeps nothing on disk, and leaves it to
//! others to make one list of two.

mod ask;
mod collection;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod document;
mod embedded;
mod error;
mod forms;
mod index;
mod limits;
mod lists;
mod partition;
mod parts;
mod products;
mod tables;
#[cfg(test)]
mod tests;
mod top;
mod vectors;
mod view;
mod words;

pub use embedded::Embedded;
pub use error::SearchError;
pub use index::{Candidate, Doc, Field, Filter, Found, Held, Index, IndexFuture, Query, Snapshot, Vector};
pub use limits::Limits;
pub use words::Words;
