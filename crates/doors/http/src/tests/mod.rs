//! The door from outside: what it answers to requests good and bad, in process and over real sockets.

mod bodies;
mod clients;
mod crowds;
mod dialects;
pub(crate) mod encrypted;
mod fuzz;
mod metrics;
mod mutate;
mod names;
mod openapi;
mod panics;
mod roles;
mod secrets;
mod shapes;
mod sockets;
pub(crate) mod support;
mod tells;
