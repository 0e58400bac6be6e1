//! Decimal numbers as digits: shifting the point is all the arithmetic there is, so nothing is ever rounded.

/// The most digits of a number, before and after shifting.
const DIGITS_MAX: usize = 28;

/// A non-negative number, such as `1.5e-07`, times ten to the power of `places`, without an exponent and without
/// zeros that say nothing; nothing where the text is no such number or needs more than 28 digits.
pub(crate) fn shifted(text: &str, places: i32) -> Option<String> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.len() > 2 * DIGITS_MAX {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    // How many digits stand behind the point; below zero, how many zeros are missing before it.
    let behind = i64::try_from(fraction.len()).ok()? - i64::from(exponent) - i64::from(places);
    let kept = digits.trim_end_matches('0');
    let behind = behind - i64::try_from(digits.len() - kept.len()).ok()?;
    point(kept, behind).filter(|text| text.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_MAX)
}

fn point(digits: &str, behind: i64) -> Option<String> {
    let most = i64::try_from(DIGITS_MAX).ok()?;
    if behind.abs() > most {
        return None;
    }
    if behind <= 0 {
        return Some(format!("{digits}{}", "0".repeat(usize::try_from(-behind).ok()?)));
    }
    let behind = usize::try_from(behind).ok()?;
    let padded = format!("{digits:0>width$}", width = behind + 1);
    let (whole, fraction) = padded.split_at_checked(padded.len() - behind)?;
    Some(format!("{whole}.{fraction}"))
}

/// Seconds as whole milliseconds, rounded up, so that no time becomes none.
pub(crate) fn ms_of_seconds(text: &str) -> Option<u64> {
    let shifted = shifted(text, 3)?;
    match shifted.split_once('.') {
        Some((whole, _)) => whole.parse::<u64>().ok()?.checked_add(1),
        None => shifted.parse().ok(),
    }
}

/// A whole number, also where it was written `128_000` or `1e6`.
pub(crate) fn whole(text: &str) -> Option<u64> {
    shifted(&text.replace('_', ""), 0)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_per_token_become_prices_per_million() {
        let check = |text: &str, expect: &str| assert_eq!(shifted(text, 6).as_deref(), Some(expect), "{text}");
        check("0.00000015", "0.15");
        check("1.5e-07", "0.15");
        check("1.5E-7", "0.15");
        check("2.5e-6", "2.5");
        check("0.0000100", "10");
        check("0.000075", "75");
        check("1", "1000000");
        check("0", "0");
        check("0.0", "0");
        check(".5", "500000");
        check("3e-9", "0.003");
        check("1.00000000000000000001e-6", "1.00000000000000000001");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "-1", "1e", "1e999999", "nan", "inf", "1,5", "1e400000000000", "1.2.3", "0x1", "1 "] {
            assert_eq!(shifted(text, 6), None, "{text}");
        }
        assert_eq!(shifted("1.23456789012345678901234567891", 0), None);
    }

    #[test]
    fn seconds_never_become_nothing() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(ms_of_seconds(text), expect, "{text}");
        check("30", Some(30_000));
        check("0.5", Some(500));
        check("0.0001", Some(1));
        check("1e2", Some(100_000));
        check("-1", None);
    }

    #[test]
    fn whole_numbers_are_read_as_they_are_written() {
        assert_eq!((whole("128_000"), whole("1e6"), whole("1.5")), (Some(128_000), Some(1_000_000), None));
    }
}
