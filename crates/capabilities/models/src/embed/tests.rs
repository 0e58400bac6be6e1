//! Vectors: what is asked, what they cost, how long many of them may take.

use crate::fixture::{LONG, ask, at, free, one, registry};
use crate::{Embedded, ModelError};
use bytes::Bytes;
use caller::{Called, NanoUsd, Tab};
use futures_util::future::join_all;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Reply, Upstream};
use wire::openai::EmbeddingRequest;

fn request(text: &str) -> EmbeddingRequest {
    EmbeddingRequest::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

/// What was noted, and for how much.
#[derive(Default)]
struct Notes(Mutex<Vec<(String, u64, NanoUsd, bool)>>);

impl Tab for Notes {
    fn note(&self, call: &Called<'_>) {
        let mut notes = self.0.lock().unwrap();
        notes.push((call.outcome.to_owned(), call.tokens.input, call.cost, call.exact));
    }
}

const PRICED: &str = "models = [{ name = 'm', upstream_name = 'embed-3', price = { input = 2, output = 0 } }]";

#[tokio::test]
async fn the_body_goes_on_as_it_came_and_the_call_is_charged() {
    let told = r#"{"object":"list","data":[{"index":0,"embedding":[0.5]},{"index":1,"embedding":[1]}],"model":"embed-3","usage":{"prompt_tokens":7,"total_tokens":7}}"#;
    let upstream = Upstream::start(move |_| Reply::body(200, "application/json", told)).await;
    let (endpoint, notes) = (at(&upstream, PRICED, ""), Arc::new(Notes::default()));
    let tab: Arc<dyn Tab> = Arc::clone(&notes) as Arc<dyn Tab>;
    let asked = request(r#"{"input":["a","b"],"model":"p/m","user":"u","encoding_format":"base64"}"#);
    let Embedded { reply, cost, .. } = endpoint.embed(&asked, one("r1"), &tab, LONG).await.unwrap();
    assert_eq!((reply.vectors(), cost.unwrap().to_string()), (vec![vec![0.5], vec![1.0]], "0.000014".to_owned()));
    assert!(std::str::from_utf8(reply.bytes()).unwrap().contains("\"AAAAPw==\""), "as the caller wants them");
    assert_eq!(*notes.0.lock().unwrap(), [("answered".to_owned(), 7, 14_000, true)]);
    let seen = &upstream.seen()[0];
    assert_eq!(seen.path, "/v1/embeddings");
    assert_eq!(seen.body, r#"{"input":["a","b"],"model":"embed-3","user":"u","encoding_format":"base64"}"#);
}

#[tokio::test]
async fn fewer_vectors_than_texts_are_no_answer() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", r#"{"data":[{"embedding":[1]}]}"#)).await;
    let asked = request(r#"{"input":["a","b"],"model":"p/m"}"#);
    let error = at(&upstream, "", "").embed(&asked, one("r"), &free(), LONG).await.map(drop).unwrap_err();
    assert!(matches!(error, ModelError::NotAReply { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_script_makes_vectors_and_says_so() {
    let registry = registry(
        "[[provider]]\nname = 's'\nkind = 'scripted'\nmodels = ['m', { name = 'down', script = { error_rate = 1.0 } }]",
    );
    let asked = request(r#"{"input":["a","a","b"],"model":"s/m","dimensions":3}"#);
    let embedded = registry.find("s/m").unwrap().embed(&asked, one("r"), &free(), LONG).await.unwrap();
    let vectors = embedded.reply.vectors();
    assert!(
        embedded.reply.simulated() && vectors[0] == vectors[1] && vectors[0] != vectors[2] && vectors[0].len() == 3
    );
    let down = registry.find("s/down").unwrap().embed(&asked, one("r"), &free(), LONG).await.map(drop).unwrap_err();
    assert!(matches!(down, ModelError::Failed { status: 500, .. }), "{down}");
    let tokens = request(r#"{"input":[1,2],"model":"s/m"}"#);
    let refused = registry.find("s/m").unwrap().embed(&tokens, one("r"), &free(), LONG).await.map(drop).unwrap_err();
    assert!(matches!(refused, ModelError::Untranslatable { .. }), "{refused}");
}

#[tokio::test]
async fn an_ollama_is_asked_in_its_own_words() {
    let told = r#"{"model":"e","embeddings":[[1,0]],"prompt_eval_count":3}"#;
    let upstream = Upstream::start(move |_| Reply::body(200, "application/json", told)).await;
    let endpoint = at(&upstream, "kind = 'ollama'", "");
    let embedded = endpoint.embed(&request(r#"{"input":"a","model":"p/m"}"#), one("r"), &free(), LONG).await.unwrap();
    assert_eq!(embedded.reply.vectors(), [[1.0, 0.0]]);
    let seen = &upstream.seen()[0];
    assert_eq!((seen.path.as_str(), seen.body.as_ref()), ("/api/embed", br#"{"model":"m","input":["a"]}"#.as_slice()));
}

#[tokio::test(start_paused = true)]
async fn vectors_do_not_make_chats_look_slow() {
    let of = |name: &str, ms: u32| format!("{{ name = '{name}', script = {{ latency = {{ ms = {ms} }} }} }}");
    let text = format!(
        "[[provider]]\nname = 's'\nkind = 'scripted'\nconcurrency = 'gradient'\nin_flight_max = 8\nmodels = [{}, {}]",
        of("m", 900),
        of("e", 20)
    );
    let registry = registry(&text);
    let [chats, vectors] = ["s/m", "s/e"].map(|id| registry.find(id).unwrap());
    let asked = request(r#"{"input":["a","b"],"model":"s/e"}"#);
    let tab = free();
    let limit = || chats.health().load.limit;
    for _ in 0..20 {
        let embedded = (0..8).map(|_| vectors.embed(&asked, one("r"), &tab, LONG));
        assert!(join_all(embedded).await.iter().all(Result::is_ok));
    }
    assert_eq!(limit(), 8, "vectors tell how many at once are borne");
    for _ in 0..5 {
        assert!(join_all((0..8).map(|_| ask(&chats))).await.iter().all(Result::is_ok));
    }
    assert_eq!(limit(), 8);
}

#[test]
fn many_inputs_may_take_longer_than_one() {
    let text = "[[provider]]\nname = 's'\nkind = 'scripted'\ntimeout_ms = 30_000\nmodels = ['m']";
    let endpoint = registry(text).find("s/m").unwrap();
    for (inputs, seconds) in [(1, 30), (5, 30), (10, 60), (15, 90), (16, 90), (2_048, 90)] {
        assert_eq!(endpoint.batch_timeout(inputs), Duration::from_secs(seconds), "{inputs}");
    }
}
