//! Who wins a race, and that nobody runs on after it.

use super::{Race, Side, race};
use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LATE: Duration = Duration::from_millis(100);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A race between calls that end after so many milliseconds, well or not; how long it took too.
async fn run(first: (u64, bool), may: bool, second: (u64, bool)) -> (Race<u64, u64>, u64) {
    let ends = |(after, well): (u64, bool)| async move {
        sleep(ms(after)).await;
        if well { Ok(after) } else { Err(after) }
    };
    let start = Instant::now();
    let race = race(ends(first), LATE, || may, ends(second)).await;
    (race, start.elapsed().as_millis().try_into().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_wins() {
    let (first, second) = (Side::First, Side::Second);
    for (one, may, two, answer, failures, sent, took) in [
        ((50, true), true, (10, true), Some((first, 50)), vec![], false, 50),
        ((50, false), true, (10, true), None, vec![(first, 50)], false, 50),
        ((300, true), true, (10, true), Some((second, 10)), vec![], true, 110),
        ((150, true), true, (100, true), Some((first, 150)), vec![], true, 150),
        ((300, true), false, (10, true), Some((first, 300)), vec![], false, 300),
        ((300, false), false, (10, true), None, vec![(first, 300)], false, 300),
        ((150, false), true, (100, true), Some((second, 100)), vec![(first, 150)], true, 200),
        ((300, true), true, (10, false), Some((first, 300)), vec![(second, 10)], true, 300),
        ((300, false), true, (10, false), None, vec![(second, 10), (first, 300)], true, 300),
        ((150, false), true, (100, false), None, vec![(first, 150), (second, 100)], true, 200),
    ] {
        let (race, elapsed) = run(one, may, two).await;
        let expect = Race { answer, failures, sent };
        assert!((elapsed as i64 - took).abs() <= 1, "{one:?} {two:?} took {elapsed}");
        assert_eq!(race, expect, "{one:?} {may} {two:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_runs_on() {
    struct Running<'a>(&'a Cell<u32>);
    impl Drop for Running<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let running = Cell::new(0);
    let call = |after: u64| {
        let running = &running;
        async move {
            running.set(running.get() + 1);
            let _running = Running(running);
            sleep(ms(after)).await;
            Ok::<_, ()>(after)
        }
    };
    race(call(500), LATE, || true, call(10)).await;
    assert_eq!(running.get(), 0);
    let dropped = tokio::time::timeout(ms(150), race(call(500), LATE, || true, call(400))).await;
    assert!(dropped.is_err());
    assert_eq!(running.get(), 0);
}
