//! The endpoint of a container, on a real socket.

use super::*;
use serde_json::json;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;
use testkit::{Reply, Upstream};

/// 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(START + seconds)
}

fn answer(number: usize, expiration: &str) -> Reply {
    Reply::json(
        200,
        &json!({ "AccessKeyId": format!("KEY{number}"), "SecretAccessKey": "SECRET", "Token": "TOKEN",
            "Expiration": expiration, "RoleArn": "arn" }),
    )
}

fn container(upstream: &Upstream, more: &[(&str, &str)]) -> Container {
    let address = format!("{}/keys", upstream.url());
    let env = |name: &str| match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some(address.clone()),
        _ => more.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()),
    };
    Container::find(&env).unwrap().unwrap()
}

async fn id(container: &Container, seconds: u64) -> Result<String, ModelError> {
    container.get(at(seconds)).await.map(|keys| keys.access_key_id().to_owned())
}

#[tokio::test]
async fn keys_are_kept_until_shortly_before_they_expire() {
    let calls = AtomicUsize::new(0);
    let upstream = Upstream::start(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => answer(0, "2026-01-01T01:00:00Z"),
        1 => answer(1, "2026-01-01T02:00:00Z"),
        _ => Reply::body(500, "text/plain", "SECRET"),
    })
    .await;
    let mut token = tempfile::NamedTempFile::new().unwrap();
    writeln!(token, "first").unwrap();
    let path = token.path().display().to_string();
    let container = container(&upstream, &[("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path)]);
    for (seconds, expect) in [(0, "KEY0"), (3_299, "KEY0")] {
        assert_eq!(id(&container, seconds).await.unwrap(), expect);
    }
    std::fs::write(token.path(), "second\n").unwrap();
    // Five minutes ahead they are fetched again; while that fails, the old ones serve until they expire.
    for (seconds, expect) in [(3_300, "KEY1"), (3_600, "KEY1"), (7_000, "KEY1"), (7_199, "KEY1")] {
        assert_eq!(id(&container, seconds).await.unwrap(), expect, "{seconds}");
    }
    assert_eq!(id(&container, 7_200).await, Err(ModelError::Unauthorised { status: 500 }));
    let seen = upstream.seen();
    let tokens: Vec<_> = seen.iter().take(2).map(|seen| seen.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["first", "second"]);
    assert!(seen[0].path.ends_with("/keys") && seen.len() == 5, "{}", seen.len());
}

#[tokio::test]
async fn many_who_need_keys_fetch_them_once() {
    let upstream = Upstream::start(|_| answer(0, "2026-01-01T01:00:00Z").after(Duration::from_millis(30))).await;
    let container = container(&upstream, &[("AWS_CONTAINER_AUTHORIZATION_TOKEN", "text")]);
    let all = futures_util::future::join_all((0..20).map(|_| id(&container, 0))).await;
    assert!(all.iter().all(|id| id.as_deref() == Ok("KEY0")));
    assert_eq!(upstream.seen().len(), 1);
    assert_eq!(upstream.seen()[0].header("authorization"), Some("text"));
}

#[tokio::test]
async fn an_answer_without_keys_is_not_repeated() {
    for body in
        ["SECRET", r#"{"AccessKeyId":"SECRET"}"#, r#"{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"SECRET"}"#]
    {
        let upstream = Upstream::start(move |_| Reply::body(200, "application/json", body)).await;
        let error = id(&container(&upstream, &[]), 0).await.unwrap_err();
        assert!(matches!(error, ModelError::NotAReply { .. }) && !format!("{error:?}{error}").contains("SECRET"));
    }
}

#[test]
fn only_this_machine_and_the_addresses_of_containers_are_asked_without_encryption() {
    for (address, trusted) in [
        ("http://127.0.0.1:1234/x", true),
        ("http://localhost/x", true),
        ("http://[::1]/x", true),
        ("http://169.254.170.23/v1/credentials", true),
        ("http://[fd00:ec2::23]/v1/credentials", true),
        ("https://example.org/x", true),
        ("http://example.org/x", false),
        ("http://169.254.169.254/x", false),
        ("nonsense", false),
        ("", false),
    ] {
        assert_eq!(Container::at(address, Token::None).is_some(), trusted, "{address}");
    }
}
