//! All endpoints, made from settings and found by name.

mod checks;
mod source;

use crate::endpoint::lock;
use crate::scripted::ScriptError;
use crate::{Endpoint, Kind, Provider, Sharing};
use checks::Checks;
use fault::{Explain, Kind as FaultKind, Origin};
use measure::Metrics;
use prices::Table;
use settings::{ModelEntry, SettingsError};
pub(crate) use source::made;
use source::{Source, Terms};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Why settings make no registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nobody knows this kind of provider.
    #[error("provider `{provider}` is of the unknown kind `{kind}`")]
    UnknownKind {
        /// Whose.
        provider: String,
        /// Which.
        kind: String,
        /// Kinds with similar names.
        nearest: Vec<String>,
    },
    /// A provider has no address.
    #[error("provider `{provider}` has no `base_url`")]
    NoAddress {
        /// Whose.
        provider: String,
    },
    /// An address is not one.
    #[error("`{base_url}` of provider `{provider}` is not an address")]
    BadAddress {
        /// Whose.
        provider: String,
        /// What stands there.
        base_url: String,
    },
    /// A header cannot be sent.
    #[error("header `{header}` of provider `{provider}` cannot be sent")]
    BadHeader {
        /// Whose.
        provider: String,
        /// Its name.
        header: String,
    },
    /// A secret cannot be had.
    #[error("the key of provider `{provider}` cannot be read: {error}")]
    Secret {
        /// Whose.
        provider: String,
        /// Why not.
        error: Box<SettingsError>,
    },
    /// A provider on Amazon Web Services does not know where or as whom to ask.
    #[error("provider `{provider}` has no {what}")]
    Aws {
        /// Whose.
        provider: String,
        /// What is missing.
        what: String,
        /// What to set.
        hint: &'static str,
    },
    /// A script is wrong.
    #[error("the script of `{model}` is wrong: {error}")]
    Script {
        /// Whose.
        model: String,
        /// What is wrong.
        error: ScriptError,
    },
}

impl Explain for RegistryError {
    fn code(&self) -> &'static str {
        "invalid_provider"
    }

    fn kind(&self) -> FaultKind {
        FaultKind::BadInput
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKind { nearest, .. } if !nearest.is_empty() => {
                Some(format!("did you mean `{}`?", nearest.join("` or `")))
            }
            Self::UnknownKind { .. } => Some("use `openai` with a `base_url` for anything compatible".to_owned()),
            Self::NoAddress { .. } => Some("add `base_url = \"https://…/v1\"`".to_owned()),
            Self::BadAddress { .. } => Some("write `http://host:port/path` or `https://…`".to_owned()),
            Self::Secret { error, .. } => error.hint(),
            Self::Aws { hint, .. } => Some((*hint).to_owned()),
            Self::BadHeader { .. } | Self::Script { .. } => None,
        }
    }
}

/// What endpoints are made from beside settings.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The kinds of provider that there are.
    pub kinds: &'a [Kind],
    /// Where figures go.
    pub metrics: &'a Arc<Metrics>,
    /// What settings leave out of prices and lengths: for a provider at the usual address of its kind, or whose
    /// settings name a list.
    pub prices: &'a Arc<Table>,
    /// What is shared with other servers; without it this one counts for itself.
    pub sharing: Option<&'a Arc<dyn Sharing>>,
}

/// All endpoints.
pub struct Registry {
    sources: Vec<Arc<Source>>,
    endpoints: BTreeMap<Arc<str>, Arc<Endpoint>>,
    order: Vec<Arc<Endpoint>>,
    metrics: Arc<Metrics>,
    check_every: Duration,
    checks: Mutex<Option<Checks>>,
}

impl Registry {
    /// Makes the endpoints that `settings` describe, taking over from `before` every provider that has not
    /// changed, and of those that are the same upstream under other settings what was learnt of it. Whatever both share
    /// stays as it is until [`Registry::begin`].
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn build(
        settings: &settings::Settings,
        parts: Parts<'_>,
        before: Option<&Self>,
    ) -> Result<Self, RegistryError> {
        let metrics = parts.metrics;
        let mut registry = Self {
            sources: Vec::new(),
            endpoints: BTreeMap::new(),
            order: Vec::new(),
            metrics: Arc::clone(metrics),
            check_every: Duration::from_millis(settings.balance.health_check_ms),
            checks: Mutex::default(),
        };
        // Whoever comes while others are there already gets its share bit by bit.
        let since = before.map(|_| Instant::now().into_std());
        for provider in &settings.provider {
            let terms = Terms::new(settings, provider, parts.prices);
            let kept = before.and_then(|before| before.sources.iter().find(|source| source.stays(provider, &terms)));
            let (source, endpoints) = match kept {
                Some(source) => {
                    let of_source = |endpoint: &&Arc<Endpoint>| endpoint.provider_name == provider.name;
                    let endpoints = before.map(|before| before.order.iter().filter(of_source).cloned().collect());
                    (Arc::clone(source), endpoints.unwrap_or_default())
                }
                None => {
                    let same =
                        before.and_then(|before| Some((before, before.sources.iter().find(|it| it.is_of(&terms))?)));
                    let source = Source::new(provider, terms, parts, same.map(|(_, source)| &**source))?;
                    let made = |entry: &ModelEntry| {
                        let id = format!("{}/{}", provider.name, entry.name);
                        let known = same.and_then(|(before, it)| Some((&**it, &**before.endpoints.get(&*id)?)));
                        source.endpoint(entry, metrics.endpoint(&provider.name, &entry.name), since, known)
                    };
                    let endpoints = source.listed().iter().map(made).collect();
                    (Arc::new(source), endpoints)
                }
            };
            registry.add(source, endpoints);
        }
        Ok(registry)
    }

    /// From now on it is the one in force, in the place of `before`: its limits hold for everybody who is at its
    /// providers, and where settings want health checks they begin, on the runtime that this is called in. They end when
    /// another takes its place, or this is dropped.
    pub fn begin(&self, before: Option<&Self>) {
        if let Some(before) = before {
            *lock(&before.checks) = None;
        }
        self.sources.iter().for_each(|source| source.begin());
        *lock(&self.checks) = checks::start(&self.sources, self.check_every, &self.metrics);
    }

    fn add(&mut self, source: Arc<Source>, endpoints: Vec<Arc<Endpoint>>) {
        for endpoint in endpoints {
            // Settings that were checked name nothing twice; of any others the first counts.
            if !self.endpoints.contains_key(&endpoint.id) {
                self.endpoints.insert(Arc::clone(&endpoint.id), Arc::clone(&endpoint));
                self.order.push(endpoint);
            }
        }
        self.sources.push(source);
    }

    /// The endpoint that a name stands for:
    ///
    /// 1. `provider/model`, listed, or of a provider that lists no models and so takes any;
    /// 2. `model`, where a provider lists it: of several the first in settings;
    /// 3. `model`, where it begins like the models of a provider that takes any, such as `gpt-` for OpenAI: one at
    ///    its own address before one elsewhere;
    /// 4. `model`, where exactly one provider takes any.
    pub fn find(&self, name: &str) -> Option<Arc<Endpoint>> {
        if let Some(endpoint) = self.endpoints.get(name) {
            return Some(Arc::clone(endpoint));
        }
        if let Some((provider, model)) = name.split_once('/')
            && let Some(source) = self.sources.iter().find(|source| source.name() == provider)
        {
            return if source.open { source.adopt(model, &self.metrics, None) } else { None };
        }
        let is_bare = |endpoint: &&Arc<Endpoint>| endpoint.id.split_once('/').is_some_and(|(_, model)| model == name);
        if let Some(endpoint) = self.order.iter().find(is_bare) {
            return Some(Arc::clone(endpoint));
        }
        self.taker(name)?.adopt(name, &self.metrics, None)
    }

    /// The provider to ask for a model that nobody lists.
    fn taker(&self, model: &str) -> Option<&Arc<Source>> {
        let open = || self.sources.iter().filter(|source| source.open);
        let own = || open().filter(|source| source.preset().is_some_and(|preset| preset.is_own(model)));
        let only = || {
            let mut open = open();
            open.next().filter(|_| open.next().is_none())
        };
        own().find(|source| source.is_at_home()).or_else(|| own().next()).or_else(only)
    }

    /// Whether a name is the whole name of a listed model.
    pub fn is_listed(&self, name: &str) -> bool {
        self.endpoints.contains_key(name)
    }

    /// All providers in the order of settings: their settings with everything filled in, and what they are asked
    /// through.
    pub fn providers(&self) -> impl Iterator<Item = (&settings::Provider, &Arc<dyn Provider>)> {
        self.sources.iter().map(|source| source.parts())
    }

    /// All listed endpoints in the order of settings.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.order
    }
}

#[cfg(test)]
mod reloads;
#[cfg(test)]
mod tests;
