//! What may not be seen does not exist, and moves nothing.

use super::*;
use crate::Find;

fn of(tenant: Option<&str>, role: Role) -> Defaults {
    Defaults { tenant: tenant.map(Arc::from), role, ..Defaults::default() }
}

/// A catalogue with secrets in it, or without.
async fn bench(secrets: bool) -> Bench {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    if secrets {
        let hidden: Vec<Value> = (0..40)
            .map(|at| {
                line("hr", &format!("create_issue_salary_{at}"), "Create an issue about a salary in a repository")
            })
            .collect();
        bench.import_as(&root(), &hidden, of(None, Role::Admin)).await.unwrap();
        let theirs = [
            line("github", "create_issue", "Create an issue in a repository, theirs"),
            line("own", "send_money", "Send money"),
        ];
        bench.import_as(&root(), &theirs, of(Some("other"), Role::User)).await.unwrap();
    }
    bench
}

#[tokio::test]
async fn what_is_hidden_shifts_nobodys_rank() {
    let (with, without) = (bench(true).await, bench(false).await);
    let ann = user("acme", Role::User);
    for query in ["create an issue", "salary", "send something", "repository issue salary money", "numbers"] {
        let answers = [&with, &without].map(|bench| {
            let (toolbox, ann) = (Arc::clone(&bench.toolbox), ann.clone());
            async move {
                let find = Find { query: query.to_owned(), limit: 20, ..Find::default() };
                toolbox.find(&caller(&ann), &find).await.unwrap()
            }
        });
        let [hidden, plain] = answers;
        let (hidden, plain) = (hidden.await, plain.await);
        assert_eq!(hidden.tools, plain.tools, "{query}");
        assert_eq!((hidden.total_available, hidden.tokens.catalog), (plain.total_available, plain.tokens.catalog));
        assert_eq!((hidden.weak, &hidden.degraded), (plain.weak, &plain.degraded));
    }
    assert!(with.ids(&root(), "salary").await[0].starts_with("hr__create_issue_salary"));
}

#[tokio::test]
async fn what_is_hidden_reads_as_unknown() {
    let (with, without) = (bench(true).await, bench(false).await);
    let ann = user("acme", Role::User);
    for id in ["hr__create_issue_salary_1", "own__send_money", "no_such_tool"] {
        for (tool, arguments) in [
            ("call_tool", json!({ "id": id, "arguments": { "title": "x" } })),
            ("call_read_tool", json!({ "id": id })),
            ("describe_tools", json!({ "ids": [id] })),
            ("tool_info", json!({ "name": id })),
        ] {
            let told = [&with, &without].map(|bench| bench.ask(&ann, tool, arguments.clone()));
            let [hidden, plain] = told;
            let (hidden, plain) = (hidden.await.unwrap_err(), plain.await.unwrap_err());
            assert_eq!(hidden.message, format!("there is no tool `{id}`"));
            assert_eq!(
                (&hidden.message, &hidden.hint, hidden.code),
                (&plain.message, &plain.hint, plain.code),
                "{tool} {id}"
            );
            assert!(!format!("{hidden:?}").contains("salary_2"), "{hidden:?}");
        }
    }
    let several =
        with.ask(&ann, "describe_tools", json!({ "ids": ["hr__create_issue_salary_1", "slack__send_message"] }));
    let several = several.await.unwrap();
    assert_eq!(several["tools"].as_array().unwrap().len(), 1);
    assert_eq!(several["unknown"][0]["id"], "hr__create_issue_salary_1");
}

#[tokio::test]
async fn a_tenant_means_its_own() {
    let bench = bench(true).await;
    let theirs = user("other", Role::User);
    let found = bench.ids(&theirs, "create an issue in a repository").await;
    assert_eq!(found.iter().filter(|id| **id == "github__create_issue").count(), 1, "{found:?}");
    let info = bench.toolbox.get(&theirs, "github__create_issue").await.unwrap();
    assert_eq!(info.definition.tenant.as_deref(), Some("other"));
    assert_eq!(
        bench.toolbox.get(&user("acme", Role::User), "github__create_issue").await.unwrap().definition.tenant,
        None
    );
    assert!(bench.ids(&user("acme", Role::Viewer), "create an issue").await.is_empty());
}

#[tokio::test]
async fn importing_and_removing_are_for_operators_of_whose_it_is() {
    let bench = bench(false).await;
    let refused = bench.import_as(&user("acme", Role::User), &some(), Defaults::default()).await.unwrap_err();
    assert!(matches!(refused, ToolboxError::Forbidden { .. }));
    let operator = user("acme", Role::Operator);
    let refused = bench.import_as(&operator, &some(), of(Some("other"), Role::User)).await.unwrap_err();
    assert!(matches!(refused, ToolboxError::Forbidden { .. }));
    let report = bench.import_as(&operator, &[line("acme", "own", "Own")], Defaults::default()).await.unwrap();
    assert_eq!(report.added, 1);
    let own = bench.toolbox.get(&operator, "acme__own").await.unwrap();
    assert_eq!(own.definition.tenant.as_deref(), Some("acme"));
    for (who, id, fine) in [
        (&user("acme", Role::User), "acme__own", false),
        (&operator, "slack__send_message", false),
        (&operator, "acme__own", true),
        (&root(), "slack__send_message", true),
    ] {
        let removed = bench.toolbox.remove(who, None, id, None).await;
        assert_eq!(removed.is_ok(), fine, "{} {id}: {removed:?}", who.subject);
    }
    let counted = bench.toolbox.statistics(&operator);
    assert_eq!((counted.tools, counted.by_server.get("slack")), (4, None));
}

#[tokio::test]
async fn what_is_above_an_operator_is_not_its_to_change() {
    let bench = Bench::sqlite().await;
    let above = Defaults { role: Role::Admin, ..Defaults::default() };
    bench.import_as(&root(), &[line("vault", "unseal", "Open the vault")], above.clone()).await.unwrap();
    bench.import(&[line("vault", "count", "Count the coins"), line("vault", "gone", "Weigh the coins")]).await;
    let operator = Identity { role: Role::Operator, ..root() };
    // Not overwritten, and not told whose it is.
    for server in ["vault", "elsewhere"] {
        let mut taken = line(server, "unseal", "Mine now");
        taken["id"] = json!("vault__unseal");
        let report = bench.import_as(&operator, &[taken], Defaults::default()).await.unwrap();
        assert_eq!((report.refused_total, report.refused[0].why.as_str()), (1, "its id is taken"));
    }
    // Not swept.
    let replace = Defaults { replace: true, ..Defaults::default() };
    let report = bench.import_as(&operator, &[line("vault", "count", "Count the coins")], replace).await.unwrap();
    assert_eq!((report.same, report.removed), (1, 1));
    // Not removed, and nothing brought in above it.
    let removed = bench.toolbox.remove(&operator, Some("*"), "vault__unseal", None).await.unwrap_err();
    assert!(matches!(removed, ToolboxError::Unknown { .. }), "{removed}");
    assert!(matches!(bench.import_as(&operator, &some(), above).await, Err(ToolboxError::Forbidden { .. })));
    let mut asks = line("vault", "more", "Fill the vault");
    asks["role"] = json!("admin");
    let report = bench.import_as(&operator, &[asks], Defaults::default()).await.unwrap();
    assert_eq!(report.refused[0].why, "its role `admin` is above yours");
    assert!(bench.toolbox.get(&root(), "vault__unseal").await.is_ok());
}

#[tokio::test]
async fn how_servers_are_reached_is_for_operators_of_whose_they_are() {
    let bench = Bench::sqlite().await;
    let file = br#"{"mcpServers": {"x": {"command": "run", "args": ["--to", "inner"]}}}"#;
    bench.toolbox.import(&root(), file, Some(Format::Mcp), Defaults::default()).await.unwrap();
    let args = async |who: &Identity| bench.toolbox.upstreams(who).await.unwrap()[0].server.args.len();
    assert_eq!(args(&root()).await, 2);
    assert_eq!(args(&user("acme", Role::Operator)).await, 0, "everybody's is not its own");
    let own = Defaults { tenant: Some("acme".into()), ..Defaults::default() };
    bench.toolbox.import(&user("acme", Role::Operator), file, Some(Format::Mcp), own).await.unwrap();
    assert_eq!(args(&user("acme", Role::Operator)).await, 2);
    assert_eq!(args(&user("acme", Role::User)).await, 0);
}

#[tokio::test]
async fn a_sweep_spares_what_was_refused() {
    let bench = Bench::sqlite().await;
    bench
        .import(&[
            line("a", "one", "First"),
            line("a", "two", "Second"),
            line("a", "three", "Third"),
            line("b", "four", "Fourth"),
        ])
        .await;
    let replace = || Defaults { replace: true, server: Some("a".to_owned()), ..Defaults::default() };
    let mut bad = line("a", "two", "Second");
    bad["input_schema"] = json!([]);
    // A line of another server becomes one of the server that is named.
    let lines = [line("a", "one", "First"), bad, line("b", "five", "Fifth")];
    let report = bench.import_as(&root(), &lines, replace()).await.unwrap();
    assert_eq!((report.same, report.added, report.removed, report.refused_total), (1, 1, 1, 1));
    for (id, there) in [("a__one", true), ("a__two", true), ("a__three", false), ("a__five", true), ("b__four", true)] {
        assert_eq!(bench.toolbox.get(&root(), id).await.is_ok(), there, "{id}");
    }
    let report = bench.import_as(&root(), &[json!(7), line("a", "one", "First")], replace()).await.unwrap();
    assert_eq!((report.removed, report.refused_total), (0, 2));
    // The version is another one than while the index still held what goes.
    let before = bench.toolbox.catalog_version();
    bench.toolbox.remove(&root(), None, "a__two", None).await.unwrap();
    assert_eq!(bench.toolbox.catalog_version(), before + 2);
}

#[tokio::test]
async fn servers_are_bounded() {
    let bench = Bench::sqlite().await;
    let file = |from: usize| {
        let all: serde_json::Map<String, Value> =
            (from..from + 500).map(|at| (format!("s{at}"), json!({ "command": "x" }))).collect();
        json!({ "mcpServers": all }).to_string()
    };
    for (from, refused) in [(0, 0), (500, 0), (1_000, 500)] {
        let report = bench.toolbox.import(&root(), file(from).as_bytes(), Some(Format::Mcp), Defaults::default()).await;
        assert_eq!(report.unwrap().refused_total, refused);
    }
}
