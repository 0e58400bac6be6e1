//! What a minute holds, here and over all servers.

use super::{Pace, Taken};
use crate::{SharedRate, Sharing};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::advance;

/// Nothing that is not shared waits.
fn take(pace: &Arc<Pace>, tokens: u64) -> Result<Taken, Duration> {
    pace.take(tokens).now_or_never().unwrap()
}

fn send(pace: &Arc<Pace>, tokens: u64) -> Result<Taken, Duration> {
    let mut taken = take(pace, tokens)?;
    taken.sent();
    Ok(taken)
}

#[tokio::test(start_paused = true)]
async fn a_minutes_worth_at_once_then_one_every_so_often() {
    let pace = Pace::new("p", Some(20), None, None).unwrap();
    assert_eq!((0..30).filter(|_| send(&pace, 9).is_ok()).count(), 20);
    assert_eq!(send(&pace, 9).err().unwrap(), Duration::from_secs(3));
    advance(Duration::from_millis(2_999)).await;
    assert!(send(&pace, 9).is_err());
    advance(Duration::from_millis(1)).await;
    assert!(send(&pace, 9).is_ok() && send(&pace, 9).is_err());
    advance(Duration::from_secs(3_600)).await;
    assert_eq!((0..30).filter(|_| send(&pace, 9).is_ok()).count(), 20, "no more for having waited longer");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reckoned_first_and_corrected_later() {
    let pace = Pace::new("p", None, Some(1_000), None).unwrap();
    let mut first = send(&pace, 600).unwrap();
    assert_eq!(send(&pace, 600).err().unwrap(), Duration::from_secs(12));
    first.used(100);
    drop(first);
    let mut second = send(&pace, 600).unwrap();
    second.used(1_900);
    assert_eq!(send(&pace, 1).err().unwrap(), Duration::from_millis(60_060), "it leaves a debt");
    advance(Duration::from_secs(61)).await;
    assert!(send(&pace, 1).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_more_than_a_minutes_worth_passes_alone() {
    let pace = Pace::new("p", None, Some(100), None).unwrap();
    assert!(send(&pace, 5_000).is_ok());
    assert_eq!(send(&pace, 5_000).err().unwrap(), Duration::from_secs(180), "and two minutes' worth is owed at most");
    advance(Duration::from_secs(180)).await;
    let mut large = send(&pace, 5_000).unwrap();
    large.used(40);
    assert!(send(&pace, 60).is_ok() && send(&pace, 1).is_err(), "what was not used comes back");
}

#[tokio::test(start_paused = true)]
async fn whoever_was_not_sent_took_nothing() {
    let pace = Pace::new("p", Some(1), Some(100), None).unwrap();
    let taken = take(&pace, 100).unwrap();
    assert!(take(&pace, 0).is_err(), "of requests there is none left");
    drop(taken);
    drop(take(&pace, 100).unwrap());
    let mut refused = send(&pace, 100).unwrap();
    refused.used(0);
    drop(refused);
    assert_eq!(send(&pace, 1).err().unwrap(), Duration::from_secs(60), "a refusal is a request without tokens");
}

#[tokio::test(start_paused = true)]
async fn whoever_never_got_there_took_nothing() {
    let pace = Pace::new("p", Some(1), Some(100), None).unwrap();
    let mut lost = send(&pace, 100).unwrap();
    lost.unsent();
    drop(lost);
    assert!(send(&pace, 100).is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_late_gives_back_nothing_that_others_took() {
    let pace = Pace::new("p", None, Some(1_000), None).unwrap();
    let mut long = send(&pace, 1_000).unwrap();
    advance(Duration::from_secs(60)).await;
    assert!(send(&pace, 1_000).is_ok());
    long.used(10);
    drop(long);
    assert_eq!(send(&pace, 1_000).err().unwrap(), Duration::from_secs(60));
}

proptest! {
    #[test]
    fn the_wait_suffices(rate in 1..500u32, asks in prop::collection::vec((0..60_000u64, 0..800u64), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let held: Result<(), TestCaseError> = runtime.block_on(async {
            let pace = Pace::new("p", Some(rate), Some(rate), None).unwrap();
            for (pause_ms, tokens) in asks {
                advance(Duration::from_millis(pause_ms)).await;
                if let Err(wait) = send(&pace, tokens) {
                    advance(wait + Duration::from_millis(1)).await;
                    prop_assert!(send(&pace, tokens).is_ok());
                }
            }
            Ok(())
        });
        held?;
    }
}

/// A rate over all servers with so much left; asks first where it does not tell at once.
struct Common {
    left: AtomicU64,
    owed: AtomicU64,
    at_once: bool,
}

impl Common {
    fn take(&self, cost: u64) -> Result<(), Duration> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(cost));
        left.map(drop).map_err(|_| Duration::from_secs(7))
    }
}

impl SharedRate for Common {
    fn take_now(&self, cost: u64) -> Option<Result<(), Duration>> {
        self.at_once.then(|| self.take(cost))
    }

    fn take(&self, cost: u64) -> BoxFuture<'_, Result<(), Duration>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.take(cost)
        })
    }

    fn give_back(&self, cost: u64) {
        self.left.fetch_add(cost, Ordering::SeqCst);
    }

    fn owe(&self, cost: u64) {
        self.owed.fetch_add(cost, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Others(Mutex<Vec<(String, u32, Arc<Common>)>>);

impl Sharing for Others {
    fn park(&self, _: &str, _: Duration) {}

    fn parked(&self, _: &str) -> Option<Duration> {
        None
    }

    fn rate(&self, name: &str, per_minute: u32) -> Option<Arc<dyn SharedRate>> {
        let rate = Arc::new(Common { left: AtomicU64::new(10), owed: AtomicU64::new(0), at_once: per_minute == 100 });
        self.0.lock().unwrap().push((name.to_owned(), per_minute, Arc::clone(&rate)));
        Some(rate)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_shared_counts_too_and_goes_back_unused() {
    let others = Arc::new(Others::default());
    let sharing: Arc<dyn Sharing> = others.clone();
    let pace = Pace::new("p/m", Some(100), Some(200), Some(&sharing)).unwrap();
    let made: Vec<_> = others.0.lock().unwrap().iter().map(|(name, rate, _)| (name.clone(), *rate)).collect();
    assert_eq!(made, [("rpm:p/m".to_owned(), 100), ("tpm:p/m".to_owned(), 200)]);
    let left =
        || others.0.lock().unwrap().iter().map(|(_, _, rate)| rate.left.load(Ordering::SeqCst)).collect::<Vec<_>>();
    let mut sent = pace.take(6).await.unwrap();
    sent.sent();
    assert_eq!(left(), [9, 4]);
    sent.used(1);
    drop(sent);
    assert_eq!(left(), [9, 9]);
    drop(pace.take(6).await.unwrap());
    assert_eq!(left(), [9, 9], "it was not sent");
    let mut lost = pace.take(6).await.unwrap();
    lost.sent();
    lost.unsent();
    drop(lost);
    assert_eq!(left(), [9, 9], "it never got there");
    assert_eq!(pace.take(150).await.err(), Some(Duration::from_secs(7)));
    assert_eq!(left(), [9, 9], "of all or of none");
    let owed = || others.0.lock().unwrap()[1].2.owed.load(Ordering::SeqCst);
    for (used, expect) in [(2, 0), (7, 4), (1_000, 404)] {
        let mut dear = pace.take(3).await.unwrap();
        dear.sent();
        dear.used(used);
        dear.used(50);
        drop(dear);
        assert_eq!(owed(), expect, "{used}");
        let shared = others.0.lock().unwrap();
        shared.iter().for_each(|(_, _, rate)| rate.left.store(9, Ordering::SeqCst));
    }
    advance(Duration::from_secs(600)).await;
    assert!(pace.take(9).now_or_never().is_none(), "somebody else is asked");
    assert_eq!(left(), [9, 9], "whoever did not wait took nothing");
}
