//! Settings turned into things that can be asked: models, routes, panels.

mod aliases;
mod error;

use crate::flags::Condition;
pub(crate) use crate::routing::Route;
use crate::routing::{Group, Limits};
use aliases::Aliases;
use consensus::Settler;
pub use error::PlanError;
use fault::nearest;
use measure::Metrics;
use models::{Endpoint, Registry};
use rust_decimal::Decimal;
use settings::{Answers, OnDisagreement, Resolution, Settings, Strategy, Weights};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The panel that is asked when nothing else is named.
const DEFAULT_PANEL: &str = "quorum";
/// Names offered when one is not known, at most.
const NEAREST_MAX: usize = 3;
/// Characters shown of a name that is not known.
const NAME_CHARS_MAX: usize = 200;

/// One seat on a panel.
pub(crate) struct Seat {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) weight: f64,
}

/// Models that answer together.
pub(crate) struct Panel {
    pub(crate) name: String,
    pub(crate) seats: Vec<Seat>,
    pub(crate) agreement: f64,
    pub(crate) deadline: Duration,
    pub(crate) cost_max: Option<Decimal>,
    pub(crate) on_disagreement: OnDisagreement,
    /// What kind of answer is compared.
    pub(crate) answers: Answers,
    pub(crate) weights: Weights,
    /// How many members are asked first; `None` for all at once.
    pub(crate) first: Option<usize>,
    /// Who settles what the members do not agree on.
    pub(crate) judge: Option<Judge>,
    /// Whether settings know it: what is made for one question is not measured.
    pub(crate) lasting: bool,
}

/// A model that settles what the members of a panel do not agree on.
pub(crate) struct Judge {
    pub(crate) endpoint: Arc<Endpoint>,
    /// Whether it picks an answer or writes its own.
    pub(crate) settler: Settler,
}

/// What a name stands for.
#[derive(Clone)]
pub(crate) enum Target {
    Model(Arc<Endpoint>),
    /// A bare name that several providers list.
    Group(Arc<Group>),
    Route(Arc<Route>),
    Panel(Arc<Panel>),
}

/// Everything that can be asked, made from one version of the settings.
pub(crate) struct Plan {
    pub(crate) registry: Registry,
    panels: BTreeMap<String, Arc<Panel>>,
    routes: BTreeMap<String, Arc<Route>>,
    groups: BTreeMap<String, Arc<Group>>,
    aliases: Aliases,
}

impl Plan {
    pub(crate) fn build(settings: &Settings, registry: Registry, metrics: &Metrics) -> Result<Self, PlanError> {
        let mut panels = BTreeMap::new();
        for panel in &settings.panel {
            panels.insert(panel.name.clone(), Arc::new(panel_of(panel, &registry)?));
        }
        let mut routes = BTreeMap::new();
        for route in &settings.route {
            let rule = |rule: &settings::Rule| rule_of(rule, &route.name, &registry, settings, metrics);
            let rules = route.rules.iter().map(rule).collect::<Result<_, _>>()?;
            routes.insert(route.name.clone(), Arc::new(Route::new(&route.name, rules)));
        }
        let groups = groups_of(&registry, settings.balance.strategy);
        let plan = Self { registry, panels, routes, groups, aliases: Aliases::new(&settings.alias) };
        match settings.alias.iter().find(|(_, target)| plan.direct(target).is_none()) {
            None => Ok(plan),
            Some((alias, target)) => {
                let (model, nearest) = plan.unknown(target);
                Err(PlanError::UnknownModel { what: "alias", name: alias.clone(), model, nearest })
            }
        }
    }

    /// What a name stands for: a panel, a route, a model by its whole name; then an alias, which thus may take a
    /// model's bare name; then a model by its bare name.
    pub(crate) fn find(&self, name: &str) -> Option<Target> {
        if !self.registry.is_listed(name)
            && let Some(target) = self.aliases.target(name).filter(|_| !self.is_named(name))
        {
            return self.direct(target);
        }
        self.direct(name)
    }

    fn is_named(&self, name: &str) -> bool {
        self.panels.contains_key(name) || self.routes.contains_key(name)
    }

    /// What a name that is no alias stands for.
    fn direct(&self, name: &str) -> Option<Target> {
        if let Some(panel) = self.panels.get(name) {
            return Some(Target::Panel(Arc::clone(panel)));
        }
        if let Some(route) = self.routes.get(name) {
            return Some(Target::Route(Arc::clone(route)));
        }
        // Bare names of models may have slashes in them too: whole names go first.
        if !self.registry.is_listed(name)
            && let Some(group) = self.groups.get(name)
        {
            return Some(Target::Group(Arc::clone(group)));
        }
        self.registry.find(name).map(Target::Model)
    }

    /// A panel made for one request.
    pub(crate) fn ad_hoc(&self, name: &str, models: &[String], agreement: f64) -> Result<Arc<Panel>, PlanError> {
        // Whoever asks may name a model as everywhere else, by an alias too.
        let meant = |model: &String| match self.find(model) {
            Some(Target::Model(endpoint)) => endpoint.id().to_owned(),
            Some(Target::Group(group)) => group.first().map_or_else(|| model.clone(), |it| it.id().to_owned()),
            _ => model.clone(),
        };
        let members = models.iter().map(|model| settings::Member { model: meant(model), weight: 1.0 }).collect();
        let panel = settings::Panel { name: name.to_owned(), members, agreement, ..settings::Panel::default() };
        let made = panel_of(&panel, &self.registry)?;
        Ok(Arc::new(Panel { lasting: false, ..made }))
    }

    pub(crate) fn default_model(&self) -> Option<String> {
        if self.panels.contains_key(DEFAULT_PANEL) {
            return Some(DEFAULT_PANEL.to_owned());
        }
        self.registry.endpoints().first().map(|endpoint| endpoint.id().to_owned())
    }

    /// A name that nobody knows, as it can be shown, and the names like it.
    pub(crate) fn unknown(&self, name: &str) -> (String, Vec<String>) {
        let name = shortened(name);
        let nearest = nearest(&name, self.names(), NEAREST_MAX).into_iter().map(str::to_owned).collect();
        (name, nearest)
    }

    /// The panels that settings list.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Arc<Panel>> {
        self.panels.values()
    }

    pub(crate) fn panel_names(&self) -> impl Iterator<Item = &str> {
        self.panels.keys().map(String::as_str)
    }

    pub(crate) fn route_names(&self) -> impl Iterator<Item = &str> {
        self.routes.keys().map(String::as_str)
    }

    /// Aliases that are whole names, with what they stand for.
    pub(crate) fn alias_names(&self) -> impl Iterator<Item = &str> {
        self.aliases.whole.keys().map(String::as_str)
    }

    /// Bare names that several providers list, where neither an alias nor a model's whole name is the same.
    pub(crate) fn group_names(&self) -> impl Iterator<Item = &str> {
        let stands = |name: &&str| !self.registry.is_listed(name) && self.aliases.target(name).is_none();
        self.groups.keys().map(String::as_str).filter(stands)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let models = self.registry.endpoints().iter().map(|endpoint| endpoint.id());
        self.panel_names().chain(self.route_names()).chain(self.alias_names()).chain(models)
    }
}

/// The bare names that several providers list, each with all that it may mean.
fn groups_of(registry: &Registry, strategy: Strategy) -> BTreeMap<String, Arc<Group>> {
    let mut named: BTreeMap<&str, Vec<&Arc<Endpoint>>> = BTreeMap::new();
    for endpoint in registry.endpoints() {
        named.entry(bare(endpoint)).or_default().push(endpoint);
    }
    let several = named.into_iter().filter(|(_, endpoints)| endpoints.len() > 1);
    several
        .map(|(name, endpoints)| {
            let all = endpoints.into_iter().map(|endpoint| (Arc::clone(endpoint), 1.0)).collect();
            (name.to_owned(), Arc::new(Group::new(name, all, strategy)))
        })
        .collect()
}

/// A model's name without its provider's.
fn bare(endpoint: &Endpoint) -> &str {
    endpoint.id().split_once('/').map_or(endpoint.id(), |(_, model)| model)
}

/// What a rule of a route stands for, its condition and the flag in that.
fn rule_of(
    rule: &settings::Rule,
    route: &str,
    registry: &Registry,
    settings: &Settings,
    metrics: &Metrics,
) -> Result<(Group, settings::When, Option<Condition>), PlanError> {
    let mut chosen: Vec<(Arc<Endpoint>, f64)> = Vec::new();
    for choice in &rule.models {
        let meant = meant(registry, route, &choice.model)?;
        let weight = choice.weight / meant.len().max(1) as f64;
        let is_new = |endpoint: &Arc<Endpoint>| !chosen.iter().any(|(known, _)| Arc::ptr_eq(known, endpoint));
        let new: Vec<_> = meant.into_iter().filter(is_new).collect();
        chosen.extend(new.into_iter().map(|endpoint| (endpoint, weight)));
    }
    let limits = Limits {
        cost_usd: rule.cost_usd_max.as_ref().and_then(|usd| usd.as_str().parse().ok()),
        latency_s: rule.latency_ms_max.map(|ms| Duration::from_millis(ms).as_secs_f64()),
    };
    let when = rule.when.clone().unwrap_or_default();
    let flag = when.flag.as_deref().map(|text| Condition::new(text, settings, metrics));
    Ok((Group::new(route, chosen, rule.balance).with(limits, rule.hedge), when, flag))
}

/// The endpoints that a model of a route means: all that list a bare name, else the one that it leads to.
fn meant(registry: &Registry, route: &str, model: &str) -> Result<Vec<Arc<Endpoint>>, PlanError> {
    let listed = registry.endpoints().iter().filter(|endpoint| bare(endpoint) == model);
    let listed: Vec<_> = listed.filter(|_| !registry.is_listed(model)).cloned().collect();
    if listed.is_empty() { Ok(vec![endpoint(registry, "route", route, model)?]) } else { Ok(listed) }
}

fn panel_of(panel: &settings::Panel, registry: &Registry) -> Result<Panel, PlanError> {
    let seat = |member: &settings::Member| {
        let endpoint = endpoint(registry, "panel", &panel.name, &member.model)?;
        Ok::<_, PlanError>(Seat { endpoint, weight: member.weight })
    };
    let judge = panel.judge.as_ref().filter(|_| panel.resolution != Resolution::Vote);
    let judge = judge.map(|model| {
        let endpoint = endpoint(registry, "panel", &panel.name, model)?;
        let arbiter = panel.resolution == Resolution::Arbiter;
        let settler = if arbiter { Settler::Arbiter } else { Settler::Judge };
        Ok::<_, PlanError>(Judge { endpoint, settler })
    });
    Ok(Panel {
        name: panel.name.clone(),
        seats: panel.members.iter().map(seat).collect::<Result<_, _>>()?,
        agreement: panel.agreement,
        deadline: Duration::from_millis(panel.deadline_ms),
        cost_max: panel.cost_usd_max.as_ref().and_then(|usd| usd.as_str().parse().ok()),
        on_disagreement: panel.on_disagreement,
        answers: panel.answers,
        weights: panel.weights,
        first: panel.first,
        judge: judge.transpose()?,
        lasting: true,
    })
}

fn shortened(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

fn endpoint(registry: &Registry, what: &'static str, name: &str, model: &str) -> Result<Arc<Endpoint>, PlanError> {
    registry.find(model).ok_or_else(|| {
        let known = registry.endpoints().iter().map(|endpoint| endpoint.id());
        let model = shortened(model);
        let nearest = nearest(&model, known, NEAREST_MAX).into_iter().map(str::to_owned).collect();
        PlanError::UnknownModel { what, name: name.to_owned(), model, nearest }
    })
}

#[cfg(test)]
mod tests;
