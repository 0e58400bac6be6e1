//! What came of one request.

use serde::{Deserialize, Serialize};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// With the answer that was asked for.
    #[default]
    Ok,
    /// Nobody listens, or no address was found.
    Refused,
    /// No secure connection.
    Tls,
    /// The time ran out, waiting for a free user included.
    Timeout,
    /// The connection ended before the answer did.
    Closed,
    /// What came was no HTTP, or not the answer that was asked for.
    BadAnswer,
    /// A stream ended before its `[DONE]`, or with an error in it.
    Cut,
    /// 429.
    RateLimited,
    /// 401 or 403.
    Denied,
    /// Any other 4xx, or a redirect.
    Status4xx,
    /// 5xx.
    Status5xx,
    /// An MCP tool or the protocol answered with an error.
    ToolError,
    /// Never sent: more arrivals waited than may wait.
    Dropped,
}

impl Class {
    /// Every class, in the order of reports.
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::Refused,
        Self::Tls,
        Self::Timeout,
        Self::Closed,
        Self::BadAnswer,
        Self::Cut,
        Self::RateLimited,
        Self::Denied,
        Self::Status4xx,
        Self::Status5xx,
        Self::ToolError,
        Self::Dropped,
    ];

    /// Its stable name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::BadAnswer => "bad_answer",
            Self::Cut => "cut",
            Self::RateLimited => "rate_limited",
            Self::Denied => "denied",
            Self::Status4xx => "status_4xx",
            Self::Status5xx => "status_5xx",
            Self::ToolError => "tool_error",
            Self::Dropped => "dropped",
        }
    }
}

/// Where an Althing server found an answer, as its `x-althing-cache` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cache {
    /// It did not say, or has no cache.
    #[default]
    Unsaid,
    /// Nowhere: it was made.
    Miss,
    /// In memory (the first tier).
    Memory,
    /// On disk (the second tier).
    Disk,
    /// In Redis (the third tier).
    Redis,
}

/// One request and what came of it. Times are microseconds; those that do not fit are the largest that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// When it was meant to be sent, from the start of the run.
    pub at_us: u64,
    /// Which arrival of the schedule it is.
    pub arrival: u32,
    /// Whose turn it was, from 0.
    pub user: u32,
    /// Which row of the report it counts for.
    pub row: u16,
    /// How it ended.
    pub class: Class,
    /// Where an Althing server found the answer.
    pub cache: Cache,
    /// Whether an Althing server called its answer degraded: a fallback, a retry, a member missing.
    pub degraded: bool,
    /// How late the generator itself was in noticing that it is due.
    pub lag_us: u32,
    /// How long it waited for a free user.
    pub wait_us: u32,
    /// From its sending to the last byte of its answer.
    pub service_us: u32,
    /// From its sending to the first piece of content of a stream; none elsewhere.
    pub first_us: Option<u32>,
    /// Pieces of content in a stream; completion tokens as the answer counts them elsewhere; 0 if it does not say.
    pub tokens: u32,
    /// Tokens in and out, as the answer counts them; none if it does not say.
    pub total_tokens: Option<u32>,
    /// Bytes of the answer's body.
    pub bytes: u32,
    /// What it cost, in billionths of a US dollar, as an Althing server says; none if it does not.
    pub cost_nano_usd: Option<u64>,
}

impl Record {
    /// From when it was meant to be sent to the last byte of its answer, in microseconds.
    pub fn response_us(&self) -> u64 {
        u64::from(self.lag_us) + u64::from(self.wait_us) + u64::from(self.service_us)
    }

    /// Whether it got the answer that was asked for.
    pub fn ok(&self) -> bool {
        self.class == Class::Ok
    }
}
