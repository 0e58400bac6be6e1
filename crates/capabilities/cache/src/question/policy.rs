//! What settings add to a key: answers are kept apart once something changes that shapes them.

use crate::{Key, KeyMaker};
use serde::Serialize;
use serde_json::Value;
use settings::{Cacheable, Settings};
use std::collections::HashMap;
use std::time::Duration;

/// Keys of a provider that shape no answer: what it costs, how fast and how often it may be asked, as whom.
const PROVIDER_WITHOUT: [&str; 17] = [
    "api_key",
    "in_flight_max",
    "concurrency",
    "rpm",
    "tpm",
    "queue_max",
    "timeout_ms",
    "connect_ms",
    "pool_max",
    "reply_bytes_max",
    "event_bytes_max",
    "prices",
    "breaker_failures",
    "breaker_open_ms",
    "price",
    "context_tokens",
    "prompt_bytes_max",
];

/// What one version of the settings says about answers that are kept.
pub struct Policy {
    requests: Cacheable,
    providers: HashMap<String, Key>,
    /// By the names of panels and routes.
    named: HashMap<String, Named>,
    critical_tenants: Vec<String>,
}

/// What settings say of a panel or a route.
struct Named {
    version: Key,
    requests: Option<Cacheable>,
    ttl: Option<Duration>,
}

impl Policy {
    /// What these settings say.
    pub fn new(settings: &Settings) -> Self {
        let providers = settings.provider.iter().map(|provider| {
            let mut value = serde_json::to_value(provider).unwrap_or_default();
            strip(&mut value);
            (provider.name.clone(), version(&value))
        });
        let mut named = HashMap::new();
        for panel in &settings.panel {
            named.insert(panel.name.clone(), Named { version: version(panel), requests: None, ttl: None });
        }
        for route in &settings.route {
            // How long an answer lives is no part of what it is.
            let rules = (version(&route.rules), route.cache_ttl_s.map(Duration::from_secs));
            let of_route = Named { version: rules.0, requests: route.cache, ttl: rules.1 };
            named.insert(route.name.clone(), of_route);
        }
        Self {
            requests: settings.cache.requests,
            providers: providers.collect(),
            named,
            critical_tenants: settings.guard.critical_tenants.clone(),
        }
    }

    /// Whether a tenant's requests may call themselves critical.
    pub fn is_critical(&self, tenant: &str) -> bool {
        self.critical_tenants.iter().any(|critical| critical == tenant)
    }

    /// Which requests to this name may be answered with what is kept.
    pub(super) fn requests(&self, name: &str) -> Cacheable {
        self.named.get(name).and_then(|named| named.requests).unwrap_or(self.requests)
    }

    /// How long its answers live, where it says so for itself.
    pub(super) fn ttl(&self, name: &str) -> Option<Duration> {
        self.named.get(name).and_then(|named| named.ttl)
    }

    /// The version of a panel or a route.
    pub(super) fn version(&self, name: &str) -> &[u8] {
        self.named.get(name).map_or(&[], |named| named.version.bytes())
    }

    /// The version of whatever shapes the vectors that are asked for under this name.
    pub fn version_of_vectors(&self, name: &str) -> Key {
        let maker = KeyMaker::default().with(name.as_bytes()).with(self.version(name));
        if let Some((provider, _)) = name.split_once('/') {
            return maker.with(self.provider(provider)).key();
        }
        // Whoever answers for a route: any of them may have changed.
        let mut providers: Vec<_> = self.providers.iter().collect();
        providers.sort_unstable_by_key(|(name, _)| *name);
        providers.into_iter().fold(maker, |maker, (_, version)| maker.with(version.bytes())).key()
    }

    /// The version of a provider.
    pub(super) fn provider(&self, name: &str) -> &[u8] {
        self.providers.get(name).map_or(&[], Key::bytes)
    }
}

/// Removes what shapes no answer, from models too.
fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !PROVIDER_WITHOUT.contains(&name.as_str()));
            members.values_mut().for_each(strip);
            // A model of which nothing else is left to say is written as its name.
            if members.len() == 1
                && let Some(name) = members.get_mut("name").map(Value::take)
            {
                *value = name;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn version(settings: &impl Serialize) -> Key {
    KeyMaker::default().with(&serde_json::to_vec(settings).unwrap_or_default()).key()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(keys: &str) -> Vec<u8> {
        let text = format!("[[provider]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:1\"\n{keys}\n");
        Policy::new(&toml::from_str(&text).unwrap()).provider("a").to_vec()
    }

    #[test]
    fn only_what_shapes_an_answer_makes_another_version() {
        let usual = provider("models = [\"m\"]");
        let limits = "models = [{ name = \"m\", rpm = 5, price = { input = 1, output = 1 } }]\ntimeout_ms = 100";
        assert_eq!(usual, provider(&format!("{limits}\napi_key = \"env:KEY\"")));
        assert_ne!(usual, provider("models = [{ name = \"m\", upstream_name = \"n\" }]"));
        assert_ne!(usual, provider("models = [\"m\"]\nkind = \"ollama\""));
        assert_ne!(usual, provider("models = [\"m\"]\nheaders = { x = \"y\" }"));
    }
}
