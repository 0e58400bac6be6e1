//! Connections that nobody uses just now. Knows no address but to compare it.

use crate::client::BEYOND_IDLE;
use crate::link::Link;
use http::uri::Authority;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep_until};

/// After how long at most a look is taken whether the other side has closed what lies here.
const LOOK: Duration = BEYOND_IDLE;
/// And after how long at least: what grows old one by one is cleared up together.
const LOOK_MIN: Duration = Duration::from_millis(500);

/// Unused connections, the one used last on top. It is taken first, so that what is too much grows old at the bottom.
#[derive(Debug)]
pub(crate) struct Shelf {
    shelved: Mutex<Shelved>,
    idle_timeout: Duration,
    pool_max: usize,
}

#[derive(Debug, Default)]
struct Shelved {
    /// One for each runtime that has laid something down.
    homes: Vec<Home>,
    /// Whether somebody clears it up.
    is_kept: bool,
}

/// The connections of one runtime.
#[derive(Debug)]
struct Home {
    /// The runtime whose driver watches the sockets: from another, each piece would wake a second thread.
    runtime: Option<Id>,
    idle: Vec<Idle>,
}

struct Idle {
    link: Box<Link>,
    host: Authority,
    until: Instant,
}

impl Shelf {
    pub(crate) fn new(idle_timeout: Duration, pool_max: usize) -> Arc<Self> {
        Arc::new(Self { shelved: Mutex::default(), idle_timeout, pool_max })
    }

    /// A connection to `host` that is fit for another request.
    pub(crate) fn take(&self, host: &Authority) -> Option<Box<Link>> {
        let here = here();
        loop {
            let mut idle = {
                let mut shelved = self.lock();
                let all = &mut shelved.homes.iter_mut().find(|home| home.runtime == here)?.idle;
                let at = all.iter().rposition(|idle| idle.host == *host)?;
                all.remove(at)
            };
            if idle.is_good(Instant::now()) {
                return Some(idle.link);
            }
        }
    }

    /// Lays a connection down, for `idle_timeout` where the pool has room and else for [`BEYOND_IDLE`]. Each runtime has
    /// its share of the pool, as none can take what another has laid down.
    pub(crate) fn put(self: &Arc<Self>, mut link: Box<Link>, host: Authority) {
        if !link.is_free() {
            return;
        }
        let mut shelved = self.lock();
        let home = shelved.home(here());
        let share = (self.pool_max / shelved.homes.len().max(1)).max(1);
        let Some(home) = shelved.homes.get_mut(home) else { return };
        let has_room = home.idle.len() < share.min(self.pool_max);
        let stays = if has_room { self.idle_timeout } else { BEYOND_IDLE.min(self.idle_timeout) };
        home.idle.push(Idle { link, host, until: Instant::now() + stays });
        if !shelved.is_kept
            && let Ok(runtime) = Handle::try_current()
        {
            shelved.is_kept = true;
            runtime.spawn(Keeper(Arc::downgrade(self)).keep());
        }
    }

    /// How many connections lie here, of all runtimes.
    pub(crate) fn idle(&self) -> usize {
        self.lock().homes.iter().map(|home| home.idle.len()).sum()
    }

    /// Drops what is too old or closed; when to look again, if anything is left.
    fn clear(&self) -> Option<Instant> {
        let now = Instant::now();
        for home in 0..self.drop_old(now) {
            let mut at = 0;
            // One by one, and none under the lock: a look reads from a socket, and others take and lay down meanwhile.
            while let Some(mut idle) = self.lift(home, at) {
                if idle.is_good(now) {
                    self.lay_back(home, at, idle);
                    at += 1;
                }
            }
        }
        let mut shelved = self.lock();
        let first = shelved.homes.iter().flat_map(|home| &home.idle).map(|idle| idle.until).min();
        shelved.is_kept = first.is_some();
        first.map(|first| next_look(first, now))
    }

    /// Drops what is too old, which takes no look; how many homes there are.
    fn drop_old(&self, now: Instant) -> usize {
        let mut shelved = self.lock();
        let mut old = Vec::new();
        for home in &mut shelved.homes {
            old.extend(home.idle.extract_if(.., |idle| idle.until <= now));
        }
        let homes = shelved.homes.len();
        drop(shelved);
        // Sockets are closed while others may take and lay down.
        drop(old);
        homes
    }

    /// Takes the connection at this place, if there is one.
    fn lift(&self, home: usize, at: usize) -> Option<Idle> {
        let mut shelved = self.lock();
        let all = &mut shelved.homes.get_mut(home)?.idle;
        (at < all.len()).then(|| all.remove(at))
    }

    /// Gives it back to its place, or to the top where fewer lie below it now.
    fn lay_back(&self, home: usize, at: usize, idle: Idle) {
        if let Some(home) = self.lock().homes.get_mut(home) {
            home.idle.insert(at.min(home.idle.len()), idle);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelved> {
        self.shelved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelved {
    /// Where the connections of a runtime lie.
    fn home(&mut self, runtime: Option<Id>) -> usize {
        self.homes.iter().position(|home| home.runtime == runtime).unwrap_or_else(|| {
            self.homes.push(Home { runtime, idle: Vec::new() });
            self.homes.len() - 1
        })
    }
}

/// When to look again where the `first` is too old at that moment.
fn next_look(first: Instant, now: Instant) -> Instant {
    first.clamp(now + LOOK_MIN, now + LOOK)
}

impl Idle {
    fn is_good(&mut self, now: Instant) -> bool {
        now < self.until && self.link.is_free()
    }
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Idle").field("host", &self.host).finish_non_exhaustive()
    }
}

fn here() -> Option<Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

/// Clears a shelf up as long as something lies on it. It may end with its runtime, and another takes over.
struct Keeper(Weak<Shelf>);

impl Keeper {
    async fn keep(mut self) {
        while let Some(next) = self.0.upgrade().and_then(|shelf| shelf.clear()) {
            sleep_until(next).await;
        }
        // Whoever lays the next one down finds somebody new.
        self.0 = Weak::new();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(shelf) = self.0.upgrade() {
            shelf.lock().is_kept = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BEYOND_IDLE, LOOK, LOOK_MIN, next_look};
    use crate::{Client, ClientConfig, NetError, collect};
    use bytes::Bytes;
    use http::Request;
    use http_body_util::{BodyExt, Full};
    use std::time::Duration;
    use testkit::{Reply, Upstream};
    use tokio::time::{Instant, sleep};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn client(idle_timeout: Duration) -> Client {
        let config = ClientConfig { idle_timeout, ..ClientConfig::default() };
        Client::new(&http::Uri::from_static("http://127.0.0.1"), &config)
    }

    async fn ask(client: &Client, url: &str) -> Result<Bytes, NetError> {
        let request = Request::post(url).body(Full::from("hi")).unwrap();
        collect(client.send(request).await?.into_body(), 100_000).await
    }

    #[tokio::test]
    async fn a_connection_is_used_again_once_its_answer_has_been_read() {
        let upstream = Upstream::start(|seen| match seen.path.as_str() {
            "/stream" => Reply::chat_stream(&["a", "b"]).pause(Duration::from_millis(5)),
            "/empty" => Reply::body(200, "text/plain", ""),
            _ => Reply::chat(&"x".repeat(50_000)),
        })
        .await;
        let client = client(PATIENCE);
        for path in ["/whole", "/stream", "/empty", "/whole"] {
            ask(&client, &format!("{}{path}", upstream.url())).await.unwrap();
        }
        assert_eq!(upstream.accepted_connections(), 1);
    }

    #[tokio::test]
    async fn a_body_that_is_dropped_closes_its_connection() {
        let upstream = Upstream::start(|_| Reply::chat_stream(&["a", "b"]).stall()).await;
        let client = client(PATIENCE);
        let request = Request::post(upstream.url()).body(Full::from("hi")).unwrap();
        let mut body = client.send(request).await.unwrap().into_body();
        assert!(body.frame().await.unwrap().is_ok());
        drop(body);
        upstream.wait_open_connections(0, PATIENCE).await;
    }

    #[tokio::test]
    async fn one_that_was_closed_meanwhile_is_replaced() {
        let first = Upstream::start(|_| Reply::chat("hi")).await;
        let (client, url, addr) = (client(PATIENCE), first.url(), first.addr());
        ask(&client, &url).await.unwrap();
        drop(first);
        sleep(Duration::from_millis(50)).await;
        let second = Upstream::start_at(addr, |_| Reply::chat("again")).await;
        ask(&client, &url).await.unwrap();
        assert_eq!(second.accepted_connections(), 1);
    }

    #[tokio::test]
    async fn what_is_old_is_closed_while_nobody_asks() {
        let upstream = Upstream::start(|_| Reply::chat("hi")).await;
        let client = client(Duration::from_millis(100));
        for _ in 0..2 {
            ask(&client, &upstream.url()).await.unwrap();
            upstream.wait_open_connections(0, PATIENCE).await;
        }
        assert_eq!(upstream.accepted_connections(), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn each_runtime_keeps_its_own() {
        let upstream = Upstream::start(|_| Reply::chat("hi")).await;
        let client = client(PATIENCE);
        let runtimes = [0, 1].map(|_| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
        let url = upstream.url();
        let asked = tokio::task::spawn_blocking(move || {
            for runtime in runtimes.iter().chain(&runtimes) {
                runtime.block_on(ask(&client, &url)).unwrap();
            }
        });
        asked.await.unwrap();
        assert_eq!(upstream.accepted_connections(), 2);
    }

    #[test]
    fn the_keeper_wakes_neither_often_nor_late() {
        let now = Instant::now();
        for (first, expect) in [(0, LOOK_MIN), (1, LOOK_MIN), (700, Duration::from_millis(700)), (90_000, LOOK)] {
            assert_eq!(next_look(now + Duration::from_millis(first), now), now + expect, "{first}");
        }
        assert_eq!(next_look(now, now + PATIENCE), now + PATIENCE + LOOK_MIN, "it is late already");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn each_runtime_has_its_share_of_the_pool() {
        let upstream = Upstream::start(|_| Reply::chat("hi").after(Duration::from_millis(100))).await;
        let metrics = measure::Metrics::new("0").upstream("p");
        let config = ClientConfig { pool_max: 2, ..ClientConfig::default() };
        let client = Client::observed(&http::Uri::from_static("http://127.0.0.1"), &config, metrics.clone());
        let runtimes = [0, 1].map(|_| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
        let (url, asking) = (upstream.url(), client.clone());
        tokio::task::spawn_blocking(move || {
            for runtime in &runtimes {
                let both = async { tokio::join!(ask(&asking, &url), ask(&asking, &url)) };
                let (one, other) = runtime.block_on(both);
                one.and(other).unwrap();
            }
        })
        .await
        .unwrap();
        // The connections of the first runtime lay idle while the second opened its own.
        assert_eq!((metrics.opened().value(), metrics.exhausted().value()), (4, 0));
        let kept = |home: usize| {
            let soon = Instant::now() + BEYOND_IDLE;
            client.shelf().lock().homes[home].idle.iter().filter(|idle| idle.until > soon).count()
        };
        assert_eq!((kept(0), kept(1)), (2, 1), "the first was alone");
    }
}
