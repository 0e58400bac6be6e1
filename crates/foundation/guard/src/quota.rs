//! Reads what an upstream tells of its own rates in the headers of its answers. Knows the two families in use,
//! `x-ratelimit-…` and `anthropic-ratelimit-…`, as names and text; what becomes of it, its owner decides.

use crate::retry_after::unix_secs_of_rfc3339;
use std::time::Duration;

/// The longest wait an upstream is believed, as for `retry-after`.
const LONGEST: Duration = Duration::from_secs(3600);
/// Bare numbers from here on are moments, in seconds since 1970, and from there on in milliseconds.
const MOMENT_S: f64 = 1e9;
const MOMENT_MS: f64 = 1e12;

/// What is left of one rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// So much of it is left.
    pub remaining: Option<u64>,
    /// And so long until it starts anew.
    pub resets_in: Option<Duration>,
}

impl Left {
    /// How long there is nothing left, where the upstream has told.
    pub fn exhausted(self) -> Option<Duration> {
        self.resets_in.filter(|wait| self.remaining == Some(0) && !wait.is_zero())
    }
}

/// What one answer tells of the rates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    requests: Left,
    /// Tokens altogether, read, written: some upstreams tell all three.
    tokens: [Left; 3],
}

impl Quota {
    /// Takes one header in, its name in lower case; whether it was one of ours. `now_unix_secs` is what moments are
    /// compared with.
    pub fn note(&mut self, name: &str, value: &str, now_unix_secs: u64) -> bool {
        let Some((which, resets)) = sort(name) else { return false };
        let left = match which {
            0 => &mut self.requests,
            which => &mut self.tokens[which - 1],
        };
        if resets {
            left.resets_in = parse_reset(value, now_unix_secs);
        } else {
            left.remaining = value.trim().parse().ok();
        }
        true
    }

    /// Whether it told anything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is left of the requests.
    pub fn requests(&self) -> Left {
        self.requests
    }

    /// What is left of the tokens: of all kinds of them the one of which there is least.
    pub fn tokens(&self) -> Left {
        let told = self.tokens.into_iter().filter(|left| left.remaining.is_some());
        told.min_by_key(|left| left.remaining).unwrap_or_default()
    }

    /// How long there is nothing left of something, where the upstream has told.
    pub fn exhausted(&self) -> Option<Duration> {
        let all = std::iter::once(self.requests).chain(self.tokens);
        all.filter_map(Left::exhausted).max()
    }
}

/// Which rate a header is about, 0 for requests, and whether it tells when that starts anew.
fn sort(name: &str) -> Option<(usize, bool)> {
    let which = |rate: &str| match rate {
        "requests" => Some(0),
        "tokens" => Some(1),
        "input-tokens" => Some(2),
        "output-tokens" => Some(3),
        _ => None,
    };
    if let Some(rest) = name.strip_prefix("x-ratelimit-") {
        let (kind, rate) = rest.split_once('-')?;
        return match kind {
            "remaining" => Some((which(rate)?, false)),
            "reset" => Some((which(rate)?, true)),
            _ => None,
        };
    }
    let (rate, kind) = name.strip_prefix("anthropic-ratelimit-")?.rsplit_once('-')?;
    match kind {
        "remaining" => Some((which(rate)?, false)),
        "reset" => Some((which(rate)?, true)),
        _ => None,
    }
}

/// How long until something starts anew: seconds (`1`, `0.5`), a duration (`6m0s`, `1s`, `120ms`), a moment in RFC 3339
/// or, as a large number, since 1970, each compared with `now_unix_secs`. What has passed is zero, and anything over one
/// hour is one hour.
pub fn parse_reset(value: &str, now_unix_secs: u64) -> Option<Duration> {
    let value = value.trim();
    let secs = if let Some(number) = decimal(value) {
        match number {
            number if number >= MOMENT_MS => number / 1_000.0 - now_unix_secs as f64,
            number if number >= MOMENT_S => number - now_unix_secs as f64,
            number => number,
        }
    } else if let Some(at) = unix_secs_of_rfc3339(value) {
        at - now_unix_secs as f64
    } else {
        duration_secs(value)?
    };
    Some(Duration::from_secs_f64(secs.clamp(0.0, LONGEST.as_secs_f64())))
}

/// Digits with at most one point between them; a float's own parser takes far more.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| text.parse().ok()).flatten()
}

/// Numbers with units behind them, one after the other.
fn duration_secs(mut text: &str) -> Option<f64> {
    let mut secs = None;
    while !text.is_empty() {
        let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, rest) = text.split_at(number_end);
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(unit_end);
        let factor = match unit {
            "d" => 86_400.0,
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        secs = Some(secs.unwrap_or(0.0) + decimal(number)? * factor);
        text = rest;
    }
    secs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn reads_when_something_starts_anew() {
        let check = |value: &str, expect: Option<u64>| {
            assert_eq!(parse_reset(value, NOW), expect.map(Duration::from_millis), "{value}");
        };
        check("1", Some(1_000));
        check(" 0.5 ", Some(500));
        check("60", Some(60_000));
        check("6m0s", Some(360_000));
        check("1s", Some(1_000));
        check("120ms", Some(120));
        check("2m59.56s", Some(179_560));
        check("1h0m0s", Some(3_600_000));
        check("1d3h", Some(3_600_000));
        check("9000us", Some(9));
        check("1800000007", Some(7_000));
        check("1800000007500", Some(7_500));
        check("1700000000", Some(0));
        check("2027-01-15T08:00:30Z", Some(30_000));
        check("2027-01-15T08:00:30.250Z", Some(30_250));
        check("2027-01-15T09:00:30+01:00", Some(30_000));
        check("2027-01-15T07:59:00Z", Some(0));
        check("2030-01-01T00:00:00Z", Some(3_600_000));
        for bad in ["", " ", "soon", "-1", "1x", "s", "1.2.3s", "1m30", "2027-01-15", "2027-13-15T08:00:30Z", "inf"] {
            check(bad, None);
        }
    }

    fn quota(headers: &[(&str, &str)]) -> Quota {
        let mut quota = Quota::default();
        headers.iter().for_each(|(name, value)| assert!(quota.note(name, value, NOW), "{name}"));
        quota
    }

    #[test]
    fn reads_both_families() {
        let secs = Duration::from_secs;
        let openai = quota(&[
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]);
        assert_eq!(openai.requests(), Left { remaining: Some(59), resets_in: Some(secs(1)) });
        assert_eq!(openai.tokens(), Left { remaining: Some(149_984), resets_in: Some(secs(360)) });
        assert_eq!((openai.exhausted(), openai.is_empty()), (None, false));
        let anthropic = quota(&[
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2027-01-15T08:00:10Z"),
            ("anthropic-ratelimit-tokens-remaining", "1000"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2027-01-15T08:00:40Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "8000"),
            ("anthropic-ratelimit-output-tokens-reset", "2027-01-15T08:01:00Z"),
        ]);
        assert_eq!(anthropic.tokens(), Left { remaining: Some(0), resets_in: Some(secs(40)) });
        assert_eq!(anthropic.exhausted(), Some(secs(40)));
        assert_eq!(quota(&[("x-ratelimit-remaining-tokens", "many")]), Quota::default());
        assert_eq!(quota(&[("x-ratelimit-remaining-tokens", "0")]).exhausted(), None, "until when it does not say");
    }

    #[test]
    fn leaves_other_headers_alone() {
        let mut quota = Quota::default();
        for name in [
            "content-type",
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining",
            "x-ratelimit-remaining-images",
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-unified-reset",
            "anthropic-ratelimit-reset",
        ] {
            assert!(!quota.note(name, "0", NOW), "{name}");
        }
        assert!(quota.is_empty());
    }

    proptest! {
        #[test]
        fn total_over_any_text(value: String, now: u64) {
            prop_assert!(parse_reset(&value, now).is_none_or(|wait| wait <= LONGEST));
        }

        #[test]
        fn total_over_what_looks_like_one(value in "[0-9.]{0,12}(d|h|m|s|ms|µs|T|:|Z|-){0,3}[0-9.]{0,5}(s|ms|Z)?") {
            prop_assert!(parse_reset(&value, NOW).is_none_or(|wait| wait <= LONGEST));
        }
    }
}
