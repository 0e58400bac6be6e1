//! The tool as a client sees it: its schemas, its structured answer, its refusals.

use super::AskTool;
use caller::{Caller, Guest, Tool, ToolFault, Wishes};
use fault::Kind;
use matrix::Matrix;
use measure::Metrics;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const HANGS: &str = "hang_rate = 1.0";
const FAILS: &str = "error_rate = 1.0, error_status = 501";

fn says(text: &str, after_ms: u64) -> String {
    format!("answers = [{text:?}], latency = {{ ms = {after_ms} }}")
}

/// Scripted models `s/a`, `s/b`, … with a panel `p` over all of them.
fn panel(scripts: &[&str], keys: &str) -> String {
    let names = || ('a'..='z').zip(scripts);
    let models: String =
        names().map(|(name, script)| format!("{{ name = \"{name}\", script = {{ {script} }} }},")).collect();
    let members: String = names().map(|(name, _)| format!("\"s/{name}\",")).collect();
    format!(
        "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [{models}]\n\
         [[panel]]\nname = \"p\"\nmembers = [{members}]\n{keys}\n"
    )
}

fn caller() -> Caller {
    let deadline = Instant::now() + Duration::from_secs(10);
    Caller { request_id: "req-1".into(), deadline, guest: Guest::local(), wishes: Wishes::default() }
}

fn tool(settings: &str) -> AskTool {
    let settings = toml::from_str(settings).unwrap();
    AskTool::new(Arc::new(Matrix::new(&settings, vec![models::scripted::KIND], Metrics::new("0")).unwrap()))
}

fn three() -> AskTool {
    tool(&panel(&[&says("red", 10), &says("red", 20), &says("blue", 30)], "").replace("\"p\"", "\"quorum\""))
}

async fn call(tool: &AskTool, arguments: Value) -> Result<Value, ToolFault> {
    tool.call(&caller(), arguments).await
}

/// Whether a value has the shape that a schema describes, as far as our own schemas go.
fn fits(schema: &Value, value: &Value, at: &str) {
    if schema == &json!(true) {
        return;
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let one = options.iter().find(|option| allows(option, value));
        return fits(one.unwrap_or_else(|| panic!("{at}: {value} fits none of {schema}")), value, at);
    }
    assert!(allows(schema, value), "{at}: {value} is not {schema}");
    let known = schema["enum"].as_array();
    assert!(known.is_none_or(|known| known.contains(value)), "{at}: {value} is not {schema}");
    for key in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(key.as_str().unwrap()).is_some(), "{at}: no {key} in {value}");
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let Some(property) = schema["properties"].get(key) else {
            // Of the report the schema names what a model goes by; every member of the answer itself is in it.
            assert_ne!(at, "answer", "{key} is not in the schema");
            continue;
        };
        fits(property, value, &format!("{at}.{key}"));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(&schema["items"], item, &format!("{at}[]"));
    }
}

fn allows(schema: &Value, value: &Value) -> bool {
    let one = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => panic!("what is `{name}`?"),
    };
    match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => names.iter().any(|name| one(name.as_str().unwrap())),
        _ => true,
    }
}

#[test]
fn the_schemas_are_objects_that_stand_alone() {
    let spec = three().spec();
    assert_eq!(spec.name, "ask");
    for schema in [&spec.input_schema, &spec.output_schema] {
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let text = schema.to_string();
        assert!(!text.contains("$ref") && !text.contains("$defs"), "{text}");
        assert!(schema["properties"].as_object().is_some_and(|properties| !properties.is_empty()));
    }
    let input = &spec.input_schema;
    assert_eq!((&input["required"], &input["additionalProperties"]), (&json!(["prompt"]), &json!(false)));
    assert_eq!(input["properties"]["models"]["maxItems"], 16);
    let share = &input["properties"]["agreement"];
    assert_eq!((&share["exclusiveMinimum"], &share["maximum"]), (&json!(0), &json!(1)));
    assert!(
        spec.input_schema["properties"]
            .as_object()
            .unwrap()
            .values()
            .all(|property| property["description"].is_string())
    );
    assert!(spec.read_only && !spec.destructive && spec.open_world);
}

#[tokio::test(start_paused = true)]
async fn what_it_returns_fits_its_schema() {
    let tool = three();
    let schema = tool.spec().output_schema;
    let required: Vec<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for key in
        ["answer", "request_id", "served_by", "simulated", "degraded", "reasons", "cache", "cost_usd", "overhead_ms"]
    {
        assert!(required.contains(&key), "{key} of {required:?}");
    }
    for arguments in [
        json!({ "prompt": "Which?" }),
        json!({ "prompt": "Which?", "model": "s/c" }),
        json!({ "prompt": "Which?", "model": null, "models": ["s/a", "s/c"], "agreement": 1 }),
    ] {
        let found = call(&tool, arguments).await.unwrap();
        fits(&schema, &found, "answer");
        assert_eq!(found["request_id"], "req-1");
        assert!(found["overhead_ms"].as_f64().unwrap() < 5.0, "{found}");
    }
    let failing = panel(&[FAILS, HANGS, &says("yes", 10)], "deadline_ms = 50").replace("\"p\"", "\"quorum\"");
    fits(&schema, &call(&self::tool(&failing), json!({ "prompt": "Which?" })).await.unwrap(), "answer");
}

#[tokio::test(start_paused = true)]
async fn it_asks_the_panel_the_model_or_the_models_named() {
    let tool = three();
    let found = call(&tool, json!({ "prompt": "Which?" })).await.unwrap();
    assert_eq!((&found["answer"], &found["agreement"]["reached"]), (&json!("red"), &json!(true)));
    let found = call(&tool, json!({ "prompt": "Which?", "model": "s/c" })).await.unwrap();
    assert_eq!((&found["answer"], found.get("agreement")), (&json!("blue"), None));
    let found = call(&tool, json!({ "prompt": "Which?", "models": ["s/c"] })).await.unwrap();
    assert_eq!((&found["answer"], &found["agreement"]["asked"]), (&json!("blue"), &json!(1)));
}

async fn refused(tool: &AskTool, arguments: Value) -> (String, String) {
    let text = arguments.to_string();
    let fault = call(tool, arguments).await.err().unwrap_or_else(|| panic!("{text} was taken"));
    assert_eq!(fault.kind, Kind::BadInput, "{text}: {fault:?}");
    (fault.message, fault.hint.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn wrong_arguments_are_refused_by_name() {
    let tool = three();
    let many = vec!["s/a"; 17];
    for (arguments, message) in [
        (json!(null), "the arguments must be an object"),
        (json!(["x"]), "the arguments must be an object"),
        (json!("x"), "the arguments must be an object"),
        (json!({}), "missing field `prompt`"),
        (json!({ "prompt": 3 }), "`prompt` must be a string"),
        (json!({ "prompt": null }), "`prompt` must be a string"),
        (json!({ "prompt": " \n" }), "`prompt` is empty"),
        (json!({ "prompt": "x".repeat((1 << 20) + 1) }), "`prompt` is longer than 1048576 bytes"),
        (json!({ "promt": "x" }), "unknown field `promt`, expected one of `prompt`, `model`, `models`, `agreement`"),
        (json!({ "prompt": "x", "model": ["s/a"] }), "`model` must be a string"),
        (json!({ "prompt": "x", "models": "s/a" }), "`models` must be a list of strings"),
        (json!({ "prompt": "x", "models": ["s/a", 1] }), "`models` must be a list of strings"),
        (json!({ "prompt": "x", "models": [] }), "`models` must hold 1 to 16 names"),
        (json!({ "prompt": "x", "models": many }), "`models` must hold 1 to 16 names"),
        (json!({ "prompt": "x", "model": "s/a", "models": ["s/a"] }), "both `model` and `models` are given"),
        (json!({ "prompt": "x", "models": ["s/a"], "agreement": "half" }), "`agreement` must be a number"),
        (json!({ "prompt": "x", "models": ["s/a"], "agreement": 0 }), "`agreement` must be above 0 and at most 1"),
        (json!({ "prompt": "x", "models": ["s/a"], "agreement": 1.5 }), "`agreement` must be above 0 and at most 1"),
        (json!({ "prompt": "x", "agreement": 0.5 }), "`agreement` goes with `models` only"),
    ] {
        assert_eq!(refused(&tool, arguments).await.0, message);
    }
    assert!(refused(&tool, json!({})).await.1.contains("`{\"prompt\": \"…\"}`"));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_model_is_a_wrong_argument_with_the_nearest_names() {
    let tool = three();
    let (message, hint) = refused(&tool, json!({ "prompt": "x", "model": "qourum" })).await;
    assert_eq!(message, "the model `qourum` does not exist");
    assert!(hint.starts_with("did you mean `quorum`?"), "{hint}");
    let (message, hint) = refused(&tool, json!({ "prompt": "x", "models": ["s/aa", "s/b"] })).await;
    assert_eq!(message, "the model `s/aa` does not exist");
    assert!(hint.starts_with("did you mean `s/a`"), "{hint}");
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_told_as_it_is() {
    let fault = call(&tool(&panel(&[FAILS], "")), json!({ "prompt": "x", "model": "p" })).await.err().unwrap();
    assert_eq!((fault.kind, fault.code), (Kind::Unavailable, "no_model_answered"));
    assert!(fault.message.contains("`s/a`: the provider failed with 501"), "{}", fault.message);
    let fault = call(&tool(""), json!({ "prompt": "x" })).await.err().unwrap();
    assert_eq!(
        (fault.message.as_str(), fault.hint.as_deref()),
        ("no model is set up", Some("add a `[[provider]]` to the settings"))
    );
}
