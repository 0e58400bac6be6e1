//! All endpoints, made from settings and found by name.

use crate::endpoint::breaker_config;
use crate::gate::Gate;
use crate::openai;
use crate::scripted::ScriptError;
use crate::{Endpoint, Kind, Preset, Price, Provider};
use fault::{Explain, Kind as FaultKind, Origin, nearest};
use guard::{Breaker, BreakerConfig, BulkheadConfig};
use measure::{EndpointMetrics, Metrics};
use secrecy::{ExposeSecret, SecretString};
use settings::{ModelEntry, SettingsError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Models of an open provider that were asked for by name and are kept, at most per provider.
const ADOPTED_MAX: usize = 256;

/// The longest name that is adopted, in bytes.
const NAME_BYTES_MAX: usize = 200;

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
            Self::BadHeader { .. } | Self::Script { .. } => None,
        }
    }
}

/// How long streams may pause and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pace {
    idle: Duration,
    stream_max: Duration,
}

/// One provider as it stands, with what it takes to adopt a model that settings do not list.
struct Source {
    settings: settings::Provider,
    /// What lay behind `settings.api_key`: a key that was changed behind the same reference is a change too.
    key: Option<SecretString>,
    breaker: BreakerConfig,
    pace: Pace,
    provider: Arc<dyn Provider>,
    gate: Arc<Gate>,
    /// Settings list no models: any name is passed on.
    open: bool,
    adopted: Mutex<BTreeMap<String, Arc<Endpoint>>>,
}

/// All endpoints.
pub struct Registry {
    sources: Vec<Arc<Source>>,
    endpoints: BTreeMap<Arc<str>, Arc<Endpoint>>,
    order: Vec<Arc<Endpoint>>,
    metrics: Arc<Metrics>,
}

impl Registry {
    /// Makes the endpoints that `settings` describe, taking over from `before` every provider that has not
    /// changed, with its connections, breakers and figures.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing has been started then.
    pub fn build(
        settings: &settings::Settings,
        kinds: &[Kind],
        metrics: &Arc<Metrics>,
        before: Option<&Self>,
    ) -> Result<Self, RegistryError> {
        let pace = Pace {
            idle: Duration::from_millis(settings.server.stream_idle_ms),
            stream_max: Duration::from_millis(settings.server.stream_max_ms),
        };
        let mut registry =
            Self { sources: Vec::new(), endpoints: BTreeMap::new(), order: Vec::new(), metrics: Arc::clone(metrics) };
        for provider in &settings.provider {
            let kept = before.and_then(|before| before.same_source(provider, &settings.guard, pace));
            let (source, endpoints) = match kept {
                Some(source) => {
                    let of_source = |endpoint: &&Arc<Endpoint>| endpoint.provider_name == provider.name;
                    let endpoints = before.map(|before| before.order.iter().filter(of_source).cloned().collect());
                    (source, endpoints.unwrap_or_default())
                }
                None => {
                    let source = Source::new(provider, &settings.guard, pace, kinds)?;
                    let label = |entry: &ModelEntry| metrics.endpoint(&provider.name, &entry.name);
                    let listed = source.listed();
                    let endpoints = listed.iter().map(|entry| source.endpoint(entry, label(entry))).collect();
                    (Arc::new(source), endpoints)
                }
            };
            registry.add(source, endpoints);
        }
        Ok(registry)
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

    fn same_source(&self, provider: &settings::Provider, guard: &settings::Guard, pace: Pace) -> Option<Arc<Source>> {
        let breaker = breaker_config(provider, guard);
        let same = |source: &&Arc<Source>| {
            source.settings == *provider && source.breaker == breaker && source.pace == pace && source.key_stays()
        };
        self.sources.iter().find(same).cloned()
    }

    /// The endpoint called `provider/model`, or called `model` where only one provider has it.
    pub fn find(&self, name: &str) -> Option<Arc<Endpoint>> {
        if let Some(endpoint) = self.endpoints.get(name) {
            return Some(Arc::clone(endpoint));
        }
        if let Some((provider, model)) = name.split_once('/')
            && let Some(source) = self.sources.iter().find(|source| source.settings.name == provider && source.open)
        {
            return source.adopt(model, &self.metrics);
        }
        let mut bare = self.order.iter().filter(|endpoint| endpoint.id.split_once('/').is_some_and(|(_, m)| m == name));
        match (bare.next(), bare.next()) {
            (Some(endpoint), None) => Some(Arc::clone(endpoint)),
            _ => None,
        }
    }

    /// All listed endpoints in the order of settings.
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.order
    }
}

impl Source {
    fn new(
        settings: &settings::Provider,
        guard: &settings::Guard,
        pace: Pace,
        kinds: &[Kind],
    ) -> Result<Self, RegistryError> {
        let native = kinds.iter().find(|kind| kind.name == settings.kind).map(|kind| kind.build);
        let preset = Preset::find(&settings.kind).map(|_| openai::KIND.build);
        let Some(build) = native.or(preset) else {
            let presets = crate::PRESETS.iter().map(|preset| preset.kind);
            let known: BTreeSet<&str> = kinds.iter().map(|kind| kind.name).chain(presets).collect();
            let nearest = nearest(&settings.kind, known, 2).into_iter().map(str::to_owned).collect();
            let (provider, kind) = (settings.name.clone(), settings.kind.clone());
            return Err(RegistryError::UnknownKind { provider, kind, nearest });
        };
        let most = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        let gate = Gate::new(BulkheadConfig {
            in_flight_max: most(settings.in_flight_max),
            queue_max: most(settings.queue_max),
        });
        Ok(Self {
            provider: build(settings)?,
            gate,
            key: key(settings),
            breaker: breaker_config(settings, guard),
            pace,
            open: settings.models.is_empty(),
            settings: settings.clone(),
            adopted: Mutex::default(),
        })
    }

    fn key_stays(&self) -> bool {
        let now = key(&self.settings);
        now.as_ref().map(ExposeSecret::expose_secret) == self.key.as_ref().map(ExposeSecret::expose_secret)
    }

    /// The preset at its own address: another address is another house, with other models.
    fn preset(&self) -> Option<&'static Preset> {
        Preset::find(&self.settings.kind).filter(|_| self.settings.base_url.is_none())
    }

    /// The models to show: those of settings, else those of the preset.
    fn listed(&self) -> Vec<ModelEntry> {
        if !self.open {
            return self.settings.models.clone();
        }
        let preset = self.preset().map(|preset| preset.models).unwrap_or_default();
        preset.iter().map(|name| ModelEntry { name: (*name).to_owned(), ..ModelEntry::default() }).collect()
    }

    fn endpoint(&self, entry: &ModelEntry, metrics: EndpointMetrics) -> Arc<Endpoint> {
        let settings = &self.settings;
        let preset_family = self.preset().and_then(|preset| preset.family).map(str::to_owned);
        let family = entry.family.clone().or_else(|| settings.family.clone()).or(preset_family);
        Arc::new(Endpoint {
            id: format!("{}/{}", settings.name, entry.name).into(),
            provider_name: settings.name.clone(),
            upstream_name: entry.upstream_name.clone().unwrap_or_else(|| entry.name.clone()),
            family: family.unwrap_or_else(|| family_of(&entry.name)),
            price: entry.price.as_ref().and_then(Price::from_settings),
            output_tokens_max: entry.output_tokens_max,
            timeout: Duration::from_millis(settings.timeout_ms),
            idle: self.pace.idle,
            stream_max: self.pace.stream_max,
            provider: Arc::clone(&self.provider),
            gate: Arc::clone(&self.gate),
            breaker: Mutex::new(Breaker::new(self.breaker)),
            metrics,
            usual: Mutex::default(),
        })
    }

    /// A model that settings do not list, of a provider that takes any. Bounded: names come from requests.
    fn adopt(&self, model: &str, metrics: &Metrics) -> Option<Arc<Endpoint>> {
        let mut adopted = self.adopted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = adopted.get(model) {
            return Some(Arc::clone(endpoint));
        }
        if model.is_empty() || model.len() > NAME_BYTES_MAX {
            return None;
        }
        if adopted.len() >= ADOPTED_MAX {
            // Names that were made up would else keep out the real ones for ever.
            adopted.retain(|_, known| Arc::strong_count(known) > 1 || known.usual_latency_ms().is_some());
        }
        if adopted.len() >= ADOPTED_MAX {
            return None;
        }
        let entry = ModelEntry { name: model.to_owned(), ..ModelEntry::default() };
        // One shared label, because a label of a metric may not come from a request.
        let endpoint = self.endpoint(&entry, metrics.endpoint(&self.settings.name, "other"));
        adopted.insert(model.to_owned(), Arc::clone(&endpoint));
        Some(endpoint)
    }
}

/// What lies behind a provider's key now, if it can be read.
fn key(provider: &settings::Provider) -> Option<SecretString> {
    provider.api_key.as_ref()?.resolve().ok()
}

/// The family a model's name suggests: the letters it begins with, behind any organisation.
fn family_of(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let letters: String = last.chars().take_while(|c| c.is_alphabetic()).collect();
    if letters.is_empty() { last.to_owned() } else { letters.to_lowercase() }
}

#[cfg(test)]
mod tests;
