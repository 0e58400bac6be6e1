//! A turn, from how things stand in memory to what the store said.

use super::Clerk;
use crate::ledger::Batch;
use crate::line::Ask;
use crate::name::Key;
use crate::post::{self, Done, Order, Outcome};
use crate::tab::Amounts;
use crate::turn::{Asked, Move, Position, Verdict};
use crate::window::Window;
use caller::NanoUsd;
use fault::{Explain, Kind};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::time::Instant;

/// After a turn that failed, requests short of money are refused for so long without asking.
const FAILED_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause before what could not be written is tried again.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// After so many failures in a row that are not the store's absence, the single calls of a batch are given up.
const POISON: u32 = 5;

/// A request in a turn: which of its windows are short of money, and which have paid from memory.
struct Part {
    short: Vec<usize>,
    paid: Vec<usize>,
}

/// A turn as it was prepared.
struct Prepared {
    began: Instant,
    lease: Duration,
    windows: Vec<(Arc<Window>, Position)>,
    asks: Vec<Asked>,
    parts: Vec<Part>,
}

impl Prepared {
    fn place(windows: &[(Arc<Window>, Position)], key: &Key) -> Option<usize> {
        windows.binary_search_by(|(window, _)| window.key.cmp(key)).ok()
    }

    /// Whether the store has nothing to learn from it.
    fn is_idle(&self) -> bool {
        let idle = |position: &Position| {
            let wants = position.kept < position.target;
            position.flushing == 0 && position.leased == position.held && !wants
        };
        self.asks.is_empty() && self.windows.iter().all(|(_, position)| idle(position))
    }
}

impl Clerk {
    /// One turn.
    pub(super) async fn turn(&mut self, flush: bool) {
        let began = Instant::now();
        if flush {
            self.waiters.append(&mut self.desk.flush_waiters());
        }
        let Some(holder) = self.registered().await else { return };
        if flush && self.batch.is_none() {
            self.begin_flush(began);
        }
        let prepared = self.prepare(began);
        let Some(order) = self.order(holder, &prepared) else { return self.skip(&prepared) };
        let posted = post::post(&self.desk.store, order).await;
        #[cfg(test)]
        let posted = posted.and_then(|done| match self.desk.deaf.swap(false, std::sync::atomic::Ordering::SeqCst) {
            true => Err(StoreError::Unreachable { reason: "the connection broke".to_owned() }),
            false => Ok(done),
        });
        match posted {
            Ok(Done::Turned(outcome)) => self.turned(&prepared, outcome),
            Ok(Done::Already { leases, dead }) => self.already(&prepared, &leases, dead),
            Ok(Done::Dead) => self.died(&prepared),
            Err(error) => {
                self.give_back(&prepared);
                self.failed(&error);
            }
        }
    }

    async fn registered(&mut self) -> Option<i64> {
        if self.holder.is_none() {
            let lease = self.desk.config.load().lease;
            match post::register(&self.desk.store, lease).await {
                Ok(holder) => {
                    (self.holder, self.turn) = (Some(holder), 0);
                    self.ids.of(holder);
                }
                Err(error) => self.failed(&error),
            }
        }
        self.holder
    }

    fn begin_flush(&mut self, began: Instant) {
        let mut batch = self.desk.queue().batch();
        batch.number(&mut self.ids);
        self.batch = Some(Arc::new(batch));
        self.held.values().for_each(|window| window.begin_flush());
        self.times.flush = began + self.desk.config.load().flush;
    }

    /// Sees how things stand, pays from memory what memory can pay, and claims what the turn decides about.
    fn prepare(&mut self, began: Instant) -> Prepared {
        let leases = self.desk.has_leases();
        let parts: Vec<Part> = self.line.iter().map(|ask| part(ask, leases)).collect();
        let mut asked = BTreeMap::<Key, NanoUsd>::new();
        let mut short = Vec::new();
        for (ask, part) in self.line.iter().zip(&parts) {
            for window in part.short.iter().filter_map(|at| ask.windows.get(*at)) {
                *asked.entry(window.key.clone()).or_default() += ask.need.most;
                short.push(Arc::clone(window));
            }
        }
        short.iter().for_each(|window| self.hold(window));
        let (all, keep) = (self.batch.is_some() || self.unsure, !self.desk.is_closing());
        let concerned = self.held.iter().filter(|(key, _)| all || asked.contains_key(key));
        let windows: Vec<_> = concerned
            .map(|(key, window)| (Arc::clone(window), window.position(asked.get(key).copied(), keep)))
            .collect();
        let asks = self.line.iter().zip(&parts).map(|(ask, part)| Asked {
            at: part.short.iter().filter_map(|at| Prepared::place(&windows, &ask.windows.get(*at)?.key)).collect(),
            most: ask.need.most,
            least: ask.least(),
        });
        let asks = asks.collect();
        Prepared { began, lease: self.desk.config.load().lease, windows, asks, parts }
    }

    /// What the store is to do; `None` if there is nothing.
    fn order(&self, holder: i64, prepared: &Prepared) -> Option<Order> {
        let lends = prepared.windows.iter().any(|(_, position)| position.leased != 0);
        let late = prepared.began >= self.times.renew || !self.desk.has_leases();
        let renew = self.unsure || (lends && late);
        if !renew && prepared.is_idle() && self.batch.as_ref().is_none_or(|batch| batch.is_empty()) {
            return None;
        }
        Some(Order {
            holder,
            turn: self.turn + 1,
            lease: prepared.lease,
            keys: prepared.windows.iter().map(|(window, _)| window.key.clone()).collect(),
            positions: prepared.windows.iter().map(|(_, position)| position.clone()).collect(),
            asks: prepared.asks.clone(),
            batch: self.batch.clone(),
            renew,
            seen: self.desk.may_refresh().then(|| self.desk.limits.seen()),
        })
    }

    /// There was nothing to do in the store.
    fn skip(&mut self, prepared: &Prepared) {
        self.give_back(prepared);
        self.written();
    }

    fn turned(&mut self, prepared: &Prepared, outcome: Outcome) {
        let Outcome { moves, verdicts, changes, written } = outcome;
        if written {
            self.turn += 1;
            // Measured from before the store looked at its clock, with room for clocks that run apart.
            self.desk.leases_until(Some(prepared.began + prepared.lease / 4 * 3));
            self.times.renew = prepared.began + prepared.lease / 3;
        }
        (self.unsure, self.failures, self.times.refuse_until) = (false, 0, prepared.began);
        if let Some(changes) = changes {
            self.desk.learn(changes, prepared.began);
        }
        let mut granted = vec![0; prepared.windows.len()];
        for (asked, verdict) in prepared.asks.iter().zip(&verdicts) {
            if let Verdict::Granted(amounts) = verdict {
                for (at, amount) in asked.at.iter().zip(amounts) {
                    granted[*at] += amount;
                }
            }
        }
        for (((window, position), moved), granted) in prepared.windows.iter().zip(&moves).zip(granted) {
            window.apply(position, moved, granted);
            self.alert(window, position, moved);
        }
        self.answer(prepared, verdicts);
        self.written();
        self.times.poll = Instant::now() + super::POLL.mul_f64(1.0 + fastrand::f64() / 2.0);
    }

    fn alert(&self, window: &Window, position: &Position, moved: &Move) {
        if moved.alert {
            let name = &window.key.name;
            self.desk.metrics.alert(name.scope as usize).inc();
            let left_usd = caller::shown_usd(moved.free.max(0));
            let limit_usd = caller::shown_usd(position.limit);
            tracing::warn!(budget = %name, limit_usd, left_usd, "most of a budget is spent");
        }
    }

    /// Tells those in line; who may still hope stays there.
    fn answer(&mut self, prepared: &Prepared, verdicts: Vec<Verdict>) {
        let now = Instant::now();
        for (part, verdict) in prepared.parts.iter().zip(verdicts) {
            let Some(mut ask) = self.line.pop_front() else { return };
            match verdict {
                Verdict::Granted(amounts) => {
                    let amounts = all_amounts(&ask, part, &amounts);
                    ask.grant(&self.desk, amounts);
                }
                Verdict::Short { at, left, hope } => {
                    pay_back(&ask, part);
                    let Some((window, _)) = prepared.windows.get(at) else { return };
                    if hope && now < ask.patience && !ask.is_gone() {
                        ask.is_short_of(window, left);
                        self.line.push_back(ask);
                    } else {
                        ask.refuse(&self.desk, window, left);
                    }
                }
            }
        }
    }

    /// Nothing is on its way to the store any more.
    fn written(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.desk.metrics.ledger_written.add(batch.calls() as u64);
            self.desk.queue().written();
            self.show_queue();
            let (now, every) = (Instant::now(), self.desk.config.load().flush);
            self.times.flush = self.times.flush.min(now + every);
            if !self.desk.queue().is_idle() && !self.waiters.is_empty() {
                self.times.flush = now;
            } else {
                // Who has stopped waiting is not told.
                self.waiters.drain(..).for_each(|waiter| waiter.send(()).unwrap_or_default());
            }
        }
        self.held.retain(|_, window| !window.forget_if_empty());
    }

    fn show_queue(&self) {
        let length = self.desk.queue().len();
        self.desk.metrics.ledger_queue.set(i64::try_from(length).unwrap_or(i64::MAX));
    }

    /// The turn before had happened, and nobody had learned of it. Who is in line is looked at again.
    fn already(&mut self, prepared: &Prepared, leases: &[(Key, NanoUsd)], dead: bool) {
        self.give_back(prepared);
        let leases: BTreeMap<&Key, NanoUsd> = leases.iter().map(|(key, amount)| (key, *amount)).collect();
        for (key, window) in &self.held {
            let leased = leases.get(key).copied().filter(|_| !dead);
            window.learn(leased.unwrap_or_default(), true);
        }
        self.turn += 1;
        if dead {
            self.holder = None;
            self.desk.leases_until(None);
        }
        (self.unsure, self.failures) = (false, 0);
        self.written();
        self.times.poll = Instant::now();
    }

    /// Other processes have given back what this one held: it was not heard of for too long. What requests hold is set
    /// aside again by the next turn, whatever is left by now.
    fn died(&mut self, prepared: &Prepared) {
        self.give_back(prepared);
        if self.held.values().any(|window| window.is_held()) {
            tracing::warn!("this server was not heard of for too long: what its requests had reserved was given back");
        }
        self.held.values().for_each(|window| window.learn(0, false));
        self.desk.leases_until(None);
        (self.holder, self.unsure) = (None, false);
        self.times.poll = Instant::now();
        self.times.flush = Instant::now();
    }

    /// Puts back what requests in line paid from memory for this turn.
    fn give_back(&self, prepared: &Prepared) {
        self.line.iter().zip(&prepared.parts).for_each(|(ask, part)| pay_back(ask, part));
    }

    /// The store could not be reached, or failed; perhaps after the turn had happened.
    fn failed(&mut self, error: &StoreError) {
        self.failures += 1;
        self.unsure = true;
        self.show_queue();
        self.waiters.clear();
        for ask in std::mem::take(&mut self.line) {
            ask.fail(&self.desk, &error.to_string());
        }
        let now = Instant::now();
        let pause = self.desk.config.load().flush * 2_u32.pow(self.failures.min(8));
        self.times.flush = now + pause.min(RETRY_MAX);
        self.times.refuse_until = now + FAILED_PAUSE;
        if self.failures.is_power_of_two() {
            tracing::warn!(%error, failures = self.failures, "books could not be written, they wait");
        }
        let absent = matches!(error.kind(), Kind::Unavailable | Kind::Overloaded);
        if !absent && self.failures >= POISON {
            self.give_up_calls();
        }
    }

    /// Whatever is wrong with the single calls must not keep budgets from being written.
    fn give_up_calls(&mut self) {
        let Some(batch) = self.batch.as_ref().filter(|batch| batch.calls() > 0) else { return };
        let calls = batch.calls();
        tracing::error!(calls, "calls that cannot be written into the ledger are dropped, their sums are kept");
        self.desk.metrics.ledger_dropped.add(calls as u64);
        let rest: Batch = batch.without_calls();
        self.batch = Some(Arc::new(rest));
        self.desk.queue().written();
    }
}

/// Pays from memory where nobody waits for that money.
fn part(ask: &Ask, leases: bool) -> Part {
    let pays = |at: &usize| {
        let window = ask.windows.get(*at);
        leases && window.is_some_and(|window| window.take(ask.need.most))
    };
    let (paid, short) = (0..ask.windows.len()).partition(pays);
    Part { short, paid }
}

fn pay_back(ask: &Ask, part: &Part) {
    let paid = part.paid.iter().filter_map(|at| ask.windows.get(*at));
    paid.for_each(|window| window.put_back(ask.need.most));
}

fn all_amounts(ask: &Ask, part: &Part, granted: &[NanoUsd]) -> Amounts {
    if granted.iter().all(|amount| *amount == ask.need.most) {
        return Amounts::Same(ask.need.most);
    }
    let mut amounts = vec![ask.need.most; ask.windows.len()];
    for (at, granted) in part.short.iter().zip(granted) {
        if let Some(amount) = amounts.get_mut(*at) {
            *amount = *granted;
        }
    }
    Amounts::Each(amounts.into())
}
