//! Places at models: how many questions are out at once, over all evaluations of this server, and how many of them one
//! tenant's. Knows no question, and no time.

use caller::HOUSE;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Places for questions. A free one goes to the tenant that has the fewest, and there to whoever waits longest.
///
/// A tenant may have a share of those places that others leave it, and one in any case: so some are left for whoever
/// comes, though all who are here hang. Only the house may have all of them, until another tenant has come.
#[derive(Debug)]
pub(crate) struct Places(Mutex<State>);

#[derive(Debug)]
struct State {
    most: usize,
    share: f64,
    /// Whether a tenant has come that is not the house.
    shared: bool,
    taken: usize,
    /// Of those tenants that have a place or wait for one.
    tenants: HashMap<Arc<str>, Held>,
    turns: u64,
}

#[derive(Debug, Default)]
struct Held {
    places: usize,
    line: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    turn: u64,
    wake: oneshot::Sender<Place>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    tenant: Arc<str>,
}

impl Places {
    /// So many places, of which a tenant may have such a share.
    pub(crate) fn new(most: usize, share: f64) -> Arc<Self> {
        let (tenants, shared) = (HashMap::new(), false);
        Arc::new(Self(Mutex::new(State { most, share, shared, taken: 0, tenants, turns: 0 })))
    }

    /// From now on there are so many. Those that are taken beyond go as they are given back.
    pub(crate) fn resize(&self, most: usize, share: f64) {
        let state = &mut *self.state();
        (state.most, state.share) = (most, share);
    }

    /// Notes that this tenant has come.
    pub(crate) fn meet(&self, tenant: &str) {
        self.state().shared |= tenant != HOUSE;
    }

    /// Waits for a place. Dropping the future leaves the line.
    pub(crate) async fn enter(self: &Arc<Self>, tenant: &Arc<str>) -> Option<Place> {
        let (wake, woken) = oneshot::channel();
        self.meet(tenant);
        self.state().join(tenant, wake);
        self.wake();
        woken.await.ok()
    }

    /// Gives free places to whoever may have them.
    pub(crate) fn wake(self: &Arc<Self>) {
        loop {
            let Some((wake, tenant)) = self.state().next() else { return };
            // Whoever has just left gives it back by that.
            drop(wake.send(Place { places: Arc::clone(self), tenant }));
        }
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        let state = self.state();
        state.most.saturating_sub(state.taken)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn join(&mut self, tenant: &Arc<str>, wake: oneshot::Sender<Place>) {
        self.turns += 1;
        let waiting = Waiting { turn: self.turns, wake };
        self.tenants.entry(Arc::clone(tenant)).or_default().line.push_back(waiting);
    }

    /// Takes a place for whoever is next; `None` where there is none, or nobody who may have it.
    fn next(&mut self) -> Option<(oneshot::Sender<Place>, Arc<str>)> {
        for held in self.tenants.values_mut() {
            while held.line.front().is_some_and(|waiting| waiting.wake.is_closed()) {
                held.line.pop_front();
            }
        }
        self.tenants.retain(|_, held| held.places > 0 || !held.line.is_empty());
        let waiting = self.tenants.iter().filter(|(_, held)| self.may(held));
        let waiting = waiting.filter_map(|(tenant, held)| Some((held.places, held.line.front()?.turn, tenant)));
        let tenant = Arc::clone(waiting.min()?.2);
        let held = self.tenants.get_mut(&tenant)?;
        let Waiting { wake, .. } = held.line.pop_front()?;
        held.places += 1;
        self.taken += 1;
        Some((wake, tenant))
    }

    /// Whether a tenant may have one more.
    fn may(&self, held: &Held) -> bool {
        let left = self.most.saturating_sub(self.taken - held.places);
        let share = if self.shared { ((left as f64 * self.share) as usize).max(1) } else { left };
        self.taken < self.most && held.places < share
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let state = &mut *self.places.state();
            state.taken -= 1;
            if let Some(held) = state.tenants.get_mut(&self.tenant) {
                held.places -= 1;
            }
        }
        self.places.wake();
    }
}

#[cfg(test)]
mod tests;
