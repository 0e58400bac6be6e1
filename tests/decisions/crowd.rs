//! Many decisions at once, through one provider that fails now and then.

use super::judge::{Pair, at_once, config, fair, scores};
use super::{begin, evaluate, summary};
use crate::support::Server;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::{Reply, Seen, Upstream};
use tokio::task::JoinSet;

const SESSIONS: usize = 50;
const OPTIONS: usize = 4;
const CRITERIA: usize = 3;
/// How long each answer takes, good or bad.
const TAKES: Duration = Duration::from_millis(30);
/// One of so many answers is a fault.
const FAULT_EVERY: usize = 20;
const IN_FLIGHT: usize = 16;
const CRITERION_IN_FLIGHT: usize = 2;

/// The faults by turns: those that pass, and those that do not.
fn fault(nth: usize) -> Reply {
    match nth % 5 {
        0 => Reply::error(500, "server_error", "boom"),
        1 => Reply::error(429, "rate_limit_exceeded", "slow down").header("retry-after-ms", "5"),
        2 => Reply::chat("cut").cut(),
        3 => Reply::chat("no score in this"),
        _ => Reply::error(400, "invalid_request_error", "not like this"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_once_are_complete_or_say_what_is_missing_and_no_cap_is_exceeded() {
    let nth = AtomicUsize::new(0);
    let upstream = Upstream::start(move |seen| match nth.fetch_add(1, Ordering::Relaxed) {
        nth if nth % FAULT_EVERY == FAULT_EVERY - 1 => fault(nth / FAULT_EVERY).after(TAKES),
        _ => scores(fair(&Pair::of(seen))).after(TAKES),
    })
    .await;
    let caps =
        format!("in_flight_max = {IN_FLIGHT}\ncriterion_in_flight_max = {CRITERION_IN_FLIGHT}\nretries_max = 1\n");
    let server = Server::start(&config(&upstream, &caps));
    let address = server.address();
    let mut ids = Vec::new();
    for nth in 0..SESSIONS {
        ids.push(begin(address, "", &format!("decision {nth}"), OPTIONS, CRITERIA).await);
    }
    let mut evaluations: JoinSet<_> =
        ids.into_iter().map(|id| async move { evaluate(address, "", &id).await }).collect();
    let (mut complete, mut partial) = (0, 0);
    while let Some(told) = evaluations.join_next().await {
        let told = told.unwrap();
        let [all, done, abstained, errors] = summary(&told);
        assert_eq!((all, done + errors, abstained), ((OPTIONS * CRITERIA) as u64, all, 0), "{told}");
        let faults = ["errors", "missing"].map(|name| told[name].as_array().unwrap().clone()).concat();
        assert_eq!((faults.len() as u64, told["complete"] == true), (errors, errors == 0), "{told}");
        for fault in faults {
            let says = |name: &str| fault[name].as_str().is_some_and(|text| !text.is_empty());
            assert!(["option", "criterion", "code", "reason"].into_iter().all(says), "{fault}");
        }
        *if errors == 0 { &mut complete } else { &mut partial } += 1;
    }
    assert_eq!(complete + partial, SESSIONS);
    assert!(complete > SESSIONS / 2 && partial > 0, "{complete} complete, {partial} partial");

    let seen = upstream.seen();
    assert!(seen.len() >= SESSIONS * OPTIONS * CRITERIA, "{}", seen.len());
    let most = at_once(seen.iter(), TAKES);
    assert!(most <= IN_FLIGHT && most > IN_FLIGHT / 2, "{most} at once");
    let mut columns: BTreeMap<(String, String), Vec<&Seen>> = BTreeMap::new();
    for seen in &seen {
        let Pair { topic, criterion, .. } = Pair::of(seen);
        columns.entry((topic, criterion)).or_default().push(seen);
    }
    assert_eq!(columns.len(), SESSIONS * CRITERIA);
    for (column, seen) in columns {
        let most = at_once(seen.into_iter(), TAKES);
        assert!(most <= CRITERION_IN_FLIGHT, "{most} at once of {column:?}");
    }
}
