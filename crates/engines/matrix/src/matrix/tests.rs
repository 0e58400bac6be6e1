//! Names, unknown names, questions to several models, and settings that change underneath.

use super::Matrix;
use crate::AskError;
use crate::fixtures::*;
use fault::{Explain, Kind};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testkit::{Reply, Upstream};
use tokio::time::Instant;

fn three(more: &str) -> String {
    panel_saying(&[("red", 10), ("red", 20), ("blue", 30)], more)
}

#[tokio::test(start_paused = true)]
async fn everything_that_can_be_asked_is_listed_and_found() {
    let matrix = matrix(&(three("") + "[[route]]\nname = \"r\"\nrules = [{ models = [\"s/a\"] }]\n"));
    let listed: Vec<_> = matrix.models().into_iter().map(|info| (info.id, info.kind, info.owned_by)).collect();
    let expected = [
        ("p", "panel", "althing"),
        ("r", "route", "althing"),
        ("s/a", "model", "s"),
        ("s/b", "model", "s"),
        ("s/c", "model", "s"),
    ];
    assert_eq!(listed, expected.map(|(id, kind, by)| (id.to_owned(), kind, by.to_owned())));
    for (id, kind, _) in listed {
        assert_eq!(
            ask(&matrix, &id).await.unwrap().0.answer(),
            "red\u{0}blue".split('\u{0}').nth(usize::from(id == "s/c")).unwrap()
        );
        assert_eq!(matrix.is_panel(&id), kind == "panel");
    }
    assert_eq!(ask(&matrix, "c").await.unwrap().0.answer(), "blue", "only one provider has it");
    assert_eq!(matrix.endpoints().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_model_is_told_with_its_nearest() {
    let text = "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [\"ash\", \"birch\"]\n\
                [[panel]]\nname = \"quorum\"\nmembers = [\"ash\"]\n";
    let matrix = matrix(text);
    let error = fails(&matrix, "s/brich").await;
    assert_eq!(
        (error.kind(), error.code(), error.param().as_deref()),
        (Kind::NotFound, "model_not_found", Some("model"))
    );
    assert_eq!(error.to_string(), "the model `s/brich` does not exist");
    assert!(error.hint().unwrap().starts_with("did you mean `s/birch`"), "{:?}", error.hint());
    assert!(fails(&matrix, "qourum").await.hint().unwrap().starts_with("did you mean `quorum`?"));
    let long = question(&"x".repeat(1 << 20));
    let start = std::time::Instant::now();
    let error = whole(matrix.ask(&caller(PATIENCE), &long).await).err().unwrap();
    assert!(error.to_string().len() < 400);
    assert!(start.elapsed() < ms(200), "a long name costs {:?}", start.elapsed());
    assert_eq!(fails(&matrix, "").await.to_string(), "the model `` does not exist");
}

#[tokio::test(start_paused = true)]
async fn several_models_are_asked_as_a_panel() {
    let matrix = matrix(&three("[alias]\nother = \"s/b\"\n\"c-*\" = \"s/c\"\nall = \"p\"\n"));
    let models = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let ask_all = async |names: &[&str], agreement: f64| {
        whole(matrix.ask_all(&caller(PATIENCE), &question("panel"), &models(names), agreement).await)
    };
    let (reply, report) = ask_all(&["s/a", "b", "s/c"], 0.6).await.unwrap();
    assert_eq!((reply.answer().as_str(), report.agreement.unwrap().reached), ("red", true));
    let (reply, report) = ask_all(&["s/a", "s/b", "s/c"], 1.0).await.unwrap();
    assert!(reply.answer().starts_with("No agreement: ") && !report.agreement.unwrap().reached);
    let (_, report) = ask_all(&["s/a", "other", "c-9"], 0.6).await.unwrap();
    let members: Vec<_> = report.agreement.unwrap().members.into_iter().map(|member| member.model).collect();
    assert_eq!(members, ["s/a", "s/b", "s/c"], "an alias stands for its model");
    assert!(matches!(ask_all(&["all", "s/a"], 0.6).await.err(), Some(AskError::NotAModel { .. })));
    assert!(ask_all(&["s/a"], 1.0).await.unwrap().1.agreement.unwrap().reached);
    let (_, report) = ask_all(&["s/a", "s/a"], 1.0).await.unwrap();
    assert_eq!(report.agreement.unwrap().effective_voters, 1.0, "one model asked twice is one voice");
    let error = ask_all(&["s/a", "s/aa"], 0.6).await.err().unwrap();
    assert_eq!(error.to_string(), "the model `s/aa` does not exist");
    assert!(error.hint().unwrap().starts_with("did you mean `s/a`"), "{:?}", error.hint());
    let error = ask_all(&["p", "s/a"], 0.6).await.err().unwrap();
    let expect = "`p` is a panel or a route, and only models can be asked together";
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::BadInput, expect));
    assert!(!error.hint().unwrap().contains("`p`"), "{:?}", error.hint());
    assert!(ask_all(&[], 0.6).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn reload_swaps_and_lets_requests_finish() {
    let slow = |text: &str| panel_saying(&[(text, 100)], "");
    let matrix = Arc::new(matrix(&slow("before")));
    let asking = tokio::spawn({
        let matrix = Arc::clone(&matrix);
        async move { ask(&matrix, "p").await.unwrap().0.answer() }
    });
    tokio::time::sleep(ms(50)).await;
    matrix.reload(&settings(&slow("after").replace("\"p\"", "\"q\""))).unwrap();
    assert_eq!(ask(&matrix, "q").await.unwrap().0.answer(), "after");
    assert_eq!(fails(&matrix, "p").await.kind(), Kind::NotFound);
    assert_eq!(asking.await.unwrap(), "before");
    assert_eq!(matrix.models()[0].id, "q");
}

#[tokio::test(start_paused = true)]
async fn wrong_settings_leave_the_old_ones() {
    let matrix = matrix(&three(""));
    let before = matrix.models();
    for wrong in ["[[panel]]\nname = \"q\"\nmembers = [\"s/zz\"]", "[[provider]]\nname = \"x\"\nkind = \"no\""] {
        assert!(matrix.reload(&settings(&(three("") + wrong))).is_err());
        assert_eq!(matrix.models(), before);
        assert_eq!(ask(&matrix, "p").await.unwrap().0.answer(), "red");
    }
}

#[tokio::test]
async fn what_has_not_changed_keeps_its_breaker_and_connections() {
    let (bad, good) =
        (Upstream::start(|_| Reply::error(500, "", "")).await, Upstream::start(|_| Reply::chat("yes")).await);
    let text = [
        "[guard]\nattempts_max = 1\nbreaker_failures = 1\n",
        &provider("bad", &bad.url()),
        &provider("good", &good.url()),
    ]
    .concat();
    let matrix = matrix(&text);
    fails(&matrix, "bad/m").await;
    ask(&matrix, "good/m").await.unwrap();
    matrix.reload(&settings(&(text.clone() + "[[panel]]\nname = \"p\"\nmembers = [\"bad/m\"]\n"))).unwrap();
    assert!(fails(&matrix, "bad/m").await.to_string().contains("breaker is open"));
    assert!(fails(&matrix, "p").await.to_string().contains("breaker is open"));
    ask(&matrix, "good/m").await.unwrap();
    assert_eq!((bad.seen().len(), good.accepted_connections()), (1, 1));
    let with = |line: &str| settings(&text.replacen("kind", &format!("{line}\nkind"), 1));
    matrix.reload(&with("timeout_ms = 1000")).unwrap();
    assert!(fails(&matrix, "bad/m").await.to_string().contains("breaker is open"), "it is the same upstream");
    matrix.reload(&with("breaker_open_ms = 7000")).unwrap();
    assert!(fails(&matrix, "bad/m").await.to_string().contains("failed with 500"), "another breaker starts anew");
}

#[tokio::test(start_paused = true)]
async fn the_time_models_took_is_not_overhead() {
    let matrix: Matrix = matrix(&three("agreement = 1.0"));
    for name in ["s/c", "p"] {
        let start = Instant::now();
        let outcome = matrix.ask(&caller(PATIENCE), &question_with(name, &json!({}))).await.unwrap();
        let crate::Outcome::Whole { mut report, waited, .. } = outcome else { panic!("a stream") };
        report.set_overhead(start.elapsed() + ms(1), waited);
        assert!(waited >= ms(20) && report.overhead_ms < 1.1, "{waited:?} {}", report.overhead_ms);
        report.set_overhead(Duration::ZERO, waited);
        assert_eq!(report.overhead_ms, 0.0);
    }
}
