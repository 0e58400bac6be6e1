//! When a fan-out ends, and what becomes of whoever has not answered then.

use crate::fixtures::*;
use crate::{AskError, MemberOutcome, Report};
use fault::{Explain, Kind, Retry};
use std::time::Duration;
use testkit::{Reply, Upstream};
use tokio::time::Instant;

use MemberOutcome::{Answered, Cancelled, Failed, Skipped, TimedOut};

async fn timed(settings: &str) -> (Duration, Report) {
    let matrix = matrix(settings);
    let start = Instant::now();
    let (_, report) = ask(&matrix, "p").await.unwrap();
    (start.elapsed(), report)
}

fn outcomes(report: &Report) -> Vec<MemberOutcome> {
    report.agreement.as_ref().unwrap().members.iter().map(|member| member.outcome).collect()
}

fn reasons(report: &Report) -> Vec<Option<&str>> {
    report.agreement.as_ref().unwrap().members.iter().map(|member| member.reason.as_deref()).collect()
}

const DECIDED: Option<&str> = Some("cancelled: the others had decided the result");

#[tokio::test(start_paused = true)]
async fn three_of_five_take_as_long_as_the_third_fastest() {
    for seed in 1..=20 {
        let script = |n: u64| {
            format!("answers = [\"yes\"], seed = {}, latency = {{ ms = 100, spread_ms = 30 }}", seed * 100 + n)
        };
        let scripts: Vec<String> = (0..5).map(script).collect();
        let all = panel(&scripts.iter().map(String::as_str).collect::<Vec<_>>(), "");
        let matrix_ = matrix(&all);
        let mut alone = Vec::new();
        for name in names().take(5) {
            let start = Instant::now();
            ask(&matrix_, &format!("s/{name}")).await.unwrap();
            alone.push(start.elapsed());
        }
        alone.sort();
        let (took, report) = timed(&all).await;
        assert!(took >= alone[2] && took <= alone[2].mul_f64(1.15), "seed {seed}: {took:?} of {alone:?}");
        let agreement = report.agreement.unwrap();
        assert!(agreement.reached && agreement.stopped_early && agreement.share == 0.6);
        assert_eq!((agreement.asked, agreement.answered), (5, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn one_hung_member_delays_nobody() {
    let says = says("yes", 50);
    for at in 0..4 {
        let mut scripts = vec![says.as_str(); 4];
        scripts[at] = HANGS;
        let (took, report) = timed(&panel(&scripts, "")).await;
        assert!(took <= ms(52), "{took:?}");
        assert_eq!(outcomes(&report)[at], Cancelled);
        assert_eq!(reasons(&report)[at], DECIDED);
        assert!(!report.degraded, "a cancelled member is no fault");
    }
}

#[tokio::test(start_paused = true)]
async fn dead_members_leave_an_answer_and_their_faults() {
    let (yes, limited) = (says("yes", 20), "rate_limit_rate = 1.0, retry_after_s = 9");
    let (_, report) = timed(&panel(&[&yes, FAILS, &yes, limited, &yes], "agreement = 1.0")).await;
    assert_eq!(outcomes(&report), [Answered, Failed, Answered, Failed, Answered]);
    let faults = [
        None,
        Some("the provider failed with 501"),
        None,
        Some("the provider is rate limiting us (429, retry after 9.0 s)"),
        None,
    ];
    assert_eq!(reasons(&report), faults);
    assert!(report.degraded);
    assert_eq!(report.reasons.len(), 2);
    assert_eq!(report.reasons[0], "`s/b` did not answer: the provider failed with 501");
    let agreement = report.agreement.unwrap();
    assert!(agreement.reached && !agreement.stopped_early && agreement.share == 1.0);
    assert_eq!((agreement.asked, agreement.answered), (5, 3));
}

#[tokio::test(start_paused = true)]
async fn all_dead_is_no_answer_with_every_reason() {
    let limited = "rate_limit_rate = 1.0, retry_after_s = 9";
    let error = fails(&matrix(&panel(&[FAILS, limited, &says(" \n", 5)], "")), "p").await;
    assert!(matches!(error, AskError::NoAnswer { .. }), "{error:?}");
    assert_eq!((error.kind(), error.retry()), (Kind::Unavailable, Retry::After(Duration::from_secs(9))));
    let attempts: Vec<(&str, &str)> =
        error.attempts().iter().map(|attempt| (attempt.model.as_str(), attempt.reason.as_str())).collect();
    assert_eq!(
        attempts,
        [
            ("s/a", "the provider failed with 501"),
            ("s/b", "the provider is rate limiting us (429, retry after 9.0 s)"),
            ("s/c", "its answer is empty"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_panel_that_hangs_ends_at_its_deadline() {
    for members in [vec![HANGS], vec![HANGS; 5], vec![HANGS, FAILS]] {
        let matrix = matrix(&panel(&members, "deadline_ms = 300"));
        let start = Instant::now();
        let error = fails(&matrix, "p").await;
        assert!(start.elapsed() >= ms(300) && start.elapsed() <= ms(302), "{:?}", start.elapsed());
        assert!(matches!(error, AskError::Deadline { .. }), "{error:?}");
        assert_eq!((error.kind(), error.attempts().len()), (Kind::Deadline, members.len()));
        assert!(error.attempts()[0].reason.starts_with("no answer within 30"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_ends_a_panel_too() {
    let matrix = matrix(&panel(&[HANGS, HANGS], "deadline_ms = 5000"));
    let start = Instant::now();
    let error = ask_within(&matrix, "p", ms(100)).await.err().unwrap();
    assert!(matches!(error, AskError::Deadline { .. }), "{error:?}");
    assert!(start.elapsed() <= ms(102), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_answers_there_are_count() {
    let yes = says("yes", 20);
    let (took, report) = timed(&panel(&[&yes, HANGS, &yes, HANGS, HANGS], "deadline_ms = 200")).await;
    assert!(took >= ms(200) && took <= ms(202), "{took:?}");
    assert_eq!(outcomes(&report), [Answered, TimedOut, Answered, TimedOut, TimedOut]);
    assert!(reasons(&report)[1].unwrap().starts_with("no answer within 20"), "{:?}", reasons(&report));
    let agreement = report.agreement.unwrap();
    assert!(agreement.reached && !agreement.stopped_early && report.degraded);
    assert_eq!((agreement.asked, agreement.answered, agreement.share), (5, 2, 1.0));
}

#[tokio::test(start_paused = true)]
async fn a_members_own_limit_is_a_timeout_and_not_the_panels() {
    let text = panel(&[&says("yes", 10), HANGS], "agreement = 1.0").replace("kind =", "timeout_ms = 100\nkind =");
    let (took, report) = timed(&text).await;
    assert!(took >= ms(100) && took <= ms(102), "{took:?}");
    assert_eq!(outcomes(&report), [Answered, TimedOut]);
    assert_eq!(reasons(&report)[1], Some("no answer within 100 ms"));
    assert!(report.agreement.unwrap().reached);
}

#[tokio::test(start_paused = true)]
async fn it_stops_once_no_agreement_is_possible() {
    let answers = [("red", 10), ("green", 20), ("blue", 30), ("red", 5_000), ("red", 6_000)];
    let (took, report) = timed(&panel_saying(&answers, "")).await;
    // Three different answers of five leave at most three that agree, which is enough; a fourth would not be.
    assert!(took >= ms(6_000), "{took:?}");
    assert!(report.agreement.unwrap().reached);
    let answers = [("red", 10), ("green", 20), ("blue", 30), ("white", 40), ("red", 5_000)];
    let (took, report) = timed(&panel_saying(&answers, "")).await;
    assert!(took >= ms(40) && took <= ms(42), "{took:?}");
    assert_eq!(outcomes(&report), [Answered, Answered, Answered, Answered, Cancelled]);
    assert_eq!(reasons(&report)[4], DECIDED);
    let agreement = report.agreement.unwrap();
    assert!(!agreement.reached && agreement.stopped_early);
}

#[tokio::test]
async fn losers_are_cancelled_upstream() {
    let quick = Upstream::start(|_| Reply::chat("yes").after(ms(20))).await;
    let hung = Upstream::start(|_| Reply::hang()).await;
    let slow = Upstream::start(|_| Reply::chat("no").after(PATIENCE)).await;
    let urls = [("a", quick.url()), ("b", hung.url()), ("c", quick.url()), ("d", slow.url()), ("e", quick.url())];
    let mut text: String = urls.iter().map(|(name, url)| provider(name, url)).collect();
    text += "[[panel]]\nname = \"p\"\nmembers = [\"a/m\", \"b/m\", \"c/m\", \"d/m\", \"e/m\"]\n";
    let matrix = matrix(&text);
    let start = Instant::now();
    let (reply, report) = ask(&matrix, "p").await.unwrap();
    assert!(start.elapsed() < ms(500), "{:?}", start.elapsed());
    assert_eq!(reply.answer(), "yes");
    assert_eq!(outcomes(&report), [Answered, Cancelled, Answered, Cancelled, Answered]);
    assert_eq!((reasons(&report)[1], reasons(&report)[3]), (DECIDED, DECIDED));
    hung.wait_cancelled(1, PATIENCE).await;
    slow.wait_cancelled(1, PATIENCE).await;
    assert!(quick.cancelled().is_empty());
}

#[tokio::test]
async fn whoever_leaves_cancels_every_member() {
    let upstreams = [Upstream::start(|_| Reply::hang()).await, Upstream::start(|_| Reply::hang()).await];
    let text: String = ["a", "b"].iter().zip(&upstreams).map(|(name, up)| provider(name, &up.url())).collect();
    let matrix = matrix(&(text + "[[panel]]\nname = \"p\"\nmembers = [\"a/m\", \"b/m\"]\n"));
    assert!(tokio::time::timeout(ms(80), ask(&matrix, "p")).await.is_err());
    for upstream in upstreams {
        upstream.wait_cancelled(1, PATIENCE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_costs_too_much_is_not_asked() {
    let price = "price = { input = 0, output = 1000 }, script";
    // One dollar per thousand tokens, and a guess of 1,024 tokens: 1.024 dollars a member.
    let text = panel_saying(&[("yes", 10), ("yes", 10), ("yes", 10)], "cost_usd_max = 2.1")
        .replace("script =", &format!("{price} ="));
    let (_, report) = timed(&text).await;
    assert_eq!(outcomes(&report), [Answered, Answered, Skipped]);
    assert_eq!(reasons(&report)[2], Some("asking it as well would exceed the panel's `cost_usd_max`"));
    assert!(report.degraded);
    let agreement = report.agreement.unwrap();
    assert_eq!((agreement.asked, agreement.answered, agreement.share, agreement.reached), (2, 2, 1.0, true));

    let error = fails(&matrix(&text.replace("2.1", "1")), "p").await;
    assert!(matches!(error, AskError::TooExpensive { .. }), "{error:?}");
    assert_eq!((error.kind(), error.retry()), (fault::Kind::Budget, Retry::Never), "asking again costs the same");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_limits_its_answer_is_cheaper() {
    let text = panel_saying(&[("yes", 10), ("yes", 10)], "cost_usd_max = 0.1")
        .replace("script =", "price = { input = 0, output = 1000 }, script =");
    let question = question_with("p", &serde_json::json!({ "max_tokens": 50 }));
    let (_, report) = whole(matrix(&text).ask(&caller(PATIENCE), &question).await).unwrap();
    assert_eq!(outcomes(&report), [Answered, Answered]);
}

#[tokio::test]
async fn a_member_is_retried_within_the_panels_time() {
    let flaky = Upstream::start(testkit::in_turn(vec![Reply::error(500, "", ""), Reply::chat("yes")])).await;
    let text = [QUICK, &provider("a", &flaky.url()), "[[panel]]\nname = \"p\"\nmembers = [\"a/m\"]\n"].concat();
    let (reply, report) = ask(&matrix(&text), "p").await.unwrap();
    assert_eq!((reply.answer().as_str(), flaky.seen().len()), ("yes", 2));
    assert_eq!(outcomes(&report), [Answered]);
}
