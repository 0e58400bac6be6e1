//! What Conjecture's report says about loads. Knows its table; measures nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose claim it is.
pub const CLAIMED_BY: &str = "Conjecture's report claims this; it was not measured here";

/// One row of the original's table. A range is `[from, to]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The original's word for the load.
    pub load: String,
    /// As a multiple of its demand.
    pub growth: u32,
    /// Cores.
    pub cores: [u32; 2],
    /// Memory in GB.
    pub memory_gb: u32,
    /// Connections to the database.
    pub store_connections: u32,
    /// Requests at once.
    pub concurrent: [u32; 2],
}

/// The table.
pub(super) fn claims() -> Vec<Claim> {
    let row = |load: &str, growth, cores, memory_gb, store_connections, concurrent| Claim {
        load: load.to_owned(),
        growth,
        cores,
        memory_gb,
        store_connections,
        concurrent,
    };
    vec![
        row("light", 1, [2, 4], 8, 5, [5, 10]),
        row("moderate", 2, [4, 8], 16, 10, [10, 20]),
        row("heavy", 5, [8, 16], 32, 25, [25, 50]),
    ]
}
