//! Names that asked to be left alone for a while, known to all servers within half a second. Whoever asks is answered
//! from memory; a task of its own tells Redis and hears what others have told.

use crate::link::Link;
use crate::lock;
use crate::script::Script;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

static PARK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("parked.lua")));

/// Between two looks at what others have told.
const LOOK: Duration = Duration::from_millis(500);
/// The most names that are known.
const NAMES_MAX: usize = 4_096;
/// Where they are kept.
const KEY: &str = "parked";

/// Names that asked to be left alone.
#[derive(Debug)]
pub struct Parked {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Shared {
    names: Mutex<HashMap<String, Until>>,
    news: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Until {
    at: Instant,
    /// Whether the others know.
    told: bool,
}

impl Parked {
    /// Shares names over this link; within a runtime.
    pub fn new(link: Link) -> Self {
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(share(link, Arc::clone(&shared))).abort_handle();
        Self { shared, task }
    }

    /// Leaves `name` alone for so long from now; what was said before holds if it lasts longer.
    pub fn park(&self, name: &str, left: Duration) {
        if self.shared.note(name, left, false) {
            self.shared.news.notify_one();
        }
    }

    /// How much longer `name` is to be left alone.
    pub fn parked(&self, name: &str) -> Option<Duration> {
        let until = lock(&self.shared.names).get(name)?.at;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

impl Shared {
    /// Notes until when a name is to be left alone; whether that is longer than was known.
    fn note(&self, name: &str, left: Duration, told: bool) -> bool {
        let now = Instant::now();
        let Some(at) = now.checked_add(left) else { return false };
        let mut names = lock(&self.names);
        if names.get(name).is_some_and(|known| known.at >= at) {
            return false;
        }
        if names.len() >= NAMES_MAX {
            names.retain(|_, until| until.at > now);
        }
        let room = names.len() < NAMES_MAX || names.contains_key(name);
        if room {
            names.insert(name.to_owned(), Until { at, told });
        }
        room
    }

    /// Names that the others do not know of, and until when.
    fn untold(&self) -> Vec<(String, Instant)> {
        let now = Instant::now();
        let mut names = lock(&self.names);
        names.retain(|_, until| until.at > now);
        let untold = names.iter().filter(|(_, until)| !until.told);
        untold.map(|(name, until)| (name.clone(), until.at)).collect()
    }

    /// The others know of these, as far as nobody has asked for longer meanwhile.
    fn told(&self, untold: &[(String, Instant)]) {
        let mut names = lock(&self.names);
        for (name, at) in untold {
            if let Some(until) = names.get_mut(name).filter(|until| until.at == *at) {
                until.told = true;
            }
        }
    }

    async fn exchange(&self, link: &Link) {
        let untold = self.untold();
        let most = NAMES_MAX.to_string();
        let now = Instant::now();
        let left: Vec<String> = untold.iter().map(|(_, at)| at.duration_since(now).as_millis().to_string()).collect();
        let pairs = untold.iter().zip(&left).flat_map(|((name, _), left)| [name.as_bytes(), left.as_bytes()]);
        let args: Vec<&[u8]> = [most.as_bytes()].into_iter().chain(pairs).collect();
        // What could not be told now is told next time.
        let Ok(others) = link.eval::<Vec<(String, u64)>>(&PARK, &[KEY], &args).await else { return };
        self.told(&untold);
        for (name, left) in others {
            self.note(&name, Duration::from_millis(left), true);
        }
    }
}

async fn share(link: Link, shared: Arc<Shared>) {
    loop {
        // Whoever is away is not asked: the link's own look finds out when that has changed.
        if link.is_up() {
            shared.exchange(&link).await;
        }
        let _ = timeout(LOOK, shared.news.notified()).await;
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
