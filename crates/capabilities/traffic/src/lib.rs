//! Sends a schedule of requests to a target over real sockets and says what came of each.
//!
//! Arrivals are open: each is due at its moment, whatever the target does. A limited number of users carries them, one
//! request and one connection each; an arrival that finds no free user waits, and its waiting counts. This room knows
//! no scenario, no requirement and no report, and never corrects what it measured.

mod answer;
mod arrival;
mod desk;
mod error;
mod job;
mod mcp;
mod meter;
mod pacer;
mod record;
mod request;
mod user;
mod worker;

pub use arrival::Arrival;
pub use error::TrafficError;
pub use job::{Job, Mode, Taken, reach, run};
pub use meter::{Live, Meter};
pub use record::{Cache, Class, Record};
pub use request::{Prepared, Reading};
