//! What Decision Matrix MCP says about decisions themselves, as our `[decisions]`: how large one may be, how many are
//! kept, how they are evaluated.
//!
//! One table for both ways in: a file that is imported, and variables that a server finds when it starts.

use crate::decimal::{ms_of_seconds, shifted, whole};
use settings::Decisions;

/// The most of anything that is counted, as `settings` has it.
const COUNT_MAX: u64 = 1_000_000;
/// The longest text of a kind, in characters, as `settings` has it.
const CHARS_MAX: u64 = 100_000;
/// The longest that a decision is kept, in seconds, as `settings` has it.
const TTL_S_MAX: u64 = 366 * 24 * 60 * 60;
/// The longest time between two sweeps, in seconds, as `settings` has it.
const SWEEP_S_MAX: u64 = 24 * 60 * 60;

/// In what a figure is written there.
#[derive(Clone, Copy)]
enum Unit {
    /// A whole number, times so much.
    Whole(u64),
    /// Seconds, also with a point, as milliseconds.
    Seconds,
}

/// A variable and the setting that it stands for.
pub(crate) struct Rule {
    /// Its names, the one that counts most first.
    pub(crate) names: &'static [&'static str],
    /// The key in `[decisions]`.
    pub(crate) key: &'static str,
    unit: Unit,
    /// The smallest and the largest value, in our unit.
    pub(crate) bounds: (u64, u64),
    /// Sets it.
    pub(crate) set: fn(&mut Decisions, u64),
}

impl Rule {
    const fn count(
        names: &'static [&'static str],
        key: &'static str,
        bounds: (u64, u64),
        set: fn(&mut Decisions, u64),
    ) -> Self {
        Self { names, key, unit: Unit::Whole(1), bounds, set }
    }

    /// A value as it is written there, in our unit.
    ///
    /// # Errors
    /// What to write instead; the value is not repeated.
    pub(crate) fn read(&self, text: &str) -> Result<u64, String> {
        let value = match self.unit {
            Unit::Whole(times) => whole(text.trim()).and_then(|value| value.checked_mul(times)),
            Unit::Seconds => ms_of_seconds(text.trim()),
        };
        let (least, most) = self.bounds;
        value.filter(|value| (least..=most).contains(value)).ok_or_else(|| match self.unit {
            Unit::Whole(times) => {
                format!("it is no whole number from {} to {}", least.div_ceil(times), most / times)
            }
            Unit::Seconds => format!("it is no time in seconds up to {}", most / 1_000),
        })
    }
}

fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// All of them.
pub(crate) const RULES: [Rule; 13] = [
    Rule::count(&["DMM_MAX_TOPIC_LENGTH"], "topic_chars_max", (1, CHARS_MAX), |it, to| it.topic_chars_max = size(to)),
    Rule::count(&["DMM_MAX_OPTION_NAME_LENGTH"], "option_name_chars_max", (1, CHARS_MAX), |it, to| {
        it.option_name_chars_max = size(to);
    }),
    Rule::count(&["DMM_MAX_CRITERION_NAME_LENGTH"], "criterion_name_chars_max", (1, CHARS_MAX), |it, to| {
        it.criterion_name_chars_max = size(to);
    }),
    Rule::count(&["DMM_MAX_DESCRIPTION_LENGTH"], "description_chars_max", (1, CHARS_MAX), |it, to| {
        it.description_chars_max = size(to);
    }),
    Rule::count(&[OPTIONS], "options_max", (2, 500), |it, to| it.options_max = size(to)),
    Rule::count(&["DMM_MAX_CRITERIA_ALLOWED"], "criteria_max", (1, 200), |it, to| it.criteria_max = size(to)),
    Rule::count(&[SESSIONS, "DMM_DEFAULT_MAX_SESSIONS", "MAX_SESSIONS"], "sessions_max", (1, COUNT_MAX), |it, to| {
        it.sessions_max = size(to)
    }),
    Rule::count(&["DMM_LRU_EVICTION_BATCH_SIZE"], "evict_batch", (1, 10_000), |it, to| it.evict_batch = size(to)),
    Rule {
        names: &["DMM_DEFAULT_SESSION_TTL_HOURS", "SESSION_TTL_HOURS"],
        key: "session_ttl_s",
        unit: Unit::Whole(60 * 60),
        bounds: (1, TTL_S_MAX),
        set: |it, to| it.session_ttl_s = to,
    },
    Rule {
        names: &["DMM_DEFAULT_CLEANUP_INTERVAL_MINUTES", "CLEANUP_INTERVAL_MINUTES"],
        key: "sweep_s",
        unit: Unit::Whole(60),
        bounds: (1, SWEEP_S_MAX),
        set: |it, to| it.sweep_s = to,
    },
    Rule::count(&["DMM_MAX_CONCURRENT_EVALUATIONS"], "in_flight_max", (1, 10_000), |it, to| {
        it.in_flight_max = size(to)
    }),
    Rule::count(&["DMM_MAX_RETRIES", "MAX_RETRIES"], "retries_max", (0, 16), |it, to| {
        it.retries_max = u32::try_from(to).unwrap_or(u32::MAX);
    }),
    Rule {
        names: &["DMM_RETRY_DELAY_SECONDS", "RETRY_DELAY"],
        key: "retry_base_ms",
        unit: Unit::Seconds,
        bounds: (1, 60_000),
        set: |it, to| it.retry_base_ms = to,
    },
];

/// The variable with the most options.
const OPTIONS: &str = "DMM_MAX_OPTIONS_ALLOWED";
/// The variable with the most sessions.
const SESSIONS: &str = "DMM_MAX_ACTIVE_SESSIONS";
/// The variable with the environment.
pub(crate) const ENVIRONMENT: &str = "DMM_ENVIRONMENT";
/// The variable with the longest time for a request, in seconds.
pub(crate) const REQUEST_TIMEOUT: &str = "DMM_REQUEST_TIMEOUT_SECONDS";

/// What an environment sets there, whatever else says so: values of variables.
pub(crate) fn environment(name: &str) -> &'static [(&'static str, &'static str)] {
    match name.trim() {
        "development" => &[(OPTIONS, "10"), (SESSIONS, "20"), (REQUEST_TIMEOUT, "60")],
        "staging" => &[(OPTIONS, "15"), (SESSIONS, "50"), (REQUEST_TIMEOUT, "45")],
        _ => &[],
    }
}

/// Values that say what holds here anyway.
pub(crate) const SAME: [(&str, &str); 5] = [
    ("DMM_MIN_OPTIONS_REQUIRED", "2"),
    ("DMM_MIN_CRITERION_WEIGHT", "0.1"),
    ("DMM_MAX_CRITERION_WEIGHT", "10"),
    ("DMM_DEFAULT_TEMPERATURE", "0.1"),
    ("DMM_DEBUG_MODE", "false"),
];

/// Whether two values are the same word or the same figure.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    one.eq_ignore_ascii_case(other) || shifted(one, 0).is_some_and(|figure| Some(figure) == shifted(other, 0))
}

/// Why a variable about decisions stays behind; nothing for those that are about something else.
pub(crate) fn why(name: &str) -> Option<&'static str> {
    Some(match name {
        "DMM_MAX_SESSION_ID_LENGTH" => "ids have a form of their own here, `dec_` and 32 digits",
        "DMM_MIN_OPTIONS_REQUIRED" => "a decision needs two options here, always",
        "DMM_MIN_CRITERION_WEIGHT" | "DMM_MAX_CRITERION_WEIGHT" => "weights go from 0.1 to 10 here, always",
        "DMM_DEFAULT_MAX_SESSIONS" | "MAX_SESSIONS" => {
            "`decisions.sessions_max` is one limit, taken from another variable"
        }
        "DMM_COT_TIMEOUT_SECONDS" | "DMM_COT_SUMMARY_TIMEOUT_SECONDS" => {
            "a pair is one question here, without a chain of them; `decisions.pair_deadline_ms` bounds it"
        }
        "DMM_DEFAULT_TEMPERATURE" => "each decision says this itself (`temperature`), 0.1 if it does not",
        "DMM_ENVIRONMENT" => "`althing up --profile dev|prod|high-scale` is its counterpart",
        "DMM_DEBUG_MODE" | "LOG_LEVEL" | "LOG_FORMAT" => "`--log LEVEL` says what is logged",
        "DMM_CONFIG_VERSION" => "it numbers that project's own files",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_sets_its_own_key_within_what_settings_take() {
        for rule in &RULES {
            for value in [rule.bounds.0, rule.bounds.1] {
                let mut decisions = Decisions::default();
                (rule.set)(&mut decisions, value);
                let table = toml::Table::try_from(&decisions).unwrap();
                assert_eq!(table[rule.key].as_integer(), i64::try_from(value).ok(), "{}", rule.key);
                let usual = toml::Table::try_from(Decisions::default()).unwrap();
                let changed: Vec<_> = table.iter().filter(|(key, value)| usual[*key] != **value).collect();
                assert!(changed.len() <= 1, "{}: {changed:?}", rule.key);
                let flags = vec![("decisions".to_owned(), toml::Value::Table(table))];
                settings::load(&settings::Source { flags, ..settings::Source::default() }).unwrap();
            }
        }
    }

    #[test]
    fn figures_are_the_same_however_they_are_written() {
        for (one, other, same) in
            [("45.0", "45", true), ("False", "false", true), ("0.10", ".1", true), ("2", "3", false)]
        {
            assert_eq!(is_same(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn values_are_read_in_their_own_units() {
        let rule = |key: &str| RULES.iter().find(|rule| rule.key == key).unwrap();
        let check = |key: &str, text: &str, expect: Option<u64>| {
            assert_eq!(rule(key).read(text).ok(), expect, "{key} {text}");
        };
        check("session_ttl_s", "48", Some(172_800));
        check("sweep_s", " 5 ", Some(300));
        check("retry_base_ms", "1.5", Some(1_500));
        check("retries_max", "0", Some(0));
        check("options_max", "50", Some(50));
        for (key, text) in [
            ("options_max", "1"),
            ("options_max", "abc"),
            ("options_max", "-3"),
            ("options_max", ""),
            ("session_ttl_s", "99999999999999999999"),
            ("session_ttl_s", "0"),
            ("retry_base_ms", "0"),
            ("retry_base_ms", "61"),
            ("retries_max", "17"),
        ] {
            check(key, text, None);
        }
        assert_eq!(rule("session_ttl_s").read("x").unwrap_err(), "it is no whole number from 1 to 8784");
    }
}
