//! Bodies and headers that nobody sends on purpose, made from a seed.
//!
//! A body starts as a chat request written by a small grammar that likes edges, then some bytes of it are damaged.
//! About a third stay good requests, so that what lies behind the door is reached too.

use fastrand::Rng;

const MODELS: &[&str] = &[
    "s/ash", "s/elm", "ash", "quorum", "quorum", "quorum", "first", "s/tool", "s/ahs", "", "nobody", "s/", "/", "S/ASH",
];
const MEMBERS: &[&str] = &[
    "stream",
    "n",
    "n",
    "n",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "stream_options",
    "user",
    "stop",
    "tool_choice",
    "response_format",
    "logit_bias",
    "seed",
    "model",
    "messages",
    "althing",
    "__proto__",
    "",
    "\\u0000",
    "mod\\u0065l",
];
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "2",
    "16",
    "17",
    "-1",
    "0.5",
    "1.0",
    "1e0",
    "1E+2",
    "1e-400",
    "1e999",
    "-1e999",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "4.9406564584124654e-324",
    "1.7976931348623157e308",
];
const BAD_NUMBERS: &[&str] = &["01", "+1", ".5", "1.", "0x1", "NaN", "Infinity", "1e", "--1"];
const TEXTS: &[&str] = &[
    "",
    "hi",
    "What is 6 times 7?",
    "{prompt}",
    "{model}",
    "data: [DONE]\\n\\n",
    "\\\"",
    "\\\\",
    "\\n",
    "\\u0000",
    "\\ud83c\\udfad",
    "🎭",
    "ا\u{202e}ب",
    "e\u{301}",
    "\u{feff}",
    "\u{7f}",
    "𝟜𝟚",
    "\\/",
    "42",
    "yes",
    "ＹＥＳ",
    "[",
    "{\\\"a\\\":1}",
];
const BAD_TEXTS: &[&str] = &["\\ud800", "\\udfff\\ud800", "\t", "\u{0}", "\\x", "\\u12", "\"", "\\"];
const CONSTANTS: &[&str] = &["null", "true", "false"];
const ROLES: &[&str] = &["user", "assistant", "system", "tool", "developer", "", "User", "🎭"];
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "\\",
    "0",
    "e",
    "-",
    "\"model\":",
    "\"n\":",
    "\u{0}",
    "//",
    "'",
    "\r\n",
];

/// Blocks of Anthropic's messages.
const BLOCKS: &[&str] = &[
    r#"{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}"#,
    r#"{"type":"thinking","thinking":"hm","signature":""}"#,
    r#"{"type":"redacted_thinking","data":"x"}"#,
    r#"{"type":"tool_use","id":"t","name":"f","input":{"a":1}}"#,
    r#"{"type":"tool_use","id":"t","name":"f","input":[]}"#,
    r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"1"}],"is_error":true}"#,
    r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"eA=="}}"#,
    r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"}}"#,
    r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#,
    r#"{"type":"none of these"}"#,
    "{}",
    "7",
];
/// Parts of OpenAI's responses.
const ITEM_PARTS: &[&str] = &[
    r#"{"type":"input_text","text":"hi"}"#,
    r#"{"type":"output_text","text":"hi","annotations":[]}"#,
    r#"{"type":"input_image","image_url":"data:image/png;base64,eA=="}"#,
    r#"{"type":"input_file","file_data":"eA==","filename":"a.pdf"}"#,
    r#"{"type":"refusal","refusal":"no"}"#,
    r#"{"type":7}"#,
    "null",
];
/// What a turn may hold beside its words.
const OF_TURNS: &[&str] = &[
    r#","tool_calls":[{"function":{"name":"f","arguments":{}}}]"#,
    r#","tool_calls":[{"id":7,"function":null},"x"]"#,
    r#","images":["eA=="]"#,
    r#","tool_name":"f""#,
    r#","type":"function_call","call_id":"c","name":"f","arguments":"{""#,
    r#","type":"reasoning","summary":[{"text":"hm"}],"encrypted_content":"althing.thinking.[7,{}]""#,
];
/// Members of all these dialects, with a value that one of them may have.
const KNOBS: &[(&str, &str)] = &[
    ("stream", "true"),
    ("stream", "true"),
    ("stream", "false"),
    ("system", r#"[{"type":"text","text":"be brief"}]"#),
    ("instructions", "\"be brief\""),
    ("thinking", r#"{"type":"enabled","budget_tokens":1024}"#),
    ("tools", r#"[{"name":"f","input_schema":{"type":"object"}}]"#),
    ("tools", r#"[{"type":"function","name":"f","parameters":{}},{"type":"custom","name":"g"}]"#),
    ("tools", r#"[{"type":"function","function":{"name":"f","parameters":{}}}]"#),
    ("tool_choice", r#"{"type":"any"}"#),
    ("tool_choice", "\"auto\""),
    ("stop_sequences", "[\"x\"]"),
    ("metadata", r#"{"user_id":"u"}"#),
    ("max_tokens", "0"),
    ("max_output_tokens", "9"),
    ("output_config", r#"{"format":{"type":"json_schema","schema":{"type":"object"}}}"#),
    ("text", r#"{"format":{"type":"json_object"}}"#),
    ("reasoning", r#"{"effort":"low"}"#),
    ("include", "[\"reasoning.encrypted_content\"]"),
    ("format", "\"json\""),
    ("think", "true"),
    ("options", r#"{"num_predict":-1,"num_ctx":7,"stop":"x","seed":1}"#),
    ("keep_alive", "-1"),
    ("dimensions", "2"),
    ("encoding_format", "\"base64\""),
    ("input_type", "\"query\""),
    ("previous_response_id", "null"),
    ("name", "\"s/ash\""),
];

fn one<'a>(rng: &mut Rng, of: &[&'a str]) -> &'a str {
    of[rng.usize(..of.len())]
}

/// Whether something happens that happens once in `times`.
pub(crate) fn once_in(rng: &mut Rng, times: u32) -> bool {
    rng.u32(..times) == 0
}

/// A body, good or bad.
pub(crate) fn body(rng: &mut Rng) -> Vec<u8> {
    let mut body = if once_in(rng, 20) { value(rng, 0) } else { chat(rng) }.into_bytes();
    if !once_in(rng, 4) {
        return body;
    }
    for _ in 0..rng.usize(1..4) {
        damage(rng, &mut body);
    }
    body
}

fn chat(rng: &mut Rng) -> String {
    let model = if once_in(rng, 4) { one(rng, MODELS) } else { "s/ash" };
    let mut members = vec![("model", quoted(model)), ("messages", messages(rng))];
    if once_in(rng, 8) {
        members[0].1 = value(rng, 1);
    }
    if once_in(rng, 2) {
        members.push(("stream", if once_in(rng, 6) { value(rng, 1) } else { rng.bool().to_string() }));
    }
    while once_in(rng, 3) {
        let known = one(rng, MEMBERS);
        members.push((known, if rng.bool() { value(rng, 1) } else { plausible(rng, known) }));
    }
    if once_in(rng, 40) {
        members.remove(rng.usize(..members.len()));
    }
    rng.shuffle(&mut members);
    let space = |rng: &mut Rng| match rng.u32(..100) {
        0 => "\u{b}",
        1..10 => "\r\n\t ",
        _ => "",
    };
    let written: Vec<String> =
        members.iter().map(|(key, value)| format!("{}\"{key}\":{}{value}", space(rng), space(rng))).collect();
    format!("{}{{{}}}{}", space(rng), written.join(","), space(rng))
}

/// A body for a path of another dialect, good or bad.
pub(crate) fn body_for(rng: &mut Rng, path: &str) -> Vec<u8> {
    let model = if once_in(rng, 6) { one(rng, MODELS) } else { "s/ash" };
    let mut members = vec![("model", quoted(model))];
    match path {
        "/v1/messages" | "/v1/messages/count_tokens" => {
            members.extend([("messages", turns(rng, BLOCKS)), ("max_tokens", rng.u32(1..9).to_string())]);
        }
        "/v1/responses" if rng.bool() => members.push(("input", text(rng))),
        "/v1/responses" => members.push(("input", turns(rng, ITEM_PARTS))),
        "/api/chat" => members.push(("messages", turns(rng, &[]))),
        "/api/show" => {}
        _ if rng.bool() => members.push(("input", text(rng))),
        _ => members.push(("input", format!("[{},{}]", text(rng), text(rng)))),
    }
    while once_in(rng, 2) {
        let (key, good) = KNOBS[rng.usize(..KNOBS.len())];
        members.push((key, if once_in(rng, 4) { value(rng, 1) } else { good.to_owned() }));
    }
    if once_in(rng, 20) {
        members.remove(rng.usize(..members.len()));
    }
    rng.shuffle(&mut members);
    let written: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    let mut body = format!("{{{}}}", written.join(",")).into_bytes();
    if once_in(rng, 4) {
        damage(rng, &mut body);
    }
    body
}

/// Turns of a conversation whose contents are texts, or lists of these parts.
fn turns(rng: &mut Rng, parts: &[&str]) -> String {
    let turn = |rng: &mut Rng| {
        let role = if once_in(rng, 5) { one(rng, ROLES) } else { one(rng, &["user", "assistant"]) };
        let content = match rng.u32(..6) {
            0 => value(rng, 2),
            1..4 if !parts.is_empty() => {
                let parts: Vec<&str> = (0..rng.usize(..4)).map(|_| one(rng, parts)).collect();
                format!("[{}]", parts.join(","))
            }
            _ => text(rng),
        };
        let more = if once_in(rng, 6) { one(rng, OF_TURNS) } else { "" };
        format!("{{\"role\":\"{role}\",\"content\":{content}{more}}}")
    };
    let turns: Vec<String> = (0..rng.usize(1..4)).map(|_| turn(rng)).collect();
    format!("[{}]", turns.join(","))
}

/// A value of the type that the member should have.
fn plausible(rng: &mut Rng, member: &str) -> String {
    match member {
        "n" | "seed" => rng.u32(1..20).to_string(),
        "max_tokens" | "max_completion_tokens" => rng.u64(..).to_string(),
        "stream_options" => format!("{{\"include_usage\":{}}}", rng.bool()),
        "tools" => r#"[{"type":"function","function":{"name":"f","parameters":{}}}]"#.to_owned(),
        "temperature" | "top_p" => rng.f64().to_string(),
        _ => text(rng),
    }
}

fn messages(rng: &mut Rng) -> String {
    if once_in(rng, 30) {
        return value(rng, 1);
    }
    let count = if once_in(rng, 200) { 12_000 } else { rng.usize(1..5) - usize::from(once_in(rng, 20)) };
    let some: Vec<String> = (0..count.min(4)).map(|_| message(rng)).collect();
    let all: Vec<&str> =
        some.iter().map(String::as_str).cycle().take(if some.is_empty() { 0 } else { count }).collect();
    format!("[{}]", all.join(","))
}

fn message(rng: &mut Rng) -> String {
    if once_in(rng, 40) {
        return value(rng, 2);
    }
    let content = match rng.u32(..8) {
        0 => value(rng, 2),
        1 => "null".to_owned(),
        2 => format!("[{{\"type\":\"text\",\"text\":{}}},{}]", text(rng), value(rng, 3)),
        _ => text(rng),
    };
    let role = if once_in(rng, 4) { one(rng, ROLES) } else { "user" };
    format!("{{\"role\":\"{role}\",\"content\":{content}}}")
}

/// Any JSON, and now and then something that only looks like it.
fn value(rng: &mut Rng, depth: usize) -> String {
    let most = if depth > 5 { 4 } else { 7 };
    match rng.u32(..most) {
        0 => one(rng, CONSTANTS).to_owned(),
        1 => number(rng),
        2 | 3 => text(rng),
        4 if once_in(rng, 20) => nest(rng),
        4 | 5 => {
            let items: Vec<String> = (0..rng.usize(..4)).map(|_| value(rng, depth + 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let members: Vec<String> =
                (0..rng.usize(..4)).map(|_| format!("\"{}\":{}", one(rng, MEMBERS), value(rng, depth + 1))).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

fn number(rng: &mut Rng) -> String {
    if once_in(rng, 10) {
        let digit = one(rng, &["9", "0", "1.", "1e9"]);
        return digit.repeat(rng.usize(1..2_000));
    }
    let of = if once_in(rng, 50) { BAD_NUMBERS } else { NUMBERS };
    one(rng, of).to_owned()
}

fn text(rng: &mut Rng) -> String {
    let times = if once_in(rng, 50) { rng.usize(..3_000) } else { 1 };
    let of = if once_in(rng, 100) { BAD_TEXTS } else { TEXTS };
    quoted(&one(rng, of).repeat(times))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Brackets on end, some of them closed.
fn nest(rng: &mut Rng) -> String {
    let depth = rng.usize(1..400);
    let (open, close) = if rng.bool() { ("[", "]") } else { (r#"{"a":"#, "}") };
    let closed = if once_in(rng, 3) { rng.usize(..depth) } else { depth };
    format!("{}1{}", open.repeat(depth), close.repeat(closed))
}

/// Changes a few bytes.
pub(crate) fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let at = rng.usize(..=bytes.len());
    let to = rng.usize(at..=bytes.len().min(at + 64));
    match rng.u32(..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.u32(..8),
        1 if at < bytes.len() => bytes[at] = rng.u8(..),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..to)),
        4 => bytes.extend_from_within(at..to),
        5 => drop(bytes.splice(at..at, (0..rng.usize(..8)).map(|_| rng.u8(..)))),
        _ => drop(bytes.splice(at..at, one(rng, TOKENS).bytes())),
    }
}

const METHODS: &[&str] = &["GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "get", "G\u{0}T", "", "CONNECT", "PRI"];
const PATHS: &str =
    "/livez /v1/models / * // /%00 http://localhost/livez http://x:99999/ /v1/models/%ff /ü localhost:80";
const VERSIONS: &[&str] = &["HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", ""];
const NAMES: &str = "host origin content-length transfer-encoding expect upgrade connection x-althing-timeout-ms \
                     authorization te cookie : x\u{0} ü";
const VALUES: &str = "localhost evil.example http://localhost null 0 -1 5 99999999999999999999 chunked gzip,chunked \
                      100-continue h2c keep-alive \u{7f} a\rb ü";

fn word<'a>(rng: &mut Rng, of: &'a str) -> &'a str {
    let words: Vec<&str> = of.split(' ').collect();
    one(rng, &words)
}

/// The head of a request, good or bad, that asks for the connection to be closed.
pub(crate) fn head(rng: &mut Rng) -> Vec<u8> {
    let version = if once_in(rng, 6) { one(rng, VERSIONS) } else { "HTTP/1.1" };
    let first = format!("{} {} {version}", one(rng, METHODS), word(rng, PATHS));
    let mut head = format!("{first}\r\nhost: localhost\r\nconnection: close\r\n");
    while once_in(rng, 2) {
        let (name, value) = (word(rng, NAMES), word(rng, VALUES));
        let (colon, end) = (one(rng, &[": ", ":", " : ", ""]), one(rng, &["\r\n", "\r\n", "\n", "\r", "\r\n "]));
        head += &format!("{name}{colon}{value}{end}");
    }
    let mut head = (head + "\r\n").into_bytes();
    if once_in(rng, 3) {
        damage(rng, &mut head);
    }
    head
}
