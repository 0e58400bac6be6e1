//! Servers that answer, refuse, stall and lie.

use crate::{EmbedError, Embedder, Remote, Urgency};
use fault::Explain;
use serde_json::{Value, json};
use settings::{Embed, EmbedKind, SecretRef};
use testkit::{Reply, Seen, Upstream};

fn settings(base_url: &str) -> Embed {
    let base_url = Some(base_url.to_owned());
    Embed {
        kind: EmbedKind::Openai,
        model: "big".to_owned(),
        base_url,
        batch: 4,
        timeout_ms: 2_000,
        ..Embed::default()
    }
}

fn inputs(seen: &Seen) -> Vec<String> {
    serde_json::from_value(seen.json()["input"].clone()).unwrap()
}

/// A vector of `count` numbers that says how long the text is.
fn vectors(seen: &Seen, count: usize) -> Reply {
    let item = |(index, text): (usize, &String)| {
        let mut vector = vec![0.0; count];
        vector[0] = 3.0;
        vector[1] = text.len() as f32;
        json!({ "object": "embedding", "index": index, "embedding": vector })
    };
    // Backwards, as the index alone counts.
    let data: Vec<Value> = inputs(seen).iter().enumerate().map(item).rev().collect();
    Reply::json(200, &json!({ "object": "list", "data": data, "model": "big" }))
}

#[tokio::test]
async fn asks_in_batches_and_gives_unit_length() {
    let upstream = Upstream::start(|seen| vectors(seen, 3_072)).await;
    let remote = Remote::new(&settings(&format!("{}/", upstream.url()))).unwrap();
    assert_eq!(remote.dimensions(), 0);
    let texts = ["a", "bb", "ccc", "dddd", "", "ffffff"];
    let made = remote.embed(&texts, Urgency::Now).await.unwrap();
    assert_eq!(
        (made.len(), remote.dimensions(), remote.model()),
        (6, 3_072, &*format!("{}/big", upstream.url().replace("http://", "")))
    );
    for (vector, text) in made.iter().zip(texts) {
        // An empty text is sent as a space.
        let ratio = text.len().max(1) as f32 / 3.0;
        assert!((vector[1] / vector[0] - ratio).abs() < 1e-5, "`{text}`");
        assert!((vector.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    let seen = upstream.seen();
    assert_eq!((seen.len(), &*seen[0].path), (2, "/v1/embeddings"));
    assert_eq!(seen[0].json(), json!({ "model": "big", "input": ["a", "bb", "ccc", "dddd"] }));
    assert!(remote.embed(&[], Urgency::Background).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_and_a_text_cut() {
    let upstream = Upstream::start(|seen| {
        let texts = inputs(seen);
        if texts.len() > 2 {
            Reply::error(413, "too_large", "no")
        } else if texts.iter().any(|text| text.len() > 5_000) {
            Reply::error(400, "invalid_request_error", "This model's maximum context length is 8192 tokens")
        } else {
            vectors(seen, 8)
        }
    })
    .await;
    let remote = Remote::new(&settings(&upstream.url())).unwrap();
    let long = "é".repeat(10_000);
    let made = remote.embed(&["a", &long, "ccc", "dddd"], Urgency::Background).await.unwrap();
    let lengths: Vec<f32> = made.iter().map(|vector| (vector[1] / vector[0] * 3.0).round()).collect();
    assert_eq!(lengths, [1.0, 5_000.0, 3.0, 4.0]);
}

#[tokio::test]
async fn what_no_size_helps_is_refused() {
    let upstream = Upstream::start(|_| Reply::error(413, "too_large", "no")).await;
    let remote = Remote::new(&settings(&upstream.url())).unwrap();
    let refused = remote.embed(&["a", "b"], Urgency::Now).await.unwrap_err();
    assert!(matches!(refused, EmbedError::Refused { status: 413, .. }), "{refused}");
}

#[tokio::test]
async fn asks_once_more_and_not_twice() {
    let upstream = Upstream::start(testkit::in_turn(vec![
        Reply::error(503, "busy", "later"),
        Reply::json(200, &json!({ "data": [{ "embedding": [0.0, 2.0] }] })),
        Reply::error(500, "broken", "later"),
        Reply::error(500, "broken", "later"),
    ]))
    .await;
    let remote = Remote::new(&settings(&upstream.url())).unwrap();
    assert_eq!(*remote.embed(&["a"], Urgency::Now).await.unwrap()[0], [0.0, 1.0]);
    let failed = remote.embed(&["a"], Urgency::Now).await.unwrap_err();
    assert!(matches!(failed, EmbedError::Refused { status: 500, .. }), "{failed}");
    assert_eq!(upstream.seen().len(), 4);
}

#[tokio::test]
async fn a_key_is_sent_and_never_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-very-secret").unwrap();
    let upstream = Upstream::start(|_| Reply::error(401, "wrong", "the key sk-very-secret is wrong")).await;
    let settings = Embed { api_key: Some(SecretRef::File(file)), ..settings(&upstream.url()) };
    let remote = Remote::new(&settings).unwrap();
    let refused = remote.embed(&["a"], Urgency::Now).await.unwrap_err();
    assert_eq!(refused.hint().unwrap(), "check `embed.api_key`");
    let seen = upstream.seen();
    assert_eq!((seen.len(), seen[0].header("authorization")), (1, Some("Bearer sk-very-secret")));
    let said = format!("{refused} {refused:?} {remote:?} {}", refused.hint().unwrap_or_default());
    assert!(!said.contains("very-secret"), "{said}");
}

#[tokio::test]
async fn a_server_that_stalls_is_left() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let remote = Remote::new(&Embed { timeout_ms: 60, ..settings(&upstream.url()) }).unwrap();
    let late = remote.embed(&["a"], Urgency::Now).await.unwrap_err();
    assert_eq!(late, EmbedError::Late { host: "127.0.0.1".to_owned(), timeout_ms: 60 });
    let nobody = Remote::new(&settings("http://127.0.0.1:9/v1")).unwrap();
    let unreached = nobody.embed(&["a"], Urgency::Now).await.unwrap_err();
    assert!(matches!(unreached, EmbedError::Unreached { .. }), "{unreached}");
}

#[tokio::test]
async fn answers_that_are_no_vectors_are_refused() {
    let answers = [
        json!({ "data": [] }),
        json!({ "data": [{ "embedding": [] }] }),
        json!({ "data": [{ "embedding": [1.0, "two"] }] }),
        json!({ "data": [{ "embedding": [1.0, 1e60] }] }),
        json!({ "data": [{ "embedding": [1.0], "index": 7 }] }),
        json!({ "choices": [] }),
        json!({ "data": [{ "embedding": [1.0, 2.0, 3.0] }] }),
    ];
    for answer in answers {
        let shown = answer.to_string();
        let upstream = Upstream::start(move |_| Reply::json(200, &answer)).await;
        let remote = Remote::new(&Embed { dimensions: Some(2), ..settings(&upstream.url()) }).unwrap();
        let error = remote.embed(&["a"], Urgency::Now).await.unwrap_err();
        assert!(matches!(error, EmbedError::NotVectors { .. }), "{shown}: {error}");
        assert_eq!(upstream.seen()[0].json()["dimensions"], 2);
    }
}

#[tokio::test]
async fn no_vector_is_longer_than_an_index_takes() {
    let upstream = Upstream::start(|seen| vectors(seen, 4_097)).await;
    let error = Remote::new(&settings(&upstream.url())).unwrap().embed(&["a"], Urgency::Now).await.unwrap_err();
    assert!(matches!(error, EmbedError::NotVectors { .. }), "{error}");
}

#[test]
fn vectors_of_another_address_are_others() {
    let model = |base_url: &str| Remote::new(&settings(base_url)).unwrap().model().to_owned();
    assert_eq!(model("http://user:pass@host:8080/one/v1/"), "host:8080/one/v1/big");
    assert_ne!(model("http://host:8080/v1"), model("http://host:8081/v1"));
    assert_ne!(model("http://host/one/v1"), model("http://host/two/v1"));
}

#[test]
fn settings_that_name_no_server_are_refused() {
    for base_url in [None, Some("ftp://x/v1"), Some("/v1"), Some(""), Some("not an address")] {
        let settings = Embed { base_url: base_url.map(str::to_owned), ..Embed::default() };
        let error = Remote::new(&settings).unwrap_err();
        assert!(matches!(error, EmbedError::Setting { key: "base_url", .. }), "{base_url:?}: {error}");
    }
    let settings_of = |dimensions| Embed { dimensions: Some(dimensions), ..settings("http://x/v1") };
    assert!(Remote::new(&settings_of(4_096)).is_ok());
    assert!(matches!(Remote::new(&settings_of(4_097)).unwrap_err(), EmbedError::Setting { key: "dimensions", .. }));
    let settings = Embed { api_key: Some(SecretRef::Env("ALTHING_NO_SUCH".to_owned())), ..settings("http://x/v1") };
    assert!(matches!(Remote::new(&settings).unwrap_err(), EmbedError::Setting { key: "api_key", .. }));
}
