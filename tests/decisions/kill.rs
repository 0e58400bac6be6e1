//! Killed in the middle of an evaluation, again and again: what was scored is there and is not bought again.

use super::judge::{Pair, config, counts, judge};
use super::{begin, evaluate, scored, summary};
use crate::support::{Server, try_ask, until};
use std::collections::HashSet;
use std::time::Duration;

const OPTIONS: usize = 8;
const CRITERIA: usize = 5;
const IN_FLIGHT: usize = 4;
/// After how many questions of each life it is killed.
const LIVES: [usize; 3] = [7, 9, 11];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_goes_on_and_buys_no_recorded_score_twice() {
    let upstream = judge(Duration::from_millis(60)).await;
    let caps = format!("in_flight_max = {IN_FLIGHT}\ncriterion_in_flight_max = {IN_FLIGHT}\nlease_ms = 1_000\n");
    let mut server = Server::start(&config(&upstream, &caps));
    let id = begin(server.address(), "", "t", OPTIONS, CRITERIA).await;
    let (mut recorded, mut asked_before) = (HashSet::new(), 0);
    for questions in LIVES {
        let (address, path) = (server.address(), format!("/api/v1/decisions/{id}/evaluate"));
        let evaluation = tokio::spawn(async move { try_ask(address, "", "POST", &path, None).await });
        until("questions", async || (upstream.seen().len() >= asked_before + questions).then_some(())).await;
        server = server.killed_and_started();
        assert!(evaluation.await.unwrap().is_none(), "it was killed in the middle");
        let seen = upstream.seen();
        let now: HashSet<_> = scored(server.address(), "", &id).await.into_iter().collect();
        assert!(
            now.is_superset(&recorded) && now.len() < OPTIONS * CRITERIA,
            "{} before, {} now",
            recorded.len(),
            now.len()
        );
        assert!(now.len() >= seen.len().saturating_sub(LIVES.len() * 2 * IN_FLIGHT), "{} of {}", now.len(), seen.len());
        bought_once(&seen[asked_before..], &recorded);
        (recorded, asked_before) = (now, seen.len());
    }
    assert!(!recorded.is_empty());
    let told = evaluate(server.address(), "", &id).await;
    let all = (OPTIONS * CRITERIA) as u64;
    assert_eq!(summary(&told), [all, all, 0, 0], "{told}");
    assert_eq!(told["reused"], recorded.len(), "{told}");
    let seen = upstream.seen();
    bought_once(&seen[asked_before..], &recorded);
    // Only what was with the provider when the server was killed, or was just being written, is asked again.
    let twice: usize = counts(&seen).values().map(|count| count - 1).sum();
    assert!(twice <= LIVES.len() * 2 * IN_FLIGHT, "{twice} were asked again");
}

/// None of these questions is about a pair that has a score.
fn bought_once(seen: &[testkit::Seen], recorded: &HashSet<(String, String)>) {
    for pair in seen.iter().map(Pair::of) {
        assert!(!recorded.contains(&(pair.option.clone(), pair.criterion.clone())), "{pair:?} has a score already");
    }
}
