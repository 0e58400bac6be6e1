//! In which order endpoints that offer the same are tried.
//!
//! A [`Reading`] says how an endpoint stands, [`PeakEwma`] how long it takes to answer, a [`Balancer`] turns readings
//! into an order. This room knows no clock, no endpoint and no request: time and chance are handed in, and it never
//! drops a candidate, however ill it looks.

mod ewma;
mod order;
mod reading;
#[cfg(test)]
mod simulation;

pub use ewma::PeakEwma;
pub use order::{Balancer, Ordered, Strategy};
pub use reading::Reading;
