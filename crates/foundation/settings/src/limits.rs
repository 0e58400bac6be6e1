//! The bounds of every number in the settings, as tables.
//!
//! The upper bounds are far above what anybody needs: they keep a slip of the hand from becoming a wait of years or
//! an arithmetic overflow in a timer.

use crate::check::Findings;
use crate::layer::element;
use crate::model::{Guard, Server};
use crate::panel::Panel;
use crate::provider::Provider;

/// The longest time, in milliseconds: one day.
const TIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// The most bytes: 1 GiB.
const BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The most connections, requests or failures.
const COUNT_MAX: u64 = 1_000_000;
/// The fewest bytes in which the header of an ordinary request fits.
const HEADER_BYTES_LEAST: u64 = 8 * 1024;
/// The most bytes the header of a request may be allowed.
const HEADER_BYTES_MOST: u64 = 1024 * 1024;

/// A number, its key and its bounds, both inclusive.
type Bounds = (&'static str, u64, u64, u64);

pub(crate) fn server(server: &Server, found: &mut Findings) {
    let bounds: [Bounds; 13] = [
        ("body_bytes_max", server.body_bytes_max as u64, 1, BYTES_MAX),
        ("header_bytes_max", server.header_bytes_max as u64, HEADER_BYTES_LEAST, HEADER_BYTES_MOST),
        ("header_read_ms", server.header_read_ms, 1, TIME_MS_MAX),
        ("stream_max_ms", server.stream_max_ms, 1, TIME_MS_MAX),
        ("body_read_ms", server.body_read_ms, 1, TIME_MS_MAX),
        ("connections_max", server.connections_max as u64, 1, COUNT_MAX),
        ("in_flight_max", server.in_flight_max as u64, 1, COUNT_MAX),
        ("deadline_ms", server.deadline_ms, 1, TIME_MS_MAX),
        ("stream_idle_ms", server.stream_idle_ms, 1, TIME_MS_MAX),
        ("drain_ms", server.drain_ms, 0, TIME_MS_MAX),
        ("n_max", u64::from(server.n_max), 1, 1024),
        ("keepalive_first_ms", server.keepalive_first_ms, 1, TIME_MS_MAX),
        ("keepalive_ms", server.keepalive_ms, 1, TIME_MS_MAX),
    ];
    whole("server", &bounds, found);
}

pub(crate) fn guard(guard: &Guard, found: &mut Findings) {
    let bounds: [Bounds; 5] = [
        ("attempts_max", u64::from(guard.attempts_max), 1, 16),
        ("backoff_base_ms", guard.backoff_base_ms, 1, TIME_MS_MAX),
        ("backoff_max_ms", guard.backoff_max_ms, 1, TIME_MS_MAX),
        ("breaker_failures", u64::from(guard.breaker_failures), 1, COUNT_MAX),
        ("breaker_open_ms", guard.breaker_open_ms, 1, TIME_MS_MAX),
    ];
    whole("guard", &bounds, found);
    if guard.backoff_base_ms > guard.backoff_max_ms {
        let (base, most) = (guard.backoff_base_ms, guard.backoff_max_ms);
        found.add(
            "guard.backoff_base_ms",
            format!("`guard.backoff_base_ms` is `{base}`, above `guard.backoff_max_ms`, which is `{most}`"),
            "make the shortest wait the shorter one",
        );
    }
    share("guard.retry_ratio", guard.retry_ratio, (true, 10.0), found);
    share("guard.retry_min_per_s", guard.retry_min_per_s, (true, 10_000.0), found);
}

pub(crate) fn provider(path: &str, provider: &Provider, found: &mut Findings) {
    let mut bounds: Vec<Bounds> = vec![
        ("in_flight_max", provider.in_flight_max as u64, 1, COUNT_MAX),
        ("queue_max", provider.queue_max as u64, 0, COUNT_MAX),
        ("timeout_ms", provider.timeout_ms, 1, TIME_MS_MAX),
        ("connect_ms", provider.connect_ms, 1, TIME_MS_MAX),
        ("reply_bytes_max", provider.reply_bytes_max as u64, 1, BYTES_MAX),
        ("event_bytes_max", provider.event_bytes_max as u64, 1, BYTES_MAX),
    ];
    bounds.extend(provider.breaker_failures.map(|most| ("breaker_failures", u64::from(most), 1, COUNT_MAX)));
    bounds.extend(provider.breaker_open_ms.map(|time| ("breaker_open_ms", time, 1, TIME_MS_MAX)));
    whole(path, &bounds, found);
}

pub(crate) fn panel(path: &str, panel: &Panel, found: &mut Findings) {
    whole(path, &[("deadline_ms", panel.deadline_ms, 1, TIME_MS_MAX)], found);
    share(&format!("{path}.agreement"), panel.agreement, (false, 1.0), found);
    for (index, member) in panel.members.iter().enumerate() {
        let path = format!("{}.weight", element(&format!("{path}.members"), index));
        share(&path, member.weight, (false, 1_000_000.0), found);
    }
}

fn whole(section: &str, bounds: &[Bounds], found: &mut Findings) {
    for &(key, value, least, most) in bounds {
        if value < least || value > most {
            found.add(
                &format!("{section}.{key}"),
                format!("`{section}.{key}` is `{value}`"),
                &format!("write a whole number from {least} to {most}"),
            );
        }
    }
}

/// A number from 0 (which only counts if `zero` is true) to `most`.
fn share(path: &str, value: f64, (zero, most): (bool, f64), found: &mut Findings) {
    if value.is_finite() && value <= most && (value > 0.0 || (zero && value == 0.0)) {
        return;
    }
    let from = if zero { "from 0 to" } else { "above 0 and at most" };
    found.add(path, format!("`{path}` is `{value}`"), &format!("write a number {from} {most}"));
}
