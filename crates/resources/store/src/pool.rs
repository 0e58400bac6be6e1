//! Connections that are kept, each lent to one transaction at a time.
//!
//! Nothing here runs by itself: an idle pool sleeps. Whoever takes a connection and does not give it back closes it. A
//! server that was found down is not asked again for a moment: everybody who needs a new connection is told at once.

use crate::StoreError;
use futures_util::future::BoxFuture;
use measure::{LevelGuard, PoolMetrics};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How long a server counts as down after it could not be reached.
const DOWN: Duration = Duration::from_millis(250);
/// A connection that was not used for this long is closed when there are more than the fewest.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// A connection that is older than this is not used again: servers behind one name change.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);

/// A connection.
pub(crate) trait Link: Send + 'static {
    /// Says goodbye.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Makes a connection.
pub(crate) type Connect<C> = Box<dyn Fn() -> BoxFuture<'static, Result<C, StoreError>> + Send + Sync>;

/// How many connections, and how long to wait for one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) fewest: u32,
    pub(crate) most: u32,
    pub(crate) acquire: Duration,
}

/// Connections to one place. Clones share them.
pub(crate) struct Pool<C>(Arc<Shared<C>>);

struct Shared<C> {
    connect: Connect<C>,
    size: Size,
    places: Arc<Semaphore>,
    /// The one used last is at the end and is used next.
    idle: Mutex<Vec<Kept<C>>>,
    down: Mutex<Option<Down>>,
    metrics: PoolMetrics,
}

struct Kept<C> {
    link: C,
    born: Instant,
    used: Instant,
}

/// Nobody tries to connect until then.
struct Down {
    reason: String,
    until: Instant,
}

/// A connection on loan; it is closed unless it is given back.
pub(crate) struct Lease<C> {
    kept: Kept<C>,
    /// Whether it was made just now.
    pub(crate) fresh: bool,
    pool: Arc<Shared<C>>,
    _place: OwnedSemaphorePermit,
    _level: LevelGuard,
}

impl<C: Link> Pool<C> {
    pub(crate) fn new(connect: Connect<C>, size: Size, metrics: &PoolMetrics) -> Self {
        metrics.limit.set(i64::from(size.most));
        let places = Arc::new(Semaphore::new(size.most as usize));
        let (idle, down) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { connect, size, places, idle, down, metrics: metrics.clone() }))
    }

    /// Opens the fewest connections.
    pub(crate) async fn fill(&self) -> Result<(), StoreError> {
        let mut leases = Vec::new();
        for _ in 0..self.0.size.fewest.min(self.0.size.most) {
            leases.push(self.get().await?);
        }
        leases.into_iter().for_each(Lease::give_back);
        Ok(())
    }

    /// A connection that was kept, or else a new one.
    pub(crate) async fn get(&self) -> Result<Lease<C>, StoreError> {
        let (pool, asked) = (&self.0, Instant::now());
        let within = pool.size.acquire;
        let place = match timeout(within, Arc::clone(&pool.places).acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_closed)) => return Err(StoreError::Closed),
            Err(_elapsed) => return Err(StoreError::Busy { within }),
        };
        let kept = locked(&pool.idle).pop();
        let (kept, fresh) = match kept {
            Some(kept) => (kept, false),
            None => (pool.open().await?, true),
        };
        pool.metrics.waited(asked.elapsed());
        Ok(Lease { kept, fresh, pool: Arc::clone(pool), _place: place, _level: pool.metrics.in_use.enter() })
    }

    /// Waits up to `within` for those on loan and closes all.
    pub(crate) async fn close(&self, within: Duration) {
        // Who comes now stands behind this, and is told then.
        let all = timeout(within, self.0.places.acquire_many(self.0.size.most)).await;
        self.0.places.close();
        drop(all);
        let idle = std::mem::take(&mut *locked(&self.0.idle));
        for kept in idle {
            kept.link.close().await;
        }
    }
}

impl<C> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Link> Shared<C> {
    async fn open(&self) -> Result<Kept<C>, StoreError> {
        let probe = self.probe()?;
        let made = timeout(self.size.acquire, (self.connect)()).await.unwrap_or_else(|_| Err(silent()));
        probe.ended(made.as_ref().err());
        let now = Instant::now();
        made.map(|link| Kept { link, born: now, used: now })
    }

    /// Leave to try, unless somebody has just found that it cannot be reached, or is about to find out.
    fn probe(&self) -> Result<Probe<'_>, StoreError> {
        let now = Instant::now();
        let mut down = locked(&self.down);
        if let Some(down) = &mut *down {
            if now < down.until {
                return Err(StoreError::Unreachable { reason: down.reason.clone() });
            }
            down.until = now + self.size.acquire + DOWN;
        }
        drop(down);
        Ok(Probe { down: &self.down, open: true })
    }
}

/// One try to connect. Dropped before it has ended, it leaves the next try to the next who comes.
struct Probe<'a> {
    down: &'a Mutex<Option<Down>>,
    open: bool,
}

impl Probe<'_> {
    fn ended(mut self, error: Option<&StoreError>) {
        *locked(self.down) = match error {
            Some(StoreError::Unreachable { reason }) => {
                Some(Down { reason: reason.clone(), until: Instant::now() + DOWN })
            }
            _ => None,
        };
        self.open = false;
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if self.open
            && let Some(down) = &mut *locked(self.down)
        {
            down.until = Instant::now();
        }
    }
}

impl<C: Link> Lease<C> {
    /// Keeps the connection for the next one.
    pub(crate) fn give_back(self) {
        let Self { mut kept, pool, .. } = self;
        let now = Instant::now();
        if pool.places.is_closed() || now - kept.born > AGE_MAX {
            return;
        }
        kept.used = now;
        let mut idle = locked(&pool.idle);
        idle.push(kept);
        let unused = idle.iter().take_while(|kept| now - kept.used > IDLE_MAX).count();
        let spare = unused.min(idle.len().saturating_sub(pool.size.fewest as usize));
        let closed: Vec<_> = idle.drain(..spare).collect();
        drop(idle);
        drop(closed);
    }

    pub(crate) fn link(&mut self) -> &mut C {
        &mut self.kept.link
    }
}

/// What to say of a server that does not answer.
pub(crate) fn silent() -> StoreError {
    StoreError::Unreachable { reason: "it does not answer in time".to_owned() }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
