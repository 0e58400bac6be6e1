//! So many requests and so many tokens a minute, counted before anybody is asked: here, and where servers share their
//! rates, over all of them.

use crate::{SharedRate, Sharing, lock};
use guard::{Bucket, Quota};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// The pace of one model, or of one provider over all its models.
pub struct Pace {
    rpm: Option<u32>,
    tpm: Option<u32>,
    buckets: Mutex<Buckets>,
    requests: Option<Arc<dyn SharedRate>>,
    tokens: Option<Arc<dyn SharedRate>>,
}

struct Buckets {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
}

impl Pace {
    /// `None` where neither is limited; `name` is what servers that share know it by.
    pub fn new(
        name: &str,
        rpm: Option<u32>,
        tpm: Option<u32>,
        sharing: Option<&Arc<dyn Sharing>>,
    ) -> Option<Arc<Self>> {
        if rpm.is_none() && tpm.is_none() {
            return None;
        }
        let shared = |kind: &str, rate: Option<u32>| sharing?.rate(&format!("{kind}:{name}"), rate?);
        let buckets = Mutex::new(Buckets { requests: rpm.map(Bucket::new), tokens: tpm.map(Bucket::new) });
        let (requests, tokens) = (shared("rpm", rpm), shared("tpm", tpm));
        Some(Arc::new(Self { rpm, tpm, buckets, requests, tokens }))
    }

    /// Requests and tokens a minute.
    pub fn rates(&self) -> (Option<u32>, Option<u32>) {
        (self.rpm, self.tpm)
    }

    /// Whether tokens have to be reckoned at all.
    pub fn counts_tokens(&self) -> bool {
        self.tpm.is_some()
    }

    /// Takes one request of about so many tokens; of all or of none.
    ///
    /// # Errors
    /// How long to wait until it would pass, as far as nobody else is faster.
    pub async fn take(self: &Arc<Self>, tokens: u64) -> Result<Taken, Duration> {
        let mut taken = self.take_here(tokens)?;
        if let Some(rate) = &self.requests {
            take_shared(rate, 1).await?;
            taken.shared.0 = true;
        }
        if let Some(rate) = &self.tokens {
            take_shared(rate, self.shared_cost(tokens)).await?;
            taken.shared.1 = true;
        }
        Ok(taken)
    }

    fn take_here(self: &Arc<Self>, tokens: u64) -> Result<Taken, Duration> {
        let (now, amount) = (Instant::now().into_std(), tokens as f64);
        let buckets = &mut *lock(&self.buckets);
        let wait =
            |bucket: &mut Option<Bucket>, amount| bucket.as_mut().map_or(Duration::ZERO, |b| b.wait(now, amount));
        let wait = wait(&mut buckets.requests, 1.0).max(wait(&mut buckets.tokens, amount));
        if !wait.is_zero() {
            return Err(wait);
        }
        buckets.debit(1.0, amount);
        Ok(Taken { pace: Arc::clone(self), tokens, sent: false, shared: (false, false) })
    }

    /// What the provider says is left.
    pub fn clamp(&self, quota: &Quota) {
        let now = Instant::now().into_std();
        let Buckets { requests, tokens } = &mut *lock(&self.buckets);
        for (bucket, left) in [(requests, quota.requests()), (tokens, quota.tokens())] {
            if let (Some(bucket), Some(remaining)) = (bucket, left.remaining) {
                bucket.clamp(now, remaining, left.resets_in);
            }
        }
    }

    /// The share that is left of whatever there is least of, from 0 to 1.
    pub fn left(&self) -> f64 {
        let now = Instant::now().into_std();
        let Buckets { requests, tokens } = &mut *lock(&self.buckets);
        [requests, tokens].into_iter().flatten().map(|bucket| bucket.left(now)).fold(1.0, f64::min)
    }

    /// What is more than a minute's worth would never pass.
    fn shared_cost(&self, tokens: u64) -> u64 {
        tokens.min(self.tpm.map_or(u64::MAX, u64::from))
    }
}

impl Buckets {
    fn debit(&mut self, requests: f64, tokens: f64) {
        let now = Instant::now().into_std();
        for (bucket, amount) in [(&mut self.requests, requests), (&mut self.tokens, tokens)] {
            if let Some(bucket) = bucket {
                bucket.debit(now, amount);
            }
        }
    }
}

async fn take_shared(rate: &Arc<dyn SharedRate>, cost: u64) -> Result<(), Duration> {
    match rate.take_now(cost) {
        Some(taken) => taken,
        None => rate.take(cost).await,
    }
}

/// What one call has taken. Dropped before the call is sent, it gives everything back.
pub struct Taken {
    pace: Arc<Pace>,
    tokens: u64,
    sent: bool,
    /// Whether it has taken requests and tokens from what is shared.
    shared: (bool, bool),
}

impl Taken {
    /// The call goes out: from here on it counts.
    pub fn sent(&mut self) {
        self.sent = true;
    }

    /// What it used in truth.
    pub fn used(&mut self, tokens: u64) {
        lock(&self.pace.buckets).debit(0.0, tokens as f64 - self.tokens as f64);
        let unused = self.pace.shared_cost(self.tokens).saturating_sub(tokens);
        if let Some(rate) = self.pace.tokens.as_ref().filter(|_| self.shared.1 && unused > 0) {
            rate.give_back(unused);
        }
        self.tokens = tokens;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.sent {
            return;
        }
        lock(&self.pace.buckets).debit(-1.0, -(self.tokens as f64));
        if let Some(rate) = self.pace.requests.as_ref().filter(|_| self.shared.0) {
            rate.give_back(1);
        }
        if let Some(rate) = self.pace.tokens.as_ref().filter(|_| self.shared.1) {
            rate.give_back(self.pace.shared_cost(self.tokens));
        }
    }
}

#[cfg(test)]
mod tests;
