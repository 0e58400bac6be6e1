//! What time it is, and ids that tell when they were made.

use crate::DocketError;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use store::{StoreError, Tx};

/// What tells the time, in milliseconds since 1970.
#[derive(Clone, Default)]
pub enum Clock {
    /// The store's own clock, which all servers that share it agree on.
    #[default]
    Store,
    /// Another one, for tests.
    Given(Arc<dyn Fn() -> i64 + Send + Sync>),
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if matches!(self, Self::Store) { "Clock::Store" } else { "Clock::Given" })
    }
}

/// Milliseconds since 1970.
pub(crate) async fn now(clock: &Clock, tx: &mut Tx) -> Result<i64, StoreError> {
    match clock {
        Clock::Store => tx.now_ms().await,
        Clock::Given(clock) => Ok(clock()),
    }
}

/// Makes ids: the moment, a count within it, and chance that nobody can guess. Those of one maker rise, whatever the
/// clock does.
#[derive(Default)]
pub(crate) struct Ids(Mutex<Made>);

#[derive(Default)]
struct Made {
    ms: u64,
    count: u16,
}

impl Ids {
    /// `dec_` and 32 hexadecimal digits.
    pub(crate) fn make(&self, now_ms: i64) -> Result<String, DocketError> {
        let mut chance = [0; 8];
        SystemRandom::new().fill(&mut chance).map_err(|_| DocketError::Chance)?;
        let chance = u64::from_ne_bytes(chance);
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now_ms.unsigned_abs();
        match made.count.checked_add(1) {
            _ if now > made.ms => (made.ms, made.count) = (now, 0),
            Some(count) => made.count = count,
            None => (made.ms, made.count) = (made.ms + 1, 0),
        }
        let (ms, count) = (made.ms & 0xffff_ffff_ffff, made.count);
        Ok(format!("dec_{ms:012x}{count:04x}{chance:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn ids_rise_though_the_clock_stands_or_goes_back() {
        let ids = Ids::default();
        let made: Vec<String> = (0..70_000).map(|at| ids.make(1_000 - at / 40_000).unwrap()).collect();
        assert!(made.windows(2).all(|two| two[0] < two[1]));
        assert!(made.iter().all(|id| id.len() == 36 && id.starts_with("dec_")));
        assert!(ids.make(2_000).unwrap() > made[69_999]);
        // What follows the moment is nobody's to guess: two makers that begin alike make no two alike.
        assert_ne!(Ids::default().make(1_000).unwrap(), Ids::default().make(1_000).unwrap());
    }
}
