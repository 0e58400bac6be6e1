//! What flags may not say, and which conditions on flags can never hold.

use std::collections::BTreeMap;

use super::{Findings, SECTIONS_MAX, name};
use crate::error::offer;
use crate::flag::{Flag, parse_flag_condition};
use crate::layer::{element, join};
use crate::limits::share;
use crate::panel::Route;
use crate::wording::cut;

/// The fewest variants of a split.
const VARIANTS_LEAST: usize = 2;
/// The most variants of a split.
const VARIANTS_MAX: usize = 32;
/// By how much the shares of a split may miss 100, because thirds have no end.
const SLACK: f64 = 1e-6;

pub(super) fn flags(flags: &BTreeMap<String, Flag>, found: &mut Findings) {
    found.at_most("flag", flags.len(), SECTIONS_MAX);
    for (called, it) in flags {
        let path = join("flag", called);
        plain(&path, called, found);
        flag(&path, it, found);
    }
}

/// Judges a name that stands on one side of the `=` in a condition.
fn plain(path: &str, called: &str, found: &mut Findings) {
    name(path, called, found);
    if called.contains('=') {
        let problem = format!("is `{}`, with `=` in it", cut(called));
        found.refuse(path, &problem, "`=` parts `flag=variant` in conditions, leave it out of the name");
    }
}

fn flag(path: &str, flag: &Flag, found: &mut Findings) {
    let given = [flag.on.is_some(), flag.percent.is_some(), !flag.split.is_empty()];
    match given.iter().filter(|given| **given).count() {
        0 => found.refuse(path, "says nothing", "write one of `on`, `percent` and `split`"),
        1 => {}
        _ => found.refuse(path, "says more than one thing", "keep one of `on`, `percent` and `split`"),
    }
    if let Some(percent) = flag.percent {
        share(&format!("{path}.percent"), percent, (true, 100.0), found);
    }
    if !flag.split.is_empty() {
        split(&format!("{path}.split"), &flag.split, found);
    }
}

fn split(path: &str, shares: &BTreeMap<String, f64>, found: &mut Findings) {
    if shares.len() < VARIANTS_LEAST {
        found.refuse(path, "has `1` variant", "a split has at least 2, `percent` switches one thing on");
    }
    found.at_most(path, shares.len(), VARIANTS_MAX);
    for (variant, it) in shares {
        let path = join(path, variant);
        plain(&path, variant, found);
        share(&path, *it, (true, 100.0), found);
    }
    let sum: f64 = shares.values().sum();
    if sum.is_finite() && (sum - 100.0).abs() > SLACK {
        found.refuse(path, &format!("adds up to `{sum}`"), "the shares are percentages, make them 100 together");
    }
}

/// Judges every condition on a flag.
pub(super) fn conditions(routes: &[Route], flags: &BTreeMap<String, Flag>, found: &mut Findings) {
    for (index, route) in routes.iter().enumerate() {
        let rules = format!("{}.rules", element("route", index));
        for (index, rule) in route.rules.iter().enumerate() {
            if let Some(text) = rule.when.as_ref().and_then(|when| when.flag.as_deref()) {
                condition(&format!("{}.when.flag", element(&rules, index)), text, flags, found);
            }
        }
    }
}

fn condition(path: &str, text: &str, flags: &BTreeMap<String, Flag>, found: &mut Findings) {
    let (called, variant) = parse_flag_condition(text);
    let Some(flag) = flags.get(called) else {
        let known: Vec<String> = flags.keys().cloned().collect();
        let hint = offer(called, &known, "flags").unwrap_or_else(|| "add a table `[flag.NAME]`".to_owned());
        found.refuse(path, &format!("names the flag `{}`, which does not exist", cut(called)), &hint);
        return;
    };
    let known = flag.variants();
    if !known.contains(&variant) {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let hint = offer(variant, &known, "variants").unwrap_or_default();
        let problem =
            format!("asks for the variant `{}`, which the flag `{}` does not have", cut(variant), cut(called));
        found.refuse(path, &problem, &hint);
    }
}
