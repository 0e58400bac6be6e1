//! Requests that wait for money, first come first served.

use super::accounts::{Account, Windows};
use super::desk::Desk;
use super::tab::{Amounts, Tab};
use super::window::Window;
use caller::{NanoUsd, Need, SpendFault};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What a request in line is told in the end.
pub(super) type Reply = oneshot::Sender<Result<Tab, SpendFault>>;

/// A request in line.
pub(super) struct Ask {
    pub(super) account: Arc<Account>,
    pub(super) request_id: Arc<str>,
    pub(super) windows: Windows,
    pub(super) need: Need,
    /// Until when it waits for money that others hold.
    pub(super) patience: Instant,
    pub(super) reply: Reply,
    /// The window it was short of when the clerk last looked, and how much was left of it.
    pub(super) short: Option<(Arc<Window>, NanoUsd)>,
}

impl Ask {
    /// The least it can do with.
    pub(super) fn least(&self) -> NanoUsd {
        if self.need.bounded { self.need.most } else { self.need.likely }
    }

    /// Takes all it may cost out of every window, or nothing of any.
    pub(super) fn is_paid_from_memory(&self) -> bool {
        let most = self.need.most;
        let Some(short) = self.windows.iter().position(|window| !window.take_in_line(most)) else { return true };
        self.windows.iter().take(short).for_each(|window| window.put_back(most));
        false
    }

    /// Whether nobody waits for the answer any more.
    pub(super) fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    /// Remembers what it is short of, so that nobody overtakes it there.
    pub(super) fn is_short_of(&mut self, window: &Arc<Window>, left: NanoUsd) {
        window.wait(true);
        if let Some((before, _)) = self.short.replace((Arc::clone(window), left)) {
            before.wait(false);
        }
    }

    /// It gets what it asked for. If it is gone by now, dropping the tab gives everything back.
    pub(super) fn grant(self, desk: &Arc<Desk>, amounts: Amounts) {
        match self.leave() {
            true => desk.metrics.waited.inc(),
            false => desk.metrics.granted.inc(),
        }
        let tab = Tab {
            desk: Arc::clone(desk),
            account: self.account,
            request_id: self.request_id,
            windows: self.windows,
            amounts,
            cost: 0.into(),
        };
        drop(self.reply.send(Ok(tab)));
    }

    /// There is too little in `window`, and waiting is of no use or has been in vain.
    pub(super) fn refuse(self, desk: &Desk, window: &Window, left: NanoUsd) {
        self.leave();
        desk.metrics.refused.inc();
        let (key, name) = (&window.key, &window.key.name);
        let resets_in = key.resets_in_ms(desk.clock.now_ms());
        let fault = SpendFault::Exhausted {
            whose: name.scope.whose(),
            until: name.period.until(),
            left,
            need: self.least(),
            resets_in: resets_in.map(|ms| Duration::from_millis(ms.unsigned_abs())),
        };
        drop(self.reply.send(Err(fault)));
    }

    /// Nobody can tell whether there is enough.
    pub(super) fn fail(self, desk: &Desk, reason: &str) {
        self.leave();
        desk.metrics.unavailable.inc();
        drop(self.reply.send(Err(SpendFault::Unavailable { reason: reason.to_owned() })));
    }

    /// Leaves the line; whether it had to wait.
    pub(super) fn leave(&self) -> bool {
        if let Some((window, _)) = &self.short {
            window.wait(false);
        }
        self.short.is_some()
    }
}
