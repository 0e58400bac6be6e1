//! Kept answers: who gets them, for how long, what else is told of them, and that nobody is given what is not theirs.

use crate::support::books::code;
use crate::support::{
    Ended, Open, Place, Response, Server, Simulate, althing, ask, ask_with, keyed, provider, refuses, request, send,
    until,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::{Redis, Reply, Upstream, in_turn};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// An upstream that never says the same twice.
async fn counting() -> Upstream {
    counting_after(Duration::ZERO).await
}

async fn counting_after(takes: Duration) -> Upstream {
    let seen = AtomicUsize::new(0);
    Upstream::start(move |asked| {
        let number = seen.fetch_add(1, Ordering::Relaxed).to_string();
        let reply = match asked.json()["stream"] == true {
            true => {
                Reply::chat_stream_with_usage(&["number ", &number, " \u{e9}\n\n"]).pause(Duration::from_millis(20))
            }
            false => Reply::chat(&format!("number {number}")),
        };
        reply.after(takes)
    })
    .await
}

fn server(upstream: &Upstream, more: &str) -> Server {
    Server::start(&(more.to_owned() + &provider("kit", &upstream.url(), &["m", "other"])))
}

/// A question whose answer may be kept.
fn fixed(text: &str) -> Value {
    json!({ "model": "kit/m", "temperature": 0, "messages": [{ "role": "user", "content": text }] })
}

fn streamed(text: &str) -> Value {
    let mut body = fixed(text);
    body["stream"] = true.into();
    body
}

async fn with(address: SocketAddr, headers: &[(&str, &str)], body: &Value) -> Response {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    let reply = ask_with(address, "POST /v1/chat/completions", &headers, body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

async fn plain(server: &Server, body: &Value) -> Response {
    with(server.address(), &[], body).await
}

/// Where it says the answer came from; the object and the header agree.
fn from(reply: &Response) -> String {
    let header = reply.header("x-althing-cache").unwrap().to_owned();
    if reply.header("content-type") == Some("application/json") {
        assert_eq!(reply.json()["althing"]["cache"], header, "{}", reply.text());
    }
    header
}

#[tokio::test]
async fn a_kept_answer_is_the_same_costs_nothing_and_asks_nobody() {
    let upstream = counting().await;
    let url = upstream.url();
    let price = "models = [{ name = \"m\", price = { input = 1, output = 2 } }]";
    let server = Server::start(&format!("[[provider]]\nname = \"kit\"\nbase_url = {url:?}\n{price}\n"));
    let first = plain(&server, &fixed("a")).await;
    assert_eq!((from(&first).as_str(), first.content().as_str()), ("miss", "number 0"));
    let mut reordered = json!({ "messages": fixed("a")["messages"], "user": "somebody", "temperature": 0 });
    reordered["model"] = "kit/m".into();
    for body in [fixed("a"), reordered] {
        let again = plain(&server, &body).await;
        assert_eq!((from(&again).as_str(), again.content().as_str()), ("hit-memory", "number 0"));
        assert_eq!(again.header("x-althing-served-by"), Some("kit/m"));
        assert_eq!(again.header("x-althing-cost-usd").unwrap().parse(), Ok(0.0));
        assert_ne!(again.header("x-althing-request-id"), first.header("x-althing-request-id"));
        assert_eq!(again.json()["usage"], first.json()["usage"]);
    }
    assert_eq!(upstream.seen().len(), 1);
    // Another question, another model, another shape: another answer.
    let (mut longer, mut vague) = (fixed("a"), fixed("a"));
    longer["max_tokens"] = 7.into();
    vague.as_object_mut().unwrap().remove("temperature");
    for (body, expect) in [(fixed("b"), "miss"), (longer, "miss"), (streamed("a"), "miss"), (vague, "off")] {
        assert_eq!(from(&plain(&server, &body).await), expect, "{body}");
    }
    assert_eq!(upstream.seen().len(), 5);
}

#[tokio::test]
async fn a_request_may_say_for_itself() {
    let upstream = counting().await;
    let server = server(&upstream, "");
    let asks = async |header: (&str, &str), body: &Value| {
        let reply = with(server.address(), &[header], body).await;
        (from(&reply), reply.content())
    };
    let told = |place: &str, number: usize| (place.to_owned(), format!("number {number}"));
    assert_eq!(asks(("x-none", ""), &fixed("a")).await, told("miss", 0));
    for (at, header) in [("cache-control", "no-cache"), ("x-althing-cache", "refresh")].into_iter().enumerate() {
        assert_eq!(asks(header, &fixed("a")).await.1, format!("number {}", at + 1), "{header:?}");
        assert_eq!(asks(("x-none", ""), &fixed("a")).await, told("hit-memory", at + 1), "the new one is kept");
    }
    for (at, header) in [("cache-control", "no-store"), ("x-althing-cache", "off")].into_iter().enumerate() {
        assert_eq!(asks(header, &fixed("a")).await, told("off", at + 3), "{header:?}");
        assert_eq!(asks(("x-none", ""), &fixed("a")).await, told("hit-memory", 2), "the new one is not kept");
    }
    // Of one that is not asked for the same answer each time, only if somebody wishes it.
    let mut vague = fixed("vague");
    vague.as_object_mut().unwrap().remove("temperature");
    assert_eq!(asks(("x-althing-cache", "on"), &vague).await, told("miss", 5));
    assert_eq!(asks(("x-althing-cache", "on"), &vague).await, told("hit-memory", 5));
    assert_eq!(asks(("x-none", ""), &vague).await, told("off", 6));
}

#[tokio::test]
async fn no_tenant_is_given_what_another_asked_for() {
    let upstream = counting().await;
    let place = Place::new(&provider("kit", &upstream.url(), &["m"]));
    let (acme, beta, colleague) = (place.key("user", "acme"), place.key("user", "beta"), place.key("user", "acme"));
    let server = place.start();
    let asks = async |key: &str, body: &Value| {
        let reply = with(server.address(), &[("x-api-key", key)], body).await;
        (from(&reply), reply.content())
    };
    for body in [fixed("a"), streamed("a")] {
        let (miss, of_acme) = asks(&acme, &body).await;
        assert_eq!(asks(&colleague, &body).await, ("hit-memory".to_owned(), of_acme.clone()));
        let (of_beta, content) = asks(&beta, &body).await;
        assert!(miss == "miss" && of_beta == "miss" && content != of_acme, "{content}");
    }
}

#[tokio::test]
async fn an_answer_lives_as_long_as_settings_say_and_is_old_for_a_while() {
    let upstream = counting().await;
    let server = server(&upstream, "[cache]\nttl_s = 1\nstale_s = 2\n");
    assert_eq!(plain(&server, &fixed("a")).await.content(), "number 0");
    assert_eq!(from(&plain(&server, &fixed("a")).await), "hit-memory");
    sleep(Duration::from_millis(1_150)).await;
    let old = plain(&server, &fixed("a")).await;
    assert_eq!((from(&old).as_str(), old.content().as_str()), ("hit-memory", "number 0"));
    assert!(!old.json()["althing"]["reasons"].as_array().unwrap().is_empty(), "it says that it is old: {}", old.text());
    upstream.wait_seen(2, Duration::from_secs(5)).await;
    let renewed = async || (plain(&server, &fixed("a")).await.content() == "number 1").then_some(());
    until("the new one is there", renewed).await;
    sleep(Duration::from_millis(3_400)).await;
    let later = plain(&server, &fixed("a")).await;
    assert_eq!((from(&later).as_str(), later.content().as_str()), ("miss", "number 2"));
}

#[tokio::test]
async fn a_route_has_rules_of_its_own() {
    let upstream = counting().await;
    let route = "[[route]]\nname = \"r\"\nrules = [{ models = [\"kit/m\"] }]\ncache = \"all\"\ncache_ttl_s = 1\n";
    let server = server(&upstream, &format!("[cache]\nrequests = \"off\"\n{route}"));
    let body = json!({ "model": "r", "messages": [{ "role": "user", "content": "a" }] });
    assert_eq!(from(&plain(&server, &body).await), "miss");
    assert_eq!(from(&plain(&server, &body).await), "hit-memory");
    sleep(Duration::from_millis(1_150)).await;
    assert_eq!(from(&plain(&server, &body).await), "miss");
    assert_eq!(from(&plain(&server, &fixed("a")).await), "off");
}

#[tokio::test]
async fn what_is_on_disk_survives_a_restart() {
    let upstream = counting().await;
    let mut server = server(&upstream, "[cache]\ndisk_mb = 10\n");
    let whole = plain(&server, &fixed("a")).await.content();
    let stream = plain(&server, &streamed("b")).await;
    let kept = async || {
        let state = ask(server.address(), "", "GET", "/api/v1/cache", None).await.json();
        (state["tiers"][1]["entries"] == 2).then_some(())
    };
    until("both are on disk", kept).await;
    server = server.stopped().start();
    for expect in ["hit-disk", "hit-memory"] {
        let again = plain(&server, &fixed("a")).await;
        assert_eq!((from(&again).as_str(), again.content()), (expect, whole.clone()));
        let again = plain(&server, &streamed("b")).await;
        assert_eq!((from(&again).as_str(), &again.body), (expect, &stream.body));
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn what_one_server_keeps_in_redis_another_gives() {
    let (upstream, redis) = (counting().await, Redis::start());
    let config = format!("[cache]\nredis_url = {:?}\n", redis.url());
    let (one, other) = (server(&upstream, &config), server(&upstream, &config));
    // What the other has asked for itself, because it was not in Redis yet, it keeps itself: then another question is tried.
    let mut number = 0;
    let (body, first, again) = until("hit-redis", async || {
        number += 1;
        let body = fixed(&format!("question {number}"));
        let first = plain(&one, &body).await.content();
        sleep(Duration::from_millis(200)).await;
        let again = plain(&other, &body).await;
        (from(&again) == "hit-redis").then_some((body, first, again))
    })
    .await;
    assert_eq!(again.content(), first);
    assert_eq!(from(&plain(&other, &body).await), "hit-memory");
    // What is dropped here is gone there.
    let dropped = ask(one.address(), "", "DELETE", "/api/v1/cache", None).await;
    assert_eq!((dropped.status, &dropped.json()["told"]), (200, &json!(true)), "{}", dropped.text());
    let gone = async || (plain(&other, &body).await.content() != first).then_some(());
    until("it is gone there", gone).await;
}

#[tokio::test]
async fn a_stream_is_played_back_as_it_was() {
    let upstream = counting().await;
    let server = server(&upstream, "");
    let first = plain(&server, &streamed("a")).await;
    assert!(first.is_done() && from(&first) == "miss", "{}", first.text());
    let again = plain(&server, &streamed("a")).await;
    assert_eq!((from(&again).as_str(), again.header("content-type")), ("hit-memory", first.header("content-type")));
    assert_eq!(again.body, first.body, "{}\n{}", first.text(), again.text());
    // One that somebody left is nobody's answer.
    let body = streamed("left").to_string();
    let headers = [("content-type", "application/json")];
    let mut open: Open =
        send(server.address(), &request(server.address(), "POST /v1/chat/completions", &headers, body.as_bytes()))
            .await;
    open.piece().await.unwrap();
    drop(open);
    sleep(Duration::from_millis(300)).await;
    let whole = plain(&server, &streamed("left")).await;
    assert!(whole.is_done() && whole.content().starts_with("number "), "{}", whole.text());
}

#[tokio::test]
async fn errors_are_not_kept() {
    let failing = Reply::error(500, "server_error", "no");
    let cut = Reply::chat_stream(&["no"]).cut_after(1, 4);
    let upstream = Upstream::start(in_turn(vec![failing, Reply::chat("yes"), cut, Reply::chat_stream(&["yes"])])).await;
    let server = server(&upstream, "[guard]\nattempts_max = 1\n");
    let body = fixed("a");
    let failed = ask(server.address(), "", "POST", "/v1/chat/completions", Some(&body)).await;
    assert_eq!((failed.status, code(&failed).as_str()), (503, "no_model_answered"));
    assert_eq!(plain(&server, &body).await.content(), "yes");
    let body = streamed("a");
    ask(server.address(), "", "POST", "/v1/chat/completions", Some(&body)).await;
    assert_eq!(plain(&server, &body).await.content(), "yes");
    assert_eq!(from(&plain(&server, &body).await), "hit-memory");
}

#[tokio::test]
async fn a_model_that_is_not_there_is_remembered_for_a_moment() {
    let missing = Reply::json(404, &json!({ "error": { "code": "model_not_found", "message": "no" } }));
    let upstream = Upstream::start(move |_| missing.clone()).await;
    let server = server(&upstream, "[cache]\nnegative_s = 1\n");
    let asks = async || ask(server.address(), "", "POST", "/v1/chat/completions", Some(&fixed("a"))).await;
    let first = asks().await;
    let again = asks().await;
    assert_eq!((again.status, code(&again)), (first.status, code(&first)), "{}", again.text());
    assert_eq!(upstream.seen().len(), 1);
    sleep(Duration::from_millis(1_200)).await;
    asks().await;
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_who_ask_the_same_at_once_are_one_question() {
    let upstream = counting_after(Duration::from_millis(500)).await;
    let server = server(&upstream, "");
    for (body, calls) in [(fixed("a"), 1), (streamed("a"), 2)] {
        let mut asking = JoinSet::new();
        for _ in 0..20 {
            let (address, body) = (server.address(), body.clone());
            asking.spawn(async move { with(address, &[], &body).await });
        }
        let replies = asking.join_all().await;
        assert!(replies.iter().all(|reply| reply.content() == replies[0].content()), "the same answer for all");
        assert_eq!(upstream.seen().len(), calls, "{body}");
    }
    let state = ask(server.address(), "", "GET", "/api/v1/cache", None).await.json();
    assert_eq!(state["shared"], 38, "{state}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_same_tenant_shares_and_only_what_may_be_kept() {
    let upstream = counting_after(Duration::from_millis(400)).await;
    let place = Place::new(&provider("kit", &upstream.url(), &["m"]));
    let keys = [place.key("user", "acme"), place.key("user", "beta")];
    let server = place.start();
    let at_once = async |body: Value| {
        let mut asking = JoinSet::new();
        for nth in 0..8 {
            let (address, key, body) = (server.address(), keys[nth % 2].clone(), body.clone());
            asking.spawn(async move { with(address, &[("x-api-key", &key)], &body).await.content() });
        }
        asking.join_all().await.into_iter().collect::<BTreeSet<String>>().len()
    };
    assert_eq!((at_once(fixed("a")).await, upstream.seen().len()), (2, 2), "one answer for each tenant");
    let mut vague = fixed("vague");
    vague.as_object_mut().unwrap().remove("temperature");
    assert_eq!((at_once(vague).await, upstream.seen().len()), (8, 10), "each has its own");
}

#[tokio::test]
async fn panels_vectors_and_other_dialects_are_kept_too() {
    let number = AtomicUsize::new(0);
    let upstream = Upstream::start(move |seen| {
        if seen.path.ends_with("/embeddings") {
            let vector = json!({ "object": "embedding", "index": 0, "embedding": [0.5, number.fetch_add(1, Ordering::Relaxed)] });
            let usage = json!({ "prompt_tokens": 1, "total_tokens": 1 });
            return Reply::json(200, &json!({ "object": "list", "data": [vector], "model": "m", "usage": usage }));
        }
        Reply::chat("forty-two")
    })
    .await;
    let panel = "[[panel]]\nname = \"p\"\nmembers = [\"kit/m\", \"kit/other\"]\n";
    let server = server(&upstream, panel);
    let (mut of_panel, vectors) = (fixed("a"), json!({ "model": "kit/m", "input": "a" }));
    of_panel["model"] = "p".into();
    let mut anthropic = fixed("a");
    anthropic["max_tokens"] = 50.into();
    for (path, body, calls) in
        [("/v1/chat/completions", of_panel, 2), ("/v1/embeddings", vectors, 3), ("/v1/messages", anthropic, 4)]
    {
        let asks = async || ask(server.address(), "", "POST", path, Some(&body)).await;
        let (first, again) = (asks().await, asks().await);
        assert_eq!((first.status, first.header("x-althing-cache")), (200, Some("miss")), "{path}: {}", first.text());
        assert_eq!(
            (again.status, again.header("x-althing-cache")),
            (200, Some("hit-memory")),
            "{path}: {}",
            again.text()
        );
        let bare = |reply: &Response| {
            let mut body = reply.json();
            let told = body.as_object_mut().unwrap().remove("althing").unwrap_or_default();
            // A message is named after its request.
            body.as_object_mut().unwrap().remove("id");
            (body, told["agreement"].clone())
        };
        assert_eq!(bare(&first), bare(&again), "{path}");
        assert_eq!(upstream.seen().len(), calls, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_first_may_leave_and_the_others_are_served() {
    let upstream = counting_after(Duration::from_millis(900)).await;
    let server = server(&upstream, "");
    for (body, calls) in [(fixed("a"), 1), (streamed("a"), 2)] {
        let (address, led) = (server.address(), body.clone());
        let leader = tokio::spawn(async move {
            send(address, &keyed(address, "", "POST", "/v1/chat/completions", Some(&led))).await.finish().await
        });
        upstream.wait_seen(calls, Duration::from_secs(5)).await;
        let mut asking = JoinSet::new();
        for _ in 0..10 {
            let body = body.clone();
            asking.spawn(async move { with(address, &[], &body).await });
        }
        sleep(Duration::from_millis(300)).await;
        leader.abort();
        let replies = asking.join_all().await;
        assert!(replies.iter().all(|reply| reply.content() == replies[0].content() && reply.whole));
        assert_eq!(upstream.seen().len(), calls, "{body}");
        assert!(upstream.cancelled().is_empty(), "what others wait for is not cancelled");
    }
}

#[tokio::test]
async fn answers_can_be_dropped_by_tag_model_and_tenant() {
    let upstream = counting().await;
    let place = Place::new(&provider("kit", &upstream.url(), &["m", "other"]));
    let (admin, acme) = (place.key("admin", "default"), place.key("user", "acme"));
    let of_acme = place.key("operator", "acme");
    let server = place.start();
    let address = server.address();
    let mut other = fixed("c");
    other["model"] = "kit/other".into();
    let kept = [(Some("eu, docs"), fixed("a")), (None, fixed("b")), (None, other)];
    let asks = async |key: &str, nth: usize| {
        let (tags, body) = &kept[nth];
        let headers = [("x-api-key", key), ("x-althing-tags", tags.unwrap_or_default())];
        from(&with(address, &headers, body).await)
    };
    let drop = async |key: &str, query: &str, status: u16| {
        let reply = ask(address, key, "DELETE", &format!("/api/v1/cache{query}"), None).await;
        assert_eq!(reply.status, status, "{query}: {}", reply.text());
        reply.json()["dropped"].clone()
    };
    // Which of the three, of acme and of the house, are kept; asking keeps them again.
    let all = async || {
        let mut found = Vec::new();
        for key in [&acme, &admin] {
            for nth in 0..kept.len() {
                found.push(asks(key, nth).await == "hit-memory");
            }
        }
        found
    };
    assert_eq!(all().await, [false; 6]);
    assert_eq!(all().await, [true; 6]);
    assert_eq!(drop(&admin, "?tag=docs", 200).await, 2);
    assert_eq!(all().await, [false, true, true, false, true, true]);
    assert_eq!(drop(&admin, "?tag=kit/other", 200).await, 2);
    assert_eq!(all().await, [true, true, false, true, true, false]);
    assert_eq!(drop(&admin, "?tag=docs&tenant=acme", 200).await, 1);
    assert_eq!(all().await, [false, true, true, true, true, true]);
    assert_eq!(drop(&of_acme, "", 200).await, 3);
    assert_eq!(all().await, [false, false, false, true, true, true]);
    drop(&of_acme, "?tenant=default", 403).await;
    drop(&acme, "", 403).await;
    drop(&admin, "?tagg=docs", 400).await;
    assert_eq!(all().await, [true; 6]);
}

/// `althing cache …` against this server.
fn command(server: &Server, key: &str, arguments: &[&str]) -> Ended {
    let mut command = althing(server.place().path());
    command.args([&["cache"], arguments, &["--json", "--target", &server.url()]].concat()).env("ALTHING_KEY", key);
    Ended::of(command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_shows_drops_and_warms() {
    let upstream = counting().await;
    let place = Place::new(&provider("kit", &upstream.url(), &["m"]));
    let (operator, viewer) = (place.key("operator", "default"), place.key("viewer", "default"));
    let server = place.start();
    let questions = server.place().path().join("questions.jsonl");
    std::fs::write(&questions, format!("{}\n{}\n\n{}\n", fixed("a"), fixed("b"), fixed("a"))).unwrap();
    let warmed = command(&server, &operator, &["warm", questions.to_str().unwrap()]).good();
    assert_eq!((&warmed["asked"], &warmed["failed"]), (&json!(3), &json!(0)), "{warmed}");
    assert_eq!(upstream.seen().len(), 2, "the same question twice is one");
    let mine = [("x-api-key", &*operator)];
    assert_eq!(from(&with(server.address(), &mine, &fixed("b")).await), "hit-memory");

    let stats = command(&server, &viewer, &["stats"]).good();
    assert_eq!(stats, ask(server.address(), &viewer, "GET", "/api/v1/cache", None).await.json());
    let memory = &stats["tiers"][0];
    assert_eq!(
        (&memory["tier"], &memory["on"], &memory["entries"]),
        (&json!("memory"), &json!(true), &json!(2)),
        "{stats}"
    );
    assert!(stats["hits"].as_u64() >= Some(1) && stats["hit_rate"].as_f64().is_some(), "{stats}");
    assert_eq!((&stats["tiers"][1]["on"], &stats["tiers"][2]["on"]), (&json!(false), &json!(false)));
    let metrics = ask(server.address(), &viewer, "GET", "/metrics", None).await;
    let hits = metrics.text().lines().find(|line| {
        line.starts_with("althing_cache_requests_total{cache=\"answers\"")
            && line.contains("tier=\"memory\"")
            && line.contains("outcome=\"hit\"")
    });
    assert!(hits.is_some_and(|line| !line.ends_with(" 0")), "{hits:?}");

    assert_eq!(command(&server, &viewer, &["drop"]).code, Some(1), "viewers only look");
    let dropped = command(&server, &operator, &["drop", "--tag", "kit/m"]).good();
    assert_eq!(dropped["dropped"], 2, "{dropped}");
    assert_eq!(from(&with(server.address(), &mine, &fixed("b")).await), "miss");
    std::fs::write(&questions, "{nonsense\n").unwrap();
    let wrong = command(&server, &operator, &["warm", questions.to_str().unwrap()]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("line 1") && wrong.stderr.contains("hint: "), "{wrong:?}");
    let gone = server.address();
    let place = server.stopped();
    let mut command = althing(place.path());
    command.args(["cache", "stats", "--target", &format!("http://{gone}")]);
    assert_eq!(Ended::of(command).code, Some(4));
}

#[tokio::test]
async fn what_the_ledger_keeps_is_made_beforehand_under_the_name_that_was_asked_for() {
    let upstream = counting().await;
    let named = "[[route]]\nname = \"r\"\nrules = [{ models = [\"kit/m\"] }]\n\
        [[panel]]\nname = \"p\"\nmembers = [\"kit/m\", \"kit/other\"]\n";
    let ledger = "[ledger]\nprompts = true\nflush_ms = 20\n";
    let place = Place::new(&format!("{ledger}{}{named}", provider("kit", &upstream.url(), &["m", "other"])));
    let (admin, user) = (place.key("admin", "default"), place.key("user", "acme"));
    let server = place.start();
    let address = server.address();
    let questions = ["kit/m", "r", "p"].map(|model| {
        let mut body = if model == "kit/m" { streamed("a") } else { fixed("a") };
        body["model"] = model.into();
        body
    });
    // Asked twice, and kept neither time.
    for body in questions.iter().chain(&questions) {
        with(address, &[("x-api-key", &user), ("x-althing-cache", "off")], body).await;
    }
    let rows = async |count: usize| {
        let list = ask(address, &admin, "GET", "/api/v1/prompts", None).await.json();
        let ids = list["items"].as_array().unwrap().iter().map(|row| row["request_id"].to_string());
        let ids: Vec<String> = ids.collect();
        (ids.len() == count).then_some(ids)
    };
    until("eight calls are written down", async || rows(8).await).await;
    let from_ledger = Some(&json!({ "from": "ledger" }));
    let warmed = ask(address, &admin, "POST", "/api/v1/cache/warm", from_ledger).await.json();
    assert_eq!((&warmed["asked"], &warmed["made"], &warmed["failed"]), (&json!(3), &json!(3), &json!(0)), "{warmed}");
    for body in &questions {
        assert_eq!(from(&with(address, &[("x-api-key", &user)], body).await), "hit-memory", "{body}");
    }
    // Each was a request of its own.
    let ids = until("four more are written down", async || rows(12).await).await;
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 9);
}

#[tokio::test]
async fn after_a_change_nobody_gets_an_answer_from_before() {
    let (before, after) =
        (Upstream::start(|_| Reply::chat("before")).await, Upstream::start(|_| Reply::chat("after")).await);
    let server = server(&before, "");
    for expect in ["miss", "hit-memory"] {
        let reply = plain(&server, &fixed("a")).await;
        assert_eq!((from(&reply).as_str(), reply.content().as_str()), (expect, "before"));
    }
    std::fs::write(server.config(), provider("kit", &after.url(), &["m"])).unwrap();
    server.signal("HUP");
    let changed = async || (plain(&server, &fixed("a")).await.content() == "after").then_some(());
    until("the new one answers", changed).await;
    assert_eq!(before.seen().len(), 1);
}

#[test]
fn what_cannot_be_is_refused_with_its_place_and_a_hint() {
    for (section, says) in [
        ("[cache]\nmemory_md = 1\n", &["`memory_md`", "althing.toml:2:1", "did you mean `memory_mb`"][..]),
        ("[cache]\nttl_s = 0\n", &["`cache.ttl_s`", "althing.toml:2:9", "hint: "]),
        ("[cache]\nnegative_s = 301\n", &["`cache.negative_s`", "althing.toml:2:14", "hint: "]),
        ("[cache]\nrequests = \"some\"\n", &["althing.toml:2:12", "deterministic"]),
        ("[cache]\nredis_url = \"http://x\"\n", &["althing.toml:2:13", "redis://"]),
        ("[cache]\nredis_connections_max = 11\n", &["`cache.redis_connections_max`", "althing.toml:2:25", "hint: "]),
        ("[cache.semantic]\nsimilarity = 1.2\n", &["`cache.semantic.similarity`", "althing.toml:2:14", "hint: "]),
    ] {
        refuses(&format!("{section}[[provider]]\nname = \"s\"\nkind = \"scripted\"\n"), says);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_similar_question_gets_a_kept_answer_that_says_so() {
    // Its vectors tell texts apart and nothing else: the same words are alike however they are sent.
    let simulate = Simulate::start("[models.m]\nanswers = [\"one\", \"two\", \"three\", \"four\"]\n");
    let semantic = "[cache.semantic]\nmodel = \"sim/vectors\"\nverify = 0.000001\n";
    let server = Server::start(&(semantic.to_owned() + &provider("sim", &simulate.url(), &["m", "vectors"])));
    let asked = |text: &str, parts: bool| {
        let content = if parts { json!([{ "type": "text", "text": text }]) } else { json!(text) };
        json!({ "model": "sim/m", "temperature": 0, "messages": [{ "role": "user", "content": content }] })
    };
    let first = plain(&server, &asked("What is the capital of Austria?", false)).await;
    assert_eq!(from(&first), "miss");
    let again = plain(&server, &asked("What is the capital of Austria?", true)).await;
    assert_eq!((from(&again).as_str(), again.content()), ("hit-memory", first.content()));
    let reason = "answered with the kept answer to a similar question (likeness 1.00)";
    let reasons = again.json()["althing"]["reasons"].clone();
    assert!(reasons.as_array().unwrap().contains(&json!(reason)), "{reasons}");
    assert_eq!(first.json()["choices"], again.json()["choices"]);
    let other = plain(&server, &asked("What is the capital of Australia?", true)).await;
    assert_eq!(from(&other), "miss");
    let state = ask(server.address(), "", "GET", "/api/v1/cache", None).await.json();
    let semantic = &state["semantic"];
    assert_eq!(
        (&semantic["questions"], &semantic["lookups"], &semantic["hits"], &semantic["verified"]),
        (&json!(2), &json!(3), &json!(1), &json!(0)),
        "{state}"
    );
    assert_eq!((&semantic["answering"], &semantic["error_rate"]), (&json!(true), &Value::Null), "{state}");
    let metrics = ask(server.address(), "", "GET", "/metrics", None).await;
    for line in [
        "althing_cache_requests_total{cache=\"answers\",tier=\"semantic\",outcome=\"hit\"} 1",
        "althing_cache_semantic_verified_total{outcome=\"wrong\"} 0",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}\n{}", metrics.text());
    }
}
