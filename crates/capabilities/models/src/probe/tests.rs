//! A look at upstreams that do what they like.

use super::{Finding, Probe, probe};
use crate::fixture::KINDS;
use net::NetError;
use std::io::Write;
use std::time::Duration;
use testkit::{Reply, Upstream};

fn provider(kind: &str, base_url: &str) -> settings::Provider {
    settings::Provider {
        name: "p".to_owned(),
        kind: kind.to_owned(),
        base_url: Some(base_url.to_owned()),
        ..settings::Provider::default()
    }
}

async fn look(reply: Reply) -> Probe {
    let upstream = Upstream::start(move |_| reply.clone()).await;
    probe(&provider("openai", &upstream.url()), KINDS).await
}

#[tokio::test]
async fn an_answer_means_what_it_says() {
    let models = Reply::body(200, "application/json", r#"{"data":[{"id":"a"},{"id":"b"},{}]}"#);
    assert!(matches!(look(models).await.finding, Finding::Listed(models) if models == ["a", "b"]));
    let page = Reply::body(200, "text/html", "<html>welcome</html>");
    assert!(matches!(look(page).await.finding, Finding::NotAList));
    for status in [401, 403] {
        let found = look(Reply::error(status, "no", "SECRET")).await.finding;
        assert!(matches!(found, Finding::KeyRefused { status: told } if told == status), "{found:?}");
    }
    assert!(matches!(look(Reply::error(404, "no", "")).await.finding, Finding::NoList { status: 404 }));
    assert!(matches!(look(Reply::error(503, "no", "")).await.finding, Finding::Answered { status: 503 }));
}

#[tokio::test]
async fn nobody_there_and_nobody_in_time_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = probe(&provider("openai", &format!("http://{closed}/v1")), KINDS).await.finding;
    assert!(matches!(found, Finding::Unreachable(NetError::Connect { .. })), "{found:?}");
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let slow = settings::Provider { timeout_ms: Some(50), ..provider("openai", &upstream.url()) };
    let found = probe(&slow, KINDS).await.finding;
    assert!(matches!(found, Finding::TimedOut { within } if within == Duration::from_millis(50)), "{found:?}");
}

#[tokio::test]
async fn the_key_goes_where_the_provider_looks_for_it() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "sk-1").unwrap();
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", "[]")).await;
    for kind in ["openai", "anthropic-compatible"] {
        let mut provider = provider(kind, &upstream.url());
        provider.api_key = Some(format!("file:{}", file.path().display()).parse().unwrap());
        let found = probe(&provider, KINDS).await;
        assert!(matches!(found.finding, Finding::Listed(models) if models.is_empty()));
        assert_eq!(found.address, Some(upstream.url()));
    }
    let seen = upstream.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", "/v1/models"));
    assert_eq!((seen[0].header("authorization"), seen[0].header("x-api-key")), (Some("Bearer sk-1"), None));
    assert_eq!((seen[1].header("authorization"), seen[1].header("x-api-key")), (None, Some("sk-1")));
    assert_eq!(seen[1].header("anthropic-version"), Some("2023-06-01"));
}

#[tokio::test]
async fn an_address_may_end_in_v1_or_not() {
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", r#"{"data":[{"id":"a"}]}"#)).await;
    for base_url in [upstream.url(), upstream.url().replace("/v1", ""), upstream.url().replace("/v1", "/")] {
        let found = probe(&provider("anthropic", &base_url), KINDS).await.finding;
        assert!(matches!(found, Finding::Listed(models) if models == ["a"]), "{base_url}");
    }
    assert!(upstream.seen().iter().all(|seen| seen.path == "/v1/models"));
}

#[tokio::test]
async fn azure_is_shown_its_key_where_it_looks() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "sk-1").unwrap();
    let upstream = Upstream::start(|_| Reply::body(200, "application/json", "[]")).await;
    let mut provider = provider("azure", &upstream.url());
    provider.api_key = Some(format!("file:{}", file.path().display()).parse().unwrap());
    probe(&provider, KINDS).await;
    let seen = upstream.seen();
    assert_eq!((seen[0].header("api-key"), seen[0].header("authorization")), (Some("sk-1"), None));
}

#[tokio::test]
async fn a_clock_that_is_off_is_noticed() {
    let answer = || Reply::body(200, "application/json", "[]");
    assert_eq!(look(answer().header("date", "Thu, 01 Jan 2015 00:00:00 GMT")).await.clock_ahead_s, Some(-1800));
    assert_eq!(look(answer().header("date", "Fri, 01 Jan 2100 00:00:00 GMT")).await.clock_ahead_s, Some(1800));
    assert_eq!(look(answer()).await.clock_ahead_s, None);
    let cached = answer().header("date", "Thu, 01 Jan 2015 00:00:00 GMT").header("age", "100");
    assert_eq!(look(cached).await.clock_ahead_s, None);
}

#[tokio::test]
async fn scripts_and_broken_settings_are_not_called() {
    assert!(matches!(probe(&provider("scripted", "http://x.invalid"), KINDS).await.finding, Finding::Simulated));
    let found = probe(&provider("openai", "no address"), KINDS).await.finding;
    assert!(matches!(found, Finding::Unusable(_)), "{found:?}");
}
