//! What a vote must hold: tables, and a brute force over every way in which it can still end.

use super::super::{Answer, Prompt};
use super::{Ballot, Verdict};
use proptest::prelude::*;

/// `.` pending, `x` failed, `t` timed out, any other letter an exact answer.
fn ballot(seats: &str, weights: &[f64], agreement: f64) -> Ballot {
    let mut ballot = Ballot::new(weights, agreement);
    seats.chars().enumerate().for_each(|(member, seat)| land(&mut ballot, member, seat));
    ballot
}

fn land(ballot: &mut Ballot, member: usize, seat: char) {
    match seat {
        '.' => {}
        'x' => ballot.failed(member),
        't' => ballot.timed_out(member),
        word => ballot.answered(member, Answer::new(&word.to_string(), &Prompt::default())),
    }
}

fn verdict(seats: &str, agreement: f64) -> Verdict {
    ballot(seats, &vec![1.0; seats.len()], agreement).verdict()
}

#[test]
fn a_vote_stops_as_soon_as_it_is_decided() {
    for (seats, agreement, expect) in [
        (".....", 0.6, Verdict::Pending),
        ("b....", 0.6, Verdict::Pending),
        ("bb...", 0.6, Verdict::Pending),
        ("bbb..", 0.6, Verdict::Reached),
        ("b.b.b", 0.6, Verdict::Reached),
        ("bbc..", 0.6, Verdict::Pending),
        ("bcd..", 0.6, Verdict::Pending),
        ("bcde.", 0.6, Verdict::Unreachable),
        ("bbcc.", 0.6, Verdict::Pending),
        ("bbccd", 0.6, Verdict::Unreachable),
        ("bbx..", 0.6, Verdict::Pending),
        ("bbxt.", 0.6, Verdict::Reached),
        ("bcxt.", 0.6, Verdict::Pending),
        ("bcxtx", 0.6, Verdict::Unreachable),
        ("bxxxx", 0.6, Verdict::Reached),
        ("xxxx.", 0.6, Verdict::Pending),
        ("xxtxx", 0.6, Verdict::Unreachable),
        ("b", 0.6, Verdict::Reached),
        ("bbb", 1.0, Verdict::Reached),
        ("bc.", 1.0, Verdict::Unreachable),
        ("bbb", 1.1, Verdict::Unreachable),
        ("bbb", f64::NAN, Verdict::Unreachable),
        ("", 0.6, Verdict::Unreachable),
    ] {
        assert_eq!(verdict(seats, agreement), expect, "{seats} at {agreement}");
    }
}

#[test]
fn weights_count_instead_of_heads() {
    assert_eq!(ballot("bcc", &[3.0, 1.0, 1.0], 0.6).verdict(), Verdict::Reached);
    assert_eq!(ballot("bc.", &[1.0, 1.0, 0.5], 0.6).verdict(), Verdict::Pending);
    assert_eq!(ballot("bc.", &[1.0, 1.0, 0.4], 0.6).verdict(), Verdict::Unreachable);
    assert_eq!(ballot("bb", &[0.0, 0.0], 0.6).verdict(), Verdict::Unreachable);
    assert_eq!(ballot("bc", &[f64::NAN, 1.0], 0.6).verdict(), Verdict::Reached);
    assert_eq!(ballot("bc", &[-5.0, 1.0], 0.6).verdict(), Verdict::Reached);
    let tenths = ballot("bbbcc", &[0.1, 0.1, 0.1, 0.1, 0.1], 0.6);
    assert_eq!(tenths.verdict(), Verdict::Reached);
}

#[test]
fn shares_are_of_those_that_count() {
    let ballot = ballot("bcb.x", &[1.0; 5], 0.6);
    let found: Vec<_> = ballot.clusters().into_iter().map(|c| (c.members, c.medoid, c.weight, c.share)).collect();
    assert_eq!(found, [(vec![0, 2], 0, 2.0, 0.5), (vec![1], 1, 1.0, 0.25)]);
    assert_eq!(ballot.counted_weight(), 4.0);
    assert_eq!(ballot.answers(), [0, 1, 2]);
    assert_eq!(ballot.answer(1).map(Answer::text), Some("c"));
    assert!(ballot.answer(3).is_none() && ballot.is_pending(3) && !ballot.is_pending(4) && !ballot.is_pending(9));
}

#[test]
fn a_settled_member_stays_settled() {
    let mut ballot = ballot("bx.", &[1.0; 3], 0.6);
    land(&mut ballot, 0, 'c');
    land(&mut ballot, 1, 'c');
    ballot.timed_out(0);
    ballot.failed(9);
    land(&mut ballot, 9, 'c');
    assert_eq!(ballot.answer(0).map(Answer::text), Some("b"));
    assert_eq!(ballot.answers(), [0]);
    assert_eq!(ballot.counted_weight(), 2.0);
}

#[test]
fn a_late_bridge_cannot_join_what_disagrees() {
    let prompt = Prompt::default();
    let mut ballot = Ballot::new(&[1.0; 3], 0.7);
    ballot.answered(0, Answer::new("red green blue grey", &prompt));
    ballot.answered(1, Answer::new("blue grey pink black", &prompt));
    assert_eq!(ballot.verdict(), Verdict::Unreachable);
    ballot.answered(2, Answer::new("red green blue grey pink black", &prompt));
    assert_eq!(ballot.verdict(), Verdict::Unreachable);
    assert_eq!(ballot.clusters().len(), 2);
}

/// Every way to settle what is pending, with the answers `b`, `c`, `d` and a failure.
fn endings(seats: &str) -> Vec<String> {
    match seats.find('.') {
        None => vec![seats.to_owned()],
        Some(_) => ["b", "c", "d", "x"].iter().flat_map(|seat| endings(&seats.replacen('.', seat, 1))).collect(),
    }
}

proptest! {
    #[test]
    fn the_verdict_is_what_brute_force_finds(
        seats in "[bcdxt.]{1,5}", weights in prop::collection::vec(0_u8..4, 5), tenths in 1_u8..=10
    ) {
        let weights: Vec<f64> = weights.iter().take(seats.len()).map(|weight| f64::from(*weight) / 2.0).collect();
        let agreement = f64::from(tenths) / 10.0;
        let now = ballot(&seats, &weights, agreement).verdict();
        let ends: Vec<Verdict> = endings(&seats).iter().map(|end| ballot(end, &weights, agreement).verdict()).collect();
        prop_assert!(ends.iter().all(|end| *end != Verdict::Pending));
        let can = ends.contains(&Verdict::Reached);
        match now {
            Verdict::Reached => prop_assert!(ends.iter().all(|end| *end == Verdict::Reached)),
            Verdict::Unreachable => prop_assert!(!can),
            Verdict::Pending => prop_assert!(can),
        }
    }

    #[test]
    fn unreachable_is_final_for_texts_too(
        texts in prop::collection::vec("(red |green |blue |not |5 |6 ){1,4}", 6), late in 1_usize..6, tenths in 1_u8..=10
    ) {
        let mut ballot = Ballot::new(&[1.0; 6], f64::from(tenths) / 10.0);
        let mut closed = false;
        for (member, text) in texts.iter().enumerate() {
            if (member + 1) % (late + 1) == 0 {
                ballot.failed(member);
            } else {
                ballot.answered(member, Answer::new(text, &Prompt::default()));
            }
            let verdict = ballot.verdict();
            prop_assert!(!closed || verdict == Verdict::Unreachable);
            closed = verdict == Verdict::Unreachable;
        }
        prop_assert!(ballot.verdict() != Verdict::Pending);
    }

    #[test]
    fn shares_never_exceed_one_together(seats in "[bcdxt.]{0,8}", weights in prop::collection::vec(0.0..9.0_f64, 8)) {
        let ballot = ballot(&seats, &weights[..seats.len()], 0.6);
        let total: f64 = ballot.clusters().iter().map(|cluster| cluster.share).sum();
        prop_assert!((0.0..=1.0 + 1e-9).contains(&total));
    }
}
