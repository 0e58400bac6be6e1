//! An evaluation in the background, and whoever listens to how far it is.

use super::House;
use crate::decisions::events;
use axum::Extension;
use axum::body::to_bytes;
use axum::extract::State;
use caller::{Guest, Identity, Role};
use routes::{Name, Terms};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use wire::openai::Limits;

/// Name and data of each event; comments apart.
fn events_of(text: &str) -> (Vec<(String, Value)>, usize) {
    let blocks = || text.split_terminator("\n\n");
    let event = |block: &str| {
        let (name, data) = block.split_once('\n')?;
        let data = serde_json::from_str(data.strip_prefix("data: ")?).ok()?;
        Some((name.strip_prefix("event: ")?.to_owned(), data))
    };
    let events: Vec<_> = blocks().filter_map(event).collect();
    let comments = blocks().filter(|block| block.starts_with(':')).count();
    assert_eq!(events.len() + comments, blocks().count(), "{text}");
    (events, comments)
}

#[tokio::test]
async fn an_evaluation_in_the_background_is_listened_to_until_it_ends() {
    let house = House::open().await;
    let id = house.begun("s/slow", 2).await;
    let begun = house.ask("user", "POST", &format!("/{id}/evaluate?wait=false"), "{}").await;
    let place = format!("/api/v1/decisions/{id}/events");
    assert_eq!((begun.status.as_u16(), begun.header("location")), (202, Some(place.as_str())), "{begun:?}");
    assert_eq!(begun.json()["events"], place);
    assert_eq!(begun.json()["progress"]["finished"], false, "{begun:?}");
    assert_eq!(house.good("GET", &format!("/{id}"), &Value::Null).await["evaluating"], true);

    let second = house.ask("user", "POST", &format!("/{id}/evaluate"), "").await;
    let told = second.json();
    assert_eq!((second.status.as_u16(), &told["code"]), (409, &json!("evaluation_running")), "{told}");
    assert_eq!((&told["events"], &told["progress"]["total"]), (&json!(place), &json!(4)), "{told}");
    assert_eq!(second.header("retry-after"), Some("1"));

    let heard = house.ask("viewer", "GET", &format!("/{id}/events"), "").await;
    assert_eq!(heard.header("content-type"), Some("text/event-stream"));
    assert_eq!((heard.header("cache-control"), heard.header("x-accel-buffering")), (Some("no-cache"), Some("no")));
    let (events, comments) = events_of(heard.text());
    assert!(comments > 0, "while models think, comments keep the connection open: {heard:?}");
    let (last, rest) = events.split_last().unwrap();
    assert_eq!((last.0.as_str(), &last.1["done"], &last.1["scored"]), ("finished", &json!(4), &json!(4)), "{events:?}");
    assert!(rest.iter().all(|(name, data)| name == "progress" && data["finished"] == false), "{events:?}");
    let done: Vec<_> = events.iter().map(|(_, data)| data["done"].as_u64()).collect();
    assert!(done.is_sorted(), "{done:?}");

    let again = house.ask("viewer", "GET", &format!("/{id}/events"), "").await;
    let (events, _) = events_of(again.text());
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].0.as_str(), &events[0].1["total"]), ("finished", &json!(4)), "{events:?}");
    assert_eq!(house.good("GET", &format!("/{id}/matrix"), &Value::Null).await["complete"], true);
}

#[tokio::test]
async fn one_that_is_removed_meanwhile_ends() {
    let house = House::open().await;
    let id = house.begun("s/mute", 1).await;
    house.good("POST", &format!("/{id}/evaluate?wait=false"), &Value::Null).await;
    let (path, one) = (format!("/{id}/events"), format!("/{id}"));
    let (heard, removed) = tokio::join!(house.ask("viewer", "GET", &path, ""), house.ask("user", "DELETE", &one, ""));
    assert_eq!(removed.status, 204, "{removed:?}");
    // Whoever came first has heard the end, whoever came later finds nothing.
    if heard.status != 404 {
        let (events, _) = events_of(heard.text());
        assert!(matches!(events.last().unwrap().0.as_str(), "finished" | "error"), "{events:?}");
    }
}

#[tokio::test]
async fn a_server_that_goes_says_so_to_whoever_listens() {
    let house = House::open().await;
    let id = house.begun("s/mute", 1).await;
    house.good("POST", &format!("/{id}/evaluate?wait=false"), &Value::Null).await;
    let identity = Identity { subject: "k".into(), tenant: "acme".into(), role: Role::Viewer };
    let guest = Guest { identity: Arc::new(identity), ..Guest::local() };
    let cut = CancellationToken::new();
    let long = Duration::from_secs(3_600);
    let terms = Terms {
        body_bytes_max: 1,
        body_read: long,
        deadline: long,
        keepalive_first: long,
        keepalive: long,
        chat: Limits { n_max: 1, messages_max: 1 },
        cut: cut.clone(),
    };
    let heard = events::serve(State(Arc::clone(&house.room)), Extension(guest), Extension(Arc::new(terms)), Name(id));
    let heard = heard.await.unwrap();
    cut.cancel();
    let bytes = to_bytes(heard.into_body(), 10_000).await.unwrap();
    let (events, _) = events_of(std::str::from_utf8(&bytes).unwrap());
    let (name, data) = events.last().unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("error", &json!("shutting_down")), "{events:?}");
}
