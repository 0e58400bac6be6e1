//! A planted key is searched for in everything that comes out.

use super::{SAMPLES, one, shown, source};
use crate::import;

/// What every planted key begins with.
const PLANTED: &str = "PLANTED";

#[test]
fn no_planted_key_comes_out_of_a_sample() {
    let mut planted = 0;
    for (name, text, _) in SAMPLES {
        planted += text.matches(PLANTED).count();
        let imported = import(None, &[source(name, text)]).unwrap();
        let all = format!("{}{imported:?}", shown(&imported));
        assert!(!all.contains(PLANTED), "{name}");
    }
    assert!(planted >= 17, "only {planted} keys are planted");
}

#[test]
fn no_planted_key_comes_out_of_any_parameter() {
    for key in [
        "api_key",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "vertex_credentials",
        "rpm",
        "timeout",
        "input_cost_per_token",
        "organization",
        "configurable_clientside_auth_params",
    ] {
        let text = format!("model_list: [{{model_name: a, litellm_params: {{model: bedrock/m, {key}: PLANTED-1}}}}]");
        let imported = one(&text).unwrap();
        assert!(!format!("{}{imported:?}", shown(&imported)).contains(PLANTED), "{key}");
        assert!(imported.left.iter().any(|left| left.path.ends_with(key)), "{key}: {:?}", imported.left);
    }
}

#[test]
fn no_planted_key_comes_out_of_an_address() {
    for url in [
        "https://PLANTED@h/v1",
        "https://u:PLANTED@h/v1",
        "https://h/v1?k=PLANTED",
        "https://h/#PLANTED",
        "https://h/sk-PLANTED1/v1",
        "PLANTED://h",
        "https://PLANTED h/",
    ] {
        let text = format!("model_list: [{{model_name: a, litellm_params: {{model: openai/m, api_base: '{url}'}}}}]");
        let out = match one(&text) {
            Ok(imported) => format!("{}{imported:?}", shown(&imported)),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!out.contains(PLANTED), "{url}: {out}");
    }
}

#[test]
fn two_keys_never_share_a_variable() {
    let text = "model_list:\n\
        - {model_name: a, litellm_params: {model: openai/a, api_key: PLANTED-1}}\n\
        - {model_name: b, litellm_params: {model: openai/b, api_key: PLANTED-2}}\n\
        - {model_name: c, litellm_params: {model: openai/c, api_key: os.environ/OPENAI_API_KEY}}\n\
        - {model_name: d, litellm_params: {model: openai/d, api_key: PLANTED-1}}\n";
    let imported = one(text).unwrap();
    let keys: Vec<String> = imported.providers.iter().map(|it| it.api_key.as_ref().unwrap().to_string()).collect();
    assert_eq!(keys, ["env:OPENAI_API_KEY_2", "env:OPENAI_2_API_KEY", "env:OPENAI_API_KEY"]);
    assert_eq!(imported.providers[0].models.len(), 2);
}
