//! Settings: read again while serving, and refused with a place and a hint when they are wrong.

use crate::support::{Ended, Server, althing, chat, get, provider, question, says, send, until};
use serde_json::Value;
use std::time::Duration;
use testkit::{Reply, Upstream};

async fn models(server: &Server) -> Vec<String> {
    let list = get(server.address(), "/v1/models").await.json();
    list["data"].as_array().unwrap().iter().map(|card| card["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the models are these.
async fn models_become(server: &Server, expect: &[&str]) {
    until("other models", async || (models(server).await == expect).then_some(())).await;
}

#[tokio::test]
async fn a_changed_file_and_a_hangup_bring_new_providers() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let old = provider("old", &upstream.url(), &["a"]);
    let server = Server::start(&old);
    assert_eq!(models(&server).await, ["old/a"]);

    std::fs::write(server.config(), old.clone() + &provider("new", &upstream.url(), &["b"])).unwrap();
    models_become(&server, &["old/a", "new/b"]).await;
    let reply = chat(server.address(), &question("new/b", false)).await.finish().await;
    assert_eq!(reply.content(), "hi");

    // Faster than the next look at the file.
    std::fs::write(server.config(), &old).unwrap();
    server.signal("HUP");
    models_become(&server, &["old/a"]).await;
    assert_eq!(chat(server.address(), &question("new/b", false)).await.finish().await.status, 404);
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_and_the_log_says_where_it_is_wrong() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let good = provider("kit", &upstream.url(), &["a"]);
    let server = Server::start(&good);
    for (wrong, place, hint) in [
        ("\n[server]\ndrain = 5\n", ":8:1", "`drain_ms`"),
        ("\n[[panel]]\nname = \"p\"\nmembers = [\"kit/b\"]\n", "kit/b", "`kit/a`"),
        ("\n[server\n", ":7:8", ""),
    ] {
        std::fs::write(server.config(), good.clone() + wrong).unwrap();
        server.signal("HUP");
        let told = async || {
            let log = server.log();
            log.rfind("settings not reloaded").map(|at| log[at..].to_owned()).filter(|log| log.contains(place))
        };
        let told = until(place, told).await;
        assert!(told.contains(hint), "{told}");
        assert_eq!(models(&server).await, ["kit/a"]);
        assert_eq!(chat(server.address(), &question("kit/a", false)).await.finish().await.content(), "hi");
    }
}

/// How many reloads have ended this way.
async fn reloads(server: &Server, outcome: &str) -> u64 {
    let metrics = get(server.address(), "/metrics").await;
    let row = format!("althing_settings_reloads_total{{outcome=\"{outcome}\"}} ");
    metrics.text().lines().find_map(|line| line.strip_prefix(&row)).map_or(0, |count| count.parse().unwrap())
}

/// Waits until so many reloads have ended this way.
async fn reloads_become(server: &Server, outcome: &str, expect: u64) {
    until(outcome, async || (reloads(server, outcome).await == expect).then_some(())).await;
}

#[tokio::test]
async fn scripted_models_never_take_the_place_of_real_ones() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let server = Server::start(&provider("kit", &upstream.url(), &["a"]));
    std::fs::write(server.config(), "").unwrap();
    reloads_become(&server, "rejected", 1).await;
    assert_eq!(models(&server).await, ["kit/a"]);
    let log = server.log();
    assert!(log.contains("the settings name no provider any more") && log.contains("hint: "), "{log}");
    assert!(!log.contains("settings reloaded"), "{log}");
    std::fs::write(server.config(), provider("new", &upstream.url(), &["b"])).unwrap();
    models_become(&server, &["new/b"]).await;
}

#[tokio::test]
async fn settings_that_come_later_are_found_and_their_loss_changes_nothing() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let server = Server::bare();
    server.signal("HUP");
    reloads_become(&server, "applied", 1).await;
    assert!(models(&server).await.contains(&"scripted/ash".to_owned()));
    std::fs::write(server.config(), provider("one", &upstream.url(), &["a"])).unwrap();
    server.signal("HUP");
    models_become(&server, &["one/a"]).await;
    std::fs::write(server.config(), provider("later", &upstream.url(), &["b"])).unwrap();
    models_become(&server, &["later/b"]).await;

    std::fs::remove_file(server.config()).unwrap();
    let gone = async || server.log().contains("the settings file is gone").then_some(());
    until("it is missed", gone).await;
    assert!(server.log().contains("WARN"), "{}", server.log());
    let rejected = reloads(&server, "rejected").await;
    server.signal("HUP");
    reloads_become(&server, "rejected", rejected + 1).await;
    assert_eq!(models(&server).await, ["later/b"]);
}

#[tokio::test]
async fn settings_that_come_later_are_found_without_a_signal() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let server = Server::bare();
    std::fs::write(server.config(), provider("one", &upstream.url(), &["a"])).unwrap();
    models_become(&server, &["one/a"]).await;
}

#[tokio::test]
async fn what_waits_for_the_next_start_is_named() {
    let server = Server::start("");
    let warning = "these settings change with the next start";
    for (nth, (key, told)) in (1..).zip([
        ("n_max = 3", None),
        ("allowed_hosts = ['a.example']", None),
        ("body_bytes_max = 5000", Some("`body_bytes_max` of `/mcp`")),
        ("body_bytes_max = 5000\nn_max = 4", None),
        ("header_read_ms = 7000", Some(": `header_read_ms`\n")),
    ]) {
        let before = server.log().len();
        std::fs::write(server.config(), format!("[server]\n{key}\n")).unwrap();
        server.signal("HUP");
        let lines = async || server.log().matches("settings reloaded").nth(nth - 1).map(|_| server.log());
        let log = until("a reload", lines).await;
        assert_eq!(log[before..].contains(warning), told.is_some(), "{key}: {log}");
        assert!(log[before..].contains(told.unwrap_or_default()), "{key}: {log}");
    }
}

#[tokio::test]
async fn a_host_that_is_allowed_later_reaches_the_tools_too() {
    let server = Server::start("");
    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    let head = "POST /mcp HTTP/1.1\r\nhost: a.example\r\naccept: application/json, text/event-stream\r\ncontent-type: \
                application/json\r\nmcp-protocol-version: 2025-11-25\r\n";
    let request = format!("{head}content-length: {}\r\n\r\n{call}", call.len());
    let status = async || send(server.address(), request.as_bytes()).await.finish().await.status;
    assert_eq!(status().await, 403);
    std::fs::write(server.config(), "[server]\nallowed_hosts = ['a.example']\n").unwrap();
    server.signal("HUP");
    until("the host is welcome", async || (status().await != 403).then_some(())).await;
}

#[tokio::test]
async fn what_was_learnt_of_a_provider_outlives_a_reload() {
    let refusal = || Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "60");
    let upstream = Upstream::start(move |seen| match seen.json()["model"].as_str() {
        Some("parked") => refusal(),
        _ => Reply::chat("hi"),
    });
    let upstream = upstream.await;
    let kit = provider("kit", &upstream.url(), &["parked", "paced"]) + "rpm = 2\n";
    let server = Server::start(&kit);
    let asks = async |model: &str| {
        let reply = chat(server.address(), &question(model, false)).await.finish().await;
        (reply.status, reply.header("retry-after").map(str::to_owned))
    };
    assert_eq!(asks("kit/paced").await.0, 200);
    assert_eq!(asks("kit/parked").await.0, 503);
    let sections = "[balance]\npenalty_ms = 70\n[guard]\nshed_low = 0.5\n[server]\nstream_idle_ms = 4321\n";
    for (more, other) in [("", "x"), (sections, "y")] {
        let changed = kit.replace("rpm = 2", "rpm = 2\nqueue_max = 7");
        std::fs::write(server.config(), format!("{more}{changed}{}", provider(other, &upstream.url(), &["m"])))
            .unwrap();
        server.signal("HUP");
        models_become(&server, &["kit/parked", "kit/paced", &format!("{other}/m")]).await;
        let (status, wait) = asks("kit/parked").await;
        assert!(
            status == 503 && wait.is_some_and(|wait| wait.parse::<u64>().unwrap() > 30),
            "it wants to be left alone"
        );
        assert_eq!(asks("kit/paced").await.0, 429, "its minute is used up");
        assert_eq!(upstream.seen().len(), 2);
    }
    std::fs::write(server.config(), kit.replace("kit", "new")).unwrap();
    server.signal("HUP");
    models_become(&server, &["new/parked", "new/paced"]).await;
    assert_eq!(asks("new/paced").await.0, 200, "of another nothing is known");
}

#[tokio::test]
async fn a_request_in_flight_outlives_its_provider() {
    let words = || Reply::stream(&[&says("one ")]).wait(Duration::from_millis(1200)).event(&says("two"));
    let upstream = Upstream::start(move |_| words().event("[DONE]")).await;
    let server = Server::start(&provider("old", &upstream.url(), &["a"]));
    let mut open = chat(server.address(), &question("old/a", true)).await;
    let (_, first) = open.piece().await.unwrap();
    assert!(String::from_utf8_lossy(&first).contains("one "));
    std::fs::write(server.config(), provider("new", &upstream.url(), &["b"])).unwrap();
    server.signal("HUP");
    models_become(&server, &["new/b"]).await;
    let reply = open.finish().await;
    assert_eq!(reply.content(), "two");
    assert!(reply.is_done());
}

#[tokio::test]
async fn a_signal_right_after_the_greeting_is_heard() {
    for _ in 0..10 {
        let server = Server::start("");
        server.signal("HUP");
        until("a reload", async || server.log().contains("settings reloaded").then_some(())).await;
        assert_eq!(server.ended_by("TERM").await, Some(0));
        assert_eq!(Server::start("").ended_by("TERM").await, Some(0));
    }
}

/// How `up` ends with these settings and arguments.
fn refused(config: &str, arguments: &[&str]) -> Ended {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("althing.toml"), config).unwrap();
    let mut command = althing(folder.path());
    command.arg("up").args(arguments).arg("--data").arg(folder.path().join("data"));
    Ended::of(command)
}

#[test]
fn a_server_without_keys_does_not_listen_for_others() {
    for bind in [["--bind", "0.0.0.0:0"], ["--bind", "[::]:0"]] {
        let ended = refused("", &bind);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains("keys") && ended.stderr.contains("hint: "), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    let ended = refused("[server]\nbind = \"0.0.0.0:0\"\n", &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
}

#[test]
fn a_server_does_not_start_with_wrong_settings() {
    for (config, place, hint) in [
        ("[server]\nbody_byte_max = 5\n", "althing.toml:2:1", "`body_bytes_max`"),
        ("[serve]\n", "althing.toml:1:2", "`server`"),
        ("[server]\n\n  drain_ms = \"long\"\n", "althing.toml:3:", ""),
        ("[[provider]]\nname = \"x\"\nkind = \"opnai\"\n", "opnai", "`openai`"),
    ] {
        let ended = refused(config, &["--bind", "127.0.0.1:0"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains(place) && ended.stderr.contains(hint), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        let ended = refused(config, &["--bind", "127.0.0.1:0", "--json"]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let error: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(error["error"].to_string().contains(place), "{error}");
    }
}
