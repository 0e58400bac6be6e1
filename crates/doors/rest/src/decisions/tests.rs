//! Decisions through the door: what is answered to whom, in which status, with which headers.

mod described;
mod listening;

use crate::tests::{Ground, call, closed_to_lower_roles, request};
use ::decisions::{Clock, Decisions, Setup};
use axum::body::Body;
use http_door::App;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::Heard;

/// Models that score, that take their time, that are broken, and that never answer.
const MODELS: &str = r#"
    [server]
    keepalive_first_ms = 20
    keepalive_ms = 20
    [decisions]
    retries_max = 0
    [[provider]]
    name = 's'
    kind = 'scripted'
    models = [
        { name = 'fair', script = { answers = ['{"score": 7, "reasoning": "fair", "confidence": 0.8, "status": "success"}'] } },
        { name = 'slow', script = { answers = ['{"score": 4, "reasoning": "so so"}'], latency = { ms = 150 } } },
        { name = 'broken', script = { error_rate = 1.0, error_status = 500 } },
        { name = 'mute', script = { hang_rate = 1.0 } },
    ]
"#;

struct House {
    app: App,
    room: Arc<Decisions>,
    _ground: Ground,
}

impl House {
    async fn open() -> Self {
        let ground = Ground::new(MODELS).await;
        let setup = Setup {
            store: ground.store.clone(),
            matrix: Arc::clone(&ground.matrix),
            settings: ground.settings.decisions.clone(),
            metrics: Arc::clone(&ground.metrics),
            clock: Clock::Store,
            memory: Arc::new(|| None),
            seed: 7,
        };
        let room = Decisions::open(setup).await.unwrap();
        Self { app: ground.app(super::rows(&room)), room, _ground: ground }
    }

    async fn ask(&self, who: &str, method: &str, path: &str, body: impl Into<Body>) -> Heard {
        call(&self.app, request(who, method, &format!("/api/v1/decisions{path}"), body)).await
    }

    /// What is answered where all is well.
    async fn good(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.ask("user", method, path, body).await;
        assert!(reply.status.is_success(), "{method} {path}: {reply:?}");
        reply.json()
    }

    /// A decision between two cities by so many criteria; its id.
    async fn begun(&self, model: &str, criteria: usize) -> String {
        let criteria: Vec<Value> = (0..criteria).map(|at| json!({ "name": format!("c{at}"), "weight": 2.0 })).collect();
        let body = json!({ "topic": "Where to", "model_name": model, "criteria": criteria,
            "options": [{ "name": "Rome", "description": "old" }, { "name": "Oslo" }] });
        self.good("POST", "", &body).await["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_row_is_closed_to_whoever_lacks_its_role() {
    let house = House::open().await;
    closed_to_lower_roles(&house.app, &super::rows(&house.room), 15).await;
}

#[tokio::test]
async fn a_decision_begins_is_listed_changed_and_removed() {
    let house = House::open().await;
    let body =
        json!({ "topic": "Where to", "options": [{ "name": "Rome" }, { "name": "Oslo" }], "model_name": "s/fair" });
    let begun = house.ask("user", "POST", "", body.to_string()).await;
    let decision = begun.json();
    let id = decision["id"].as_str().unwrap().to_owned();
    assert_eq!(begun.status, 201, "{begun:?}");
    assert_eq!(begun.header("location"), Some(format!("/api/v1/decisions/{id}").as_str()));
    let first = decision["version"].as_i64().unwrap();

    let more = json!({ "name": "price", "description": "cheap is good", "weight": 3.0, "version": first });
    let second = house.good("POST", &format!("/{id}/criteria"), &more).await["version"].as_i64().unwrap();
    assert!(second > first, "{second}");
    let option = json!({ "name": "A/B & C", "version": second });
    let third = house.good("POST", &format!("/{id}/options"), &option).await["version"].clone();
    let change = json!({ "name": "Bern", "version": third });
    let changed = house.good("PATCH", &format!("/{id}/options/A%2FB%20%26%20C"), &change).await;
    assert_eq!(changed["options"][2]["name"], "Bern", "{changed}");
    let weight = house.good("PATCH", &format!("/{id}/criteria/price"), &json!({ "weight": 0.5 })).await;
    assert_eq!(weight["criteria"][0]["weight"], 0.5, "{weight}");
    let version = weight["version"].as_i64().unwrap();
    let without = house.good("DELETE", &format!("/{id}/options/Bern?version={version}"), &Value::Null).await;
    assert_eq!(without["options"].as_array().map(Vec::len), Some(2), "{without}");
    house.good("POST", &format!("/{id}/criteria"), &json!({ "name": "sun" })).await;
    let without = house.good("DELETE", &format!("/{id}/criteria/sun"), &Value::Null).await;
    assert_eq!(without["criteria"].as_array().map(Vec::len), Some(1), "{without}");

    house.begun("s/fair", 1).await;
    let page = house.ask("viewer", "GET", "?limit=1", "").await.json();
    assert_eq!(page["items"][0]["status"], "setup", "{page}");
    let cursor = page["cursor"].as_str().unwrap();
    let rest = house.ask("viewer", "GET", &format!("?limit=1&cursor={cursor}"), "").await.json();
    assert_eq!((&rest["items"][0]["id"], &rest["cursor"]), (&json!(id), &Value::Null), "{rest}");
    let told = house.ask("operator", "GET", "/statistics", "").await.json();
    assert_eq!(told["sessions_active"], 2, "{told}");

    let removed = house.ask("user", "DELETE", &format!("/{id}"), "").await;
    assert_eq!((removed.status.as_u16(), removed.text()), (204, ""));
    assert_eq!(house.ask("user", "GET", &format!("/{id}"), "").await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let house = House::open().await;
    let id = house.begun("s/fair", 1).await;
    let version = house.good("GET", &format!("/{id}"), &Value::Null).await["version"].as_i64().unwrap();
    let near = format!("{}{}", &id[..id.len() - 1], if id.ends_with('0') { '1' } else { '0' });
    let check = async |method: &str, path: &str, body: &str, status: u16, code: &str| {
        let reply = house.ask("user", method, path, body.to_owned()).await;
        assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (status, Some(code)), "{path}: {reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
        reply.json()
    };
    let stale =
        check("POST", &format!("/{id}/options"), r#"{"name":"Bern","version":77}"#, 409, "version_conflict").await;
    assert_eq!(stale["version"].as_i64(), Some(version), "{stale}");
    let stale = check("DELETE", &format!("/{id}?version=77"), "", 409, "version_conflict").await;
    assert_eq!(stale["version"].as_i64(), Some(version), "{stale}");
    let missing = check("GET", &format!("/{near}"), "", 404, "session_not_found").await;
    assert_eq!(missing["nearest"], json!([id]), "{missing}");
    assert!(missing["detail"].as_str().unwrap().contains(&id), "{missing}");
    let missing = check("GET", "/nonsense", "", 404, "session_not_found").await;
    assert!(missing["detail"].as_str().unwrap().contains("GET /api/v1/decisions"), "{missing}");
    check("PATCH", &format!("/{id}/options/Rme"), r#"{"description":"x"}"#, 404, "not_found").await;
    check("PATCH", &format!("/{id}/options/%FF"), r#"{"description":"x"}"#, 404, "session_not_found").await;
    check("POST", &format!("/{id}/options"), r#"{"name":"rome"}"#, 409, "duplicate_name").await;
    check("POST", &format!("/{id}/options"), r#"{"nam":"x"}"#, 400, "invalid_body").await;
    check("POST", &format!("/{id}/options"), r#"{"name":"x","version":"one"}"#, 400, "invalid_body").await;
    check("POST", &format!("/{id}/options"), "[]", 400, "invalid_body").await;
    check("POST", "", r#"{"topic":"t","options":[{"name":"one"}]}"#, 400, "limit_exceeded").await;
    check("POST", "", r#"{"topic":"t"}"#, 400, "invalid_body").await;
    check("POST", &format!("/{id}/evaluate?wait=perhaps"), "", 400, "invalid_parameter").await;
    check("POST", &format!("/{id}/evaluate"), r#"{"again":true}"#, 400, "invalid_body").await;
    check("GET", &format!("/{id}/matrix?colour=red"), "", 400, "invalid_parameter").await;
    check("GET", &format!("/{id}/export?format=xlsx"), "", 400, "invalid_parameter").await;
    check("GET", "?cursor=nonsense", "", 400, "invalid_cursor").await;
    let bare = house.begun("s/fair", 0).await;
    let nothing = check("POST", &format!("/{bare}/evaluate"), "", 422, "nothing_to_evaluate").await;
    assert!(nothing["detail"].as_str().unwrap().contains("POST …/criteria"), "{nothing}");
}

#[tokio::test]
async fn evaluating_again_asks_only_what_has_changed() {
    let house = House::open().await;
    let id = house.begun("s/fair", 2).await;
    let evaluate = format!("/{id}/evaluate");
    let done = house.good("POST", &evaluate, &Value::Null).await;
    assert_eq!(
        (&done["asked"], &done["complete"], &done["simulated"]),
        (&json!(4), &json!(true), &json!(true)),
        "{done}"
    );
    house.good("PATCH", &format!("/{id}/criteria/c0"), &json!({ "weight": 9.0 })).await;
    assert_eq!(house.good("POST", &evaluate, &json!({})).await["asked"], 0);
    house.good("POST", &format!("/{id}/options"), &json!({ "name": "Bern" })).await;
    let done = house.good("POST", &evaluate, &json!({})).await;
    assert_eq!((&done["asked"], &done["reused"]), (&json!(2), &json!(4)), "{done}");
    let again = house.good("POST", &evaluate, &json!({ "refresh": true })).await;
    assert_eq!(again["asked"], 6, "{again}");
    let matrix = house.good("GET", &format!("/{id}/matrix"), &Value::Null).await;
    assert_eq!(matrix["matrix"]["Bern"]["c0"]["raw_score"], 7.0, "{matrix}");
    assert!(matrix.get("history").is_none(), "{matrix}");
    let matrix = house.good("GET", &format!("/{id}/matrix?include_history=true&seed=3"), &Value::Null).await;
    assert!(matrix["history"].as_array().is_some_and(|history| !history.is_empty()), "{matrix}");
    assert_eq!(house.good("GET", "", &Value::Null).await["items"][0]["status"], "evaluated");
}

#[tokio::test]
async fn whoever_has_no_model_scores_pairs_itself() {
    let house = House::open().await;
    let id = house.begun("s/mute", 1).await;
    let scores = json!({ "scores": [
        { "option": "Rome", "criterion": "c0", "score": 9, "justification": "sun" },
        { "option": "Oslo", "criterion": "c0", "justification": "never been there" },
    ] });
    let decision = house.good("POST", &format!("/{id}/scores"), &scores).await;
    assert_eq!(decision["pairs"].as_array().map(Vec::len), Some(2), "{decision}");
    let matrix = house.good("GET", &format!("/{id}/matrix"), &Value::Null).await;
    assert_eq!((&matrix["rankings"][0]["option"], &matrix["complete"]), (&json!("Rome"), &json!(true)), "{matrix}");
    assert_eq!(matrix["simulated"], false, "{matrix}");
}

#[tokio::test]
async fn criteria_that_were_compared_give_a_second_opinion() {
    let house = House::open().await;
    let id = house.begun("s/fair", 2).await;
    house.good("POST", &format!("/{id}/evaluate"), &Value::Null).await;
    let compare = format!("/{id}/comparisons");
    let told = json!({ "comparisons": [{ "criterion": "c0", "with": "c1", "times": 3 }] });
    let decision = house.good("PUT", &compare, &told).await;
    assert_eq!(decision["comparisons"][0]["times"], 3.0, "{decision}");
    let by_comparison = async || {
        let matrix = house.good("GET", &format!("/{id}/matrix"), &Value::Null).await;
        matrix["sheet"]["opinions"].to_string().contains("AHP")
    };
    assert!(by_comparison().await);
    house.good("PUT", &compare, &json!({ "comparisons": [] })).await;
    assert!(!by_comparison().await);
    let wrong = json!({ "comparisons": [{ "criterion": "c0", "with": "c9", "times": 3 }] });
    assert_eq!(house.ask("user", "PUT", &compare, wrong.to_string()).await.status, 404);
}

#[tokio::test]
async fn a_deadline_that_is_short_leaves_a_partial_matrix_that_says_so() {
    let house = House::open().await;
    let id = house.begun("s/mute", 1).await;
    let mut asked = request("user", "POST", &format!("/api/v1/decisions/{id}/evaluate"), "");
    asked.headers_mut().insert("x-althing-timeout-ms", "400".parse().unwrap());
    let reply = call(&house.app, asked).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let (done, summary) = (reply.json(), reply.json()["summary"].take());
    assert_eq!((&done["complete"], &done["degraded"]), (&json!(false), &json!(true)), "{done}");
    assert_eq!((&summary["errors"], &summary["abstentions"]), (&json!(2), &json!(0)), "{done}");
    assert!(done["took_ms"].as_f64().unwrap() < 30_000.0, "without the header it takes minutes: {done}");
    let mut wrong = request("user", "POST", &format!("/api/v1/decisions/{id}/evaluate"), "");
    wrong.headers_mut().insert("x-althing-timeout-ms", "soon".parse().unwrap());
    let reply = call(&house.app, wrong).await;
    assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (400, Some("invalid_header")), "{reply:?}");
}

#[tokio::test]
async fn every_format_of_an_export_says_what_it_is() {
    let house = House::open().await;
    let id = house.begun("s/fair", 1).await;
    house.good("POST", &format!("/{id}/evaluate"), &Value::Null).await;
    for (query, kind, name, begins) in [
        ("", "text/markdown; charset=utf-8", "md", "#"),
        ("?format=markdown", "text/markdown; charset=utf-8", "md", "#"),
        ("?format=md&seed=3", "text/markdown; charset=utf-8", "md", "#"),
        ("?format=csv", "text/csv; charset=utf-8; header=present", "csv", "option,"),
        ("?format=csv&table=ranking", "text/csv; charset=utf-8; header=present", "csv", "rank,"),
        ("?format=json", "application/json", "json", "{"),
        ("?format=html", "text/html; charset=utf-8", "html", "<!DOCTYPE html>"),
    ] {
        let reply = house.ask("viewer", "GET", &format!("/{id}/export{query}"), "").await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, Some(kind)), "{query}: {reply:?}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{query}");
        let part = if query.contains("ranking") { "-ranking" } else { "" };
        let attached = format!("attachment; filename=\"decision-{id}{part}.{name}\"");
        assert_eq!(reply.header("content-disposition"), Some(attached.as_str()), "{query}");
        assert!(reply.text().trim_start_matches('\u{feff}').starts_with(begins), "{query}: {}", reply.text());
        assert!(reply.text().contains("Rome"), "{query}");
        let policy = reply.header("content-security-policy");
        assert_eq!(policy.is_some(), query == "?format=html", "{query}");
        let closed = |policy: &str| policy.contains("default-src 'none'") && policy.contains("sandbox");
        assert!(policy.is_none_or(closed), "{policy:?}");
    }
}

#[tokio::test]
async fn another_tenants_decision_does_not_exist() {
    let house = House::open().await;
    let id = house.begun("s/fair", 1).await;
    house.good("POST", &format!("/{id}/evaluate"), &Value::Null).await;
    let stranger = "admin@other";
    for (method, path, body) in [
        ("GET", "", ""),
        ("DELETE", "", ""),
        ("POST", "/options", r#"{"name":"x"}"#),
        ("PATCH", "/options/Rome", r#"{"name":"x"}"#),
        ("DELETE", "/options/Rome", ""),
        ("POST", "/criteria", r#"{"name":"x"}"#),
        ("PATCH", "/criteria/c0", r#"{"weight":2}"#),
        ("DELETE", "/criteria/c0", ""),
        ("POST", "/scores", r#"{"scores":[{"option":"Rome","criterion":"c0","score":1}]}"#),
        ("PUT", "/comparisons", r#"{"comparisons":[]}"#),
        ("POST", "/evaluate", ""),
        ("POST", "/evaluate?wait=false", ""),
        ("GET", "/events", ""),
        ("GET", "/matrix", ""),
        ("GET", "/export", ""),
    ] {
        let reply = house.ask(stranger, method, &format!("/{id}{path}"), body).await;
        assert_eq!(reply.status, 404, "{method} {path}: {reply:?}");
        assert_eq!(reply.json()["code"], "session_not_found", "{method} {path}");
        // It repeats what was asked for, and no other decision of the tenant it belongs to.
        assert!(reply.json().get("nearest").is_none(), "{reply:?}");
    }
    assert_eq!(house.ask(stranger, "GET", "", "").await.json()["items"], json!([]));
    assert_eq!(house.ask(stranger, "GET", "/statistics", "").await.json()["sessions_active"], 0);
    assert_eq!(house.good("GET", &format!("/{id}"), &Value::Null).await["options"][0]["name"], "Rome");
}
