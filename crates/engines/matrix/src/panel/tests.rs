//! Whose words a panel's reply carries, and what it says about tokens and money.

use crate::fixtures::*;
use crate::{AskError, Outcome, Report};
use fault::{Explain, Kind};
use serde_json::{Value, json};
use testkit::{Reply, Upstream};
use wire::openai::ChatReply;

fn body(reply: &ChatReply) -> Value {
    serde_json::from_slice(reply.bytes()).unwrap()
}

async fn answered(settings: &str) -> (String, Report) {
    let (reply, report) = ask(&matrix(settings), "p").await.unwrap();
    (reply.answer(), report)
}

/// A panel `p` over one model of each upstream, all of which must agree.
fn over(upstreams: &[Upstream]) -> String {
    let providers: String = names().zip(upstreams).map(|(name, up)| provider(&name.to_string(), &up.url())).collect();
    let members: Vec<String> = names().take(upstreams.len()).map(|name| format!("\"{name}/m\"")).collect();
    format!("{providers}[[panel]]\nname = \"p\"\nagreement = 1.0\nmembers = [{}]\n", members.join(", "))
}

async fn replying(bodies: &[Value]) -> Vec<Upstream> {
    let mut upstreams = Vec::new();
    for body in bodies {
        let reply = Reply::json(200, body);
        upstreams.push(Upstream::start(move |_| reply.clone()).await);
    }
    upstreams
}

const THREE: [(&str, u64); 3] = [("red", 10), ("green", 20), ("blue\n\nlike the sky", 30)];

#[tokio::test(start_paused = true)]
async fn without_agreement_every_answer_is_listed_with_its_share() {
    let text = panel_saying(&THREE, "agreement = 0.5");
    let (reply, report) = ask(&matrix(&text), "p").await.unwrap();
    assert_eq!(
        reply.answer(),
        "No agreement: 3 of 3 members answered and the largest group holds 33 %.\n\n33 % (s/a):\nred\n\n33 % (s/b):\n\
         green\n\n33 % (s/c):\nblue\n\nlike the sky\n"
    );
    assert_eq!(report.served_by, "p");
    assert_eq!(report.reasons, ["no answer holds the 50 % that the panel `p` asks for"]);
    assert!(!report.degraded && report.simulated);
    let agreement = report.agreement.unwrap();
    assert!(!agreement.reached && !agreement.stopped_early);
    assert_eq!(agreement.share, 0.3333);
    let body = body(&reply);
    assert_eq!((&body["model"], &body["object"]), (&json!("p"), &json!("chat.completion")));
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["id"], "chatcmpl-req-1");
}

#[tokio::test(start_paused = true)]
async fn without_agreement_the_largest_group_may_speak() {
    let answers = [("red", 10), ("green", 20), ("green", 30), ("blue", 40), ("white", 50)];
    let (text, report) = answered(&panel_saying(&answers, "agreement = 0.9\non_disagreement = \"plurality\"")).await;
    assert_eq!((text.as_str(), report.served_by.as_str()), ("red", "s/a"), "hopeless after two answers");
    let (text, report) = answered(&panel_saying(&answers, "agreement = 0.5\non_disagreement = \"plurality\"")).await;
    assert_eq!((text.as_str(), report.served_by.as_str()), ("green", "s/b"));
    let agreement = report.agreement.unwrap();
    assert!(!agreement.reached);
    assert_eq!((agreement.share, agreement.clusters[0].members.len()), (0.4, 2));
}

#[tokio::test(start_paused = true)]
async fn without_agreement_there_may_be_no_answer() {
    let error = fails(&matrix(&panel_saying(&THREE, "on_disagreement = \"error\"")), "p").await;
    assert_eq!((error.kind(), error.code()), (Kind::Semantics, "no_agreement"));
    assert_eq!(error.to_string(), "the panel `p` did not agree");
    let AskError::Disagreement { agreement, .. } = error else { panic!("{error:?}") };
    assert_eq!(agreement.clusters.iter().map(|cluster| cluster.share).collect::<Vec<_>>(), [0.3333; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_panel_of_one_is_legal() {
    let (text, report) = answered(&panel_saying(&[("**Yes**.", 10)], "agreement = 1.0")).await;
    assert_eq!(text, "**Yes**.");
    assert!(report.agreement.unwrap().reached);
}

#[tokio::test(start_paused = true)]
async fn numbers_agree_by_value() {
    let answers = [("42", 10), ("The answer is 42.0", 20), ("**42**", 30), ("41", 40)];
    let (text, report) = answered(&panel_saying(&answers, "agreement = 0.75")).await;
    assert_eq!(text, "42");
    let agreement = report.agreement.unwrap();
    assert!(agreement.reached);
    assert_eq!((agreement.method, agreement.clusters.len()), ("numeric", 1));
}

#[tokio::test(start_paused = true)]
async fn weights_decide() {
    let answers = [("red", 10), ("green", 20), ("red", 30)];
    let heavy = "members = [\"s/a\", { model = \"s/b\", weight = 3 }, \"s/c\"]";
    let (text, report) = answered(&panel_saying(&answers, heavy)).await;
    assert_eq!((text.as_str(), report.served_by.as_str()), ("green", "s/b"));
    let agreement = report.agreement.unwrap();
    assert!(agreement.reached && agreement.stopped_early);
    assert_eq!(agreement.clusters.iter().map(|cluster| cluster.share).collect::<Vec<_>>(), [0.6, 0.2]);
}

#[tokio::test]
async fn the_medoids_reply_survives_with_all_its_fields() {
    let odd = |text: &str| {
        json!({ "id": "x", "object": "chat.completion", "created": 7, "model": "m-2026", "x_new": { "a": [1.5] },
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": text, "annotations": [] },
                "logprobs": null, "finish_reason": "stop", "x_odd": true }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12 }, "system_fingerprint": "fp" })
    };
    let upstreams = replying(&[odd("**Paris**."), odd("Paris"), odd("The answer is Paris")]).await;
    let (reply, report) = ask(&matrix(&over(&upstreams)), "p").await.unwrap();
    let mut expected = odd("**Paris**.");
    expected["usage"] = json!({ "prompt_tokens": 30, "completion_tokens": 6, "total_tokens": 36 });
    assert_eq!(body(&reply), expected);
    assert_eq!((reply.answer().as_str(), report.served_by.as_str()), ("**Paris**.", "a/m"));
    assert_eq!(report.cost_usd.map(|cost| cost.to_string()).as_deref(), Some("0.000036"));
    assert!(!report.simulated);
}

#[tokio::test]
async fn unknown_usage_is_not_called_none() {
    let silent = json!({ "choices": [{ "message": { "role": "assistant", "content": "yes" } }] });
    let upstreams = replying(&[silent.clone(), silent.clone()]).await;
    let (reply, report) = ask(&matrix(&over(&upstreams)), "p").await.unwrap();
    assert_eq!(body(&reply), silent);
    assert_eq!(report.cost_usd, None);
    assert_eq!(report.reasons, ["the cost is unknown: a member has no price or told no usage"]);
}

#[tokio::test]
async fn an_empty_answer_is_a_failure_that_still_costs() {
    let says = |content: Value| {
        json!({ "choices": [{ "message": { "role": "assistant", "content": content } }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 } })
    };
    let upstreams = replying(&[says(json!("yes")), says(json!(" \n")), says(json!(null)), says(json!("yes"))]).await;
    let (reply, report) = ask(&matrix(&over(&upstreams)), "p").await.unwrap();
    assert_eq!(reply.usage().map(|usage| usage.total_tokens), Some(8));
    assert_eq!(report.cost_usd.map(|cost| cost.to_string()).as_deref(), Some("0.000008"));
    assert_eq!(report.reasons[0], "`b/m` did not answer: its answer is empty");
    let agreement = report.agreement.unwrap();
    assert_eq!((agreement.asked, agreement.answered, agreement.reached), (4, 2, true));
}

#[tokio::test]
async fn tool_calls_agree_by_their_arguments() {
    let calls = |id: &str, arguments: &str| {
        json!({ "choices": [{ "message": { "role": "assistant", "content": null, "tool_calls": [{ "id": id,
            "type": "function", "function": { "name": "weather", "arguments": arguments } }] },
            "finish_reason": "tool_calls" }] })
    };
    let same = [calls("1", r#"{"city":"Paris","days":2}"#), calls("2", r#"{ "days": 2, "city": "Paris" }"#)];
    let (reply, report) = ask(&matrix(&over(&replying(&same).await)), "p").await.unwrap();
    assert!(report.agreement.unwrap().reached);
    assert_eq!(reply.message()["tool_calls"][0]["id"], "1");
    assert_eq!(body(&reply)["choices"][0]["finish_reason"], "tool_calls");
    let other = [calls("1", r#"{"city":"Paris"}"#), calls("2", r#"{"city":"Rome"}"#)];
    let (reply, report) = ask(&matrix(&over(&replying(&other).await)), "p").await.unwrap();
    assert!(!report.agreement.unwrap().reached);
    assert!(reply.answer().contains("Rome") && reply.message()["tool_calls"].is_null());
}

#[tokio::test]
async fn members_are_asked_without_a_stream_under_their_own_name() {
    let upstreams = replying(&[json!({ "choices": [{ "message": { "content": "yes" } }] })]).await;
    let question =
        question_with("p", &json!({ "stream": true, "stream_options": { "include_usage": true }, "seed": 7 }));
    let outcome = matrix(&over(&upstreams)).ask(&caller(PATIENCE), &question).await;
    assert!(matches!(outcome, Ok(Outcome::Whole { .. })));
    let sent = upstreams[0].seen()[0].json();
    assert_eq!((&sent["model"], &sent["seed"]), (&json!("m"), &json!(7)));
    assert!(sent.get("stream").is_none() && sent.get("stream_options").is_none(), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn a_panel_gives_one_answer() {
    let matrix = matrix(&panel_saying(&THREE, ""));
    let error = whole(matrix.ask(&caller(PATIENCE), &question_with("p", &json!({ "n": 2 }))).await).err().unwrap();
    assert_eq!((error.kind(), error.param().as_deref()), (Kind::BadInput, Some("n")));
    assert_eq!(error.to_string(), "the panel `p` gives one answer, not 2");
}

#[tokio::test(start_paused = true)]
async fn every_outcome_is_counted() {
    let metrics = metrics();
    let count = |outcome: &str| {
        let line = format!("althing_agreement_total{{panel=\"p\",outcome=\"{outcome}\"}} ");
        let text = metrics.encode();
        text.lines().find_map(|found| found.strip_prefix(&line).map(str::to_owned))
    };
    for (text, outcome) in [
        (panel_saying(&[("yes", 1)], ""), "reached"),
        (panel_saying(&THREE, ""), "not_reached"),
        (panel(&[FAILS], ""), "failed"),
    ] {
        let matrix = crate::Matrix::new(&settings(&text), KINDS.to_vec(), metrics.clone()).unwrap();
        let _ = ask(&matrix, "p").await;
        assert_eq!(count(outcome).as_deref(), Some("1"), "{outcome}");
    }
}
