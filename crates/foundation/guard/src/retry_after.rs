//! Reads the value of a `retry-after` header. Knows the two forms that servers send today, seconds and the fixed HTTP
//! date, and refuses the two obsolete date forms: no model provider sends them, and a wrong guess is a long wait.

use std::time::Duration;

/// The longest wait an upstream is believed. Past it the upstream is as good as gone, and other candidates are better.
const LONGEST: Duration = Duration::from_secs(3600);
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// How long the upstream asks to be left alone: seconds, whole or decimal (`30`, `1.5`), or a date such as
/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7) compared with `now_unix_secs`.
///
/// A date that has passed gives zero, anything over one hour gives one hour, and whatever is neither gives none.
pub fn parse_retry_after(value: &str, now_unix_secs: u64) -> Option<Duration> {
    let value = value.trim();
    let wait = seconds(value).or_else(|| {
        let at = parse_http_date(value)?;
        Some(Duration::from_secs(at.saturating_sub(now_unix_secs)))
    })?;
    Some(wait.min(LONGEST))
}

fn seconds(value: &str) -> Option<Duration> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    // Checked by hand because a float also parses from "inf", "nan", "1e9" and "-1".
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let secs: f64 = value.parse().ok()?;
    Duration::try_from_secs_f64(secs.min(LONGEST.as_secs_f64())).ok()
}

/// Seconds since 1970 of a date in the fixed form, `Sun, 06 Nov 1994 08:49:37 GMT`; earlier dates give 0, which is past
/// as well.
pub fn parse_http_date(value: &str) -> Option<u64> {
    let (weekday, rest) = value.split_once(", ")?;
    if !WEEKDAYS.contains(&weekday) {
        return None;
    }
    let mut parts = rest.split(' ');
    let day = number(parts.next()?, 2)?;
    let month = parts.next().and_then(|name| MONTHS.iter().position(|month| *month == name))?;
    let year = number(parts.next()?, 4)?;
    let of_day = time_of_day(parts.next()?)?;
    if parts.next() != Some("GMT") || parts.next().is_some() {
        return None;
    }
    if day == 0 || day > days_in_month(year, month) {
        return None;
    }
    if year < 1970 {
        return Some(0);
    }
    Some((days_before(year, month) + day - 1) * 86_400 + of_day)
}

/// Seconds since 1970 of a moment such as `2027-01-15T08:00:30.5Z` or `…+01:00` (RFC 3339).
pub(crate) fn unix_secs_of_rfc3339(value: &str) -> Option<f64> {
    let (date, time) = value.split_once(['T', 't', ' '])?;
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let month = usize::try_from(month).ok()?.checked_sub(1).filter(|month| *month < 12)?;
    if parts.next().is_some() || year < 1970 || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone_at);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    let secs = (days_before(year, month) + day - 1) * 86_400 + time_of_day(time)?;
    Some(secs as f64 + fraction - offset_secs(zone)?)
}

/// How far a zone is ahead, in seconds.
fn offset_secs(zone: &str) -> Option<f64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0.0);
    }
    let sign = if zone.starts_with('-') { -1.0 } else { 1.0 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (number(hours, 2)? * 3_600 + number(minutes, 2)? * 60) as f64)
}

/// Days from 1970 to the first of a month, counted from 0.
fn days_before(year: u64, month: usize) -> u64 {
    (1970..year).map(days_in_year).sum::<u64>() + (0..month).map(|month| days_in_month(year, month)).sum::<u64>()
}

fn time_of_day(value: &str) -> Option<u64> {
    let mut parts = value.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // 60 is a leap second.
    (parts.next().is_none() && hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn number(digits: &str, width: usize) -> Option<u64> {
    let fits = digits.len() == width && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u64, month: usize) -> u64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const THEN: u64 = 784_111_777;

    fn check(value: &str, expect: Option<u64>) {
        let expect = expect.map(Duration::from_millis);
        assert_eq!(parse_retry_after(value, THEN), expect, "{value}");
    }

    #[test]
    fn reads_seconds() {
        check("0", Some(0));
        check("30", Some(30_000));
        check(" 30 ", Some(30_000));
        check("1.5", Some(1_500));
        check("0.250", Some(250));
        check("3600", Some(3_600_000));
        check("3601", Some(3_600_000));
        check("99999999999999999999999999", Some(3_600_000));
        check(&"9".repeat(400), Some(3_600_000));
    }

    #[test]
    fn reads_dates() {
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(0));
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30_000));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("Fri, 06 Nov 1891 08:49:37 GMT", Some(0));
        check("Fri, 31 Dec 9999 23:59:60 GMT", Some(3_600_000));
    }

    #[test]
    fn knows_the_calendar() {
        let check = |date: &str, expect| assert_eq!(parse_http_date(date), expect, "{date}");
        check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(THEN));
        check("Tue, 29 Feb 2000 12:00:00 GMT", Some(951_825_600));
        check("Tue, 19 Jan 2038 03:14:07 GMT", Some(2_147_483_647));
        check("Thu, 01 Jan 2026 00:00:00 GMT", Some(1_767_225_600));
        check("Mon, 29 Feb 2100 00:00:00 GMT", None);
        check("Mon, 31 Apr 2026 00:00:00 GMT", None);
        check("Mon, 00 Apr 2026 00:00:00 GMT", None);
    }

    #[test]
    fn refuses_the_rest() {
        for value in ["", " ", "soon", "-1", "+1", "1e3", "inf", "nan", "1.", ".5", "1.5.2", "1,5", "30s", "٣"] {
            check(value, None);
        }
        for value in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Son, 06 Nov 1994 08:49:37 GMT",
        ] {
            check(value, None);
        }
    }

    proptest! {
        #[test]
        fn total_over_any_text(value: String, now: u64) {
            prop_assert!(parse_retry_after(&value, now).is_none_or(|wait| wait <= LONGEST));
        }

        #[test]
        fn total_over_what_looks_like_a_date(
            value in "(Mon|Sun|Xyz), [0-9]{1,2} (Jan|Feb|Dec) [0-9]{3,5} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|UTC)", now: u64,
        ) {
            prop_assert!(parse_retry_after(&value, now).is_none_or(|wait| wait <= LONGEST));
        }

        #[test]
        fn whole_seconds_come_back(secs in 0..=3600u64) {
            prop_assert_eq!(parse_retry_after(&secs.to_string(), 0), Some(Duration::from_secs(secs)));
        }
    }
}
