//! Where requests and the clerk meet: what both of them see, and the bell that calls the clerk.

use super::accounts::{Account, Registry, Windows};
use super::ledger::{Entry, Queue, SOON};
use super::limits::{self, Defaults, Limits};
use super::line::Ask;
use super::money;
use super::tab::{Amounts, Tab};
use super::wall::Clock;
use super::window::Window;
use arc_swap::ArcSwap;
use caller::{Called, NanoUsd};
use futures_util::FutureExt;
use measure::AccessMetrics;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Store, StoreError};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// How long what was read about budgets is believed.
const FRESH: Duration = Duration::from_secs(5);
/// While something is written anyway, budgets are read again after this.
const FRESH_IN_TURNS: Duration = Duration::from_secs(2);
/// How long a request waits for that, and the pause after it failed.
const REFRESH_WAIT: Duration = Duration::from_secs(1);
/// The shortest time between two flushes.
const FLUSH_MIN: Duration = Duration::from_millis(10);

/// What the settings say.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) request_max: Option<NanoUsd>,
    pub(super) alert_share: f64,
    pub(super) lease: Duration,
    pub(super) wait: Duration,
    pub(super) flush: Duration,
    pub(super) queue_max: usize,
    pub(super) calls_days: u32,
    pub(super) prompts_days: u32,
    /// 0 if prompts are not kept.
    pub(super) words_max: usize,
}

impl Config {
    pub(super) fn new(budget: &settings::Budget, ledger: &settings::Ledger) -> Self {
        Self {
            request_max: budget.request_usd_max.as_ref().map(money::nano),
            alert_share: budget.alert_share,
            lease: Duration::from_millis(budget.lease_ms.max(1_000)),
            wait: Duration::from_millis(budget.wait_ms),
            flush: Duration::from_millis(ledger.flush_ms).max(FLUSH_MIN),
            queue_max: ledger.queue_max,
            calls_days: ledger.calls_days,
            prompts_days: ledger.prompts_days,
            words_max: if ledger.prompts { ledger.prompt_bytes_max } else { 0 },
        }
    }
}

/// What requests and the clerk share.
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) metrics: AccessMetrics,
    pub(super) clock: Clock,
    pub(super) config: ArcSwap<Config>,
    pub(super) limits: Limits,
    pub(super) registry: Registry,
    queue: Mutex<Queue>,
    /// Requests that have joined the line since the clerk last looked.
    inbox: Mutex<Vec<Ask>>,
    /// Requests in line that the clerk has looked at.
    in_line: AtomicUsize,
    /// Windows that hold something since the clerk last looked.
    touched: Mutex<Vec<Arc<Window>>>,
    flushed: Mutex<Vec<oneshot::Sender<()>>>,
    bell: Notify,
    /// Whether the clerk will look by itself.
    awake: AtomicBool,
    closing: AtomicBool,
    began: Instant,
    /// Until when leases are good and budgets are fresh, in milliseconds since `began`.
    leases_until: AtomicU64,
    fresh_until: AtomicU64,
    refreshing: tokio::sync::Mutex<()>,
    /// Whoever holds it stops the clerk, as if the whole process stood still.
    #[cfg(test)]
    pub(super) paused: tokio::sync::Mutex<()>,
    /// The clerk does not learn how its next turn ends.
    #[cfg(test)]
    pub(super) deaf: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(super) fn new(store: Store, config: Config, defaults: Defaults, metrics: AccessMetrics, clock: Clock) -> Self {
        let limits = Limits::default();
        limits.reload(defaults);
        Self {
            store,
            metrics,
            clock,
            config: ArcSwap::from_pointee(config),
            limits,
            registry: Registry::default(),
            queue: Mutex::default(),
            inbox: Mutex::default(),
            in_line: AtomicUsize::new(0),
            touched: Mutex::default(),
            flushed: Mutex::default(),
            bell: Notify::new(),
            awake: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            began: Instant::now(),
            leases_until: AtomicU64::new(0),
            fresh_until: AtomicU64::new(0),
            refreshing: tokio::sync::Mutex::default(),
            #[cfg(test)]
            paused: tokio::sync::Mutex::default(),
            #[cfg(test)]
            deaf: AtomicBool::new(false),
        }
    }

    fn elapsed_ms(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether what this process has set aside is still its own, as far as it can tell.
    pub(super) fn has_leases(&self) -> bool {
        self.elapsed_ms(Instant::now()) < self.leases_until.load(Ordering::Acquire)
    }

    /// Leases are good until `at`; without it, no longer.
    pub(super) fn leases_until(&self, at: Option<Instant>) {
        self.leases_until.store(at.map_or(0, |at| self.elapsed_ms(at)), Ordering::Release);
    }

    /// The windows in which spending of `account` counts now.
    pub(super) fn windows(&self, account: &Account) -> Windows {
        let share = self.config.load().alert_share;
        self.registry.windows(account, &self.limits, self.clock.day(), share)
    }

    /// Hands out `most` from memory, from all of `windows` or none.
    pub(super) fn take(&self, windows: &Windows, most: NanoUsd) -> bool {
        if windows.is_empty() || most == 0 {
            return true;
        }
        if !self.has_leases() {
            return false;
        }
        let Some(short) = windows.iter().position(|window| !window.take(most)) else { return true };
        self.put_back(windows.iter().take(short).map(|window| (window, most)));
        false
    }

    /// Puts back what was taken and will not be spent.
    pub(super) fn put_back<'a>(&self, taken: impl Iterator<Item = (&'a Arc<Window>, NanoUsd)>) {
        taken.for_each(|(window, amount)| window.put_back(amount));
    }

    /// What a request held comes back, and `cost` of it was spent.
    pub(super) fn settle(&self, windows: &Windows, amounts: &Amounts, cost: NanoUsd) {
        let mut awaited = false;
        for (at, window) in windows.iter().enumerate() {
            let returned = window.settle(amounts.of(at), cost);
            awaited |= returned.awaited;
            if returned.unlisted {
                lock(&self.touched).push(Arc::clone(window));
            }
        }
        if awaited {
            self.bell.notify_one();
        } else if !windows.is_empty() {
            self.wake();
        }
    }

    /// Writes a call down.
    pub(super) fn note(&self, tab: &Tab, call: &Called<'_>) {
        let config = self.config.load();
        let mut entry = Entry::new(self.clock.now_ms(), &tab.account, &tab.request_id, call);
        if let Some(words) = call.words.filter(|_| config.words_max > 0) {
            entry = entry.with_words(words, config.words_max);
        }
        let mut queue = lock(&self.queue);
        let kept = queue.push(entry, config.queue_max);
        let length = queue.len();
        drop(queue);
        if !kept {
            self.metrics.ledger_dropped.inc();
        }
        match length {
            SOON => self.bell.notify_one(),
            _ => self.wake(),
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    /// Has the clerk look at the next flush, if nobody has yet.
    fn wake(&self) {
        if !self.awake.load(Ordering::SeqCst) && !self.awake.swap(true, Ordering::SeqCst) {
            self.bell.notify_one();
        }
    }

    /// Has the clerk look at once.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Puts a request in line; `false` if the line is too long or nobody serves it any more.
    pub(super) fn join(&self, ask: Ask, line_max: usize) -> bool {
        let mut inbox = lock(&self.inbox);
        if inbox.len() + self.in_line.load(Ordering::Relaxed) >= line_max || self.is_closing() {
            return false;
        }
        inbox.push(ask);
        drop(inbox);
        self.ring();
        true
    }

    pub(super) fn joined(&self) -> Vec<Ask> {
        let mut inbox = lock(&self.inbox);
        self.in_line.fetch_add(inbox.len(), Ordering::Relaxed);
        std::mem::take(&mut *inbox)
    }

    /// So many requests stand in line, those that the clerk has looked at included.
    pub(super) fn show_line(&self, length: usize) {
        self.in_line.store(length, Ordering::Relaxed);
    }

    pub(super) fn touched(&self) -> Vec<Arc<Window>> {
        std::mem::take(&mut *lock(&self.touched))
    }

    /// The clerk goes to sleep until the bell rings; whether nothing has come in between.
    pub(super) fn sleep(&self) -> bool {
        self.awake.store(false, Ordering::SeqCst);
        let nothing = lock(&self.queue).is_idle() && lock(&self.touched).is_empty() && lock(&self.inbox).is_empty();
        if !nothing {
            self.awake.store(true, Ordering::SeqCst);
        }
        nothing
    }

    /// Whether the clerk sleeps until somebody rings.
    #[cfg(test)]
    pub(super) fn is_asleep(&self) -> bool {
        !self.awake.load(Ordering::SeqCst)
    }

    pub(super) async fn bell(&self) {
        self.bell.notified().await;
        self.awake.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Tells the clerk to finish.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// Resolves once everything that was noted before is written; an error if it could not be.
    pub(super) fn flush(&self) -> oneshot::Receiver<()> {
        let (done, written) = oneshot::channel();
        lock(&self.flushed).push(done);
        self.ring();
        written
    }

    pub(super) fn flush_wanted(&self) -> bool {
        !lock(&self.flushed).is_empty()
    }

    pub(super) fn flush_waiters(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut *lock(&self.flushed))
    }

    /// Whether budgets have to be read before they are believed.
    pub(super) fn is_stale(&self) -> bool {
        self.elapsed_ms(Instant::now()) >= self.fresh_until.load(Ordering::Acquire)
    }

    /// Whether it is time to read them along with something else.
    pub(super) fn may_refresh(&self) -> bool {
        let soon = Instant::now() + (FRESH - FRESH_IN_TURNS);
        self.elapsed_ms(soon) >= self.fresh_until.load(Ordering::Acquire)
    }

    /// Takes over what was read about budgets, some time after `asked`.
    pub(super) fn learn(&self, changes: Vec<limits::Change>, asked: Instant) {
        let complete = !limits::may_be_more(&changes);
        if self.limits.learn(changes) {
            self.registry.set_limits(&self.limits, self.config.load().alert_share);
        }
        if complete {
            self.fresh_until.store(self.elapsed_ms(asked + FRESH), Ordering::Release);
        }
    }

    /// Reads what other processes have changed about budgets. Where that fails or takes long, what is known stays.
    pub(super) async fn refresh(&self) {
        let _one = self.refreshing.lock().await;
        if !self.is_stale() {
            return;
        }
        let read = tokio::time::timeout(REFRESH_WAIT, self.read_limits()).await;
        if !matches!(read, Ok(Ok(()))) {
            self.fresh_until.store(self.elapsed_ms(Instant::now() + REFRESH_WAIT), Ordering::Release);
            tracing::debug!("budgets could not be read again");
        }
    }

    /// Reads all changes about budgets.
    pub(super) async fn read_limits(&self) -> Result<(), StoreError> {
        loop {
            let (asked, seen) = (Instant::now(), self.limits.seen());
            let changes = self.store.read(move |tx| limits::changes(tx, seen).boxed()).await?;
            let more = limits::may_be_more(&changes);
            self.learn(changes, asked);
            if !more {
                return Ok(());
            }
        }
    }
}
