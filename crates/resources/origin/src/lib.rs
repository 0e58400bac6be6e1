//! Where a request says that it comes from and whom it is for: hosts, origins of pages, proxies.
//!
//! Everything here is a judgement on headers and addresses. It opens no socket and looks up no name.

mod hosts;
mod proxies;

pub use hosts::{Allowed, host_of, named};
pub use proxies::{ClientAddr, Proxies};
