//! What the address of a Redis looks like.

use crate::address::{Address, Target};

/// The address of a Redis, or where that address lies.
pub type RedisUrl = Address<Redis>;

/// A Redis.
#[derive(Clone)]
pub enum Redis {}

impl Target for Redis {
    const TYPE: &'static str = "RedisUrl";
    const WHAT: &'static str = "a Redis";
    const SCHEMES: &'static [&'static str] = &["redis://", "rediss://", "redis+cluster://", "rediss+cluster://"];
    const FORMS: &'static str = "`redis://host:6379`, `rediss://…`, `redis+cluster://…`";
}

/// Hides the passwords in what a profile says about Redis.
pub(crate) fn hide_passwords(profile: &mut toml::Table) {
    RedisUrl::hide_password(profile, "cache", "redis_url");
    RedisUrl::hide_password(profile, "replicas", "redis_url");
}
