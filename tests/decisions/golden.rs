//! What every tool and every error looks like to the official clients, word for word.
//!
//! A transcript is a list of calls (`golden/*.calls.json`); what comes of them lies beside it. Every client replays it in
//! every era of the protocol and must get the same. Write what comes of them anew with `ALTHING_WRITE_GOLDEN=1`.

use super::judge::{Pair, abstains, config, counts, scores};
use crate::support::{Place, Server, node, python};
use serde_json::{Value, json};
use std::path::PathBuf;
use testkit::{Reply, Seen, Upstream};
use tokio::task::block_in_place;

/// Eras of the protocol.
const MODES: [&str; 2] = ["legacy", "2026-07-28"];

fn golden(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/decisions/golden")).join(name)
}

/// A model that cannot judge a winter and fails at a secret. Of any two options one is better by every criterion, so that
/// no draw of weights puts another first.
fn answer(seen: &Seen) -> Reply {
    if seen.method != "POST" {
        return Reply::error(404, "not_found", "no list");
    }
    let pair = Pair::of(seen);
    let by = if pair.criterion == "Performance" { 0.5 } else { 0.0 };
    match pair.names() {
        (_, "Winter") => abstains("Nobody knows the next winter."),
        ("Secret", _) => Reply::error(400, "invalid_request_error", "that is a secret"),
        ("Svelte" | "Lisbon", _) => scores(9.0 + by),
        ("React", _) => scores(8.0 + by),
        ("Vue", _) => scores(6.0 + by),
        _ => scores(4.0 + by),
    }
}

/// Which client replays.
#[derive(Clone, Copy, Debug)]
enum Client {
    Python,
    TypeScript,
}

impl Client {
    fn replay(self, mode: &str, calls: &str, server: &[&str]) -> Value {
        let file = golden(calls);
        let arguments = [&[mode, file.to_str().unwrap()], server].concat();
        let printed = block_in_place(|| match self {
            Self::Python => python("decisions_client.py", &arguments),
            Self::TypeScript => node("decisions_client.mjs", &arguments),
        });
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}

/// A seed, around which lines break where they can, as a word.
fn seedless(text: &str) -> String {
    let Some((before, after)) = text.split_once("Seed") else { return text.to_owned() };
    let rest = after.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{} Seed SEED{}", before.trim_end(), seedless(rest))
}

/// Ids, times and seeds, which differ from run to run, as words.
fn masked(text: &str) -> String {
    let (mut out, text) = (String::new(), seedless(text));
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (word, used) = mask(from, before);
        out.push_str(word.as_deref().unwrap_or(&from[..used]));
        rest = &from[used..];
    }
    out + rest
}

/// What stands for the beginning of `from`, and how much of it that is.
fn mask(from: &str, before: &str) -> (Option<String>, usize) {
    let hex = from.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len());
    if hex == 32 && before.ends_with('_') {
        return (Some("ID".to_owned()), hex);
    }
    // 2026-11-21T23:50:22.123Z, with or without a fraction.
    let shape = |text: &str| text.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b }).collect::<Vec<_>>();
    if from.is_char_boundary(19) && from.len() > 19 && shape(&from[..19]) == b"0000-00-00T00:00:00" {
        let end = from.find('Z').map_or(19, |at| at + 1);
        return (Some("TIME".to_owned()), end);
    }
    (None, hex.max(1))
}

/// Every text of it without what differs from run to run.
fn settled(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(masked(text)),
        Value::Array(all) => all.iter().map(settled).collect(),
        Value::Object(all) => all.iter().map(|(name, it)| (masked(name), named(name, it))).collect(),
        // Some clients tell whole numbers from others, some do not.
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// A member of an object: each decision has a seed of its own, each message its time.
fn named(name: &str, it: &Value) -> Value {
    match name {
        "seed" => json!("SEED"),
        "at_ms" => json!("TIME"),
        _ => settled(it),
    }
}

/// What a client got, without what differs from run to run and between eras.
fn got(told: &Value) -> Value {
    told["calls"].as_array().unwrap().iter().map(one).collect()
}

fn one(call: &Value) -> Value {
    // A result's text is its structured content once more; an error's text is JSON of its own.
    let texts: Vec<Value> = call["texts"].as_array().unwrap().iter().map(read).collect();
    let (name, structured) = (&call["name"], settled(&call["structured"]));
    if call["error"] == true {
        return json!({ "name": name, "error": texts });
    }
    assert_eq!(texts, std::slice::from_ref(&structured), "the text says the same");
    json!({ "name": name, "structured": structured })
}

/// A text as the JSON that it is, where it is any.
fn read(text: &Value) -> Value {
    let text = text.as_str().unwrap();
    serde_json::from_str(text).map_or_else(|_| json!(text), |value| settled(&value))
}

/// Whether the client of this server gets what lies beside the transcript.
fn check(client: Client, mode: &str, transcript: &str, server: &[&str]) -> Value {
    let told = client.replay(mode, &format!("{transcript}.calls.json"), server);
    let (file, got) = (golden(&format!("{transcript}.json")), got(&told));
    if std::env::var_os("ALTHING_WRITE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&file, serde_json::to_string_pretty(&got).unwrap() + "\n").unwrap();
    }
    let wanted = std::fs::read_to_string(&file).unwrap_or_default();
    let wanted: Value = serde_json::from_str(&wanted).unwrap_or_default();
    let all = |of: &Value| of.as_array().cloned().unwrap_or_default();
    for (got, wanted) in all(&got).iter().zip(all(&wanted)) {
        let shown = |it: &Value| serde_json::to_string_pretty(it).unwrap();
        assert!(*got == wanted, "{client:?} {mode}: {}\nnot\n{}", shown(got), shown(&wanted));
    }
    assert_eq!(all(&got).len(), all(&wanted).len(), "{client:?} {mode}: {}", file.display());
    told
}

/// The calls that the README of the original begins with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_first_steps_replay_with_every_client() {
    for client in [Client::Python, Client::TypeScript] {
        for mode in MODES {
            let upstream = Upstream::start(answer).await;
            let server = Server::start(&config(&upstream, ""));
            let told = check(client, mode, "readme", &[&format!("{}/mcp/s/decisions", server.url())]);
            names(&told);
            // 3 × 4, and the pairs of the option that was added: each of them once.
            let counts = counts(&upstream.seen());
            assert_eq!((counts.len(), counts.values().max()), (16, Some(&1)), "{client:?} {mode}: {counts:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_first_steps_replay_over_stdio() {
    let upstream = Upstream::start(answer).await;
    for client in [Client::Python, Client::TypeScript] {
        let place = Place::new(&config(&upstream, ""));
        let (config, data) = (place.config(), place.data());
        let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let (config, data) = (path(&config), path(&data));
        let command = [env!("CARGO_BIN_EXE_althing"), "mcp", "stdio", "--toolset", "decisions"];
        let server = [&command[..], &["--config", &config, "--data", &data]].concat();
        check(client, "auto", "readme", &server);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tool_and_every_error_is_as_it_is_written_down() {
    for client in [Client::Python, Client::TypeScript] {
        let upstream = Upstream::start(answer).await;
        let server = Server::start(&config(&upstream, "retries_max = 0\n"));
        let told = check(client, "auto", "every", &[&format!("{}/mcp/s/decisions", server.url())]);
        for tool in tools(&told) {
            assert!(calls(&tool), "`{tool}` is not called");
        }
    }
}

/// Whether the transcript calls this tool.
fn calls(tool: &str) -> bool {
    let text = std::fs::read_to_string(golden("every.calls.json")).unwrap();
    let calls: Value = serde_json::from_str(&text).unwrap();
    calls.as_array().unwrap().iter().any(|call| call["tool"] == tool)
}

fn tools(told: &Value) -> Vec<String> {
    told["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// The nine, by their names and with their arguments and defaults, and `score_option`.
fn names(told: &Value) {
    let arguments = |tool: &Value| -> Vec<String> {
        let schema = &tool["inputSchema"];
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let argument = |(name, about): (&String, &Value)| match about.get("default") {
            Some(default) => format!("{name}={}", settled(default)),
            None if required.contains(&json!(name)) => name.clone(),
            None => format!("{name}?"),
        };
        let mut all: Vec<_> = schema["properties"].as_object().unwrap().iter().map(argument).collect();
        all.sort();
        all
    };
    let of = |name: &str| {
        let tools = told["tools"].as_array().unwrap();
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("no `{name}`"));
        arguments(tool).join(" ")
    };
    for (name, expect) in [
        (
            "start_decision_analysis",
            "initial_criteria? model_backend=\"bedrock\" model_name? options temperature=0.1 topic",
        ),
        (
            "add_criterion",
            "custom_prompt? description model_backend? model_name? name session_id temperature? weight=1.0",
        ),
        ("evaluate_options", "session_id"),
        ("get_decision_matrix", "include_history=false session_id"),
        ("add_option", "description? option_name session_id"),
        ("list_sessions", ""),
        ("clear_all_sessions", ""),
        ("current_session", ""),
        ("test_aws_bedrock_connection", ""),
        ("score_option", "option_name scores session_id"),
    ] {
        assert_eq!(of(name), expect, "{name}");
    }
    assert_eq!(told["tools"].as_array().unwrap().len(), 10, "{told}");
}

/// A client that asked for it hears how far an evaluation is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_clients_hear_how_far_an_evaluation_is() {
    for client in [Client::Python, Client::TypeScript] {
        let takes = std::time::Duration::from_millis(150);
        let upstream = Upstream::start(move |seen| answer(seen).after(takes)).await;
        let server = Server::start(&config(&upstream, "in_flight_max = 2\n"));
        let url = format!("{}/mcp/s/decisions", server.url());
        let told = client.replay("auto", "readme.calls.json", &[&url]);
        let calls = told["calls"].as_array().unwrap();
        let first = calls.iter().find(|call| call["name"] == "evaluate_options").unwrap();
        let steps: Vec<(f64, f64)> = serde_json::from_value(first["steps"].clone()).unwrap();
        assert!(steps.len() >= 3, "{client:?}: {steps:?}");
        assert!(steps.iter().all(|(done, total)| *total == 12.0 && *done <= 12.0), "{client:?}: {steps:?}");
        assert!(steps.windows(2).all(|two| two[0].0 < two[1].0), "{client:?}: {steps:?}");
    }
}

#[test]
fn ids_and_times_are_masked_and_nothing_else() {
    let id = format!("dec_{}", "0123456789abcdef".repeat(2));
    assert_eq!(masked(&format!("see `{id}`: 12.5 of cafe_ab")), "see `dec_ID`: 12.5 of cafe_ab");
    assert_eq!(masked("at 2026-11-21T23:50:22.123Z or 2026-11-21T23:50:22Z, 2026"), "at TIME or TIME, 2026");
    assert_eq!(masked("several.\nSeed 14580724799340037624. ä"), "several. Seed SEED. ä");
}
