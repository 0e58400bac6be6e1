//! The Universal Scalability Law: how throughput rises with users, flattens and falls. Knows neither what a user is
//! nor what is done, and no time: `n` users give `x` operations in whatever unit was handed in.
//!
//! X(N) = λN / (1 + σ(N − 1) + κN(N − 1)), after Gunther, "Guerrilla Capacity Planning" (2007): λ is the throughput of
//! one user, σ the share of work that waits in line, κ the cost of each two agreeing with each other.

mod bootstrap;
mod fit;
mod law;
mod level;

pub use bootstrap::{Fit, fit};
pub use law::{Peak, Usl};
pub use level::{FitError, LEVELS_MIN, Level, SPAN_MIN};
