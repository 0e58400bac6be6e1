//! Building, finding, adopting and keeping.

use super::source::{ADOPTED_MAX, NAME_BYTES_MAX, family_of};
use super::{Registry, RegistryError};
use crate::fixture::{KINDS, ask, build, no_prices, registry, settings};
use crate::{Kind, ModelError};
use fault::Explain;
use measure::Metrics;
use std::sync::Arc;
use testkit::{Reply, Upstream};

/// Two providers with a list and two without.
const FOUR: &str = "
    [[provider]]
    name = 'a'
    kind = 'scripted'
    models = ['one', 'both', 'org/deep']
    [[provider]]
    name = 'b'
    kind = 'groq'
    models = ['two', 'both', { name = 'three', upstream_name = 'org/three-b', family = 'kin' }]
    [[provider]]
    name = 'open'
    kind = 'groq'
    [[provider]]
    name = 'preset'
    kind = 'openai'
";

fn id(registry: &Registry, name: &str) -> Option<String> {
    registry.find(name).map(|endpoint| endpoint.id().to_owned())
}

fn error(text: &str, kinds: &[Kind]) -> RegistryError {
    build(&settings(text), kinds, &Metrics::new("test"), &no_prices(), None).map(|_| ()).unwrap_err()
}

#[test]
fn finds_by_full_name_and_by_a_bare_one() {
    let registry = registry(FOUR);
    for (name, expect) in [
        ("a/one", Some("a/one")),
        ("one", Some("a/one")),
        ("three", Some("b/three")),
        ("a/both", Some("a/both")),
        ("b/both", Some("b/both")),
        ("both", Some("a/both")),
        ("a/org/deep", Some("a/org/deep")),
        ("org/deep", Some("a/org/deep")),
        ("deep", None),
        ("a/none", None),
        ("none", None),
        ("", None),
        ("/", None),
        ("a/", None),
        ("/one", None),
        ("A/one", None),
        ("open/", None),
        ("open", None),
        ("open/anything", Some("open/anything")),
        ("open/org/anything:7b", Some("open/org/anything:7b")),
        ("anything", None),
        ("gpt-4o-mini", Some("preset/gpt-4o-mini")),
        ("gpt-99", Some("preset/gpt-99")),
        ("claude-99", None),
        ("nobody/gpt-99", None),
        ("preset/gpt-99", Some("preset/gpt-99")),
    ] {
        assert_eq!(id(&registry, name).as_deref(), expect, "{name}");
    }
    let listed: Vec<&str> = registry.endpoints().iter().map(|endpoint| endpoint.id()).collect();
    assert_eq!(listed[..7], ["a/one", "a/both", "a/org/deep", "b/two", "b/both", "b/three", "preset/gpt-5-mini"]);
    assert_eq!(listed.len(), 9, "what was adopted is not listed");
}

/// The endpoint that `name` stands for where these providers take any model: each a kind and an address or none.
fn taker(providers: &[(&str, &str)], name: &str) -> Option<String> {
    let provider = |(at, (kind, url)): (usize, &(&str, &str))| {
        let url = if url.is_empty() { String::new() } else { format!("base_url = '{url}'") };
        format!("[[provider]]\nname = 'p{at}'\nkind = '{kind}'\n{url}\n")
    };
    id(&registry(&providers.iter().enumerate().map(provider).collect::<String>()), name)
}

#[test]
fn a_name_that_nobody_lists_goes_to_whom_it_belongs() {
    let (openai, local) = (("openai", ""), ("openai", "http://127.0.0.1:1/v1"));
    let (mistral, vllm) = (("mistral", ""), ("vllm", ""));
    for (providers, name, expect) in [
        (&[mistral, openai][..], "gpt-99", Some("p1/gpt-99")),
        (&[mistral, openai], "codestral-9", Some("p0/codestral-9")),
        (&[mistral, openai], "llama", None),
        // At home before elsewhere, elsewhere before nowhere.
        (&[local, openai], "gpt-99", Some("p1/gpt-99")),
        (&[mistral, local], "gpt-99", Some("p1/gpt-99")),
        // The only one that takes any takes all.
        (&[vllm], "llama", Some("p0/llama")),
        (&[vllm], "org/llama", Some("p0/org/llama")),
        (&[vllm], "gpt-99", Some("p0/gpt-99")),
        (&[vllm, vllm], "llama", None),
        (&[vllm], "", None),
        (&[vllm], "/", None),
        (&[vllm], "/llama", None),
        (&[vllm], "llama/", None),
        (&[vllm], "p0/", None),
        (&[], "llama", None),
    ] {
        assert_eq!(taker(providers, name).as_deref(), expect, "{name} of {providers:?}");
    }
}

#[test]
fn limits_come_from_settings_then_from_the_kind() {
    let kinds = [Kind { name: "bedrock", build: crate::scripted::KIND.build }];
    let text = "[guard]\npool_max = 3\n[[provider]]\nname = 'p'\nkind = 'bedrock'
        models = ['claude-sonnet-4', { name = 'claude-haiku-4', rpm = 7, prompt_bytes_max = 8, output_tokens_max = 9 }]
        [[provider]]\nname = 'open'\nkind = 'bedrock'\nin_flight_max = 2\ntimeout_ms = 1000";
    let registry = build(&settings(text), &kinds, &Metrics::new("test"), &no_prices(), None).unwrap();
    let limits = |name: &str| {
        let health = registry.find(name).unwrap().health();
        let of_provider = (health.load.in_flight_max, health.timeout_ms);
        (of_provider, health.rpm, health.prompt_bytes_max, health.output_tokens_max)
    };
    assert_eq!(limits("p/claude-sonnet-4"), ((10, 30_000), Some(20), Some(102_400), Some(4_096)));
    assert_eq!(limits("p/claude-haiku-4"), ((10, 30_000), Some(7), Some(8), Some(9)));
    assert_eq!(limits("open/amazon.titan-text"), ((2, 1_000), Some(100), Some(102_400), Some(4_096)));
    assert_eq!(limits("open/adopted"), ((2, 1_000), None, Some(102_400), Some(4_096)));
}

#[test]
fn prices_come_from_settings_then_from_the_list_of_the_house() {
    let table = Arc::new(
        prices::Table::parse(
            "[openai]\nsource = 'https://x.test/prices'\ndate = '2026-01-01'\n[openai.models]
             'gpt-4o-mini' = { input = '1', output = '2', context_tokens = 1000, output_tokens_max = 100 }",
        )
        .unwrap(),
    );
    let text = "
        [[provider]]\nname = 'home'\nkind = 'openai'
        models = ['gpt-4o-mini', 'gpt-x', { name = 'own', upstream_name = 'gpt-4o-mini', output_tokens_max = 7,
            context_tokens = 9, price = { input = '5', output = '6' } }]
        [[provider]]\nname = 'away'\nkind = 'openai'\nbase_url = 'http://127.0.0.1:1/v1'
        [[provider]]\nname = 'named'\nkind = 'openai'\nbase_url = 'http://127.0.0.1:1/v1'\nprices = 'openai'
        [[provider]]\nname = 'none'\nkind = 'openai'\nprices = 'none'";
    let metrics = Metrics::new("test");
    let registry = build(&settings(text), KINDS, &metrics, &table, None).unwrap();
    let known = |name: &str| {
        let endpoint = registry.find(name).unwrap();
        let health = endpoint.health();
        let price = endpoint.price().map(|price| price.rates.input.to_string());
        (price, health.context_tokens, health.output_tokens_max)
    };
    let listed = (Some("1".to_owned()), Some(1_000), Some(100));
    for (name, expect) in [
        ("home/gpt-4o-mini", listed.clone()),
        ("home/own", (Some("5".to_owned()), Some(9), Some(7))),
        ("home/gpt-x", (None, None, None)),
        ("away/gpt-4o-mini", (None, None, None)),
        ("named/gpt-4o-mini", listed),
        ("none/gpt-4o-mini", (None, None, None)),
    ] {
        assert_eq!(known(name), expect, "{name}");
    }
    let again = build(&settings(text), KINDS, &metrics, &table, Some(&registry)).unwrap();
    let other = build(&settings(text), KINDS, &metrics, &no_prices(), Some(&registry)).unwrap();
    let first = registry.find("home/own").unwrap();
    assert!(Arc::ptr_eq(&first, &again.find("home/own").unwrap()));
    assert!(!Arc::ptr_eq(&first, &other.find("home/own").unwrap()), "other prices are a change");
}

#[test]
fn knows_families() {
    let registry = registry(FOUR);
    for (name, family) in [
        ("b/three", "kin"),
        ("a/one", "one"),
        ("open/Qwen2.5-7b", "qwen"),
        ("open/org/Llama-3", "llama"),
        ("preset/gpt-4o-mini", "openai"),
        ("preset/adopted", "openai"),
    ] {
        assert_eq!(registry.find(name).unwrap().family(), family, "{name}");
    }
    assert_eq!(family_of("4o"), "4o");
    assert!(registry.find("a/one").unwrap().simulated() && !registry.find("b/two").unwrap().simulated());
}

#[test]
fn adopts_a_bounded_number_of_names_under_one_label() {
    let metrics = Metrics::new("test");
    let registry = build(&settings(FOUR), KINDS, &metrics, &no_prices(), None).unwrap();
    let kept: Vec<_> = (0..ADOPTED_MAX).map(|at| registry.find(&format!("open/made-up-{at}")).unwrap()).collect();
    assert!(registry.find("open/one-too-many").is_none());
    assert!(Arc::ptr_eq(&kept[7], &registry.find("open/made-up-7").unwrap()), "those known are still found");
    assert!(registry.find("preset/other-providers-have-room").is_some());
    assert!(registry.find(&format!("preset/{}", "x".repeat(NAME_BYTES_MAX + 1))).is_none());
    let shown = metrics.encode();
    assert!(shown.contains("model=\"other\"") && !shown.contains("made-up"), "names from requests are no labels");
}

#[tokio::test]
async fn names_that_never_answered_make_room() {
    let upstream = Upstream::start(|seen| match seen.json()["model"].as_str() {
        Some("real") => Reply::chat("hi"),
        _ => Reply::error(404, "model_not_found", ""),
    })
    .await;
    let registry = registry(&format!("[[provider]]\nname = 'p'\nkind = 'groq'\nbase_url = '{}'", upstream.url()));
    let real = registry.find("p/real").unwrap();
    assert_eq!(ask(&real).await.unwrap().answer(), "hi");
    let busy = registry.find("p/busy").unwrap();
    let missing = ask(&registry.find("p/missing").unwrap()).await.unwrap_err();
    assert_eq!(missing, ModelError::Refused { status: 404, code: Some("model_not_found".to_owned()) });
    let weak = Arc::downgrade(&real);
    drop(real);
    for at in 0..3 * ADOPTED_MAX {
        assert!(registry.find(&format!("p/made-up-{at}")).is_some());
    }
    assert!(Arc::ptr_eq(&weak.upgrade().unwrap(), &registry.find("p/real").unwrap()), "it has answered");
    assert!(Arc::ptr_eq(&busy, &registry.find("p/busy").unwrap()), "somebody holds it");
}

#[test]
fn a_reload_keeps_what_has_not_changed() {
    let (metrics, prices) = (Metrics::new("test"), no_prices());
    let build = |text: &str, before| build(&settings(text), KINDS, &metrics, &prices, before).unwrap();
    let first = build(FOUR, None);
    let adopted = first.find("open/new").unwrap();
    let same = |second: &Registry, name: &str| Arc::ptr_eq(&first.find(name).unwrap(), &second.find(name).unwrap());

    let second = build(FOUR, Some(&first));
    assert!(["a/one", "b/both", "preset/gpt-4o-mini", "open/new"].into_iter().all(|name| same(&second, name)));
    let ids = |registry: &Registry| registry.endpoints().iter().map(|e| e.id().to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&second));

    let changed = build(&FOUR.replace("'two', 'both'", "'both'"), Some(&first));
    assert!(same(&changed, "a/both") && !same(&changed, "b/both"), "one provider changed, another did not");
    assert!(changed.find("b/two").is_none() && changed.find("two").is_none());

    let elsewhere = "[guard]\nattempts_max = 7\nbackoff_base_ms = 1\n[server]\ndeadline_ms = 1000\n";
    let untouched = build(&format!("{elsewhere}{FOUR}"), Some(&first));
    assert!(same(&untouched, "a/one") && Arc::ptr_eq(&adopted, &untouched.find("open/new").unwrap()));
    for touching in ["[guard]\nbreaker_failures = 9\n", "[server]\nstream_idle_ms = 1234\n", "[guard]\npool_max = 9\n"]
    {
        assert!(!same(&build(&format!("{touching}{FOUR}"), Some(&first)), "a/one"), "{touching}");
    }

    let third = build("[[provider]]\nname = 'b'\nkind = 'groq'\nmodels = ['x']", Some(&second));
    assert_eq!(third.endpoints().len(), 1);
    assert!(third.find("a/one").is_none() && third.find("open/new").is_none());
}

#[test]
fn a_key_changed_behind_its_reference_is_a_change() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "sk-one").unwrap();
    let text =
        format!("[[provider]]\nname = 'p'\nkind = 'groq'\nmodels = ['m']\napi_key = 'file:{}'", file.path().display());
    let (metrics, prices) = (Metrics::new("test"), no_prices());
    let build = |before| build(&settings(&text), KINDS, &metrics, &prices, before);
    let first = build(None).unwrap();
    let same = |second: &Registry| Arc::ptr_eq(&first.find("p/m").unwrap(), &second.find("p/m").unwrap());
    assert!(same(&build(Some(&first)).unwrap()));
    std::fs::write(&file, "").unwrap();
    let error = build(Some(&first)).map(|_| ()).unwrap_err();
    assert!(matches!(error, RegistryError::Secret { .. }), "{error}");
    std::fs::write(&file, "sk-two\n").unwrap();
    assert!(!same(&build(Some(&first)).unwrap()));
}

#[test]
fn an_unknown_kind_is_named_with_what_was_probably_meant() {
    let shown = |kind: &str| {
        let error = error(&format!("[[provider]]\nname = 'acme'\nkind = '{kind}'"), KINDS);
        assert_eq!(error.to_string(), format!("provider `acme` is of the unknown kind `{kind}`"));
        error.hint().unwrap()
    };
    assert_eq!(shown("opnai"), "did you mean `openai`?");
    assert_eq!(shown("scriptd"), "did you mean `scripted`?");
    assert_eq!(shown("zzz"), "use `openai` with a `base_url` for anything compatible");
}

#[test]
fn presets_stand_for_their_address_and_give_way_to_a_native_kind() {
    let text = "[[provider]]\nname = 'p'\nkind = 'groq'";
    assert!(build(&settings(text), &[], &Metrics::new("test"), &no_prices(), None).is_ok());
    let native = Kind { name: "groq", build: crate::scripted::KIND.build };
    let registry = build(&settings(text), &[native], &Metrics::new("test"), &no_prices(), None).unwrap();
    assert!(registry.find("p/x").unwrap().simulated());
    let error =
        error("[[provider]]\nname = 'p'\nkind = 'own'", &[Kind { name: "own", build: crate::openai::KIND.build }]);
    assert_eq!(error.to_string(), "provider `p` has no `base_url`");
}

#[test]
fn of_two_with_one_name_the_first_counts() {
    let registry = registry(
        "[[provider]]\nname = 'a'\nkind = 'scripted'\nmodels = ['m', 'm']
         [[provider]]\nname = 'a'\nkind = 'groq'\nmodels = ['m']",
    );
    assert_eq!(registry.endpoints().len(), 1);
    assert!(registry.find("m").unwrap().simulated());
}

#[test]
fn nothing_set_is_nothing_found() {
    let empty = registry("");
    assert!(empty.endpoints().is_empty() && empty.find("a/b").is_none());
}
