//! The rows over a real catalogue, asked in process.

use crate::tests::{Ground, call, request};
use axum::body::Body;
use http_door::App;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::Heard;

/// A server with an empty catalogue.
struct House {
    app: App,
    _ground: Ground,
}

impl House {
    async fn open() -> Self {
        let ground = Ground::new("").await;
        let (settings, metrics) = (&ground.settings, &ground.metrics);
        let index = Arc::new(search::Embedded::default());
        let setup = retrieval::Setup::new(index, None, settings, Arc::clone(metrics));
        let retrieval = retrieval::Retrieval::open(ground.store.clone(), setup).await.unwrap();
        let setup = toolbox::Setup {
            store: ground.store.clone(),
            retrieval,
            guarded: net::Guarded::new(net::GuardedConfig::default()),
            settings: settings.tools.clone(),
            cache: settings::Cache::default(),
            folder: None,
            remote: None,
            metrics: Arc::clone(metrics),
        };
        let toolbox = toolbox::Toolbox::open(setup).await.unwrap();
        let mut rows = crate::rows(&ground.services().await);
        rows.extend(super::rows(&toolbox, &ground.audit));
        Self { app: ground.app(rows), _ground: ground }
    }

    async fn ask(&self, role: &str, method: &str, path: &str, body: impl Into<Body>) -> Heard {
        call(&self.app, request(role, method, path, body)).await
    }

    async fn json(&self, role: &str, method: &str, path: &str, body: &Value) -> Value {
        let reply = self.ask(role, method, path, body.to_string()).await;
        assert!(reply.status.is_success(), "{method} {path}: {reply:?}");
        reply.json()
    }
}

/// Tools as JSON Lines.
fn lines(names: &[&str]) -> String {
    let line = |name: &&str| {
        let schema = json!({ "type": "object", "properties": { "title": { "type": "string" } } });
        format!(
            "{}\n",
            json!({ "name": name, "server": "github", "description": format!("{name} of a repository"), "input_schema": schema })
        )
    };
    names.iter().map(line).collect()
}

#[tokio::test]
async fn tools_are_imported_listed_found_told_and_removed() {
    let house = House::open().await;
    let names = ["create_issue", "list_issues", "merge_branch"];
    let report = house.ask("operator", "POST", "/api/v1/tools/import?format=jsonl", lines(&names)).await.json();
    assert_eq!((&report["added"], &report["refused_total"]), (&json!(3), &json!(0)), "{report}");
    let audit = house.ask("admin", "GET", "/api/v1/audit", "").await.json();
    assert_eq!(audit["items"][0]["action"], "tools.imported", "{audit}");

    let first = house.ask("viewer", "GET", "/api/v1/tools?limit=2", "").await.json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(0), "a viewer sees no tools of users: {first}");
    let first = house.ask("user", "GET", "/api/v1/tools?limit=2", "").await.json();
    let cursor = first["cursor"].as_str().unwrap();
    let second = house.ask("user", "GET", &format!("/api/v1/tools?limit=2&cursor={cursor}"), "").await.json();
    let ids =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|tool| tool["id"].clone()).collect::<Vec<_>>();
    assert_eq!((ids(&first).len(), ids(&second).len(), &second["cursor"]), (2, 1, &Value::Null), "{first} {second}");
    assert_eq!(ids(&first)[0], "github__create_issue");

    let found = house.json("user", "POST", "/api/v1/tools/search", &json!({ "query": "merge a branch" })).await;
    assert_eq!(found["tools"][0]["id"], "github__merge_branch", "{found}");
    let shown = house.ask("user", "GET", "/api/v1/tools/github__merge_branch", "").await.json();
    assert_eq!((&shown["name"], &shown["revision"]), (&json!("merge_branch"), &json!(1)), "{shown}");
    let uri = "/api/v1/tools/resource?uri=tool%3A%2F%2Fgithub__merge_branch";
    let read = house.ask("user", "GET", uri, "").await;
    assert_eq!(
        (read.header("content-type"), read.json()["name"].as_str()),
        (Some("application/json"), Some("merge_branch"))
    );

    let stale = house.ask("operator", "DELETE", "/api/v1/tools/github__merge_branch?version=7", "").await;
    assert_eq!((stale.status.as_u16(), stale.json()["version"].as_i64()), (409, Some(1)), "{stale:?}");
    let removed = house.ask("operator", "DELETE", "/api/v1/tools/github__merge_branch?version=1", "").await;
    assert_eq!(removed.status, 204, "{removed:?}");
    let gone = house.ask("user", "GET", "/api/v1/tools/github__merge_branch", "").await;
    assert_eq!((gone.status.as_u16(), gone.json()["code"].as_str()), (404, Some("not_found")), "{gone:?}");
}

#[tokio::test]
async fn figures_domains_and_servers() {
    let house = House::open().await;
    house.ask("operator", "POST", "/api/v1/tools/import", lines(&["create_issue"])).await;
    let file = json!({ "mcpServers": { "gh": { "command": "gh-mcp", "env": { "TOKEN": "s3cret" } } } });
    let report = house.json("operator", "POST", "/api/v1/tools/import?format=mcp", &file).await;
    assert_eq!(report["upstreams"][0]["name"], "gh", "{report}");
    let told = house.ask("user", "GET", "/api/v1/tools/statistics", "").await.json();
    assert_eq!((&told["tools"], &told["by_server"]["github"]), (&json!(1), &json!(1)), "{told}");
    let domains = house.ask("user", "GET", "/api/v1/tools/domains", "").await.json();
    let github = domains["items"].as_array().unwrap().iter().find(|domain| domain["name"] == "github").unwrap();
    assert_eq!(github["tools"], 1, "{domains}");
    let servers = house.ask("operator", "GET", "/api/v1/upstreams", "").await;
    assert_eq!(servers.json()["items"][0]["name"], "gh");
    assert!(!String::from_utf8_lossy(&servers.body).contains("s3cret"), "{servers:?}");
    assert_eq!(house.ask("operator", "DELETE", "/api/v1/upstreams/gh", "").await.status, 204);
    assert_eq!(house.ask("operator", "DELETE", "/api/v1/upstreams/gh", "").await.status, 404);
    let forgotten = house.ask("operator", "DELETE", "/api/v1/tools/usage", "").await.json();
    assert_eq!(forgotten, json!({ "forgotten": 0 }));
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let house = House::open().await;
    house.ask("operator", "POST", "/api/v1/tools/import", lines(&["create_issue"])).await;
    let check = async |role: &str, method: &str, path: &str, body: &str, status: u16, code: &str| {
        let reply = house.ask(role, method, path, body.to_owned()).await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (status, Some(code)), "{path}: {reply:?}");
    };
    check("user", "POST", "/api/v1/tools/import", "[]", 403, "role_too_low").await;
    check("operator", "POST", "/api/v1/tools/import?format=xml", "[]", 400, "invalid_parameter").await;
    check("operator", "POST", "/api/v1/tools/import?role=king", "[]", 400, "invalid_parameter").await;
    check("operator", "POST", "/api/v1/tools/import?colour=red", "[]", 400, "invalid_parameter").await;
    check("operator", "POST", "/api/v1/tools/import", "nonsense", 400, "import_unreadable").await;
    check("user", "POST", "/api/v1/tools/search", r#"{"query":""}"#, 400, "invalid_arguments").await;
    check("user", "POST", "/api/v1/tools/search", r#"{"query":"a","detail":"all"}"#, 400, "invalid_parameter").await;
    check("user", "GET", "/api/v1/tools?type=none", "", 400, "invalid_parameter").await;
    check("user", "POST", "/api/v1/tools/github__create_isue/execute", "{}", 404, "not_found").await;
    check("user", "POST", "/api/v1/tools/github__create_issue/execute", "{}", 422, "tool_not_callable").await;
    check("viewer", "POST", "/api/v1/tools/github__create_issue/execute", "{}", 403, "role_too_low").await;
    check("user", "GET", "/api/v1/tools/resource?uri=tool%3A%2F%2Fnone", "", 404, "not_found").await;
    let near = house.ask("user", "GET", "/api/v1/tools/github__create_isue", "").await.json();
    assert!(near["detail"].as_str().unwrap().contains("`github__create_issue`"), "{near}");
}
