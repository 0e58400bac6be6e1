//! A session as Claude Code holds it, over Anthropic's dialect.

use super::upstream::{DONE, Kind, PATCH, SIGNATURE, THOUGHT, WORDS, calls};
use crate::support::{Response, Server, ask_with};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BETA: &str = "claude-code-20250219,interleaved-thinking-2025-05-14";
/// How many tools there are.
const TOOLS: usize = 20;

fn tools() -> Vec<Value> {
    let names = (2..TOOLS).map(|at| format!("mcp__server__tool_{at}"));
    let names = ["shell".to_owned(), "apply_patch".to_owned()].into_iter().chain(names);
    let schema = |name: &str| {
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false,
            "properties": { "input": { "type": "string", "description": name }, "deep": { "anyOf": [{ "type": "null" },
                { "type": "array", "items": { "type": "object", "properties": { "x": { "enum": ["a", "b"] } } } }] } },
            "required": ["input"],
        })
    };
    let mut tools: Vec<Value> = names
        .map(|name| json!({ "name": name, "description": format!("Does {name}."), "input_schema": schema(&name) }))
        .collect();
    tools[TOOLS - 1]["cache_control"] = json!({ "type": "ephemeral" });
    tools
}

fn request(messages: &[Value]) -> Value {
    let cached = json!({ "type": "ephemeral" });
    json!({
        "model": "agent/claude", "max_tokens": 32000, "stream": true, "temperature": 1,
        "system": [
            { "type": "text", "text": "You are Claude Code.", "cache_control": cached },
            { "type": "text", "text": "Be careful.", "cache_control": cached },
        ],
        "thinking": { "type": "enabled", "budget_tokens": 10000 }, "metadata": { "user_id": "user_1_account_2" },
        "tools": tools(), "messages": messages,
    })
}

async fn send(server: &Server, path: &str, body: &Value) -> Response {
    let headers = [
        ("content-type", "application/json"),
        ("x-api-key", "sk-ant-none"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", BETA),
        ("x-app", "cli"),
        ("user-agent", "claude-cli/2.0.0 (external, cli)"),
    ];
    let reply = ask_with(server.address(), &format!("POST {path}"), &headers, body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

/// Puts a message together from its events, as strictly as a client could.
fn message(reply: &Response) -> (Vec<Value>, String) {
    let events = reply.events();
    for (event, line) in events.iter().zip(reply.text().lines().filter_map(|line| line.strip_prefix("event: "))) {
        assert_eq!(event["type"], line);
    }
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((count("message_start"), count("message_delta"), count("message_stop")), (1, 1, 1), "{events:?}");
    assert_eq!(
        (&events[0]["type"], &events[events.len() - 1]["type"]),
        (&json!("message_start"), &json!("message_stop"))
    );
    let (mut blocks, mut open) = (Vec::<Value>::new(), None);
    let mut inputs: BTreeMap<usize, String> = BTreeMap::new();
    let mut reason = String::new();
    for event in &events {
        let at = || event["index"].as_u64().unwrap() as usize;
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!((open, at()), (None, blocks.len()), "one block after the other: {event}");
                open = Some(at());
                blocks.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                assert_eq!(open, Some(at()), "{event}");
                let (block, delta) = (&mut blocks[at()], &event["delta"]);
                if let Some(piece) = delta["partial_json"].as_str() {
                    assert_eq!(block["type"], "tool_use");
                    inputs.entry(at()).or_default().push_str(piece);
                    continue;
                }
                let (kind, key) = match delta["type"].as_str().unwrap() {
                    "text_delta" => ("text", "text"),
                    "thinking_delta" => ("thinking", "thinking"),
                    "signature_delta" => ("thinking", "signature"),
                    other => panic!("{other}"),
                };
                assert_eq!(block["type"], kind, "{event}");
                block[key] = (block[key].as_str().unwrap_or_default().to_owned() + delta[key].as_str().unwrap()).into();
            }
            "content_block_stop" => assert_eq!(open.take(), Some(at())),
            "message_delta" => reason = event["delta"]["stop_reason"].as_str().unwrap().to_owned(),
            _ => {}
        }
    }
    assert_eq!(open, None);
    for (at, input) in inputs {
        blocks[at]["input"] = serde_json::from_str(&input).unwrap_or_else(|error| panic!("{error}: {input}"));
    }
    (blocks, reason)
}

fn kinds(blocks: &[Value]) -> Vec<&str> {
    blocks.iter().map(|block| block["type"].as_str().unwrap()).collect()
}

async fn session(kind: Kind) {
    let (upstream, server) = kind.start().await;
    let reminder = json!({ "type": "text", "text": "<system-reminder>The date is known.</system-reminder>" });
    let task = json!({ "type": "text", "text": "Mend it.", "cache_control": { "type": "ephemeral" } });
    let mut messages = vec![json!({ "role": "user", "content": [reminder, task] })];

    let mut counted = request(&messages);
    for key in ["max_tokens", "stream", "temperature", "metadata"] {
        counted.as_object_mut().unwrap().remove(key);
    }
    let counted = send(&server, "/v1/messages/count_tokens?beta=true", &counted).await.json();
    assert!(counted["input_tokens"].as_u64() > Some(0), "{counted}");
    assert_eq!(kind.signs(), counted["input_tokens"] == 77, "whoever can count is asked: {counted}");
    let before = upstream.seen().len();

    let (blocks, reason) = message(&send(&server, "/v1/messages?beta=true", &request(&messages)).await);
    assert_eq!((kinds(&blocks), reason.as_str()), (vec!["thinking", "text", "tool_use", "tool_use"], "tool_use"));
    assert_eq!((&blocks[0]["thinking"], &blocks[1]["text"]), (&json!(THOUGHT.concat()), &json!(WORDS.concat())));
    assert_eq!(blocks[0]["signature"], if kind.signs() { SIGNATURE } else { "" });
    let called = |at: usize| (blocks[at]["name"].as_str().unwrap().to_owned(), blocks[at]["input"].clone());
    assert_eq!(vec![called(2), called(3)], calls(), "{kind:?}");

    let id = |at: usize| blocks[at]["id"].as_str().unwrap().to_owned();
    let listing = json!([{ "type": "text", "text": "a.rs" }, { "type": "text", "text": "b.rs" }]);
    let results = json!([
        { "type": "tool_result", "tool_use_id": id(2), "content": listing },
        { "type": "tool_result", "tool_use_id": id(3), "content": "no such file", "is_error": true, "cache_control": { "type": "ephemeral" } },
    ]);
    messages.push(json!({ "role": "assistant", "content": blocks }));
    messages.push(json!({ "role": "user", "content": results }));
    let (last, reason) = message(&send(&server, "/v1/messages?beta=true", &request(&messages)).await);
    assert_eq!((kinds(&last), &last[0]["text"], reason.as_str()), (vec!["text"], &json!(DONE), "end_turn"));

    let seen = upstream.seen();
    assert_eq!(seen.len(), before + 2);
    let asked = seen[before + 1].json();
    let offered: Vec<(String, Value)> =
        tools().iter().map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool["input_schema"].clone())).collect();
    assert_eq!(kind.tools(&asked), offered, "{kind:?}");
    assert_eq!(kind.calls(&asked), calls(), "no input is dropped on the way back either");
    let told = vec![(id(2), "a.rs b.rs".to_owned()), (id(3), "no such file".to_owned())];
    assert_eq!(kind.results(&asked), told, "{kind:?}");
    if kind.signs() {
        assert_eq!(kind.thoughts(&asked), vec![(THOUGHT.concat(), SIGNATURE.to_owned())], "{asked}");
    }
    let body = asked.to_string();
    let marks = body.matches(if kind == Kind::Bedrock { "cachePoint" } else { "cache_control" }).count();
    // OpenAI's dialect has no such mark of its own; those who read it there know it by the same name.
    assert!(kind == Kind::OpenAi || marks == 5, "{marks} marks in {body}");
    assert_eq!(seen[before + 1].header("anthropic-beta"), (kind == Kind::Anthropic).then_some(BETA));
    assert!(body.contains(&PATCH[..15]));
}

#[tokio::test]
async fn over_openai() {
    session(Kind::OpenAi).await;
}

#[tokio::test]
async fn over_anthropic() {
    session(Kind::Anthropic).await;
}

#[tokio::test]
async fn over_bedrock() {
    session(Kind::Bedrock).await;
}
