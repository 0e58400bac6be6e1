//! Which names mean what, and which settings are refused.

use super::{Plan, PlanError};
use crate::AskError;
use crate::fixtures::*;
use fault::{Explain, Kind};
use models::{Parts, Registry};
use serde_json::{Value, json};
use std::sync::Arc;

const TWO: &str = "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [\"ash\", \"birch\", \"oak\"]\n\
                   [[provider]]\nname = \"t\"\nkind = \"scripted\"\nmodels = [\"oak\", \"elm\"]\n";

fn plan(more: &str) -> Result<Plan, PlanError> {
    let settings = settings(&[TWO, more].concat());
    let (metrics, prices) = (metrics(), Arc::default());
    let parts = Parts { kinds: &KINDS, metrics: &metrics, prices: &prices, sharing: None };
    let registry = Registry::build(&settings, parts, None)?;
    Plan::build(&settings, registry, &metrics)
}

fn refused(more: &str) -> (String, Option<String>) {
    let error = plan(more).err().unwrap();
    assert_eq!(error.kind(), Kind::BadInput);
    (error.to_string(), error.hint())
}

#[test]
fn a_model_that_nobody_offers_is_refused_with_the_nearest() {
    let (message, hint) = refused("[[panel]]\nname = \"p\"\nmembers = [\"s/ash\", \"s/brich\"]");
    assert_eq!(message, "panel `p` names the model `s/brich`, which no provider offers");
    assert!(hint.unwrap().starts_with("did you mean `s/birch`"));
    let (message, hint) =
        refused("[[route]]\nname = \"r\"\nrules = [{ models = [\"s/ash\"] }, { models = [\"t/elmo\"] }]");
    assert_eq!(message, "route `r` names the model `t/elmo`, which no provider offers");
    assert!(hint.unwrap().starts_with("did you mean `t/elm`"));
    let (_, hint) = refused("[[panel]]\nname = \"p\"\nmembers = [\"zzz\"]");
    assert_eq!(hint.as_deref(), Some("write `provider/model` as in `[[provider]]`"));
    let both = plan("[[panel]]\nname = \"p\"\nmembers = [\"oak\"]").unwrap();
    let Some(super::Target::Panel(panel)) = both.find("p") else { panic!("no panel") };
    assert_eq!(panel.seats[0].endpoint.id(), "s/oak", "two providers have one: the first in the settings");
}

#[test]
fn a_wrong_provider_is_refused_in_its_own_words() {
    let error = plan("[[provider]]\nname = \"x\"\nkind = \"opneai\"").err().unwrap();
    assert_eq!(error.to_string(), "provider `x` is of the unknown kind `opneai`");
    assert_eq!((error.code(), error.hint().as_deref()), ("invalid_provider", Some("did you mean `openai`?")));
}

#[test]
fn a_name_that_several_share_is_told_once_unless_it_means_something_else() {
    let names = |more: &str| plan(more).unwrap().group_names().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(""), ["oak"]);
    assert_eq!(names("[alias]\noak = \"s/ash\""), [""; 0], "an alias takes the name");
    assert_eq!(names("[alias]\n\"oa*\" = \"s/ash\""), [""; 0]);
    let whole = "[[provider]]\nname = \"u\"\nkind = \"scripted\"\nmodels = [\"s/ash\"]\n\
                 [[provider]]\nname = \"v\"\nkind = \"scripted\"\nmodels = [\"s/ash\", \"elm\"]\n";
    assert_eq!(names(whole), ["elm", "oak"], "a whole name is one model's");
}

#[test]
fn names_come_in_order_and_the_default_is_the_quorum() {
    let found = plan("").unwrap();
    assert_eq!(found.names().collect::<Vec<_>>(), ["s/ash", "s/birch", "s/oak", "t/oak", "t/elm"]);
    assert_eq!(found.default_model().as_deref(), Some("s/ash"));
    let more =
        "[[panel]]\nname = \"z\"\nmembers = [\"elm\"]\n[[route]]\nname = \"r\"\nrules = [{ models = [\"elm\"] }]\n";
    let found = plan(more).unwrap();
    assert_eq!(found.names().take(2).collect::<Vec<_>>(), ["z", "r"]);
    assert_eq!(found.default_model().as_deref(), Some("s/ash"), "another panel is no default");
    let found = plan(&[more, "[[panel]]\nname = \"quorum\"\nmembers = [\"ash\", \"elm\"]\n"].concat()).unwrap();
    assert_eq!(found.default_model().as_deref(), Some("quorum"));
    assert!(matrix("").default_model().is_none());
}

/// Which model a route with these rules leads a request with these members to.
async fn leads(rules: &str, body: &Value) -> Result<String, AskError> {
    let matrix = matrix(&format!("{TWO}[[route]]\nname = \"r\"\nrules = [{rules}]\n"));
    let request = question_with("r", body);
    match matrix.ask(&caller(PATIENCE), &request).await? {
        crate::Outcome::Whole { report, .. } | crate::Outcome::Stream { report, .. } => {
            let [reason] = &report.reasons[..] else { panic!("{:?}", report.reasons) };
            assert!(reason.starts_with("the route `r`"), "{reason}");
            assert!(reason.ends_with(&format!(" led to `{}`", report.served_by)), "{reason}");
            Ok(report.served_by)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_rule_that_fits_decides() {
    let rules = "{ models = [\"s/ash\"], when = { stream = true } }, { models = [\"s/birch\"], when = { tools = true } }, \
                 { models = [\"elm\"], when = { stream = false, tools = false } }";
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    for (body, expect) in [
        (json!({ "stream": true }), "s/ash"),
        (json!({ "stream": true, "tools": tools }), "s/ash"),
        (json!({ "tools": tools }), "s/birch"),
        (json!({ "tools": [] }), "t/elm"),
        (json!({}), "t/elm"),
    ] {
        assert_eq!(leads(rules, &body).await.unwrap(), expect, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_length_of_all_messages_decides() {
    let rules = "{ models = [\"s/ash\"], when = { prompt_chars_max = 10 } }, \
                 { models = [\"s/birch\"], when = { prompt_chars_min = 11, prompt_chars_max = 20 } }";
    let said = |texts: &[Value]| {
        let message = |text: &Value| json!({ "role": "user", "content": text });
        json!({ "messages": texts.iter().map(message).collect::<Vec<_>>() })
    };
    for (texts, expect) in [
        (vec![json!("äöü äöü äö")], Some("s/ash")),
        (vec![json!("0123456789+")], Some("s/birch")),
        (vec![json!("0123456789"), json!("ok")], Some("s/birch")),
        (
            vec![json!([{ "type": "text", "text": "01234567890" }, { "type": "text", "text": "012345678" }])],
            Some("s/birch"),
        ),
        (vec![json!("0123456789"), json!("0123456789"), json!("ok")], None),
        (vec![json!(null)], Some("s/ash")),
    ] {
        let found = leads(rules, &said(&texts)).await;
        match (expect, found) {
            (Some(expect), found) => assert_eq!(found.unwrap(), expect, "{texts:?}"),
            (None, found) => {
                let error = found.err().unwrap();
                assert_eq!((error.code(), error.kind()), ("no_rule", Kind::Semantics));
                assert_eq!(error.to_string(), "no rule of the route `r` fits this request");
            }
        }
    }
}

#[test]
fn an_alias_stands_for_what_is_asked() {
    let more = "[alias]\n\"gpt-4o\" = \"t/elm\"\n\"claude-*\" = \"s/ash\"\n\"claude-3-*\" = \"quorum\"\noak = \"t/oak\"\n\
                \"s/ash\" = \"s/birch\"\n[[panel]]\nname = \"quorum\"\nmembers = [\"s/ash\"]\n";
    let found = plan(more).unwrap();
    let model = |name: &str| match found.find(name) {
        Some(super::Target::Model(endpoint)) => endpoint.id().to_owned(),
        Some(super::Target::Panel(panel)) => panel.name.clone(),
        Some(super::Target::Group(group)) => format!("all {}", group.name()),
        Some(super::Target::Route(_)) | None => "nothing".to_owned(),
    };
    for (name, meant) in [
        ("gpt-4o", "t/elm"),
        ("gpt-4o-mini", "nothing"),
        ("claude-sonnet-4-5", "s/ash"),
        ("claude-3-haiku", "quorum"),
        ("claude", "nothing"),
        ("oak", "t/oak"),
        ("s/ash", "s/ash"),
        ("quorum", "quorum"),
    ] {
        assert_eq!(model(name), meant, "{name}");
    }
    assert!(found.names().any(|name| name == "gpt-4o") && !found.names().any(|name| name.contains('*')));
    let (message, hint) = refused("[alias]\nx = \"t/elmo\"");
    assert_eq!(message, "alias `x` names the model `t/elmo`, which no provider offers");
    assert!(hint.unwrap().starts_with("did you mean `t/elm`"));
}
