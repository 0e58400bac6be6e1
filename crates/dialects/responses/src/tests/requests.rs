//! Requests: what they become, what gets lost, what is refused.

use super::*;

#[test]
fn what_a_coding_agent_sends() {
    insta::assert_snapshot!("codex", pretty(&json!(chat(CODEX))));
    insta::assert_snapshot!("codex_next", pretty(&json!(chat(CODEX_NEXT))));
}

#[test]
fn everything_that_can_be_set() {
    insta::assert_snapshot!("rich", pretty(&json!(chat(RICH))));
}

#[test]
fn the_original_stays_as_it_came() {
    let request = ask(CODEX).unwrap();
    assert!(request.stream() && request.has_tools() && request.include_usage());
    let original = request.original().unwrap();
    assert_eq!(original.bytes, CODEX.as_bytes());
    let named = CODEX.replace("\"gpt-5.1-codex\"", "\"o3\"");
    assert_eq!(original.for_model("o3"), named.as_bytes());
}

#[test]
fn choices_among_tools() {
    let check = |choice: Value, tools: &[&str], expect: Value| {
        let tools: Vec<Value> = tools
            .iter()
            .map(|name| json!({ "type": "custom", "name": name }))
            .chain([json!({ "type": "mcp" })])
            .collect();
        let body = json!({ "model": "m", "input": "hi", "tools": tools, "tool_choice": choice });
        let (chat, lost) = chat(&body.to_string());
        let names = chat["tools"].as_array().into_iter().flatten().map(|tool| tool["function"]["name"].clone());
        assert_eq!(json!([chat["tool_choice"], names.collect::<Vec<_>>(), lost.len()]), expect, "{choice}");
    };
    check(json!("required"), &["a", "b"], json!(["required", ["a", "b"], 1]));
    check(json!("required"), &[], json!([null, [], 1]));
    let named = json!({ "type": "function", "function": { "name": "a" } });
    check(json!({ "type": "custom", "name": "a" }), &["a"], json!([named, ["a"], 1]));
    check(json!({ "type": "web_search_preview" }), &["a"], json!([null, ["a"], 2]));
    let allowed = json!({ "type": "allowed_tools", "mode": "auto", "tools": [{ "type": "custom", "name": "b" }, { "type": "mcp" }] });
    check(allowed, &["a", "b"], json!(["auto", ["b"], 1]));
}

#[test]
fn refusals_name_the_value_at_fault() {
    let check = |more: &str, expect: &str| {
        let body = format!(r#"{{"model":"m",{more}}}"#);
        assert_eq!(ask(&body).unwrap_err().to_string(), expect, "{body}");
    };
    let kept = "nothing is kept between requests: send the whole conversation in `input`";
    for (more, expect) in [
        (r#""x":1"#, "`input` is missing"),
        (r#""input":7"#, "`input` must be a string or a list of items, not a number"),
        (r#""input":[]"#, "`input` is empty"),
        (r#""input":[7]"#, "`input[0]` must be an object, not a number"),
        (r#""input":[{}]"#, "`input[0].type` is missing"),
        (r#""input":[{"role":"user"}]"#, "`input[0].content` is missing"),
        (r#""input":[{"role":"user","content":[{"type":"input_text"}]}]"#, "`input[0].content[0].text` is missing"),
        (
            r#""input":[{"role":"user","content":[{"type":"input_image","detail":"low"}]}]"#,
            "`input[0].content[0].image_url` is missing",
        ),
        (
            r#""input":[{"role":"user","content":[{"type":"input_file","file_data":7}]}]"#,
            "`input[0].content[0].file_data` must be a string, not a number",
        ),
        (r#""input":[{"type":"function_call","name":"f","arguments":"{}"}]"#, "`input[0].call_id` is missing"),
        (r#""input":[{"type":"function_call_output","call_id":"c"}]"#, "`input[0].output` is missing"),
        (
            r#""input":[{"type":"item_reference","id":"x"}]"#,
            "`input[0]` is not supported: nothing is kept between requests: send the item itself",
        ),
        (
            r#""input":[{"type":"telepathy"}]"#,
            "`input[0].type` is not supported: no such item is known here: leave it out",
        ),
        (r#""input":[{"type":"compaction","encrypted_content":"x"}]"#, "`input` is empty"),
        (r#""input":"hi","instructions":7"#, "`instructions` must be a string, not a number"),
        (r#""input":"hi","tools":{}"#, "`tools` must be a list, not an object"),
        (r#""input":"hi","tools":[{"type":"function"}]"#, "`tools[0].name` is missing"),
        (r#""input":"hi","max_output_tokens":0"#, "`max_output_tokens` is `0`, outside 1 to 18446744073709551615"),
        (r#""input":"hi","max_output_tokens":"x""#, "`max_output_tokens` must be a whole number, not a string"),
        (r#""input":"hi","temperature":"hot""#, "`temperature` must be a number, not a string"),
        (r#""input":"hi","reasoning":"high""#, "`reasoning` must be an object, not a string"),
        (
            r#""input":"hi","text":{"format":{"type":"xml"}}"#,
            "`text.format.type` is not supported: use `text`, `json_schema` or `json_object`",
        ),
        (r#""input":"hi","stream":"yes""#, "`stream` must be true or false, not a string"),
        (
            r#""input":"hi","previous_response_id":"resp_1""#,
            &format!("`previous_response_id` is not supported: {kept}"),
        ),
        (r#""input":"hi","conversation":{"id":"c"}"#, &format!("`conversation` is not supported: {kept}")),
        (
            r#""input":"hi","prompt":{"id":"p"}"#,
            "`prompt` is not supported: no templates are kept here: send the text in `instructions` and `input`",
        ),
        (
            r#""input":"hi","background":true"#,
            "`background` is not supported: nothing is kept between requests: leave it out and wait for the answer, or set `stream`",
        ),
    ] {
        check(more, expect);
    }
    assert_eq!(ask(r#"{"input":"hi"}"#).unwrap_err().to_string(), "`model` is missing");
    assert_eq!(ask("[1]").unwrap_err().to_string(), "`body` must be a JSON object, not a list");
    assert_eq!(ask(r#"{"model":7,"input":"hi"}"#).unwrap_err().to_string(), "`model` must be a string, not a number");
    let many = json!({ "model": "m", "input": vec![json!({ "role": "user", "content": "x" }); 17] });
    assert_eq!(ask(&many.to_string()).unwrap_err().to_string(), "`input` is `17`, outside 1 to 16");
}

#[test]
fn what_is_left_out_is_no_error() {
    let nothing = r#"{"model":"m","input":"hi","previous_response_id":null,"conversation":null,"background":false,
        "reasoning":null,"text":null,"tools":null,"tool_choice":null,"metadata":{},"truncation":"disabled"}"#;
    let expect = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    assert_eq!(chat(nothing), (expect, Vec::new()));
}

#[test]
fn what_gets_lost_is_told_up_to_a_limit() {
    let mut body = json!({ "model": "m", "input": "hi" });
    (0..100).for_each(|at| body[format!("knob_{at}")] = 1.into());
    let (_, lost) = chat(&body.to_string());
    assert_eq!((lost.len(), lost[0].as_str()), (32, "`knob_0`"));
}

#[test]
fn many_allowed_tools_are_no_search_of_each_in_all() {
    let named = |at: usize| json!({ "type": "function", "name": format!("tool_{at}") });
    let tools: Vec<Value> = (0..10_000).map(named).collect();
    let allowed: Vec<Value> = (9_999..20_000).map(named).collect();
    let choice = json!({ "type": "allowed_tools", "mode": "auto", "tools": allowed });
    let body = json!({ "model": "m", "input": "x", "tools": tools, "tool_choice": choice });
    let began = std::time::Instant::now();
    let (chat, _) = chat(&body.to_string());
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(chat["tools"].as_array().unwrap().len(), 1);
}
