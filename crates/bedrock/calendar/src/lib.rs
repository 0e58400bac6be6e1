//! Days, months and moments of UTC, as numbers and as text.
//!
//! Moments are milliseconds since 1970, days are counted from 1970. Leap seconds do not exist here, as they do not on
//! the clocks of our machines. This room knows no time zone but UTC and asks nothing of anybody but the time.

mod text;

pub use text::{parse_moment, parse_span};

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// Milliseconds since 1970, by the clock of this machine.
pub fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Days since 1970.
pub fn day(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}

/// The date of a day as `2026-11-21`.
///
/// The arithmetic is Howard Hinnant's `civil_from_days`, from his page on calendar algorithms.
pub fn date(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The date so many days before today.
pub fn date_before(days: i64) -> String {
    date(day(now_ms()) - days)
}

/// The day of a date written as `2026-11-21`; `None` for anything else.
pub fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse::<i64>().ok()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let days = days_from_civil(year, month, day);
    (parts.next().is_none() && civil(days) == (year, month, day)).then_some(days)
}

/// The first days of the month that holds a day, and of the next one.
pub fn month(day: i64) -> (i64, i64) {
    let (year, month, _) = civil(day);
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (days_from_civil(year, month, 1), days_from_civil(next.0, next.1, 1))
}

/// A moment as `2026-11-21T09:30:00.123Z`.
pub fn rfc3339(ms: i64) -> String {
    let (seconds, milli) = (ms.rem_euclid(DAY_MS) / 1_000, ms.rem_euclid(1_000));
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", date(day(ms)))
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_both_ways() {
        assert_eq!((date(0), date(20_778)), ("1970-01-01".to_owned(), "2026-11-21".to_owned()));
        for day in -800_000..800_000 {
            if day % 997 == 0 && (0..10_000).contains(&civil(day).0) {
                assert_eq!(parse_date(&date(day)), Some(day));
            }
        }
        assert_eq!(parse_date("2024-02-29"), Some(19_782));
        for wrong in ["2023-02-29", "2026-13-01", "2026-1-1", "20261121", "2026-11-21x", ""] {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn months_and_moments() {
        let (first, next) = month(20_778);
        assert_eq!((date(first), date(next)), ("2026-11-01".to_owned(), "2026-12-01".to_owned()));
        assert_eq!(rfc3339(20_778 * DAY_MS + 34_200_123), "2026-11-21T09:30:00.123Z");
    }
}
