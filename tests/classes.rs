//! A provider with all the work it may have: who is turned away first, who goes first, and that whoever asks to be left
//! alone is.

use crate::support::books::code;
use crate::support::{Place, Response, Server, ask, ask_with, chat, get, provider, question, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream, in_turn};
use tokio::task::{JoinHandle, JoinSet};

/// How long the one request that is being worked on takes.
const HELD: Duration = Duration::from_secs(4);

/// A provider that works on one request at a time, and whose line is filled by hand.
struct Line {
    /// The request that is being worked on; left before the server goes.
    _holder: JoinSet<Response>,
    server: Server,
    upstream: Upstream,
    admin: String,
    user: String,
    clinic: String,
}

impl Line {
    async fn new() -> Self {
        let upstream = Upstream::start(|seen| match said(&seen.json()).as_str() {
            "holder" => Reply::chat("42").after(HELD),
            _ => Reply::chat("42").after(Duration::from_millis(5)),
        });
        let upstream = upstream.await;
        let guard = "[guard]\nshed_low = 0.5\nshed_normal = 0.8\ncritical_tenants = [\"clinic\"]\n";
        let kit =
            provider("kit", &upstream.url(), &["m"]) + "in_flight_max = 1\nconcurrency = \"fixed\"\nqueue_max = 10\n";
        let place = Place::new(&format!("{guard}{kit}"));
        let (admin, user, clinic) =
            (place.key("admin", "default"), place.key("user", "acme"), place.key("user", "clinic"));
        let (server, mut holder) = (place.start(), JoinSet::new());
        let (address, asks) = (server.address(), user.clone());
        holder.spawn(async move { classed(address, &asks, "normal", "holder").await });
        let line = Self { _holder: holder, server, upstream, admin, user, clinic };
        line.upstream.wait_seen(1, Duration::from_secs(5)).await;
        line
    }

    fn send(&self, key: &str, class: &'static str, text: &str) -> JoinHandle<Response> {
        let (address, key, text) = (self.server.address(), key.to_owned(), text.to_owned());
        tokio::spawn(async move { classed(address, &key, class, &text).await })
    }

    /// Waits until so many are in line.
    async fn waiting(&self, many: u64) {
        let look = async || {
            let state = ask(self.server.address(), &self.admin, "GET", "/api/v1/providers?look=false", None).await;
            (state.json()["items"][0]["models"][0]["waiting"] == many).then_some(())
        };
        until(&format!("{many} wait"), look).await;
    }

    /// Sends these one after the other, each once the one before it is in line.
    async fn queue(&self, key: &str, class: &'static str, texts: &[&str], from: u64) -> Vec<JoinHandle<Response>> {
        let mut sent = Vec::new();
        for (at, text) in (from + 1..).zip(texts) {
            sent.push(self.send(key, class, text));
            self.waiting(at).await;
        }
        sent
    }

    async fn shed(&self, by: &str) -> u64 {
        let text = ask(self.server.address(), &self.admin, "GET", "/metrics", None).await;
        let series = format!("althing_shed_total{{where=\"{by}\"}} ");
        text.text().lines().find_map(|line| line.strip_prefix(&*series)).map_or(0, |count| count.parse().unwrap())
    }
}

fn said(body: &Value) -> String {
    body["messages"][0]["content"].as_str().unwrap_or_default().to_owned()
}

async fn classed(address: SocketAddr, key: &str, class: &str, text: &str) -> Response {
    let body = json!({ "model": "kit/m", "messages": [{ "role": "user", "content": text }] }).to_string();
    let headers = [("x-api-key", key), ("x-althing-class", class), ("content-type", "application/json")];
    ask_with(address, "POST /v1/chat/completions", &headers, body.as_bytes()).await
}

fn turned_away(reply: &Response, says: &str) {
    assert_eq!((reply.status, code(reply).as_str()), (503, "no_model_answered"), "{}", reply.text());
    assert!(reply.text().contains("line is full") && reply.text().contains(says), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn low_is_turned_away_before_normal_and_normal_before_critical() {
    let line = Line::new().await;
    let mut served = line.queue(&line.user, "normal", &["n1", "n2", "n3", "n4", "n5"], 0).await;
    turned_away(&line.send(&line.user, "low", "l1").await.unwrap(), "`low`");
    assert_eq!(line.shed("provider_class").await, 1);

    served.extend(line.queue(&line.user, "normal", &["n6", "n7"], 5).await);
    let last = line.queue(&line.user, "normal", &["n8"], 7).await.remove(0);
    turned_away(&line.send(&line.user, "normal", "n9").await.unwrap(), "`normal`");
    // The word alone makes nobody critical.
    turned_away(&line.send(&line.user, "critical", "n10").await.unwrap(), "`normal`");
    assert_eq!(line.shed("provider_class").await, 3);

    // A tenant that the settings name, and whoever runs the house.
    served.extend(line.queue(&line.clinic, "critical", &["c1"], 8).await);
    served.extend(line.queue(&line.admin, "critical", &["c2"], 9).await);
    // The line is full for everybody: the last of the least takes its leave.
    served.push(line.send(&line.clinic, "critical", "c3"));
    turned_away(&last.await.unwrap(), "");
    assert_eq!(line.shed("provider_displaced").await, 1);

    for reply in served {
        let reply = reply.await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let order: Vec<String> = line.upstream.seen().iter().skip(1).map(|seen| said(&seen.json())).collect();
    assert_eq!(order, ["c1", "c2", "c3", "n1", "n2", "n3", "n4", "n5", "n6", "n7"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_could_not_be_served_in_time_does_not_wait() {
    let line = Line::new().await;
    let waiting = line.queue(&line.user, "normal", &["n1"], 0).await;
    let (address, started) = (line.server.address(), Instant::now());
    let body = question("kit/m", false).to_string();
    let headers = [("x-api-key", &*line.user), ("x-althing-timeout-ms", "300"), ("content-type", "application/json")];
    let reply = ask_with(address, "POST /v1/chat/completions", &headers, body.as_bytes()).await;
    assert_eq!((reply.status, code(&reply).as_str()), (504, "deadline_exceeded"), "{}", reply.text());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    line.waiting(1).await;
    waiting.iter().for_each(JoinHandle::abort);
    line.waiting(0).await;
}

/// A server with this provider in front, and the model `kit/m` alone.
fn kit(upstream: &Upstream, more: &str) -> Server {
    Server::start(&(provider("kit", &upstream.url(), &["m"]) + more))
}

async fn asks(server: &Server) -> Response {
    chat(server.address(), &question("kit/m", false)).await.finish().await
}

fn wait(reply: &Response) -> u64 {
    reply.header("retry-after").unwrap_or_else(|| panic!("no time: {}", reply.text())).parse().unwrap()
}

#[tokio::test]
async fn who_wants_to_be_left_alone_is_whoever_asks() {
    let refusal = Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "30");
    let upstream = Upstream::start(in_turn(vec![refusal, Reply::chat("too soon")])).await;
    let spare = Upstream::start(|_| Reply::chat("spare")).await;
    let route = "[[route]]\nname = \"r\"\nrules = [{ models = [\"kit/m\", \"spare/m\"] }]\n";
    let server = kit(&upstream, &(provider("spare", &spare.url(), &["m"]) + route));
    let first = asks(&server).await;
    assert_eq!((first.status, code(&first).as_str(), wait(&first)), (503, "no_model_answered", 30), "{}", first.text());
    for _ in 0..5 {
        let refused = asks(&server).await;
        assert!(refused.status == 503 && (28..=30).contains(&wait(&refused)), "{}", refused.text());
        assert!(refused.text().contains("asked to be left alone"), "{}", refused.text());
        let through = chat(server.address(), &question("r", false)).await.finish().await;
        assert_eq!(through.content(), "spare", "{}", through.text());
    }
    let state = get(server.address(), "/api/v1/providers?look=false").await;
    let parked = state.json()["items"][0]["models"][0]["parked_ms"].as_u64();
    assert!(parked.is_some_and(|ms| (28_000..=30_000).contains(&ms)), "{}", state.text());
    assert_eq!(upstream.seen().len(), 1);
}

/// Refused or told that nothing remains: who is to come again so soon is waited for, and not asked before.
#[tokio::test]
async fn a_short_while_is_waited_for() {
    let refusal = Reply::error(429, "rate_limit_error", "slow down").header("retry-after", "2");
    let last =
        |remaining: &str, reset: &str, value: &str| Reply::chat("last").header(remaining, "0").header(reset, value);
    for (reply, least_ms) in [
        (refusal, 2_000),
        (last("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "1.5s"), 1_500),
        (last("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens", "1500ms"), 1_500),
    ] {
        let upstream = Upstream::start(in_turn(vec![reply, Reply::chat("next")])).await;
        let server = kit(&upstream, "");
        let first = asks(&server).await.content();
        if first == "last" {
            assert_eq!(asks(&server).await.content(), "next");
        } else {
            assert_eq!(first, "next");
        }
        let times: Vec<Instant> = upstream.seen().iter().map(|seen| seen.at).collect();
        let between = times[1] - times[0];
        assert!(between >= Duration::from_millis(least_ms - 20), "{between:?} of {least_ms} ms");
    }
}

#[tokio::test]
async fn where_nothing_remains_for_long_nobody_is_asked() {
    let last =
        Reply::chat("last").header("x-ratelimit-remaining-requests", "0").header("x-ratelimit-reset-requests", "1m30s");
    let upstream = Upstream::start(in_turn(vec![last, Reply::chat("too soon")])).await;
    let server = kit(&upstream, "");
    assert_eq!(asks(&server).await.content(), "last");
    let refused = asks(&server).await;
    assert!(refused.status == 503 && (85..=90).contains(&wait(&refused)), "{} {}", refused.status, refused.text());
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn nobody_is_left_alone_for_longer_than_settings_say() {
    let refusal = Reply::error(503, "overloaded", "later").header("retry-after", "3600");
    let upstream = Upstream::start(in_turn(vec![refusal, Reply::chat("42")])).await;
    let server = kit(&upstream, "[guard]\npark_ms_max = 800\n");
    // An hour that settings make 800 ms is short enough to be waited for.
    assert_eq!((asks(&server).await.content().as_str(), upstream.seen().len()), ("42", 2));
    let between = upstream.seen()[1].at - upstream.seen()[0].at;
    assert!((780..5_000).contains(&between.as_millis()), "{between:?}");
}

#[tokio::test]
async fn how_many_at_once_follows_what_the_provider_bears() {
    let limit = async |server: &Server| {
        let text = get(server.address(), "/metrics").await;
        let line = text.text().lines().find_map(|line| line.strip_prefix("althing_adaptive_limit{provider=\"kit\"} "));
        line.unwrap_or_else(|| panic!("{}", text.text())).parse::<f64>().unwrap()
    };
    for (concurrency, moves) in [("aimd", true), ("auto", true), ("fixed", false)] {
        let seen = AtomicUsize::new(0);
        let upstream = Upstream::start(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
            1..=3 => Reply::error(429, "rate_limit_error", "slow down"),
            _ => Reply::chat("42"),
        });
        let upstream = upstream.await;
        let server = kit(&upstream, &format!("concurrency = {concurrency:?}\nin_flight_max = 40\n"));
        assert_eq!(asks(&server).await.status, 200);
        let before = limit(&server).await;
        assert_eq!(before, 40.0, "{concurrency}: nobody is held back before something was refused");
        asks(&server).await;
        let after = limit(&server).await;
        assert_eq!(after < before, moves, "{concurrency}: from {before} to {after}");
    }
}

#[tokio::test]
async fn a_rate_of_ours_is_a_429_alone_and_the_next_model_of_a_route() {
    let upstream = Upstream::start(|_| Reply::chat("42")).await;
    let spare = provider("spare", &upstream.url(), &["m"]);
    let route = "[[route]]\nname = \"r\"\nrules = [{ models = [\"kit/m\", \"spare/m\"] }]\n";
    let server = kit(&upstream, &format!("rpm = 3\n{spare}{route}"));
    for _ in 0..3 {
        assert_eq!(asks(&server).await.status, 200);
    }
    let refused = asks(&server).await;
    assert_eq!((refused.status, code(&refused).as_str()), (429, "rate_limited_here"), "{}", refused.text());
    assert!((1..=20).contains(&wait(&refused)), "{}", wait(&refused));
    let through = chat(server.address(), &question("r", false)).await.finish().await;
    assert_eq!((through.status, through.header("x-althing-served-by")), (200, Some("spare/m")));
    assert_eq!(upstream.seen().len(), 4);
}
