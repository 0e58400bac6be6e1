//! What lists and configuration files are read as, and what is refused of them.

use super::*;
use serde_json::json;

fn items(text: &str) -> Vec<Result<Definition, String>> {
    let (_, contents) = open(text.as_bytes(), None, &Defaults::default(), 1 << 18).unwrap();
    let Contents::Items(items) = contents else { panic!("no list: {text}") };
    items.map(|(_, item)| definition(item?, &Defaults::default())).collect()
}

fn one(item: Value) -> Result<Definition, String> {
    definition(item, &Defaults::default())
}

#[test]
fn lists_of_every_shape_are_read() {
    let line = r#"{"id": "math.sum", "name": "sum", "description": "Sums.", "server": "math", "input_schema": null}"#;
    let read = items(&format!("{line}\n\n{line}\nnot json\n"));
    assert_eq!(read.len(), 3);
    let tool = read[0].as_ref().unwrap();
    assert_eq!((&*tool.id, &tool.server[..], tool.kind), ("math.sum", "math", Kind::Function));
    assert!(read[2].as_ref().unwrap_err().starts_with("the line is no JSON"));
    for list in [
        json!([{ "name": "a" }]),
        json!({ "tools": [{ "name": "a", "inputSchema": { "type": "object" } }] }),
        json!({ "tools": { "a": { "description": "x" } } }),
        json!({ "name": "a" }),
        json!([{ "type": "function", "function": { "name": "a", "parameters": { "type": "object" } } }]),
    ] {
        let read = items(&list.to_string());
        assert_eq!(&*read[0].as_ref().unwrap().id, "a", "{list}");
    }
}

#[test]
fn a_whole_definition_of_toolweaver_is_kept() {
    let tool = one(json!({
        "name": "create_pr", "type": "mcp", "description": "Creates a pull request", "provider": "github",
        "parameters": [{ "name": "title", "type": "string", "description": "Title", "required": true }],
        "output_schema": { "type": "object" }, "returns": { "type": "object" }, "metadata": { "owner": "x" },
        "source": "discovery", "version": "1.2", "defer_loading": true, "domain": "github",
        "examples": [{ "scenario": "s", "input": {}, "output": {}, "notes": "n" }],
        "annotations": { "readOnlyHint": true, "destructiveHint": false }, "tags": ["VCS", "vcs"],
    }))
    .unwrap();
    assert_eq!(&*tool.id, "github__create_pr");
    assert_eq!(
        (tool.kind, tool.defer_loading, &tool.version[..], &tool.domain[..]),
        (Kind::Mcp, true, "1.2", "github")
    );
    assert_eq!((tool.parameters()[0].name.as_str(), tool.parameters()[0].required), ("title", true));
    assert!(tool.annotations.read_only && !tool.annotations.destructive && tool.annotations.open_world);
    assert_eq!((tool.tags, tool.examples.len()), (vec!["vcs".to_owned()], 1));
}

use crate::definition::Kind;

#[test]
fn a_document_cannot_say_what_is_for_the_operator() {
    let line = json!({
        "name": "x", "tenant": "acme", "trusted_read_only": true, "role": "viewer", "type": "http",
        "annotations": { "read_only": true }, "http": { "base_url": "http://evil" },
    });
    let tool = one(line.clone()).unwrap();
    assert_eq!((tool.tenant, tool.trusted_read_only, tool.role, tool.kind), (None, false, Role::User, Kind::Function));
    assert_eq!(tool.http, None);
    let trusted = Defaults { trust_read_only: true, tenant: Some("own".into()), ..Defaults::default() };
    let tool = definition(line, &trusted).unwrap();
    assert_eq!((tool.tenant.as_deref(), tool.trusted_read_only), (Some("own"), true));
    assert_eq!(one(json!({ "name": "x", "role": "admin" })).unwrap().role, Role::Admin);
}

#[test]
fn what_is_wrong_is_told() {
    let long = "x".repeat(300);
    for (item, why) in [
        (json!(3), "it is no object"),
        (json!({}), "it has no `name`"),
        (json!({ "name": "" }), "its name is empty"),
        (json!({ "name": 7 }), "it cannot be read: invalid type: integer `7`, expected a string"),
        (json!({ "name": "a b" }), "its name holds white space, quotes or control characters"),
        (json!({ "name": long }), "its name is longer than 200 bytes"),
        (json!({ "name": "x", "id": "a\u{0}" }), "its id holds white space, quotes or control characters"),
        (json!({ "name": "x", "server": "a b" }), "its server holds white space, quotes or control characters"),
        (json!({ "name": "x", "type": "magic" }), "its type `magic` is none of mcp, function, code_exec, agent, tool"),
        (json!({ "name": "x", "input_schema": [] }), "its input schema is no object"),
        (json!({ "name": "x", "input_schema": { "type": "array" } }), "its input schema is not of type `object`"),
        (
            json!({ "name": "x", "role": "root" }),
            "its role: `root` is no role, write `viewer`, `user`, `operator` or `admin`",
        ),
        (json!({ "name": "x", "description": "d".repeat(20_000) }), "its description has 20000 bytes, more than 16384"),
        (
            json!({ "name": "x", "tags": vec!["t"; 3], "examples": vec![json!({}); 33] }),
            "it has 33 examples, more than 32",
        ),
        (json!({ "name": "x", "returns": "r".repeat(70_000) }), "its returns takes 70002 bytes, more than 65536"),
    ] {
        assert_eq!(one(item.clone()).unwrap_err(), why, "{}", crate::text::cut(&item.to_string(), 80));
    }
}

#[test]
fn formats_are_told_apart() {
    let check = |text: &str, expect: Format| assert_eq!(detect::format(text.as_bytes()).unwrap(), expect, "{text}");
    check("[]", Format::Json);
    check("{\"tools\": []}", Format::Json);
    check("{\"name\": \"a\"}\n{\"name\": \"b\"}", Format::JsonLines);
    check("{\"name\": \"servers\", \"servers\": 1}\n{\"name\": \"b\"}", Format::JsonLines);
    check("{\"openapi\": \"3.1.0\"}", Format::OpenApi);
    check("openapi: 3.0.0\ninfo: {}", Format::OpenApi);
    check("{\"mcpServers\": {}}", Format::Mcp);
    check("{ // editors\n \"servers\": {} }", Format::Mcp);
    check("[mcp_servers.a]\ncommand = 'x'", Format::Mcp);
    for odd in ["", "hello", "\u{0}"] {
        assert!(detect::format(odd.as_bytes()).is_err(), "{odd}");
    }
}

fn servers_of(text: &str) -> Vec<servers::Server> {
    let (_, contents) = open(text.as_bytes(), Some(Format::Mcp), &Defaults::default(), 1).unwrap();
    let Contents::Servers(servers) = contents else { panic!("no servers") };
    servers
}

#[test]
fn every_clients_file_is_read_and_no_secret_is_kept() {
    let files = [
        r#"{"mcpServers": {"gh": {"command": "npx", "args": ["-y", "gh", "--token", "s3cr3t", "--port=80"], "env": {"GITHUB_TOKEN": "ghp_s3cr3t"}}}}"#,
        r#"{"mcpServers": {"gh": {"type": "http", "url": "https://u:s3cr3t@a.example/mcp?api_key=s3cr3t", "headers": {"Authorization": "Bearer s3cr3t"}}}}"#,
        r#"{"mcpServers": {"gh": {"url": "https://a.example/x", "headers": {"X-Key": "${env:MY_KEY}"}}}}"#,
        "{ // VS Code\n\"servers\": {\"gh\": {\"type\": \"sse\", \"url\": \"https://a.example\", /* s3cr3t */ \"headers\": {\"a\": \"s3cr3t\",},},},}",
        "[mcp_servers.gh]\nurl = \"https://a.example/mcp\"\nbearer_token_env_var = \"GH_TOKEN\"\n[mcp_servers.gh.env]\nA = \"s3cr3t\"",
        r#"{"mcpServers": [{"name": "gh", "transport": "websocket", "url": "wss://a.example/s/0123456789abcdef0123456789abcdef"}]}"#,
    ];
    let read: Vec<servers::Server> = files.iter().flat_map(|file| servers_of(file)).collect();
    let all = serde_json::to_string_pretty(&read).unwrap();
    assert!(!all.contains("s3cr3t") && !all.contains("0123456789abcdef"), "{all}");
    insta::assert_snapshot!(all);
}

#[test]
fn servers_that_make_no_sense_say_so() {
    let read = servers_of(r#"{"mcpServers": {"a b": {"command": "x"}, "c": {}, "d": 7}}"#);
    let troubles: Vec<Option<&str>> = read.iter().map(|it| it.trouble.as_deref()).collect();
    assert_eq!(troubles[0], Some("its name holds white space, quotes or control characters"));
    assert_eq!(troubles[1..], [Some("it has neither `command` nor `url`"); 2]);
    for text in ["{\"mcpServers\": 3}", "{\"mcpServers\": {\"a\": \"s3cr3t\"", "a = ", "{}"] {
        let refused = open(text.as_bytes(), Some(Format::Mcp), &Defaults::default(), 1).err().unwrap();
        assert!(!refused.0.contains("s3cr3t"), "{refused:?}");
    }
}

#[test]
fn a_server_that_is_named_wins() {
    let given = |server: Option<&str>| {
        let defaults = Defaults { server: server.map(str::to_owned), ..Defaults::default() };
        let tool = definition(json!({ "name": "x", "server": "theirs" }), &defaults).unwrap();
        (tool.server, tool.id.to_string())
    };
    assert_eq!(given(Some("ours")), ("ours".to_owned(), "ours__x".to_owned()));
    assert_eq!(given(None), ("theirs".to_owned(), "theirs__x".to_owned()));
}

#[test]
fn names_of_built_in_sets_are_taken() {
    for name in ["tools", "GitHub", "knowledge"] {
        let read = servers_of(&json!({ "mcpServers": { name: { "command": "x" } } }).to_string());
        assert!(read[0].trouble.as_deref().is_some_and(|it| it.contains("is taken")), "{name}");
    }
}

#[test]
fn secrets_hide_nowhere() {
    for arg in [
        "mongodb://user:hunter2@h/db?authSource=admin",
        "--uri=mongodb://user:hunter2@h/db?authSource=admin",
        "postgres://u:p@hunter2@h",
        "postgres://u:pa/hunter2@h",
        "postgres://u:pa?hunter2@h",
        "postgres://u:pa#hunter2@h/x",
        "https://a.example/?hunter2",
        "https://a.example/x?a=hunter2",
        "DB_PASS=hunter2",
        "DATABASE_DSN=hunter2",
        "--db-conn=hunter2",
        "--pat=hunter2",
        "--dbConnString=hunter2",
        "user:hunter2@host/db",
        "Host=x;Pwd=hunter2",
        "{\"apiKey\": \"hunter2\"}",
        "Authorization: Bearer hunter2",
        "curl --pass hunter2 http://a.example",
        "curl https://u:hunter2@a.example 'x'",
        "export PASSWORD=hunter2; x",
    ] {
        for file in [
            json!({ "mcpServers": { "x": { "command": "run", "args": ["--port", arg] } } }),
            json!({ "mcpServers": { "x": { "command": arg } } }),
            json!({ "mcpServers": { "x": { "command": format!("run -v {arg} end") } } }),
            json!({ "mcpServers": { "x": { "url": arg } } }),
        ] {
            // An address that is none is no place for other words.
            if file["mcpServers"]["x"]["url"].as_str().is_some_and(|it| !it.contains("://") || it.contains(' ')) {
                continue;
            }
            let told = serde_json::to_string(&servers_of(&file.to_string())).unwrap();
            assert!(!told.to_lowercase().contains("hunter2"), "{file} {told}");
        }
    }
    for flag in
        ["--pass", "--passwd", "--pwd", "--pat", "--dsn", "--conn", "--connection", "--api-key", "-H", "--authToken"]
    {
        let file = json!({ "mcpServers": { "x": { "command": "run", "args": [flag, "hunter2"] } } });
        let told = serde_json::to_string(&servers_of(&file.to_string())).unwrap();
        assert!(!told.to_lowercase().contains("hunter2"), "{told}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    let args = [
        "-y",
        "@modelcontextprotocol/server-filesystem@1.2.3",
        "/home/ann/patterns",
        "--path",
        "/data",
        "--port=8080",
        "--compat=on",
        "https://a.example/mcp",
        "stdio",
    ];
    let read = servers_of(
        &json!({ "mcpServers": { "x": { "command": "C:\\Program Files\\node.exe", "args": args } } }).to_string(),
    );
    assert_eq!(
        (read[0].args.as_slice(), read[0].command.as_deref()),
        (&args.map(str::to_owned)[..], Some("C:\\Program Files\\node.exe"))
    );
    assert!(read[0].needs.is_empty());
}
