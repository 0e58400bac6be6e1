//! Who asks: keys, tokens, roles, tenants, rates, flags.
//!
//! Doors hand in whatever credential came and get a [`caller::Guest`] back, or a [`Denial`]; whose
//! money a guest spends is handed in. It owns its tables and knows no protocol, no model and no door.

mod error;
mod expiry;
mod flags;
mod gate;
mod keys;
mod tokens;

pub use error::AccessError;
pub use expiry::parse_expiry;
pub use flags::Flags;
pub use gate::{Denial, Gate, Presented, Purses};
pub use keys::{Created, Key, KeyRecord, Keys, NewKey, any_key, without_keys};
pub use tokens::TokenFault;
