//! When a key ends, as people write it: a span from now, a date, or a moment of UTC.

use crate::AccessError;
use calendar::{DAY_MS, parse_date, parse_moment, parse_span};

/// The longest span, in days: a hundred years.
const DAYS_MAX: i64 = 36_525;
/// What to write.
const HINT: &str = "write a span such as `12h` or `30d`, a date such as `2026-12-31`, or `2026-12-31T18:00:00Z`";

/// The moment that `text` means, in milliseconds since 1970: `90m`, `12h`, `30d`, `2w`, `2026-12-31` (its last moment)
/// or `2026-12-31T18:00:00Z`.
///
/// # Errors
/// [`AccessError::Invalid`] for anything else, and for moments that are not after `now_ms`.
pub fn parse_expiry(text: &str, now_ms: i64) -> Result<i64, AccessError> {
    let problem = |problem: &str| AccessError::Invalid { param: "expires", problem: problem.to_owned(), hint: HINT };
    let end_of = |day: i64| (day + 1) * DAY_MS;
    let moment = parse_span(text).map(|span| now_ms.saturating_add(span));
    match moment.or_else(|| parse_date(text).map(end_of)).or_else(|| parse_moment(text)) {
        None => Err(problem("no point in time")),
        Some(moment) if moment <= now_ms => Err(problem("over already")),
        Some(moment) if moment - now_ms > DAYS_MAX * DAY_MS => Err(problem("more than a hundred years away")),
        Some(moment) => Ok(moment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calendar::rfc3339;

    /// 2026-11-21T09:30:00Z
    const NOW: i64 = 20_778 * DAY_MS + 34_200_000;

    fn check(text: &str, expect: &str) {
        assert_eq!(parse_expiry(text, NOW).map(rfc3339).unwrap(), expect, "{text}");
    }

    #[test]
    fn people_write_spans_dates_and_moments() {
        check("90m", "2026-11-21T11:00:00.000Z");
        check("30d", "2026-12-21T09:30:00.000Z");
        check("2026-12-31", "2027-01-01T00:00:00.000Z");
        check("2026-12-31T18:00:00Z", "2026-12-31T18:00:00.000Z");
    }

    #[test]
    fn other_text_and_the_past_are_refused() {
        for wrong in ["", "soon", "0s", "2026-11-20", "2025-01-01T00:00:00Z", "40000d"] {
            assert!(parse_expiry(wrong, NOW).is_err(), "{wrong}");
        }
    }
}
