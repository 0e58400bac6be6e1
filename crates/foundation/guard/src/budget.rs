//! Keeps retries a small share of the traffic, so that an upstream in trouble is not buried under second tries.
//! Knows neither what is retried nor why; one budget covers whatever its owner decides to count together.

use std::time::{Duration, Instant};

/// Parts the window is cut into: a deposit lives between nine and ten tenths of the window.
const SLOTS: usize = 10;
/// Retries by which rounding may fall short of a whole one, as in `0.29 * 100`.
const ROUNDING: f64 = 1e-6;

/// How many retries a [`RetryBudget`] allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryBudgetConfig {
    /// Retries earned per request. Default 0.2, as in tower and Envoy. Negative or not finite reads as 0.
    pub ratio: f64,
    /// Retries per second allowed without any request. Default 2.0: tower's 10 is meant for cheap calls, these are
    /// slow and cost money. Negative or not finite reads as 0.
    pub min_per_sec: f64,
    /// The window: how long requests earn and retries weigh. Default 10 s, as in tower.
    pub ttl: Duration,
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.2, min_per_sec: 2.0, ttl: Duration::from_secs(10) }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    tick: u64,
    requests: u64,
    retries: u64,
}

/// A retry budget over a sliding window: within any window (to a tenth of it) that ends with a retry, there are at most
/// `ratio * requests + min_per_sec * ttl` retries.
///
/// Slots count requests and retries instead of adding fractions up, so that nothing is lost to rounding.
#[derive(Debug, Clone)]
pub struct RetryBudget {
    ratio: f64,
    reserve: f64,
    slot_nanos: u128,
    start: Option<Instant>,
    slots: [Slot; SLOTS],
}

impl RetryBudget {
    /// A budget that holds its whole reserve, `min_per_sec * ttl` retries. Its time starts with the first use.
    pub fn new(config: RetryBudgetConfig) -> Self {
        Self {
            ratio: sane(config.ratio),
            reserve: sane(config.min_per_sec) * config.ttl.as_secs_f64(),
            slot_nanos: (config.ttl.as_nanos() / SLOTS as u128).max(1),
            start: None,
            slots: [Slot::default(); SLOTS],
        }
    }

    /// Counts one request. Its retries are not requests: do not deposit for them.
    pub fn deposit(&mut self, now: Instant) {
        let slot = self.slot(now);
        slot.requests = slot.requests.saturating_add(1);
    }

    /// Takes one retry; false when there is none to take, and then the request must end with the error it has.
    #[must_use = "false means that no retry may be made"]
    pub fn withdraw(&mut self, now: Instant) -> bool {
        if self.available(now) == 0 {
            return false;
        }
        let slot = self.slot(now);
        slot.retries = slot.retries.saturating_add(1);
        true
    }

    /// Whole retries that could be taken at `now`.
    pub fn available(&self, now: Instant) -> u32 {
        let tick = self.tick(now);
        let live = self.slots.iter().filter(|slot| slot.tick.saturating_add(SLOTS as u64) > tick);
        let (requests, retries) = live.fold((0u64, 0u64), |(requests, retries), slot| {
            (requests.saturating_add(slot.requests), retries.saturating_add(slot.retries))
        });
        // A cast from float to integer saturates: a debt reads as 0.
        (self.ratio * requests as f64 + self.reserve - retries as f64 + ROUNDING) as u32
    }

    fn slot(&mut self, now: Instant) -> &mut Slot {
        self.start.get_or_insert(now);
        let tick = self.tick(now);
        let slot = &mut self.slots[(tick % SLOTS as u64) as usize];
        if slot.tick < tick {
            *slot = Slot { tick, ..Slot::default() };
        }
        slot
    }

    fn tick(&self, now: Instant) -> u64 {
        let elapsed = self.start.map_or(Duration::ZERO, |start| now.saturating_duration_since(start));
        u64::try_from(elapsed.as_nanos() / self.slot_nanos).unwrap_or(u64::MAX)
    }
}

fn sane(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn budget(ratio: f64, min_per_sec: f64) -> RetryBudget {
        RetryBudget::new(RetryBudgetConfig { ratio, min_per_sec, ttl: SECOND * 10 })
    }

    #[test]
    fn a_quiet_budget_holds_its_floor() {
        let now = Instant::now();
        let mut budget = RetryBudget::new(RetryBudgetConfig::default());
        assert_eq!(budget.available(now), 20);
        assert_eq!((0..30).filter(|_| budget.withdraw(now)).count(), 20);
        assert_eq!(budget.available(now + SECOND * 9), 0);
        assert_eq!(budget.available(now + SECOND * 10), 20);
    }

    #[test]
    fn requests_earn_and_deposits_expire() {
        let now = Instant::now();
        let check = |ratio, requests, expect| {
            let mut budget = budget(ratio, 0.0);
            (0..requests).for_each(|_| budget.deposit(now));
            assert_eq!(budget.available(now + SECOND * 9), expect, "{ratio} * {requests}");
            assert_eq!(budget.available(now + SECOND * 10), 0);
            assert!(!budget.withdraw(now + SECOND * 10));
        };
        check(0.2, 4, 0);
        check(0.2, 5, 1);
        check(0.29, 100, 29);
        check(0.1, 30, 3);
    }

    #[test]
    fn senseless_settings_allow_nothing_and_break_nothing() {
        let now = Instant::now();
        for (ratio, ttl) in [(f64::NAN, SECOND), (-1.0, SECOND), (f64::INFINITY, Duration::ZERO)] {
            let mut budget = RetryBudget::new(RetryBudgetConfig { ratio, min_per_sec: -3.0, ttl });
            budget.deposit(now);
            assert!(!budget.withdraw(now));
        }
        let long = RetryBudgetConfig { ratio: 1.0, min_per_sec: f64::MAX, ttl: Duration::MAX };
        assert!(RetryBudget::new(long).withdraw(now));
    }

    proptest! {
        #[test]
        fn retries_stay_a_share_of_requests(
            ratio in 0.0..1.0f64,
            min_per_sec in 0.0..3.0f64,
            steps in prop::collection::vec((any::<bool>(), 0..3u64), 1..400),
        ) {
            let start = Instant::now();
            let mut budget = budget(ratio, min_per_sec);
            let (mut second, mut asked, mut again) = (0, Vec::new(), Vec::new());
            for (is_retry, pause) in steps {
                // The budget's time starts with its first use, so that is second 0.
                second += if asked.is_empty() && again.is_empty() { 0 } else { pause };
                let now = start + SECOND * second as u32;
                if !is_retry {
                    budget.deposit(now);
                    asked.push(second);
                } else if budget.withdraw(now) {
                    again.push(second);
                    let within = |times: &[u64]| times.iter().filter(|&&t| t + 10 > second).count() as f64;
                    prop_assert!(within(&again) <= ratio * within(&asked) + min_per_sec * 10.0 + 1e-3);
                }
            }
            let whole = ratio * asked.len() as f64 + min_per_sec * (second + 11) as f64;
            prop_assert!(again.len() as f64 <= whole + 1e-3);
        }
    }
}
