//! What the resource shows of panels, and what it says to whoever tells the truth.

use super::*;
use ::audit::Audit;
use ::load::history::History;
use access::{Flags, Keys};
use books::Books;
use caller::{Caller, HOUSE, Identity, Kept, Wishes};
use matrix::{Matrix, Outcome};
use measure::Metrics;
use serde_json::{Value, json};
use settings::Settings;
use std::path::Path as Folder;
use std::sync::Arc;
use std::time::Duration;
use store::{Config, Store};
use testkit::Purse;
use tokio::time::Instant;
use wire::openai::ChatRequest;

const SETTINGS: &str = r#"
[[provider]]
name = "s"
kind = "scripted"
models = [
    { name = "a", script = { answers = ["Rome"] } },
    { name = "b", script = { answers = ["Rome"] } },
    { name = "c", script = { answers = ["Paris"] } },
]
[[panel]]
name = "q"
members = ["s/a", "s/b", "s/c"]
agreement = 0.9
weights = "measured"
judge = "s/a"
resolution = "judge"
"#;

async fn services(data: &Folder) -> Services {
    let (settings, metrics) = (toml::from_str::<Settings>(SETTINGS).unwrap(), Metrics::new("test"));
    let figures = metrics.access();
    let store = Store::open(&Config::new(&settings.store, data).unwrap(), metrics.store()).await.unwrap();
    let matrix = Matrix::new(&settings, vec![models::scripted::KIND], Arc::clone(&metrics)).unwrap();
    matrix.keep_votes(&votes::Votes::open(store.clone(), 90, metrics.votes()).await.unwrap());
    Services {
        keys: Arc::new(Keys::open(&store, &settings.access, figures.clone()).await.unwrap()),
        books: Books::open(store.clone(), &settings.budget, &settings.ledger, figures.clone()).await.unwrap(),
        audit: Arc::new(Audit::open(store.clone(), figures).await.unwrap()),
        flags: Arc::new(Flags::new(&settings.flag, &metrics)),
        load: Arc::new(History::open(&store).await.unwrap()),
        matrix: Arc::new(matrix),
    }
}

fn guest(tenant: &str, role: Role) -> Guest {
    let identity = Identity { subject: "k_1".into(), tenant: tenant.into(), role };
    Guest { identity: Arc::new(identity), spend: Purse::new() }
}

/// Puts a question to the panel.
async fn asked(services: &Services, tenant: &str, id: &str) {
    let wishes = Wishes { kept: Kept::Never, ..Wishes::default() };
    let deadline = Instant::now() + Duration::from_secs(10);
    let caller = Caller { request_id: id.into(), deadline, guest: guest(tenant, Role::User), wishes };
    let outcome = services.matrix.ask(&caller, &ChatRequest::from_prompt("q", "Which city?")).await;
    assert!(matches!(outcome, Ok(Outcome::Whole { .. })));
}

async fn told(services: &Services, tenant: &str, id: &str, body: Value) -> Value {
    let question = Question { panel: "q".to_owned(), request_id: id.to_owned() };
    let sent = Sent(serde_json::from_value(body).unwrap());
    match tell(State(services.clone()), Extension(guest(tenant, Role::User)), question, sent).await {
        Ok(Json(view)) => json!(view),
        Err(Refused(refusal)) => crate::tests::told(&refusal),
    }
}

async fn shown_to(services: &Services, tenant: &str, panel: &str) -> Value {
    let who = Extension(guest(tenant, Role::Operator));
    match show(State(services.clone()), who, Name(panel.to_owned())).await {
        Ok(Json(view)) => json!(view),
        Err(Refused(refusal)) => crate::tests::told(&refusal),
    }
}

#[tokio::test]
async fn the_truth_shows_in_the_figures_of_its_tenant() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    for at in 0..30 {
        let id = format!("r{at}");
        asked(&services, "acme", &id).await;
        let found = told(&services, "acme", &id, json!({ "answer": "Paris." })).await;
        assert_eq!((&found["panel"], &found["request_id"], &found["version"]), (&json!("q"), &json!(id), &json!(1)));
    }
    let panel = shown_to(&services, "acme", "q").await;
    assert_eq!(
        (&panel["weights"], &panel["resolution"]),
        (&json!("measured"), &json!({ "method": "judge", "model": "s/a" }))
    );
    assert_eq!((&panel["reached"], &panel["not_reached"], &panel["first"]), (&json!(0), &json!(30), &json!(null)));
    let member = |at: usize| panel["members"][at].clone();
    assert_eq!((&member(0)["model"], &member(0)["accuracy"]["right"]), (&json!("s/a"), &json!(0)));
    assert!(member(2)["weight_in_force"].as_f64() > member(0)["weight_in_force"].as_f64(), "{panel}");
    assert!(!panel["pairs"].as_array().unwrap().is_empty());
    // Others see what is in force, and none of the counts.
    let others = shown_to(&services, "beta", "q").await;
    assert_eq!((&others["members"][0]["accuracy"], &others["not_reached"]), (&json!(null), &json!(0)));
    assert_eq!(others["members"][2]["weight_in_force"], member(2)["weight_in_force"]);
    let who = Extension(guest(HOUSE, Role::Operator));
    let all = json!(list(State(services.clone()), who).await.unwrap().0);
    assert_eq!((&all["items"][0]["not_reached"], &all["cursor"]), (&json!(30), &json!(null)));
}

#[tokio::test]
async fn refusals_name_what_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let services = services(data.path()).await;
    asked(&services, "acme", "r1").await;
    for (tenant, id, body, code) in [
        ("acme", "r1", json!({}), "invalid_body"),
        ("acme", "r1", json!({ "right": [], "answer": "x" }), "invalid_body"),
        ("acme", "r2", json!({ "right": [] }), "not_found"),
        ("beta", "r1", json!({ "right": [] }), "not_found"),
        ("beta", "r1", json!({ "answer": "Rome" }), "answer_forgotten"),
        ("acme", "r1", json!({ "right": ["s/x"] }), "no_such_answer"),
        ("acme", "r1", json!({ "right": [], "version": 3 }), "version_conflict"),
    ] {
        let refused = told(&services, tenant, id, body.clone()).await;
        assert_eq!(refused["error"]["code"], code, "{tenant} {id} {body}: {refused}");
    }
    assert_eq!(told(&services, "acme", "r1", json!({ "right": ["s/a"], "version": 0 })).await["version"], 1);
    assert_eq!(shown_to(&services, "acme", "p").await["error"]["code"], "not_found");
}
