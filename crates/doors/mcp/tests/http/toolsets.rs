//! Toolsets beside the core tools, and what can be read by its URI.

use crate::client::{Client, call};
use crate::server::{SESSIONS_MAX, Server, whole};
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<&str> {
    list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_address_lists_and_calls_its_own_tools() {
    let server = Server::start().await;
    for (path, expect) in [("/mcp", &["ask", "wait"][..]), ("/mcp/s/answers", &["large_answers_with_a_link"])] {
        let mut client = Client::new(server.address).at(path);
        assert_eq!(names(&client.modern("tools/list", None, json!({})).await.result()), expect, "{path}");
        client.open_session().await;
        let list = client.legacy(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })).await.result();
        assert_eq!(names(&list), expect, "{path}");
    }
    let client = Client::new(server.address).at("/mcp/s/answers");
    let refused = client.modern("tools/call", Some("ask"), json!({ "name": "ask", "arguments": {} })).await.result();
    assert_eq!(refused["_meta"]["althing/error"]["code"], "unknown_tool");
}

#[tokio::test]
async fn an_unknown_toolset_is_answered_with_those_there_are() {
    let server = Server::start().await;
    let client = Client::new(server.address).at("/mcp/s/nothing");
    let reply = client.modern("tools/list", None, json!({})).await;
    assert_eq!(reply.status, 404);
    let message = reply.message()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "there is no such toolset; there are `answers`, `none`");
    let below = Client::new(server.address).at("/mcp/s");
    assert_eq!(below.send("POST", &below.plain_headers(), "{}").await.status, 404);
}

#[tokio::test]
async fn a_session_is_good_where_it_was_opened_and_counts_for_all() {
    let server = Server::start().await;
    let mut core = Client::new(server.address);
    core.open_session().await;
    let mut elsewhere = Client::new(server.address).at("/mcp/s/answers");
    elsewhere.session = core.session.clone();
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    assert_eq!(elsewhere.legacy(list.clone()).await.status, 404);
    for _ in 1..SESSIONS_MAX {
        Client::new(server.address).at("/mcp/s/answers").open_session().await;
    }
    let late = Client::new(server.address);
    let full = late.send("POST", &late.plain_headers(), &crate::client::hello().to_string()).await;
    assert_eq!((full.status, server.door.sessions_active()), (503, SESSIONS_MAX));
    core.legacy(list).await.result();
}

#[tokio::test]
async fn a_large_answer_says_where_the_rest_is_and_that_can_be_read() {
    let server = Server::start().await;
    let client = Client::new(server.address).at("/mcp/s/answers");
    let name = "large_answers_with_a_link";
    let result = client.modern("tools/call", Some(name), json!({ "name": name, "arguments": {} })).await.result();
    let link = json!({ "type": "resource_link", "uri": "kept://7", "name": "the whole answer",
        "mimeType": "application/json", "size": 10 });
    assert_eq!(result["content"][1], link, "{result}");
    assert_eq!(result["structuredContent"]["resource_link"], whole().to_value());
    for path in ["/mcp", "/mcp/s/answers"] {
        let client = Client::new(server.address).at(path);
        let read = client.modern("resources/read", Some("kept://7"), json!({ "uri": "kept://7" })).await.result();
        let expect = json!([{ "uri": "kept://7", "mimeType": "application/json", "text": "[1, 2, 3]" }]);
        assert_eq!(read["contents"], expect);
        assert_eq!(read["cacheScope"], "private");
    }
}

#[tokio::test]
async fn lists_of_resources_are_the_callers_own() {
    let server = Server::start().await;
    let mut client = Client::new(server.address);
    let welcome = client.open_session().await;
    assert_eq!(welcome["capabilities"], json!({ "tools": {}, "resources": {} }));
    let ask = |method: &str| json!({ "jsonrpc": "2.0", "id": 5, "method": method });
    let listed = client.legacy(ask("resources/list")).await.result();
    assert_eq!(listed["resources"][0]["uri"], "kept://7", "{listed}");
    let templates = client.legacy(ask("resources/templates/list")).await.result();
    assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "kept://{id}");
    let other = Client::of(server.address, "other:admin");
    let none = other.modern("resources/list", None, json!({})).await.result();
    assert_eq!(none["resources"], json!([]));
    let nobody = Client::of(server.address, "nobody");
    for method in ["resources/list", "resources/templates/list"] {
        let message = nobody.modern(method, None, json!({})).await.message();
        assert!(message["error"]["message"].as_str().unwrap().contains("nobody"), "{message}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let server = Server::start().await;
    let mut client = Client::new(server.address);
    client.open_session().await;
    let read = |uri: &str| json!({ "jsonrpc": "2.0", "id": 5, "method": "resources/read", "params": { "uri": uri } });
    for (uri, message) in [
        ("kept://8", "there is no `kept://8`; read `kept://7`"),
        ("file:///etc/passwd", "there is nothing at `file:///etc/passwd`; what can be read is `kept://{id}`"),
    ] {
        let error = client.legacy(read(uri)).await.message()["error"].take();
        assert_eq!((error["code"].as_i64(), error["message"].as_str()), (Some(-32_002), Some(message)), "{error}");
    }
    let wrong = call(6, "ask", json!({ "prompt": "hi" }));
    client.legacy(wrong).await.result();
    let shapeless = json!({ "jsonrpc": "2.0", "id": 7, "method": "resources/read", "params": {} });
    assert_eq!(client.legacy(shapeless).await.message()["error"]["code"], -32_602);
}
