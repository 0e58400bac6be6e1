//! What the tools cost in the context of a client.

use super::*;

#[tokio::test]
async fn the_core_tools_are_four_and_short() {
    let bench = Bench::sqlite().await;
    let specs: Vec<caller::ToolSpec> = bench.toolbox.core_tools().iter().map(|tool| tool.spec()).collect();
    let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["find_tools", "describe_tools", "call_tool", "call_read_tool"]);
    let shown: Vec<Value> = specs
        .iter()
        .map(|spec| {
            json!({
                "name": spec.name, "title": spec.title, "description": spec.description,
                "inputSchema": spec.input_schema, "outputSchema": spec.output_schema,
                "annotations": { "readOnlyHint": spec.read_only, "destructiveHint": spec.destructive,
                                 "idempotentHint": spec.idempotent, "openWorldHint": spec.open_world },
            })
        })
        .collect();
    let text = json!(shown).to_string();
    let tokens = tiktoken_rs::o200k_base().unwrap().encode_ordinary(&text).len();
    // `ask` and those to come need room: 2,500 is the limit for all ten.
    assert!(tokens <= 1_000 && text.len() / 4 <= 1_100, "{tokens} tokens, {} bytes", text.len());
}

#[tokio::test]
async fn what_the_code_refuses_the_schema_says() {
    let bench = Bench::sqlite().await;
    let find = bench.toolbox.core_tools().into_iter().find(|tool| tool.spec().name == "find_tools").unwrap();
    let most = find.spec().input_schema["properties"]["max_tokens"]["maximum"].as_u64().unwrap();
    let ask = async |tokens: u64| find.call(&caller(&root()), json!({ "query": "x", "max_tokens": tokens })).await;
    assert!(ask(most).await.is_ok() && ask(most + 1).await.is_err());
}

#[tokio::test]
async fn every_tool_is_one_that_clients_take() {
    let bench = Bench::sqlite().await;
    for tool in bench.toolbox.core_tools().into_iter().chain(bench.toolbox.toolset()) {
        let spec = tool.spec();
        assert!(
            spec.name.len() <= 20 && spec.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{}",
            spec.name
        );
        for schema in [&spec.input_schema, &spec.output_schema] {
            assert_eq!(schema["type"], "object", "{}", spec.name);
            assert!(jsonschema::meta::is_valid(schema), "{}", spec.name);
        }
    }
    let hints: Vec<(bool, bool, bool)> = bench
        .toolbox
        .core_tools()
        .iter()
        .map(|tool| tool.spec())
        .map(|it| (it.read_only, it.destructive, it.open_world))
        .collect();
    assert_eq!(hints, [(true, false, false), (true, false, false), (false, true, true), (true, false, true)]);
}

#[tokio::test]
async fn what_the_tools_answer_fits_their_output_schemas() {
    let bench = Bench::sqlite().await;
    bench.import(&some()).await;
    let all: Vec<_> = bench.toolbox.core_tools().into_iter().chain(bench.toolbox.toolset()).collect();
    for (name, arguments) in [
        ("find_tools", json!({ "query": "create an issue", "detail": "schema" })),
        ("describe_tools", json!({ "ids": ["github__create_issue", "nobody"] })),
        ("tool_search_tool", json!({ "query": "create an issue" })),
        ("list_tools", json!({})),
        ("tool_info", json!({ "name": "github__create_issue" })),
        ("tool_statistics", json!({})),
    ] {
        let tool = all.iter().find(|tool| tool.spec().name == name).unwrap();
        let answer = tool.call(&caller(&root()), arguments).await.unwrap();
        let wrong = jsonschema::validate(&tool.spec().output_schema, &answer).err().map(|error| error.to_string());
        assert_eq!(wrong, None, "{name}: {answer}");
    }
}
