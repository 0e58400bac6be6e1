//! The few commands that others need: values with an end, and sets of keys by tag.

use crate::error::Away;
use crate::link::Link;
use crate::script::Script;
use bytes::Bytes;
use redis::{Cmd, Value, cmd};
use std::sync::LazyLock;
use std::time::Duration;

impl Link {
    /// The value under a key.
    ///
    /// # Errors
    /// [`Away`] if Redis is.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, Away> {
        bytes(self.ask(cmd("GET").arg(self.named(key))).await?)
    }

    /// The values under several keys, in their order.
    ///
    /// # Errors
    /// [`Away`] if Redis is.
    pub async fn mget(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, Away> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        match self.ask(&self.on_all("MGET", keys)).await? {
            Value::Array(values) => values.into_iter().map(bytes).collect(),
            _ => Err(Away),
        }
    }

    /// Keeps a value for so long; less than a millisecond reads as one.
    ///
    /// # Errors
    /// [`Away`] if Redis is.
    pub async fn set(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), Away> {
        self.ask(cmd("SET").arg(self.named(key)).arg(value).arg("PX").arg(millis(ttl))).await.map(drop)
    }

    /// Removes keys, and gives how many there were.
    ///
    /// # Errors
    /// [`Away`] if Redis is.
    pub async fn delete(&self, keys: &[&str]) -> Result<u64, Away> {
        if keys.is_empty() {
            return Ok(0);
        }
        redis::from_redis_value(self.ask(&self.on_all("DEL", keys)).await?).map_err(|_| Away)
    }

    /// Adds a member to the set under `tag`, which is kept for at least `ttl` from now.
    ///
    /// # Errors
    /// [`Away`] if Redis is.
    pub async fn tag(&self, tag: &str, member: &str, ttl: Duration) -> Result<(), Away> {
        static TAG: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commands/tag.lua")));
        let ttl_ms = millis(ttl).to_string();
        self.eval::<()>(&TAG, &[tag], &[member.as_bytes(), ttl_ms.as_bytes()]).await
    }

    /// The members of the set under `tag`.
    ///
    /// # Errors
    /// [`Away`] if Redis is.
    pub async fn tagged(&self, tag: &str) -> Result<Vec<String>, Away> {
        redis::from_redis_value(self.ask(cmd("SMEMBERS").arg(self.named(tag))).await?).map_err(|_| Away)
    }

    fn on_all(&self, name: &str, keys: &[&str]) -> Cmd {
        let mut command = cmd(name);
        for key in keys {
            command.arg(self.named(key));
        }
        command
    }
}

fn bytes(value: Value) -> Result<Option<Bytes>, Away> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(value) => Ok(Some(value.into())),
        _ => Err(Away),
    }
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 2)
}
