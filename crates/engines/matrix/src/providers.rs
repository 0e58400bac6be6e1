//! Providers as they stand, for whoever looks after them: what they offer, how they are doing, whether they are there.

use futures_util::future::join_all;
use models::{Finding, Health, Price, Probe, Registry, look};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a look at a provider is good for: whoever asks more often is told the same.
const FRESH: Duration = Duration::from_secs(30);

/// A provider as it stands.
#[derive(Debug, Clone)]
pub struct ProviderState {
    /// Its settings with everything filled in.
    pub settings: settings::Provider,
    /// Whether its answers are made up by a script.
    pub simulated: bool,
    /// What a look at it showed; `None` where nobody has looked.
    pub looked: Option<Looked>,
    /// Its listed models.
    pub models: Vec<ModelState>,
}

/// A model as it stands.
#[derive(Debug, Clone)]
pub struct ModelState {
    /// `provider/model`.
    pub id: String,
    /// What the provider calls it.
    pub upstream_name: String,
    /// Who trained it, as far as that is known.
    pub family: String,
    /// What it costs, if known.
    pub price: Option<Price>,
    /// How it is doing.
    pub health: Health,
}

/// What a look at a provider showed.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Where; `None` for a script.
    pub address: Option<String>,
    /// Whether it answers at all; `None` for a script.
    pub reachable: Option<bool>,
    /// Whether it accepts our key; `None` where that cannot be told.
    pub authorised: Option<bool>,
    /// What there is to say about it.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
    /// How long ago that was.
    pub age: Duration,
}

/// The last looks, by provider.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<BTreeMap<String, (Instant, Arc<Looked>)>>);

impl Looks {
    fn fresh(&self, name: &str) -> Option<Looked> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, looked) = looks.get(name)?;
        let age = at.elapsed();
        (age < FRESH).then(|| Looked { age, ..(**looked).clone() })
    }

    fn keep(&self, name: &str, looked: &Looked) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|_, (at, _)| at.elapsed() < FRESH);
        looks.insert(name.to_owned(), (Instant::now(), Arc::new(looked.clone())));
    }
}

/// All providers in the order of settings; those without a fresh look are looked at, all at once, where `look` says so.
pub(crate) async fn states(registry: &Registry, looks: &Looks, looking: bool) -> Vec<ProviderState> {
    let states = registry.providers().map(|(settings, provider)| async move {
        let looked = match looks.fresh(&settings.name) {
            None if looking => {
                let timeout = Duration::from_millis(settings.timeout_ms.unwrap_or(u64::MAX));
                let looked = Looked::of(look(provider.as_ref(), timeout).await);
                looks.keep(&settings.name, &looked);
                Some(looked)
            }
            looked => looked,
        };
        let of_provider = registry.endpoints().iter().filter(|endpoint| endpoint.provider() == settings.name);
        let models = of_provider.map(|endpoint| ModelState {
            id: endpoint.id().to_owned(),
            upstream_name: endpoint.upstream_name().to_owned(),
            family: endpoint.family().to_owned(),
            price: endpoint.price(),
            health: endpoint.health(),
        });
        let (models, simulated) = (models.collect(), provider.simulated());
        ProviderState { settings: settings.clone(), simulated, looked, models }
    });
    join_all(states).await
}

impl Looked {
    fn of(probe: Probe) -> Self {
        let Probe { address, finding, took, .. } = probe;
        let (reachable, authorised, detail) = match finding {
            Finding::Simulated => (None, None, "a script: there is nothing to reach".to_owned()),
            Finding::Listed(models) => (Some(true), Some(true), listed(models.len())),
            Finding::NoList { status } => {
                (Some(true), None, format!("has no list of models ({status}), so the key is not proven"))
            }
            Finding::NotAList => (Some(true), None, "answers, but not with a list of models".to_owned()),
            Finding::KeyRefused { status } => (Some(true), Some(false), format!("refuses the key with {status}")),
            Finding::Answered { status } => (Some(true), None, format!("answers with {status}")),
            Finding::Unreachable(error) => (Some(false), None, error.to_string()),
            Finding::TimedOut { within } => {
                (Some(false), None, format!("did not answer within {}", fault::shown_ms(within)))
            }
            Finding::Unusable(error) => (Some(false), None, error.to_string()),
        };
        Self { address, reachable, authorised, detail, took, age: Duration::ZERO }
    }
}

fn listed(models: usize) -> String {
    if models == 1 { "lists 1 model".to_owned() } else { format!("lists {models} models") }
}

#[cfg(test)]
mod tests;
