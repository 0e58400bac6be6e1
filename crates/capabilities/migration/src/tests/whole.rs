//! Whole files: what they become, as snapshots, and that `settings` reads it from a file as it reads any other.

use super::{SAMPLES, one, shown, source};
use crate::{Format, import};

#[test]
fn every_sample_becomes_settings() {
    for (name, text, format) in SAMPLES {
        let imported = import(None, &[source(name, text)]).unwrap();
        assert_eq!(imported.format, format, "{name}");
        insta::assert_snapshot!(name, shown(&imported));
    }
}

#[test]
fn what_is_written_says_what_is_returned() {
    for (name, text, _) in SAMPLES {
        let imported = import(None, &[source(name, text)]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("althing.toml");
        std::fs::write(&file, &imported.toml).unwrap();
        let source = settings::Source { file: Some(file), ..settings::Source::default() };
        let settings = settings::load(&source).unwrap().settings;
        assert_eq!(settings.provider, imported.providers, "{name}");
        assert_eq!(settings.panel, imported.panels, "{name}");
        assert_eq!(settings.route, imported.routes, "{name}");
        assert_eq!(settings.alias, imported.alias, "{name}");
        let bind = settings::Server::default().bind;
        assert_eq!(settings.server.bind, imported.whole.bind.unwrap_or(bind), "{name}");
        let decisions = toml::Table::try_from(&settings.decisions).unwrap();
        for (key, value) in imported.whole.decisions {
            assert_eq!(decisions[key].as_integer(), i64::try_from(value).ok(), "{name} {key}");
        }
        let guard = settings::Guard::default();
        assert_eq!(settings.guard.attempts_max, imported.whole.attempts_max.unwrap_or(guard.attempts_max), "{name}");
    }
}

#[test]
fn lines_tell_what_variables_stand_for() {
    let yaml = "model_list: [{model_name: a, litellm_params: {model: azure/d, api_base: os.environ/BASE}}]";
    let alone = one(yaml).unwrap();
    assert_eq!(alone.providers[0].base_url.as_deref(), Some("http://base.invalid/openai/v1"));
    assert!(alone.left[0].why.contains("`BASE`"), "{:?}", alone.left);
    let lines = source(".env", "BASE=https://r.openai.azure.com\n");
    let both = import(None, &[source("c.yaml", yaml), lines]).unwrap();
    assert_eq!(both.providers[0].base_url.as_deref(), Some("https://r.openai.azure.com/openai/v1"));
    assert!(both.left.is_empty(), "{:?}", both.left);
}

#[test]
fn a_named_format_is_believed() {
    let lines = source("env", "OLLAMA_HOST=http://gpu:11434\n");
    let imported = import(Some(Format::DecisionMatrix), &[lines]).unwrap();
    assert_eq!((imported.providers[0].kind.as_str(), imported.detected), ("ollama", None));
}

/// The model or route that a name stands for.
fn stands_for(names: &str) -> String {
    let imported = one(names).unwrap();
    let aliases = imported.alias.iter().map(|(name, target)| format!("{name}={target}"));
    let routes = imported.routes.iter().map(|route| {
        let models: Vec<&str> = route.rules[0].models.iter().map(|choice| choice.model.as_str()).collect();
        format!("{}:{}", route.name, models.join("+"))
    });
    aliases.chain(routes).collect::<Vec<_>>().join(" ")
}

#[test]
fn names_never_clash() {
    let check = |list: &str, expect: &str| assert_eq!(stands_for(&format!("model_list: [{list}]")), expect, "{list}");
    let model = |name: &str, model: &str| format!("{{model_name: {name}, litellm_params: {{model: {model}}}}}, ");
    check(&model("x", "openai/x"), "");
    check(&model("a", "openai/x"), "a=openai/x");
    check(&(model("x", "openai/x") + &model("x", "groq/x")), "x=x-route x-route:openai/x+groq/x");
    check(
        &(model("openai", "openai/x") + &model("openai", "groq/y")),
        "openai=openai-route openai-route:openai/x+groq/y",
    );
    check(&(model("groq/y", "openai/x") + &model("b", "groq/y")), "b=groq/y");
    check(
        &(model("a-route", "openai/a") + &model("a", "openai/x") + &model("a", "openai/a")),
        "a=a-route-2 a-route=openai/a a-route-2:openai/x+openai/a",
    );
    check(&(model("'a*'", "openai/x")), "a*=openai/x");
    check(&(model(r#""b'\\\"c""#, "openai/x")), r#"b'\"c=openai/x"#);
}
