//! Rates that hold over all servers that share a Redis.
//!
//! Each server takes a slice of a rate ahead and pays requests from it without asking anybody. Let a rate be `r` a
//! minute and `b` at once. Over any time `t`, `n` servers let pass at most
//!
//! ```text
//! b + r × t + slice × n × (1 + l)
//! ```
//!
//! where `slice` is `replicas.slice × r`, at least one, and `l` how often Redis was lost, or lost its memory, meanwhile.
//! A question that Redis gets twice, because its answer was lost on the way, counts once, and what is granted to somebody
//! who is gone by then is used by others. What a call has used beyond what it took is paid before anything is granted.
//!
//! It holds for as many servers as `replicas.expected` says, and as long as they lose Redis together: one that is cut
//! off alone adds its part of the rate, `r / expected`, for as long.

mod share;

use crate::link::Link;
use crate::lock;
use crate::script::Script;
use share::{Pace, Share};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use share::Take;

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rates/take.lua")));

/// Rates beyond which those that nobody uses any more are forgotten.
const KNOWN: usize = 1_024;

/// How often one request asks, should others use up what it got.
const ROUNDS: usize = 4;

/// Hands out rates by name.
pub struct Rates {
    link: Link,
    expected: u32,
    slice: f64,
    epoch: Instant,
    asker: Arc<Asker>,
    known: Mutex<Known>,
}

/// Who asks Redis, and how often it has: a question that is sent twice is to count once.
struct Asker {
    name: String,
    questions: AtomicU64,
}

struct Known {
    rates: HashMap<Arc<str>, Weak<SharedRate>>,
    /// How many there may be before somebody looks which are still in use.
    most: usize,
}

/// One rate over all servers.
pub struct SharedRate {
    link: Link,
    key: String,
    epoch: Instant,
    share: Mutex<Share>,
    asker: Arc<Asker>,
    /// Held by whoever asks Redis; the others wait for what it gets.
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// What was taken for somebody who may be gone: dropped, it is everybody's again.
struct Held {
    rate: Arc<SharedRate>,
    cost: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.cost > 0 {
            self.rate.give_back(self.cost);
        }
    }
}

impl Rates {
    /// Rates over this link, of which each of `expected` servers takes `slice` of a minute's worth ahead.
    pub fn new(link: Link, expected: u32, slice: f64) -> Self {
        let known = Mutex::new(Known { rates: HashMap::new(), most: KNOWN });
        let name = format!("{:016x}", RandomState::new().hash_one(0));
        let asker = Arc::new(Asker { name, questions: AtomicU64::new(0) });
        Self { link, expected: expected.max(1), slice, epoch: Instant::now(), asker, known }
    }

    /// The rate of this name: so many a minute, and `burst` at once. Zero reads as one, of either. Whoever asks for the
    /// same again is given the same.
    pub fn rate(&self, name: &str, per_minute: u32, burst: u32) -> Arc<SharedRate> {
        let (per_minute, burst) = (u64::from(per_minute.max(1)), u64::from(burst.max(1)));
        let slice = ((per_minute as f64 * self.slice) as u64).clamp(1, burst);
        let pace = Pace { per_minute, burst, slice, expected: self.expected };
        let mut known = lock(&self.known);
        let same = known.rates.get(name).and_then(Weak::upgrade).filter(|rate| lock(&rate.share).pace() == pace);
        same.unwrap_or_else(|| {
            let rate = Arc::new(SharedRate {
                link: self.link.clone(),
                key: format!("rate:{name}"),
                epoch: self.epoch,
                share: Mutex::new(Share::new(pace, self.epoch.elapsed())),
                asker: Arc::clone(&self.asker),
                asking: Arc::default(),
            });
            known.keep(name, &rate);
            rate
        })
    }
}

impl Known {
    fn keep(&mut self, name: &str, rate: &Arc<SharedRate>) {
        if self.rates.len() >= self.most {
            self.rates.retain(|_, rate| rate.strong_count() > 0);
            self.most = (self.rates.len() * 2).max(KNOWN);
        }
        self.rates.insert(name.into(), Arc::downgrade(rate));
    }
}

impl SharedRate {
    /// Takes `cost`, if that can be told without asking Redis.
    pub fn try_take(&self, cost: u64) -> Take {
        lock(&self.share).take(cost, self.now(), self.link.away_for())
    }

    /// Takes `cost`, and asks Redis if need be, which takes as long as the link allows at most. Of those who have to
    /// ask one does, and the others wait for it. What is granted to one who does not wait any longer is everybody's.
    ///
    /// # Errors
    /// How long to wait until it would be there, as far as nobody else is faster.
    pub async fn ask(self: &Arc<Self>, cost: u64) -> Result<(), Duration> {
        let mut turn = Arc::clone(&self.asking).lock_owned().await;
        for _ in 0..ROUNDS {
            match self.try_take(cost) {
                Take::Yes => return Ok(()),
                Take::No(wait) => return Err(wait),
                Take::Ask => {}
            }
            let ((tell, told), this) = (oneshot::channel(), Arc::clone(self));
            self.link.spawn(async move {
                let judged = this.exchange(cost).await;
                let held = judged.map(|judged| judged.map(|()| Held { rate: Arc::clone(&this), cost }));
                let _ = tell.send((turn, held));
            });
            let Ok((mine, held)) = told.await else { break };
            turn = mine;
            match held {
                Some(Ok(mut held)) => {
                    held.cost = 0;
                    return Ok(());
                }
                Some(Err(wait)) => return Err(wait),
                None => {}
            }
        }
        Err(Duration::from_millis(1))
    }

    /// Asks once and takes `cost` out of what comes of it; none if others were faster.
    async fn exchange(&self, cost: u64) -> Option<Result<(), Duration>> {
        let (want, pace) = {
            let mut share = lock(&self.share);
            (share.want(cost, self.now(), self.link.whole_for()), share.pace())
        };
        let answer = self.send(want?, pace).await;
        self.heard(answer, cost)
    }

    /// Takes over what Redis said, and takes `cost` in the same breath; none if others were faster all the same.
    fn heard(&self, answer: Result<(u64, u64, u64), crate::Away>, cost: u64) -> Option<Result<(), Duration>> {
        let now = self.now();
        let mut share = lock(&self.share);
        if let Ok((_, _, paid)) = answer {
            share.paid(paid);
        }
        match answer {
            Ok((0, wait_us, _)) => share.refused(cost, Duration::from_micros(wait_us), now),
            Ok((granted, ..)) => share.granted(granted, now),
            Err(_) => share.unanswered(now),
        }
        match share.take(cost, now, self.link.away_for()) {
            Take::Yes => Some(Ok(())),
            Take::No(wait) => Some(Err(wait)),
            Take::Ask => None,
        }
    }

    /// [`SharedRate::try_take`], and where that cannot tell [`SharedRate::ask`].
    ///
    /// # Errors
    /// As for [`SharedRate::ask`].
    pub async fn take(self: &Arc<Self>, cost: u64) -> Result<(), Duration> {
        match self.try_take(cost) {
            Take::Yes => Ok(()),
            Take::No(wait) => Err(wait),
            Take::Ask => self.ask(cost).await,
        }
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, cost: u64) {
        lock(&self.share).give_back(cost, self.now());
    }

    /// Takes what was used beyond what was taken: the others wait for it.
    pub fn owe(&self, cost: u64) {
        lock(&self.share).owe(cost, self.now());
    }

    async fn send(&self, want: share::Want, pace: Pace) -> Result<(u64, u64, u64), crate::Away> {
        let number = self.asker.questions.fetch_add(1, Ordering::Relaxed);
        self.send_as(number, want, pace).await
    }

    async fn send_as(&self, number: u64, want: share::Want, pace: Pace) -> Result<(u64, u64, u64), crate::Away> {
        let whole = self.link.whole_for().map_or(-1, |whole| i64::try_from(whole.as_micros()).unwrap_or(-1));
        let numbers = [pace.per_minute, pace.burst, want.least, want.most, want.back, want.owed];
        let numbers = numbers.map(|number| number.to_string());
        let (whole, number) = (whole.to_string(), number.to_string());
        let args: Vec<&[u8]> =
            numbers.iter().chain([&whole, &self.asker.name, &number]).map(String::as_bytes).collect();
        self.link.eval(&TAKE, &[&self.key], &args).await
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }
}

impl std::fmt::Debug for SharedRate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SharedRate").field("key", &self.key).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Rates").field("known", &lock(&self.known).rates.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
