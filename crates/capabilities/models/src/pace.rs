//! So many requests and so many tokens a minute, counted before anybody is asked.
//!
//! Both are leaky buckets that hold a whole minute's worth: whoever was idle may send that at once, and from then on
//! each leaves as much room as the rate lets drain, the way the providers' own limits are documented. Unlike
//! [`guard::Gcra`], which takes one at a time for good, these take many and give back what was not used: tokens are
//! reckoned before a call and known after it, and a call that was never sent takes nothing at all. They count this
//! server's calls alone.

use crate::endpoint::lock;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// The pace of one model.
#[derive(Debug)]
pub(crate) struct Pace {
    rpm: Option<u32>,
    tpm: Option<u32>,
    levels: Mutex<Levels>,
}

#[derive(Debug)]
struct Levels {
    at: Instant,
    requests: f64,
    tokens: f64,
}

impl Pace {
    /// `None` where neither is limited.
    pub(crate) fn new(rpm: Option<u32>, tpm: Option<u32>) -> Option<Arc<Self>> {
        let levels = Mutex::new(Levels { at: Instant::now(), requests: 0.0, tokens: 0.0 });
        (rpm.is_some() || tpm.is_some()).then(|| Arc::new(Self { rpm, tpm, levels }))
    }

    /// Requests and tokens a minute.
    pub(crate) fn rates(&self) -> (Option<u32>, Option<u32>) {
        (self.rpm, self.tpm)
    }

    /// Whether tokens have to be reckoned at all.
    pub(crate) fn counts_tokens(&self) -> bool {
        self.tpm.is_some()
    }

    /// Takes one request of about so many tokens; of both or of none.
    ///
    /// # Errors
    /// How long to wait until it would pass, as far as nobody else is faster.
    pub(crate) fn take(self: &Arc<Self>, tokens: u64) -> Result<Taken, Duration> {
        let tokens = tokens as f64;
        let mut levels = lock(&self.levels);
        levels.drain(Instant::now(), self.rpm, self.tpm);
        let wait = wait(self.rpm, levels.requests, 1.0).max(wait(self.tpm, levels.tokens, tokens));
        if !wait.is_zero() {
            return Err(wait);
        }
        levels.requests += 1.0;
        levels.tokens += tokens;
        Ok(Taken { pace: Arc::clone(self), tokens, sent: false })
    }

    fn add(&self, requests: f64, tokens: f64) {
        let mut levels = lock(&self.levels);
        levels.drain(Instant::now(), self.rpm, self.tpm);
        levels.requests = (levels.requests + requests).max(0.0);
        levels.tokens = (levels.tokens + tokens).max(0.0);
    }
}

impl Levels {
    fn drain(&mut self, now: Instant, rpm: Option<u32>, tpm: Option<u32>) {
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / 60.0;
        self.at = now;
        self.requests = (self.requests - minutes * f64::from(rpm.unwrap_or(0))).max(0.0);
        self.tokens = (self.tokens - minutes * f64::from(tpm.unwrap_or(0))).max(0.0);
    }
}

/// How long until `more` fits. What is more than a whole minute's worth fits when nothing else is there: it would
/// never pass otherwise.
fn wait(rate: Option<u32>, level: f64, more: f64) -> Duration {
    let Some(rate) = rate.map(|rate| f64::from(rate.max(1))) else { return Duration::ZERO };
    let over = level + more.min(rate) - rate;
    // Whatever rounding leaves is far below one of anything.
    if over < 1e-6 { Duration::ZERO } else { Duration::from_secs_f64(over / rate * 60.0) }
}

/// What one call has taken. Dropped before the call is sent, it gives everything back.
#[derive(Debug)]
pub(crate) struct Taken {
    pace: Arc<Pace>,
    tokens: f64,
    sent: bool,
}

impl Taken {
    /// The call goes out: from here on it counts.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// What it used in truth.
    pub(crate) fn used(&mut self, tokens: u64) {
        self.pace.add(0.0, tokens as f64 - self.tokens);
        self.tokens = tokens as f64;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.sent {
            self.pace.add(-1.0, -self.tokens);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, Taken};
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::advance;

    fn send(pace: &Arc<Pace>, tokens: u64) -> Result<Taken, Duration> {
        let mut taken = pace.take(tokens)?;
        taken.sent();
        Ok(taken)
    }

    #[tokio::test(start_paused = true)]
    async fn a_minutes_worth_at_once_then_one_every_so_often() {
        let pace = Pace::new(Some(20), None).unwrap();
        assert_eq!((0..30).filter(|_| send(&pace, 9).is_ok()).count(), 20);
        assert_eq!(send(&pace, 9).unwrap_err(), Duration::from_secs(3));
        advance(Duration::from_millis(2_999)).await;
        assert!(send(&pace, 9).is_err());
        advance(Duration::from_millis(1)).await;
        assert!(send(&pace, 9).is_ok() && send(&pace, 9).is_err());
        advance(Duration::from_secs(3_600)).await;
        assert_eq!((0..30).filter(|_| send(&pace, 9).is_ok()).count(), 20, "no more for having waited longer");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_reckoned_first_and_corrected_later() {
        let pace = Pace::new(None, Some(1_000)).unwrap();
        let mut first = send(&pace, 600).unwrap();
        assert_eq!(send(&pace, 600).unwrap_err(), Duration::from_secs(12));
        first.used(100);
        drop(first);
        let mut second = send(&pace, 600).unwrap();
        second.used(1_900);
        assert_eq!(send(&pace, 1).unwrap_err(), Duration::from_millis(60_060), "it leaves a debt");
        advance(Duration::from_secs(61)).await;
        assert!(send(&pace, 1).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_more_than_a_minutes_worth_passes_alone() {
        let pace = Pace::new(None, Some(100)).unwrap();
        assert!(send(&pace, 5_000).is_ok());
        assert_eq!(send(&pace, 5_000).unwrap_err(), Duration::from_secs(3_000));
        advance(Duration::from_secs(3_000)).await;
        assert!(send(&pace, 5_000).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_not_sent_took_nothing() {
        let pace = Pace::new(Some(1), Some(100)).unwrap();
        let taken = pace.take(100).unwrap();
        assert!(pace.take(0).is_err(), "of requests there is none left");
        drop(taken);
        drop(pace.take(100).unwrap());
        let mut refused = send(&pace, 100).unwrap();
        refused.used(0);
        drop(refused);
        assert_eq!(send(&pace, 1).unwrap_err(), Duration::from_secs(60), "a refusal is a request without tokens");
    }

    proptest! {
        #[test]
        fn the_wait_suffices(rate in 1..500u32, asks in prop::collection::vec((0..60_000u64, 0..800u64), 1..80)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let held: Result<(), TestCaseError> = runtime.block_on(async {
                let pace = Pace::new(Some(rate), Some(rate)).unwrap();
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
}
