//! Bodies that nobody meant, in every dialect but the chat: what is answered is whole, and what is refused is refused
//! in the words of its path.
//!
//! `ALTHING_FUZZ_CASES` and `ALTHING_FUZZ_SEED` as for chats.

use super::fuzz::{SETTINGS, from_env};
use super::mutate::{body_for, once_in};
use super::support::{app_of, call_router, request};
use axum::Router;
use fastrand::Rng;
use serde_json::Value;
use std::collections::BTreeMap;
use testkit::Heard;

/// Bodies in a usual run, shared by the paths.
const CASES: u64 = 14_000;
const SEED: u64 = 0x05ea_50de;
const PATHS: [&str; 7] = [
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/responses",
    "/api/chat",
    "/v1/embeddings",
    "/api/embed",
    "/api/show",
];

#[tokio::test(start_paused = true)]
async fn no_body_is_our_fault_in_any_dialect() {
    let (seed, cases) = (from_env("ALTHING_FUZZ_SEED", SEED), from_env("ALTHING_FUZZ_CASES", CASES));
    let router = app_of(&toml::from_str(SETTINGS).unwrap(), Vec::new()).router();
    let mut met: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for case in 0..cases {
        let (path, answered) = check(&router, seed.wrapping_add(case)).await;
        *met.entry((path, answered)).or_default() += 1;
    }
    println!("{met:?}");
    for path in PATHS {
        for answered in [true, false] {
            let count = met.get(&(path, answered)).copied().unwrap_or_default();
            assert!(cases < CASES || count > CASES / 200, "{path}, answered {answered}: only {count} of {met:?}");
        }
    }
}

/// Sends one body; tells where to and whether it was answered.
async fn check(router: &Router, seed: u64) -> (&'static str, bool) {
    let mut rng = Rng::with_seed(seed);
    let path = PATHS[rng.usize(..PATHS.len())];
    let body = body_for(&mut rng, path);
    let mut asked = request("POST", path, body.clone());
    if once_in(&mut rng, 4) {
        asked.headers_mut().insert("anthropic-version", "2023-06-01".parse().unwrap());
    }
    let reply = call_router(router.clone(), asked).await;
    let shown = || {
        let text: String = String::from_utf8_lossy(&body).chars().take(2_000).collect();
        format!("{path}: again with ALTHING_FUZZ_SEED={seed} ALTHING_FUZZ_CASES=1\n{text}")
    };
    let good = if reply.status == 200 { is_whole(path, &reply) } else { is_refusal(path, &reply) };
    assert!(good, "{reply:?}\n{}", shown());
    (path, reply.status == 200)
}

/// A whole answer, or a stream with one beginning and one end, whose data all parse.
fn is_whole(path: &str, reply: &Heard) -> bool {
    let text = String::from_utf8_lossy(&reply.body);
    let times = |what: &str| text.matches(what).count();
    let kind = reply.header("content-type").unwrap_or_default();
    let parse = |line: &str| serde_json::from_str::<Value>(line).is_ok();
    match (path, kind) {
        ("/v1/messages", "text/event-stream; charset=utf-8") => {
            times("event: message_start\n") == 1
                && times("event: message_stop\n") == 1
                && times("event: content_block_start\n") == times("event: content_block_stop\n")
                && text.lines().filter_map(|line| line.strip_prefix("data: ")).all(parse)
        }
        ("/v1/responses", "text/event-stream; charset=utf-8") => {
            let ends = ["completed", "incomplete"].map(|end| times(&format!("event: response.{end}\n")));
            times("event: response.created\n") == 1
                && ends.iter().sum::<usize>() == 1
                && times("event: response.output_item.added\n") == times("event: response.output_item.done\n")
                && text.lines().filter_map(|line| line.strip_prefix("data: ")).all(parse)
        }
        ("/api/chat", "application/x-ndjson") => times("\"done\":true") == 1 && text.lines().all(parse),
        (_, "application/json") => reply.json().is_object(),
        _ => false,
    }
}

/// A refusal that blames the caller, in the words of its path.
fn is_refusal(path: &str, reply: &Heard) -> bool {
    let body = reply.json();
    let id = reply.header("x-althing-request-id");
    let (message, told) = match path {
        "/v1/messages" | "/v1/messages/count_tokens" => {
            let known = body["type"] == "error" && body["error"]["type"].is_string();
            (&body["error"]["message"], known && body["request_id"].as_str() == id)
        }
        "/v1/responses" | "/v1/embeddings" => {
            let error = &body["error"];
            (&error["message"], error["code"].is_string() && error["request_id"].as_str() == id)
        }
        _ => (&body["error"], body["request_id"].as_str() == id),
    };
    let said = message.as_str().is_some_and(|message| !message.is_empty());
    reply.status.is_client_error() && told && said && reply.body.len() < 16 * 1024
}
