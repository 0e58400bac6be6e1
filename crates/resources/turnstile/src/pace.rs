//! So many requests and so many tokens a minute, counted before anybody is asked: here, and where servers share their
//! rates, over all of them.

use crate::{SharedRate, Sharing, lock};
use guard::{Bucket, Debit, Quota};
use std::cmp::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// What one call may owe of what is shared, in minutes' worth, as of what is counted here.
const DEBT_MAX: u64 = 2;

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

    /// The pace that was there `before` with all that it has counted, where it has these rates; else as [`Pace::new`].
    pub fn after(
        before: Option<&Arc<Self>>,
        name: &str,
        rpm: Option<u32>,
        tpm: Option<u32>,
        sharing: Option<&Arc<dyn Sharing>>,
    ) -> Option<Arc<Self>> {
        let same = before.filter(|pace| pace.rates() == (rpm, tpm)).cloned();
        same.or_else(|| Self::new(name, rpm, tpm, sharing))
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
        let debit = |bucket: &mut Option<Bucket>, amount| bucket.as_mut().map(|bucket| bucket.debit(now, amount));
        let debits = (debit(&mut buckets.requests, 1.0), debit(&mut buckets.tokens, amount));
        Ok(Taken { pace: Arc::clone(self), tokens, sent: false, debits, shared: (false, false) })
    }

    /// What the provider says is left of its requests or, where `of_tokens`, of its tokens; whether anybody here keeps
    /// count of those.
    pub fn clamp(&self, quota: &Quota, of_tokens: bool) -> bool {
        let Buckets { requests, tokens } = &mut *lock(&self.buckets);
        let (bucket, left) = if of_tokens { (tokens, quota.tokens()) } else { (requests, quota.requests()) };
        let Some(bucket) = bucket else { return false };
        if let Some(remaining) = left.remaining {
            bucket.clamp(Instant::now().into_std(), remaining, left.resets_in);
        }
        true
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
    /// What was taken here, of requests and tokens.
    debits: (Option<Debit>, Option<Debit>),
    /// Whether it has taken requests and tokens from what is shared.
    shared: (bool, bool),
}

impl Taken {
    /// The call goes out: from here on it counts.
    pub fn sent(&mut self) {
        self.sent = true;
    }

    /// It never got there after all: dropped now, it gives everything back.
    pub fn unsent(&mut self) {
        self.sent = false;
    }

    /// What it used in truth. Counts once.
    pub fn used(&mut self, tokens: u64) {
        let Some(debit) = self.debits.1.take() else { return };
        settle(&mut lock(&self.pace.buckets).tokens, debit, tokens as f64);
        let Some(rate) = self.pace.tokens.as_ref().filter(|_| self.shared.1) else { return };
        let (taken, most) = (self.pace.shared_cost(self.tokens), self.pace.shared_cost(u64::MAX));
        match taken.cmp(&tokens) {
            Ordering::Greater => rate.give_back(taken - tokens),
            Ordering::Equal => {}
            Ordering::Less => rate.owe((tokens - taken).min(most.saturating_mul(DEBT_MAX))),
        }
    }
}

fn settle(bucket: &mut Option<Bucket>, debit: Debit, used: f64) {
    if let Some(bucket) = bucket {
        bucket.settle(Instant::now().into_std(), debit, used);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.sent {
            return;
        }
        let Buckets { requests, tokens } = &mut *lock(&self.pace.buckets);
        for (bucket, debit) in [(requests, self.debits.0), (tokens, self.debits.1)] {
            debit.into_iter().for_each(|debit| settle(bucket, debit, 0.0));
        }
        if let Some(rate) = self.pace.requests.as_ref().filter(|_| self.shared.0) {
            rate.give_back(1);
        }
        // What was used has been settled.
        if let Some(rate) = self.pace.tokens.as_ref().filter(|_| self.shared.1 && self.debits.1.is_some()) {
            rate.give_back(self.pace.shared_cost(self.tokens));
        }
    }
}

#[cfg(test)]
mod tests;
