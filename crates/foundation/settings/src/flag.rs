//! Flags: switches and splits that callers fall into by the hash of who they are.
//!
//! The same caller always falls into the same variant of a flag, on every server and in every version, and the
//! variants of two flags are independent of each other. Who counts that a variant was seen is not known here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The variant of a switch that is on.
pub const ON: &str = "on";
/// The variant of a switch that is off.
pub const OFF: &str = "off";

/// A flag: `on`, a `percent`, or a `split` into named variants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Flag {
    /// Whether it is on, for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// For which share of the callers it is on, from 0 to 100; a larger share keeps whoever was in the smaller one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// The share of each variant in percent, 2 to 32 variants; together 100.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub split: BTreeMap<String, f64>,
}

impl Flag {
    /// The variant that a subject falls into: [`ON`], [`OFF`] or the name of a share of the split.
    ///
    /// The flag is the one called `name`; the subject is whatever tells callers apart, such as a key's identity. A flag
    /// that says nothing is off. The shares of a split follow one another in the order of their names.
    pub fn variant<'a>(&'a self, name: &str, subject: &str) -> &'a str {
        if let Some(on) = self.on {
            return switch(on);
        }
        let place = place(name, subject);
        if self.split.is_empty() {
            return switch(self.percent.is_some_and(|percent| place < percent));
        }
        let shares = || self.split.iter().filter(|(_, share)| **share > 0.0);
        let mut end = 0.0;
        let reached = shares().find(|(_, share)| {
            end += **share;
            place < end
        });
        // Shares that add up to a hair less than 100 leave a gap, which belongs to the last of them.
        reached.or_else(|| shares().next_back()).map_or(OFF, |(variant, _)| variant)
    }

    /// Every variant that somebody can fall into.
    pub(crate) fn variants(&self) -> Vec<&str> {
        if self.split.is_empty() { vec![ON, OFF] } else { self.split.keys().map(String::as_str).collect() }
    }
}

/// The flag and the variant that a condition such as `search`, `search=new` or `search=off` asks for.
///
/// Without an `=` the variant is [`ON`]. Neither part is judged here, and neither has an `=` in its name.
pub fn parse_flag_condition(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ON))
}

fn switch(on: bool) -> &'static str {
    if on { ON } else { OFF }
}

/// Where a subject stands in a split of this name, from 0 to just below 1: always at the same place, and so that any
/// share of the way holds that share of all subjects.
pub fn standing(name: &str, subject: &str) -> f64 {
    place(name, subject) / 100.0
}

/// Where a subject stands in a flag, from 0 to just below 100, in steps of 100 / 2³².
///
/// Each operation is exact, so every machine finds the same place.
fn place(name: &str, subject: &str) -> f64 {
    let high = (hash(name, subject) >> 32) as u32;
    f64::from(high) * 100.0 / 4_294_967_296.0
}

/// FNV-1a with 64 bits over the name, a byte that no text holds, and the subject, then the finaliser of SplitMix64.
///
/// FNV alone hardly spreads the last bytes, so subjects that are counted up (`user-1`, `user-2`) would stand in rows;
/// the finaliser (variant 13 of Stafford's mixers) makes every bit of the state change half of the bits of the result.
/// Changing anything here moves callers from one variant to another.
fn hash(name: &str, subject: &str) -> u64 {
    let fnv = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let state = name.bytes().chain([0xff]).chain(subject.bytes()).fold(0xcbf2_9ce4_8422_2325, fnv);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Flag, OFF, ON, hash, parse_flag_condition, place, standing};
    use std::collections::BTreeMap;

    const SUBJECTS: usize = 100_000;

    fn percent(percent: f64) -> Flag {
        Flag { percent: Some(percent), ..Flag::default() }
    }

    fn split(shares: &[(&str, f64)]) -> Flag {
        let split = shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
        Flag { split, ..Flag::default() }
    }

    /// The percentage of subjects for which something holds.
    fn share(holds: impl Fn(&str) -> bool) -> f64 {
        let held = (0..SUBJECTS).filter(|number| holds(&format!("key-{number}"))).count();
        held as f64 * 100.0 / SUBJECTS as f64
    }

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash("", ""), 0x4f2d_b50f_1240_40cd);
        assert_eq!(hash("search", "ada"), 0x75b8_de83_88e9_6ead);
        assert_eq!(hash("search", "bob"), 0x8356_b4d7_2e4c_06e3);
        assert_eq!(hash("prompt", "ada"), 0x4247_6859_90b6_f39e);
        assert_eq!(hash("a", "bc"), 0x54cb_1647_adbe_0435);
        assert_eq!(hash("ab", "c"), 0x0a52_c632_fce1_f7d1, "the name ends somewhere");
        assert_eq!(hash("é", "日本"), 0x4d47_6e4c_efd9_14d1);
        assert_eq!(place("search", "ada"), 45.985_212_991_945_446);
        let thirds = split(&[("a", 33.3), ("b", 33.3), ("c", 33.4)]);
        let fall = |subject: &str| thirds.variant("search", subject);
        assert_eq!(["ada", "bob", "cyd", "dan", "eve", "fay"].map(fall), ["b", "b", "b", "c", "c", "a"]);
    }

    #[test]
    fn everybody_stands_somewhere_and_any_share_holds_its_share() {
        for part in [0.1, 0.5, 0.9] {
            let found = share(|subject| standing("route", subject) < part);
            assert!((found - part * 100.0).abs() < 0.5, "{found} % of {part}");
        }
        assert!((standing("search", "ada") * 100.0 - place("search", "ada")).abs() < 1e-12);
    }

    #[test]
    fn switches_are_the_same_for_everybody() {
        let on = |on| Flag { on: Some(on), ..Flag::default() };
        for (flag, expect) in [
            (on(true), ON),
            (on(false), OFF),
            (percent(0.0), OFF),
            (percent(100.0), ON),
            (Flag::default(), OFF),
            (split(&[("a", 0.0), ("b", 100.0), ("c", 0.0)]), "b"),
        ] {
            assert!((0..2_000).all(|number| flag.variant("f", &number.to_string()) == expect), "{flag:?}");
        }
    }

    #[test]
    fn subjects_spread_evenly() {
        for wanted in [0.5, 10.0, 50.0, 90.0] {
            let got = share(|subject| percent(wanted).variant("search", subject) == ON);
            assert!((got - wanted).abs() < 1.0, "{got} of {wanted}");
        }
        let flag = split(&[("new", 25.0), ("newer", 12.5), ("old", 62.5)]);
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for number in 0..SUBJECTS {
            *seen.entry(flag.variant("search", &format!("key-{number}"))).or_default() += 1;
        }
        for (variant, wanted) in &flag.split {
            let got = seen[variant.as_str()] as f64 * 100.0 / SUBJECTS as f64;
            assert!((got - wanted).abs() < 1.0, "{variant}: {got} of {wanted}");
        }
        for tenth in 0..10 {
            let (from, to) = (f64::from(tenth) * 10.0, f64::from(tenth + 1) * 10.0);
            let got = share(|subject| (from..to).contains(&place("search", subject)));
            assert!((got - 10.0).abs() < 1.0, "{got} between {from} and {to}");
        }
    }

    #[test]
    fn flags_are_independent() {
        let is_on = |name: &str, subject: &str| percent(50.0).variant(name, subject) == ON;
        for (one, two) in [("a", "b"), ("search", "search2"), ("prompt", "search")] {
            let both = share(|subject| is_on(one, subject) && is_on(two, subject));
            assert!((both - 25.0).abs() < 1.0, "{both} of {one} and {two}");
        }
    }

    #[test]
    fn a_larger_percentage_keeps_everybody() {
        let steps = [0.0, 0.01, 1.0, 5.0, 25.0, 50.0, 99.9, 100.0];
        for subject in (0..5_000).map(|number| format!("key-{number}")) {
            let on = steps.map(|step| percent(step).variant("search", &subject) == ON);
            assert!(on.is_sorted(), "{subject}: {on:?}");
        }
    }

    #[test]
    fn a_gap_belongs_to_the_last_share() {
        let short = split(&[("a", 0.0), ("b", 1e-9), ("c", 0.0)]);
        assert!((0..1_000).all(|number| short.variant("f", &number.to_string()) == "b"));
        assert_eq!(split(&[("a", 0.0), ("b", 0.0)]).variant("f", "ada"), OFF);
    }

    #[test]
    fn conditions_name_a_flag_and_a_variant() {
        assert_eq!(parse_flag_condition("search"), ("search", "on"));
        assert_eq!(parse_flag_condition("search=new"), ("search", "new"));
        assert_eq!(parse_flag_condition("search="), ("search", ""));
        assert_eq!(parse_flag_condition("a=b=c"), ("a", "b=c"));
    }
}
