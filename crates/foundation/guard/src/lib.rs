//! Small state machines that keep one sick upstream from hurting everybody else.
//!
//! Whether to ask ([`Breaker`]), whether to ask again ([`RetryBudget`]) and when ([`Backoff`]), how long an answer may
//! take ([`Deadline`]), how many may ask at once ([`Bulkhead`]) and how often ([`Gcra`]). This room knows no socket, no
//! runtime and no clock: the caller hands in the time and the random generator, so every rule here is tested without
//! sleeping. It holds no lock either; whoever shares a machine between tasks wraps it, but for [`Gcra`], which is one
//! number.

mod backoff;
mod breaker;
mod budget;
mod bulkhead;
mod deadline;
mod gcra;
mod retry_after;
mod shown;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerConfig, Open, Permit, State};
pub use budget::{RetryBudget, RetryBudgetConfig};
pub use bulkhead::{Bulkhead, BulkheadConfig, Entry, Shed};
pub use deadline::Deadline;
pub use gcra::Gcra;
pub use retry_after::{parse_http_date, parse_retry_after};
