//! Whom a decision asks.

use super::{Bench, new, root};
use crate::{Decision, NewDecision};

const HOUSE: &str = "
[[provider]]
name = \"work\"
kind = \"scripted\"
models = [\"small\", \"large\"]
[[provider]]
name = \"home\"
kind = \"scripted\"
models = [\"large\"]
[[panel]]
name = \"quorum\"
members = [\"work/small\", \"home/large\"]
[[route]]
name = \"cheap\"
rules = [{ models = [\"work/small\"] }]
";

async fn asks(settings: &str, backend: Option<&str>, name: Option<&str>) -> Result<Decision, String> {
    let bench = Bench::sqlite().await;
    let settings: settings::Settings = toml::from_str(settings).unwrap();
    let room = super::open(&bench.store, &settings, &bench.metrics, (&bench.clock, &bench.memory)).await;
    let new = NewDecision {
        model_backend: backend.map(str::to_owned),
        model_name: name.map(str::to_owned),
        ..new(&["Ash", "Elm"], &["Price"])
    };
    let told = |error: &crate::DecisionError| format!("{error}; {}", fault::Explain::hint(error).unwrap_or_default());
    room.start(&root(), new).await.map_err(|error| told(&error))
}

#[tokio::test]
async fn a_name_wins_over_a_backend() {
    for (backend, name, model) in [
        (None, None, "quorum"),
        (None, Some("quorum"), "quorum"),
        (Some("bedrock"), Some("cheap"), "cheap"),
        (Some("bedrock"), Some("work/large"), "work/large"),
        (Some("openai"), Some("home/large"), "home/large"),
        (Some("home"), None, "home/large"),
        (Some("home"), Some("large"), "home/large"),
        (Some("scripted"), None, "work/small"),
        (Some("litellm"), None, "quorum"),
        (Some("litellm"), Some("small"), "small"),
        (Some(" "), Some(" "), "quorum"),
    ] {
        let decision = asks(HOUSE, backend, name).await.unwrap();
        assert_eq!(decision.model.as_deref(), Some(model), "{backend:?} {name:?}");
        assert!(!decision.degraded && decision.reasons.is_empty(), "{backend:?} {name:?}: {decision:?}");
    }
}

#[tokio::test]
async fn bedrock_that_is_not_there_falls_back_and_says_so() {
    for (name, model, why) in [
        (None, "quorum", ""),
        (Some("anthropic.claude-3-sonnet"), "quorum", ", and no model `anthropic.claude-3-sonnet` is there"),
        (Some("small"), "small", ""),
    ] {
        let decision = asks(HOUSE, Some("bedrock"), name).await.unwrap();
        assert_eq!((decision.model.as_deref(), decision.degraded), (Some(model), true));
        let expected = format!("no provider of the kind `bedrock` is set up{why}: `{model}` is asked instead");
        assert_eq!(decision.reasons, [expected]);
    }
    let nobody = asks("", Some("bedrock"), None).await.unwrap();
    assert_eq!((nobody.model, nobody.degraded), (None, true));
}

#[tokio::test]
async fn what_is_not_there_is_refused_with_what_is() {
    for (backend, name, expected) in [
        (Some("ollama"), None, "no provider of the kind `ollama` is set up; there are `work`, `home`"),
        (Some("wrok"), None, "`wrok` is neither the name nor the kind of a provider that is set up; there are `work`"),
        (None, Some("qourum"), "the model `qourum` does not exist; did you mean `quorum`"),
        (Some("home"), Some("tiny"), "the model `tiny` does not exist"),
        (Some("litellm"), Some("tiny"), "the model `tiny` does not exist"),
        (Some("home"), Some("small"), "`home` offers no model `small`; others do"),
        (Some("wrok"), Some("small"), "`wrok` is neither the name nor the kind of a provider that is set up"),
    ] {
        let error = asks(HOUSE, backend, name).await.unwrap_err();
        assert!(error.starts_with(expected), "{backend:?} {name:?}: {error}");
    }
}

#[tokio::test]
async fn a_slip_in_a_models_name_is_told_where_nobody_named_a_backend() {
    let bench = Bench::sqlite().await;
    let start = async |name: &str| {
        let given = serde_json::json!({ "topic": "Which?", "options": ["Ash", "Elm"], "model_name": name });
        bench.call("start_decision_analysis", given).await
    };
    assert_eq!(start("jurry").await.unwrap_err().code, "model_not_found");
    assert_eq!(start("jury").await.unwrap()["model_name"], "jury");
    assert_eq!(start(" ").await.unwrap()["degraded"], true, "nobody is named");
}
