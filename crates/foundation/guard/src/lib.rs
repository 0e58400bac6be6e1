//! Small state machines that keep one sick upstream from hurting everybody else.
//!
//! Whether to ask ([`Breaker`]), whether to ask again ([`RetryBudget`]) and when ([`Backoff`]), how long an answer may
//! take ([`Deadline`]), and how many may ask at once ([`Bulkhead`]). This room knows no socket, no runtime and no
//! clock: the caller hands in the time and the random generator, so every rule here is tested without sleeping. It
//! holds no lock either; whoever shares a machine between tasks wraps it.

mod backoff;
mod breaker;
mod budget;
mod bulkhead;
mod deadline;
mod retry_after;
mod shown;

pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerConfig, Open, Permit, State};
pub use budget::{RetryBudget, RetryBudgetConfig};
pub use bulkhead::{Bulkhead, BulkheadConfig, Entry, Shed};
pub use deadline::Deadline;
pub use retry_after::{parse_http_date, parse_retry_after};
