//! The pool, with links that do nothing and a clock that stands still until somebody waits.

use super::*;
use futures_util::FutureExt;
use measure::{Metrics, StorePool};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the fake server does, and how often it was asked.
#[derive(Default)]
struct Server {
    down: std::sync::atomic::AtomicBool,
    takes: Mutex<Duration>,
    asked: AtomicUsize,
    closed: AtomicUsize,
}

struct Wire(Arc<Server>, usize);

impl Link for Wire {
    async fn close(self) {
        self.0.closed.fetch_add(1, Ordering::SeqCst);
    }
}

const ACQUIRE: Duration = Duration::from_secs(1);

fn pool(fewest: u32, most: u32) -> (Pool<Wire>, Arc<Server>, PoolMetrics) {
    let server = Arc::new(Server::default());
    let metrics = Metrics::new("test").store().pool(StorePool::Reader).clone();
    let at = Arc::clone(&server);
    let connect: Connect<Wire> = Box::new(move || {
        let server = Arc::clone(&at);
        async move {
            let number = server.asked.fetch_add(1, Ordering::SeqCst);
            let takes = *locked(&server.takes);
            tokio::time::sleep(takes).await;
            if server.down.load(Ordering::SeqCst) {
                return Err(StoreError::Unreachable { reason: "refused".to_owned() });
            }
            Ok(Wire(server, number))
        }
        .boxed()
    });
    (Pool::new(connect, Size { fewest, most, acquire: ACQUIRE }, &metrics), server, metrics)
}

fn asked(server: &Server) -> usize {
    server.asked.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn the_connection_used_last_is_used_next() {
    let (pool, server, metrics) = pool(1, 3);
    let (first, second) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    assert!(first.fresh && second.fresh);
    assert_eq!((metrics.in_use.value(), metrics.limit.value()), (2, 3));
    second.give_back();
    first.give_back();
    for _ in 0..5 {
        let mut lease = pool.get().await.unwrap();
        assert_eq!((lease.link().1, lease.fresh), (0, false));
        lease.give_back();
    }
    drop(pool.get().await.unwrap());
    assert_eq!(pool.get().await.unwrap().link().1, 1, "what is not given back is gone");
    assert_eq!((asked(&server), metrics.in_use.value()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn there_are_never_more_than_the_most() {
    let (pool, server, metrics) = pool(0, 2);
    let held = [pool.get().await.unwrap(), pool.get().await.unwrap()];
    let began = Instant::now();
    assert!(matches!(pool.get().await, Err(StoreError::Busy { within }) if within == ACQUIRE));
    assert_eq!(began.elapsed(), ACQUIRE);
    let waiting = pool.get();
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    let [first, second] = held;
    first.give_back();
    assert!(!waiting.await.unwrap().fresh);
    drop(second);
    assert_eq!((asked(&server), metrics.in_use.value()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_asked_by_one_at_a_time() {
    let (pool, server, _) = pool(0, 50);
    server.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        assert!(matches!(pool.get().await, Err(StoreError::Unreachable { reason }) if reason == "refused"));
    }
    assert_eq!(asked(&server), 1);
    tokio::time::advance(DOWN).await;
    *locked(&server.takes) = Duration::from_millis(500);
    let all = futures_util::future::join_all((0..20).map(|_| pool.get())).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(asked(&server), 2);
    server.down.store(false, Ordering::SeqCst);
    assert!(pool.get().await.is_err(), "a moment ago it was down");
    tokio::time::advance(DOWN).await;
    assert!(pool.get().await.is_ok() && pool.get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_asking_leaves_it_to_the_next() {
    let (pool, server, _) = pool(0, 5);
    server.down.store(true, Ordering::SeqCst);
    assert!(pool.get().await.is_err());
    tokio::time::advance(DOWN).await;
    server.down.store(false, Ordering::SeqCst);
    *locked(&server.takes) = Duration::from_millis(100);
    assert!(timeout(Duration::from_millis(10), pool.get()).await.is_err());
    assert!(pool.get().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_not_waited_for_twice() {
    let (pool, server, _) = pool(0, 5);
    *locked(&server.takes) = Duration::from_secs(3_600);
    let began = Instant::now();
    assert!(matches!(pool.get().await, Err(StoreError::Unreachable { .. })));
    assert!(pool.get().await.is_err());
    assert_eq!(began.elapsed(), ACQUIRE);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_or_old_is_closed() {
    let (pool, server, _) = pool(1, 5);
    let held = [pool.get().await.unwrap(), pool.get().await.unwrap(), pool.get().await.unwrap()];
    held.into_iter().for_each(Lease::give_back);
    tokio::time::advance(IDLE_MAX + Duration::from_secs(1)).await;
    pool.get().await.unwrap().give_back();
    assert_eq!(locked(&pool.0.idle).len(), 1);
    tokio::time::advance(AGE_MAX).await;
    pool.get().await.unwrap().give_back();
    assert_eq!(locked(&pool.0.idle).len(), 0);
    assert_eq!(asked(&server), 3);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_those_on_loan() {
    let (pool, server, _) = pool(2, 2);
    pool.fill().await.unwrap();
    assert_eq!(asked(&server), 2);
    let lease = pool.get().await.unwrap();
    let closing = pool.clone();
    let closing = tokio::spawn(async move { closing.close(Duration::from_secs(60)).await });
    tokio::task::yield_now().await;
    let late = pool.clone();
    let late = tokio::spawn(async move { late.get().await.err() });
    tokio::task::yield_now().await;
    assert!(!closing.is_finished());
    lease.give_back();
    closing.await.unwrap();
    assert!(matches!(late.await.unwrap(), Some(StoreError::Closed)));
    assert_eq!(server.closed.load(Ordering::SeqCst), 2);
    assert!(matches!(pool.get().await, Err(StoreError::Closed)));
}
