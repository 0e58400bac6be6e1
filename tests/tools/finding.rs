//! What is found: little of much, the right one first, and nothing where nothing fits.

use super::{find, ids, many, shop, tool};
use crate::support::{call_tool, get, message};
use serde_json::{Value, json};

/// The answer to `tools/list`.
async fn listed(address: std::net::SocketAddr) -> Value {
    let request = message(address, "/mcp", "", "tools/list", "", json!({}));
    crate::support::Kept::to(address).await.ask(&request).await.result()
}

#[tokio::test]
async fn a_client_sees_a_few_tools_however_many_there_are() {
    let (few, lots) = (shop("", &many(3)).await, shop("", &many(5_000)).await);
    let (least, most) = (listed(few.address()).await, listed(lots.address()).await);
    assert_eq!(least["tools"], most["tools"], "the list does not depend on the catalogue");
    let tools = most["tools"].as_array().unwrap();
    assert!((5..=10).contains(&tools.len()), "{}", tools.len());
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    for name in ["find_tools", "describe_tools", "call_tool", "call_read_tool", "ask"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[tokio::test]
async fn the_right_one_is_first_and_what_it_saves_is_told() {
    let mut tools = many(400);
    tools.push(tool("github", "create_pull_request", "Open a new pull request from a branch."));
    tools.push(tool("github", "list_branches", "List the branches of a repository."));
    let server = shop("", &tools).await;
    let found = find(server.address(), "", "open a pull request for my branch").await;
    assert_eq!(ids(&found)[0], "github__create_pull_request", "{found}");
    let tokens = |name: &str| found["tokens"][name].as_u64().unwrap();
    assert!(tokens("saved") > 5_000 && tokens("saved") == tokens("catalog") - tokens("answer"), "{found}");
    assert!(found["degraded"].is_string(), "a server without a model says that it goes by words alone: {found}");
    assert!(found["tools"][0]["call_with"].is_string() || found["tools"][0]["call_with"].is_object(), "{found}");
}

#[tokio::test]
async fn what_no_tool_does_finds_nothing_or_says_so() {
    let server = shop("", &many(400)).await;
    for query in ["grow tomatoes in winter", "who won the cup in 1954", "zzzz qqqq"] {
        let found = find(server.address(), "", query).await;
        assert!(ids(&found).is_empty() || found["weak"] == true, "{query}: {found}");
    }
}

#[tokio::test]
async fn filters_and_bounds_are_kept() {
    let server = shop("", &many(400)).await;
    let ask = async |arguments: Value| call_tool(server.address(), "", "find_tools", &arguments).await.structured();
    let found = ask(json!({ "query": "copy the paper", "limit": 3, "server": "office2" })).await;
    assert!((1..=3).contains(&ids(&found).len()), "{found}");
    assert!(ids(&found).iter().all(|id| id.starts_with("office2__")), "{found}");
    let wide = ask(json!({ "query": "copy the paper", "limit": 20, "detail": "schema", "max_tokens": 50_000 })).await;
    let tight = ask(json!({ "query": "copy the paper", "limit": 20, "detail": "schema", "max_tokens": 200 })).await;
    assert_eq!((wide["truncated"].clone(), tight["truncated"].clone()), (json!(false), json!(true)));
    assert!(ids(&tight).len() < ids(&wide).len() && tight["tools"].to_string().len() < 1_200, "{tight}");
}

#[tokio::test]
async fn a_search_has_its_figures() {
    let server = shop("", &many(100)).await;
    find(server.address(), "", "shred the paper").await;
    let metrics = get(server.address(), "/metrics").await;
    assert!(metrics.text().contains("althing_search_duration_seconds_count"), "{}", metrics.text());
}
