//! A session as Codex holds it, over OpenAI's responses: nothing is stored, the whole conversation is sent each time.

use super::upstream::{DONE, Kind, PATCH, SIGNATURE, THOUGHT, WORDS, calls};
use crate::support::{Server, ask_with};
use serde_json::{Value, json};

fn request(input: &[Value]) -> Value {
    let command = json!({ "type": "array", "items": { "type": "string" } });
    let shell = json!({ "type": "object", "properties": { "command": command }, "required": ["command"], "additionalProperties": false });
    let grammar = json!({ "type": "grammar", "syntax": "lark", "definition": "start: \"*** Begin Patch\" /.+/" });
    json!({
        "model": "agent/claude", "instructions": "You are a coding agent.", "input": input,
        "tools": [
            { "type": "function", "name": "shell", "description": "Runs.", "strict": false, "parameters": shell },
            { "type": "custom", "name": "apply_patch", "description": "Edits files.", "format": grammar },
            { "type": "web_search", "external_web_access": false },
        ],
        "tool_choice": "auto", "parallel_tool_calls": true, "reasoning": { "effort": "medium", "summary": "auto" },
        "store": false, "stream": true, "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199f3c1-7a5b-7000-8000-000000000000", "text": { "verbosity": "low" },
    })
}

/// Asks and gives the items of the answer, as they were streamed: they are those of the whole response too.
async fn turn(server: &Server, input: &[Value]) -> Vec<Value> {
    let headers = [("content-type", "application/json"), ("originator", "codex_cli_rs"), ("session_id", "s-1")];
    let body = request(input).to_string();
    let reply = ask_with(server.address(), "POST /v1/responses", &headers, body.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let events = reply.events();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    assert_eq!((of("response.created").len(), of("response.completed").len()), (1, 1), "{}", reply.text());
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..events.len() as u64), "{numbers:?}");
    let items: Vec<Value> = of("response.output_item.done").iter().map(|event| event["item"].clone()).collect();
    let completed = &of("response.completed")[0]["response"];
    assert_eq!(completed["output"], json!(items));
    assert!(completed["usage"]["total_tokens"].as_u64() > Some(0), "{completed}");
    for item in &items {
        let deltas = |kind: &str| -> String {
            let mine = of(kind).into_iter().filter(|event| event["item_id"] == item["id"]);
            mine.map(|event| event["delta"].as_str().unwrap()).collect()
        };
        match item["type"].as_str().unwrap() {
            "function_call" => assert_eq!(deltas("response.function_call_arguments.delta"), item["arguments"]),
            "custom_tool_call" => assert_eq!(deltas("response.custom_tool_call_input.delta"), item["input"]),
            "message" => assert_eq!(deltas("response.output_text.delta"), item["content"][0]["text"]),
            "reasoning" => assert_eq!(deltas("response.reasoning_summary_text.delta"), item["summary"][0]["text"]),
            other => panic!("{other}"),
        }
    }
    items
}

fn user(text: &str) -> Value {
    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] })
}

async fn session(kind: Kind) {
    let (upstream, server) = kind.start().await;
    let developer = json!({ "type": "message", "role": "developer", "content": [{ "type": "input_text", "text": "<permissions>" }] });
    let mut input = vec![developer, user("<environment_context>"), user("Mend it.")];
    let items = turn(&server, &input).await;
    let kinds: Vec<&str> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "custom_tool_call"], "{kind:?}: {items:?}");
    assert_eq!(items[0]["summary"][0]["text"], THOUGHT.concat());
    assert_eq!(items[0]["encrypted_content"].is_string(), kind.signs(), "{}", items[0]);
    assert_eq!(items[1]["content"][0]["text"], WORDS.concat());
    let arguments: Value = serde_json::from_str(items[2]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!((items[2]["name"].as_str(), arguments), (Some("shell"), calls()[0].1.clone()));
    assert_eq!((&items[3]["name"], &items[3]["input"]), (&json!("apply_patch"), &json!(PATCH)));

    let id = |at: usize| items[at]["call_id"].as_str().unwrap().to_owned();
    let outputs = [
        json!({ "type": "function_call_output", "call_id": id(2), "output": "{\"output\":\"a.rs\",\"exit\":0}" }),
        json!({ "type": "custom_tool_call_output", "call_id": id(3), "output": "Done!" }),
    ];
    input.extend(items.iter().cloned().chain(outputs));
    let second = turn(&server, &input).await;
    assert_eq!((second.len(), &second[0]["content"][0]["text"]), (1, &json!(DONE)), "{second:?}");
    input.extend(second);
    input.push(user("And now?"));
    let third = turn(&server, &input).await;
    assert_eq!(third[0]["content"][0]["text"], DONE);

    let told = vec![(id(2), "{\"output\":\"a.rs\",\"exit\":0}".to_owned()), (id(3), "Done!".to_owned())];
    let seen = upstream.seen();
    assert_eq!(seen.len(), 3);
    for asked in seen[1..].iter().map(testkit::Seen::json) {
        assert_eq!(kind.calls(&asked), calls(), "{kind:?}");
        assert_eq!(kind.results(&asked), told, "{kind:?}");
        let names: Vec<String> = kind.tools(&asked).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["shell", "apply_patch"], "{kind:?}");
        if kind.signs() {
            assert_eq!(kind.thoughts(&asked), vec![(THOUGHT.concat(), SIGNATURE.to_owned())], "{kind:?}: {asked}");
        }
        assert!(asked.to_string().contains("You are a coding agent."));
    }
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
