//! The tools as clients see them: names, arguments, keys of results, errors.

use super::{Bench, says, user};
use serde_json::{Value, json};
use testkit::Reply;

const NINE: [&str; 9] = [
    "start_decision_analysis",
    "add_criterion",
    "evaluate_options",
    "get_decision_matrix",
    "add_option",
    "list_sessions",
    "clear_all_sessions",
    "current_session",
    "test_aws_bedrock_connection",
];

/// Whether a value fits a schema, as far as ours go.
fn fits(schema: &Value, value: &Value, at: &str) {
    let one = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => panic!("{at}: what is `{name}`?"),
    };
    let right = match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => names.iter().any(|name| one(name.as_str().unwrap())),
        _ => true,
    };
    assert!(right, "{at}: {value} is not {schema}");
    for key in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(key.as_str().unwrap()).is_some(), "{at}: no {key} in {value}");
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let of = schema["properties"].get(key).or_else(|| schema.get("additionalProperties"));
        if let Some(of) = of {
            fits(of, value, &format!("{at}.{key}"));
        } else {
            assert!(schema.get("properties").is_none() || at.contains('.'), "{at}.{key} is not in the schema");
        }
    }
    for item in value.as_array().into_iter().flatten() {
        fits(&schema["items"], item, &format!("{at}[]"));
    }
}

fn has(value: &Value, keys: &str) {
    for key in keys.split_whitespace() {
        assert!(value.get(key).is_some(), "`{key}` is not in {value}");
    }
}

#[tokio::test]
async fn the_nine_are_there_and_score_option_beside_them() {
    let bench = Bench::sqlite().await;
    let mut names: Vec<&str> = bench.room.toolset().iter().map(|tool| tool.spec().name).collect();
    let mut expected: Vec<&str> = NINE.into_iter().chain(["score_option"]).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(bench.room.core_tools().iter().map(|tool| tool.spec().name).collect::<Vec<_>>(), ["decide"]);
    let start = bench.room.toolset().into_iter().find(|tool| tool.spec().name == NINE[0]).unwrap().spec();
    let defaults = &start.input_schema["properties"];
    assert_eq!(
        (&defaults["model_backend"]["default"], &defaults["temperature"]["default"]),
        (&json!("bedrock"), &json!(0.1))
    );
}

#[tokio::test]
async fn decide_is_small() {
    let bench = Bench::sqlite().await;
    let spec = bench.room.core_tools()[0].spec();
    let shown = json!({
        "name": spec.name, "title": spec.title, "description": spec.description,
        "inputSchema": spec.input_schema, "outputSchema": spec.output_schema,
    });
    let tokens = tiktoken_rs::o200k_base().unwrap().encode_ordinary(&shown.to_string()).len();
    assert!(tokens <= 250, "{tokens} tokens");
}

#[tokio::test]
async fn the_originals_flow_gives_the_originals_keys() {
    let bench = Bench::sqlite().await;
    bench.script(|asked| Reply::chat(&says(if asked.option == "Elm" { 8.0 } else { 4.0 })));
    let spec = |name: &str| {
        bench.room.toolset().into_iter().find(|tool| tool.spec().name == name).unwrap().spec().output_schema
    };
    let call = async |name: &str, arguments: Value| {
        let found = bench.call(name, arguments).await.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        fits(&spec(name), &found, "result");
        if name != "clear_all_sessions" {
            assert!(found["formatted_output"].as_str().is_some_and(|text| text.starts_with('#')), "{name}: {found}");
        }
        found
    };
    assert_eq!(call("current_session", json!({})).await["session_id"], Value::Null);
    let started = call(
        "start_decision_analysis",
        json!({
            "topic": "Which tree?", "options": ["Ash", "Elm"],
            "initial_criteria": [{ "name": "Shade", "description": "how much", "weight": 2 }],
        }),
    )
    .await;
    has(
        &started,
        "session_id topic options criteria_added model_backend model_name message next_steps formatted_output",
    );
    assert_eq!((&started["model_backend"], &started["model_name"]), (&json!("bedrock"), &json!("up/m")));
    assert_eq!((&started["criteria_added"], &started["degraded"]), (&json!(["Shade"]), &json!(true)));
    assert!(started["message"].as_str().unwrap().contains("asked instead"), "{started}");
    let id = started["session_id"].clone();
    let added = call("add_criterion", json!({ "session_id": id, "name": "Age", "description": "years" })).await;
    has(&added, "session_id criterion_added description weight total_criteria all_criteria message formatted_output");
    assert_eq!((&added["weight"], &added["total_criteria"]), (&json!(1.0), &json!(2)));
    let evaluated = call("evaluate_options", json!({ "session_id": id })).await;
    has(&evaluated, "evaluation_complete summary errors message next_steps formatted_output");
    assert_eq!(
        evaluated["summary"],
        json!({
            "options_evaluated": 2, "criteria_used": 2, "total_evaluations": 4, "successful_scores": 4, "abstentions": 0,
            "errors": 0,
        })
    );
    let matrix = call("get_decision_matrix", json!({ "session_id": id })).await;
    has(&matrix, "matrix rankings recommendation criteria_weights evaluation_timestamp session_info formatted_output");
    assert_eq!(matrix["matrix"]["Elm"]["Shade"]["raw_score"], 8.0);
    assert_eq!(matrix["matrix"]["Elm"]["Shade"]["weighted_score"], 16.0);
    assert!(matrix["rankings"][0]["option"] == "Elm" && matrix.get("history").is_none(), "{matrix}");
    let all = json!({ "session_id": id, "include_history": true });
    assert_eq!(call("get_decision_matrix", all).await["history"].as_array().unwrap().len(), 8);
    let option = call("add_option", json!({ "session_id": id, "option_name": "Oak", "description": null })).await;
    has(&option, "option_added total_options all_options next_steps formatted_output");
    assert_eq!(option["all_options"], json!(["Ash", "Elm", "Oak"]));
    let scored = call("score_option", json!({
        "session_id": id, "option_name": "Oak",
        "scores": [{ "criterion": "Age", "score": 9 }, { "criterion": "shade", "score": null, "justification": "never seen" }],
    })).await;
    assert_eq!((&scored["pairs_scored"], &scored["pairs_total"]), (&json!(6), &json!(6)));
    let listed = call("list_sessions", json!({})).await;
    has(&listed, "sessions total_active stats formatted_output");
    has(&listed["sessions"][0], "session_id topic created_at options criteria evaluations_run status");
    assert_eq!((&listed["sessions"][0]["status"], &listed["total_active"]), (&json!("evaluated"), &json!(1)));
    assert_eq!(call("current_session", json!({})).await["session_id"], id);
    let bedrock = call("test_aws_bedrock_connection", json!({})).await;
    has(&bedrock, "status region model_tested suggestion formatted_output");
    assert_eq!(bedrock["status"], "not_configured");
    let cleared = call("clear_all_sessions", Value::Null).await;
    has(&cleared, "cleared message stats");
    assert_eq!((&cleared["cleared"], cleared.get("formatted_output")), (&json!(1), None));
}

#[tokio::test]
async fn errors_have_the_originals_shape_and_the_session_comes_first() {
    let bench = Bench::sqlite().await;
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let fails = async |tool: &str, arguments: Value| bench.call(tool, arguments).await.unwrap_err();
    for (tool, arguments, expected) in [
        ("add_criterion", json!({ "session_id": "dec_1", "name": 3, "weight": 99 }), "session_not_found"),
        ("add_option", json!({ "session_id": "dec_1" }), "session_not_found"),
        ("score_option", json!({ "session_id": "dec_1", "scores": 1 }), "session_not_found"),
        ("evaluate_options", json!({ "session_id": "dec_1", "more": 1 }), "session_not_found"),
        ("get_decision_matrix", json!({ "session_id": "" }), "session_not_found"),
        ("get_decision_matrix", json!({ "session_id": "\u{0}" }), "session_not_found"),
        ("decide", json!({ "session_id": "dec_1", "topic": 3 }), "session_not_found"),
        ("get_decision_matrix", json!({}), "invalid_arguments"),
        ("get_decision_matrix", json!({ "session_id": 7 }), "invalid_arguments"),
        ("get_decision_matrix", json!("x"), "invalid_arguments"),
        ("add_option", json!({ "session_id": id }), "invalid_arguments"),
        ("add_option", json!({ "session_id": id, "option_name": "Oak", "colour": 1 }), "invalid_arguments"),
        ("add_option", json!({ "session_id": id, "option_name": "ash" }), "duplicate_name"),
        (
            "add_criterion",
            json!({ "session_id": id, "name": "A", "description": "", "weight": 11 }),
            "invalid_arguments",
        ),
        ("start_decision_analysis", json!({ "topic": "x", "options": ["one"] }), "limit_exceeded"),
        ("start_decision_analysis", json!({ "topic": "x" }), "invalid_arguments"),
        (
            "start_decision_analysis",
            json!({ "topic": "x", "options": ["a", "b"], "model_backend": "ollama" }),
            "model_not_found",
        ),
        ("list_sessions", json!({ "all": true }), "invalid_arguments"),
        ("decide", json!({ "topic": "x", "options": ["a", "b"] }), "invalid_arguments"),
        ("decide", json!({ "topic": "x", "options": ["a", "b"], "criteria": { "c": "much" } }), "invalid_arguments"),
        ("decide", json!({ "topic": "x", "options": ["a", "b"], "criteria": ["c"] }), "invalid_arguments"),
        ("decide", json!({ "session_id": id, "criteria": ["Price"] }), "invalid_arguments"),
        ("decide", json!({ "session_id": id, "criteria": [{ "name": "Price" }] }), "invalid_arguments"),
        ("decide", json!({ "session_id": id, "topic": "Another?" }), "invalid_arguments"),
        ("decide", json!({ "session_id": id, "model_name": "jury" }), "invalid_arguments"),
    ] {
        let told = arguments.to_string();
        let fault = fails(tool, arguments).await;
        assert_eq!(fault.code, expected, "{tool} {told}: {fault:?}");
        let shape = fault.shape.unwrap_or_else(|| panic!("{tool} has no shape"));
        has(&shape, "error context timestamp error_code error_category recovery_suggestion formatted_output");
        assert_eq!((&shape["context"], &shape["error_code"]), (&json!(tool), &json!(expected)));
        assert!(!shape["recovery_suggestion"].as_str().unwrap().is_empty(), "{shape}");
    }
    let foreign = bench.call_as(&user("acme"), "get_decision_matrix", json!({ "session_id": id })).await.unwrap_err();
    assert_eq!(foreign.code, "session_not_found");
}

#[tokio::test]
async fn decide_begins_evaluates_and_reads() {
    let bench = Bench::sqlite().await;
    bench.script(|asked| Reply::chat(&says(if asked.option == "Elm" { 8.0 } else { 4.0 })));
    let spec = bench.room.core_tools()[0].spec().output_schema;
    let decided = bench
        .call(
            "decide",
            json!({
                "topic": "Which tree?", "options": ["Ash", "Elm"], "criteria": { "Shade": 2, "Age": 1 },
            }),
        )
        .await
        .unwrap();
    has(&decided, "session_id recommendation rankings complete");
    assert!(spec["required"].as_array().unwrap().iter().all(|key| decided.get(key.as_str().unwrap()).is_some()));
    assert_eq!((&decided["complete"], &decided["rankings"][0]["option"]), (&json!(true), &json!("Elm")));
    assert_eq!(decided["rankings"][0]["scores"], json!({ "Shade": 8.0, "Age": 8.0 }));
    assert_eq!(bench.asked().len(), 4);
    // Going on asks only what is new.
    let on = bench
        .call(
            "decide",
            json!({
                "session_id": decided["session_id"], "options": ["Oak", "ash"],
                "scores": { "Oak": { "Age": 9 } },
            }),
        )
        .await
        .unwrap();
    assert_eq!((&on["complete"], bench.asked().len()), (&json!(true), 5));
    assert_eq!(on["rankings"].as_array().unwrap().len(), 3);
    let decision = bench.room.get(&super::root(), decided["session_id"].as_str().unwrap()).await.unwrap();
    assert_eq!(decision.criteria[0].weight, 2.0, "what is left out stays");
    let heavier = json!({ "session_id": decided["session_id"], "criteria": { "Shade": 5 } });
    bench.call("decide", heavier).await.unwrap();
    assert_eq!(bench.asked().len(), 5, "a weight asks nobody");
}

#[tokio::test]
async fn scores_that_do_not_fit_begin_nothing() {
    let bench = Bench::sqlite().await;
    let decide = async |scores: Value| {
        let given = json!({ "topic": "?", "options": ["Ash", "Elm"], "criteria": { "Age": 1 }, "scores": scores });
        bench.call("decide", given).await
    };
    for scores in [json!({ "Ash": { "Age": 11 } }), json!({ "Oak": { "Age": 1 } }), json!({ "Ash": { "Ages": 1 } })] {
        assert_eq!(decide(scores.clone()).await.unwrap_err().code, "invalid_arguments", "{scores}");
    }
    assert_eq!(bench.call("list_sessions", json!({})).await.unwrap()["total_active"], 0);
    let id = decide(json!({ "ash": { "age": 3 } })).await.unwrap()["session_id"].clone();
    let more = json!({ "session_id": id, "options": ["Oak"], "scores": { "Fir": { "Age": 1 } } });
    bench.call("decide", more).await.unwrap_err();
    let decision = bench.room.get(&super::root(), id.as_str().unwrap()).await.unwrap();
    assert_eq!(decision.options.len(), 2, "nothing was added");
}

#[tokio::test]
async fn what_goes_wrong_once_it_is_begun_says_how_to_go_on() {
    let bench = Bench::with("evaluations_max = 0").await;
    let given = json!({ "topic": "?", "options": ["Ash", "Elm"], "criteria": { "Age": 1 } });
    let fault = bench.call("decide", given).await.unwrap_err();
    assert_eq!(fault.code, "too_many_evaluations");
    let listed = bench.call("list_sessions", json!({})).await.unwrap();
    let id = listed["sessions"][0]["session_id"].as_str().unwrap();
    let shape = fault.shape.unwrap();
    assert_eq!((&shape["session_id"], &shape["error_category"]), (&json!(id), &json!("resource")));
    assert!(fault.message.contains(id) && fault.hint.unwrap().contains(id), "{shape}");
}
