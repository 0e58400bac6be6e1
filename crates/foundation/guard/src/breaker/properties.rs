//! What a breaker promises under any sequence of calls, judged by an onlooker that knows only the public answers.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Breaker, BreakerConfig, Open, Permit, State};

const OPEN: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
enum Step {
    Admit,
    Back { which: prop::sample::Index, how: u8, again: bool },
    Wait { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let back = (any::<prop::sample::Index>(), 0..3u8, prop::bool::weighted(0.1));
    prop_oneof![
        3 => Just(Step::Admit),
        3 => back.prop_map(|(which, how, again)| Step::Back { which, how, again }),
        1 => (0..120_000u64).prop_map(|millis| Step::Wait { millis }),
    ]
}

/// What an onlooker knows without looking inside: when it last opened, and which probe is out.
#[derive(Default)]
struct Onlooker {
    opened: Option<Instant>,
    probe: Option<Permit>,
    out: Vec<Permit>,
}

impl Onlooker {
    fn admit(&mut self, breaker: &mut Breaker, now: Instant) {
        let before = breaker.state(now);
        match breaker.admit(now) {
            Ok(permit) => {
                assert_ne!(before, State::Open);
                assert!(self.opened.is_none_or(|at| now >= at + OPEN), "admitted while open");
                if permit.is_probe() {
                    assert!(self.probe.is_none(), "two probes at once");
                    self.probe = Some(permit);
                } else {
                    assert_eq!(before, State::Closed);
                }
                self.out.push(permit);
            }
            Err(Open { retry_after }) => {
                assert!(!retry_after.is_zero() && retry_after <= OPEN);
                assert_ne!(before, State::Closed);
            }
        }
    }

    fn back(&mut self, breaker: &mut Breaker, permit: Permit, how: u8, now: Instant) {
        let is_the_probe = self.probe == Some(permit);
        let (state, failures) = (breaker.state(now), breaker.failures());
        match how {
            0 => breaker.success(permit, now),
            1 => breaker.failure(permit, now),
            _ => breaker.abandon(permit, now),
        }
        match how {
            0 if is_the_probe => assert_eq!(breaker.state(now), State::Closed),
            1 if is_the_probe => assert_eq!(breaker.state(now), State::Open),
            2 => assert_eq!((breaker.state(now), breaker.failures()), (state, failures)),
            _ => {}
        }
        if is_the_probe {
            (self.probe, self.opened) = (None, None);
        }
        if how == 1 && state != State::Open && breaker.state(now) == State::Open {
            self.opened = Some(now);
        }
    }
}

proptest! {
    #[test]
    fn any_sequence_keeps_the_promises(failures in 1..4u32, steps in prop::collection::vec(step(), 0..200)) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig { failures, open: OPEN });
        let mut onlooker = Onlooker::default();
        for step in steps {
            match step {
                Step::Wait { millis } => now += Duration::from_millis(millis),
                Step::Admit => onlooker.admit(&mut breaker, now),
                Step::Back { which, how, again } if !onlooker.out.is_empty() => {
                    let index = which.index(onlooker.out.len());
                    let permit = if again { onlooker.out[index] } else { onlooker.out.swap_remove(index) };
                    onlooker.back(&mut breaker, permit, how, now);
                }
                Step::Back { .. } => {}
            }
        }
    }
}
