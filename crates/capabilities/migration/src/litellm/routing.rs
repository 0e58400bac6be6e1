//! The sections about retries, cooldowns, fallbacks and other names.

use super::params::TIME_MS_MAX;
use super::variables::Variables;
use super::{Group, reasons};
use crate::decimal::{ms_of_seconds, whole};
use crate::deployment::Draft;
use crate::notes::Notes;
use crate::read::Node;
use std::collections::BTreeMap;

/// The most attempts, as `settings` has it.
const ATTEMPTS_MAX: u64 = 16;
/// The most failures, as `settings` has it.
const FAILURES_MAX: u64 = 1_000_000;

/// The most models that take over from one: more than a rule can have.
const CHAIN_MAX: usize = 128;

/// Names that take over from another, and where that stands.
struct Fallback {
    name: String,
    others: Vec<String>,
    from: String,
}

/// What the sections say about names.
#[derive(Default)]
pub(super) struct Routing {
    fallbacks: Vec<Fallback>,
    longer: Vec<Fallback>,
    anyway: Vec<(String, Vec<String>)>,
    /// Other names for names, and where they stand.
    pub(super) also: Vec<(String, String, String)>,
}

impl Routing {
    /// Reads the sections of a file; what the router says counts more than what the library does.
    pub(super) fn read(&mut self, root: &Node, draft: &mut Draft, variables: &Variables) {
        for section in ["litellm_settings", "router_settings"] {
            for (key, value) in root.get(section).map(Node::entries).unwrap_or_default() {
                let path = format!("{section}.{key}");
                if !self.names(key, value, &path) {
                    number(key, value, &path, draft, variables);
                }
            }
        }
    }

    /// Whether a setting was about names.
    fn names(&mut self, key: &str, value: &Node, path: &str) -> bool {
        match key {
            "fallbacks" => self.fallbacks.extend(fallbacks(value, path)),
            "context_window_fallbacks" => self.longer.extend(fallbacks(value, path)),
            "default_fallbacks" => self.anyway.push((path.to_owned(), words(value))),
            "model_group_alias" | "model_alias_map" => {
                for (name, target) in value.entries() {
                    let target = target.as_word().or_else(|| target.word("model")).unwrap_or_default();
                    self.also.push((name.clone(), target.to_owned(), format!("{path}.{name}")));
                }
            }
            _ => return false,
        }
        true
    }

    /// For each group, the deployments that take over from its own.
    pub(super) fn chains(
        &self,
        groups: &[Group],
        places: &BTreeMap<String, usize>,
        notes: &mut Notes,
    ) -> Vec<Vec<usize>> {
        let mut chains: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
        let mut known: Vec<bool> = vec![false; groups.len()];
        let members = |name: &str| Some(groups.get(*places.get(name)?)?.members.iter().map(|(_, at)| *at));
        let extend = |chain: &mut Vec<usize>, others: &[String], from: &str, notes: &mut Notes| {
            for other in others {
                if chain.len() >= CHAIN_MAX {
                    return;
                }
                match members(other) {
                    Some(members) => chain.extend(members.take(CHAIN_MAX)),
                    None => {
                        notes.leave(from, "a model that should take over is not in `model_list`, or stands for many")
                    }
                }
            }
        };
        for one in self.fallbacks.iter().chain(&self.longer) {
            match places.get(&one.name).and_then(|place| Some((chains.get_mut(*place)?, known.get_mut(*place)?))) {
                Some((chain, known)) => {
                    *known = true;
                    extend(chain, &one.others, &one.from, notes);
                    notes.carry(format!("{} → later models of the route `{}`", one.from, one.name));
                }
                None => notes.leave(&one.from, "no model of `model_list` has this name"),
            }
        }
        for one in &self.longer {
            notes.leave(&one.from, "these models take over after any failure, not for long prompts alone");
        }
        for (from, others) in &self.anyway {
            for (chain, _) in chains.iter_mut().zip(&known).filter(|(_, known)| !**known) {
                extend(chain, others, from, notes);
            }
            notes.carry(format!("{from} → later models of every route without its own"));
        }
        chains
    }
}

/// A setting that is a number for the whole server, or is left.
fn number(key: &str, value: &Node, path: &str, draft: &mut Draft, variables: &Variables) {
    let word = value.as_word().and_then(|word| variables.said(word).ok()).unwrap_or_default();
    let time = || ms_of_seconds(&word).filter(|ms| (1..=TIME_MS_MAX).contains(ms));
    let count = |most: u64| {
        whole(&word).map(|count| count.saturating_add(1).min(most)).and_then(|count| u32::try_from(count).ok())
    };
    let counterpart = match key {
        "num_retries" => {
            draft.whole.attempts_max = count(ATTEMPTS_MAX).or(draft.whole.attempts_max);
            count(ATTEMPTS_MAX).map(|_| "guard.attempts_max, counting the first attempt")
        }
        "allowed_fails" => {
            draft.whole.breaker_failures = count(FAILURES_MAX).or(draft.whole.breaker_failures);
            count(FAILURES_MAX).map(|_| "guard.breaker_failures, which counts those in a row")
        }
        "cooldown_time" => {
            draft.whole.breaker_open_ms = time().or(draft.whole.breaker_open_ms);
            time().map(|_| "guard.breaker_open_ms")
        }
        "timeout" | "request_timeout" => {
            draft.timeout_ms = time().or(draft.timeout_ms);
            time().map(|_| "timeout_ms of providers without their own")
        }
        _ => return draft.notes.leave(path, reasons::why(key)),
    };
    match counterpart {
        Some(counterpart) => draft.notes.carry(format!("{path} → {counterpart}")),
        None => draft.notes.leave(path, "it is no number that can be read here"),
    }
}

/// Lists of maps, or one map, from a name to those that take over.
fn fallbacks(value: &Node, path: &str) -> Vec<Fallback> {
    let maps = if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() };
    let entries = maps.iter().flat_map(Node::entries);
    let fallback = |(name, others): &(String, Node)| Fallback {
        name: name.clone(),
        others: words(others),
        from: format!("{path}.{name}"),
    };
    entries.map(fallback).collect()
}

/// Names, each alone or as `model` of a map.
fn words(value: &Node) -> Vec<String> {
    let items = if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() };
    items.iter().filter_map(|item| item.as_word().or_else(|| item.word("model"))).map(str::to_owned).collect()
}
