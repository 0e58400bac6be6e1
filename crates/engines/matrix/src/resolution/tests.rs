//! What a judge and an arbiter are asked, what their replies do, and what happens without one.

use crate::fixtures::*;
use crate::{AskError, KeptAnswers, Matrix, Report};
use caller::{Caller, Guest, Identity, Need, Spend, TabFuture};
use consensus::Settler;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::{Purse, Reply, Upstream};
use tokio::time::Instant;
use wire::openai::ChatReply;

/// Three members that do not agree, and a judge `j/m` behind an upstream.
fn settled_by(judge: &Upstream, method: &str, more: &str) -> Matrix {
    matrix(&settings_of(judge, method, more))
}

fn settings_of(judge: &Upstream, method: &str, more: &str) -> String {
    let said = [("red", 10), ("green", 10), ("blue", 10)];
    let keys = format!("resolution = \"{method}\"\njudge = \"j/m\"\nagreement = 0.9\n{more}");
    let price = "price = { input = 1, output = 1 }, script =";
    provider("j", &judge.url()) + &panel_saying(&said, &keys).replace("script =", price)
}

async fn judge_saying(text: &str) -> Upstream {
    let reply = Reply::chat(text);
    Upstream::start(move |_| reply.clone()).await
}

async fn asked(matrix: &Matrix) -> (ChatReply, Report) {
    ask(matrix, "p").await.unwrap()
}

fn resolution(report: &Report) -> Value {
    let mut found = json!(report.agreement)["resolution"].take();
    if let Some(found) = found.as_object_mut() {
        assert!(found.remove("latency_ms").is_some());
    }
    found
}

#[tokio::test]
async fn a_judge_picks_an_answer_word_for_word() {
    // Alphabetically: blue, green, red; the panel stops at the second dissenter.
    let judge = judge_saying(" **2**.\n").await;
    let (reply, report) = asked(&settled_by(&judge, "judge", "")).await;
    let agreement = report.agreement.as_ref().unwrap();
    let picked = resolution(&report)["picked"].as_u64().unwrap() as usize;
    assert_eq!(reply.answer(), agreement.clusters[picked].answer);
    assert!(!agreement.reached && report.served_by.starts_with("s/"));
    assert_eq!(resolution(&report)["model"], "j/m");
    let told = format!("the judge `j/m` picked the answer of `{}`", report.served_by);
    assert!(report.reasons.contains(&told), "{:?}", report.reasons);
    assert_eq!(judge.seen().len(), 1);
    let sent = judge.seen()[0].json();
    assert_eq!((&sent["messages"][0]["content"], &sent["model"]), (&json!(Settler::Judge.instructions()), &json!("m")));
    let data: Value = serde_json::from_str(sent["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(data["conversation"], json!([{ "role": "user", "text": "What is the answer?" }]));
    let answers: Vec<&str> =
        data["answers"].as_array().unwrap().iter().map(|it| it["answer"].as_str().unwrap()).collect();
    assert!(answers.is_sorted() && answers.len() == agreement.clusters.len(), "{answers:?}");
    assert_eq!((answers[1], &data["answers"][1]["number"]), (reply.answer().as_str(), &json!(2)));
}

#[tokio::test]
async fn a_judge_that_names_no_answer_settles_nothing() {
    for (says, reason) in [
        ("0", "it holds none of the answers right"),
        ("9", "its reply is no number of an answer"),
        ("-1", "its reply is no number of an answer"),
        ("the second one", "its reply is no number of an answer"),
        ("2 or 1", "its reply is no number of an answer"),
        ("", "its reply is no number of an answer"),
    ] {
        let judge = judge_saying(says).await;
        let (reply, report) = asked(&settled_by(&judge, "judge", "")).await;
        assert!(reply.answer().starts_with("No agreement"), "{says}");
        assert_eq!((resolution(&report)["reason"].as_str(), report.degraded), (Some(reason), true), "{says}");
        assert!(report.reasons.contains(&format!("the judge `j/m` settled nothing: {reason}")), "{:?}", report.reasons);
        assert_eq!(judge.seen().len(), 1, "{says}");
    }
}

#[tokio::test]
async fn whoever_cannot_be_asked_leaves_the_question_as_it_was() {
    let judge = Upstream::start(|_| Reply::json(500, &json!({}))).await;
    let (reply, report) = asked(&settled_by(&judge, "judge", "on_disagreement = \"plurality\"")).await;
    assert!(["red", "green", "blue"].contains(&reply.answer().as_str()));
    assert_eq!(resolution(&report)["reason"], "the provider failed with 500");
    assert_eq!(judge.seen().len(), 1, "it is asked once");
    let error = fails(&settled_by(&judge, "arbiter", "on_disagreement = \"error\""), "p").await;
    let AskError::Disagreement { agreement, .. } = error else { panic!("{error:?}") };
    assert_eq!(agreement.resolution.unwrap().method, "arbiter");
    // Two members may cost a thousandth of a dollar each, which would not pay for such a judge.
    let text = settings_of(&judge, "judge", "cost_usd_max = 0.0031");
    let (_, report) = asked(&matrix(&text.replacen("output = 1 }", "output = 9 }", 1))).await;
    assert_eq!(resolution(&report)["reason"], "asking it as well would exceed the panel's `cost_usd_max`");
    assert_eq!(judge.seen().len(), 2);
}

#[tokio::test]
async fn members_without_a_figure_are_reckoned_by_what_they_were_asked() {
    let judge = judge_saying("1").await;
    // Who was cancelled told nothing. Ten tokens at most were wanted of it, of the judge a thousand are reckoned with.
    let matrix = settled_by(&judge, "judge", "cost_usd_max = 0.0014");
    let outcome = matrix.ask(&caller(PATIENCE), &question_with("p", &json!({ "max_tokens": 10 }))).await;
    let (_, report) = whole(outcome).unwrap();
    assert_eq!((resolution(&report)["reason"].as_str(), judge.seen().len()), (None, 1));
}

#[tokio::test]
async fn another_judge_makes_another_answer() {
    let (first, second) = (judge_saying("1").await, judge_saying("2").await);
    let text = |judge: &Upstream| format!("[cache]\nrequests = \"all\"\n{}", settings_of(judge, "judge", ""));
    let (answers, _keeper) = KeptAnswers::open(&settings(&text(&first)).cache, None, None, &metrics()).unwrap();
    let matrix = matrix(&text(&first)).with_answers(answers);
    let kept = async || asked(&matrix).await.1.cache;
    assert_eq!((kept().await, kept().await), ("miss", "hit-memory"));
    // The panel's settings stay the same, only who is behind the judge's name is another one.
    matrix.reload(&settings(&text(&second))).unwrap();
    assert_eq!((kept().await, kept().await), ("miss", "hit-memory"));
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
}

#[tokio::test]
async fn an_arbiter_writes_an_answer_of_its_own() {
    let judge = judge_saying("purple").await;
    let matrix = settled_by(&judge, "arbiter", "");
    let purse = Purse::new();
    let guest = Guest { identity: Arc::new(Identity::local()), spend: purse.clone() };
    let question = question_with("p", &json!({ "max_tokens": 77 }));
    let outcome = matrix.ask(&Caller { guest, ..caller(PATIENCE) }, &question).await;
    let (reply, report) = whole(outcome).unwrap();
    assert_eq!((reply.answer().as_str(), report.served_by.as_str()), ("purple", "j/m"));
    assert!(report.reasons.contains(&"the arbiter `j/m` read all answers and wrote this one".to_owned()));
    assert!(!report.agreement.as_ref().unwrap().reached);
    let sent = judge.seen()[0].json();
    assert_eq!(
        (&sent["messages"][0]["content"], sent["max_completion_tokens"].as_u64()),
        (&json!(Settler::Arbiter.instructions()), Some(77))
    );
    // It is reserved for, noted and charged apart from the members, and the reply tells the sum.
    let notes = purse.notes();
    assert_eq!((notes.last().unwrap().model.as_str(), notes.last().unwrap().outcome), ("j/m", "answered"));
    assert_eq!((purse.needs().len(), purse.open_tabs(), purse.settled().len()), (2, 0, 2));
    assert!(purse.needs()[1].most > 0);
    let told = report.agreement.unwrap();
    let members: f64 = json!(told)["members"].as_array().unwrap().iter().filter_map(|it| it["cost_usd"].as_f64()).sum();
    let own = json!(told)["resolution"]["cost_usd"].as_f64().unwrap();
    let sum: f64 = report.cost_usd.unwrap().to_string().parse().unwrap();
    assert!(own > 0.0 && (members + own - sum).abs() < 1e-12, "{members} + {own} = {sum}");
}

#[tokio::test]
async fn agreement_needs_no_judge() {
    let judge = judge_saying("1").await;
    let keys = "resolution = \"judge\"\njudge = \"j/m\"";
    let text = provider("j", &judge.url()) + &panel_saying(&[("red", 1), ("red", 2), ("blue", 3)], keys);
    let (reply, report) = asked(&matrix(&text)).await;
    assert_eq!((reply.answer().as_str(), judge.seen().len()), ("red", 0));
    assert!(report.agreement.unwrap().resolution.is_none());
}

#[tokio::test(start_paused = true)]
async fn members_leave_time_for_whoever_settles() {
    let said = "answers = [\"1\"], latency = { ms = 50 }";
    let (red, blue) = (says("red", 10), says("blue", 20));
    let keys = "members = [\"s/a\", \"s/b\", \"s/c\"]\nresolution = \"judge\"\njudge = \"s/d\"\ndeadline_ms = 400";
    let (_, report) = asked(&matrix(&panel(&[&red, &blue, HANGS, said], keys))).await;
    let agreement = report.agreement.unwrap();
    assert_eq!(agreement.members[2].latency_ms, 300.0);
    assert_eq!((agreement.resolution.unwrap().reason, report.served_by.as_str()), (None, "s/b"));
}

/// A purse that pays at once, and from the second time on when time is up.
struct Slow(Arc<Purse>);

impl Spend for Slow {
    fn reserve<'a>(&'a self, request_id: &'a Arc<str>, need: Need, deadline: Instant) -> TabFuture<'a> {
        Box::pin(async move {
            if !self.0.needs().is_empty() {
                tokio::time::sleep_until(deadline).await;
            }
            self.0.reserve(request_id, need, deadline).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_money_until_time_is_up_is_not_asked() {
    let judge = "answers = [\"1\"], latency = { ms = 50 }";
    let keys = "members = [\"s/a\", \"s/b\"]\nresolution = \"judge\"\njudge = \"s/c\"\ndeadline_ms = 400";
    let matrix = matrix(&panel(&[&says("red", 10), &says("blue", 20), judge], keys));
    let purse = Purse::new();
    let guest = Guest { identity: Arc::new(Identity::local()), spend: Arc::new(Slow(Arc::clone(&purse))) };
    let (_, report) = whole(matrix.ask(&Caller { guest, ..caller(PATIENCE) }, &question("p")).await).unwrap();
    assert_eq!(resolution(&report)["reason"], "no time was left for it");
    assert_eq!((purse.needs().len(), purse.open_tabs()), (2, 0), "what was set aside went back");
    assert!(purse.notes().iter().all(|note| note.model != "s/c"));
}
