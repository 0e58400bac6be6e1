//! What models cost, as data, and what one call costs, in exact decimal money.
//!
//! A [`Table`] holds price lists, one for each house that sells models; it is shipped with the program, and a file in
//! the data folder may lie over it. [`import()`] reads the lists that others publish. A [`Price`] says what a call
//! costs. This room opens no socket, asks no clock, and knows no provider's protocol; a price that it does not know it
//! does not guess.

mod changes;
mod entry;
mod error;
mod file;
mod import;
mod names;
mod price;
mod table;
mod text;

pub use changes::{Change, changes};
pub use entry::Entry;
pub use error::PricesError;
pub use file::{file, load, save};
pub use import::import;
pub use price::{Cost, Long, Price, Rates, nano};
pub use table::{About, Table};
pub use text::BYTES_MAX;
