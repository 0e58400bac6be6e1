//! The link to one Redis: a few connections, a limit on time, and a breaker around all of it.
//!
//! Calls are sent only while the breaker is closed. Once it is open, nobody but the keeper asks, once a second, with
//! a command that writes: a server without room or without leave to write is as good as none for what is kept there.

use crate::address::{self, AddressError};
use crate::connection::{Connection, Target};
use crate::error::{Away, Trouble};
use crate::lock;
use crate::slot::Slot;
use guard::{Breaker, BreakerConfig, Permit, State};
use measure::RedisMetrics;
use redis::{Cmd, Value, cmd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

/// The most connections to one Redis.
const CONNECTIONS_MAX: u32 = 10;
/// Failures in a row after which nobody asks any more.
const FAILURES: u32 = 3;
/// Between two looks of the keeper.
const LOOK: Duration = Duration::from_secs(1);
/// The same where the last one failed and nobody else has asked enough to be sure.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// The shortest time that opening a connection may take.
const CONNECT_MIN: Duration = Duration::from_secs(2);

/// How a [`Link`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The most connections, 1 to 10; they are opened as they are needed.
    pub connections_max: u32,
    /// How long a call may take.
    pub timeout: Duration,
    /// The beginning of every key; a colon follows.
    pub namespace: String,
}

/// A link to one Redis. Clones share it; with the last one it closes.
#[derive(Clone)]
pub struct Link(Arc<Owned>);

/// Ends the keeper with the last link.
struct Owned {
    inner: Arc<Inner>,
    keeper: AbortHandle,
}

struct Inner {
    /// Where connections live: whoever asks may come from a runtime that ends sooner.
    home: Handle,
    target: Arc<Target>,
    config: Config,
    slots: Box<[Slot]>,
    breaker: Mutex<Breaker>,
    /// Whether calls are sent: the breaker's state, to be read without its lock.
    closed: AtomicBool,
    memory: Mutex<Memory>,
    metrics: RedisMetrics,
}

/// How far back what Redis remembers can be trusted.
#[derive(Default)]
struct Memory {
    run: Option<String>,
    /// Nothing is known to be missing since then; none where nothing ever was.
    whole_since: Option<Instant>,
    /// When it was last lost.
    lost_at: Option<Instant>,
}

impl Link {
    /// Opens a link, within a runtime. Nothing is connected yet: a Redis that cannot be reached is [`Away`].
    ///
    /// # Errors
    /// The address is none.
    pub fn open(url: &str, config: Config, metrics: RedisMetrics) -> Result<Self, AddressError> {
        let target = address::target(url, config.timeout, config.timeout.max(CONNECT_MIN))?;
        let slots = match target {
            Target::One(_) => config.connections_max.clamp(1, CONNECTIONS_MAX),
            // One connection to a cluster is one to each of its nodes already.
            Target::Cluster(_) => 1,
        };
        metrics.up.set(0);
        let inner = Arc::new(Inner {
            home: Handle::current(),
            target: Arc::new(target),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            breaker: Mutex::new(Breaker::new(BreakerConfig { failures: FAILURES, open: LOOK })),
            closed: AtomicBool::new(true),
            memory: Mutex::new(Memory::default()),
            config,
            metrics,
        });
        let keeper = tokio::spawn(keep(Arc::downgrade(&inner))).abort_handle();
        Ok(Self(Arc::new(Owned { inner, keeper })))
    }

    /// Whether calls are sent. Not whether Redis would answer: that nobody can know.
    pub fn is_up(&self) -> bool {
        self.0.inner.closed.load(Ordering::Relaxed)
    }

    /// Asks once whether Redis can be reached and written to, whatever is known of it.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn check(&self) -> Result<(), String> {
        let probe = self.0.inner.probe();
        let asked = timeout(self.0.inner.connect_max(), self.0.inner.send(&probe)).await.unwrap_or(Err(Trouble::Late));
        asked.map(drop).map_err(|trouble| trouble.reason().to_owned())
    }

    /// For how long nothing that was written can have been lost; none where nothing ever was.
    pub(crate) fn whole_for(&self) -> Option<Duration> {
        lock(&self.0.inner.memory).whole_since.map(|since| since.elapsed())
    }

    /// For how long calls have not been sent; none while they are.
    pub(crate) fn away_for(&self) -> Option<Duration> {
        if self.is_up() {
            return None;
        }
        Some(lock(&self.0.inner.memory).lost_at.map_or(Duration::ZERO, |at| at.elapsed()))
    }

    /// Does something to its end, whoever began it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.inner.home.spawn(work);
    }

    /// A key of ours, as Redis knows it.
    pub(crate) fn named(&self, key: &str) -> String {
        self.0.inner.named(key)
    }

    /// Sends a command, if it is of any use.
    pub(crate) async fn ask(&self, command: &Cmd) -> Result<Value, Away> {
        self.try_ask(command).await.map_err(|_| Away)
    }

    /// The same, for those who know what to do about a refusal.
    pub(crate) async fn try_ask(&self, command: &Cmd) -> Result<Value, Trouble> {
        let inner = &self.0.inner;
        // Whoever is dropped gives no permit back, which only a probe is missed for: those are the keeper's.
        let admitted = |mut breaker: MutexGuard<'_, Breaker>| {
            (breaker.state(now()) == State::Closed).then(|| breaker.admit(now()).ok()).flatten()
        };
        let permit = if self.is_up() { admitted(lock(&inner.breaker)) } else { None };
        let Some(permit) = permit else {
            inner.metrics.away.inc();
            return Err(Trouble::Away);
        };
        inner.asked(permit, command).await
    }
}

impl Inner {
    fn named(&self, key: &str) -> String {
        format!("{}:{key}", self.config.namespace)
    }

    fn connect_max(&self) -> Duration {
        self.config.timeout.max(CONNECT_MIN)
    }

    /// Sends a command within its time, and tells the breaker how it went.
    async fn asked(&self, permit: Permit, command: &Cmd) -> Result<Value, Trouble> {
        let answer = timeout(self.config.timeout, self.send(command)).await.unwrap_or(Err(Trouble::Late));
        match &answer {
            Ok(_) | Err(Trouble::Failed { unknown_script: true, .. }) => {
                self.metrics.answered.inc();
                self.note(permit, None);
            }
            Err(trouble) => {
                match trouble {
                    Trouble::Late => self.metrics.timed_out.inc(),
                    Trouble::Away | Trouble::Failed { .. } => self.metrics.failed.inc(),
                }
                self.note(permit, Some(trouble));
            }
        }
        answer
    }

    /// Sends a command over the connection with the least to do; once more where it broke while nobody used it.
    async fn send(&self, command: &Cmd) -> Result<Value, Trouble> {
        let Some(slot) = self.slots.iter().min_by_key(|slot| slot.busy()) else { return Err(Trouble::Late) };
        let _busy = slot.enter();
        loop {
            let (connection, kept) = self.connection(slot).await?;
            match connection.send(command).await {
                Err(Trouble::Failed { broken: true, .. }) if kept => slot.forget(&connection),
                answer => {
                    if matches!(answer, Err(Trouble::Failed { broken: true, .. })) {
                        slot.forget(&connection);
                    }
                    return answer;
                }
            }
        }
    }

    async fn connection(&self, slot: &Slot) -> Result<(Arc<Connection>, bool), Trouble> {
        let (connection, kept) =
            slot.get(&self.home, &self.target, self.connect_max(), &self.metrics.connections).await?;
        if !kept && matches!(*self.target, Target::One(_)) {
            lock(&self.memory).met(&connection);
        }
        Ok((connection, kept))
    }

    /// Tells the breaker, and whoever looks at it, how a command went.
    fn note(&self, permit: Permit, trouble: Option<&Trouble>) {
        let mut breaker = lock(&self.breaker);
        match trouble {
            None => breaker.success(permit, now()),
            Some(_) => breaker.failure(permit, now()),
        }
        let closed = breaker.state(now()) == State::Closed;
        let was = self.closed.load(Ordering::Relaxed);
        if closed && !was {
            // Others may have gone on alone meanwhile, and what they did nobody wrote down.
            lock(&self.memory).whole_since = Some(Instant::now());
            tracing::info!("Redis answers again");
        }
        if was && !closed {
            lock(&self.memory).lost_at = Some(Instant::now());
        }
        self.closed.store(closed, Ordering::Relaxed);
        drop(breaker);
        if let (true, false, Some(trouble)) = (was, closed, trouble) {
            tracing::warn!(reason = trouble.reason(), "Redis is away: going on without it");
            self.slots.iter().for_each(Slot::clear);
        }
        if trouble.is_none() || !closed {
            self.metrics.up.set(i64::from(closed));
        }
    }

    /// A command that succeeds only where Redis can be written to.
    fn probe(&self) -> Cmd {
        let mut probe = cmd("SET");
        probe.arg(self.named("probe")).arg(1).arg("PX").arg(10_000);
        probe
    }

    /// Looks whether Redis is well, and says when to look again: soon where it failed and is still asked.
    async fn look(&self) -> Duration {
        let permit = lock(&self.breaker).admit(now());
        let Ok(permit) = permit else { return LOOK };
        let well = self.asked(permit, &self.probe()).await.is_ok();
        if !well && self.closed.load(Ordering::Relaxed) { LOOK_AGAIN } else { LOOK }
    }
}

impl Memory {
    /// A connection stands: to the same run of the server as the last one, or to another, which knows less.
    fn met(&mut self, connection: &Connection) {
        let now = Instant::now();
        match (&connection.server, &self.run) {
            (Some(server), Some(run)) if server.run == *run => {}
            (Some(server), None) => {
                self.run = Some(server.run.clone());
                self.whole_since = now.checked_sub(server.up);
            }
            (server, _) => {
                self.run = server.as_ref().map(|server| server.run.clone());
                self.whole_since = Some(now);
            }
        }
    }
}

/// Looks after a Redis for as long as somebody has a link to it.
async fn keep(inner: Weak<Inner>) {
    while let Some(inner) = inner.upgrade() {
        let next = inner.look().await;
        drop(inner);
        sleep(next).await;
    }
}

/// The breaker's clock, which tests can move.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        out.debug_struct("Link").field("up", &self.is_up()).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
