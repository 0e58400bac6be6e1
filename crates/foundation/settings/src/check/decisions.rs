//! What may not be said about decisions.

use super::Findings;
use crate::decisions::Decisions;
use crate::limits::{self, COUNT_MAX, TIME_MS_MAX};

/// The longest a decision is kept unused, in seconds: a year.
const TTL_S_MAX: u64 = 366 * 24 * 60 * 60;
/// The longest text of one kind, in characters.
const CHARS_MAX: u64 = 100_000;

pub(super) fn decisions(it: &Decisions, found: &mut Findings) {
    let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    let bounds = [
        ("sessions_max", count(it.sessions_max), 1, COUNT_MAX),
        ("session_ttl_s", it.session_ttl_s, 1, TTL_S_MAX),
        ("sweep_s", it.sweep_s, 1, TIME_MS_MAX / 1_000),
        ("evict_batch", count(it.evict_batch), 1, 10_000),
        ("options_max", count(it.options_max), 2, 500),
        ("criteria_max", count(it.criteria_max), 1, 200),
        ("topic_chars_max", count(it.topic_chars_max), 1, CHARS_MAX),
        ("option_name_chars_max", count(it.option_name_chars_max), 1, CHARS_MAX),
        ("criterion_name_chars_max", count(it.criterion_name_chars_max), 1, CHARS_MAX),
        ("description_chars_max", count(it.description_chars_max), 1, CHARS_MAX),
        ("custom_prompt_chars_max", count(it.custom_prompt_chars_max), 1, CHARS_MAX),
        ("justification_chars_max", count(it.justification_chars_max), 1, CHARS_MAX),
        ("history_max", count(it.history_max), 0, 1_000),
        ("message_chars_max", count(it.message_chars_max), 1, CHARS_MAX),
        ("criterion_in_flight_max", count(it.criterion_in_flight_max), 1, 10_000),
        ("in_flight_max", count(it.in_flight_max), 1, 10_000),
        ("evaluations_max", count(it.evaluations_max), 1, COUNT_MAX),
        ("pair_deadline_ms", it.pair_deadline_ms, 1, TIME_MS_MAX),
        ("evaluation_deadline_ms", it.evaluation_deadline_ms, 1, TIME_MS_MAX),
        ("retries_max", u64::from(it.retries_max), 0, 16),
        ("retry_base_ms", it.retry_base_ms, 1, 60_000),
        ("breaker_failures", u64::from(it.breaker_failures), 0, COUNT_MAX),
        ("lease_ms", it.lease_ms, 1_000, 600_000),
        ("draws", u64::from(it.draws), 100, COUNT_MAX),
    ];
    limits::whole("decisions", &bounds, found);
    limits::share("decisions.memory_share_max", it.memory_share_max, (true, 1.0), found);
    limits::share("decisions.tenant_share", it.tenant_share, (false, 1.0), found);
}
