//! A script that Redis runs in one piece. It is sent once and then called by its hash.

use crate::error::{Away, Trouble};
use crate::link::Link;
use redis::{Cmd, FromRedisValue, cmd};

/// A Lua script.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    /// A script of this text.
    pub fn new(source: &'static str) -> Self {
        Self { source, hash: redis::Script::new(source).get_hash().to_owned() }
    }

    fn call(&self, by: &str, text: &str, keys: &[String], args: &[&[u8]]) -> Cmd {
        let mut command = cmd(by);
        command.arg(text).arg(keys.len()).arg(keys).arg(args);
        command
    }
}

impl Link {
    /// Runs a script on these keys of ours, which in a cluster must lie together.
    ///
    /// # Errors
    /// [`Away`] if Redis is, if the script failed, or if its answer is none of `T`.
    pub async fn eval<T: FromRedisValue>(&self, script: &Script, keys: &[&str], args: &[&[u8]]) -> Result<T, Away> {
        let keys: Vec<String> = keys.iter().map(|key| self.named(key)).collect();
        let answer = match self.try_ask(&script.call("EVALSHA", &script.hash, &keys, args)).await {
            Err(Trouble::Failed { unknown_script: true, .. }) => {
                self.ask(&script.call("EVAL", script.source, &keys, args)).await?
            }
            answer => answer.map_err(|_| Away)?,
        };
        redis::from_redis_value(answer).map_err(|_| Away)
    }
}
