//! Answers kept to be given again, in tiers: memory, disk, Redis; and one flight for each that is being asked for.
//!
//! [`Cache`] knows keys, bytes and times; [`Subject`] which requests may be answered with a kept answer, and what their key
//! is made of. What an answer is, is for others to know. No request waits for a write, and what a tier loses or garbles is
//! a miss.

mod cache;
mod codec;
mod disk;
mod drops;
mod entry;
#[cfg(test)]
mod fixtures;
mod flight;
mod key;
mod memory;
mod question;
mod redis;
mod remote;
mod stats;
mod tape;
mod work;

pub use cache::{Age, Answer, Cache, Clock, Dropped, Failed, Found, Life, Made, Setup, Wanted, Whence};
pub use drops::{Drops, Scope};
pub use entry::{Entry, Label, Value};
pub use flight::{Flight, Flights, Ticket};
pub use key::{Key, KeyMaker};
pub use question::{Policy, Subject};
pub use remote::{Away, Remote, RemoteFuture};
pub use stats::{Stats, Tier, TierStats};
pub use tape::{Place, Tape};
pub use work::{Renewal, Worker};
