//! What this server shares with others through Redis: the links that settings name, and the engine's view of them.

use crate::exit::{CONFIGURATION, Failure};
use measure::Metrics;
use redis_link::{Config, Link, Parked, Rates, Take};
use secrecy::ExposeSecret;
use settings::{RedisUrl, Settings};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The Redis that settings name, and what of it is shared; nothing where they name none.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Where rates are shared and endpoints that asked to be left alone, if they are.
    replicas: Option<Link>,
    /// Where answers are kept, if they are.
    cache: Option<Link>,
    expected: u32,
    slice: f64,
}

impl Links {
    /// Opens them, within a runtime. A Redis that cannot be reached stops nobody.
    pub(crate) fn open(settings: &Settings, metrics: &Metrics) -> Result<Self, Failure> {
        let cache = settings.cache.redis_url.as_ref().map(|url| link("cache", url, settings, metrics)).transpose()?;
        let own = settings.replicas.redis_url.as_ref().filter(|url| Some(*url) != settings.cache.redis_url.as_ref());
        let replicas = match own.filter(|_| settings.replicas.share) {
            Some(url) => Some(link("replicas", url, settings, metrics)?),
            None => cache.clone().filter(|_| settings.replicas.share),
        };
        let (expected, slice) = (settings.replicas.expected, settings.replicas.slice);
        Ok(Self { replicas, cache, expected, slice })
    }

    /// Where answers are kept for all servers.
    pub(crate) fn cache(&self) -> Option<Link> {
        self.cache.clone()
    }

    /// The rates that all servers share.
    pub(crate) fn rates(&self) -> Option<Rates> {
        let link = self.replicas.clone()?;
        Some(Rates::new(link, self.expected, self.slice))
    }

    /// What endpoints of all servers share.
    pub(crate) fn sharing(&self) -> Option<Arc<dyn models::Sharing>> {
        let link = self.replicas.clone()?;
        Some(Arc::new(Shared { parked: Parked::new(link), rates: self.rates()? }))
    }
}

/// How links work.
pub(crate) fn config(settings: &Settings) -> Config {
    Config {
        connections_max: settings.cache.redis_connections_max,
        timeout: Duration::from_millis(settings.cache.redis_timeout_ms),
        namespace: settings.replicas.namespace.clone(),
    }
}

/// The link to the Redis that one section names.
fn link(section: &str, url: &RedisUrl, settings: &Settings, metrics: &Metrics) -> Result<Link, Failure> {
    let url = url.resolve().map_err(|error| Failure::of(&error).code(CONFIGURATION))?;
    let opened = Link::open(url.expose_secret(), config(settings), metrics.redis(section));
    opened.map_err(|error| Failure::of(&error).code(CONFIGURATION))
}

/// What endpoints of all servers share.
struct Shared {
    parked: Parked,
    rates: Rates,
}

/// The rate of a provider or of one of its models.
struct Rate(Arc<redis_link::SharedRate>);

impl models::Sharing for Shared {
    fn park(&self, endpoint: &str, until_in: Duration) {
        self.parked.park(endpoint, until_in);
    }

    fn parked(&self, endpoint: &str) -> Option<Duration> {
        self.parked.parked(endpoint)
    }

    fn rate(&self, name: &str, per_minute: u32) -> Option<Arc<dyn models::SharedRate>> {
        // The way providers document their limits: a whole minute's worth at once.
        Some(Arc::new(Rate(self.rates.rate(name, per_minute, per_minute))))
    }
}

impl models::SharedRate for Rate {
    fn take_now(&self, cost: u64) -> Option<Result<(), Duration>> {
        match self.0.try_take(cost) {
            Take::Yes => Some(Ok(())),
            Take::No(wait) => Some(Err(wait)),
            Take::Ask => None,
        }
    }

    fn take(&self, cost: u64) -> Pin<Box<dyn Future<Output = Result<(), Duration>> + Send + '_>> {
        Box::pin(self.0.take(cost))
    }

    fn give_back(&self, cost: u64) {
        self.0.give_back(cost);
    }

    fn owe(&self, cost: u64) {
        self.0.owe(cost);
    }
}
