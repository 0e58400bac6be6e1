//! What is served, as values that a listener puts together: rows with the role that each needs, what comes with a
//! request, how a body is read, why something is refused, how an operation is described.
//!
//! Rooms that serve paths make rows of these, and the room that listens serves them all. This room listens nowhere,
//! knows no credential and who may see what, and gives no refusal a status or a shape: that is for the door.

mod asked;
pub mod body;
pub mod describe;
mod refusal;
mod row;
mod terms;

pub use asked::{Asked, Asking, Name, Names, Perhaps, Sent};
pub use refusal::{Refusal, Refused, shown};
pub use row::{Head, Need, Row};
pub use terms::{Arrival, Terms};
