//! The door over lines, its checks of tools, and the fake tool that other tests share.

use crate::{McpConfig, McpDoor, McpError};
use axum::body::Body;
use caller::{Caller, Guest, Role, Step, Tool, ToolFault, ToolFuture, ToolSpec};
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Answers with its prompt after a while, and counts how often it was dropped before.
#[derive(Default)]
pub(crate) struct Ask {
    pub(crate) takes: Duration,
    pub(crate) dropped: Arc<AtomicUsize>,
}

struct Dropped<'a>(Option<&'a AtomicUsize>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Tool for Ask {
    fn spec(&self) -> ToolSpec {
        spec("ask")
    }

    fn call<'a>(&'a self, _caller: &'a Caller, arguments: Value) -> ToolFuture<'a> {
        Box::pin(async move {
            let Some(prompt) = arguments["prompt"].as_str() else {
                return Err(ToolFault::bad_input("`prompt` is missing", None));
            };
            let mut guard = Dropped(Some(&self.dropped));
            tokio::time::sleep(self.takes).await;
            guard.0 = None;
            assert_ne!(prompt, "panic");
            Ok(json!({ "answer": prompt }))
        })
    }
}

fn spec(name: &'static str) -> ToolSpec {
    ToolSpec {
        name,
        title: "Ask",
        description: "Answers.".to_owned(),
        input_schema: json!({ "type": "object", "properties": { "prompt": { "type": "string" } } }),
        output_schema: json!({ "type": "object" }),
        read_only: true,
        destructive: false,
        idempotent: false,
        open_world: true,
        role: Role::User,
    }
}

struct Named(ToolSpec);

impl Tool for Named {
    fn spec(&self) -> ToolSpec {
        self.0.clone()
    }

    fn call<'a>(&'a self, _caller: &'a Caller, _arguments: Value) -> ToolFuture<'a> {
        Box::pin(async { Ok(json!({})) })
    }
}

/// A `tools/call` of 2026-07-28 with the id 7; `params` may bring a `_meta` of its own, which is completed.
pub(crate) fn modern_call(params: &str) -> Request<Body> {
    let mut params: Value = serde_json::from_str(params).unwrap();
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    Request::post("/")
        .header("host", "127.0.0.1")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", params["name"].as_str().unwrap_or("ask"))
        .extension(Guest::local())
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn door(tools: Vec<Arc<dyn Tool>>) -> Result<McpDoor, McpError> {
    McpDoor::new(McpConfig { tools, deadline: Duration::from_secs(3), ..McpConfig::default() })
}

#[test]
fn tools_that_clients_cannot_use_are_refused() {
    let named = |spec: ToolSpec| -> Arc<dyn Tool> { Arc::new(Named(spec)) };
    let error = door(vec![named(spec("ask")), named(spec("ask"))]).err().unwrap();
    assert_eq!(error.to_string(), "there are two tools named `ask`");
    for name in ["", "Ask", "a.b", "a_name_of_many_letters"] {
        assert!(matches!(door(vec![named(spec(name))]), Err(McpError::Name { .. })), "{name}");
    }
    // In a toolset longer ones are known to its users, and other things cannot be written.
    let toolset = |name: &str, tool: &'static str| {
        let toolsets = vec![(name.to_owned(), vec![named(spec(tool))])];
        McpDoor::new(McpConfig { toolsets, ..McpConfig::default() })
    };
    assert!(toolset("tools", "a_name_of_many_letters").is_ok());
    assert!(toolset("tools", "Ask").is_err());
    for name in ["", "a/b", "A", &"a".repeat(65)] {
        assert!(matches!(toolset(name, "ask"), Err(McpError::Toolset { .. })), "{name}");
    }
    let loose = ToolSpec { output_schema: json!(true), ..spec("ask") };
    let error = door(vec![named(loose)]).err().unwrap();
    assert_eq!(error.to_string(), "the output schema of tool `ask` is not an object of type `object`");
}

#[test]
fn the_list_is_measured_as_it_is_sent() {
    let bytes = door(vec![Arc::new(Ask::default())]).unwrap().list_bytes();
    assert_eq!(bytes, door(vec![Arc::new(Named(spec("ask")))]).unwrap().list_bytes());
    assert!((200..400).contains(&bytes), "{bytes}");
}

/// Sends the lines, closes, and returns what came back.
async fn converse(door: McpDoor, lines: &[&str]) -> Vec<Value> {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (theirs_read, theirs_write) = tokio::io::split(theirs);
    let serving = tokio::spawn(async move { door.serve_lines(theirs_read, theirs_write).await });
    let (read, mut write) = tokio::io::split(ours);
    for line in lines {
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        // Long enough for the work to have begun before the next line.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    write.shutdown().await.unwrap();
    let mut answers = Vec::new();
    let mut read = BufReader::new(read).lines();
    while let Some(line) = read.next_line().await.unwrap() {
        answers.push(serde_json::from_str(&line).unwrap());
    }
    serving.await.unwrap().unwrap();
    answers
}

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const READY: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn call(id: u32, prompt: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "ask", "arguments": { "prompt": prompt } } })
        .to_string()
}

#[tokio::test]
async fn lines_are_answered_until_they_end() {
    let door = door(vec![Arc::new(Ask::default())]).unwrap();
    let answers = converse(door, &[HELLO, READY, "this is no json", &call(2, "hi")]).await;
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0]["result"]["serverInfo"]["name"], "althing");
    assert_eq!(answers[1]["result"]["structuredContent"], json!({ "answer": "hi" }));
}

#[tokio::test]
async fn a_client_that_leaves_at_once_is_no_error() {
    assert!(converse(door(vec![Arc::new(Ask::default())]).unwrap(), &[]).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_line_drops_the_work() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let ask = Ask { takes: Duration::from_secs(2), dropped: Arc::clone(&dropped) };
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#;
    let answers = converse(door(vec![Arc::new(ask)]).unwrap(), &[HELLO, READY, &call(2, "hi"), cancel]).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_forgets_the_time_or_panics_is_a_result() {
    let slow: Arc<dyn Tool> = Arc::new(Ask { takes: Duration::from_secs(60), ..Ask::default() });
    let answers = converse(door(vec![slow]).unwrap(), &[HELLO, READY, &call(2, "hi")]).await;
    assert_eq!(answers[1]["result"]["isError"], true);
    assert_eq!(answers[1]["result"]["_meta"]["althing/error"]["code"], "deadline");

    let answers = converse(door(vec![Arc::new(Ask::default())]).unwrap(), &[HELLO, READY, &call(2, "panic")]).await;
    assert_eq!(answers[1]["result"]["_meta"]["althing/error"]["code"], "internal");
}

#[tokio::test]
async fn a_toolset_is_spoken_over_lines_too() {
    let toolsets = vec![("tools".to_owned(), vec![Arc::new(Ask::default()) as Arc<dyn Tool>])];
    let door = McpDoor::new(McpConfig { toolsets, ..McpConfig::default() }).unwrap();
    assert!(door.with_toolset("none").is_none());
    assert_eq!(door.toolsets().collect::<Vec<_>>(), ["tools"]);
    let answers = converse(door.with_toolset("tools").unwrap(), &[HELLO, READY, &call(2, "hi")]).await;
    assert_eq!(answers[1]["result"]["structuredContent"], json!({ "answer": "hi" }));
}

/// Tells so many steps, each after a while, and then fails in a shape of its own.
struct Steps {
    count: u64,
    apart: Duration,
}

impl Tool for Steps {
    fn spec(&self) -> ToolSpec {
        spec("ask")
    }

    fn call<'a>(&'a self, caller: &'a Caller, _arguments: Value) -> ToolFuture<'a> {
        Box::pin(async move {
            for done in 0..=self.count {
                caller.wishes.progress.tell(&Step { done, total: self.count, message: format!("{done} done") });
                tokio::time::sleep(self.apart).await;
            }
            let shape = Some(Box::new(json!({ "error": "told as it is" })));
            Err(ToolFault { shape, ..ToolFault::bad_input("no", None) })
        })
    }

    fn shaped(&self, fault: ToolFault) -> ToolFault {
        let shape = Some(Box::new(json!({ "error": fault.code })));
        ToolFault { shape, ..fault }
    }
}

/// The figures and the words that were told, and the answer.
async fn told(steps: Steps, meta: Value) -> (Vec<(f64, Value, String)>, Value) {
    let door = door(vec![Arc::new(steps)]).unwrap();
    let params = json!({ "name": "ask", "arguments": {}, "_meta": meta });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }).to_string();
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (theirs_read, theirs_write) = tokio::io::split(theirs);
    let serving = tokio::spawn(async move { door.serve_lines(theirs_read, theirs_write).await });
    let (read, mut write) = tokio::io::split(ours);
    write.write_all(format!("{HELLO}\n{READY}\n{call}\n").as_bytes()).await.unwrap();
    let (mut read, mut lines) = (BufReader::new(read).lines(), Vec::<Value>::new());
    // Whoever closes its end hears no more than the answer.
    while lines.last().is_none_or(|line| line["id"] != 2) {
        lines.push(serde_json::from_str(&read.next_line().await.unwrap().unwrap()).unwrap());
    }
    write.shutdown().await.unwrap();
    serving.await.unwrap().unwrap();
    let answer = lines.pop().unwrap();
    let lines = lines.split_off(1);
    let told = lines.iter().map(|line| {
        assert_eq!(
            (&line["method"], &line["params"]["progressToken"]),
            (&json!("notifications/progress"), &json!("p"))
        );
        let params = &line["params"];
        (params["progress"].as_f64().unwrap(), params["total"].clone(), params["message"].as_str().unwrap().to_owned())
    });
    (told.collect(), answer)
}

#[tokio::test(start_paused = true)]
async fn how_far_a_tool_is_goes_to_whoever_asked_for_it() {
    let steps = || Steps { count: 3, apart: Duration::from_millis(200) };
    let (heard, answer) = told(steps(), json!({ "progressToken": "p" })).await;
    let messages: Vec<&str> = heard.iter().map(|(.., message)| message.as_str()).collect();
    assert_eq!(messages, ["0 done", "1 done", "2 done", "3 done"]);
    assert!(heard.iter().all(|(_, total, _)| *total == json!(3.0)), "{heard:?}");
    assert!(heard.is_sorted_by(|one, next| one.0 < next.0), "each figure is above the one before: {heard:?}");
    assert_eq!(heard[3].0, 3.0);
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert_eq!(
        (serde_json::from_str(text).ok(), &answer["result"]["isError"]),
        (Some(json!({ "error": "told as it is" })), &json!(true))
    );
    assert_eq!(answer["result"]["content"].as_array().unwrap().len(), 1, "no schema stands behind a shape");
    assert_eq!(told(steps(), json!({})).await.0, [], "nobody asked");
}

#[tokio::test(start_paused = true)]
async fn a_tool_with_a_shape_is_late_in_that_shape() {
    let (_, answer) = told(Steps { count: 1, apart: Duration::from_secs(1_000_000) }, json!({})).await;
    assert_eq!(answer["result"]["content"], json!([{ "type": "text", "text": "{\"error\":\"deadline\"}" }]));
    assert_eq!(answer["result"]["isError"], true);
}

#[tokio::test(start_paused = true)]
async fn steps_in_quick_succession_are_told_as_one() {
    let (heard, _) =
        told(Steps { count: 1_000, apart: Duration::from_millis(1) }, json!({ "progressToken": "p" })).await;
    assert!((5..=12).contains(&heard.len()), "a second of steps is told ten times: {}", heard.len());
    assert!(heard.is_sorted_by(|one, next| one.0 < next.0), "{heard:?}");
}
