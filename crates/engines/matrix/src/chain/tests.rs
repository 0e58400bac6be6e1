//! Retries, fallback, deadlines and breakers against upstreams that misbehave on real sockets.

use crate::AskError;
use crate::fixtures::*;
use fault::{Explain, Kind, Retry};
use models::ModelError;
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream, in_turn};

/// How far past its deadline a request may end.
const SLACK: Duration = Duration::from_millis(50);

async fn fine() -> Upstream {
    Upstream::start(|seen| match seen.json()["stream"] == true {
        true => Reply::chat_stream(&["from ", "the second"]),
        false => Reply::chat("from the second"),
    })
    .await
}

fn over(first: &str, second: &Upstream, more: &str) -> String {
    let first = provider("one", first).replace("kind", "timeout_ms = 150\nkind");
    [QUICK, &first, &provider("two", &second.url()), &route(&["one", "two"]), more].concat()
}

/// Asks a route whose first model replies like this, whole and streamed; the second must answer and the reason be told.
async fn falls_over(reply: Reply, reason: &str) {
    let (first, second) = (Upstream::start(move |_| reply.clone()).await, fine().await);
    expect_second(&over(&first.url(), &second, ""), reason).await;
}

async fn expect_second(settings: &str, reason: &str) {
    let (reply, report) = ask(&matrix(settings), "r").await.unwrap();
    assert_eq!(reply.answer(), "from the second");
    let told = ask_streamed(&matrix(settings), "r").await.unwrap();
    assert!(told.text.contains("the second") && told.text.ends_with("data: [DONE]\n\n"), "{}", told.text);
    assert_eq!(told.error, None);
    for report in [report, told.report] {
        assert!(report.degraded);
        assert_eq!(report.served_by, "two/m");
        let told =
            report.reasons.iter().any(|told| told.starts_with("`one/m` did not answer: ") && told.contains(reason));
        assert!(told, "{reason}: {:?}", report.reasons);
    }
}

#[tokio::test]
async fn a_failing_provider_is_replaced() {
    falls_over(Reply::error(500, "server_error", "secret"), "failed with 500").await;
    falls_over(Reply::error(503, "server_error", "secret").header("retry-after", "1"), "failed with 503").await;
    falls_over(Reply::error(401, "invalid_api_key", "sk-secret"), "credentials with 401").await;
}

#[tokio::test]
async fn a_rate_limiting_provider_is_replaced_at_once() {
    let start = Instant::now();
    falls_over(Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "1"), "retry after 1.0 s")
        .await;
    assert!(start.elapsed() < ms(900), "waited although another model was there: {:?}", start.elapsed());
}

#[tokio::test]
async fn a_hanging_provider_is_replaced() {
    falls_over(Reply::hang(), "no answer within 150 ms").await;
}

#[tokio::test]
async fn rubbish_is_replaced() {
    falls_over(Reply::body(200, "application/json", "{\"choices\": ["), "not a chat reply").await;
    falls_over(Reply::body(200, "text/html", "<html>"), "not a chat reply").await;
    falls_over(Reply::bare().raw("rubbish\r\n\r\n"), "not valid HTTP").await;
    falls_over(Reply::bare(), "closed before the answer was complete").await;
}

#[tokio::test]
async fn a_refused_connection_is_replaced() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    expect_second(&over(&format!("http://{closed}/v1"), &fine().await, ""), "cannot connect to `127.0.0.1`").await;
}

#[tokio::test]
async fn a_stream_that_dies_before_its_first_token_is_replaced() {
    let preamble = || Reply::chat_stream(&["never ", "seen"]);
    for (reply, reason) in [
        (preamble().cut_after(0, 0), "closed before the answer was complete"),
        (preamble().cut_after(1, 0), "closed before the answer was complete"),
        (preamble().cut_after(1, 9), "closed before the answer was complete"),
        (Reply::stream(&[r#"{"choices":[{"delta":{"role":"assistant"}}]}"#]), "broke off"),
        (Reply::stream(&[r#"{"error":{"code":"overloaded","message":"secret"}}"#]), "(`overloaded`)"),
        (Reply::stream(&[r#"{"choices":[{"delta":{"role":"assistant"}}]}"#]).stall(), "no answer within 150 ms"),
    ] {
        let (first, second) = (Upstream::start(move |_| reply.clone()).await, fine().await);
        let matrix = matrix(&over(&first.url(), &second, ""));
        let told = ask_streamed(&matrix, "r").await.unwrap();
        assert!(told.text.contains("the second") && !told.text.contains("never"), "{}", told.text);
        assert!(told.report.degraded && told.report.served_by == "two/m" && told.error.is_none());
        let reasons = told.report.reasons.join("\n");
        assert!(reasons.contains(reason), "{reason}: {reasons}");
        assert!(!reasons.contains("secret"));
    }
}

#[tokio::test]
async fn after_the_first_token_nobody_takes_over() {
    let first = Upstream::start(|_| Reply::chat_stream(&["half", "lost"]).cut_after(2, 0)).await;
    let second = fine().await;
    let told = ask_streamed(&matrix(&over(&first.url(), &second, "")), "r").await.unwrap();
    assert!(told.text.contains("half") && !told.text.contains("lost"), "{}", told.text);
    assert!(matches!(told.error, Some(ModelError::Cut | ModelError::Net(_))), "{:?}", told.error);
    assert!(!told.report.degraded && told.report.served_by == "one/m");
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn a_lone_stream_that_dies_after_its_preamble_ends_in_an_error() {
    let upstream = Upstream::start(|_| Reply::chat_stream(&["lost"]).cut_after(1, 0)).await;
    let told = ask_streamed(&matrix(&provider("one", &upstream.url())), "one/m").await.unwrap();
    assert!(told.text.contains("assistant") && !told.text.contains("lost"), "{}", told.text);
    assert!(told.error.is_some());
}

#[tokio::test]
async fn a_full_provider_is_replaced_at_once() {
    let (first, second) = (Upstream::start(|_| Reply::hang()).await, fine().await);
    let text = over(&first.url(), &second, "").replacen("kind", "in_flight_max = 1\nqueue_max = 0\nkind", 1);
    let matrix = matrix(&text);
    let start = Instant::now();
    let (hung, passed) = tokio::join!(ask(&matrix, "r"), async {
        first.wait_seen(1, PATIENCE).await;
        let answered = ask(&matrix, "r").await.unwrap();
        (answered, start.elapsed())
    });
    let ((_, report), took) = passed;
    assert!(took < ms(120), "{took:?}");
    assert!(report.reasons[0].contains("the provider's line is full"), "{:?}", report.reasons);
    assert!(hung.unwrap().1.reasons[0].contains("no answer within 150 ms"));
}

#[tokio::test]
async fn all_failing_lists_every_attempt() {
    let first = Upstream::start(|_| Reply::error(500, "server_error", "secret")).await;
    let second = Upstream::start(|_| Reply::error(429, "rate_limit_error", "secret").header("retry-after", "7")).await;
    let matrix = || matrix(&over(&first.url(), &second, ""));
    for error in [fails(&matrix(), "r").await, ask_streamed(&matrix(), "r").await.err().unwrap()] {
        assert!(matches!(error, AskError::NoAnswer { .. }), "{error:?}");
        assert_eq!((error.kind(), error.retry()), (Kind::Unavailable, Retry::After(Duration::from_secs(7))));
        let models: Vec<&str> = error.attempts().iter().map(|attempt| attempt.model.as_str()).collect();
        assert_eq!(models, ["one/m", "one/m", "two/m"]);
        let text = error.to_string();
        assert!(text.contains("`one/m`: the provider failed with 500") && text.contains("`two/m`: "), "{text}");
        assert!(!text.contains("secret"));
    }
}

#[tokio::test]
async fn what_may_go_better_next_time_says_so() {
    let upstream = Upstream::start(|_| Reply::error(500, "server_error", "")).await;
    let matrix = matrix(&[QUICK, &provider("one", &upstream.url())].concat());
    let error = fails(&matrix, "one/m").await;
    assert!(matches!(error, AskError::NoAnswer { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Now);
}

#[tokio::test]
async fn the_deadline_holds_over_all_attempts() {
    let (first, second) = (Upstream::start(|_| Reply::hang()).await, Upstream::start(|_| Reply::hang()).await);
    let matrix = matrix(&over(&first.url(), &second, ""));
    for within in [ms(60), ms(200)] {
        let start = Instant::now();
        let error = ask_within(&matrix, "r", within).await.err().unwrap();
        let took = start.elapsed();
        assert!(took >= within && took <= within + SLACK, "{took:?} of {within:?}");
        assert!(matches!(error, AskError::Deadline { .. }), "{error:?}");
        assert_eq!((error.kind(), error.attempts().len()), (Kind::Deadline, 2));
    }
    first.wait_cancelled(2, PATIENCE).await;
    second.wait_cancelled(2, PATIENCE).await;
    let error = ask_within(&matrix, "r", Duration::ZERO).await.err().unwrap();
    assert!(matches!(error, AskError::Deadline { .. }), "{error:?}");
    assert_eq!((first.seen().len(), second.seen().len()), (2, 2));
}

#[tokio::test]
async fn a_slow_answer_has_the_time_that_is_there() {
    let slow = Upstream::start(|_| Reply::chat("slow").after(ms(500))).await;
    let others = [fine().await, fine().await, fine().await];
    let mut text = provider("slow", &slow.url());
    for (name, other) in ["b", "c", "d"].iter().zip(&others) {
        text += &provider(name, &other.url());
    }
    let matrix = matrix(&[&text, "[guard]\nbreaker_failures = 1\n", &route(&["slow", "b", "c", "d"])].concat());
    let (reply, report) = ask_within(&matrix, "r", ms(1_000)).await.unwrap();
    assert_eq!((reply.answer().as_str(), report.degraded), ("slow", false), "{:?}", report.reasons);
    // Whoever has less is answered by the next, and that harms nobody.
    let (_, report) = ask_within(&matrix, "r", ms(400)).await.unwrap();
    assert!(report.reasons[0].contains("no answer within 3"), "{:?}", report.reasons);
    assert_eq!(matrix.endpoints()[0].breaker(), guard::State::Closed);
    assert!(!matrix.endpoints()[0].reading(Instant::now()).penalised);
}

#[tokio::test]
async fn waiting_to_retry_never_outlasts_the_deadline() {
    let upstream = Upstream::start(|_| Reply::error(429, "", "").header("retry-after", "1")).await;
    let matrix = matrix(&provider("one", &upstream.url()));
    let start = Instant::now();
    let error = ask_within(&matrix, "one/m", ms(200)).await.err().unwrap();
    assert!(start.elapsed() < ms(150), "slept although no time would be left: {:?}", start.elapsed());
    assert!(matches!(error, AskError::NoAnswer { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(1)));
}

#[tokio::test]
async fn a_request_at_fault_is_refused() {
    let refusal = || Reply::json(400, &json!({ "error": { "code": "invalid_value", "message": "secret" } }));
    let upstream = Upstream::start(move |_| refusal()).await;
    let second = fine().await;
    let matrix = matrix(&over(&upstream.url(), &second, ""));
    for name in ["one/m", "r"] {
        let error = fails(&matrix, name).await;
        assert!(matches!(error, AskError::Refused { .. }), "{error:?}");
        assert_eq!((error.kind(), error.retry()), (Kind::BadInput, Retry::Never));
        assert_eq!(error.to_string(), "`one/m`: the provider refused the request with 400 (`invalid_value`)");
    }
    assert_eq!((upstream.seen().len(), second.seen().len()), (2, 0), "a refusal is neither retried nor passed on");
}

#[tokio::test]
async fn what_another_model_may_know_or_hold_goes_there() {
    let too_long = json!({ "error": { "code": "context_length_exceeded", "message": "secret" } });
    falls_over(Reply::json(400, &too_long), "refused the request with 400 (`context_length_exceeded`)").await;
    falls_over(Reply::error(404, "not_found", ""), "refused the request with 404").await;
    let alone = Upstream::start(move |_| Reply::json(400, &too_long)).await;
    let error = fails(&matrix(&provider("one", &alone.url())), "one/m").await;
    assert!(matches!(error, AskError::Refused { .. }), "{error:?}");
    assert_eq!((error.kind(), alone.seen().len()), (Kind::BadInput, 1));
}

#[tokio::test]
async fn one_retry_may_be_all_it_takes() {
    let upstream = Upstream::start(in_turn(vec![Reply::error(500, "", ""), Reply::chat("well again")])).await;
    let matrix = matrix(&provider("one", &upstream.url()));
    let (reply, report) = ask(&matrix, "one/m").await.unwrap();
    assert_eq!(reply.answer(), "well again");
    assert!(report.degraded && report.reasons.len() == 1);
    let seen = upstream.seen();
    let pause = seen[1].at - seen[0].at;
    assert!(pause >= ms(50) && pause <= ms(100) + SLACK, "not the first wait of 50 to 100 ms: {pause:?}");
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let limited = Reply::error(429, "rate_limit_error", "").header("retry-after", "1");
    let upstream = Upstream::start(in_turn(vec![limited, Reply::chat("well again")])).await;
    let (reply, _) = ask(&matrix(&provider("one", &upstream.url())), "one/m").await.unwrap();
    assert_eq!(reply.answer(), "well again");
    let seen = upstream.seen();
    let pause = seen[1].at - seen[0].at;
    assert!(pause >= Duration::from_secs(1) && pause <= ms(1_100) + SLACK, "{pause:?}");
}

#[tokio::test]
async fn a_long_retry_after_ends_it_at_once() {
    let upstream = Upstream::start(|_| Reply::error(429, "", "").header("retry-after", "30")).await;
    let start = Instant::now();
    let error = fails(&matrix(&provider("one", &upstream.url())), "one/m").await;
    assert!(start.elapsed() < ms(500), "{:?}", start.elapsed());
    assert_eq!((error.retry(), upstream.seen().len()), (Retry::After(Duration::from_secs(30)), 1));
}

#[tokio::test]
async fn a_storm_of_failures_makes_few_retries() {
    let upstream = Upstream::start(|_| Reply::error(500, "", "")).await;
    let guard = "[guard]\nattempts_max = 4\nbackoff_base_ms = 1\nbackoff_max_ms = 2\nretry_ratio = 0.2\n\
                 retry_min_per_s = 0.5\nbreaker_failures = 1000000\n";
    let matrix = matrix(&[guard, &provider("one", &upstream.url())].concat());
    let storm: Vec<_> = (0..100).map(|_| fails(&matrix, "one/m")).collect();
    let errors = futures_util::future::join_all(storm).await;
    assert!(errors.iter().all(|error| matches!(error, AskError::NoAnswer { .. })));
    let retries = upstream.seen().len() - 100;
    // A fifth of 100 requests, and half a retry per second over the window of ten.
    assert!((20..=25).contains(&retries), "{retries} retries");
}

#[tokio::test]
async fn five_failures_open_the_breaker() {
    let upstream = Upstream::start(|_| Reply::error(500, "", "")).await;
    let matrix = matrix(&["[guard]\nattempts_max = 1\n", &provider("one", &upstream.url())].concat());
    for _ in 0..5 {
        fails(&matrix, "one/m").await;
    }
    let error = fails(&matrix, "one/m").await;
    assert_eq!(upstream.seen().len(), 5);
    assert!(error.to_string().contains("breaker is open for another"), "{error}");
    let Retry::After(wait) = error.retry() else { panic!("{:?}", error.retry()) };
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
}

#[tokio::test]
async fn an_open_breaker_costs_the_next_candidate_no_time() {
    let first = Upstream::start(|_| Reply::hang()).await;
    let second = fine().await;
    let matrix = matrix(&over(&first.url(), &second, "").replace("[guard]", "[guard]\nbreaker_failures = 1"));
    ask(&matrix, "r").await.unwrap();
    let start = Instant::now();
    let (_, report) = ask(&matrix, "r").await.unwrap();
    assert!(start.elapsed() < ms(100), "{:?}", start.elapsed());
    assert!(report.reasons[0].contains("breaker is open"), "{:?}", report.reasons);
    assert_eq!(first.seen().len(), 1);
}

#[tokio::test]
async fn whoever_leaves_cancels_the_call() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let matrix = matrix(&provider("one", &upstream.url()));
    let left = tokio::time::timeout(ms(60), ask(&matrix, "one/m")).await;
    assert!(left.is_err());
    upstream.wait_cancelled(1, PATIENCE).await;
}

#[tokio::test]
async fn a_clean_answer_is_not_degraded() {
    let upstream = fine().await;
    let (_, report) = ask(&matrix(&provider("one", &upstream.url())), "one/m").await.unwrap();
    assert!(!report.degraded && !report.simulated && report.reasons.is_empty() && report.agreement.is_none());
    assert_eq!(report.cost_usd.map(|cost| cost.to_string()).as_deref(), Some("0.000012"));
}

#[tokio::test]
async fn a_minute_that_is_used_up_everywhere_is_told_with_its_end() {
    let up = fine().await;
    let slow = |name: &str, rpm: u32| {
        let provider = provider(name, &up.url());
        provider.replace("name = \"m\"", &format!("name = \"m\", rpm = {rpm}"))
    };
    let panel = "[[panel]]\nname = \"p\"\nmembers = [\"one/m\", \"two/m\"]\n";
    let matrix = matrix(&[QUICK, &slow("one", 2), &slow("two", 3), &route(&["one", "two"]), panel].concat());
    for _ in 0..5 {
        ask(&matrix, "r").await.unwrap();
    }
    for name in ["r", "p", "two/m"] {
        let error = fails(&matrix, name).await;
        assert_eq!((error.kind(), error.code()), (Kind::RateLimited, "rate_limited_here"), "{name}: {error}");
        let Retry::After(wait) = error.retry() else { panic!("{name}: {error:?}") };
        assert!(wait > Duration::from_secs(15) && wait <= Duration::from_secs(20), "{name}: {wait:?}");
    }
    assert_eq!(up.seen().len(), 5);
}

#[tokio::test]
async fn a_request_that_is_too_long_for_everybody_is_refused_as_that() {
    let up = fine().await;
    let small = |name: &str| provider(name, &up.url()).replace("name = \"m\"", "name = \"m\", prompt_bytes_max = 9");
    let broken = Upstream::start(|_| Reply::error(501, "", "")).await;
    let settings = [QUICK, &small("one"), &small("two"), &route(&["one", "two"])].concat();
    let error = fails(&matrix(&settings), "r").await;
    assert_eq!((error.kind(), error.retry(), error.attempts().len()), (Kind::TooLarge, Retry::Never, 2), "{error}");
    let settings = [QUICK, &small("one"), &provider("two", &broken.url()), &route(&["one", "two"])].concat();
    let error = fails(&matrix(&settings), "r").await;
    assert_eq!(error.kind(), Kind::Unavailable, "one of them might have taken it: {error}");
}
