//! Checks of the Redis that settings name. One that is away is no failure: requests go on without it.

use crate::{Cause, Check, Ground};
use fault::Explain;
use redis_link::Link;
use secrecy::ExposeSecret;
use settings::{RedisUrl, Settings};

/// Whether each Redis can be reached and written to.
pub(crate) async fn checks(settings: &Settings, ground: &Ground<'_>) -> Vec<Check> {
    let named = [("cache", &settings.cache.redis_url), ("replicas", &settings.replicas.redis_url)];
    let mut checks = Vec::new();
    for (section, url) in named {
        if let Some(url) = url {
            checks.push(one(section, url, ground).await);
        }
    }
    checks
}

async fn one(section: &str, url: &RedisUrl, ground: &Ground<'_>) -> Check {
    let name = format!("redis of {section}");
    let address = match url.resolve() {
        Ok(address) => address,
        Err(error) => return Check::of_settings(name, &error),
    };
    let metrics = ground.metrics.redis(section);
    let link = match Link::open(address.expose_secret(), ground.redis.clone(), metrics) {
        Ok(link) => link,
        Err(error) => return Check::fail(name, error.to_string(), error.hint(), Cause::Settings),
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
