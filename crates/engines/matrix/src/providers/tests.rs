//! What is told of providers: whether they are there, and how their models are doing.

use crate::fixtures::*;
use testkit::{Reply, Upstream};

#[tokio::test]
async fn a_look_is_taken_once_and_tells_the_key_from_the_address() {
    let upstream = Upstream::start(|seen| match seen.path.as_str() {
        "/v1/models" => Reply::body(200, "application/json", r#"{"data":[{"id":"m"},{"id":"n"}]}"#),
        _ => Reply::chat("hi"),
    })
    .await;
    let locked = Upstream::start(|_| Reply::error(401, "invalid_api_key", "SECRET")).await;
    let gone = "http://127.0.0.1:9/v1";
    let text = [provider("a", &upstream.url()), provider("b", &locked.url()), provider("c", gone)].concat();
    let matrix = matrix(&[&text, "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [\"x\"]\n"].concat());
    assert!(matrix.providers(false).await.iter().all(|state| state.looked.is_none()), "nobody has looked");
    let states = matrix.providers(true).await;
    let told: Vec<_> = states
        .iter()
        .map(|state| {
            let looked = state.looked.as_ref().unwrap();
            (state.settings.name.as_str(), looked.reachable, looked.authorised)
        })
        .collect();
    assert_eq!(
        told,
        [("a", Some(true), Some(true)), ("b", Some(true), Some(false)), ("c", Some(false), None), ("s", None, None)]
    );
    assert!(states.iter().all(|state| !format!("{state:?}").contains("SECRET")));
    assert!(states[3].simulated && !states[0].simulated);
    let before = upstream.seen().len();
    let again = matrix.providers(true).await;
    assert_eq!((upstream.seen().len(), again[0].looked.as_ref().unwrap().detail.as_str()), (before, "lists 2 models"));
}

#[tokio::test]
async fn a_reload_forgets_what_a_look_has_shown() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", r#"{"data":[]}"#)).await;
    let matrix = matrix(&provider("a", "http://127.0.0.1:9/v1"));
    assert_eq!(matrix.providers(true).await[0].looked.as_ref().unwrap().reachable, Some(false));
    matrix.reload(&settings(&provider("a", &upstream.url()))).unwrap();
    assert!(matrix.providers(false).await[0].looked.is_none());
    assert_eq!(matrix.providers(true).await[0].looked.as_ref().unwrap().reachable, Some(true));
}

#[tokio::test]
async fn calls_show_in_the_figures() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let matrix = matrix(&provider("a", &upstream.url()));
    ask(&matrix, "a/m").await.unwrap();
    let states = matrix.providers(false).await;
    let model = &states[0].models[0];
    assert_eq!((model.id.as_str(), model.health.recent.calls, model.health.recent.failed), ("a/m", 1, 0));
    assert!(model.health.recent.answer_ms.unwrap().p99 > 0.0 && model.price.is_some());
}
