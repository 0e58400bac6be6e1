//! Decisions: options judged by criteria, pair by pair, by whichever door, whatever is broken meanwhile.

mod command;
mod crowd;
mod dead;
mod golden;
mod injection;
mod judge;
mod kill;
mod limits;
mod listing;
mod rest;
mod servers;

use crate::support::{Kept, Response, ask, tool_call};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Calls a tool of the toolset.
async fn call(address: SocketAddr, key: &str, tool: &str, arguments: &Value) -> Response {
    Kept::to(address).await.ask(&tool_call(address, "/mcp/s/decisions", key, tool, arguments)).await
}

/// What comes of a call: the result, which comes as the last event of a stream where it was waited for long.
fn result(reply: &Response) -> Value {
    match reply.header("content-type") {
        Some("text/event-stream") => reply.events().pop().unwrap_or_default()["result"].take(),
        _ => reply.result(),
    }
}

/// What a tool of the toolset answers that has nothing to complain of.
async fn good(address: SocketAddr, key: &str, tool: &str, arguments: &Value) -> Value {
    let mut result = result(&call(address, key, tool, arguments).await);
    assert_ne!(result["isError"], true, "{tool} {arguments}: {result}");
    result["structuredContent"].take()
}

/// What a tool of the toolset complains of, in the original's shape.
async fn bad(address: SocketAddr, key: &str, tool: &str, arguments: &Value) -> Value {
    let result = result(&call(address, key, tool, arguments).await);
    assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
    let text = result["content"][0]["text"].as_str().unwrap();
    let shape: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    for name in ["error", "context", "timestamp", "error_code", "error_category", "recovery_suggestion"] {
        assert!(shape[name].as_str().is_some_and(|text| !text.is_empty()), "no `{name}`: {shape}");
    }
    assert_eq!(shape["context"], tool, "{shape}");
    shape
}

/// Begins a decision between so many options by so many criteria, all of weight 1, and gives its id.
async fn begin(address: SocketAddr, key: &str, topic: &str, options: usize, criteria: usize) -> String {
    let options: Vec<String> = (1..=options).map(|at| format!("option {at}")).collect();
    let criterion = |at: usize| json!({ "name": format!("criterion {at}"), "description": format!("what {at} means") });
    let criteria: Vec<Value> = (1..=criteria).map(criterion).collect();
    let wanted = json!({ "topic": topic, "options": options, "initial_criteria": criteria, "model_name": "kit/m" });
    id(&good(address, key, "start_decision_analysis", &wanted).await)
}

fn id(of: &Value) -> String {
    of["session_id"].as_str().unwrap().to_owned()
}

/// Arguments that name a decision and nothing else.
fn of(id: &str) -> Value {
    json!({ "session_id": id })
}

/// Evaluates through REST, which tells more than the tool.
async fn evaluate(address: SocketAddr, key: &str, id: &str) -> Value {
    let reply = ask(address, key, "POST", &format!("/api/v1/decisions/{id}/evaluate"), None).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The pairs of a decision that have a score, as names.
async fn scored(address: SocketAddr, key: &str, id: &str) -> Vec<(String, String)> {
    let decision = ask(address, key, "GET", &format!("/api/v1/decisions/{id}"), None).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pairs = decision["pairs"].as_array().unwrap_or_else(|| panic!("{decision}"));
    let scored = pairs.iter().filter(|pair| pair["outcome"] == "scored");
    scored.map(|pair| (text(&pair["option"]), text(&pair["criterion"]))).collect()
}

/// The counts of an evaluation's summary: pairs, scores, abstentions, errors.
fn summary(of: &Value) -> [u64; 4] {
    let counts = &of["summary"];
    ["total_evaluations", "successful_scores", "abstentions", "errors"]
        .map(|name| counts[name].as_u64().unwrap_or_else(|| panic!("no `{name}`: {of}")))
}
