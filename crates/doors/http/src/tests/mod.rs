//! The door from outside: what it answers to requests good and bad, in process and over real sockets.

mod bodies;
mod crowds;
mod fuzz;
mod metrics;
mod mutate;
mod names;
mod openapi;
mod panics;
mod secrets;
mod shapes;
mod sockets;
mod support;
mod tells;
