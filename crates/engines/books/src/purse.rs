//! Somebody's purse: money for a request, from memory where there is some, otherwise by the clerk.

use super::Books;
use super::accounts::{Account, Windows};
use super::line::Ask;
use super::money;
use super::tab::{Amounts, Tab};
use caller::{NanoUsd, Need, Spend, SpendFault, TabFuture};
use futures_util::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// The most requests that may stand in line for money.
const LINE_MAX: usize = 10_000;
/// How much longer than `budget.wait_ms` the store may take to answer.
const STORE_PATIENCE: Duration = Duration::from_secs(2);
/// So long before its deadline a request in line is refused, so that it can still say why.
const ANSWER_TIME: Duration = Duration::from_millis(100);

/// Somebody's purse.
pub(super) struct Purse {
    pub(super) books: Arc<Books>,
    pub(super) account: Arc<Account>,
}

impl Spend for Purse {
    fn reserve<'a>(&'a self, request_id: &'a Arc<str>, need: Need, deadline: Instant) -> TabFuture<'a> {
        let (need, shared) = (sane(need), |tab| Arc::new(tab) as Arc<dyn caller::Tab>);
        match self.open_now(request_id, need) {
            // A box for the answer alone, not for all that waiting takes.
            Some(opened) => Box::pin(ready(opened.map(shared))),
            None => Box::pin(async move { self.open(request_id, need, deadline).await.map(shared) }),
        }
    }
}

/// Amounts that can be added up.
fn sane(need: Need) -> Need {
    let most = need.most.clamp(0, money::LIMIT_MAX);
    // Who needs anything at all needs something: with nothing left, nothing is spent.
    Need { most, likely: need.likely.clamp(most.min(1), most), bounded: need.bounded }
}

/// The most that one request may cost is checked against what is known of it.
fn check_request(need: &Need, allowed: Option<NanoUsd>) -> Result<(), SpendFault> {
    let need = if need.bounded { need.most } else { need.likely };
    match allowed {
        Some(most) if need > most => Err(SpendFault::TooExpensive { need, most }),
        _ => Ok(()),
    }
}

impl Purse {
    /// From memory; none if that takes more than a look.
    fn open_now(&self, request_id: &Arc<str>, need: Need) -> Option<Result<Tab, SpendFault>> {
        let desk = &self.books.desk;
        let request_max = desk.config.load().request_max;
        if let Err(refused) = check_request(&need, request_max) {
            desk.metrics.refused.inc();
            return Some(Err(refused));
        }
        if desk.is_stale() {
            return None;
        }
        self.take(request_id, need, desk.windows(&self.account)).ok().map(Ok)
    }

    /// A tab over what is left in these windows; they come back if that is not enough.
    fn take(&self, request_id: &Arc<str>, need: Need, windows: Windows) -> Result<Tab, Windows> {
        let desk = &self.books.desk;
        if !desk.take(&windows, need.most) {
            return Err(windows);
        }
        desk.metrics.granted.inc();
        Ok(Tab {
            desk: Arc::clone(desk),
            account: Arc::clone(&self.account),
            request_id: Arc::clone(request_id),
            windows,
            amounts: Amounts::Same(need.most),
            cost: 0.into(),
        })
    }

    /// Where [`Self::open_now`] could not say: a look into the store, and a place in line.
    async fn open(&self, request_id: &Arc<str>, need: Need, deadline: Instant) -> Result<Tab, SpendFault> {
        let desk = &self.books.desk;
        if desk.is_stale() {
            desk.refresh().await;
        }
        let windows = match self.take(request_id, need, desk.windows(&self.account)) {
            Ok(tab) => return Ok(tab),
            Err(windows) => windows,
        };
        let wait = desk.config.load().wait;
        let now = Instant::now();
        let (reply, answer) = oneshot::channel();
        let ask = Ask {
            account: Arc::clone(&self.account),
            request_id: Arc::clone(request_id),
            windows,
            need,
            patience: (now + wait).min(deadline.checked_sub(ANSWER_TIME).unwrap_or(now)),
            reply,
            short: None,
        };
        let unavailable = |reason: &str| {
            desk.metrics.unavailable.inc();
            SpendFault::Unavailable { reason: reason.to_owned() }
        };
        if !desk.join(ask, LINE_MAX) {
            return Err(unavailable("too many requests wait for money, or the server stops"));
        }
        match timeout_at(deadline.min(now + wait + STORE_PATIENCE), answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_closed)) => Err(unavailable("the server stops")),
            Err(_elapsed) => Err(unavailable("the store does not answer in time")),
        }
    }
}
