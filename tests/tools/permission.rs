//! A tool that somebody may not call does not exist for them: not found, not described, not called, and no shadow on
//! the ranks of others.

use super::{WORDS, find, ids, import, many, tool};
use crate::support::{Place, Server, ask, call_tool};
use serde_json::json;

/// A server with keys: a user of two tenants, and an operator of the house.
struct Keyed {
    server: Server,
    acme: String,
    other: String,
    operator: String,
}

fn keyed() -> Keyed {
    let place = Place::new(WORDS);
    let (acme, other) = (place.key("user", "acme"), place.key("user", "other"));
    let operator = place.key("operator", "default");
    Keyed { server: place.start(), acme, other, operator }
}

#[tokio::test]
async fn what_is_not_permitted_shifts_nobodys_rank() {
    let (with, without) = (keyed(), keyed());
    let secret: Vec<_> = (0..60)
        .map(|at| tool("vault", &format!("copy_secret_{at}"), "copy the paper of the vault, copy copy paper paper"))
        .collect();
    for keyed in [&with, &without] {
        import(keyed.server.address(), &keyed.operator, "", &many(200)).await;
    }
    import(with.server.address(), &with.operator, "?role=operator", &secret).await;
    import(with.server.address(), &with.operator, "?tenant=other", &[tool("x", "copy_paper", "copy the paper")]).await;

    for query in ["copy the paper of box 7", "copy secret", "paper"] {
        let (shown, alone) = (
            find(with.server.address(), &with.acme, query).await,
            find(without.server.address(), &without.acme, query).await,
        );
        assert!(!ids(&shown).is_empty());
        assert_eq!(shown["tools"], alone["tools"], "{query}");
        assert_eq!(shown["tokens"]["saved"], alone["tokens"]["saved"], "{query}");
    }
    assert!(ids(&find(with.server.address(), &with.operator, "copy secret vault").await)[0].starts_with("vault__"));
    assert!(ids(&find(with.server.address(), &with.other, "copy paper").await).contains(&"x__copy_paper".to_owned()));
}

#[tokio::test]
async fn what_is_not_permitted_reads_as_unknown() {
    let keyed = keyed();
    let address = keyed.server.address();
    import(address, &keyed.operator, "?role=operator", &[tool("vault", "open_safe", "Open the safe.")]).await;
    import(address, &keyed.operator, "", &[tool("office", "open_door", "Open the door.")]).await;
    // The hidden name and one that nobody has are answered alike, but for the name itself.
    let told = async |id: &str| {
        let arguments = json!({ "id": id, "arguments": {} });
        let mut all = Vec::new();
        for tool in ["call_tool", "call_read_tool"] {
            let result = call_tool(address, &keyed.acme, tool, &arguments).await.result();
            assert_eq!(result["isError"], true, "{result}");
            all.push(result["content"].to_string());
        }
        let described = call_tool(address, &keyed.acme, "describe_tools", &json!({ "ids": [id] })).await.result();
        all.push(described["content"].to_string());
        let shown = ask(address, &keyed.acme, "GET", &format!("/api/v1/tools/{id}"), None).await;
        assert_eq!(shown.status, 404);
        let mut problem = shown.json();
        problem["request_id"].take();
        problem["instance"].take();
        all.push(problem.to_string());
        all.into_iter().map(|text| text.replace(id, "ID")).collect::<Vec<_>>()
    };
    assert_eq!(told("vault__open_safe").await, told("vault__open_salt").await);
    let list = ask(address, &keyed.acme, "GET", "/api/v1/tools", None).await;
    assert!(list.text().contains("open_door") && !list.text().contains("open_safe"), "{}", list.text());
    let told = ask(address, &keyed.acme, "POST", "/api/v1/tools/import", Some(&json!([]))).await;
    assert_eq!(told.status, 403, "{}", told.text());
}
