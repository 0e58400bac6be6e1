//! Requests: what is read, what is refused, what survives.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { n_max: 4, messages_max: 8 };

fn parse(text: &str) -> Result<ChatRequest, WireError> {
    ChatRequest::parse(Bytes::copy_from_slice(text.as_bytes()), &LIMITS)
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn reads_what_it_needs_and_keeps_the_rest() {
    let text = r#" {"messages":[{"role":"user","content":"hi","x":1.50}], "model" : "a/b" ,"stream":true,
        "stream_options":{"include_usage":true},"n":2,"max_tokens":7,"tools":[{"type":"function"}],"new_key":{"deep":[1e400]}} "#;
    let request = parse(text).unwrap();
    assert_eq!((request.model(), request.n(), request.output_tokens_max()), ("a/b", 2, Some(7)));
    assert!(request.stream() && request.include_usage() && request.has_tools());
    let sent = request.for_model("gpt \"4\"");
    let expected = text.replace(r#""a/b""#, r#""gpt \"4\"""#);
    assert_eq!(std::str::from_utf8(&sent).unwrap(), expected);
    assert_eq!(request.for_model("a/b"), text.as_bytes());
}

#[test]
fn a_temperature_of_zero_or_a_seed_settles_an_answer() {
    for (members, settled) in [
        (r#","temperature":0"#, true),
        (r#","temperature":0.0"#, true),
        (r#","temperature":0.1"#, false),
        (r#","temperature":null"#, false),
        (r#","seed":7,"temperature":1"#, true),
        (r#","seed":null"#, false),
        (r#","user":"\"seed\" \"temperature\"""#, false),
        (r#","metadata":{"seed":1}"#, false),
        ("", false),
    ] {
        let request = parse(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{members}}}"#));
        assert_eq!(request.unwrap().is_settled(), settled, "{members}");
    }
    let twice = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"seed":1,"seed":2}"#;
    assert_eq!(refusal(twice), "the body is not JSON: duplicate field `seed` at line 1 column 72");
}

#[test]
fn a_member_of_a_panel_gets_no_stream() {
    let request =
        parse(r#"{"stream":true,"model":"q","messages":[{"role":"user"}],"stream_options":{},"z":9}"#).unwrap();
    let member = request.unstreamed();
    assert!(!member.stream());
    let sent = member.for_model("m1");
    assert_eq!(std::str::from_utf8(&sent).unwrap(), r#"{"messages":[{"role":"user"}],"z":9,"model":"m1"}"#);
}

#[test]
fn refusals_name_the_value_at_fault() {
    let cases = [
        ("", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
        ("{", "the body is not JSON: EOF while parsing an object at line 1 column 1"),
        ("[1]", "`body` must be a JSON object, not a list"),
        (r#"{"messages":[]}"#, "`model` is missing"),
        (r#"{"model":null,"messages":[]}"#, "`model` is missing"),
        (r#"{"model":7,"messages":[]}"#, "`model` must be a string, not a number"),
        (r#"{"model":"","messages":[]}"#, "`model` is empty"),
        (r#"{"model":"m"}"#, "`messages` is missing"),
        (r#"{"model":"m","messages":"hi"}"#, "`messages` must be a list of messages, not a string"),
        (r#"{"model":"m","messages":[]}"#, "`messages` is empty"),
        (r#"{"model":"m","messages":[3]}"#, "`messages[0]` must be an object with `role` and `content`, not a number"),
        (r#"{"model":"m","messages":[{}]}"#, "`messages[0].role` is missing"),
        (r#"{"model":"m","messages":[{"role":1}]}"#, "`messages[0].role` must be a string, not a number"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected, "{text}");
    }
    let with = |more: &str| refusal(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{more}}}"#));
    assert_eq!(with(r#""stream":"yes""#), "`stream` must be true or false, not a string");
    assert_eq!(with(r#""n":5"#), "`n` is `5`, outside 1 to 4");
    assert_eq!(with(r#""n":0"#), "`n` is `0`, outside 1 to 4");
    assert_eq!(with(r#""n":1.5"#), "`n` must be a whole number, not a fraction");
    assert_eq!(with(r#""n":-1"#), "`n` is `-1`, outside 1 to 4");
    assert_eq!(with(r#""temperature":"hot""#), "`temperature` must be a number, not a string");
    assert_eq!(with(r#""tools":{}"#), "`tools` must be a list, not an object");
    assert_eq!(with(r#""stream_options":1"#), "`stream_options` must be an object, not a number");
    let deep = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    assert_eq!(refusal(&deep), "the body nests deeper than 128 levels");
    let content = r#"{"model":"m","messages":[{"role":"user","content":{"a":1}}]}"#;
    assert_eq!(refusal(content), "`messages[0].content` must be a string or a list of parts, not an object");
}

#[test]
fn what_is_not_text_is_refused_wherever_it_stands() {
    let body = b"{\"model\":\"m\",\"messages\":[{\"role\":\"user\"}],\n\"x\":{\"\xff\":1}}";
    let error = ChatRequest::parse(Bytes::from_static(body), &LIMITS).unwrap_err();
    assert_eq!(error.to_string(), "the body is not JSON: invalid UTF-8 at line 2 column 7");
}

#[test]
fn finds_what_the_user_said_last() {
    let text = r#"{"model":"m","messages":[{"role":"user","content":"one"},{"role":"assistant","content":"two"},
        {"role":"user","content":[{"type":"text","text":"three"},{"type":"image_url"},{"type":"text","text":"four"}]},
        {"role":"tool","content":"five"}]}"#;
    assert_eq!(parse(text).unwrap().last_user_text(), "three four");
    assert_eq!(parse(text).unwrap().prompt_chars(), 19);
    assert_eq!(ChatRequest::from_prompt("m", "hi \"x\"").last_user_text(), "hi \"x\"");
}

#[test]
fn of_two_limits_on_the_answer_the_larger_is_reckoned_with() {
    let most = |more: &str| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}]{more}}}"#);
        parse(&body).unwrap().output_tokens_max()
    };
    assert_eq!(most(""), None);
    assert_eq!(most(r#","max_tokens":null,"max_completion_tokens":null"#), None);
    assert_eq!(most(r#","max_tokens":5"#), Some(5));
    assert_eq!(most(r#","max_completion_tokens":6"#), Some(6));
    assert_eq!(most(r#","max_completion_tokens":1,"max_tokens":100"#), Some(100));
    assert_eq!(most(r#","max_completion_tokens":100,"max_tokens":1"#), Some(100));
}

#[test]
fn knows_what_is_more_than_text() {
    let beyond = |message: &str| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"system"}},{{"role":"user",{message}}}]}}"#);
        parse(&body).unwrap().beyond_text()
    };
    for text in [
        r#""content":"image_url""#,
        r#""content":null"#,
        r#""content":[]"#,
        r#""content":[{"type":"text","text":"image_url"},{"type":"refusal","refusal":"no"}],"audio":null"#,
        r#""content":[{"t\u0079pe":"te\u0078t","text":"x"}]"#,
    ] {
        assert!(!beyond(text), "{text}");
    }
    for more in [
        r#""content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"https://x"}}]"#,
        r#""content":[{"t\u0079pe":"im\u0061ge_url"}]"#,
        r#""content":[{"text":"x"}]"#,
        r#""content":["x"]"#,
        r#""content":"x","audio":{"id":"audio_1"}"#,
    ] {
        assert!(beyond(more), "{more}");
    }
}

#[test]
fn a_prompt_of_ours_is_a_request_like_any_other() {
    let ours = ChatRequest::from_prompt("pa\"nel", "hi");
    let again = ChatRequest::parse(ours.for_model("other"), &LIMITS).unwrap();
    assert_eq!((again.model(), again.last_user_text().as_str()), ("other", "hi"));
}

proptest! {
    #[test]
    fn is_total(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = ChatRequest::parse(Bytes::from(bytes), &LIMITS);
    }

    #[test]
    fn renaming_the_model_changes_nothing_else(model in "[a-z/\"\\\\é]{1,12}", name in "\\PC{1,12}", extra in "\\PC{0,20}") {
        let body = serde_json::json!({ "x": extra, "model": model, "messages": [{ "role": "user", "content": extra }] });
        let request = parse(&body.to_string()).unwrap();
        let mut expected = body;
        expected["model"] = name.clone().into();
        let sent: serde_json::Value = serde_json::from_slice(&request.for_model(&name)).unwrap();
        prop_assert_eq!(sent, expected);
    }
}
