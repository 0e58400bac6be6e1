//! What is remembered of whom, what is found, what goes first.

use super::{BYTES_MAX, Found, Memory, Near, Probe, nearest};
use crate::Question;
use proptest::prelude::*;

fn probe(tenant: &str, frame: u8, key: u8, text: &str, vector: &[f32]) -> Probe<u8> {
    Probe { tenant: tenant.into(), frame, key, question: Question::new(text).into(), vector: vector.into() }
}

fn find(memory: &mut Memory<u8>, probe: &Probe<u8>, least: f64) -> Found<u8> {
    let Some((frame, now)) = memory.frame(probe) else { return Found::Nothing };
    nearest(probe, &frame, least, now, || false)
}

fn key_of(found: Found<u8>) -> Option<u8> {
    match found {
        Found::Near(Near { key, .. }) => Some(key),
        _ => None,
    }
}

#[test]
fn the_nearest_of_the_same_tenant_and_frame_is_found() {
    let mut memory = Memory::new(10, BYTES_MAX);
    memory.remember(probe("t", 1, 1, "a", &[1.0, 0.0]));
    memory.remember(probe("t", 1, 2, "a", &[4.0, 3.0]));
    memory.remember(probe("t", 2, 3, "a", &[0.9, 0.1]));
    memory.remember(probe("u", 1, 4, "a", &[0.9, 0.1]));
    let Found::Near(near) = find(&mut memory, &probe("t", 1, 9, "a", &[4.0, 0.1]), 0.9) else { panic!() };
    assert_eq!((near.key, near.likeness > 0.99), (1, true));
    let Found::Near(near) = find(&mut memory, &probe("t", 1, 9, "a", &[8.0, 6.0]), 0.9) else { panic!() };
    assert!(near.key == 2 && (near.likeness - 1.0).abs() < 1e-6);
    for (tenant, frame, key, vector) in [
        ("t", 1, 9, &[0.0, 1.0][..]),
        // What has another number of figures, or none, resembles nothing.
        ("t", 1, 9, &[1.0, 0.0, 0.0]),
        ("t", 1, 9, &[0.0, 0.0]),
        ("t", 1, 9, &[f32::NAN, 0.0]),
        ("t", 3, 9, &[1.0, 0.0]),
        ("v", 1, 9, &[1.0, 0.0]),
        // A question is not like itself: its own answer was looked for before.
        ("u", 1, 4, &[0.9, 0.1]),
    ] {
        assert_eq!(find(&mut memory, &probe(tenant, frame, key, "a", vector), 0.9), Found::Nothing, "{vector:?}");
    }
}

#[test]
fn who_differs_is_passed_over_for_one_who_does_not() {
    let mut memory = Memory::new(10, BYTES_MAX);
    memory.remember(probe("t", 1, 1, "The capital of Australia?", &[1.0, 0.0]));
    let asked = probe("t", 1, 9, "The capital of Austria?", &[1.0, 0.0]);
    assert_eq!(find(&mut memory, &asked, 0.9), Found::Refused);
    memory.remember(probe("t", 1, 2, "The capital of Tyrol in Austria?", &[1.0, 0.1]));
    assert_eq!(key_of(find(&mut memory, &asked, 0.9)), None, "it names more");
    memory.remember(probe("t", 1, 3, "What is the capital of Austria?", &[1.0, 0.2]));
    assert_eq!(key_of(find(&mut memory, &asked, 0.9)), Some(3));
}

#[test]
fn who_is_late_makes_do_with_what_was_found() {
    let mut memory = Memory::new(10, BYTES_MAX);
    for key in 1..=9 {
        memory.remember(probe("t", 1, key, "a", &[1.0, 0.0]));
    }
    let asked = probe("t", 1, 10, "a", &[1.0, 0.0]);
    let (frame, now) = memory.frame(&asked).unwrap();
    for (compared, expect) in [(0, None), (3, Some(3))] {
        let left = std::cell::Cell::<u32>::new(compared);
        let late = || left.replace(left.get().saturating_sub(1)) == 0;
        assert_eq!(key_of(nearest(&asked, &frame, 0.9, now, late)), expect);
    }
}

#[test]
fn what_was_of_use_longest_ago_goes_first() {
    let mut memory = Memory::new(2, BYTES_MAX);
    memory.remember(probe("u", 1, 7, "a", &[0.0, 1.0]));
    memory.remember(probe("t", 1, 1, "a", &[1.0, 0.0]));
    memory.remember(probe("t", 2, 2, "a", &[0.0, 1.0]));
    assert_eq!(key_of(find(&mut memory, &probe("t", 1, 9, "a", &[1.0, 0.0]), 0.9)), Some(1));
    memory.remember(probe("t", 2, 3, "a", &[1.0, 0.0]));
    assert_eq!(key_of(find(&mut memory, &probe("t", 1, 9, "a", &[1.0, 0.0]), 0.9)), Some(1));
    assert_eq!(find(&mut memory, &probe("t", 2, 9, "a", &[0.0, 1.0]), 0.9), Found::Nothing);
    assert_eq!(memory.len(), 3, "another tenant has a room of its own");
    memory.remember(probe("t", 2, 3, "a", &[1.0, 0.5]));
    assert_eq!(memory.len(), 3, "the same key is the same question");
    memory.forget("t", &2, &3);
    memory.forget("t", &2, &3);
    assert_eq!(memory.len(), 2);
    memory.clear(Some("t"));
    assert_eq!((memory.len(), memory.bytes > 0), (1, true));
    memory.clear(None);
    assert_eq!((memory.len(), memory.bytes), (0, 0));
}

#[test]
fn all_tenants_together_have_so_many_bytes_and_no_more() {
    let mut memory = Memory::new(100, 4_000);
    for key in 0..50 {
        let tenant = if key % 2 == 0 { "t" } else { "u" };
        memory.remember(probe(tenant, 1, key, "a", &[1.0; 100]));
        assert!(memory.bytes <= 4_000, "{}", memory.bytes);
    }
    assert!((3..8).contains(&memory.len()), "{}", memory.len());
    assert_eq!(key_of(find(&mut memory, &probe("u", 1, 99, "a", &[1.0; 100]), 0.9)).map(|key| key > 40), Some(true));
}

proptest! {
    #[test]
    fn likeness_is_the_cosine(a in prop::collection::vec(-1.0_f32..1.0, 37), b in prop::collection::vec(-1.0_f32..1.0, 37)) {
        let of = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let cosine = of(&a, &b) / (of(&a, &a) * of(&b, &b)).sqrt();
        prop_assume!(cosine.is_finite());
        let mut memory = Memory::new(10, BYTES_MAX);
        memory.remember(probe("t", 1, 1, "a", &a));
        let Found::Near(near) = find(&mut memory, &probe("t", 1, 2, "a", &b), -1.0) else { panic!() };
        prop_assert!((near.likeness - cosine).abs() < 1e-5, "{} {}", near.likeness, cosine);
    }
}
