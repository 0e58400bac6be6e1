//! The part in memory against a store that is a few numbers: whatever happens in whatever order, no money is made or
//! lost, and no limit is passed.

use crate::name::{Key, Name, Period, Scope};
use crate::turn::{Asked, Found, Move, Position, Verdict, decide};
use crate::window::Window;
use caller::NanoUsd;
use proptest::prelude::*;

const LIMITS: [NanoUsd; 2] = [1_000, 1_600];
const PROCESSES: usize = 3;

/// How a turn ends, as far as its process can tell.
#[derive(Debug, Clone, Copy)]
enum End {
    Told,
    /// The connection broke before anything was committed, or after.
    LostBefore,
    LostAfter,
}

#[derive(Debug, Clone)]
enum Step {
    Take {
        process: usize,
        most: NanoUsd,
    },
    Ask {
        process: usize,
        most: NanoUsd,
        likely: NanoUsd,
        end: End,
    },
    /// A request ends; `share` of what it held is spent, in hundredths, at most `most` of them.
    Settle {
        process: usize,
        request: usize,
        share: i64,
    },
    Flush {
        process: usize,
        end: End,
    },
    /// Others declare a process dead.
    Expire {
        process: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = || 0..PROCESSES;
    let end = || prop_oneof![6 => Just(End::Told), 1 => Just(End::LostBefore), 1 => Just(End::LostAfter)];
    let step = prop_oneof![
        6 => (process(), 0..200_i64).prop_map(|(process, most)| Step::Take { process, most }),
        6 => (process(), 1..400_i64, 0..400_i64, end())
            .prop_map(|(process, most, likely, end)| Step::Ask { process, most, likely: likely.clamp(1, most), end }),
        10 => (process(), 0..50_usize, 0..=100_i64)
            .prop_map(|(process, request, share)| Step::Settle { process, request, share }),
        5 => (process(), end()).prop_map(|(process, end)| Step::Flush { process, end }),
        1 => process().prop_map(|process| Step::Expire { process }),
    ];
    prop::collection::vec(step, 1..120)
}

/// What the store knows of a process: what is leased to it, and whether it was declared dead.
#[derive(Default, Clone)]
struct Lessee {
    leases: [NanoUsd; 2],
    turn: u64,
    dead: bool,
}

struct Process {
    windows: [Window; 2],
    /// What each request holds of each window.
    requests: Vec<[NanoUsd; 2]>,
    turn: u64,
    flushing: bool,
    lessee: usize,
}

struct World {
    found: [Found; 2],
    lessees: Vec<Lessee>,
    processes: Vec<Process>,
    /// What requests have really cost.
    cost: NanoUsd,
    /// Whether a process that requests hold money of was declared dead: then limits can be passed by as much.
    excused: bool,
}

impl World {
    fn new() -> Self {
        let window = |at: usize| {
            let name = Name::of(Scope::Server, Period::Day, &"".into(), &"".into());
            Window::new(Key { name, starts_day: i64::try_from(at).unwrap() }, LIMITS[at], 0.8)
        };
        let process = |lessee| Process {
            windows: [window(0), window(1)],
            requests: Vec::new(),
            turn: 0,
            flushing: false,
            lessee,
        };
        Self {
            found: [Found { spent: 0, reserved: 0, alerted: 0 }; 2],
            lessees: vec![Lessee::default(); PROCESSES],
            processes: (0..PROCESSES).map(process).collect(),
            cost: 0,
            excused: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Take { process, most } => self.take(process, most),
            Step::Ask { process, most, likely, end } => self.turn(process, Some((most, likely)), false, end),
            Step::Settle { process, request, share } => self.settle(process, request, share),
            Step::Flush { process, end } => self.turn(process, None, true, end),
            Step::Expire { process } => self.expire(process),
        }
        self.check();
    }

    fn take(&mut self, process: usize, most: NanoUsd) {
        // A process that is dead and does not know yet would find its leases too old.
        let process = &mut self.processes[process];
        if self.lessees[process.lessee].dead || most == 0 {
            return;
        }
        if !process.windows[0].take(most) {
            return;
        }
        if process.windows[1].take(most) {
            process.requests.push([most; 2]);
        } else {
            process.windows[0].put_back(most);
        }
    }

    fn settle(&mut self, process: usize, request: usize, share: i64) {
        let process = &mut self.processes[process];
        if process.requests.is_empty() {
            return;
        }
        let held = process.requests.swap_remove(request % process.requests.len());
        let cost = held[0].min(held[1]) * share / 100;
        for (window, held) in process.windows.iter().zip(held) {
            window.settle(held, cost);
        }
        self.cost += cost;
    }

    fn expire(&mut self, process: usize) {
        let lessee = &mut self.lessees[self.processes[process].lessee];
        if lessee.dead {
            return;
        }
        lessee.dead = true;
        for (found, lease) in self.found.iter_mut().zip(&mut lessee.leases) {
            found.reserved -= std::mem::take(lease);
        }
        self.excused |= self.processes[process].windows.iter().any(|window| window.amounts()[1..] != [0, 0, 0]);
    }

    /// What the clerk and the store do.
    fn turn(&mut self, at: usize, ask: Option<(NanoUsd, NanoUsd)>, flush: bool, end: End) {
        let process = &mut self.processes[at];
        let lessee = &mut self.lessees[process.lessee];
        // The number tells that the turn before had happened.
        let already = lessee.turn == process.turn + 1;
        if already || lessee.dead {
            for (window, lease) in process.windows.iter().zip(lessee.leases) {
                window.learn(lease, already);
            }
            if already {
                (process.turn, process.flushing) = (process.turn + 1, false);
            }
            if lessee.dead {
                self.lessees.push(Lessee::default());
                (process.lessee, process.turn) = (self.lessees.len() - 1, 0);
            }
            return;
        }
        if flush && !process.flushing {
            process.windows.iter().for_each(Window::begin_flush);
            process.flushing = true;
        }
        let asked = ask.map(|(most, _)| most);
        let positions: Vec<Position> = process.windows.iter().map(|window| window.position(asked, true)).collect();
        let asks: Vec<Asked> = ask.map(|(most, least)| Asked { at: vec![0, 1], most, least }).into_iter().collect();
        let (moves, verdicts) = decide(&positions, &self.found, &asks);
        if matches!(end, End::LostBefore) {
            return;
        }
        self.write(at, &moves);
        if matches!(end, End::Told) {
            self.told(at, &positions, &moves, verdicts.first());
        }
    }

    fn write(&mut self, at: usize, moves: &[Move]) {
        let lessee = &mut self.lessees[self.processes[at].lessee];
        lessee.turn += 1;
        for ((found, lease), moved) in self.found.iter_mut().zip(&mut lessee.leases).zip(moves) {
            found.spent += moved.spent;
            found.reserved += moved.reserved;
            *lease = moved.lease;
        }
    }

    fn told(&mut self, at: usize, positions: &[Position], moves: &[Move], verdict: Option<&Verdict>) {
        let process = &mut self.processes[at];
        let granted = match verdict {
            Some(Verdict::Granted(amounts)) => {
                process.requests.push([amounts[0], amounts[1]]);
                [amounts[0], amounts[1]]
            }
            _ => [0, 0],
        };
        for (at, window) in process.windows.iter().enumerate() {
            window.apply(&positions[at], &moves[at], granted[at]);
        }
        (process.turn, process.flushing) = (process.turn + 1, false);
    }

    fn check(&self) {
        for (at, found) in self.found.iter().enumerate() {
            let leased: NanoUsd = self.lessees.iter().map(|lessee| lessee.leases[at]).sum();
            assert_eq!(found.reserved, leased, "what is reserved is what is leased");
            assert!(found.reserved >= 0 && found.spent >= 0);
            assert!(self.excused || found.spent + found.reserved <= LIMITS[at], "{found:?}");
            let mut unwritten = 0;
            for process in &self.processes {
                let [_, outstanding, spent, flushing] = process.windows[at].amounts();
                let held: NanoUsd = process.requests.iter().map(|held| held[at]).sum();
                assert_eq!(outstanding, held, "what is out is what requests hold");
                let written = self.lessees[process.lessee].turn == process.turn + 1;
                unwritten += spent + if written { 0 } else { flushing };
            }
            assert_eq!(found.spent + unwritten, self.cost, "every cost is counted once");
        }
    }

    /// Every request ends, every process writes and gives back.
    fn end(&mut self) {
        for process in 0..PROCESSES {
            while !self.processes[process].requests.is_empty() {
                self.settle(process, 0, 100);
            }
            // Some to learn what had happened, some until nothing is expected any more.
            for _ in 0..12 {
                self.turn(process, None, true, End::Told);
                self.check();
            }
        }
        for (at, found) in self.found.iter().enumerate() {
            assert_eq!((found.spent, found.reserved), (self.cost, 0));
            assert!(self.excused || self.cost <= LIMITS[at]);
        }
        let empty = |process: &Process| process.windows.iter().all(Window::forget_if_empty);
        assert!(self.processes.iter().all(empty));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn no_money_is_made_or_lost(steps in steps()) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        world.end();
    }
}

#[test]
fn a_lone_process_can_use_all_of_a_budget() {
    let mut world = World::new();
    for _ in 0..1_000 {
        world.step(&Step::Ask { process: 0, most: 1, likely: 1, end: End::Told });
        world.step(&Step::Settle { process: 0, request: 0, share: 100 });
    }
    assert_eq!(world.cost, LIMITS[0]);
    world.step(&Step::Ask { process: 0, most: 1, likely: 1, end: End::Told });
    assert!(world.processes[0].requests.is_empty());
    world.end();
}
