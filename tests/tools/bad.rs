//! What should not be sent, sent: it is told what is wrong, and the server goes on.

use super::{find, ids, import, many, shop, tool, try_import};
use crate::support::{Server, call_tool};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

#[tokio::test]
async fn names_that_cannot_be_and_duplicates_are_told_and_the_rest_goes_in() {
    let server = Server::start(super::WORDS);
    let mut tools = many(3);
    tools.push(tool("office", "twice", "Do it twice."));
    tools.push(tool("office", "twice", "Do it twice, otherwise."));
    tools.push(json!({ "name": "", "description": "no name" }));
    tools.push(json!({ "name": 7, "description": "no name either" }));
    tools.push(json!({ "id": "x", "name": "x", "input_schema": "no schema" }));
    tools.push(json!("no tool"));
    let mut lines: String = tools.iter().map(|tool| format!("{tool}\n")).collect();
    lines.push_str("{ this is no JSON\n");
    let reply = try_import(server.address(), "", "?format=jsonl", lines.as_bytes()).await;
    let report = reply.json();
    assert_eq!((reply.status, report["added"].clone()), (200, json!(4)), "{report}");
    let refused = report["refused"].as_array().unwrap();
    let lines: Vec<u64> = refused.iter().map(|one| one["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [5, 6, 7, 8, 9, 10], "{report}");
    assert!(refused.iter().all(|one| !one["why"].as_str().unwrap().is_empty()), "{report}");
}

#[tokio::test]
async fn schemas_that_go_in_circles_or_never_end_are_bounded() {
    let server = Server::start(super::WORDS);
    let circle = json!({ "type": "object", "properties": { "a": { "$ref": "#" }, "b": { "$ref": "#/$defs/b" } },
        "$defs": { "b": { "$ref": "#/$defs/b" } } });
    let mut deep = json!({ "type": "string" });
    for _ in 0..100 {
        deep = json!({ "type": "object", "properties": { "a": deep } });
    }
    let large = json!({ "type": "object", "description": "x".repeat(5_000_000) });
    let tools: Vec<Value> = [("circle", circle), ("deep", deep), ("large", large)]
        .into_iter()
        .map(|(name, schema)| json!({ "name": name, "server": "s", "description": name, "input_schema": schema }))
        .collect();
    let lines: String = tools.iter().map(|tool| format!("{tool}\n")).collect();
    let began = Instant::now();
    let reply = try_import(server.address(), "", "?format=jsonl", lines.as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.json()["refused"].to_string().contains("large"), "{}", reply.text());
    for name in ["circle", "deep"] {
        let mut arguments = json!({});
        for _ in 0..60 {
            arguments = json!({ "a": arguments });
        }
        let call = json!({ "id": format!("s__{name}"), "arguments": arguments });
        let result = call_tool(server.address(), "", "call_tool", &call).await.result();
        assert_eq!(result["isError"], true, "{name}: {result}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn questions_of_no_words_and_of_ten_thousand_are_answered() {
    let server = shop("", &many(200)).await;
    for query in ["", "   ", "\u{0}", "🙂", "?"] {
        let result = call_tool(server.address(), "", "find_tools", &json!({ "query": query })).await.result();
        let empty = result["structuredContent"]["tools"].as_array().is_some_and(Vec::is_empty);
        assert!(result["isError"] == true || empty, "{query:?}: {result}");
    }
    let began = Instant::now();
    let long = "copy the paper of box seven for me ".repeat(1_250);
    assert!(!ids(&find(server.address(), "", &long).await).is_empty());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Posts a document and waits as long as it takes; gives status and body.
async fn post_at_leisure(address: SocketAddr, path: &'static str, document: String) -> (u16, Value) {
    let sent = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(150))).unwrap();
        let length = document.len();
        // HTTP/1.0: the answer ends with the connection.
        let head = format!("POST {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(document.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    };
    tokio::task::spawn_blocking(sent).await.unwrap()
}

#[tokio::test]
async fn a_hundred_thousand_tools_at_once_go_in_and_are_found() {
    let server = Server::start("[embed]\nkind = \"off\"\n[server]\nbody_bytes_max = 67_108_864\n");
    let lines: String = many(100_000).iter().map(|tool| format!("{tool}\n")).collect();
    let (status, report) = post_at_leisure(server.address(), "/api/v1/tools/import?format=jsonl", lines).await;
    assert_eq!((status, &report["added"]), (200, &json!(100_000)), "{report}");
    let found = find(server.address(), "", "shred the paper of box 77775").await;
    assert!(!ids(&found).is_empty(), "{found}");
    let more = import(server.address(), "", "?format=jsonl", &[tool("one", "more", "one more")]).await;
    assert!(more["refused"].to_string().contains("tools_max"), "{more}");
}

#[tokio::test]
async fn arguments_of_find_tools_that_cannot_be_are_told() {
    let server = shop("", &many(20)).await;
    for (arguments, says) in [
        (json!({}), "query"),
        (json!({ "query": 7 }), "query"),
        (json!({ "query": "copy", "limit": 0 }), "limit"),
        (json!({ "query": "copy", "limit": 1000 }), "limit"),
        (json!({ "query": "copy", "detail": "everything" }), "schema"),
        (json!({ "query": "copy", "colour": "red" }), "colour"),
        (json!({ "query": "copy", "max_tokens": -1 }), "max_tokens"),
    ] {
        let result = call_tool(server.address(), "", "find_tools", &arguments).await.result();
        assert_eq!(result["isError"], true, "{arguments}: {result}");
        assert!(result["content"].to_string().contains(says), "{arguments}: {result}");
    }
}
