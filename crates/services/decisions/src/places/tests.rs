//! Tests of who gets a place, and of places that come back.

use super::{HOUSE, Place, Places};
use futures_util::FutureExt;
use proptest::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Asking = Pin<Box<dyn Future<Output = Option<Place>> + Send>>;

fn ask(places: &Arc<Places>, tenant: &str) -> Asking {
    let (places, tenant) = (Arc::clone(places), Arc::from(tenant));
    Box::pin(async move { places.enter(&tenant).await })
}

/// A place that is to be had at once.
fn taken(places: &Arc<Places>, tenant: &str) -> Option<Place> {
    ask(places, tenant).now_or_never().flatten()
}

/// As many as are to be had at once.
fn all(places: &Arc<Places>, tenant: &str) -> Vec<Place> {
    std::iter::from_fn(|| taken(places, tenant)).collect()
}

#[test]
fn the_house_has_all_until_another_tenant_comes() {
    let places = Places::new(20, 0.5);
    let mut house = all(&places, HOUSE);
    assert_eq!(house.len(), 20);
    let mut other = ask(&places, "acme");
    assert!((&mut other).now_or_never().is_none());
    house.truncate(19);
    let _other = other.now_or_never().flatten().expect("the first free one is the newcomer's");
    house.truncate(10);
    assert!(taken(&places, HOUSE).is_none(), "more than its share already");
    house.truncate(5);
    assert_eq!(all(&places, HOUSE).len(), 4, "half of the nineteen that are left");
}

#[test]
fn whoever_comes_finds_a_place_though_all_hang() {
    let places = Places::new(20, 0.5);
    let held: Vec<Vec<Place>> = ["a", "b", "c", "d", "e"].iter().map(|name| all(&places, name)).collect();
    assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [10, 5, 2, 1, 1]);
    assert!(taken(&places, "f").is_some());
    let whole = Places::new(20, 1.0);
    assert_eq!(all(&whole, "a").len(), 20, "a share of one looks at no tenant");
}

#[test]
fn the_one_with_the_fewest_is_next_then_the_first() {
    let places = Places::new(4, 1.0);
    let mut held = all(&places, "a");
    let mut waiting = ["a", "b", "b", "c"].map(|tenant| ask(&places, tenant));
    let mut come = || waiting.each_mut().map(|it| it.now_or_never().flatten());
    assert!(come().iter().all(Option::is_none));
    held.truncate(2);
    let come = come();
    assert_eq!(come.each_ref().map(Option::is_some), [false, true, false, true]);
}

#[test]
fn places_taken_beyond_a_smaller_number_go_first() {
    let places = Places::new(4, 0.5);
    let mut held = all(&places, HOUSE);
    places.resize(2, 0.5);
    held.truncate(2);
    assert!(taken(&places, HOUSE).is_none());
    let mut waiting = ask(&places, HOUSE);
    assert!((&mut waiting).now_or_never().is_none());
    places.resize(3, 0.5);
    places.wake();
    assert!(waiting.now_or_never().flatten().is_some());
}

proptest! {
    /// Whatever tenants do, never are more places taken than there are, and in the end none is.
    #[test]
    fn none_is_lost_and_none_made(
        most in 1usize..6,
        share in 0.1f64..=1.0,
        steps in proptest::collection::vec((0usize..4, 0usize..4, 0usize..8), 1..60),
    ) {
        let places = Places::new(most, share);
        let (mut waiting, mut held): (Vec<Asking>, Vec<Place>) = (Vec::new(), Vec::new());
        for (what, who, which) in steps {
            match what {
                0 | 1 => waiting.push(ask(&places, ["default", "a", "b", "c"][who])),
                2 if !waiting.is_empty() => drop(waiting.swap_remove(which % waiting.len())),
                3 if !held.is_empty() => drop(held.swap_remove(which % held.len())),
                _ => {}
            }
            waiting.retain_mut(|asking| match asking.now_or_never() {
                Some(place) => {
                    held.extend(place);
                    false
                }
                None => true,
            });
            prop_assert!(held.len() <= most);
            prop_assert_eq!(places.state().taken, held.len());
            prop_assert!(waiting.is_empty() || held.len() == most || share < 1.0);
            prop_assert!(waiting.is_empty() || !held.is_empty(), "somebody is always served");
        }
        drop(waiting);
        drop(held);
        places.wake();
        let state = places.state();
        prop_assert!(state.taken == 0 && state.tenants.is_empty(), "{:?}", state);
    }
}
