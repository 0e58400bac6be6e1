//! Small state machines that keep one sick upstream from hurting everybody else.
//!
//! Whether to ask ([`Breaker`], [`Parked`]), whether to ask again ([`RetryBudget`]) and when ([`Backoff`]), how long an
//! answer may take ([`Deadline`]), how many may ask at once ([`Bulkhead`], [`Adaptive`]) and how often ([`Gcra`],
//! [`Bucket`], and what an upstream tells of that: [`Quota`]). This room knows no socket, no
//! runtime and no clock: the caller hands in the time and the random generator, so every rule here is tested without
//! sleeping. It holds no lock either; whoever shares a machine between tasks wraps it, but for [`Gcra`] and
//! [`Parked`], which are one number each.

mod adaptive;
mod aimd;
mod backoff;
mod breaker;
mod bucket;
mod budget;
mod bulkhead;
mod deadline;
mod gcra;
mod gradient;
mod parked;
mod quota;
mod retry_after;
mod shown;

pub use adaptive::{Adaptive, Borne};
pub use aimd::Aimd;
pub use backoff::Backoff;
pub use breaker::{Breaker, BreakerConfig, Open, Permit, State};
pub use bucket::{Bucket, Debit};
pub use budget::{RetryBudget, RetryBudgetConfig};
pub use bulkhead::{Bulkhead, BulkheadConfig, Class, Entry, Shed, Turn};
pub use deadline::Deadline;
pub use gcra::Gcra;
pub use gradient::Gradient;
pub use parked::Parked;
pub use quota::{Left, Quota, parse_reset};
pub use retry_after::{parse_http_date, parse_retry_after};
