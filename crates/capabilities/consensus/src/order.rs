//! What several orders add up to: Borda's count, Condorcet's winner, Kendall's W. It reads no answer.

use crate::ranking::Item;
use statistics::kendall_w;
use std::collections::BTreeSet;

/// Items that are counted, at most: those that come first in the members' order.
const UNION_MAX: usize = 100;

/// Sums of weights are compared up to this share of all weight.
const EPSILON: f64 = 1e-9;

/// What several orders add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The items by their points, the first first; among equals the one that was named earlier.
    pub order: Vec<Place>,
    /// The item that wins against every other when they are compared one by one; `None` where there is none.
    pub condorcet: Option<String>,
    /// Whether there is none because majorities go round in a circle.
    pub cycle: bool,
    /// Kendall's W, 0 to 1: how far the orders run alike; `None` with fewer than two.
    pub w: Option<f64>,
    /// The member whose order is the closest to this one.
    pub closest: usize,
    /// The members whose orders were counted, ascending.
    pub members: Vec<usize>,
    /// Whether some order leaves out what another names.
    pub uneven: bool,
}

/// One item of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The item, as the first who named it wrote it.
    pub item: String,
    /// Borda's count: for each voice its weight times the number of items that it puts behind this one, half for those
    /// that it ties with it.
    pub points: f64,
}

/// One voice: the member, what it weighs, its order.
pub(super) struct Voice<'a> {
    pub(super) member: usize,
    pub(super) weight: f64,
    pub(super) items: &'a [Item],
}

/// What these orders add up to; `None` for none of them.
///
/// What an order does not name counts as tied behind its last item.
pub(super) fn order(voices: &[Voice<'_>]) -> Option<Ranking> {
    let names = named(voices);
    let tables: Vec<(f64, Vec<usize>)> = voices.iter().map(|voice| (voice.weight, places(voice, &names))).collect();
    let points: Vec<f64> = (0..names.len()).map(|item| borda(item, &tables)).collect();
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_by(|a, b| points[*b].total_cmp(&points[*a]).then(a.cmp(b)));
    let beats = |a: usize, b: usize| beats(a, b, &tables);
    let winner = sorted.iter().find(|a| sorted.iter().all(|b| *a == b || beats(**a, *b)));
    let closest = voices.iter().zip(&tables).map(|(voice, (_, places))| (agreement(&sorted, places), voice.member));
    let closest = closest.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)))?.1;
    let shown = |item: usize| names[item].shown.clone();
    Some(Ranking {
        condorcet: winner.map(|item| shown(*item)),
        // Where everybody loses to somebody, going from loser to winner ends in a circle; whoever loses to nobody but
        // is no winner either has only tied.
        cycle: sorted.iter().all(|a| sorted.iter().any(|b| beats(*b, *a))),
        w: kendall_w(&tables.iter().map(|(_, places)| ranks(places)).collect::<Vec<_>>()),
        order: sorted.iter().map(|item| Place { item: shown(*item), points: points[*item] }).collect(),
        closest,
        members: voices.iter().map(|voice| voice.member).collect(),
        uneven: voices.iter().any(|voice| voice.items.len() < names.len()),
    })
}

/// The items that are named, in the order in which they first are.
fn named<'a>(voices: &[Voice<'a>]) -> Vec<&'a Item> {
    let mut seen = BTreeSet::new();
    let mut names: Vec<&Item> = Vec::new();
    for item in voices.iter().flat_map(|voice| voice.items) {
        if names.len() < UNION_MAX && seen.insert(&item.name) {
            names.push(item);
        }
    }
    names
}

/// The place of each name in a voice's order.
fn places(voice: &Voice<'_>, names: &[&Item]) -> Vec<usize> {
    let last = voice.items.len();
    names.iter().map(|name| voice.items.iter().position(|item| item.name == name.name).unwrap_or(last)).collect()
}

fn borda(item: usize, tables: &[(f64, Vec<usize>)]) -> f64 {
    let of_one = |places: &[usize]| -> f64 {
        let others = places.iter().enumerate().filter(|(other, _)| *other != item);
        others.map(|(_, place)| behind(places[item], *place)).sum()
    };
    tables.iter().map(|(weight, places)| weight * of_one(places)).sum()
}

/// 1 where the second place lies behind the first, half where they are one.
fn behind(place: usize, other: usize) -> f64 {
    match place.cmp(&other) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    }
}

/// Whether more weight puts `a` before `b` than the other way round.
fn beats(a: usize, b: usize, tables: &[(f64, Vec<usize>)]) -> bool {
    let lead = |(weight, places): &(f64, Vec<usize>)| match places[a].cmp(&places[b]) {
        std::cmp::Ordering::Less => *weight,
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => -weight,
    };
    let all: f64 = tables.iter().map(|(weight, _)| weight).sum();
    tables.iter().map(lead).sum::<f64>() > EPSILON * all
}

/// Ranks from 1, tied items with the mean of theirs.
fn ranks(places: &[usize]) -> Vec<f64> {
    let count = |which: &dyn Fn(usize) -> bool| places.iter().filter(|place| which(**place)).count() as f64;
    let rank = |place: &usize| count(&|other| other < *place) + (count(&|other| other == *place) + 1.0) / 2.0;
    places.iter().map(rank).collect()
}

/// How many pairs a voice orders as the whole does, less those that it orders the other way.
fn agreement(sorted: &[usize], places: &[usize]) -> i64 {
    let mut sum = 0;
    for (at, a) in sorted.iter().enumerate() {
        sum += sorted.iter().skip(at + 1).map(|b| places[*b].cmp(&places[*a]) as i64).sum::<i64>();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Ranking, Voice, order};
    use crate::ranking::{Item, ranking};
    use proptest::prelude::*;

    fn found(lists: &[(&str, f64)]) -> Ranking {
        let items: Vec<Vec<Item>> = lists.iter().map(|(text, _)| ranking(text).unwrap()).collect();
        let voices = items.iter().zip(lists).enumerate();
        let voices: Vec<Voice<'_>> =
            voices.map(|(member, (items, (_, weight)))| Voice { member, weight: *weight, items }).collect();
        order(&voices).unwrap()
    }

    fn points(found: &Ranking) -> Vec<(&str, f64)> {
        found.order.iter().map(|place| (place.item.as_str(), place.points)).collect()
    }

    #[test]
    fn borda_and_condorcet_may_differ() {
        // Three put A first and B second, two put B first and A last.
        let found = found(&[("A > B > C", 3.0), ("B > C > A", 2.0)]);
        assert_eq!(points(&found), [("B", 7.0), ("A", 6.0), ("C", 2.0)]);
        assert_eq!((found.condorcet.as_deref(), found.cycle, found.uneven), (Some("A"), false, false));
        assert_eq!(found.closest, 0);
    }

    #[test]
    fn a_circle_is_told_and_a_tie_is_none() {
        let circle = found(&[("A > B > C", 1.0), ("B > C > A", 1.0), ("C > A > B", 1.0)]);
        assert_eq!((circle.condorcet, circle.cycle, circle.w), (None, true, Some(0.0)));
        let tie = found(&[("A > B", 1.0), ("B > A", 1.0)]);
        assert_eq!((tie.condorcet.as_deref(), tie.cycle), (None, false));
        let on_top = found(&[
            ("X > Y > A > B > C", 1.0),
            ("Y > X > B > C > A", 1.0),
            ("X > Y > C > A > B", 0.5),
            ("Y > X > C > A > B", 0.5),
        ]);
        assert_eq!((on_top.condorcet, on_top.cycle), (None, false), "it is a tie that denies X and Y the win");
        // A circle among those that lose to the winner is no matter.
        let below = found(&[("X > A > B > C", 1.0), ("X > B > C > A", 1.0), ("X > C > A > B", 1.0)]);
        assert_eq!((below.condorcet.as_deref(), below.cycle), (Some("X"), false));
    }

    #[test]
    fn what_is_left_out_is_tied_behind() {
        let found = found(&[("A > B > C > D", 1.0), ("B > A", 1.0)]);
        assert_eq!(points(&found), [("A", 5.0), ("B", 5.0), ("C", 1.5), ("D", 0.5)]);
        assert!(found.uneven);
        // Ranks 1 2 3 4 and 2 1 3.5 3.5: sums 3 3 6.5 7.5, S = 16.5, one group of two ties.
        assert!((found.w.unwrap() - 12.0 * 16.5 / (4.0 * 60.0 - 2.0 * 6.0)).abs() < 1e-12, "{:?}", found.w);
    }

    #[test]
    fn one_order_is_the_order() {
        let found = found(&[("B > A", 2.0)]);
        assert_eq!(
            (points(&found), found.condorcet.as_deref(), found.w),
            (vec![("B", 2.0), ("A", 0.0)], Some("B"), None)
        );
        assert!(order(&[]).is_none());
    }

    proptest! {
        #[test]
        fn a_winner_of_all_pairs_is_never_last_and_never_beside_a_circle(
            lists in prop::collection::vec(Just(vec!["a", "b", "c", "d"]).prop_shuffle(), 1..8)
        ) {
            let texts: Vec<String> = lists.iter().map(|list| list.join(" > ")).collect();
            let lists: Vec<(&str, f64)> = texts.iter().map(|text| (text.as_str(), 1.0)).collect();
            let found = found(&lists);
            prop_assert!(!(found.cycle && found.condorcet.is_some()));
            // Known of Borda's count: it never puts Condorcet's winner last.
            let last = found.order.last().map(|place| place.item.clone());
            prop_assert!(found.condorcet.is_none() || found.condorcet != last);
            let sum: f64 = found.order.iter().map(|place| place.points).sum();
            prop_assert!((sum - 6.0 * lists.len() as f64).abs() < 1e-9);
        }
    }
}
