//! Settings turned into things that can be asked: models, routes, panels.

use crate::flags::{Condition, Looks};
use caller::Identity;
use fault::{Explain, Kind as FaultKind, Origin, nearest};
use measure::Metrics;
use models::{Endpoint, Registry, RegistryError};
use rust_decimal::Decimal;
use settings::{OnDisagreement, Settings, When};
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wire::openai::ChatRequest;

/// The panel that is asked when nothing else is named.
const DEFAULT_PANEL: &str = "quorum";
/// Names offered when one is not known, at most.
const NEAREST_MAX: usize = 3;
/// Characters shown of a name that is not known.
const NAME_CHARS_MAX: usize = 200;

/// Why settings cannot be turned into something to ask.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A provider is wrong.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A panel or route names a model that nobody offers.
    #[error("{what} `{name}` names the model `{model}`, which no provider offers")]
    UnknownModel {
        /// `panel`, `route` or `alias`.
        what: &'static str,
        /// Which.
        name: String,
        /// The model.
        model: String,
        /// Models with similar names.
        nearest: Vec<String>,
    },
}

impl Explain for PlanError {
    fn code(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.code(),
            Self::UnknownModel { .. } => "unknown_model",
        }
    }

    fn kind(&self) -> FaultKind {
        FaultKind::BadInput
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::UnknownModel { nearest, .. } if nearest.is_empty() => {
                Some("write `provider/model` as in `[[provider]]`".to_owned())
            }
            Self::UnknownModel { nearest, .. } => Some(format!("did you mean `{}`?", nearest.join("` or `"))),
        }
    }
}

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
}

/// A name that stands for models tried in order.
pub(crate) struct Route {
    pub(crate) name: String,
    rules: Vec<Rule>,
}

/// Models for the requests that a condition describes.
struct Rule {
    models: Vec<Arc<Endpoint>>,
    when: Option<When>,
    /// The flag in `when`.
    flag: Option<Condition>,
}

impl Route {
    /// The models that vectors are asked of: those of the first rule that is not about chats, as far as they are the
    /// same model as its first.
    pub(crate) fn embedders(&self, who: &Identity) -> Option<Vec<Arc<Endpoint>>> {
        let mut looks = Looks::of(&who.subject);
        let about_chats = |when: &When| {
            when.stream == Some(true)
                || when.tools == Some(true)
                || when.prompt_chars_min.is_some_and(|least| least > 0)
        };
        let fitting = self.rules.iter().find(|rule| {
            !rule.when.as_ref().is_some_and(about_chats) && rule.flag.as_ref().is_none_or(|flag| looks.hold(flag))
        });
        let models = &fitting?.models;
        let first = models.first()?.upstream_name();
        Some(models.iter().filter(|endpoint| endpoint.upstream_name() == first).cloned().collect())
    }

    /// The models of the first rule that fits. A flag is looked at where all else fits: only those whose answer hangs
    /// on it are exposed to it.
    pub(crate) fn candidates(&self, request: &ChatRequest, who: &Identity) -> Option<&[Arc<Endpoint>]> {
        let chars = LazyCell::new(|| request.prompt_chars());
        let mut looks = Looks::of(&who.subject);
        let fitting = self.rules.iter().find(|rule| {
            rule.when.as_ref().is_none_or(|when| fits(when, request, &chars))
                && rule.flag.as_ref().is_none_or(|flag| looks.hold(flag))
        });
        fitting.map(|rule| rule.models.as_slice())
    }
}

/// `chars` are counted only where a rule asks for them: a long request is not parsed for nothing.
fn fits<F: FnOnce() -> u64>(when: &When, request: &ChatRequest, chars: &LazyCell<u64, F>) -> bool {
    let equal = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
    equal(when.stream, request.stream())
        && equal(when.tools, request.has_tools())
        && when.prompt_chars_min.is_none_or(|least| **chars >= least)
        && when.prompt_chars_max.is_none_or(|most| **chars <= most)
}

/// What a name stands for.
#[derive(Clone)]
pub(crate) enum Target {
    Model(Arc<Endpoint>),
    Route(Arc<Route>),
    Panel(Arc<Panel>),
}

/// Everything that can be asked, made from one version of the settings.
pub(crate) struct Plan {
    pub(crate) registry: Registry,
    panels: BTreeMap<String, Arc<Panel>>,
    routes: BTreeMap<String, Arc<Route>>,
    aliases: Aliases,
}

/// Other names for what can be asked.
#[derive(Default)]
struct Aliases {
    whole: BTreeMap<String, String>,
    /// Beginnings of names, the longest first.
    beginnings: Vec<(String, String)>,
}

impl Aliases {
    fn new(alias: &BTreeMap<String, String>) -> Self {
        let mut aliases = Self::default();
        for (name, target) in alias {
            match name.strip_suffix('*') {
                Some(beginning) => aliases.beginnings.push((beginning.to_owned(), target.clone())),
                None => _ = aliases.whole.insert(name.clone(), target.clone()),
            }
        }
        aliases.beginnings.sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
        aliases
    }

    fn target(&self, name: &str) -> Option<&str> {
        let fits = || self.beginnings.iter().find(|(beginning, _)| name.starts_with(beginning.as_str()));
        self.whole.get(name).or_else(|| fits().map(|(_, target)| target)).map(String::as_str)
    }
}

impl Plan {
    pub(crate) fn build(settings: &Settings, registry: Registry, metrics: &Metrics) -> Result<Self, PlanError> {
        let mut panels = BTreeMap::new();
        for panel in &settings.panel {
            panels.insert(panel.name.clone(), Arc::new(panel_of(panel, &registry)?));
        }
        let mut routes = BTreeMap::new();
        for route in &settings.route {
            let mut rules = Vec::new();
            for rule in &route.rules {
                let models = rule.models.iter().map(|model| endpoint(&registry, "route", &route.name, &model.model));
                let models = models.collect::<Result<_, _>>()?;
                let flag = rule.when.as_ref().and_then(|when| when.flag.as_deref());
                let flag = flag.map(|text| Condition::new(text, settings, metrics));
                rules.push(Rule { models, when: rule.when.clone(), flag });
            }
            routes.insert(route.name.clone(), Arc::new(Route { name: route.name.clone(), rules }));
        }
        let plan = Self { registry, panels, routes, aliases: Aliases::new(&settings.alias) };
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
        self.registry.find(name).map(Target::Model)
    }

    /// A panel made for one request.
    pub(crate) fn ad_hoc(&self, name: &str, models: &[String], agreement: f64) -> Result<Arc<Panel>, PlanError> {
        // Whoever asks may name a model as everywhere else, by an alias too.
        let meant = |model: &String| match self.find(model) {
            Some(Target::Model(endpoint)) => endpoint.id().to_owned(),
            _ => model.clone(),
        };
        let members = models.iter().map(|model| settings::Member { model: meant(model), weight: 1.0 }).collect();
        let panel = settings::Panel { name: name.to_owned(), members, agreement, ..settings::Panel::default() };
        panel_of(&panel, &self.registry).map(Arc::new)
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

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let models = self.registry.endpoints().iter().map(|endpoint| endpoint.id());
        self.panel_names().chain(self.route_names()).chain(self.alias_names()).chain(models)
    }
}

fn panel_of(panel: &settings::Panel, registry: &Registry) -> Result<Panel, PlanError> {
    let seat = |member: &settings::Member| {
        let endpoint = endpoint(registry, "panel", &panel.name, &member.model)?;
        Ok::<_, PlanError>(Seat { endpoint, weight: member.weight })
    };
    Ok(Panel {
        name: panel.name.clone(),
        seats: panel.members.iter().map(seat).collect::<Result<_, _>>()?,
        agreement: panel.agreement,
        deadline: Duration::from_millis(panel.deadline_ms),
        cost_max: panel.cost_usd_max.as_ref().and_then(|usd| usd.as_str().parse().ok()),
        on_disagreement: panel.on_disagreement,
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
