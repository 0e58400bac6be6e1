//! Times in names of files: `20261121T093000Z`, in UTC and so that they sort.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY_S: u64 = 86_400;

/// A time as it stands in a name.
pub(super) fn stamp(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / DAY_S);
    let second = seconds % DAY_S;
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// The time that a name tells, if it tells one.
pub(super) fn time(stamp: &str) -> Option<SystemTime> {
    let part = |from: usize, to: usize| stamp.get(from..to)?.parse::<u64>().ok();
    let plain = stamp.len() == 16 && stamp.is_ascii() && stamp.as_bytes()[8] == b'T' && stamp.ends_with('Z');
    let (year, month, day) = plain.then_some(()).and_then(|()| Some((part(0, 4)?, part(4, 6)?, part(6, 8)?)))?;
    let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    Some(UNIX_EPOCH + Duration::from_secs(days(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second))
}

/// The date of a day counted from 1970-01-01. A year here begins in March, so that the odd day of leap years is its
/// last; 400 of them have 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let day = days + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// The reverse of [`date`].
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let of_era = year % 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    year / 400 * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn known_times_are_written_and_read() {
        for (seconds, expected) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (1_795_253_400, "20261121T093000Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(stamp(at(seconds)), expected);
            assert_eq!(time(expected), Some(at(seconds)));
        }
    }

    #[test]
    fn every_day_of_two_centuries_comes_back() {
        for day in 0..73_000 {
            let moment = at(day * DAY_S + 12_345);
            assert_eq!(time(&stamp(moment)), Some(moment), "{day}");
        }
    }

    #[test]
    fn other_names_tell_no_time() {
        for other in [
            "",
            "20261121",
            "20261121T093000",
            "20261321T093000Z",
            "2026112XT093000Z",
            "19691231T235959Z",
            "20261121T253000Z",
            "２0261121T0930Z",
        ] {
            assert_eq!(time(other), None, "{other}");
        }
    }
}
