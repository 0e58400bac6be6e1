//! Requests: golden ones into a chat and out of it, what is refused, what comes back unchanged.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::Dialect;

const LIMITS: Limits = Limits { n_max: 4, messages_max: 1_000 };

fn to_chat(text: &str) -> Result<ChatRequest, WireError> {
    request_to_chat(Bytes::copy_from_slice(text.as_bytes()), Vec::new(), &LIMITS)
}

fn chat_of(request: &ChatRequest) -> Value {
    serde_json::from_slice(request.bytes()).unwrap()
}

/// For a model that thinks within a budget.
fn from_chat(chat: &str) -> Result<(Value, Vec<String>), WireError> {
    from_chat_for("claude-sonnet-4-5", chat)
}

fn from_chat_for(model: &str, chat: &str) -> Result<(Value, Vec<String>), WireError> {
    let chat = ChatRequest::parse(Bytes::copy_from_slice(chat.as_bytes()), &LIMITS).unwrap();
    let out = request_from_chat(&chat, model, 4_096)?;
    Ok((serde_json::from_slice(&out.body).unwrap(), out.lost))
}

fn shown(value: &Value, lost: &[String]) -> String {
    format!("{}\n\nlost: {lost:#?}", serde_json::to_string_pretty(value).unwrap())
}

#[test]
fn golden_requests_as_chats() {
    for (name, text) in [
        ("ask_plain", include_str!("../../tests/golden/anthropic/ask_plain.json")),
        ("ask_tools", include_str!("../../tests/golden/anthropic/ask_tools.json")),
        ("ask_rich", include_str!("../../tests/golden/anthropic/ask_rich.json")),
    ] {
        let chat = to_chat(text).unwrap();
        insta::assert_snapshot!(name, shown(&chat_of(&chat), &chat.original().unwrap().lost));
    }
}

#[test]
fn golden_chats_as_requests() {
    for (name, text) in [
        ("chat_plain", include_str!("../../tests/golden/anthropic/chat_plain.json")),
        ("chat_tools", include_str!("../../tests/golden/anthropic/chat_tools.json")),
        ("chat_rich", include_str!("../../tests/golden/anthropic/chat_rich.json")),
    ] {
        let (request, lost) = from_chat(text).unwrap();
        insta::assert_snapshot!(name, shown(&request, &lost));
    }
}

#[test]
fn the_original_stays_with_the_chat() {
    let text = r#" {"x_new":1.50,"model" : "a/b","max_tokens":9,"messages":[{"role":"user","content":"hi"}]} "#;
    let headers = vec![("anthropic-beta", "new-thing".to_owned())];
    let chat = request_to_chat(Bytes::from_static(text.as_bytes()), headers, &LIMITS).unwrap();
    let original = chat.original().unwrap();
    assert_eq!((original.dialect, chat.model(), chat.output_tokens_max()), (Dialect::Messages, "a/b", Some(9)));
    assert_eq!(original.for_model("c"), text.replace("\"a/b\"", "\"c\"").as_bytes());
    assert_eq!(original.headers, [("anthropic-beta", "new-thing".to_owned())]);
    assert_eq!(original.lost, ["`x_new`"]);
}

#[test]
fn what_a_tool_is_called_with_keeps_its_digits() {
    let chat = to_chat(include_str!("../../tests/golden/anthropic/ask_tools.json")).unwrap();
    let arguments = &chat_of(&chat)["messages"][1]["tool_calls"][0]["function"]["arguments"];
    let expect = r#"{ "city": "Oslo", "digits": 1.10, "big": 12345678901234567890123 }"#;
    assert_eq!(arguments, expect);
    let back = request_from_chat(&chat, "m", 1).unwrap().body;
    assert!(std::str::from_utf8(&back).unwrap().contains(&format!("\"input\":{expect}")));
}

#[test]
fn refusals_name_the_value_as_the_client_wrote_it() {
    let asked = |messages: &str, more: &str| {
        let text = format!(r#"{{"model":"m","max_tokens":9,"messages":{messages}{more}}}"#);
        to_chat(&text).map(|_| ()).unwrap_err().to_string()
    };
    let said = |content: &str| asked(&format!(r#"[{{"role":"user","content":{content}}}]"#), "");
    let answered = |block: &str| asked(&format!(r#"[{{"role":"assistant","content":[{block}]}}]"#), "");
    let with = |more: &str| asked(r#"[{"role":"user","content":"x"}]"#, more);
    for (found, expect) in [
        (asked("[]", ""), "`messages` is empty"),
        (asked("null", ""), "`messages` is missing"),
        (asked("7", ""), "`messages` must be a list of messages, not a number"),
        (asked("[7]", ""), "`messages[0]` must be an object with `role` and `content`, not a number"),
        (asked(r#"[{"content":"x"}]"#, ""), "`messages[0].role` is missing"),
        (
            asked(r#"[{"role":"tool","content":"x"}]"#, ""),
            "`messages[0].role` must be `user`, `assistant` or `system`, not a string",
        ),
        (asked(r#"[{"role":"user"}]"#, ""), "`messages[0].content` is missing"),
        (said("7"), "`messages[0].content` must be a string or a list of blocks, not a number"),
        (said("[7]"), "`messages[0].content[0]` must be a block, not a number"),
        (said("[{}]"), "`messages[0].content[0].type` is missing"),
        (said(r#"[{"type":"text","text":7}]"#), "`messages[0].content[0].text` must be a string, not a number"),
        (said(r#"[{"type":"image"}]"#), "`messages[0].content[0].source` is missing"),
        (
            said(r#"[{"type":"image","source":{"type":"base64","data":""}}]"#),
            "`messages[0].content[0].source.media_type` is missing",
        ),
        (said(r#"[{"type":"tool_result","content":"x"}]"#), "`messages[0].content[0].tool_use_id` is missing"),
        (
            said(r#"[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text"}]}]"#),
            "`messages[0].content[0].content[0].text` is missing",
        ),
        (
            answered(r#"{"type":"tool_use","id":"a","name":"f","input":[1]}"#),
            "`messages[0].content[0].input` must be an object, not a list",
        ),
        (answered(r#"{"type":"tool_use","name":"f"}"#), "`messages[0].content[0].id` is missing"),
        (with(r#","system":7"#), "`system` must be a string or a list of blocks, not a number"),
        (with(r#","stop_sequences":["a",7]"#), "`stop_sequences[1]` must be a string, not a number"),
        (with(r#","temperature":"hot""#), "`temperature` must be a number, not a string"),
        (with(r#","stream":1"#), "`stream` must be true or false, not a number"),
        (with(r#","tools":[{"name":"f"}]"#), "`tools[0].input_schema` is missing"),
        (with(r#","tools":{}"#), "`tools` must be a list of tools, not an object"),
        (with(r#","thinking":true"#), "`thinking` must be an object, not a boolean"),
        (with(r#","output_config":{"format":{"type":"json_schema"}}"#), "`output_config.format.schema` is missing"),
        (with(r#","metadata":{"user_id":7}"#), "`metadata.user_id` must be a string, not a number"),
        (with(r#","model":"n""#), "the body is not JSON: duplicate field `model`"),
    ] {
        assert!(found.starts_with(expect), "{found}\n{expect}");
    }
    for (text, expect) in [
        (r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#, "`max_tokens` is missing"),
        (
            r#"{"model":"m","max_tokens":1.5,"messages":[{"role":"user","content":"x"}]}"#,
            "`max_tokens` must be a whole number, not a fraction",
        ),
        (r#"{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}"#, "`model` is missing"),
        (
            r#"{"model":7,"max_tokens":1,"messages":[{"role":"user","content":"x"}]}"#,
            "`model` must be a string, not a number",
        ),
        ("[]", "`body` must be a JSON object, not a list"),
        ("", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
    ] {
        assert_eq!(to_chat(text).unwrap_err().to_string(), expect);
    }
}

#[test]
fn a_count_needs_no_limit_and_says_nothing_of_one() {
    let text = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(
        count_to_chat(Bytes::from_static(text.as_bytes()), Vec::new(), &LIMITS).unwrap().output_tokens_max(),
        None
    );
    let asked = r#"{"model":"m","max_tokens":9,"stream":true,"temperature":1.0,"tools":[],"x":1.50,"messages":[]}"#;
    let counted = count_body(&Bytes::from_static(asked.as_bytes()));
    assert_eq!(counted, r#"{"model":"m","tools":[],"x":1.50,"messages":[]}"#.as_bytes());
    assert_eq!(count_body(&Bytes::from_static(b"[")), "[".as_bytes());
}

/// What a chat's knobs become: the request's members beside the words, and what is lost.
fn check(knobs: Value, expect: Value, lost: &[&str]) {
    check_for("claude-sonnet-4-5", knobs, expect, lost);
}

fn check_for(model: &str, knobs: Value, expect: Value, lost: &[&str]) {
    let mut chat = json!({ "model": "m", "max_tokens": 9_000, "messages": [{ "role": "user", "content": "x" }] });
    chat.as_object_mut().unwrap().extend(knobs.as_object().unwrap().clone());
    let (mut request, told) = from_chat_for(model, &chat.to_string()).unwrap();
    request.as_object_mut().unwrap().retain(|key, _| !["model", "messages", "max_tokens"].contains(&key.as_str()));
    assert_eq!((request, told), (expect, lost.iter().map(|text| (*text).to_owned()).collect()), "{knobs}");
}

#[test]
fn efforts_become_budgets_and_budgets_efforts() {
    let thinks = |tokens: u64| json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } });
    check(json!({ "reasoning_effort": "low" }), thinks(4_096), &[]);
    check(json!({ "reasoning_effort": "high" }), thinks(4_500), &[]);
    check(json!({ "reasoning_effort": "high", "max_tokens": 100_000 }), thinks(32_768), &[]);
    check(json!({ "reasoning_effort": "high", "max_tokens": 1_025 }), thinks(1_024), &[]);
    check(json!({ "reasoning_effort": "high", "max_tokens": 1_024 }), json!({}), &["`reasoning_effort`"]);
    check(json!({ "reasoning_effort": "none" }), json!({}), &[]);
    let cold = json!({ "reasoning_effort": "low", "temperature": 0, "top_p": 0.5, "top_k": 3 });
    check(
        cold,
        thinks(4_096),
        &[
            "`temperature` (this model has its own)",
            "`top_p` (this model has its own)",
            "`top_k` (this model has its own)",
        ],
    );
    let off = json!({ "thinking": { "type": "disabled" }, "reasoning_effort": "high", "temperature": 0.5 });
    check(off, json!({ "thinking": { "type": "disabled" }, "temperature": 0.5 }), &[]);

    for (tokens, effort) in [(1_024, "low"), (4_096, "low"), (4_097, "medium"), (16_384, "medium"), (16_385, "high")] {
        let thinking = json!({ "type": "enabled", "budget_tokens": tokens });
        let messages = json!([{ "role": "user", "content": "x" }]);
        let mut asked = json!({ "model": "m", "max_tokens": 64_000, "messages": messages, "thinking": thinking });
        assert_eq!(chat_of(&to_chat(&asked.to_string()).unwrap())["reasoning_effort"], effort);
        asked["output_config"] = json!({ "effort": "max" });
        assert_eq!(chat_of(&to_chat(&asked.to_string()).unwrap())["reasoning_effort"], "high", "the named one holds");
    }
}

#[test]
fn each_generation_is_asked_in_its_own_form() {
    let adaptive = |effort: &str| json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": effort } });
    let budget = |tokens: u64| json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } });
    let asked = |kind: Value, effort: &str| json!({ "thinking": kind, "reasoning_effort": effort });
    let may_adapt = asked(json!({ "type": "adaptive" }), "low");
    for model in ["m", "claude-opus-4-6", "claude-opus-4-7", "claude"] {
        check_for(model, may_adapt.clone(), adaptive("low"), &[]);
    }
    check(may_adapt, budget(4_096), &[]);
    check(json!({ "thinking": { "type": "adaptive" } }), budget(4_500), &[]);
    let tools = json!([{ "type": "function", "function": { "name": "f", "parameters": {} } }]);
    let forced = json!({ "reasoning_effort": "low", "tools": tools, "tool_choice": "required" });
    let told = json!({
        "tools": [{ "name": "f", "input_schema": {} }], "tool_choice": { "type": "any" },
        "output_config": { "effort": "low" },
    });
    for model in ["claude-opus-4-6", "claude-sonnet-5-5"] {
        check_for(model, json!({ "reasoning_effort": "medium", "max_tokens": 10 }), adaptive("medium"), &[]);
        check_for(model, json!({ "reasoning_effort": "xhigh" }), adaptive("high"), &[]);
        check_for(model, json!({ "reasoning_effort": "minimal" }), adaptive("low"), &[]);
        check_for(model, forced.clone(), told.clone(), &[]);
    }
    check_for("claude-opus-4-6", json!({ "reasoning_effort": "none" }), json!({}), &[]);
    let low = json!({ "output_config": { "effort": "low" } });
    let lost = "`reasoning_effort` of `none` (asked for `low`)";
    check_for("claude-opus-5-5", json!({ "reasoning_effort": "none" }), low, &[lost]);
    check_for("claude-opus-4-6", budget(8_999), budget(8_999), &[]);
    let lost = "`thinking.budget_tokens` of 9000 (asked for the effort `medium`)";
    check_for("claude-opus-5-5", budget(9_000), adaptive("medium"), &[lost]);
}

#[test]
fn each_generation_has_its_own_taste_for_chance() {
    let sampled = json!({ "temperature": 0.5, "top_p": 0.9, "top_k": 3 });
    check_for("m", sampled.clone(), sampled.clone(), &[]);
    let one = json!({ "temperature": 0.5, "top_k": 3 });
    check_for("claude-opus-4-6", sampled.clone(), one, &["`top_p` beside `temperature`"]);
    let own = ["temperature", "top_p", "top_k"].map(|key| format!("`{key}` (this model has its own)"));
    check_for("claude-opus-4-7", sampled, json!({}), &own.each_ref().map(String::as_str));
    check_for("claude-opus-4-7", json!({ "temperature": 1, "top_p": 1.0 }), json!({}), &[]);
}

#[test]
fn a_model_that_would_refuse_to_think_is_not_asked_to() {
    let call = json!({ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let mut chat = json!({
        "model": "m", "max_tokens": 9_000, "reasoning_effort": "low",
        "messages": [
            { "role": "user", "content": "x" },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "a", "content": "y" },
        ],
        "tools": [{ "type": "function", "function": { "name": "f" } }],
    });
    let asked = |chat: &Value| from_chat(&chat.to_string()).unwrap();
    let (request, lost) = asked(&chat);
    assert_eq!((request.get("thinking"), lost), (None, vec!["`reasoning_effort`".to_owned()]));
    chat["messages"][1]["thinking_blocks"] = json!([{ "type": "thinking", "thinking": "t", "signature": "s" }]);
    assert!(asked(&chat).0.get("thinking").is_some());
    chat["tool_choice"] = json!("required");
    assert!(asked(&chat).0.get("thinking").is_none());
}

#[test]
fn knobs_find_their_names() {
    let tools = json!([{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" } } }]);
    let offered = json!([{ "name": "f", "input_schema": { "type": "object" } }]);
    let chosen = |choice: Value| json!({ "tools": tools, "tool_choice": choice });
    let told = |choice: Value| json!({ "tools": offered, "tool_choice": choice });
    check(chosen(json!("required")), told(json!({ "type": "any" })), &[]);
    check(chosen(json!("none")), told(json!({ "type": "none" })), &[]);
    let named = json!({ "type": "function", "function": { "name": "f" } });
    check(chosen(named), told(json!({ "type": "tool", "name": "f" })), &[]);
    let allowed = json!({ "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": [] } });
    check(chosen(allowed), told(json!({ "type": "any" })), &["`tool_choice.allowed_tools`"]);
    check(chosen(json!("sometimes")), json!({ "tools": offered }), &["`tool_choice`"]);
    let one = json!({ "tools": tools, "parallel_tool_calls": false });
    check(one, told(json!({ "type": "auto", "disable_parallel_tool_use": true })), &[]);
    check(json!({ "tool_choice": "auto", "parallel_tool_calls": false }), json!({}), &[]);
    check(
        json!({ "n": 1, "top_p": null, "modalities": ["text"], "presence_penalty": 0.0, "store": false }),
        json!({}),
        &[],
    );
    check(json!({ "n": 2, "verbosity": "low" }), json!({}), &["`n`", "`verbosity`"]);
    check(json!({ "stop": ["\n", "a"] }), json!({ "stop_sequences": ["a"] }), &["`stop` without a visible character"]);
    let both = |p: f64| json!({ "temperature": 0.5, "top_p": p });
    check(both(0.9), json!({ "temperature": 0.5 }), &["`top_p` beside `temperature`"]);
    check(both(1.0), json!({ "temperature": 0.5 }), &[]);
    check(json!({ "top_p": 0.9, "temperature": 1 }), json!({ "top_p": 0.9 }), &[]);
    check(json!({ "top_p": 0.9 }), json!({ "top_p": 0.9 }), &[]);
    let schema = json!({ "type": "object", "properties": { "type": { "type": ["object", "null"] }, "b": { "enum": [{ "type": "object" }] } } });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
    let mut closed = schema;
    closed["additionalProperties"] = json!(false);
    closed["properties"]["type"]["additionalProperties"] = json!(false);
    let told = json!({ "output_config": { "format": { "type": "json_schema", "schema": closed } } });
    check(json!({ "response_format": format }), told, &[]);
    check(json!({ "service_tier": "flex" }), json!({}), &["`service_tier`"]);
}

#[test]
fn words_that_a_message_cannot_hold_are_refused() {
    for (message, param) in [
        (
            json!({ "role": "user", "content": [{ "type": "input_audio", "input_audio": {} }] }),
            "messages[0].content[0]",
        ),
        (
            json!({ "role": "user", "content": [{ "type": "file", "file": { "file_id": "f" } }] }),
            "messages[0].content[0]",
        ),
        (
            json!({ "role": "user", "content": [{ "type": "file", "file": { "file_data": "data:text/csv;base64,YQ==" } }] }),
            "messages[0].content[0]",
        ),
        (
            json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "data:image/png,x" } }] }),
            "messages[0].content[0]",
        ),
        (json!({ "role": "user", "content": [{ "type": "hologram" }] }), "messages[0].content[0]"),
        (json!({ "role": "assistant", "function_call": { "name": "f" } }), "messages[0].function_call"),
        (json!({ "role": "function", "name": "f", "content": "x" }), "messages[0].role"),
        (json!({ "role": "tool", "content": "x" }), "messages[0].tool_call_id"),
        (json!({ "role": "assistant", "tool_calls": [{ "id": "a" }] }), "messages[0].tool_calls[0].function.name"),
    ] {
        let chat = json!({ "model": "m", "messages": [message] });
        let error = from_chat(&chat.to_string()).unwrap_err();
        assert_eq!(fault::Explain::param(&error).as_deref(), Some(param), "{error}");
    }
}

#[test]
fn calls_of_the_past_name_their_tools() {
    let call = json!({ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let messages = json!([
        { "role": "assistant", "content": null, "tool_calls": [call, call] },
        { "role": "tool", "tool_call_id": "a", "content": "y" },
    ]);
    let (request, _) = from_chat(&json!({ "model": "m", "messages": messages }).to_string()).unwrap();
    assert_eq!(request["tools"], json!([{ "name": "f", "input_schema": { "type": "object" } }]));
    assert_eq!(request["tool_choice"], json!({ "type": "none" }));
    assert_eq!(request["max_tokens"], 4_096);
}

fn words() -> impl Strategy<Value = String> {
    "[a-zA-Zäé😀\"\\\\][a-zA-Zäé😀\"\\\\\n ]{0,11}"
}

fn marked(block: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (block, prop::option::weighted(0.2, "5m|1h")).prop_map(|(mut block, ttl)| {
        if let Some(ttl) = ttl {
            block["cache_control"] = json!({ "type": "ephemeral", "ttl": ttl });
        }
        block
    })
}

fn text() -> impl Strategy<Value = Value> {
    marked(words().prop_map(|text| json!({ "type": "text", "text": text })))
}

fn seen() -> impl Strategy<Value = Value> {
    let encoded = |kind: &str, media: &str, data: String| json!({ "type": kind, "source": { "type": "base64", "media_type": media, "data": data } });
    let image = "[A-Za-z0-9+/]{4}".prop_map(move |data| encoded("image", "image/png", data));
    let url = "https://[a-z]{3}".prop_map(|url| json!({ "type": "image", "source": { "type": "url", "url": url } }));
    let file = ("[A-Za-z0-9+/]{4}", words()).prop_map(move |(data, title)| {
        let mut block = encoded("document", "application/pdf", data);
        block["title"] = json!(title);
        block
    });
    prop_oneof![text(), text(), marked(image), marked(url), marked(file)]
}

/// One answer with its thoughts, words and calls, and what a client says to it.
fn exchange() -> impl Strategy<Value = [Value; 2]> {
    let thought = prop_oneof![
        words().prop_map(|words| json!({ "type": "thinking", "thinking": words, "signature": "sig" })),
        words().prop_map(|data| json!({ "type": "redacted_thinking", "data": data })),
    ];
    let call = ("[a-z]{1,8}", words(), any::<i64>());
    let calls = prop::collection::vec((call, words(), any::<bool>(), prop::option::of(seen())), 0..3);
    let parts = (prop::collection::vec(thought, 0..2), prop::collection::vec(text(), 1..3), calls);
    (parts, prop::collection::vec(seen(), 1..3)).prop_map(|((thoughts, texts, calls), rest)| {
        let (mut answer, mut results) = ([thoughts, texts].concat(), Vec::new());
        for (at, ((name, key, number), found, failed, shown)) in calls.into_iter().enumerate() {
            let id = format!("toolu_{at}");
            let input = json!({ key: [number, null, { "a": 1.5 }] });
            answer.push(json!({ "type": "tool_use", "id": id, "name": name, "input": input }));
            let content = match shown {
                None => json!(found),
                Some(shown) => json!([{ "type": "text", "text": found }, shown]),
            };
            let mut result = json!({ "type": "tool_result", "tool_use_id": id, "content": content });
            if failed {
                result["is_error"] = json!(true);
            }
            results.push(result);
        }
        let said = [results, rest].concat();
        [json!({ "role": "assistant", "content": answer }), json!({ "role": "user", "content": said })]
    })
}

fn knobs() -> impl Strategy<Value = Value> {
    let choice = prop_oneof![
        Just(json!({ "type": "auto" })),
        Just(json!({ "type": "any", "disable_parallel_tool_use": true })),
        Just(json!({ "type": "none" })),
        Just(json!({ "type": "tool", "name": "f" })),
    ];
    let schema = json!({ "type": "object", "properties": { "a": { "type": "number" } } });
    let tool = json!({ "name": "f", "description": "d", "input_schema": schema });
    let closed =
        json!({ "type": "object", "properties": { "a": { "type": "number" } }, "additionalProperties": false });
    let format = json!({ "type": "json_schema", "schema": closed });
    let thinking = prop_oneof![
        (1_024..9_000_u64).prop_map(|tokens| json!({ "thinking": { "type": "enabled", "budget_tokens": tokens } })),
        Just(json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "low", "format": format } })),
        Just(json!({ "thinking": { "type": "disabled" }, "top_k": 5, "metadata": { "user_id": "u" } })),
    ];
    let scalars = (0..=10_u32, any::<bool>(), prop::collection::vec(words().prop_map(|w| format!("x{w}")), 1..3));
    (choice, thinking, scalars).prop_map(move |(choice, mut knobs, (heat, stream, stop))| {
        let more = json!({
            "tools": [tool], "tool_choice": choice, "temperature": f64::from(heat) / 10.0, "top_p": 0.5,
            "stream": stream, "stop_sequences": stop, "service_tier": "standard_only",
        });
        knobs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        knobs
    })
}

/// Requests of everything that both formats can say, written as we write them.
fn requests() -> impl Strategy<Value = Value> {
    let talk = (prop::collection::vec(seen(), 1..3), prop::collection::vec(exchange(), 0..3));
    (prop::collection::vec(text(), 1..3), talk, knobs()).prop_map(|(system, (first, exchanges), mut request)| {
        let mut messages = vec![json!({ "role": "user", "content": first })];
        messages.extend(exchanges.into_iter().flatten());
        request["model"] = json!("m");
        request["max_tokens"] = json!(9_000);
        request["system"] = json!(system);
        request["messages"] = json!(messages);
        request
    })
}

/// Replaces the value that a walk by `steps` ends at.
fn spoil(value: &mut Value, steps: &[usize], by: &Value) {
    let Some((step, rest)) = steps.split_first() else {
        *value = by.clone();
        return;
    };
    let next = match value {
        Value::Array(items) if !items.is_empty() => {
            let at = step % items.len();
            items.get_mut(at)
        }
        Value::Object(members) if !members.is_empty() => {
            let at = step % members.len();
            members.values_mut().nth(at)
        }
        other => {
            *other = by.clone();
            None
        }
    };
    if let Some(next) = next {
        spoil(next, rest, by);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn there_and_back_nothing_is_lost(request in requests()) {
        let chat = to_chat(&request.to_string()).unwrap();
        prop_assert_eq!(&chat.original().unwrap().lost, &Vec::<String>::new());
        let back = request_from_chat(&chat, "m", 1).unwrap();
        prop_assert_eq!(back.lost, Vec::<String>::new());
        prop_assert_eq!(serde_json::from_slice::<Value>(&back.body).unwrap(), request);
    }

    #[test]
    fn whatever_is_wrong_with_a_request_it_is_read_or_refused(
        request in requests(),
        steps in prop::collection::vec(0..50_usize, 0..8),
        by in prop_oneof![Just(json!(null)), Just(json!(7)), Just(json!("x")), Just(json!([{}])), Just(json!({ "type": "x" }))],
    ) {
        let (mut asked, mut chat) = (request.clone(), chat_of(&to_chat(&request.to_string()).unwrap()));
        spoil(&mut asked, &steps, &by);
        if let Ok(chat) = to_chat(&asked.to_string()) {
            let _ = request_from_chat(&chat, "m", 1);
        }
        spoil(&mut chat, &steps, &by);
        if let Ok(chat) = ChatRequest::parse(Bytes::from(chat.to_string()), &LIMITS)
            && let Ok(out) = request_from_chat(&chat, "m", 1)
        {
            prop_assert!(serde_json::from_slice::<Value>(&out.body).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = request_to_chat(Bytes::from(bytes.clone()), Vec::new(), &LIMITS);
        count_body(&Bytes::from(bytes));
    }

    #[test]
    fn arguments_are_an_object_and_keep_their_words(arguments in "\\PC{0,12}|[{}\\[\\]\":a1, ]{0,12}") {
        let found: Value = serde_json::from_str(&input(&arguments)).unwrap();
        prop_assert!(found.is_object());
        match serde_json::from_str::<Value>(&arguments) {
            Ok(object @ Value::Object(_)) => prop_assert_eq!(found, object),
            _ if arguments.trim().is_empty() => prop_assert_eq!(found, json!({})),
            _ => prop_assert_eq!(found, json!({ "arguments": arguments })),
        }
    }
}

#[test]
fn blank_texts_stay_behind_since_they_would_be_refused() {
    let call = r#"{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let chat = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":" "}},{{"type":"text","text":"x\n"}}]}},
            {{"role":"assistant","content":"\n\n","tool_calls":[{call}]}},
            {{"role":"tool","tool_call_id":"a","content":"1"}}]}}"#
    );
    let (body, _) = from_chat(&chat).unwrap();
    assert_eq!(body["messages"][0]["content"], json!([{ "type": "text", "text": "x\n" }]));
    assert_eq!(body["messages"][1]["content"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(body["messages"][1]["content"][0]["type"], "tool_use");
}

#[test]
fn many_names_are_no_search_of_each_in_all() {
    let call = |at: usize| json!({ "id": "a", "type": "function", "function": { "name": format!("f{at}") } });
    let calls: Vec<Value> = (0..10_000).map(call).collect();
    let message = json!({ "role": "assistant", "content": null, "tool_calls": calls });
    let mut chat = json!({ "model": "m", "messages": [message] });
    (0..10_000).for_each(|at| chat[format!("knob_{at}")] = 1.into());
    let began = std::time::Instant::now();
    let (body, lost) = from_chat(&chat.to_string()).unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((body["tools"].as_array().unwrap().len(), lost.len()), (10_000, 32));
    let mut asked = json!({ "model": "m", "max_tokens": 1, "messages": [{ "role": "user", "content": "x" }] });
    (0..100).for_each(|at| asked[format!("knob_{at}")] = 1.into());
    assert_eq!(to_chat(&asked.to_string()).unwrap().original().unwrap().lost.len(), 32);
}
