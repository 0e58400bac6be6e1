//! Load with a verdict: what is printed, what is written, and with which code a run ends. Scripts build on all three.

mod alone;
mod broken;
mod codes;
mod desk;
mod failing;
mod past;
mod refused;
mod schema;
mod targets;
