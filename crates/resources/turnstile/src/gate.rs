//! Bounded concurrency per provider: the asynchronous shell around [`guard::Bulkhead`], with a limit that follows what
//! the provider bears.

use crate::lock;
use guard::{Adaptive, Borne, Bulkhead, BulkheadConfig, Class, Entry, Shed, Turn};
use measure::Level;
use std::mem::discriminant;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Lets a bounded number in and keeps a bounded line.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    /// Where the limit is shown.
    shown: Level,
}

/// How busy a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Calls in progress.
    pub in_flight: u32,
    /// The most of them now, as far as the provider's answers tell.
    pub limit: u32,
    /// The most of them at all.
    pub in_flight_max: u32,
    /// Calls that wait for a place.
    pub waiting: u32,
    /// The most of them.
    pub queue_max: u32,
}

#[derive(Debug)]
struct State {
    bulkhead: Bulkhead<oneshot::Sender<()>>,
    adaptive: Adaptive,
}

/// A place inside; dropping it lets the next one in. Whoever uses it says so with [`Place::begin`]: how long it was held
/// tells others how long they may have to wait.
#[derive(Debug)]
pub struct Place {
    gate: Arc<Gate>,
    tenant: Arc<str>,
    since: Instant,
    used: bool,
    /// What the call tells of how much the provider bears, where that is not told yet.
    pub borne: Borne,
}

impl Gate {
    /// A gate with these limits, of which `adaptive` moves the most at once; that is shown in `shown`.
    pub fn new(config: BulkheadConfig, adaptive: Adaptive, shown: Level) -> Arc<Self> {
        let mut bulkhead = Bulkhead::new(config);
        bulkhead.set_limit(adaptive.limit());
        shown.set(i64::from(adaptive.limit()));
        Arc::new(Self { state: Mutex::new(State { bulkhead, adaptive }), shown })
    }

    /// From now on these limits hold, for those inside and in line too. What has been found out about how many at once
    /// the provider bears stays where it is found in the same way as with `adaptive`, and up to the same most.
    pub fn set_rules(&self, config: BulkheadConfig, adaptive: Adaptive) {
        let state = &mut *self.lock();
        let same_way = discriminant(&state.adaptive) == discriminant(&adaptive);
        if !same_way || state.bulkhead.rules().in_flight_max != config.in_flight_max {
            state.adaptive = adaptive;
            state.bulkhead.set_limit(state.adaptive.limit());
            self.shown.set(i64::from(state.adaptive.limit()));
        }
        state.bulkhead.set_rules(config);
        state.wake();
    }

    /// How busy it is now.
    pub fn load(&self) -> Load {
        let bulkhead = &self.lock().bulkhead;
        let BulkheadConfig { in_flight_max, queue_max, .. } = bulkhead.rules();
        Load {
            in_flight: bulkhead.in_flight(),
            limit: bulkhead.limit(),
            in_flight_max,
            waiting: bulkhead.waiting(),
            queue_max,
        }
    }

    /// Waits for a place, at most `remaining`.
    ///
    /// # Errors
    /// [`Shed`] at once when the line is full or the wait would be longer than `remaining`, after `remaining` when the
    /// wait was, and when the place in line goes to somebody else.
    pub async fn enter(self: &Arc<Self>, class: Class, tenant: &Arc<str>, remaining: Duration) -> Result<Place, Shed> {
        let asked = Instant::now();
        let mut told = None;
        let entry = self.lock().bulkhead.enter(asked.into_std(), class, tenant, remaining, || {
            let (tell, turn) = oneshot::channel();
            told = Some(turn);
            tell
        });
        match (entry, told) {
            (Entry::Shed(shed), _) => return Err(shed),
            (Entry::Wait { turn, displaced }, Some(told)) => {
                drop(displaced);
                let mut waiting = Waiting { gate: self, tenant, turn, told, inside: false };
                match tokio::time::timeout(remaining, &mut waiting.told).await {
                    Ok(Ok(())) => waiting.inside = true,
                    Ok(Err(_)) => return Err(Shed::Displaced),
                    Err(_) => return Err(Shed::TooLate { expected: asked.elapsed(), remaining }),
                }
            }
            (Entry::Go | Entry::Wait { .. }, _) => {}
        }
        let (gate, tenant, since) = (Arc::clone(self), Arc::clone(tenant), Instant::now());
        Ok(Place { gate, tenant, since, used: false, borne: Borne::Unknown })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// Frees one place and gives it to whoever is next.
    fn leave(&mut self, tenant: &Arc<str>, service: Option<Duration>) {
        self.bulkhead.leave(tenant, service);
        self.wake();
    }

    /// Lets in whoever may come in now.
    fn wake(&mut self) {
        while let Some((next, tenant)) = self.bulkhead.promote() {
            // Whoever leaves the line gives its turn up first, so that somebody listens.
            if next.send(()).is_err() {
                self.bulkhead.leave(&tenant, None);
            }
        }
    }

    fn learn(&mut self, borne: Borne, sent: Instant, shown: &Level) {
        let before = self.adaptive.limit();
        self.adaptive.learn(borne, self.bulkhead.in_flight(), sent.into_std(), Instant::now().into_std());
        let after = self.adaptive.limit();
        if after != before {
            self.bulkhead.set_limit(after);
            shown.set(i64::from(after));
        }
    }
}

impl Place {
    /// The call begins.
    pub fn begin(&mut self) {
        (self.since, self.used) = (Instant::now(), true);
    }

    /// The provider has begun to answer, `took` after it was asked; the place is held on to.
    pub fn accepted(&self, took: Duration) {
        let mut state = self.gate.lock();
        state.learn(Borne::Opened(took), self.since, &self.gate.shown);
        state.wake();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if self.borne != Borne::Unknown {
            state.learn(self.borne, self.since, &self.gate.shown);
        }
        state.leave(&self.tenant, self.used.then(|| self.since.elapsed()));
    }
}

/// Somebody in line; leaving it gives the turn, or a place that was just granted, back.
struct Waiting<'a> {
    gate: &'a Arc<Gate>,
    tenant: &'a Arc<str>,
    turn: Turn,
    told: oneshot::Receiver<()>,
    inside: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.inside {
            return;
        }
        // Under the lock nobody can grant the turn while we give it up.
        let mut state = self.gate.lock();
        if !state.bulkhead.give_up(self.turn) && self.told.try_recv().is_ok() {
            state.leave(self.tenant, None);
        }
    }
}

#[cfg(test)]
mod tests;
