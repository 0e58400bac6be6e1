//! Routes that hang on flags: who falls where, what is counted, what a reload changes.

use crate::fixtures::*;
use crate::{AskError, Matrix};
use caller::{Caller, Guest, Identity, Role, Unmetered};
use measure::Metrics;
use serde_json::{Value, json};
use std::sync::Arc;

const MODELS: &str = "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [\"old\", \"new\", \"newer\"]\n";

/// An engine whose route `r` has these rules under these flags.
fn engine(flags: &str, rules: &str) -> (Matrix, Arc<Metrics>) {
    let metrics = metrics();
    (Matrix::new(&settings(&text(flags, rules)), KINDS.to_vec(), metrics.clone()).unwrap(), metrics)
}

fn text(flags: &str, rules: &str) -> String {
    format!("{MODELS}[flag]\n{flags}\n[[route]]\nname = \"r\"\nrules = [{rules}]\n")
}

async fn leads(matrix: &Matrix, subject: &str, body: &Value) -> Result<String, AskError> {
    let identity = Identity { subject: subject.into(), tenant: "acme".into(), role: Role::User };
    let guest = Guest { identity: Arc::new(identity), spend: Arc::new(Unmetered) };
    let caller = Caller { guest, ..caller(PATIENCE) };
    Ok(whole(matrix.ask(&caller, &question_with("r", body)).await)?.1.served_by)
}

fn exposures(metrics: &Metrics, flag: &str, variant: &str) -> u64 {
    metrics.flag_exposures(flag, variant).value()
}

const BY_SEARCH: &str = "{ models = [\"s/new\"], when = { flag = \"search\" } }, { models = [\"s/old\"] }";

#[tokio::test(start_paused = true)]
async fn a_percentage_splits_callers_and_keeps_them() {
    let (matrix, metrics) = engine("search = { percent = 30 }", BY_SEARCH);
    let mut new = 0;
    for number in 0..300 {
        let subject = format!("key-{number}");
        let first = leads(&matrix, &subject, &json!({})).await.unwrap();
        assert_eq!(leads(&matrix, &subject, &json!({})).await.unwrap(), first);
        new += u64::from(first == "s/new");
    }
    assert!((60..120).contains(&new), "{new} of 300");
    let counted = (exposures(&metrics, "search", "on"), exposures(&metrics, "search", "off"));
    assert_eq!(counted, (2 * new, 2 * (300 - new)), "both sides are exposed");
    let shown = metrics.encode();
    let line = format!("althing_flag_exposures_total{{flag=\"search\",variant=\"on\"}} {}", 2 * new);
    assert!(shown.contains(&line) && !shown.contains("key-"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_flag_is_counted_once_however_many_rules_look_at_it() {
    let rules = "{ models = [\"s/new\"], when = { flag = \"search=b\" } }, \
                 { models = [\"s/newer\"], when = { flag = \"search=c\" } }, \
                 { models = [\"s/old\"], when = { flag = \"search=a\" } }";
    let (matrix, metrics) = engine("search = { split = { a = 50, b = 25, c = 25 } }", rules);
    for number in 0..100 {
        leads(&matrix, &number.to_string(), &json!({})).await.unwrap();
    }
    let counts = ["a", "b", "c"].map(|variant| exposures(&metrics, "search", variant));
    assert_eq!(counts.iter().sum::<u64>(), 100);
    assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn only_whoever_hangs_on_a_flag_is_exposed_to_it() {
    let rules = "{ models = [\"s/newer\"], when = { prompt_chars_min = 1000, flag = \"search\" } }, \
                 { models = [\"s/old\"], when = { flag = \"other=off\" } }, \
                 { models = [\"s/new\"], when = { flag = \"third\" } }";
    let (matrix, metrics) = engine("search = { on = true }\nother = { on = false }\nthird = { on = true }", rules);
    assert_eq!(leads(&matrix, "ada", &json!({})).await.unwrap(), "s/old");
    let counts = |metrics: &Metrics| {
        ["search", "other", "third"].map(|flag| exposures(metrics, flag, "on") + exposures(metrics, flag, "off"))
    };
    assert_eq!(counts(&metrics), [0, 1, 0]);
    let long = json!({ "messages": [{ "role": "user", "content": "x".repeat(1_000) }] });
    assert_eq!(leads(&matrix, "ada", &long).await.unwrap(), "s/newer");
    assert_eq!(counts(&metrics), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_is_not_there_is_off() {
    let (matrix, _) = engine("", BY_SEARCH);
    assert_eq!(leads(&matrix, "ada", &json!({})).await.unwrap(), "s/old");
    let (matrix, _) = engine("", "{ models = [\"s/new\"], when = { flag = \"search\" } }");
    assert!(matches!(leads(&matrix, "ada", &json!({})).await, Err(AskError::NoRule { .. })));
    let (matrix, _) = engine("", "{ models = [\"s/new\"], when = { flag = \"search=off\" } }");
    assert_eq!(leads(&matrix, "ada", &json!({})).await.unwrap(), "s/new");
}

#[tokio::test(start_paused = true)]
async fn a_reload_moves_callers_and_goes_on_counting() {
    let (matrix, metrics) = engine("search = { percent = 0 }", BY_SEARCH);
    assert_eq!(leads(&matrix, "ada", &json!({})).await.unwrap(), "s/old");
    matrix.reload(&settings(&text("search = { percent = 100 }", BY_SEARCH))).unwrap();
    assert_eq!(leads(&matrix, "ada", &json!({})).await.unwrap(), "s/new");
    assert_eq!((exposures(&metrics, "search", "off"), exposures(&metrics, "search", "on")), (1, 1));
}
