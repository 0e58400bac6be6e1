//! Keys that were looked up: believed for a while, looked up by one at a time, forgotten at once when revoked here.

use super::bounded::Bounded;
use super::rate::Rate;
use crate::keys::{Digest, KeyRecord, Keys};
use caller::{Guest, Identity};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::Store;

/// What is believed of a key.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) standing: Standing,
    /// When it ends, in milliseconds since 1970.
    pub(super) expires_ms: Option<i64>,
    /// Whether `rpm` is its own.
    pub(super) is_own: bool,
    /// The requests per minute that `rate` stands for.
    pub(super) rpm: Option<u32>,
    pub(super) rate: Option<Arc<Rate>>,
    /// When the store was asked.
    pub(super) looked_up: Duration,
    /// When it is to be asked again.
    pub(super) until: Duration,
}

/// What the store knows of a key.
#[derive(Clone)]
pub(super) enum Standing {
    Good(Guest),
    Revoked,
    /// It was made under our secret and is not in this store.
    Unknown,
}

impl Standing {
    /// Whose key it is, if it may be used.
    pub(super) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Good(guest) => Some(&guest.identity),
            Self::Revoked | Self::Unknown => None,
        }
    }
}

/// What a look into the store brought.
pub(super) struct Found {
    /// When it began.
    pub(super) began: Duration,
    /// How often something was revoked before it began.
    era: u64,
    /// The key, or why the store did not answer.
    pub(super) record: Result<Option<KeyRecord>, String>,
}

impl Found {
    /// That the store did not answer in time.
    pub(super) fn late(began: Duration) -> Arc<Self> {
        Arc::new(Self { began, era: 0, record: Err("the store does not answer in time".to_owned()) })
    }
}

type Flight = Shared<BoxFuture<'static, Arc<Found>>>;

/// Keys that were looked up, and those that are being looked up.
pub(crate) struct Cache {
    entries: Bounded<Digest, Arc<Entry>>,
    /// Looks that somebody waits for. When nobody does any more, they end.
    flights: Mutex<HashMap<Digest, WeakShared<BoxFuture<'static, Arc<Found>>>>>,
    /// How often something was revoked here: what was read before that is not kept.
    era: AtomicU64,
}

impl Cache {
    pub(crate) fn new(most: usize) -> Self {
        Self { entries: Bounded::new(most), flights: Mutex::default(), era: AtomicU64::new(0) }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<Entry>> {
        self.entries.get(digest)
    }

    /// Forgets a key that was revoked, and whatever is being read about it.
    pub(crate) fn forget(&self, digest: &Digest) {
        self.era.fetch_add(1, Ordering::SeqCst);
        self.entries.remove(digest);
        self.flights().remove(digest);
    }

    /// Looks a key up; whoever asks for it meanwhile gets the same answer.
    pub(super) async fn look(&self, store: &Store, digest: Digest, now: Duration) -> Arc<Found> {
        let flight = self.join(store, digest, now);
        let found = flight.clone().await;
        let mut flights = self.flights();
        if flights.get(&digest).and_then(WeakShared::upgrade).is_none_or(|known| known.ptr_eq(&flight)) {
            flights.remove(&digest);
        }
        found
    }

    fn join(&self, store: &Store, digest: Digest, began: Duration) -> Flight {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(&digest).and_then(WeakShared::upgrade) {
            return flight;
        }
        let (store, era) = (store.clone(), self.era.load(Ordering::SeqCst));
        let look = async move {
            let record = Keys::by_digest(&store, digest).await.map_err(|error| error.to_string());
            Arc::new(Found { began, era, record })
        };
        let flight = look.boxed().shared();
        flights.extend(flight.downgrade().map(|weak| (digest, weak)));
        flight
    }

    /// Keeps what was found, unless something newer is known or something was revoked meanwhile. `entry` is told the
    /// entry so far and gives the new one; what is to be believed comes back.
    pub(super) fn keep(&self, digest: &Digest, found: &Found, entry: impl Fn(Option<&Entry>) -> Entry) -> Arc<Entry> {
        let mut believed = None;
        self.entries.update(digest, |known| {
            if let Some(known) = known.filter(|known| known.looked_up > found.began) {
                believed = Some(Arc::clone(known));
                return None;
            }
            let fresh = Arc::new(entry(known.map(|known| &**known)));
            believed = Some(Arc::clone(&fresh));
            (self.era.load(Ordering::SeqCst) == found.era).then_some(fresh)
        });
        believed.unwrap_or_else(|| Arc::new(entry(None)))
    }

    /// Believes an entry for longer than it was meant to be, because the store cannot be asked.
    pub(super) fn extend(&self, digest: &Digest, until: Duration) {
        self.entries.update(digest, |known| known.map(|known| Arc::new(Entry { until, ..Entry::clone(known) })));
    }

    /// Gives all keys without a rate of their own another one.
    pub(super) fn set_rate(&self, rpm: Option<u32>, rate: impl Fn(&Identity) -> Option<Arc<Rate>>) {
        self.entries.for_each(|entry| {
            if !entry.is_own {
                *entry =
                    Arc::new(Entry { rpm, rate: entry.standing.identity().and_then(&rate), ..Entry::clone(entry) });
            }
        });
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Digest, WeakShared<BoxFuture<'static, Arc<Found>>>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> usize {
        self.flights().len()
    }
}
