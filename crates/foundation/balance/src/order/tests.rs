//! Each strategy's order, and what holds for all of them.

use super::{Balancer, Strategy};
use crate::Reading;
use proptest::prelude::*;

const ALL: [Strategy; 9] = [
    Strategy::Order,
    Strategy::PeakEwma,
    Strategy::RoundRobin,
    Strategy::Weighted,
    Strategy::LeastConnections,
    Strategy::ResourceBased,
    Strategy::Adaptive,
    Strategy::Cheapest,
    Strategy::Fastest,
];

fn rng() -> fastrand::Rng {
    fastrand::Rng::with_seed(7)
}

fn check(strategy: Strategy, readings: &[Reading], expect: &[usize]) {
    for seed in 0..20 {
        let mut rng = fastrand::Rng::with_seed(seed);
        assert_eq!(Balancer::default().order(strategy, readings, &mut rng).places, expect, "{strategy:?}");
    }
}

fn reading() -> Reading {
    Reading::default()
}

#[test]
fn as_given() {
    check(Strategy::Order, &[Reading { available: false, ..reading() }, reading()], &[0, 1]);
    check(Strategy::Order, &[], &[]);
}

#[test]
fn the_fewest_calls() {
    let busy = |in_flight| Reading { in_flight, ..reading() };
    check(Strategy::LeastConnections, &[busy(3), busy(1), busy(2)], &[1, 2, 0]);
}

#[test]
fn the_most_left() {
    let free = |free| Reading { free, ..reading() };
    check(Strategy::ResourceBased, &[free(0.2), free(0.9), free(0.0), free(0.5)], &[1, 3, 0, 2]);
}

#[test]
fn the_best_score() {
    let like = |health, free, latency_s| Reading { health, free, latency_s: Some(latency_s), ..reading() };
    // .4 × .5 + .3 × 1 + .3 / 1 = .8; .4 + .3 × .5 + .3 / 2 = .7; .4 + .3 + .3 / 4 = .775
    let readings = [like(0.5, 1.0, 0.0), like(1.0, 0.5, 1.0), like(1.0, 1.0, 3.0)];
    check(Strategy::Adaptive, &readings, &[0, 2, 1]);
}

#[test]
fn the_lowest_cost_and_the_unknown_last() {
    let cost = |cost| Reading { cost, ..reading() };
    check(Strategy::Cheapest, &[cost(None), cost(Some(0.2)), cost(Some(0.1))], &[2, 1, 0]);
    let loaded = |load_s| Reading { load_s, cost: Some(0.1), ..reading() };
    check(Strategy::Cheapest, &[loaded(2.0), loaded(1.0)], &[1, 0]);
}

#[test]
fn the_shortest_time_and_the_unknown_once() {
    let like = |latency_s, unproven| Reading { latency_s, unproven, in_flight: 3, ..reading() };
    check(Strategy::Fastest, &[like(Some(2.0), false), like(Some(1.0), false), like(None, false)], &[2, 1, 0]);
    for soon in [None, Some(0.001)] {
        check(Strategy::Fastest, &[like(soon, true), like(Some(2.0), false), like(Some(1.0), false)], &[2, 1, 0]);
    }
}

#[test]
fn the_lighter_of_two() {
    let load = |load_s, in_flight| Reading { load_s, in_flight, ..reading() };
    check(Strategy::PeakEwma, &[load(2.0, 0), load(1.0, 9)], &[1, 0]);
    // Nobody knows yet how long the first one takes: one call finds out, not all.
    check(Strategy::PeakEwma, &[load(0.0, 0), load(1.0, 9)], &[0, 1]);
    let unproven = |load_s, in_flight| Reading { unproven: true, ..load(load_s, in_flight) };
    check(Strategy::PeakEwma, &[unproven(0.001, 1), load(1.0, 9)], &[1, 0]);
    check(Strategy::PeakEwma, &[unproven(0.0, 2), unproven(0.0, 1)], &[1, 0]);
    // It is busy with something else, which says nothing about this.
    check(Strategy::PeakEwma, &[load(0.0, 1), load(1.0, 9)], &[0, 1]);
}

#[test]
fn the_lightest_of_many_wins_as_often_as_it_is_drawn() {
    let readings: Vec<Reading> = (1..=5).map(|load| Reading { load_s: f64::from(load), ..reading() }).collect();
    let (mut rng, mut firsts) = (rng(), [0_u32; 5]);
    for _ in 0..10_000 {
        firsts[Balancer::default().order(Strategy::PeakEwma, &readings, &mut rng).places[0]] += 1;
    }
    // Of ten pairs the lightest is in four, the next wins three, the heaviest none.
    for (found, expect) in firsts.into_iter().zip([4_000, 3_000, 2_000, 1_000, 0]) {
        assert!(found.abs_diff(expect) < 200, "{firsts:?}");
    }
}

/// Who comes first in each of so many orders.
fn firsts(strategy: Strategy, readings: &[Reading], turns: usize) -> Vec<usize> {
    let (balancer, mut rng) = (Balancer::default(), rng());
    (0..turns).map(|_| balancer.order(strategy, readings, &mut rng).places[0]).collect()
}

#[test]
fn in_turn() {
    assert_eq!(firsts(Strategy::RoundRobin, &[reading(); 3], 7), [0, 1, 2, 0, 1, 2, 0]);
    let resting = Reading { available: false, ..reading() };
    assert_eq!(firsts(Strategy::RoundRobin, &[reading(), resting, reading()], 4), [0, 2, 0, 2]);
}

#[test]
fn in_turn_by_weight() {
    let weighing = |weight| Reading { weight, ..reading() };
    let readings = [weighing(5.0), weighing(1.0), weighing(1.0)];
    assert_eq!(firsts(Strategy::Weighted, &readings, 7), [0, 0, 1, 0, 2, 0, 0], "spread, as nginx does");
    for senseless in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        firsts(Strategy::Weighted, &[weighing(senseless), weighing(1.0)], 3);
    }
}

#[test]
fn another_number_of_candidates_starts_anew() {
    let (balancer, mut rng) = (Balancer::default(), rng());
    for count in [3, 2, 5] {
        assert_eq!(balancer.order(Strategy::RoundRobin, &[reading(); 5][..count], &mut rng).places[0], 0);
    }
}

#[test]
fn who_failed_lately_comes_behind_and_who_would_refuse_last() {
    let resting = Reading { available: false, ..reading() };
    let full = Reading { free: 0.0, ..reading() };
    let spared = Reading { penalised: true, ..reading() };
    let slow = Reading { load_s: 100.0, in_flight: 50, latency_s: Some(9.0), cost: Some(9.0), ..reading() };
    for strategy in ALL.into_iter().filter(|strategy| *strategy != Strategy::Order) {
        check(strategy, &[resting, full, spared, slow], &[3, 2, 1, 0]);
        let peers = |readings: &[Reading]| Balancer::default().order(strategy, readings, &mut rng()).peers;
        assert_eq!([peers(&[resting, slow, slow]), peers(&[full, full, spared]), peers(&[resting; 3])], [2, 1, 3]);
        check(strategy, &[resting], &[0]);
    }
}

/// How many of so many that failed alike, of so many in all, are still tried before the last one that is well.
fn kept(failed: usize, resting: usize, all: usize) -> usize {
    let failing = Reading { penalised: true, health: 0.5, ..reading() };
    let refusing = Reading { available: false, ..reading() };
    let readings: Vec<Reading> = (0..all)
        .map(|at| match at {
            _ if at < failed => failing,
            _ if at < failed + resting => refusing,
            _ => reading(),
        })
        .collect();
    Balancer::default().order(Strategy::LeastConnections, &readings, &mut rng()).peers + failed + resting - all
}

#[test]
fn no_more_than_a_third_is_spared_for_failing() {
    for (failed, resting, all, expect) in [
        (1, 0, 2, 0),
        (1, 0, 5, 0),
        (2, 0, 5, 1),
        (2, 0, 6, 0),
        (4, 0, 6, 2),
        (6, 0, 6, 4),
        (2, 0, 2, 1),
        // Whoever rests cannot bear anything either, and is not put back.
        (2, 3, 6, 1),
    ] {
        assert_eq!(kept(failed, resting, all), expect, "{failed} of {all} failed, {resting} rest");
    }
}

#[test]
fn the_least_sick_is_put_back() {
    let failing = |health, load_s| Reading { penalised: true, health, load_s, ..reading() };
    check(Strategy::Cheapest, &[failing(0.1, 1.0), failing(0.2, 9.0)], &[1, 0]);
    check(Strategy::Cheapest, &[failing(0.1, 9.0), failing(0.1, 1.0)], &[1, 0]);
    let full = Reading { free: 0.0, ..failing(0.9, 1.0) };
    check(Strategy::Cheapest, &[full, failing(0.1, 1.0)], &[1, 0]);
}

#[test]
fn who_comes_back_gets_its_share_slowly() {
    let back = Reading { share: 0.25, ..reading() };
    for strategy in [Strategy::LeastConnections, Strategy::PeakEwma, Strategy::RoundRobin] {
        let readings = [back, Reading { in_flight: 4, load_s: 1.0, ..reading() }];
        let mine = firsts(strategy, &readings, 4_000).into_iter().filter(|first| *first == 0).count();
        let part = if strategy == Strategy::RoundRobin { 400..600 } else { 900..1_100 };
        assert!(part.contains(&mine), "{strategy:?} {mine}");
    }
}

fn any_reading() -> impl Any<Value = Reading> {
    let figures = (0.0..9.0, prop::option::of(0.0..9.0), 0..9_u32, 0.0..1.0, 0.0..1.0, 0.0..1.0);
    let rest = (any::<bool>(), any::<bool>(), prop::option::of(0.0..9.0), 0.1..9.0, any::<bool>());
    (figures, rest).prop_map(|((load_s, latency_s, in_flight, free, health, share), rest)| {
        let (penalised, available, cost, weight, unproven) = rest;
        Reading { load_s, latency_s, unproven, in_flight, free, health, share, penalised, available, cost, weight }
    })
}

use proptest::strategy::Strategy as Any;

proptest! {
    #[test]
    fn nobody_is_left_out(readings in prop::collection::vec(any_reading(), 0..12), seed in any::<u64>()) {
        let (balancer, mut rng) = (Balancer::default(), fastrand::Rng::with_seed(seed));
        for strategy in ALL {
            let mut order = balancer.order(strategy, &readings, &mut rng).places;
            if strategy != Strategy::Order && let Some(first) = order.first() {
                let any_is_there = readings.iter().any(|reading| reading.available);
                prop_assert!(!any_is_there || readings[*first].available);
            }
            order.sort_unstable();
            prop_assert_eq!(order, (0..readings.len()).collect::<Vec<_>>());
        }
    }
}
