//! The machine against a model of Redis: what all servers let pass stays within the bound, whatever happens when.

use super::{Pace, Share, Take, Want};
use proptest::prelude::*;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// What the script in Redis does, in seconds.
#[derive(Default)]
struct Redis {
    free: f64,
    /// Since when nothing is lost.
    whole: Option<f64>,
}

impl Redis {
    fn take(&mut self, pace: Pace, want: Want, now: f64) -> (u64, Result<u64, Duration>) {
        let per = 60.0 / pace.per_minute as f64;
        let ahead = pace.burst as f64 * per;
        let mut free = self.free - want.back as f64 * per;
        if let Some(whole) = self.whole {
            free = free.max(now + ahead - (now - whole));
        }
        free = free.clamp(now, now + ahead);
        let there = ((now + ahead - free) / per + 0.001).floor() as u64;
        let paid = want.owed.min(there);
        let (there, owed) = (there - paid, want.owed - paid);
        free += paid as f64 * per;
        if owed > 0 || there < want.least {
            self.free = free;
            let wait = (want.least + owed) as f64 * per - (now + ahead - free);
            return (paid, Err(Duration::from_secs_f64(wait.max(1e-6))));
        }
        let granted = want.least.max(want.most.min(there / 2));
        self.free = free + granted as f64 * per;
        (paid, Ok(granted))
    }
}

/// Servers that share one rate, and when they let something pass.
struct World {
    pace: Pace,
    redis: Redis,
    away: Option<Duration>,
    shares: Vec<Share>,
    now: Duration,
    passed: Vec<(Duration, u64)>,
    losses: Vec<Duration>,
}

impl World {
    fn new(pace: Pace) -> Self {
        let now = Duration::from_secs(1_000);
        let shares = (0..pace.expected).map(|_| Share::new(pace, now)).collect();
        let redis = Redis { free: 0.0, whole: None };
        Self { pace, redis, away: None, shares, now, passed: Vec::new(), losses: Vec::new() }
    }

    fn ask(&mut self, server: usize, cost: u64) -> Result<(), Duration> {
        let now = self.now;
        let away = self.away.map(|since| now - since);
        let share = &mut self.shares[server];
        let mut take = share.take(cost, now, away);
        if take == Take::Ask {
            let whole_for = self.redis.whole.map(|whole| Duration::from_secs_f64(now.as_secs_f64() - whole));
            if let Some(want) = share.want(cost, now, whole_for) {
                let (paid, answer) = self.redis.take(self.pace, want, now.as_secs_f64());
                share.paid(paid);
                match answer {
                    Ok(granted) => share.granted(granted, now),
                    Err(wait) => share.refused(cost, wait, now),
                }
            }
            take = share.take(cost, now, away);
        }
        match take {
            Take::Yes => {
                self.passed.push((now, cost.min(self.pace.burst)));
                Ok(())
            }
            Take::No(wait) => Err(wait),
            Take::Ask => panic!("asked and none the wiser"),
        }
    }

    fn lose(&mut self) {
        if self.away.is_none() {
            self.losses.push(self.now);
            self.away = Some(self.now);
        }
    }

    /// Redis is back, with what it knew or without.
    fn find(&mut self, forgetful: bool) {
        if self.away.take().is_some() {
            self.redis.whole = Some(self.now.as_secs_f64());
            if forgetful {
                self.redis.free = 0.0;
            }
        }
    }

    /// Whether no span of time saw more than the bound.
    fn holds(&self) -> Result<(), String> {
        let servers = f64::from(self.pace.expected);
        for (at, (first, _)) in self.passed.iter().enumerate() {
            let mut sum = 0;
            for (last, cost) in &self.passed[at..] {
                sum += cost;
                let span = (*last - *first).as_secs_f64();
                let losses = self.losses.iter().filter(|loss| (first..=last).contains(loss)).count() as f64;
                let slices = self.pace.slice as f64 * servers * (1.0 + losses);
                let most = self.pace.burst as f64 + self.pace.per_minute as f64 * span / 60.0 + slices;
                // One more where a span begins and ends between two.
                if sum as f64 > most + 1.0 {
                    return Err(format!("{sum} in {span} s with {losses} losses, at most {most}"));
                }
            }
        }
        Ok(())
    }
}

fn pace(per_minute: u64, burst: u64, slice: u64, expected: u32) -> Pace {
    Pace { per_minute, burst, slice, expected }
}

#[test]
fn one_server_alone_has_the_whole_rate_to_the_last() {
    for slice in [1, 3, 10] {
        let mut world = World::new(pace(60, 10, slice, 1));
        assert_eq!((0..20).filter(|_| world.ask(0, 1).is_ok()).count(), 10, "{slice}");
        assert_eq!(world.ask(0, 1), Err(Duration::from_secs(1)));
        // Whoever keeps to the rate is never refused, whatever is held ahead.
        for _ in 0..100 {
            world.now += Duration::from_millis(1_001);
            assert_eq!(world.ask(0, 1), Ok(()), "{slice}");
        }
    }
}

#[test]
fn what_was_taken_ahead_and_not_used_is_not_lost() {
    let mut world = World::new(pace(60, 10, 3, 1));
    for _ in 0..100 {
        world.now += Duration::from_secs(2);
        assert_eq!(world.ask(0, 1), Ok(()));
    }
    world.now += Duration::from_secs(2);
    assert_eq!((0..20).filter(|_| world.ask(0, 1).is_ok()).count(), 10);
}

#[test]
fn two_servers_that_keep_to_the_rate_together_are_never_refused() {
    let mut world = World::new(pace(60, 10, 3, 2));
    for nth in 0..200 {
        world.now += Duration::from_millis(1_010);
        assert_eq!(world.ask(nth % 2, 1), Ok(()), "{nth}");
    }
}

#[test]
fn a_loss_gives_each_server_its_part_and_a_slice_at_most() {
    let mut world = World::new(pace(600, 100, 30, 3));
    // One has used everything: nothing is left for itself, a slice for each of the others.
    while world.ask(0, 1).is_ok() {}
    world.lose();
    let passes = |world: &mut World, server| (0..200).filter(|_| world.ask(server, 1).is_ok()).count();
    assert_eq!([0, 1, 2].map(|server| passes(&mut world, server)), [0, 30, 30]);
    world.now += Duration::from_secs(3);
    assert_eq!([0, 1, 2].map(|server| passes(&mut world, server)), [10, 10, 10]);
    // Back, and nobody is put off for a burst that others may have had, nor given it again.
    world.now += Duration::from_secs(60);
    world.find(true);
    assert_eq!([0, 1, 2].map(|server| passes(&mut world, server)), [30, 30, 30]);
    world.now += Duration::from_secs(1);
    assert_eq!(passes(&mut world, 0), 10);
    assert_eq!(world.holds(), Ok(()));
}

#[test]
fn a_slow_rate_is_not_stopped_by_a_loss_or_a_return() {
    let mut world = World::new(pace(60, 10, 3, 3));
    for nth in 0..300 {
        world.now += Duration::from_millis(3_100);
        match nth % 20 {
            7 => world.lose(),
            13 => world.find(nth % 40 == 13),
            _ => {}
        }
        assert_eq!(world.ask(nth % 3, 1), Ok(()), "{nth}");
    }
}

#[test]
fn what_is_given_back_can_be_taken_again_and_no_more() {
    let mut world = World::new(pace(6_000, 6_000, 300, 2));
    world.ask(0, 5_000).unwrap();
    assert!(world.ask(1, 2_000).is_err());
    let now = world.now;
    world.shares[0].give_back(4_000, now);
    // It goes back with the next question.
    assert_eq!(world.ask(0, 1_000), Ok(()));
    world.now += 250 * MS;
    assert_eq!(world.ask(1, 2_000), Ok(()));
    assert!(world.ask(0, 3_000).is_err());
}

#[test]
fn what_was_used_beyond_is_paid_by_all() {
    let mut world = World::new(pace(600, 100, 10, 2));
    assert_eq!(world.ask(0, 50), Ok(()));
    let now = world.now;
    world.shares[0].owe(70, now);
    // What is left pays first, here and for the other.
    assert_eq!(world.ask(0, 1), Err(Duration::from_millis(2_100)));
    assert!(world.ask(1, 1).is_err());
    world.now += 2_100 * MS;
    assert_eq!(world.ask(0, 1), Ok(()));
    // One call cannot lock out everybody for long.
    let now = world.now;
    world.shares[0].owe(1_000_000, now);
    world.now += 250 * MS;
    assert!(world.ask(0, 1).is_err_and(|wait| wait <= Duration::from_secs(31)));
    for _ in 0..10 {
        assert!(world.ask(0, 1).is_err());
        world.now += 2_020 * MS;
    }
    assert_eq!(world.ask(0, 1), Ok(()));
    let now = world.now;
    let held = world.shares[1].held;
    world.shares[1].granted(10, now);
    world.shares[1].owe(4, now);
    assert_eq!((world.shares[1].held, world.shares[1].owed), (held + 6, 0), "out of what is held, where there is some");
}

#[test]
fn what_is_more_than_all_passes_when_all_is_there() {
    let mut world = World::new(pace(60, 10, 3, 2));
    assert_eq!(world.ask(0, 1_000), Ok(()));
    assert!(world.ask(1, 1).is_err());
    world.lose();
    world.now += Duration::from_secs(60);
    assert_eq!(world.ask(0, 1_000), Ok(()));
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u32),
    Ask { server: usize, times: u32, cost: u64 },
    Owe { server: usize, cost: u64 },
    Lose,
    Find { forgetful: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..4_000u32).prop_map(Step::Pass),
        8 => (0..4usize, 1..40u32, 1..4u64).prop_map(|(server, times, cost)| Step::Ask { server, times, cost }),
        1 => (0..4usize, 1..40u64).prop_map(|(server, cost)| Step::Owe { server, cost }),
        1 => Just(Step::Lose),
        1 => any::<bool>().prop_map(|forgetful| Step::Find { forgetful }),
    ]
}

proptest! {
    #[test]
    fn servers_never_exceed_the_rate_by_more_than_their_slices(
        per_minute in 1..2_000u64,
        burst_s in 1..60u64,
        share in 0.001..1.0f64,
        servers in 1..5u32,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let burst = (per_minute * burst_s / 60).max(1);
        let slice = ((per_minute as f64 * share) as u64).clamp(1, burst);
        let mut world = World::new(pace(per_minute, burst, slice, servers));
        for step in steps {
            match step {
                Step::Pass(ms) => world.now += MS * ms,
                Step::Lose => world.lose(),
                Step::Owe { server, cost } => {
                    let (now, at) = (world.now, server % world.shares.len());
                    world.shares[at].owe(cost, now);
                }
                Step::Find { forgetful } => world.find(forgetful),
                Step::Ask { server, times, cost } => {
                    for _ in 0..times {
                        let _ = world.ask(server % world.shares.len(), cost);
                    }
                }
            }
        }
        prop_assert_eq!(world.holds(), Ok(()));
    }
}
