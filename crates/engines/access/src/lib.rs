//! Who asks and who pays: keys, tokens, roles, tenants, rates, budgets, the ledger, the audit log.
//!
//! Doors hand in whatever credential came and get a [`caller::Guest`] back, or a [`Denial`]; engines spend through
//! the guest's purse without knowing this room. It owns its tables and knows no protocol, no model and no door.

mod books;
mod clock;
mod error;
mod expiry;
mod flags;
mod gate;
mod house;
mod keys;
mod page;
mod tokens;

pub(crate) use ::audit;
pub use books::{
    Books, BudgetRow, BudgetState, BudgetTarget, By, CallQuery, CallRow, CsvRow, Period, PromptQuery, PromptRow, Scope,
    Source, UsageQuery, UsageRow, csv,
};
pub use error::AccessError;
pub use expiry::parse_expiry;
pub use flags::Flags;
pub use gate::{Denial, Gate, Presented, Purses};
pub use house::Access;
pub use keys::{Created, Key, KeyRecord, Keys, NewKey, any_key};
pub use page::Page;
pub use tokens::TokenFault;
