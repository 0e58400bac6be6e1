//! What one server holds of one rate: a pure machine, time handed in.
//!
//! While Redis answers, requests are paid from a slice that was taken ahead; one that is not used within
//! [`HOLD`] is given back with the next question. Beside it runs a bucket of this server's part of the rate, from
//! which requests are paid while Redis is away. What is paid from slices is paid from the bucket too, so that a server
//! that has just used its part does not get it again because Redis is lost.

use std::time::Duration;

/// The most that is owed, in what may be taken at once.
const DEBT_MAX: u64 = 2;
/// How long a slice is held.
pub(super) const HOLD: Duration = Duration::from_secs(1);
/// How long a refusal is believed: others may give back what they took.
const BELIEVED: Duration = Duration::from_millis(250);
/// How long nobody asks again after Redis gave no answer.
const BLIND: Duration = Duration::from_millis(250);

/// A rate, and how it is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    /// So many a minute, at least one.
    pub(super) per_minute: u64,
    /// So many at once, at least one.
    pub(super) burst: u64,
    /// So many are taken ahead, at least one and at most `burst`.
    pub(super) slice: u64,
    /// So many servers share it.
    pub(super) expected: u32,
}

/// Whether one may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// It may, and has been counted.
    Yes,
    /// Not before so long.
    No(Duration),
    /// Redis has to be asked: [`SharedRate::ask`](super::SharedRate::ask).
    Ask,
}

/// What is asked of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) back: u64,
    pub(super) owed: u64,
}

/// What Redis has refused.
#[derive(Debug, Clone, Copy)]
struct Refused {
    /// So many, and so all that want more.
    least: u64,
    /// Until it would be there, if nobody gives anything back.
    until: Duration,
    /// Until when that is believed.
    believed: Duration,
}

const NOTHING: Refused = Refused { least: u64::MAX, until: Duration::ZERO, believed: Duration::ZERO };

/// What one server holds of one rate.
#[derive(Debug)]
pub(super) struct Share {
    pace: Pace,
    held: u64,
    held_until: Duration,
    /// What was taken from Redis and will not be used.
    back: u64,
    /// What was used and not taken from Redis.
    owed: u64,
    refused: Refused,
    /// Redis gave no answer: it is not asked until then.
    blind_until: Duration,
    /// Whether the last one was paid from the bucket.
    alone: bool,
    /// The loss after which what is in the bucket was brought along.
    brought: Option<Duration>,
    own: Bucket,
}

impl Share {
    pub(super) fn new(pace: Pace, now: Duration) -> Self {
        let never = Duration::ZERO;
        let own = Bucket::new(pace, now);
        Self {
            pace,
            held: 0,
            held_until: never,
            back: 0,
            owed: 0,
            refused: NOTHING,
            blind_until: never,
            alone: false,
            brought: None,
            own,
        }
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// Takes `cost` out of what is here; `away` is for how long Redis cannot be asked, if that is so.
    pub(super) fn take(&mut self, cost: u64, now: Duration, away: Option<Duration>) -> Take {
        // What is more than may ever be there at once passes when all is there.
        let cost = cost.min(self.pace.burst);
        self.expire(now);
        if let Some(away) = away.or((now < self.blind_until).then_some(Duration::ZERO)) {
            return self.take_alone(cost, now, away);
        }
        self.alone = false;
        if self.held >= cost {
            self.held -= cost;
            self.own.debit(cost, now);
            return Take::Yes;
        }
        let Refused { least, until, believed } = self.refused;
        if cost >= least && now < believed { Take::No(until - now) } else { Take::Ask }
    }

    /// Takes from the bucket of this server alone. What it had when it lost Redis counts as one slice at most.
    fn take_alone(&mut self, cost: u64, now: Duration, away: Duration) -> Take {
        if !self.alone {
            (self.alone, self.held, self.back, self.refused) = (true, 0, 0, NOTHING);
            self.own.cap(self.pace.slice, now, away);
        }
        self.own.take(cost, now).map_or_else(Take::No, |()| Take::Yes)
    }

    /// What is to be asked for so that `cost` can be taken. `whole_for` is how long nothing of what Redis remembers
    /// can have been lost: for as long after a loss as Redis hands out what comes in alone, the slice that the bucket
    /// holds is brought along.
    pub(super) fn want(&mut self, cost: u64, now: Duration, whole_for: Option<Duration>) -> Option<Want> {
        let cost = cost.min(self.pace.burst);
        if let Some(whole_for) = whole_for.filter(|passed| *passed < self.fills_in()) {
            self.bring(now, whole_for);
        }
        if self.held >= cost {
            return None;
        }
        let back = std::mem::take(&mut self.back);
        let most = self.pace.slice.max(cost) - self.held;
        Some(Want { least: cost - self.held, most, back, owed: self.owed })
    }

    /// So many of those that are owed were paid.
    pub(super) fn paid(&mut self, paid: u64) {
        self.owed = self.owed.saturating_sub(paid);
    }

    /// So many were used that nobody took.
    pub(super) fn owe(&mut self, cost: u64, now: Duration) {
        self.expire(now);
        self.own.debit(cost, now);
        let held = cost.min(self.held);
        let back = (cost - held).min(self.back);
        (self.held, self.back) = (self.held - held, self.back - back);
        let most = self.pace.burst.saturating_mul(DEBT_MAX);
        self.owed = self.owed.saturating_add(cost - held - back).min(most);
    }

    /// So many were granted.
    pub(super) fn granted(&mut self, granted: u64, now: Duration) {
        self.held += granted;
        self.held_until = self.held_until.max(now + HOLD);
        self.refused = NOTHING;
    }

    /// `cost` is not there, for so long.
    pub(super) fn refused(&mut self, cost: u64, wait: Duration, now: Duration) {
        let least = cost.min(self.pace.burst);
        self.refused = Refused { least, until: now + wait, believed: now + wait.min(BELIEVED) };
    }

    /// Redis gave no answer.
    pub(super) fn unanswered(&mut self, now: Duration) {
        self.blind_until = now + BLIND;
    }

    /// Takes back what was taken and not used.
    pub(super) fn give_back(&mut self, cost: u64, now: Duration) {
        // More was never taken.
        let cost = cost.min(self.pace.burst);
        self.expire(now);
        self.own.credit(cost, now);
        if self.alone {
            return;
        }
        // More than a slice is never held: the rest goes back to where it came from.
        let kept = cost.min(self.pace.slice.saturating_sub(self.held));
        self.held += kept;
        self.held_until = self.held_until.max(now + HOLD);
        self.return_later(cost - kept);
        self.refused = NOTHING;
    }

    fn expire(&mut self, now: Duration) {
        if now >= self.held_until && self.held > 0 {
            let held = std::mem::take(&mut self.held);
            self.return_later(held);
        }
    }

    fn return_later(&mut self, more: u64) {
        self.back = self.back.saturating_add(more).min(self.pace.burst);
    }

    /// Moves a slice, as far as it is there, from the bucket to what is held, once after each loss.
    fn bring(&mut self, now: Duration, whole_for: Duration) {
        let lost = now.saturating_sub(whole_for);
        // Both clocks are read one after the other; between two losses lies more than that.
        if self.brought.is_some_and(|known| lost < known + Duration::from_millis(100)) {
            return;
        }
        self.brought = Some(lost);
        self.own.cap(self.pace.slice, now, Duration::ZERO);
        let brought = (self.own.level as u64).saturating_sub(self.held);
        self.own.debit(brought, now);
        self.held += brought;
        self.held_until = lost + self.fills_in().max(HOLD);
    }

    /// How long the shared bucket takes to fill.
    fn fills_in(&self) -> Duration {
        Duration::from_secs_f64(self.pace.burst as f64 * 60.0 / self.pace.per_minute as f64)
    }
}

/// This server's part of a rate, as a bucket that fills.
#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Duration,
    per_s: f64,
    most: f64,
}

impl Bucket {
    fn new(pace: Pace, now: Duration) -> Self {
        let servers = f64::from(pace.expected.max(1));
        let most = (pace.burst as f64 / servers).max(1.0);
        Self { level: most, at: now, per_s: pace.per_minute as f64 / 60.0 / servers, most }
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.level = (self.level + passed * self.per_s).min(self.most);
    }

    fn take(&mut self, cost: u64, now: Duration) -> Result<(), Duration> {
        self.fill(now);
        let cost = (cost as f64).min(self.most);
        let missing = cost - self.level;
        // Whatever rounding leaves is far below one of anything.
        if missing > 1e-6 {
            return Err(Duration::from_secs_f64((missing / self.per_s).min(86_400.0)));
        }
        self.level = (self.level - cost).max(0.0);
        Ok(())
    }

    fn debit(&mut self, cost: u64, now: Duration) {
        self.fill(now);
        self.level = (self.level - cost as f64).max(0.0);
    }

    fn credit(&mut self, cost: u64, now: Duration) {
        self.fill(now);
        self.level = (self.level + cost as f64).min(self.most);
    }

    /// Lets the bucket have had `most` at most so long ago.
    fn cap(&mut self, most: u64, now: Duration, ago: Duration) {
        self.fill(now);
        self.level = self.level.min(most as f64 + ago.as_secs_f64() * self.per_s);
    }
}

#[cfg(test)]
mod tests;
