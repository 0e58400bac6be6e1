//! One provider as it stands, and the models that are adopted when somebody asks for them by name.

use super::Parts;
use super::RegistryError;
use crate::common::{self, Checked, Common, Sheds};
use crate::endpoint::{breaker_config, lock};
use crate::limits::Limits;
use crate::{Endpoint, Kind, Preset, Provider};
use fault::nearest;
use guard::{Adaptive, Aimd, Breaker, BreakerConfig, BulkheadConfig, Gradient};
use measure::{EndpointMetrics, Metrics};
use presets::{completed, resolved};
use prices::{Entry, Price, Table};
use secrecy::{ExposeSecret, SecretString};
use settings::{Concurrency, Guard, ModelEntry, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use turnstile::{Course, Gate, Pace};

/// Models of an open provider that were asked for by name and are kept, at most per provider.
pub(super) const ADOPTED_MAX: usize = 256;

/// The longest name that is adopted, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 200;

/// What holds for a provider beyond its own settings. When it changes, the provider is made anew.
pub(super) struct Terms {
    /// Its settings with everything filled in.
    resolved: settings::Provider,
    breaker: BreakerConfig,
    bulkhead: BulkheadConfig,
    common: common::Terms,
    /// How long streams may pause and last.
    idle: Duration,
    stream_max: Duration,
    /// What is known of models beside settings.
    prices: Arc<Table>,
}

impl PartialEq for Terms {
    fn eq(&self, other: &Self) -> bool {
        let own = (&self.resolved, self.breaker, self.bulkhead, self.common, self.idle, self.stream_max);
        own == (&other.resolved, other.breaker, other.bulkhead, other.common, other.idle, other.stream_max)
            && Arc::ptr_eq(&self.prices, &other.prices)
    }
}

impl Terms {
    pub(super) fn new(settings: &Settings, provider: &settings::Provider, prices: &Arc<Table>) -> Self {
        let (resolved, guard) = (resolved(provider, &settings.guard), &settings.guard);
        let most = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        let bulkhead = BulkheadConfig {
            in_flight_max: resolved.in_flight_max.map_or(u32::MAX, most),
            queue_max: most(provider.queue_max),
            tenant_share: guard.tenant_share,
            shed_low: guard.shed_low,
            shed_normal: guard.shed_normal,
        };
        Self {
            resolved,
            bulkhead,
            common: common::Terms::new(settings),
            breaker: breaker_config(provider, &settings.guard),
            idle: Duration::from_millis(settings.server.stream_idle_ms),
            stream_max: Duration::from_millis(settings.server.stream_max_ms),
            prices: Arc::clone(prices),
        }
    }
}

/// One provider as it stands, with what it takes to adopt a model that settings do not list.
pub(super) struct Source {
    settings: settings::Provider,
    /// What lay behind `settings.api_key`: a key that was changed behind the same reference is a change too.
    key: Option<SecretString>,
    terms: Terms,
    provider: Arc<dyn Provider>,
    common: Arc<Common>,
    /// Settings list no models: any name is passed on.
    pub(super) open: bool,
    adopted: Mutex<BTreeMap<String, Arc<Endpoint>>>,
}

/// A model from before its settings changed, with its provider.
pub(super) type Before<'a> = (&'a Source, &'a Endpoint);

impl Source {
    /// A provider; of `before`, which is the same upstream under other settings, everything stays that those have not
    /// changed, and above all what was learnt of it.
    pub(super) fn new(
        settings: &settings::Provider,
        terms: Terms,
        parts: Parts<'_>,
        before: Option<&Self>,
    ) -> Result<Self, RegistryError> {
        let Parts { kinds, metrics, sharing, .. } = parts;
        let (build, key, common) = (kind(settings, kinds)?.build, key(settings), before.map(|before| &before.common));
        let alike = before.filter(|it| it.terms.resolved == terms.resolved && same_key(&it.key, &key));
        let provider = match alike {
            Some(before) => Arc::clone(&before.provider),
            None => build(&terms.resolved, Some(metrics.upstream(&settings.name)))?,
        };
        let known_pace = common.and_then(|it| it.pace.as_ref());
        let common = Arc::new(Common {
            gate: common.map_or_else(|| gate(&terms, metrics), |it| Arc::clone(&it.gate)),
            pace: Pace::after(known_pace, &settings.name, settings.rpm, settings.tpm, sharing),
            sharing: sharing.cloned(),
            checked: common.map_or_else(Arc::default, |it| Arc::clone(&it.checked)),
            sheds: Sheds::new(metrics),
            terms: terms.common,
            made: common.map_or_else(tokio::time::Instant::now, |it| it.made),
        });
        let (open, settings, adopted) = (settings.models.is_empty(), settings.clone(), Mutex::default());
        let made = Self { settings, key, terms, provider, common, open, adopted };
        if let Some(before) = before.filter(|before| open && before.open) {
            for (model, known) in &*lock(&before.adopted) {
                made.adopt(model, metrics, Some((before, known)));
            }
        }
        Ok(made)
    }

    /// From now on these settings hold for everybody who is at this upstream.
    pub(super) fn begin(&self) {
        let Terms { resolved, bulkhead, .. } = &self.terms;
        self.common.gate.set_rules(*bulkhead, adaptive(resolved, bulkhead.in_flight_max));
    }

    /// Whether these settings mean the same upstream, so that what was learnt of it holds on.
    pub(super) fn is_of(&self, terms: &Terms) -> bool {
        let upstream = |it: &settings::Provider| {
            (it.name.clone(), it.kind.clone(), it.base_url.clone(), it.aws.as_ref().and_then(|aws| aws.region.clone()))
        };
        upstream(&self.terms.resolved) == upstream(&terms.resolved)
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its settings with everything filled in, and what it is asked through.
    pub(super) fn parts(&self) -> (&settings::Provider, &Arc<dyn Provider>) {
        (&self.terms.resolved, &self.provider)
    }

    /// Whether it can stay as it is under these settings and terms.
    pub(super) fn stays(&self, settings: &settings::Provider, terms: &Terms) -> bool {
        self.settings == *settings && self.terms == *terms && same_key(&self.key, &key(settings))
    }

    /// What its health checks have found.
    pub(super) fn checked(&self) -> &Checked {
        &self.common.checked
    }

    pub(super) fn preset(&self) -> Option<&'static Preset> {
        Preset::find(&self.settings.kind)
    }

    /// Whether it is asked at the usual address of its kind.
    pub(super) fn is_at_home(&self) -> bool {
        self.preset().is_some_and(|preset| preset.is_at_home(self.settings.base_url.as_deref()))
    }

    /// The models to show: those of settings, else those of the preset.
    pub(super) fn listed(&self) -> Vec<ModelEntry> {
        if !self.open {
            return self.settings.models.clone();
        }
        let preset = self.preset().filter(|_| self.is_at_home());
        let names = preset.map(|preset| preset.models).unwrap_or_default();
        names.iter().map(|name| ModelEntry { name: (*name).to_owned(), ..ModelEntry::default() }).collect()
    }

    /// One model; `since` is when it came, where others were there before it. What was learnt of it in `before`, which is
    /// the same upstream, holds on.
    pub(super) fn endpoint(
        &self,
        entry: &ModelEntry,
        metrics: EndpointMetrics,
        since: Option<Instant>,
        before: Option<Before<'_>>,
    ) -> Arc<Endpoint> {
        let settings = &self.settings;
        let entry = &completed(&settings.kind, entry);
        let preset = self.preset().filter(|_| self.is_at_home());
        let preset_family = preset.and_then(|preset| preset.family).map(str::to_owned);
        let known = self.known(entry.upstream_name.as_deref().unwrap_or(&entry.name));
        let family = entry.family.clone().or_else(|| settings.family.clone()).or(preset_family);
        let id = format!("{}/{}", settings.name, entry.name);
        let upstream_name = entry.upstream_name.clone().unwrap_or_else(|| entry.name.clone());
        let before = before.filter(|(_, known)| known.upstream_name == upstream_name);
        let known_pace = before.and_then(|(_, known)| known.limits.pace.as_ref());
        let pace = Pace::after(known_pace, &id, entry.rpm, entry.tpm, self.common.sharing.as_ref());
        let (breaker, decay) = (self.terms.breaker, self.common.terms.decay);
        // What shut an old key out says nothing about a new one.
        let unbarred = before.filter(|(source, _)| same_key(&source.key, &self.key));
        let guarded = unbarred.filter(|(source, _)| source.terms.breaker == breaker);
        let measured = before.filter(|(source, _)| source.common.terms.decay == decay);
        let endpoint = Arc::new(Endpoint {
            id: id.into(),
            provider_name: settings.name.clone(),
            upstream_name,
            family: family.unwrap_or_else(|| family_of(&entry.name)),
            price: match &entry.price {
                Some(price) => Price::from_settings(price),
                None => known.and_then(|known| known.price),
            },
            output_tokens_max: entry.output_tokens_max.or_else(|| known?.output_tokens_max),
            timeout: Duration::from_millis(self.terms.resolved.timeout_ms.unwrap_or(u64::from(u32::MAX))),
            idle: self.terms.idle,
            stream_max: self.terms.stream_max,
            provider: Arc::clone(&self.provider),
            common: Arc::clone(&self.common),
            parked: kept(unbarred, |it| &it.parked).unwrap_or_default(),
            in_flight: kept(before, |it| &it.in_flight).unwrap_or_default(),
            breaker: kept(guarded, |it| &it.breaker).unwrap_or_else(|| Arc::new(Mutex::new(Breaker::new(breaker)))),
            metrics,
            usual: kept(before, |it| &it.usual).unwrap_or_default(),
            limits: Limits::new(entry, entry.context_tokens.or_else(|| known?.context_tokens), pace),
            course: kept(measured, |it| &it.course).unwrap_or_else(|| Arc::new(Mutex::new(Course::new(decay, since)))),
        });
        endpoint.show_breaker();
        endpoint
    }

    /// What the price list tells of a model: the one that settings name, else that of the kind at its own address.
    fn known(&self, model: &str) -> Option<&Entry> {
        let own = || self.preset().filter(|_| self.is_at_home()).and_then(|preset| preset.prices);
        self.terms.prices.find(self.settings.prices.as_deref().or_else(own)?, model)
    }

    /// A model that settings do not list, of a provider that takes any. Bounded: names come from requests.
    /// What was learnt of it in `before` holds on.
    pub(super) fn adopt(&self, model: &str, metrics: &Metrics, before: Option<Before<'_>>) -> Option<Arc<Endpoint>> {
        let mut adopted = lock(&self.adopted);
        if let Some(endpoint) = adopted.get(model) {
            return Some(Arc::clone(endpoint));
        }
        if model.is_empty() || model.starts_with('/') || model.ends_with('/') || model.len() > NAME_BYTES_MAX {
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
        let endpoint = self.endpoint(&entry, metrics.endpoint(&self.settings.name, "other"), None, before);
        adopted.insert(model.to_owned(), Arc::clone(&endpoint));
        Some(endpoint)
    }
}

/// What a model goes on with, where it has something.
fn kept<T>(before: Option<Before<'_>>, of: impl Fn(&Endpoint) -> &Arc<T>) -> Option<Arc<T>> {
    before.map(|(_, known)| Arc::clone(of(known)))
}

fn gate(terms: &Terms, metrics: &Metrics) -> Arc<Gate> {
    let shown = metrics.adaptive_limit(&terms.resolved.name);
    Gate::new(terms.bulkhead, adaptive(&terms.resolved, terms.bulkhead.in_flight_max), shown)
}

/// How the number of requests at once is found.
fn adaptive(provider: &settings::Provider, most: u32) -> Adaptive {
    match provider.concurrency {
        Concurrency::Fixed => Adaptive::Fixed(most),
        Concurrency::Aimd => Adaptive::Aimd(Aimd::new(most)),
        Concurrency::Gradient => Adaptive::Gradient(Gradient::new(most)),
        Concurrency::Auto if Preset::of(&provider.kind).protocol == "ollama" => Adaptive::Gradient(Gradient::new(most)),
        Concurrency::Auto => Adaptive::Aimd(Aimd::new(most)),
    }
}

/// A provider alone, without anything that guards it, for whoever looks at it once.
///
/// # Errors
/// [`RegistryError`].
pub(crate) fn made(settings: &settings::Provider, kinds: &[Kind]) -> Result<Arc<dyn Provider>, RegistryError> {
    (kind(settings, kinds)?.build)(&resolved(settings, &Guard::default()), None)
}

/// The kind that speaks a provider's protocol: its own, or the one that its row names.
fn kind(settings: &settings::Provider, kinds: &[Kind]) -> Result<Kind, RegistryError> {
    let of = |name: &str| kinds.iter().find(|kind| kind.name == name).copied();
    // What stands on OpenAI's protocol needs nobody's list.
    let preset = |preset: &Preset| of(preset.protocol).or((preset.protocol == "openai").then_some(crate::openai::KIND));
    of(&settings.kind).or_else(|| Preset::find(&settings.kind).and_then(preset)).ok_or_else(|| {
        let presets = crate::PRESETS.iter().map(|preset| preset.kind);
        let known: BTreeSet<&str> = kinds.iter().map(|kind| kind.name).chain(presets).collect();
        let nearest = nearest(&settings.kind, known, 2).into_iter().map(str::to_owned).collect();
        let (provider, kind) = (settings.name.clone(), settings.kind.clone());
        RegistryError::UnknownKind { provider, kind, nearest }
    })
}

/// What lies behind a provider's secrets now, if they can be read.
fn key(provider: &settings::Provider) -> Option<SecretString> {
    let of_aws = provider.aws.iter().flat_map(|aws| [&aws.access_key_id, &aws.secret_access_key, &aws.session_token]);
    let mut text = String::new();
    for secret in std::iter::once(&provider.api_key).chain(of_aws).flatten() {
        text.push_str(secret.resolve().ok()?.expose_secret());
        // No secret can run into the next.
        text.push('\n');
    }
    (!text.is_empty()).then(|| text.into())
}

fn same_key(one: &Option<SecretString>, other: &Option<SecretString>) -> bool {
    let text = |key: &Option<SecretString>| key.as_ref().map(ExposeSecret::expose_secret).map(str::to_owned);
    text(one) == text(other)
}

/// The family a model's name suggests: the letters it begins with, behind any organisation.
pub(super) fn family_of(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let letters: String = last.chars().take_while(|c| c.is_alphabetic()).collect();
    if letters.is_empty() { last.to_owned() } else { letters.to_lowercase() }
}
