//! The official clients of OpenAI and MCP, unchanged, against the real binary.

use crate::support::{Server, Simulate, get, provider, python};
use serde_json::json;
use std::time::Duration;
use testkit::{Reply, Seen, Upstream};
use tokio::task::block_in_place;

/// What the models of the upstream do.
const SCRIPT: &str = r#"
[models.plain]
answers = ["You said: {prompt}"]

[models.slow]
answers = ["one two three four five"]
token_ms = 50

[models.tools]
tool_call = { name = "weather", arguments = '{"city": "Reykjavík", "days": 3}' }

[models.failing]
error_rate = 1.0

[models.hanging]
hang_rate = 1.0

[models.ash]
answers = ["42"]
latency = { ms = 100, spread_ms = 30 }

[models.birch]
answers = ["42"]
latency = { ms = 100, spread_ms = 30 }
seed = 2

[models.cedar]
answers = ["42"]
latency = { ms = 100, spread_ms = 30 }
seed = 3

[models.elm]
answers = ["41"]
latency = { ms = 100, spread_ms = 30 }
seed = 4

[models.oak]
answers = ["40"]
latency = { ms = 100, spread_ms = 30 }
seed = 5
"#;

const MODELS: [&str; 10] = ["plain", "slow", "tools", "failing", "hanging", "ash", "birch", "cedar", "elm", "oak"];

const PANEL: &str = r#"
[[panel]]
name = "quorum"
members = ["sim/ash", "sim/birch", "sim/cedar", "sim/elm", "sim/oak"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn openai_asks_and_reads() {
    let simulate = Simulate::start(SCRIPT);
    let server = Server::start(&(provider("sim", &simulate.url(), &MODELS) + PANEL));
    openai(&server, "asks");
    assert!(simulate.requests().await > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_is_told_what_is_wrong_and_asks_no_more_than_it_should() {
    let simulate = Simulate::start(SCRIPT);
    let server = Server::start(&(provider("sim", &simulate.url(), &MODELS) + PANEL));
    openai(&server, "errors");
    // One failing question, asked twice by the server: the client, which by default asks thrice, knows better.
    assert_eq!(simulate.requests().await, 2);
}

/// Repeats the question and adds what no client knows.
fn echo(seen: &Seen) -> Reply {
    let asked = seen.json();
    let message = json!({ "role": "assistant", "content": "hi", "mood": { "calm": true } });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    let reply = json!({
        "id": "x", "object": "chat.completion", "created": 1, "model": "echo", "choices": [choice],
        "asked": asked, "citations": ["https://example.org"],
    });
    Reply::json(200, &reply)
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_passes_what_nobody_knows_and_leaves_when_it_wants_to() {
    let upstream = Upstream::start(|seen| match seen.json()["model"].as_str().unwrap() {
        "echo" => echo(seen),
        "dripping" => Reply::chat_stream(&["drip "; 200]).pause(Duration::from_millis(50)),
        _ => Reply::hang(),
    })
    .await;
    let server = Server::start(&provider("kit", &upstream.url(), &["echo", "dripping", "hanging"]));
    openai(&server, "unknown");
    let seen = upstream.seen()[0].json();
    assert_eq!((&seen["model"], &seen["tomorrow"]), (&json!("echo"), &json!({ "a": [1, 2.5, null] })));
    openai(&server, "leaves");
    // One stream closed early, one question that took too long, one task that was cancelled.
    assert_eq!(upstream.wait_cancelled(3, Duration::from_secs(5)).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn mcp_over_http_in_both_eras() {
    let server = Server::start("");
    assert_eq!(block_in_place(|| python("mcp_client.py", &[&server.url()])), "ok mcp\n");
    let figures = get(server.address(), "/metrics").await;
    for row in ["althing_sessions_limit 10000", "althing_sessions_active 0"] {
        assert!(figures.text().contains(row), "{row} is not in {}", figures.text());
    }
}

#[test]
fn mcp_over_stdio_in_both_eras() {
    assert_eq!(python("mcp_stdio.py", &[env!("CARGO_BIN_EXE_althing")]), "ok mcp stdio\n");
}

/// Runs a part of the OpenAI client while this test's upstreams go on answering.
fn openai(server: &Server, part: &str) {
    let printed = block_in_place(|| python("openai_client.py", &[&server.url(), part]));
    assert_eq!(printed, format!("ok openai {part}\n"));
}
