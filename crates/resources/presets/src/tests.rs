//! Rows that can be used, and the order in which settings, rows and defaults count.

use super::{Auth, PRESETS, Preset, completed, resolved};
use settings::{Guard, ModelEntry, Provider};

fn of(kind: &str) -> Provider {
    Provider { name: "p".to_owned(), kind: kind.to_owned(), ..Provider::default() }
}

#[test]
fn every_row_is_usable() {
    let mut keys = Vec::new();
    for (at, preset) in PRESETS.iter().enumerate() {
        let kind = preset.kind;
        assert!(PRESETS[at + 1..].iter().all(|other| other.kind != kind), "{kind} twice");
        assert!(["openai", "anthropic", "bedrock", "ollama"].contains(&preset.protocol), "{kind}");
        assert!(preset.limits.in_flight_max > 0 && preset.limits.timeout_ms > 0, "{kind}");
        if let Some(base_url) = preset.base_url {
            assert!(base_url.parse::<http::Uri>().unwrap().host().is_some(), "{kind}");
            assert!(!base_url.ends_with('/') && preset.is_at_home(Some(base_url)), "{kind}");
        }
        if let Some(key) = preset.key_env {
            // Whoever is found by a key must need nothing else, and be found once.
            assert!(preset.base_url.is_some() && !keys.contains(&key), "{kind}");
            keys.push(key);
        }
        assert!(preset.models.iter().all(|model| preset.is_own(model)), "{kind}");
    }
    assert_eq!(keys.len(), 9);
}

#[test]
fn what_is_set_counts_then_the_kind_then_the_default() {
    let guard = Guard { pool_max: 7, ..Guard::default() };
    for (kind, in_flight_max, timeout_ms) in [
        ("openai", 512, 60_000),
        ("azure", 512, 60_000),
        ("bedrock", 10, 30_000),
        ("litellm", 128, 45_000),
        ("ollama", 4, 60_000),
        ("scripted", 512, 60_000),
        ("made-up", 512, 60_000),
    ] {
        let found = resolved(&of(kind), &guard);
        let limits = (found.in_flight_max, found.timeout_ms, found.pool_max);
        assert_eq!(limits, (Some(in_flight_max), Some(timeout_ms), Some(7)), "{kind}");
    }
    let set = Provider {
        in_flight_max: Some(99),
        timeout_ms: Some(1),
        pool_max: Some(3),
        base_url: Some("http://here".to_owned()),
        ..of("bedrock")
    };
    let found = resolved(&set, &guard);
    assert_eq!((found.in_flight_max, found.timeout_ms, found.pool_max), (Some(99), Some(1), Some(3)));
    assert_eq!(found.base_url.as_deref(), Some("http://here"));
    assert_eq!(resolved(&of("groq"), &guard).base_url.as_deref(), Some("https://api.groq.com/openai/v1"));
    assert_eq!(resolved(&of("azure"), &guard).base_url, None);
}

#[test]
fn models_of_bedrock_have_the_limits_of_their_family() {
    for (name, rpm) in [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", Some(20)),
        ("eu.anthropic.claude-3-5-haiku-20241022-v1:0", Some(40)),
        ("amazon.titan-text-premier-v1:0", Some(100)),
        ("meta.llama3-70b-instruct-v1:0", None),
    ] {
        let entry = ModelEntry { name: name.to_owned(), ..ModelEntry::default() };
        let found = completed("bedrock", &entry);
        let limits = (found.rpm, found.prompt_bytes_max, found.output_tokens_max);
        assert_eq!(limits, (rpm, Some(102_400), Some(4_096)), "{name}");
        assert_eq!(completed("groq", &entry), entry);
        // A short name of ours says less than what the provider calls it.
        let short = ModelEntry { name: "m".to_owned(), upstream_name: Some(name.to_owned()), ..ModelEntry::default() };
        assert_eq!(completed("bedrock", &short).rpm, rpm);
    }
    let set = ModelEntry {
        name: "sonnet".to_owned(),
        rpm: Some(5),
        prompt_bytes_max: Some(6),
        output_tokens_max: Some(7),
        ..ModelEntry::default()
    };
    assert_eq!(completed("bedrock", &set), set);
    let listed = Provider { models: vec![set.clone(), ModelEntry::default()], ..of("bedrock") };
    let models = resolved(&listed, &Guard::default()).models;
    assert_eq!((models[0].clone(), models[1].output_tokens_max), (set, Some(4_096)));
}

#[test]
fn names_belong_to_whom_they_begin_like() {
    for (model, kind) in [
        ("gpt-99", "openai"),
        ("o3-pro", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("claude-opus-9", "anthropic"),
        ("gemini-9-pro", "gemini"),
        ("sonar-deep-research", "perplexity"),
        ("ministral-8b", "mistral"),
        ("deepseek-v9", "deepseek"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "bedrock"),
        ("mistral.mistral-large-2402-v1:0", "bedrock"),
    ] {
        let first = PRESETS.iter().find(|preset| preset.is_own(model)).map(|preset| preset.kind);
        assert_eq!(first, Some(kind), "{model}");
    }
    assert!(PRESETS.iter().all(|preset| !preset.is_own("llama-3") && !preset.is_own("")));
}

#[test]
fn home_is_where_the_price_list_holds() {
    let home = |kind: &str, base_url| Preset::of(kind).is_at_home(base_url);
    assert!(home("openai", None) && home("openai", Some("https://api.openai.com/v1/")));
    assert!(!home("openai", Some("http://127.0.0.1:8000/v1")));
    for (kind, base_url, expect) in [
        // The native protocols add the version themselves, and take an address with it all the same.
        ("anthropic", "https://api.anthropic.com/v1", true),
        ("anthropic", "https://api.anthropic.com/", true),
        ("anthropic", "https://api.anthropic.com.evil.example", false),
        ("azure", "https://mine.openai.azure.com/openai/v1", true),
        ("azure", "https://MINE.services.ai.Azure.com:443/openai/v1", true),
        ("azure", "http://127.0.0.1:9/openai/v1", false),
        ("azure", "https://mine.example/x.azure.com", false),
        ("bedrock", "https://bedrock-runtime.eu-central-1.amazonaws.com", true),
        ("bedrock", "https://vpce-1.bedrock-runtime.eu-central-1.vpce.amazonaws.com", true),
        ("bedrock", "https://gateway.example", false),
        ("bedrock", "http://127.0.0.1:8700/bedrock", false),
        ("made-up", "http://x", false),
    ] {
        assert_eq!(home(kind, Some(base_url)), expect, "{kind} {base_url}");
    }
    assert_eq!(Preset::of("azure").auth, Auth::Header("api-key"));
    assert_eq!(Preset::of("made-up").auth, Auth::Bearer);
}
