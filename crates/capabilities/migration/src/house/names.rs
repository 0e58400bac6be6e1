//! What clients ask for: a route where several models stand behind a name, else an alias, else nothing where the name
//! is the model's own.
//!
//! `settings` lets an alias take over a model's bare name, but not a route; so a route whose name is taken gets
//! another one, and an alias leads to it.

use super::{BuiltProvider, RULE_MAX, SECTIONS_MAX, is_name};
use crate::deployment::Called;
use crate::notes::Notes;
use settings::{Choice, Route, Rule};
use std::collections::{BTreeMap, BTreeSet};

/// How many names that lead to names are followed.
const HOPS_MAX: usize = 8;

/// Routes and aliases.
pub(super) struct Named {
    pub(super) routes: Vec<Route>,
    pub(super) routes_from: Vec<String>,
    pub(super) alias: BTreeMap<String, String>,
}

/// Names that are taken, and what they stand for.
pub(super) struct Names {
    /// Of providers, models, panels and routes.
    taken: BTreeSet<String>,
    /// Whole names of models.
    ids: BTreeSet<String>,
    /// Of panels and routes.
    claimed: BTreeSet<String>,
    /// How many models have a bare name.
    bare: BTreeMap<String, usize>,
    /// What clients' names stand for: a model's whole name or a route.
    asked: BTreeMap<String, String>,
    named: Named,
}

impl Names {
    pub(super) fn new(providers: &[BuiltProvider]) -> Self {
        let mut names = Self {
            taken: BTreeSet::new(),
            ids: BTreeSet::new(),
            claimed: BTreeSet::new(),
            bare: BTreeMap::new(),
            asked: BTreeMap::new(),
            named: Named { routes: Vec::new(), routes_from: Vec::new(), alias: BTreeMap::new() },
        };
        for provider in providers.iter().map(|built| &built.provider) {
            names.taken.insert(provider.name.clone());
            for model in &provider.models {
                let id = format!("{}/{}", provider.name, model.name);
                names.taken.extend([id.clone(), model.name.clone()]);
                names.ids.insert(id);
                *names.bare.entry(model.name.clone()).or_default() += 1;
            }
        }
        names
    }

    /// Routes and aliases.
    pub(super) fn named(self) -> Named {
        self.named
    }

    /// Takes a name for a panel or a route: this one, or one like it that is free.
    pub(super) fn claim(&mut self, wish: &str) -> String {
        let wish = wish.trim_matches(['*', '/']);
        let wish = if wish.is_empty() { "any" } else { wish };
        let like = ["", "-route", "-route-2"].into_iter().map(str::to_owned);
        let numbered = (3..).map(|number| format!("-route-{number}"));
        let mut names = like.chain(numbered).map(|end| format!("{wish}{end}"));
        let free = |name: &String| !self.taken.contains(name) && !self.named.alias.contains_key(name);
        let name = names.find(free).unwrap_or_default();
        self.taken.insert(name.clone());
        self.claimed.insert(name.clone());
        name
    }

    /// Lets a name stand for models.
    pub(super) fn call(&mut self, called: &Called, models: Vec<String>, notes: &mut Notes) {
        let models = distinct(models, &called.from, notes);
        let Some(name) = self.usable(&called.name, &called.from, notes) else { return };
        match models.as_slice() {
            [] => notes.leave(&called.from, "no model behind this name came along"),
            [model] => {
                notes.carry(format!("{} `{name}` → {model}", called.from));
                self.stand(&name, model.clone(), &called.from, notes);
            }
            models => {
                if self.named.routes.len() == SECTIONS_MAX {
                    notes.leave(&called.from, format!("more than {SECTIONS_MAX} routes"));
                    return;
                }
                let route = self.claim(&name);
                if !is_name(&route) {
                    notes.leave(&called.from, "the name is too long for a route");
                    return;
                }
                notes.carry(format!("{} `{name}` → route `{route}` of {} models", called.from, models.len()));
                let rules =
                    vec![Rule { models: models.iter().cloned().map(Choice::from).collect(), ..Rule::default() }];
                self.named.routes.push(Route { name: route.clone(), rules, ..Route::default() });
                self.named.routes_from.push(called.from.clone());
                self.stand(&name, route, &called.from, notes);
            }
        }
    }

    /// Lets a name stand for what another name stands for.
    pub(super) fn call_also(&mut self, name: &str, target: &str, from: &str, notes: &mut Notes) {
        let Some(name) = self.usable(name, from, notes) else { return };
        let mut target = target.to_owned();
        for _ in 0..HOPS_MAX {
            match self.asked.get(&target) {
                Some(next) if *next != target => target = next.clone(),
                _ => break,
            }
        }
        let is_known = self.ids.contains(&target) || self.claimed.contains(&target);
        if !is_known {
            notes.leave(from, "what it stands for did not come along");
            return;
        }
        notes.carry(format!("{from} `{name}` → {target}"));
        self.stand(&name, target, from, notes);
    }

    /// The name as ours may be; nothing where it cannot be one.
    fn usable(&self, name: &str, from: &str, notes: &mut Notes) -> Option<String> {
        let dashed: String = name.trim().chars().map(|letter| if is_gap(letter) { '-' } else { letter }).collect();
        if !is_name(&dashed) || dashed.trim_end_matches('*').contains('*') || dashed.ends_with("**") {
            notes.leave(from, "the name is too long, empty, or has a `*` before its end");
            return None;
        }
        if dashed != name.trim() {
            notes.leave(from, format!("names have no white space, it is `{dashed}` now"));
        }
        if self.asked.contains_key(&dashed) || self.named.alias.contains_key(&dashed) {
            notes.leave(from, format!("`{dashed}` has been named before"));
            return None;
        }
        Some(dashed)
    }

    fn stand(&mut self, name: &str, target: String, from: &str, notes: &mut Notes) {
        let own = target.split_once('/').is_some_and(|(_, bare)| bare == name) && self.bare.get(name) == Some(&1);
        let itself = name == target || (own && self.ids.contains(&target));
        if !itself && (self.ids.contains(name) || self.claimed.contains(name)) {
            notes.leave(from, format!("`{name}` is the name of another model, panel or route here"));
            return;
        }
        if !itself && self.named.alias.len() == SECTIONS_MAX {
            notes.leave(from, format!("more than {SECTIONS_MAX} aliases, ask for `{target}`"));
            return;
        }
        if !itself {
            self.named.alias.insert(name.to_owned(), target.clone());
        }
        self.asked.insert(name.to_owned(), target);
    }
}

fn is_gap(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control()
}

/// Models once each, and no more than a rule takes.
fn distinct(models: Vec<String>, from: &str, notes: &mut Notes) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut models: Vec<String> = models.into_iter().filter(|model| seen.insert(model.clone())).collect();
    if models.len() > RULE_MAX {
        notes.leave(from, format!("more than {RULE_MAX} models behind a name, the first are taken"));
        models.truncate(RULE_MAX);
    }
    models
}
