//! REST from end to end, over the models that stand in where nothing is set up: begun, evaluated while somebody listens,
//! stopped and started in between, read, exported; and unknown to everybody else.

use super::summary;
use crate::support::{Place, Response, Server, ask, get, send, until};
use serde_json::{Value, json};
use std::net::SocketAddr;

const ALL: &str = "/api/v1/decisions";

/// Asks with a key; what is below the list of decisions is a path of its own.
async fn asked(server: &Server, key: &str, method: &str, below: &str, body: Option<Value>) -> Response {
    ask(server.address(), key, method, &format!("{ALL}{below}"), body.as_ref()).await
}

async fn good(server: &Server, key: &str, method: &str, below: &str, body: Option<Value>) -> Value {
    let reply = asked(server, key, method, below, body).await;
    assert!((200..300).contains(&reply.status), "{method} {below}: {} {}", reply.status, reply.text());
    reply.json()
}

/// Names and data of events, in order.
pub(super) fn events(reply: &Response) -> Vec<(String, Value)> {
    assert_eq!(reply.header("content-type"), Some("text/event-stream"), "{}", reply.text());
    assert!(reply.whole, "{}", reply.text());
    let blocks = reply.text().split_terminator("\n\n").filter(|block| !block.starts_with(':'));
    let event = |block: &str| {
        let (name, data) = block.split_once('\n').unwrap();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (name.strip_prefix("event: ").unwrap().to_owned(), data)
    };
    blocks.map(event).collect()
}

/// A decision between three cities by two criteria; its id.
async fn begun(server: &Server, key: &str) -> String {
    let wanted = json!({
        "topic": "Where to meet", "options": [{ "name": "Rome" }, { "name": "Oslo", "description": "by the sea" }],
        "criteria": [{ "name": "weather", "weight": 2.0 }],
    });
    let decision = good(server, key, "POST", "", Some(wanted)).await;
    let id = decision["id"].as_str().unwrap().to_owned();
    let criterion = json!({ "name": "price", "description": "cheap is good", "version": decision["version"] });
    let version =
        good(server, key, "POST", &format!("/{id}/criteria"), Some(criterion.clone())).await["version"].clone();
    let stale = asked(server, key, "POST", &format!("/{id}/criteria"), Some(criterion)).await;
    assert_eq!((stale.status, &stale.json()["version"]), (409, &version), "{}", stale.text());
    good(server, key, "POST", &format!("/{id}/options"), Some(json!({ "name": "A/B" }))).await;
    id
}

#[tokio::test]
async fn a_decision_from_its_beginning_to_its_export_over_a_restart() {
    let place = Place::new("");
    let [user, viewer] = ["user", "viewer"].map(|role| place.key(role, "acme"));
    let server = place.start();
    let id = begun(&server, &user).await;

    let path = format!("/{id}/evaluate?wait=false");
    assert_eq!(asked(&server, &viewer, "POST", &path, None).await.status, 403);
    let begun = asked(&server, &user, "POST", &path, None).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let place = begun.header("location").unwrap().to_owned();
    let heard = events(&ask(server.address(), &viewer, "GET", &place, None).await);
    let (last, steps) = heard.split_last().unwrap();
    assert_eq!((last.0.as_str(), &last.1["done"], &last.1["failed"]), ("finished", &json!(6), &json!(0)), "{heard:?}");
    assert!(steps.iter().all(|(name, _)| name == "progress"), "{heard:?}");

    let before = good(&server, &viewer, "GET", &format!("/{id}/matrix"), None).await;
    assert_eq!((&before["complete"], &before["simulated"]), (&json!(true), &json!(true)), "{before}");
    assert!(before["matrix"]["A/B"]["price"]["raw_score"].is_number(), "{before}");
    let server = server.stopped().start();
    let after = good(&server, &viewer, "GET", &format!("/{id}/matrix"), None).await;
    assert_eq!(after, before, "reading gives the same, whoever reads");
    let again = good(&server, &user, "POST", &format!("/{id}/evaluate"), None).await;
    assert_eq!((&again["asked"], &again["reused"], summary(&again)), (&json!(0), &json!(6), [6, 6, 0, 0]), "{again}");
    good(&server, &user, "PATCH", &format!("/{id}/options/A%2FB"), Some(json!({ "description": "both" }))).await;
    let again = good(&server, &user, "POST", &format!("/{id}/evaluate"), None).await;
    assert_eq!((&again["asked"], &again["reused"]), (&json!(2), &json!(4)), "{again}");

    exported(&server, &viewer, &id).await;
    let listed = good(&server, &viewer, "GET", "?limit=1", None).await;
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["status"]),
        (&json!(id), &json!("evaluated")),
        "{listed}"
    );
    assert_eq!(asked(&server, &user, "DELETE", &format!("/{id}"), None).await.status, 204);
    assert_eq!(asked(&server, &user, "GET", &format!("/{id}/matrix"), None).await.status, 404);
}

/// Every format comes as what it is, and says that its scores are made up.
async fn exported(server: &Server, key: &str, id: &str) {
    for (format, kind, ending) in [
        ("markdown", "text/markdown; charset=utf-8", "md"),
        ("csv", "text/csv; charset=utf-8; header=present", "csv"),
        ("json", "application/json", "json"),
        ("html", "text/html; charset=utf-8", "html"),
    ] {
        let reply = asked(server, key, "GET", &format!("/{id}/export?format={format}"), None).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)), "{format}");
        let attached = format!("attachment; filename=\"decision-{id}.{ending}\"");
        assert_eq!(reply.header("content-disposition"), Some(attached.as_str()), "{format}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{format}");
        let closed =
            reply.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'"));
        assert_eq!(closed, format == "html", "{format}");
        let text = reply.text().to_lowercase();
        assert!(text.contains("oslo") && (format == "csv" || text.contains("simulated")), "{format}: {text}");
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let place = Place::new("");
    let [own, foreign] = ["acme", "beta"].map(|tenant| place.key("admin", tenant));
    let server = place.start();
    let id = begun(&server, &own).await;
    good(&server, &own, "POST", &format!("/{id}/evaluate"), None).await;
    for (method, below) in [
        ("GET", ""),
        ("GET", "/matrix"),
        ("GET", "/export?format=html"),
        ("GET", "/events"),
        ("POST", "/evaluate"),
        ("POST", "/evaluate?wait=false"),
        ("DELETE", ""),
    ] {
        let (theirs, never) = (format!("/{id}{below}"), format!("/dec_{:032x}{below}", 1));
        let (theirs, never) = (
            asked(&server, &foreign, method, &theirs, None).await,
            asked(&server, &foreign, method, &never, None).await,
        );
        assert_eq!((theirs.status, never.status), (404, 404), "{method} {below}: {}", theirs.text());
        // As one that never was: whether there is one is not told either.
        let told = |reply: &Response| reply.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(told(&theirs), told(&never), "{method} {below}");
    }
    assert_eq!(good(&server, &foreign, "GET", "", None).await["items"], json!([]));
    assert_eq!(get(server.address(), ALL).await.status, 401);
    assert_eq!(good(&server, &own, "GET", &format!("/{id}"), None).await["evaluations_run"], 1);
}

/// A stream of events that is open: what has come so far, and the rest once it ends.
pub(super) async fn listening(address: SocketAddr, id: &str) -> crate::support::Open {
    let open = send(address, format!("GET {ALL}/{id}/events HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await;
    assert_eq!(open.status, 200);
    open
}

#[tokio::test]
async fn a_server_that_stops_tells_whoever_listens_and_keeps_what_was_scored() {
    let config = r#"
        [server]
        drain_ms = 200
        [[provider]]
        name = "s"
        kind = "scripted"
        models = [
            { name = "fair", script = { answers = ['{"score": 7, "reasoning": "fair"}'] } },
            { name = "mute", script = { hang_rate = 1.0 } },
        ]
    "#;
    let server = Server::start(config);
    let wanted = json!({
        "topic": "t", "options": [{ "name": "a" }, { "name": "b" }], "model_name": "s/fair",
        "criteria": [{ "name": "quick" }, { "name": "never", "model_name": "s/mute" }],
    });
    let id = good(&server, "", "POST", "", Some(wanted)).await["id"].as_str().unwrap().to_owned();
    good(&server, "", "POST", &format!("/{id}/evaluate?wait=false"), None).await;
    let mut open = listening(server.address(), &id).await;
    assert!(open.piece().await.is_some());
    let scored = async || {
        let decision = good(&server, "", "GET", &format!("/{id}"), None).await;
        (decision["pairs"].as_array().unwrap().len() == 2).then_some(())
    };
    until("both quick pairs have their score", scored).await;
    // To end takes as long as it lets streams go on, and one is open.
    let stopping = tokio::task::spawn_blocking(move || server.stopped());
    let heard = events(&open.finish().await);
    let (name, data) = heard.last().unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("error", &json!("shutting_down")), "{heard:?}");
    let server = stopping.await.unwrap().start();
    let decision = good(&server, "", "GET", &format!("/{id}"), None).await;
    assert_eq!(
        (&decision["evaluating"], decision["pairs"].as_array().map(Vec::len)),
        (&json!(false), Some(2)),
        "{decision}"
    );
}

#[tokio::test]
async fn limits_follow_the_settings_while_serving() {
    let server = Server::start("");
    let id = begun(&server, "").await;
    std::fs::write(server.config(), "[decisions]\noptions_max = 3\n").unwrap();
    server.signal("HUP");
    let path = format!("/{id}/options");
    // Until the settings are there, options go in, each under another name.
    let mut at = 0;
    let refused = until("the limit of 3 options", async || {
        at += 1;
        let reply = asked(&server, "", "POST", &path, Some(json!({ "name": format!("option {at}") }))).await;
        (reply.status != 200).then_some(reply)
    });
    let refused = refused.await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("limit_exceeded")), "{}", refused.text());
    assert!(refused.text().contains("decisions.options_max"), "{}", refused.text());
    assert!(at < 15, "the usual limit is 20");
}
