//! A hundred thousand bodies that nobody meant, and a few thousand headers.
//!
//! `ALTHING_FUZZ_CASES` says how many bodies, `ALTHING_FUZZ_SEED` where they begin; a failure prints the seed with
//! which its one case comes back.

use super::mutate;
use super::support::{CHAT, Live, app_of, call_router, read_all, request};
use axum::Router;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use testkit::Heard;
use tokio::io::AsyncWriteExt;

/// Bodies in a usual run.
const CASES: u64 = 100_000;
/// Headers in every run.
const HEADS: u64 = 2_000;
/// Where a usual run begins.
const SEED: u64 = 0x0a17_41f6;
/// Every model here answers at once.
pub(super) const SETTINGS: &str = "
    [server]
    body_bytes_max = 300_000
    [[provider]]
    name = 's'
    kind = 'scripted'
    models = [
        { name = 'ash', script = { answers = ['yes', 'no: {prompt}'] } },
        { name = 'elm', script = { answers = ['yes'] } },
        { name = 'oak', script = { answers = ['42'] } },
        { name = 'tool', script = { tool_call = { name = 'f' } } },
    ]
    [[panel]]
    name = 'quorum'
    members = ['s/ash', 's/elm', 's/oak']
    [[route]]
    name = 'first'
    rules = [{ when = { prompt_chars_min = 5 }, models = ['s/elm'] }, { models = ['s/ash', 's/oak'] }]
";

pub(super) fn from_env(name: &str, usual: u64) -> u64 {
    let Ok(value) = std::env::var(name) else { return usual };
    value.parse().unwrap_or_else(|_| panic!("`{name}` is `{value}`, not a number"))
}

/// How often each code came, `answered` among them.
type Tally = Mutex<BTreeMap<String, u64>>;

/// What a usual run must have met, or it has shown little.
const MET: &[&str] = &[
    "answered",
    "body_too_large",
    "empty_parameter",
    "invalid_json",
    "invalid_type",
    "missing_parameter",
    "model_not_found",
    "nesting_too_deep",
    "panel_answers_one",
    "parameter_out_of_range",
];

#[test]
fn no_body_is_our_fault() {
    let (seed, cases) = (from_env("ALTHING_FUZZ_SEED", SEED), from_env("ALTHING_FUZZ_CASES", CASES));
    let tally = Tally::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        for first in 0..threads {
            let tally = &tally;
            scope.spawn(move || {
                // Under a clock that jumps nothing waits, and a request that is never answered becomes a 504.
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = runtime.enable_all().start_paused(true).build().unwrap();
                runtime.block_on(async {
                    let router = app_of(&toml::from_str(SETTINGS).unwrap(), Vec::new()).router();
                    for case in (first..cases).step_by(threads as usize) {
                        check(&router, seed.wrapping_add(case), tally).await;
                    }
                });
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    println!("{cases} bodies in {:?}: {tally:?}", started.elapsed());
    assert_eq!(tally.values().sum::<u64>(), cases);
    let rare: Vec<_> = MET.iter().filter(|code| tally.get(**code).is_none_or(|count| count * 10_000 < cases)).collect();
    assert!(cases < CASES || rare.is_empty(), "hardly met: {rare:?}");
}

async fn check(router: &Router, seed: u64, tally: &Tally) {
    let body = mutate::body(&mut Rng::with_seed(seed));
    let shown = || {
        let text: String = String::from_utf8_lossy(&body).chars().take(2_000).collect();
        format!("again with ALTHING_FUZZ_SEED={seed} ALTHING_FUZZ_CASES=1\n{text}")
    };
    let reply = call_router(router.clone(), request("POST", CHAT, body.clone())).await;
    let outcome = if reply.status == 200 {
        assert!(is_answer(&reply), "{reply:?}\n{}", shown());
        "answered".to_owned()
    } else {
        assert!(reply.status.is_client_error(), "{reply:?}\n{}", shown());
        refusal(&reply).unwrap_or_else(|| panic!("{reply:?}\n{}", shown()))
    };
    *tally.lock().unwrap().entry(outcome).or_default() += 1;
}

/// A whole answer, or a stream that ends as streams do and holds no error.
fn is_answer(reply: &Heard) -> bool {
    if reply.header("content-type") != Some("application/json") {
        let text = String::from_utf8_lossy(&reply.body);
        return text.ends_with("data: [DONE]\n\n") && !text.contains("data: {\"error\"");
    }
    let body = reply.json();
    body["choices"].is_array() && body["althing"]["request_id"].as_str() == reply.header("x-althing-request-id")
}

/// The code of a refusal that is as it should be.
fn refusal(reply: &Heard) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
    let error = &body["error"];
    let text = |key: &str| error[key].as_str().filter(|text| !text.is_empty());
    let good = text("message").is_some()
        && error["request_id"].as_str() == reply.header("x-althing-request-id")
        && reply.body.len() < 16 * 1024;
    text("code").filter(|_| good).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_header_is_our_fault() {
    let seed = from_env("ALTHING_FUZZ_SEED", SEED);
    let live = Arc::new(Live::start("header_read_ms = 100\nbody_read_ms = 100").await);
    let replies = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..32)
        .map(|first| {
            let (live, replies) = (Arc::clone(&live), Arc::clone(&replies));
            tokio::spawn(async move {
                for case in (first..HEADS).step_by(32) {
                    let reply = exchange(&live, seed.wrapping_add(case)).await;
                    replies.fetch_add(usize::from(reply), Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let replies = replies.load(Ordering::Relaxed) as u64;
    assert!(replies > HEADS / 3, "only {replies} of {HEADS} were answered at all");
    live.quiet().await;
}

/// Whether a head was answered rather than cut off; no answer may be a 5xx.
async fn exchange(live: &Live, seed: u64) -> bool {
    let head = mutate::head(&mut Rng::with_seed(seed));
    let mut stream = live.connect().await;
    // A server that has refused need not read the rest.
    let _ = stream.write_all(&head).await;
    let reply = read_all(&mut stream).await;
    let what = || format!("again with ALTHING_FUZZ_SEED={seed}\n{:?}\n{reply}", String::from_utf8_lossy(&head));
    assert!(reply.is_empty() || reply.starts_with("HTTP/1."), "{}", what());
    assert!(reply.get(9..10).is_none_or(|class| "24".contains(class)), "{}", what());
    !reply.is_empty()
}
