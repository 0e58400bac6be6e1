//! Chats and what becomes of them, written from Amazon's and OpenAI's public references.

use crate::{reply, request};
use serde_json::{Value, json};
use wire::About;

const CLAUDE: &str = "eu.anthropic.claude-opus-4-6-v1";

/// What is sent, with what is lost as its last member.
fn sent(chat: &Value, model: &str) -> Result<Value, String> {
    let asked = request::from_chat(chat.to_string().as_bytes(), model).map_err(|error| error.to_string())?;
    let mut body = asked.body;
    if !asked.lost.is_empty() {
        body["LOST"] = json!(asked.lost);
    }
    Ok(body)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// Two turns with tools, side by side, an image, marks for the cache.
fn conversation() -> Value {
    json!({
        "model": "m", "max_tokens": 9, "max_completion_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": "END",
        "messages": [
            { "role": "system", "content": "You are brief.", "cache_control": { "type": "ephemeral" } },
            { "role": "developer", "content": [{ "type": "text", "text": "In English." }] },
            { "role": "user", "content": [
                { "type": "text", "text": "Which city is this, and its weather?", "cache_control": { "type": "ephemeral", "ttl": "1h" } },
                { "type": "image_url", "image_url": { "url": "data:image/jpg;base64,/9j/4AAQ", "detail": "high" } },
                { "type": "file", "file": { "filename": "my  trip_2026.pdf", "file_data": "data:application/pdf;base64,JVBERi0=" } },
                { "type": "file", "file": { "filename": "my trip 2026.txt", "file_data": "data:text/plain;base64,aGk=" } },
                { "type": "input_audio", "input_audio": { "data": "UklGRg==", "format": "wav" } },
            ] },
            { "role": "assistant", "content": "Let me look.",
              "reasoning_content": "a city", "thinking_blocks": [
                { "type": "thinking", "thinking": "a city", "signature": "SIG" },
                { "type": "redacted_thinking", "data": "AAEC" }],
              "tool_calls": [
                { "id": "call_1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Reykjavík\",\"days\":3}" } },
                { "id": "functions.now:1", "type": "function", "function": { "name": "now", "arguments": "" } },
                { "id": "call_3", "type": "function", "function": { "name": "weather", "arguments": "not json" } },
                { "id": "call_4", "type": "custom", "custom": { "name": "patch", "input": "*** Begin" } }] },
            { "role": "tool", "tool_call_id": "call_1", "content": [
                { "type": "text", "text": "rain", "cache_control": { "type": "ephemeral" } },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } }] },
            { "role": "tool", "tool_call_id": "functions.now:1", "content": "12:00" },
            { "role": "tool", "tool_call_id": "call_3", "content": "no such city", "is_error": true },
            { "role": "tool", "tool_call_id": "call_4", "content": "" },
            { "role": "user", "content": "And tomorrow?" },
            { "role": "assistant", "content": "  " },
            { "role": "user", "content": [{ "type": "text", "text": "Well?" }] },
        ],
        "tools": [
            { "type": "function", "function": { "name": "weather", "description": "The weather.", "strict": true,
                "parameters": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } } },
            { "type": "function", "function": { "name": "now", "description": "" }, "cache_control": { "type": "ephemeral" } },
            { "type": "custom", "custom": { "name": "patch", "description": "Changes files.", "format": { "type": "grammar" } } },
            { "type": "web_search_preview" },
        ],
        "tool_choice": "required",
        "parallel_tool_calls": true,
    })
}

#[test]
fn a_conversation_with_everything_in_it() {
    insta::assert_snapshot!(pretty(&sent(&conversation(), CLAUDE).unwrap()));
}

#[test]
fn the_same_for_a_model_of_another_maker() {
    insta::assert_snapshot!(pretty(&sent(&conversation(), "meta.llama3-70b-instruct-v1:0").unwrap()));
}

#[test]
fn knobs_go_where_the_model_takes_them() {
    let chat = json!({
        "model": "m", "messages": [{ "role": "user", "content": "hi" }],
        "thinking": { "type": "enabled", "budget_tokens": 1024 }, "top_k": 5, "reasoning_effort": "high",
        "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "strict": true,
            "schema": { "type": "object", "properties": { "a": { "type": "integer" } } } } },
        "service_tier": "priority", "stop": ["A", "B"], "seed": 7, "n": 2, "user": "u", "store": false,
        "logit_bias": {}, "frequency_penalty": 0, "presence_penalty": 0.5, "modalities": ["text"], "verbosity": "medium",
        "logprobs": true, "top_logprobs": 3,
        "guardrailConfig": { "guardrailIdentifier": "g", "guardrailVersion": "1" },
        "additionalModelRequestFields": { "top_k": 9, "x": 1 },
    });
    let all: Vec<Value> = [
        CLAUDE,
        "anthropic.claude-3-haiku-20240307-v1:0",
        "us.amazon.nova-pro-v1:0",
        "openai.gpt-oss-120b-1:0",
        "mistral.mistral-large-2402-v1:0",
        "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123",
    ]
    .into_iter()
    .map(|model| json!({ "for": model, "sent": sent(&chat, model).unwrap() }))
    .collect();
    insta::assert_snapshot!(pretty(&all.into()));
}

#[test]
fn the_choice_of_a_tool() {
    let tool = json!({ "type": "function", "function": { "name": "f" } });
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let asked = json!([{ "role": "user", "content": "hi" }]);
    let used = json!([
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": null, "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "c", "content": "x" },
    ]);
    let spec =
        json!([{ "toolSpec": { "name": "f", "inputSchema": { "json": { "type": "object", "properties": {} } } } }]);
    for (messages, tools, choice, config, lost) in [
        (&asked, json!([tool]), Value::Null, json!({ "tools": spec }), None),
        (&asked, json!([tool]), json!("auto"), json!({ "tools": spec, "toolChoice": { "auto": {} } }), None),
        (&asked, json!([tool]), json!("required"), json!({ "tools": spec, "toolChoice": { "any": {} } }), None),
        (
            &asked,
            json!([tool]),
            json!({ "type": "function", "function": { "name": "f" } }),
            json!({ "tools": spec, "toolChoice": { "tool": { "name": "f" } } }),
            None,
        ),
        (&asked, json!([tool]), json!("none"), Value::Null, None),
        (&asked, json!([]), json!("auto"), Value::Null, None),
        (
            &used,
            json!([tool]),
            json!("none"),
            json!({ "tools": spec }),
            Some("`tool_choice` `none`: the conversation has called tools"),
        ),
        // Converse refuses a conversation with calls and no tools.
        (&used, Value::Null, Value::Null, json!({ "tools": spec }), None),
        (
            &asked,
            json!([tool]),
            json!({ "type": "allowed_tools", "allowed_tools": { "mode": "auto", "tools": [] } }),
            json!({ "tools": spec }),
            Some("`tool_choice` (a choice among several)"),
        ),
    ] {
        let chat = json!({ "model": "m", "messages": messages, "tools": tools, "tool_choice": choice });
        let body = sent(&chat, "m").unwrap();
        assert_eq!(body["toolConfig"], config, "{choice}");
        assert_eq!(body["LOST"][0].as_str(), lost, "{choice}");
    }
}

#[test]
fn words_without_a_place_are_refused_by_name() {
    let user = |part: Value| json!([{ "role": "user", "content": [part] }]);
    for (messages, expect) in [
        (
            json!([{ "role": "function", "name": "f", "content": "x" }]),
            "`messages[0].role` `function` has no place in Converse",
        ),
        (
            json!([{ "role": "user", "content": "a" }, { "role": "assistant", "audio": { "id": "a" } }]),
            "`messages[1].audio` has no place in Converse",
        ),
        (user(json!({ "type": "video_url" })), "`messages[0].content[0].type` `video_url` has no place in Converse"),
        (
            user(json!({ "type": "image_url", "image_url": { "url": "data:image/tiff;base64,AA==" } })),
            "`messages[0].content[0].image_url` is no PNG, JPEG, GIF or WebP",
        ),
        (
            user(json!({ "type": "file", "file": { "file_id": "f" } })),
            "`messages[0].content[0].file` must hold `file_data`: Converse knows no uploaded files",
        ),
        (
            user(json!({ "type": "file", "file": { "file_data": "data:application/zip;base64,AA==" } })),
            "`messages[0].content[0].file` is of no kind that Converse reads",
        ),
        (
            json!([{ "role": "assistant", "tool_calls": [{ "function": {} }] }]),
            "`messages[0].tool_calls[0].id` is missing",
        ),
        (json!([{ "role": "tool", "content": "x" }]), "`messages[0].tool_call_id` is missing"),
        (
            json!([{ "role": "system", "content": [{ "type": "input_audio", "input_audio": { "data": "", "format": "wav" } }] }]),
            "`messages[0].content` holds more than text",
        ),
        (json!([{ "role": "user", "content": 7 }]), "`messages[0].content` must be a string or a list of parts"),
    ] {
        let error = sent(&json!({ "model": "m", "messages": messages }), "m").unwrap_err();
        assert_eq!(error, format!("{expect}"));
    }
}

/// The conversation that boto3 1.44.5 was recorded with.
#[test]
fn what_we_send_is_what_the_official_python_client_sends() {
    let chat = json!({
        "model": "m", "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": ["END"], "top_k": 5,
        "messages": [
            { "role": "system", "content": [{ "type": "text", "text": "You are brief.", "cache_control": { "type": "ephemeral" } }] },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } }] },
            { "role": "assistant", "content": "Let me look.", "tool_calls": [
                { "id": "t1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Reykjavík\",\"days\":3}" } }] },
            { "role": "tool", "tool_call_id": "t1", "content": "rain", "is_error": true },
            { "role": "user", "content": "And now?" },
        ],
        "tools": [{ "type": "function", "function": { "name": "weather", "description": "The weather.",
            "parameters": { "type": "object", "properties": { "city": { "type": "string" } } } } }],
        "tool_choice": { "type": "function", "function": { "name": "weather" } },
    });
    let recorded: Value = serde_json::from_str(include_str!("boto3_converse.json")).unwrap();
    assert_eq!(sent(&chat, CLAUDE).unwrap(), recorded);
}

#[test]
fn replies_as_chats() {
    let usage = json!({ "inputTokens": 3, "outputTokens": 5, "totalTokens": 28, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 0 });
    let replies = [
        json!({ "output": { "message": { "role": "assistant", "content": [{ "text": "Hello " }, { "text": "there." }] } },
            "stopReason": "stop_sequence", "usage": usage, "metrics": { "latencyMs": 7 } }),
        json!({ "output": { "message": { "role": "assistant", "content": [
            { "reasoningContent": { "reasoningText": { "text": "hm", "signature": "SIG" } } },
            { "reasoningContent": { "redactedContent": "AAEC" } },
            { "text": "Looking." },
            { "toolUse": { "toolUseId": "a", "name": "weather", "input": { "city": "Reykjavík", "days": 3 } } },
            { "toolUse": { "toolUseId": "b", "name": "now", "input": {} } },
            { "toolUse": { "toolUseId": "c", "name": "patch", "input": { "input": "*** Begin" } } },
            { "toolUse": { "toolUseId": "d", "name": "search", "input": {}, "type": "server_tool_use" } },
        ] } }, "stopReason": "tool_use", "usage": usage }),
        json!({ "output": { "message": { "role": "assistant", "content": [
            { "citationsContent": { "content": [{ "text": "Cited." }], "citations": [] } },
            { "reasoningContent": { "reasoningText": { "text": "unsigned" } } },
        ] } }, "stopReason": "guardrail_intervened" }),
        json!({ "output": { "message": { "role": "assistant", "content": [] } }, "stopReason": "max_tokens" }),
    ];
    let about = About { id: "r", model: "m", created: 1, original: None };
    let custom = ["patch".to_owned()].into();
    let chats = replies.iter().map(|body| {
        let chat = reply::to_chat(body.to_string().as_bytes(), &about, &custom).unwrap();
        serde_json::from_slice::<Value>(chat.bytes()).unwrap()
    });
    insta::assert_snapshot!(pretty(&chats.collect::<Vec<_>>().into()));
    let garbled = json!({ "output": { "message": { "content": [] } }, "stopReason": "malformed_model_output" });
    assert!(reply::to_chat(garbled.to_string().as_bytes(), &about, &custom).is_err());
}

#[test]
fn documents_of_one_name_are_told_apart_however_many() {
    let file = |name: &str| json!({ "type": "file", "file": { "file_data": "eA==", "filename": name } });
    let mut parts = vec![file("a 3.txt"), file("a.txt"), file("a.txt"), file("a.txt")];
    parts.extend((0..3_000).map(|_| file("b.txt")));
    let mut chat = json!({ "messages": [{ "role": "user", "content": parts }] });
    (0..100).for_each(|at| chat[format!("knob_{at}")] = 1.into());
    let began = std::time::Instant::now();
    let body = sent(&chat, CLAUDE).unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    let blocks = body["messages"][0]["content"].as_array().unwrap();
    let names: Vec<&str> = blocks.iter().map(|block| block["document"]["name"].as_str().unwrap()).collect();
    assert_eq!(names[..6], ["a 3", "a", "a 2", "a 4", "b", "b 2"]);
    assert_eq!((names[3_003], body["LOST"].as_array().unwrap().len()), ("b 3000", 32));
}
