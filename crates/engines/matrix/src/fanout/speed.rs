//! How much faster a panel is than its members one after the other, by the clock on the wall.

use crate::fixtures::*;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::Instant;

/// Long enough for the noise of a busy machine to be small beside it.
const DELAY_MS: u64 = 800;

/// How long questions take: asked of `members` models one after the other, and of all of them as the panel `p`.
async fn timed(text: &str, members: usize, questions: usize) -> (Duration, Duration) {
    // Each has an engine of its own, so that scripts draw the same times for both.
    let (alone, together) = (matrix(text), matrix(text));
    let start = Instant::now();
    for _ in 0..questions {
        for name in names().take(members) {
            ask(&alone, &format!("s/{name}")).await.unwrap();
        }
    }
    let (alone, start) = (start.elapsed(), Instant::now());
    for _ in 0..questions {
        let (_, report) = ask(&together, "p").await.unwrap();
        assert!(report.agreement.unwrap().reached);
    }
    (alone, start.elapsed())
}

fn times(found: (Duration, Duration)) -> f64 {
    let times = found.0.as_secs_f64() / found.1.as_secs_f64();
    println!("{:?} one after the other, {:?} together: {times:.2} times faster", found.0, found.1);
    times
}

/// All of them are needed.
fn needed(members: usize) -> String {
    panel_saying(&vec![("yes", DELAY_MS); members], "agreement = 1.0")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_at_once_are_nearly_four_times_as_fast() {
    assert!(times(timed(&needed(4), 4, 1).await) >= 3.9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_at_once_are_nearly_five_times_as_fast() {
    assert!(times(timed(&needed(5), 5, 1).await) >= 4.8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_with_long_tails_are_more_than_five_times_as_fast() {
    let scripts: Vec<String> = (0..5)
        .map(|seed| {
            let mut script = says("yes", 0).replace("{ ms = 0 }", "{ p50_ms = 80, p95_ms = 320 }");
            let _ = write!(script, ", seed = {}", 2_026 + seed);
            script
        })
        .collect();
    let text = panel(&scripts.iter().map(String::as_str).collect::<Vec<_>>(), "agreement = 0.6");
    assert!(times(timed(&text, 5, 5).await) >= 5.0);
}
