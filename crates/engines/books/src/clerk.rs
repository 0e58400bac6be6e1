//! The one task of a process that talks to the store about money, and writes the ledger.
//!
//! It sleeps while nobody spends. Otherwise it takes turns: at once when requests are short of money, else every
//! `ledger.flush_ms`. There is never more than one turn at a time, so whoever is short while one runs joins the next.

mod round;

use super::desk::Desk;
use super::ledger::{Batch, Ids, SOON};
use super::line::Ask;
use super::name::Key;
use super::tab::Amounts;
use super::window::Window;
use super::{post, purge};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// How often the store is asked about money that other processes hold, while somebody waits for it; chance adds up to
/// half of it.
const POLL: Duration = Duration::from_millis(50);
/// How often it is looked whether other processes have died.
const EXPIRE: Duration = Duration::from_secs(1);
/// How often accounts and windows that nobody uses are forgotten.
const SWEEP: Duration = Duration::from_secs(30);
/// How often old rows are removed; the first time a minute after the start, and soon again if there are more.
const PURGE: Duration = Duration::from_secs(3_600);
const PURGE_FIRST: Duration = Duration::from_secs(60);
const PURGE_MORE: Duration = Duration::from_secs(1);
/// How often writing is tried when the server stops.
const CLOSING_TRIES: u32 = 3;

/// The clerk.
pub(super) struct Clerk {
    desk: Arc<Desk>,
    /// This process's number in the store, and the turns it took.
    holder: Option<i64>,
    turn: i64,
    ids: Ids,
    /// Windows of which this process holds something.
    held: BTreeMap<Key, Arc<Window>>,
    line: VecDeque<Ask>,
    /// What is not known to be written: the next turn has it, unchanged.
    batch: Option<Arc<Batch>>,
    /// Who waits until everything is written.
    waiters: Vec<oneshot::Sender<()>>,
    /// Whether nobody knows how the last turn ended.
    unsure: bool,
    failures: u32,
    times: Times,
}

/// When something is due.
struct Times {
    flush: Instant,
    poll: Instant,
    renew: Instant,
    expire: Instant,
    sweep: Instant,
    purge: Instant,
    /// Until then requests are refused without asking the store.
    refuse_until: Instant,
}

impl Clerk {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        let now = Instant::now();
        let times = Times {
            flush: now,
            poll: now,
            renew: now,
            expire: now,
            sweep: now + SWEEP,
            purge: now + PURGE_FIRST,
            refuse_until: now,
        };
        Self {
            desk,
            holder: None,
            turn: 0,
            ids: Ids::default(),
            held: BTreeMap::new(),
            line: VecDeque::new(),
            batch: None,
            waiters: Vec::new(),
            unsure: false,
            failures: 0,
            times,
        }
    }

    /// Works until the books are closed.
    pub(super) async fn run(mut self) {
        while !self.desk.is_closing() {
            #[cfg(test)]
            drop(self.desk.paused.lock().await);
            let news = self.look();
            let now = Instant::now();
            let flush = self.wants_flush(now);
            if news || flush || (!self.line.is_empty() && now >= self.times.poll) {
                self.expire(now).await;
                self.turn(flush).await;
            } else {
                self.sleep().await;
            }
            self.tidy().await;
        }
        self.finish().await;
    }

    /// Looks at who is in line, and serves whom memory can serve; whether somebody new needs the store.
    fn look(&mut self) -> bool {
        for window in self.desk.touched() {
            self.hold(&window);
        }
        let mut news = false;
        for mut ask in self.desk.joined() {
            // Behind somebody who waits for the same money there is nothing to ask for.
            match ask.windows.iter().find(|window| window.is_awaited()).cloned() {
                Some(window) => ask.is_short_of(&window, window.known_free()),
                None => news = true,
            }
            self.line.push_back(ask);
        }
        if !self.line.is_empty() {
            self.serve();
        }
        self.desk.show_line(self.line.len());
        news && !self.line.is_empty()
    }

    /// Serves from memory, first come first served.
    fn serve(&mut self) {
        let (now, leases) = (Instant::now(), self.desk.has_leases());
        let mut blocked: HashSet<*const Window> = HashSet::new();
        for ask in std::mem::take(&mut self.line) {
            let free = |window: &Arc<Window>| !blocked.contains(&Arc::as_ptr(window));
            if ask.is_gone() {
                ask.leave();
            } else if leases && ask.windows.iter().all(free) && ask.is_paid_from_memory() {
                let amounts = Amounts::Same(ask.need.most);
                ask.grant(&self.desk, amounts);
            } else if now < self.times.refuse_until {
                ask.fail(&self.desk, "the store could not be reached a moment ago");
            } else if let Some((window, left)) = ask.short.clone().filter(|_| now >= ask.patience) {
                ask.refuse(&self.desk, &window, left);
            } else {
                blocked.extend(ask.short.iter().map(|(window, _)| Arc::as_ptr(window)));
                self.line.push_back(ask);
            }
        }
    }

    fn hold(&mut self, window: &Arc<Window>) {
        if window.list() || !self.held.contains_key(&window.key) {
            self.held.insert(window.key.clone(), Arc::clone(window));
        }
    }

    /// Whether it is time to write, and there may be something to write.
    fn wants_flush(&self, now: Instant) -> bool {
        let (waiting, nothing) = {
            let queue = self.desk.queue();
            (queue.len(), queue.is_idle())
        };
        let idle = nothing && self.held.is_empty() && self.batch.is_none();
        let early = self.failures == 0 && (waiting >= SOON || self.desk.flush_wanted());
        early || (!idle && now >= self.times.flush)
    }

    async fn sleep(&mut self) {
        let idle = self.line.is_empty() && self.held.is_empty() && self.batch.is_none();
        // The bell may have been meant for what was just done.
        let asleep = idle && self.desk.sleep();
        let mut until = self.times.purge;
        if !asleep {
            until = until.min(self.times.flush);
        }
        if !self.line.is_empty() {
            until = self.line.iter().map(|ask| ask.patience).fold(until.min(self.times.poll), Instant::min);
        }
        tokio::select! {
            () = self.desk.bell() => {
                if asleep {
                    // The first call after a pause is written together with those that follow.
                    self.times.flush = self.times.flush.max(Instant::now() + self.desk.config.load().flush);
                }
            }
            () = sleep_until(until) => {}
        }
    }

    /// Gives back what dead processes hold, now and then.
    async fn expire(&mut self, now: Instant) {
        if now < self.times.expire || self.failures > 0 || !self.desk.limits.any() {
            return;
        }
        self.times.expire = now + EXPIRE;
        if let Err(error) = post::expire(&self.desk.store, self.holder.unwrap_or(0)).await {
            tracing::warn!(%error, "what other servers have reserved could not be looked at");
        }
    }

    /// Forgets what nobody uses and removes old rows, now and then.
    async fn tidy(&mut self) {
        let now = Instant::now();
        if now >= self.times.sweep {
            self.times.sweep = now + SWEEP;
            self.desk.registry.sweep();
        }
        if now < self.times.purge {
            return;
        }
        let config = self.desk.config.load_full();
        let purged = purge::purge(&self.desk.store, &config, self.desk.clock.now_ms()).await;
        let more = purged.unwrap_or_else(|error| {
            tracing::warn!(%error, "old rows of the ledger could not be removed");
            false
        });
        self.times.purge = now + if more { PURGE_MORE } else { PURGE };
    }

    /// Writes what is left and gives back what nobody holds any more.
    async fn finish(mut self) {
        for _ in 0..CLOSING_TRIES {
            self.look();
            for ask in std::mem::take(&mut self.line) {
                ask.fail(&self.desk, "the server stops");
            }
            let written = self.desk.queue().is_idle() && self.batch.is_none() && !self.unsure;
            if written && self.held.is_empty() && !self.desk.flush_wanted() {
                break;
            }
            self.turn(true).await;
        }
        let (lost, held) = (self.desk.queue().len(), self.held.len());
        if lost > 0 {
            tracing::error!(calls = lost, "calls could not be written into the ledger before the server stopped");
        }
        if held > 0 {
            tracing::warn!(budgets = held, "requests still hold money, which is free again once their lease is over");
        }
        if let Some(holder) = self.holder.filter(|_| held == 0)
            && let Err(error) = post::leave(&self.desk.store, holder).await
        {
            tracing::debug!(%error, "the end of this server could not be written down");
        }
    }
}
