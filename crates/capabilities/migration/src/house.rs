//! A draft as settings: deployments that share kind, address and key become one provider, names become routes and
//! aliases, and everything keeps the limits and the naming rules that `settings` checks.

mod names;
mod providers;

use crate::Whole;
use crate::deployment::{Draft, Together};
use crate::notes::Notes;
use settings::{Member, Panel, Provider, Route};
use std::collections::BTreeMap;

/// The most providers, routes or aliases, as `settings` has it.
const SECTIONS_MAX: usize = 256;
/// The most models of a provider, as `settings` has it.
const MODELS_MAX: usize = 4096;
/// The most models of a rule and members of a panel, as `settings` has it.
const RULE_MAX: usize = 64;
/// The longest name, as `settings` has it.
const NAME_CHARS_MAX: usize = 200;
/// How long a request may take unless settings say otherwise, in milliseconds.
const DEADLINE_MS: u64 = 120_000;

/// A provider, and where it came from.
pub(crate) struct BuiltProvider {
    pub(crate) provider: Provider,
    pub(crate) from: Vec<String>,
}

/// Settings, and where they came from.
pub(crate) struct Built {
    pub(crate) providers: Vec<BuiltProvider>,
    pub(crate) panels: Vec<Panel>,
    pub(crate) panels_from: Vec<String>,
    pub(crate) routes: Vec<Route>,
    pub(crate) routes_from: Vec<String>,
    pub(crate) alias: BTreeMap<String, String>,
    pub(crate) whole: Whole,
    pub(crate) notes: Notes,
}

/// Builds the settings that a draft describes.
pub(crate) fn build(draft: Draft) -> Built {
    let Draft { deployments, called, also, together, timeout_ms, mut whole, mut notes } = draft;
    let (mut providers, ids) = providers::build(&deployments, &mut notes);
    for built in &mut providers {
        built.provider.timeout_ms = built.provider.timeout_ms.or(timeout_ms);
    }
    let longest = providers.iter().filter_map(|built| built.provider.timeout_ms).max();
    whole.deadline_ms = longest.filter(|longest| *longest > DEADLINE_MS);
    let mut names = names::Names::new(&providers);
    let mut panels = Vec::new();
    let mut panels_from = Vec::new();
    for one in together {
        if let Some(panel) = panel(&one, &ids, &mut names) {
            notes.carry(format!("{} → panel `{}` of {} models", one.from, panel.name, panel.members.len()));
            panels_from.push(one.from.to_owned());
            panels.push(panel);
        }
    }
    for one in &called {
        let models = one.deployments.iter().filter_map(|at| ids.get(*at)?.clone()).collect();
        names.call(one, models, &mut notes);
    }
    for (name, target, from) in &also {
        names.call_also(name, target, from, &mut notes);
    }
    let names::Named { routes, routes_from, alias } = names.named();
    Built { providers, panels, panels_from, routes, routes_from, alias, whole, notes }
}

/// A panel needs two members to compare.
fn panel(one: &Together, ids: &[Option<String>], names: &mut names::Names) -> Option<Panel> {
    let mut members: Vec<Member> = Vec::new();
    for id in one.deployments.iter().filter_map(|at| ids.get(*at)?.as_ref()) {
        if members.len() < RULE_MAX && members.iter().all(|member| member.model != *id) {
            members.push(Member { model: id.clone(), ..Member::default() });
        }
    }
    if members.len() < 2 {
        return None;
    }
    let name = names.claim(one.name);
    Some(Panel { name, members, agreement: one.agreement, deadline_ms: one.deadline_ms, ..Panel::default() })
}

/// Whether `settings` takes a name.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}
