//! When something ends, as people write it: a span from now, a date, or a moment of UTC.

use crate::AccessError;
use crate::clock::{DAY_MS, parse_date};

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
    let moment = span(text).map(|span| now_ms + span).or_else(|| date(text)).or_else(|| moment(text));
    match moment {
        None => Err(problem("no point in time")),
        Some(moment) if moment <= now_ms => Err(problem("over already")),
        Some(moment) if moment - now_ms > DAYS_MAX * DAY_MS => Err(problem("more than a hundred years away")),
        Some(moment) => Ok(moment),
    }
}

/// The moment that `text` means, in milliseconds since 1970: `2026-12-31` (its first moment) or `2026-12-31T18:00:00Z`.
///
/// # Errors
/// [`AccessError::Invalid`] for anything else.
pub fn parse_moment(param: &'static str, text: &str) -> Result<i64, AccessError> {
    let found = parse_date(text).map(|day| day * DAY_MS).or_else(|| moment(text));
    let hint = "write a date such as `2026-12-31`, or `2026-12-31T18:00:00Z`";
    found.ok_or_else(|| AccessError::Invalid { param, problem: "no point in time".to_owned(), hint })
}

fn span(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => DAY_MS,
        "w" => 7 * DAY_MS,
        _ => return None,
    };
    digits(number).and_then(|number| number.checked_mul(unit)).filter(|span| *span < i64::MAX / 4)
}

fn date(text: &str) -> Option<i64> {
    Some((parse_date(text)? + 1) * DAY_MS)
}

/// `2026-12-31T18:00:00Z`, with or without a fraction of a second.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let parts: Vec<i64> =
        time.split(':').map(|part| (part.len() == 2).then(|| digits(part))?).collect::<Option<_>>()?;
    let [hour, minute, second] = parts.as_slice() else { return None };
    let milli = digits(&format!("{fraction:0<3}").chars().take(3).collect::<String>())?;
    let fits = *hour < 24 && *minute < 60 && *second < 60 && digits(fraction).is_some();
    fits.then_some(parse_date(day)? * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000 + milli)
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::rfc3339;

    /// 2026-11-21T09:30:00Z
    const NOW: i64 = 20_778 * DAY_MS + 34_200_000;

    fn check(text: &str, expect: &str) {
        assert_eq!(parse_expiry(text, NOW).map(rfc3339).unwrap(), expect, "{text}");
    }

    #[test]
    fn people_write_spans_dates_and_moments() {
        check("90m", "2026-11-21T11:00:00.000Z");
        check("12h", "2026-11-21T21:30:00.000Z");
        check("30d", "2026-12-21T09:30:00.000Z");
        check("2w", "2026-12-05T09:30:00.000Z");
        check("2026-12-31", "2027-01-01T00:00:00.000Z");
        check("2026-12-31T18:00:00Z", "2026-12-31T18:00:00.000Z");
        check("2026-12-31T18:00:00.25Z", "2026-12-31T18:00:00.250Z");
    }

    #[test]
    fn other_text_and_the_past_are_refused() {
        for wrong in [
            "",
            "d",
            "soon",
            "-1d",
            "1.5h",
            "0s",
            "2026-11-20",
            "2025-01-01T00:00:00Z",
            "2026-12-31T25:00:00Z",
            "2026-12-31T18:00Z",
            "2026-12-31T18:00:00",
            "99999999999d",
            "999999999999999999w",
            "1é",
            "40000d",
            "2026-12-31T18:00:00.xZ",
        ] {
            assert!(parse_expiry(wrong, NOW).is_err(), "{wrong}");
        }
    }
}
