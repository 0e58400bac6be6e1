//! Checks of the Redis that settings name. One that is away is no failure: requests go on without it.

use super::Check;
use crate::exit::CONFIGURATION;
use crate::{sharing, wiring};
use fault::Explain;
use redis_link::Link;
use secrecy::ExposeSecret;
use settings::{RedisUrl, Settings};

/// Whether each Redis can be reached and written to.
pub(super) async fn checks(settings: &Settings) -> Vec<Check> {
    let named = [("cache", &settings.cache.redis_url), ("replicas", &settings.replicas.redis_url)];
    let mut checks = Vec::new();
    for (section, url) in named {
        if let Some(url) = url {
            checks.push(one(section, url, settings).await);
        }
    }
    checks
}

async fn one(section: &str, url: &RedisUrl, settings: &Settings) -> Check {
    let name = format!("redis of {section}");
    let address = match url.resolve() {
        Ok(address) => address,
        Err(error) => return Check::of_settings(name, &error),
    };
    let metrics = wiring::metrics().redis(section);
    let link = match Link::open(address.expose_secret(), sharing::config(settings), metrics) {
        Ok(link) => link,
        Err(error) => return Check::fail(name, error.to_string(), error.hint(), CONFIGURATION),
    };
    match link.check().await {
        Ok(()) => Check::ok(name, format!("{url} answers and can be written to")),
        Err(problem) => Check::warn(
            name,
            format!("{url} is away ({problem}): requests go on without it"),
            format!("see that it runs, has room and lets us write, or change `{section}.redis_url`"),
        ),
    }
}
