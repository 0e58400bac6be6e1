//! What this process holds of one stretch of a budget: money set aside in the store at once and handed out from
//! memory.
//!
//! The lease is what the store has set aside for this process. It covers what was handed out to requests and has not
//! come back, what they spent and the store does not know yet, and the rest is idle: requests take from that without
//! asking the store. Only the clerk changes a lease, in turns; what a turn decides about is claimed meanwhile.

use super::name::Key;
use super::turn::{Move, Position};
use caller::NanoUsd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// After so many flushes in which nobody took anything, nothing is kept for the next request.
const QUIET_MAX: u32 = 4;
/// The share of what is free that one process may hold idle, as a divisor.
pub(super) const IDLE_SHARE: NanoUsd = 16;

/// One stretch of a budget, as this process sees it.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) key: Key,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What may be spent in all.
    limit: NanoUsd,
    /// From what spending on an alert is raised.
    alert_at: NanoUsd,
    /// What the store has set aside for this process.
    leased: NanoUsd,
    /// What requests hold.
    outstanding: NanoUsd,
    /// What they spent and no turn has written yet.
    spent: NanoUsd,
    /// What they spent and a turn is writing, or did not learn whether it has.
    flushing: NanoUsd,
    /// What a turn decides about.
    claimed: NanoUsd,
    /// What was handed out since the last flush, and what is expected until the next one.
    taken: NanoUsd,
    rate: NanoUsd,
    quiet: u32,
    /// What nobody held after the last turn.
    free: NanoUsd,
    /// Requests in line that are short of this money: nobody overtakes them.
    waiting: u32,
    /// The limit has changed: nothing is handed out before a turn has looked.
    strict: bool,
    /// Whether the clerk knows of it.
    listed: bool,
}

impl State {
    fn idle(&self) -> NanoUsd {
        self.leased - self.outstanding - self.spent - self.flushing - self.claimed
    }
}

/// What has to be done after money came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Returned {
    /// Somebody in line waits for it.
    pub(super) awaited: bool,
    /// The clerk does not know that this window holds something.
    pub(super) unlisted: bool,
}

impl Window {
    pub(super) fn new(key: Key, limit: NanoUsd, alert_share: f64) -> Self {
        let window = Self { key, state: Mutex::default() };
        window.set_limit(limit, alert_share);
        window
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leased, outstanding, spent, and on its way to the store.
    #[cfg(test)]
    pub(super) fn amounts(&self) -> [NanoUsd; 4] {
        let state = self.state();
        [state.leased, state.outstanding, state.spent, state.flushing]
    }

    /// Hands out `amount`, if it is there and nobody in line waits for this money.
    pub(super) fn take(&self, amount: NanoUsd) -> bool {
        let mut state = self.state();
        state.waiting == 0 && take(&mut state, amount)
    }

    /// Hands out `amount` to the first in line.
    pub(super) fn take_in_line(&self, amount: NanoUsd) -> bool {
        take(&mut self.state(), amount)
    }

    /// What was handed out comes back, and `cost` of it was spent.
    pub(super) fn settle(&self, amount: NanoUsd, cost: NanoUsd) -> Returned {
        let mut state = self.state();
        state.outstanding -= amount;
        state.spent += cost;
        let unlisted = cost != 0 && !state.listed;
        state.listed |= unlisted;
        Returned { awaited: state.waiting > 0, unlisted }
    }

    /// What was handed out by mistake comes back.
    pub(super) fn put_back(&self, amount: NanoUsd) {
        let mut state = self.state();
        state.outstanding -= amount;
        state.taken -= amount;
    }

    /// Somebody short of this money stands in line, or leaves it.
    pub(super) fn wait(&self, more: bool) {
        let mut state = self.state();
        state.waiting = if more { state.waiting + 1 } else { state.waiting.saturating_sub(1) };
    }

    /// Whether somebody short of this money stands in line.
    pub(super) fn is_awaited(&self) -> bool {
        self.state().waiting > 0
    }

    /// Gives it another limit.
    pub(super) fn set_limit(&self, limit: NanoUsd, alert_share: f64) {
        let mut state = self.state();
        state.strict |= state.limit != limit;
        state.limit = limit;
        state.alert_at = (limit as f64 * alert_share) as NanoUsd;
    }

    /// What nobody held after the last turn.
    pub(super) fn known_free(&self) -> NanoUsd {
        self.state().free.max(0)
    }

    /// Whether this process holds nothing of it; the clerk forgets it then.
    pub(super) fn forget_if_empty(&self) -> bool {
        let mut state = self.state();
        let empty = [state.leased, state.outstanding, state.spent, state.flushing].iter().all(|amount| *amount == 0);
        state.listed = !empty;
        empty
    }

    /// Whether the clerk learns of it by this, and has to remember it.
    pub(super) fn list(&self) -> bool {
        !std::mem::replace(&mut self.state().listed, true)
    }

    /// Whether requests hold money of it.
    pub(super) fn is_held(&self) -> bool {
        self.state().outstanding != 0
    }

    /// A flush begins: what was spent goes with it, and what the next requests will need is guessed anew.
    pub(super) fn begin_flush(&self) {
        let mut state = self.state();
        state.flushing += std::mem::take(&mut state.spent);
        let taken = std::mem::take(&mut state.taken);
        state.quiet = if taken > 0 { 0 } else { state.quiet + 1 };
        state.rate = if state.quiet >= QUIET_MAX { 0 } else { taken.max(state.rate / 4 * 3) };
    }

    /// A turn begins: how things stand, with what it decides about claimed. `asked` is what those in line ask for;
    /// `keep` is whether anything may be kept for the next request.
    pub(super) fn position(&self, asked: Option<NanoUsd>, keep: bool) -> Position {
        let mut state = self.state();
        let expected = state.rate.max(state.taken).max(asked.unwrap_or_default().saturating_mul(2)).saturating_mul(2);
        let target = if keep { expected } else { 0 };
        let idle = state.idle().max(0);
        let wanted = asked.is_some() || state.strict || state.waiting > 0;
        let kept = if wanted { 0 } else { idle.min(target).min(state.free.max(0) / IDLE_SHARE) };
        state.claimed += idle - kept;
        Position {
            limit: state.limit,
            alert_at: state.alert_at,
            leased: state.leased,
            held: state.outstanding + state.spent + kept,
            kept,
            unwritten: state.spent,
            flushing: state.flushing,
            target,
        }
    }

    /// A turn has happened.
    pub(super) fn apply(&self, position: &Position, moved: &Move, granted: NanoUsd) {
        let mut state = self.state();
        state.leased = moved.lease;
        state.flushing = 0;
        state.claimed = 0;
        state.free = moved.free;
        state.outstanding += granted;
        state.taken += granted;
        state.strict &= state.limit != position.limit;
    }

    /// The store says what it has set aside, after a turn of which nobody learned whether it had happened.
    pub(super) fn learn(&self, leased: NanoUsd, written: bool) {
        let mut state = self.state();
        state.leased = leased;
        state.claimed = 0;
        if written {
            state.flushing = 0;
        }
    }
}

fn take(state: &mut State, amount: NanoUsd) -> bool {
    let there = !state.strict && state.idle() >= amount;
    if there {
        state.outstanding += amount;
        state.taken += amount;
    }
    there
}
