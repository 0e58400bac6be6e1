//! Order, limits, classes, tenants, and that nothing is ever counted twice.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const ALL: [Class; 3] = [Class::Low, Class::Normal, Class::Critical];

fn bulkhead(in_flight_max: u32, queue_max: u32) -> Bulkhead<u32> {
    Bulkhead::new(BulkheadConfig { in_flight_max, queue_max, ..BulkheadConfig::default() })
}

fn house() -> Arc<str> {
    "house".into()
}

/// One of the class normal and the house, known by its number.
fn enter(bulkhead: &mut Bulkhead<u32>, who: u32, remaining_secs: u64) -> Entry<u32> {
    enter_as(bulkhead, who, Class::Normal, "house", remaining_secs)
}

fn enter_as(bulkhead: &mut Bulkhead<u32>, who: u32, class: Class, tenant: &str, remaining_secs: u64) -> Entry<u32> {
    bulkhead.enter(Instant::now(), class, &tenant.into(), Duration::from_secs(remaining_secs), || who)
}

fn waits(entry: &Entry<u32>) -> Turn {
    match entry {
        Entry::Wait { turn, .. } => *turn,
        other => panic!("does not wait: {other:?}"),
    }
}

fn next(bulkhead: &mut Bulkhead<u32>) -> Option<u32> {
    bulkhead.promote().map(|(who, _)| who)
}

#[test]
fn goes_then_waits_then_sheds() {
    let mut bulkhead = bulkhead(2, 1);
    assert_eq!([1, 2].map(|who| enter(&mut bulkhead, who, 10)), [Entry::Go, Entry::Go]);
    waits(&enter(&mut bulkhead, 3, 10));
    assert_eq!(enter(&mut bulkhead, 4, 10), Entry::Shed(Shed::QueueFull { queue_max: 1 }));
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (2, 1));
}

#[test]
fn a_freed_place_belongs_to_the_line() {
    let mut bulkhead = bulkhead(1, 5);
    assert_eq!(enter(&mut bulkhead, 1, 10), Entry::Go);
    waits(&enter(&mut bulkhead, 2, 10));
    assert_eq!(next(&mut bulkhead), None, "no place is free yet");
    bulkhead.leave(&house(), Some(SECOND));
    let third = waits(&enter(&mut bulkhead, 3, 10));
    assert_eq!((next(&mut bulkhead), next(&mut bulkhead)), (Some(2), None));
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (1, 1));
    assert!(bulkhead.give_up(third) && !bulkhead.give_up(third));
    bulkhead.leave(&house(), Some(SECOND));
    assert_eq!(enter(&mut bulkhead, 4, 10), Entry::Go);
}

#[test]
fn sheds_whoever_would_wait_in_vain() {
    let mut bulkhead = bulkhead(2, 10);
    let _ = [1, 2, 3].map(|who| enter(&mut bulkhead, who, 0));
    assert_eq!(bulkhead.waiting(), 1, "nothing is known yet, so nobody is turned away");
    bulkhead.leave(&house(), Some(SECOND * 10));
    bulkhead.leave(&house(), Some(SECOND * 20));
    bulkhead.leave(&house(), None);
    assert_eq!(bulkhead.expected_wait(Class::Normal), SECOND * 12);
    assert_eq!(bulkhead.expected_wait(Class::Critical), SECOND * 6, "those behind do not count");
    assert_eq!(bulkhead.expected_wait(Class::Low), SECOND * 12);
    let late = Shed::TooLate { expected: SECOND * 12, remaining: SECOND * 11 };
    assert_eq!(enter(&mut bulkhead, 4, 11), Entry::Shed(late));
    waits(&enter(&mut bulkhead, 5, 12));
    check_words(late, "expected wait of `12.0 s` is longer than the `11.0 s` left; allow more time or try again later");
    check_words(Shed::QueueFull { queue_max: 10 }, "waiting line is full at `10`; try again later");
}

fn check_words(shed: Shed, expect: &str) {
    assert_eq!(shed.to_string(), expect);
}

#[test]
fn each_class_has_its_share_of_the_line() {
    let config = BulkheadConfig { queue_max: 10, shed_low: 0.5, shed_normal: 0.8, ..BulkheadConfig::default() };
    let fill = |class, expect: u32, shed| {
        let mut bulkhead = Bulkhead::new(config);
        assert_eq!(enter(&mut bulkhead, 0, 10), Entry::Go);
        for who in 0..expect {
            waits(&enter_as(&mut bulkhead, who, class, "house", 10));
        }
        assert_eq!(enter_as(&mut bulkhead, 99, class, "house", 10), Entry::Shed(shed), "{class:?}");
    };
    fill(Class::Low, 5, Shed::Class { class: Class::Low, most: 5, queue_max: 10 });
    fill(Class::Normal, 8, Shed::Class { class: Class::Normal, most: 8, queue_max: 10 });
    fill(Class::Critical, 10, Shed::QueueFull { queue_max: 10 });
    check_words(
        Shed::Class { class: Class::Low, most: 5, queue_max: 10 },
        "waiting line takes requests of the class `low` up to `5` of `10`; try again later",
    );
}

#[test]
fn is_served_by_class_and_then_in_order() {
    let mut bulkhead = bulkhead(1, 9);
    assert_eq!(enter(&mut bulkhead, 0, 10), Entry::Go);
    let line = [Class::Low, Class::Normal, Class::Critical, Class::Low, Class::Normal, Class::Critical];
    for (who, class) in (1..).zip(line) {
        waits(&enter_as(&mut bulkhead, who, class, "house", 10));
    }
    let mut served = Vec::new();
    for _ in line {
        bulkhead.leave(&house(), Some(SECOND));
        served.extend(next(&mut bulkhead));
    }
    assert_eq!(served, [3, 6, 2, 5, 1, 4]);
}

#[test]
fn whoever_matters_more_takes_the_place_of_the_last_of_the_lowest() {
    let mut bulkhead = bulkhead(1, 3);
    assert_eq!(enter(&mut bulkhead, 0, 10), Entry::Go);
    for (who, class) in [(1, Class::Low), (2, Class::Normal), (3, Class::Low)] {
        waits(&enter_as(&mut bulkhead, who, class, "house", 10));
    }
    let mut displaced = |who, class| match enter_as(&mut bulkhead, who, class, "house", 10) {
        Entry::Wait { displaced, .. } => displaced,
        other => {
            assert_eq!(other, Entry::Shed(Shed::QueueFull { queue_max: 3 }));
            None
        }
    };
    assert_eq!(displaced(4, Class::Low), None);
    assert_eq!(displaced(5, Class::Normal), Some(3));
    assert_eq!(displaced(6, Class::Critical), Some(1));
    assert_eq!(displaced(7, Class::Critical), Some(5));
    assert_eq!(displaced(8, Class::Normal), None);
    assert_eq!(bulkhead.waiting(), 3);
}

#[test]
fn a_tenant_has_its_share_while_others_wait_and_all_when_alone() {
    let config = BulkheadConfig { in_flight_max: 4, queue_max: 8, tenant_share: 0.5, ..BulkheadConfig::default() };
    let mut bulkhead = Bulkhead::new(config);
    for who in 0..4 {
        assert_eq!(enter_as(&mut bulkhead, who, Class::Normal, "hog", 10), Entry::Go, "alone it has all");
    }
    for (who, tenant) in [(4, "hog"), (5, "hog"), (6, "ada"), (7, "ada"), (8, "ada")] {
        waits(&enter_as(&mut bulkhead, who, Class::Normal, tenant, 10));
    }
    let mut served = Vec::new();
    for tenant in ["hog", "hog", "hog", "hog", "ada"] {
        bulkhead.leave(&tenant.into(), Some(SECOND));
        served.extend(next(&mut bulkhead));
    }
    // Two of each at most, then whoever was there first of those who may.
    assert_eq!(served, [6, 7, 4, 5, 8]);
    // Nobody else is there: the share does not hold anybody up.
    let mut bulkhead = Bulkhead::new(BulkheadConfig { in_flight_max: 1, ..config });
    assert_eq!(enter_as(&mut bulkhead, 0, Class::Normal, "hog", 10), Entry::Go);
    waits(&enter_as(&mut bulkhead, 1, Class::Normal, "hog", 10));
    bulkhead.set_limit(3);
    assert_eq!(next(&mut bulkhead), Some(1));
}

#[test]
fn a_tenant_that_fills_the_line_makes_room_for_others() {
    let config = BulkheadConfig { queue_max: 4, tenant_share: 0.5, ..BulkheadConfig::default() };
    let mut bulkhead = Bulkhead::new(config);
    assert_eq!(enter_as(&mut bulkhead, 0, Class::Normal, "hog", 10), Entry::Go);
    for who in 1..5 {
        waits(&enter_as(&mut bulkhead, who, Class::Normal, "hog", 10));
    }
    let full = Entry::Shed(Shed::QueueFull { queue_max: 4 });
    assert_eq!(enter_as(&mut bulkhead, 5, Class::Normal, "hog", 10), full);
    for (who, expect) in [(6, 4), (7, 3)] {
        let entry = enter_as(&mut bulkhead, who, Class::Normal, "ada", 10);
        assert!(matches!(entry, Entry::Wait { displaced: Some(gone), .. } if gone == expect), "{entry:?}");
    }
    assert_eq!(enter_as(&mut bulkhead, 8, Class::Normal, "ada", 10), full, "each has its half now");
}

#[test]
fn a_lower_limit_lets_nobody_in_until_enough_have_left() {
    let mut bulkhead = bulkhead(4, 9);
    let _ = [0, 1, 2, 3].map(|who| enter(&mut bulkhead, who, 10));
    let _ = [4, 5, 6].map(|who| enter(&mut bulkhead, who, 10));
    bulkhead.set_limit(2);
    for expect in [None, None, Some(4)] {
        bulkhead.leave(&house(), None);
        assert_eq!(next(&mut bulkhead), expect);
    }
    bulkhead.set_limit(9);
    assert_eq!([(); 3].map(|()| next(&mut bulkhead)), [Some(5), Some(6), None]);
}

#[test]
fn endless_work_and_calls_too_many_break_nothing() {
    let mut bulkhead = bulkhead(0, 0);
    bulkhead.leave(&house(), Some(Duration::MAX));
    bulkhead.leave(&house(), Some(Duration::MAX));
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    assert_eq!(bulkhead.expected_wait(Class::Normal), Duration::MAX);
    assert_eq!(enter(&mut bulkhead, 0, 0), Entry::Go);
    assert_eq!(enter(&mut bulkhead, 1, 0), Entry::Shed(Shed::QueueFull { queue_max: 0 }));
}

#[test]
fn other_rules_hold_for_those_who_come() {
    let mut bulkhead = bulkhead(1, 2);
    assert_eq!(enter(&mut bulkhead, 1, 10), Entry::Go);
    let second = waits(&enter(&mut bulkhead, 2, 10));
    let rules = BulkheadConfig { queue_max: 1, tenant_share: 0.5, ..bulkhead.rules() };
    bulkhead.set_rules(rules);
    assert_eq!((bulkhead.rules(), bulkhead.in_flight(), bulkhead.waiting()), (rules, 1, 1));
    assert_eq!(enter(&mut bulkhead, 3, 10), Entry::Shed(Shed::QueueFull { queue_max: 1 }));
    assert!(bulkhead.give_up(second));
    // Nobody counted the first one; it leaves as if somebody had.
    bulkhead.set_limit(2);
    assert_eq!(enter_as(&mut bulkhead, 4, Class::Normal, "other", 10), Entry::Go);
    ["house", "other"].iter().for_each(|tenant| bulkhead.leave(&(*tenant).into(), None));
    assert!(bulkhead.tenants.is_empty() && bulkhead.in_flight() == 0);
}

proptest! {
    #[test]
    fn counts_are_bounded_and_conserved_and_end_at_zero(
        in_flight_max in 1..6u32,
        queue_max in 0..6u32,
        share in 0.1..1.5f64,
        steps in prop::collection::vec((0..8u8, 0..3usize, 0..3usize, 0..20u64), 0..300),
    ) {
        let config = BulkheadConfig { in_flight_max, queue_max, tenant_share: share, shed_low: 0.6, shed_normal: 0.9 };
        let mut bulkhead = Bulkhead::new(config);
        let tenants: [Arc<str>; 3] = ["a".into(), "b".into(), "c".into()];
        // Who works, by tenant, and who waits, by number.
        let (mut inside, mut line) = (Vec::new(), Vec::new());
        for (who, (step, tenant, class, secs)) in (0..).zip(steps) {
            match step {
                0..4 => {
                    let remaining = Duration::from_secs(secs);
                    let free = bulkhead.in_flight() < bulkhead.limit();
                    match bulkhead.enter(Instant::now(), ALL[class], &tenants[tenant], remaining, || who) {
                        Entry::Go => inside.push(Arc::clone(&tenants[tenant])),
                        Entry::Wait { turn, displaced } => {
                            line.retain(|(other, _)| Some(*other) != displaced);
                            line.push((who, turn));
                            prop_assert!(!free, "work is conserved");
                        }
                        Entry::Shed(_) => prop_assert!(!free),
                    }
                }
                4 if !line.is_empty() => {
                    let (_, turn) = line.remove(secs as usize % line.len());
                    prop_assert!(bulkhead.give_up(turn) && !bulkhead.give_up(turn));
                }
                5 => bulkhead.set_limit(secs as u32 % 8),
                _ if !inside.is_empty() => {
                    let tenant = inside.remove(secs as usize % inside.len());
                    bulkhead.leave(&tenant, Some(Duration::from_secs(secs)));
                }
                _ => {}
            }
            while let Some((who, tenant)) = bulkhead.promote() {
                line.retain(|(other, _)| *other != who);
                inside.push(tenant);
            }
            prop_assert!(bulkhead.waiting() <= queue_max);
            prop_assert_eq!((bulkhead.in_flight() as usize, bulkhead.waiting() as usize), (inside.len(), line.len()));
            prop_assert!(line.is_empty() || bulkhead.in_flight() >= bulkhead.limit());
        }
        for (_, turn) in line {
            prop_assert!(bulkhead.give_up(turn));
        }
        for tenant in inside {
            bulkhead.leave(&tenant, None);
        }
        prop_assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), bulkhead.tenants.is_empty()), (0, 0, true));
    }
}
