//! Crowds change nothing: the same seeded requests, one by one and many at a time, get the same answers, the same reports
//! and cost the same.

use crate::fixtures::*;
use crate::{AskError, Matrix, Outcome};
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

const REQUESTS: u64 = 1_000;
const AT_ONCE: usize = 64;

/// A panel, a route and a model, all of whose scripts take their time, differ and fail now and then. Their times are far
/// enough apart that the clock's own steps never decide who comes first.
fn house() -> Matrix {
    let mut text = "[guard]\nattempts_max = 1\nbreaker_failures = 1000000\n".to_owned();
    for (seed, (name, takes_ms)) in [("a", 300), ("b", 100), ("c", 500), ("d", 200), ("e", 400)].into_iter().enumerate()
    {
        let _ = write!(
            text,
            "[[provider]]\nname = \"{name}\"\nkind = \"scripted\"\nconcurrency = \"fixed\"\n\
             [[provider.models]]\nname = \"m\"\nprice = {{ input = 1, output = 3 }}\n\
             script = {{ seed = {seed}, answers = [\"42\", \"42\", \"42\", \"41\", \"7\", \"8\"], error_rate = 0.1, \
             latency = {{ ms = {takes_ms} }} }}\n"
        );
    }
    text += "[[panel]]\nname = \"p\"\nmembers = [\"a/m\", \"b/m\", \"c/m\", \"d/m\", \"e/m\"]\n";
    matrix(&(text + &route(&["a", "b", "c"])))
}

/// What came of a request: everything but when it came and how long it took.
async fn told(matrix: &Matrix, seed: u64) -> Value {
    let name = ["p", "r", "a/m"][seed as usize % 3];
    let asked = question_with(name, &json!({ "seed": seed, "max_tokens": 20 }));
    match matrix.ask(&caller(Duration::from_secs(60)), &asked).await {
        Ok(Outcome::Whole { reply, report, .. }) => {
            let mut reply: Value = serde_json::from_slice(reply.bytes()).unwrap();
            reply["created"] = Value::Null;
            let mut report = serde_json::to_value(&report).unwrap();
            report["overhead_ms"] = Value::Null;
            if let Some(agreement) = report.get_mut("agreement") {
                agreement["saved_ms"] = Value::Null;
                let members = agreement["members"].as_array_mut().unwrap();
                members.iter_mut().for_each(|member| member["latency_ms"] = Value::Null);
            }
            json!({ "reply": reply, "report": report })
        }
        Ok(Outcome::Stream { .. }) => panic!("nobody asked for a stream"),
        Err(AskError::NoAnswer { attempts, .. }) => {
            json!(attempts.iter().map(|attempt| format!("{} {}", attempt.model, attempt.reason)).collect::<Vec<_>>())
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_seeded_requests_are_the_same_one_by_one_and_64_at_a_time() {
    let (alone, crowded) = (house(), house());
    let mut one_by_one = Vec::new();
    for seed in 0..REQUESTS {
        one_by_one.push(told(&alone, seed).await);
    }
    let at_once: Vec<Value> = iter(0..REQUESTS).map(|seed| told(&crowded, seed)).buffered(AT_ONCE).collect().await;
    for (seed, (one, other)) in one_by_one.iter().zip(&at_once).enumerate() {
        assert_eq!(one, other, "the request with the seed {seed}");
    }
    let counted = |what: &dyn Fn(&Value) -> bool| one_by_one.iter().filter(|told| what(told)).count();
    // The mix is not trivial: panels agree and disagree, stop early and do not, and some requests fail.
    let agreement = |told: &Value| told["report"]["agreement"].clone();
    assert!(counted(&|told| agreement(told)["reached"] == true) > 30);
    assert!(counted(&|told| agreement(told)["reached"] == false) > 30);
    assert!(counted(&|told| agreement(told)["stopped_early"] == true) > 30);
    assert!(counted(&|told| told["report"]["degraded"] == true) > 30);
    assert!(counted(&Value::is_array) > 10);
}
