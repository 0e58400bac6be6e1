//! The black-box suite: the real binary as a process, real sockets, and the official clients.
//!
//! Nothing here knows a room from inside. What is asserted is what the contract promises to people and programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod access;
mod agents;
mod audit;
mod backup;
mod balance;
mod budgets;
mod caching;
mod classes;
mod clients;
mod commands;
mod decisions;
mod dialects;
mod disk;
mod drain;
mod durability;
mod escalation;
mod fallback;
mod faults;
mod hedging;
mod idle;
mod inputs;
mod keys;
mod leaving;
mod limits;
mod litellm;
mod load;
mod mcp;
mod outage;
mod providers;
mod quorum;
mod rates;
mod readme;
mod redis;
mod reload;
mod roles;
mod routing;
mod secrets;
mod streaming;
mod support;
mod tenants;
mod tls;
mod tokens;
mod tools;
mod usage;
mod verdicts;
