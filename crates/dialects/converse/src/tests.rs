//! Requests and replies as the API reference has them, and there and back.

mod back;
mod golden;
