//! Spans and moments as people write them.

use crate::{DAY_MS, parse_date};

/// The milliseconds of a span such as `90m`, `12h`, `30d` or `2w`; `None` for anything else.
pub fn parse_span(text: &str) -> Option<i64> {
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

/// The moment of `2026-12-31` (its first) or `2026-12-31T18:00:00Z`, with or without a fraction of a second; `None`
/// for anything else.
pub fn parse_moment(text: &str) -> Option<i64> {
    if let Some(day) = parse_date(text) {
        return Some(day * DAY_MS);
    }
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
    use crate::rfc3339;

    #[test]
    fn spans_have_a_number_and_a_unit() {
        assert_eq!(
            ["90m", "12h", "30d", "2w"].map(|text| parse_span(text).unwrap() / 60_000),
            [90, 720, 43_200, 20_160]
        );
        for wrong in ["", "d", "-1d", "1.5h", "99999999999999d", "999999999999999999w", "1\u{e9}", "1x"] {
            assert_eq!(parse_span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn moments_are_those_of_utc() {
        for (text, expect) in [
            ("2026-12-31", "2026-12-31T00:00:00.000Z"),
            ("2026-12-31T18:00:00Z", "2026-12-31T18:00:00.000Z"),
            ("2026-12-31T18:00:00.25Z", "2026-12-31T18:00:00.250Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(parse_moment(text).map(rfc3339).unwrap(), expect);
        }
        for wrong in ["", "2026-12-31T25:00:00Z", "2026-12-31T18:00Z", "2026-12-31T18:00:00", "2026-12-31T18:00:00.xZ"]
        {
            assert_eq!(parse_moment(wrong), None, "{wrong}");
        }
    }
}
