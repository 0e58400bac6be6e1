//! Whatever is imported loads, and whatever is read never breaks anything.

use super::{SAMPLES, shown, source};
use crate::{Format, MigrationError, import};
use proptest::prelude::*;

/// Words as people and machines write them, and such as nobody should.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "gpt-4o",
        "openai/gpt-4o",
        "openai/*",
        "*",
        "a*b",
        "azure/d",
        "bedrock/eu-west-1/m",
        "ollama/llama3",
        "groq/x",
        "x",
        "https://h/v1",
        "http://u:p@h:1/",
        "h:1",
        "os.environ/BASE",
        "1e-6",
        "0.5",
        "-1",
        "99999999999999",
        "true",
        "",
        "a b",
        "openai",
        "x-route",
        "gemini/g",
        "10",
        "http://[::1]:1",
        "my-key",
        "null",
        "staging",
        "http",
        "::1",
    ]);
    prop_oneof![6 => known.prop_map(str::to_owned), 1 => "[a-zA-Z0-9/*:. _é-]{0,24}", 1 => "\\PC{0,8}"]
}

/// Parameters of a deployment.
fn params() -> impl Strategy<Value = serde_json::Value> {
    let key = prop::sample::select(vec![
        "api_base",
        "api_key",
        "rpm",
        "tpm",
        "timeout",
        "order",
        "max_tokens",
        "input_cost_per_token",
        "output_cost_per_token",
        "cache_read_input_token_cost",
        "aws_region_name",
        "aws_profile_name",
        "aws_access_key_id",
        "custom_llm_provider",
        "weight",
        "input_cost_per_request",
    ]);
    (word(), prop::collection::btree_map(key, word(), 0..5)).prop_map(|(model, more)| {
        let mut params = serde_json::json!({ "model": model });
        more.into_iter().for_each(|(key, value)| params[key] = value.into());
        params
    })
}

/// A proxy's settings.
fn proxy() -> impl Strategy<Value = String> {
    let item = (word(), params())
        .prop_map(|(name, params)| serde_json::json!({ "model_name": name, "litellm_params": params }));
    let pair = || prop::collection::btree_map(word(), prop::collection::vec(word(), 0..3), 0..3);
    let number = || prop::option::of(word());
    (prop::collection::vec(item, 1..8), pair(), pair(), number(), number()).prop_map(
        |(list, falls, also, retries, time)| {
            let also: std::collections::BTreeMap<_, _> =
                also.into_iter().map(|(name, to)| (name, to.concat())).collect();
            let router = serde_json::json!({ "fallbacks": [falls], "model_group_alias": also, "num_retries": retries,
            "cooldown_time": time, "timeout": time, "allowed_fails": retries });
            serde_json::json!({ "model_list": list, "router_settings": router }).to_string()
        },
    )
}

/// Either nothing came along, or all of it loads: [`import`] reads back what it writes and calls a failure `Unfit`.
fn is_sound(from: Option<Format>, text: &str) {
    let result = import(from, &[source("given", text)]);
    assert!(!matches!(result, Err(MigrationError::Unfit { .. })), "{result:?}\n{text}");
    if let Ok(imported) = result {
        assert!(!shown(&imported).contains('\u{1b}'));
        let known: Vec<String> = imported
            .providers
            .iter()
            .flat_map(|it| it.models.iter().map(|model| format!("{}/{}", it.name, model.name)).collect::<Vec<_>>())
            .collect();
        let routes: Vec<&String> = imported.routes.iter().map(|route| &route.name).collect();
        for target in imported.alias.values() {
            assert!(known.contains(target) || routes.contains(&target), "{target} of nobody\n{text}");
        }
        for model in imported.routes.iter().flat_map(|route| &route.rules).flat_map(|rule| &rule.models) {
            assert!(known.contains(&model.model), "{model:?} of nobody\n{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_is_imported_loads(text in proxy()) {
        is_sound(None, &text);
    }

    #[test]
    fn variables_of_any_value_load(values in prop::collection::vec(word(), 19)) {
        let names = ["PLANNER_PROVIDER", "PLANNER_MODEL", "AZURE_OPENAI_ENDPOINT", "WORKER_MODEL", "SMALL_MODEL_BACKEND",
            "OLLAMA_HOST", "DMM_BEDROCK_MODEL", "AWS_REGION", "DMM_LITELLM_MODEL", "LITELLM_API_BASE",
            "DEFAULT_MODEL_BACKEND", "DMM_MAX_RETRIES", "DMM_MAX_OPTIONS_ALLOWED", "DMM_DEFAULT_SESSION_TTL_HOURS",
            "DMM_RETRY_DELAY_SECONDS", "DMM_ENVIRONMENT", "MCP_TRANSPORT", "MCP_HTTP_HOST", "MCP_HTTP_PORT"];
        let text: String = names.iter().zip(&values).map(|(name, value)| format!("{name}={value}\n")).collect();
        is_sound(Some(Format::Toolweaver), &text);
        is_sound(Some(Format::DecisionMatrix), &text);
        let provider = serde_json::json!({ "url": values[0], "model": values[1], "api": values[2], "name": values[3],
            "max_tokens": values[4], "timeout": values[5], "max_retries": values[6], "env_var": values[7] });
        let other = serde_json::json!({ "url": values[8], "model": values[9], "name": values[10] });
        is_sound(Some(Format::Conjecture), &serde_json::json!({ "providers": [provider, other] }).to_string());
    }

    #[test]
    fn no_text_breaks_anything(text in "[ -~\\n]{0,200}", at in 0usize..9, cut in 0usize..2000, format in 0usize..4) {
        let sample = SAMPLES[at].1;
        let cut = cut.min(sample.len());
        let broken = format!("{}{text}{}", &sample[..cut], &sample[cut..]);
        is_sound(Some(Format::ALL[format]), &text);
        is_sound(None, &broken);
    }
}
