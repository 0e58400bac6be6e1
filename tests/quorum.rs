//! Panels over real sockets: how fast they decide, what they survive, and what they report.

use crate::support::{Response, Server, Simulate, chat, nobody, provider, question};
use serde_json::Value;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};

/// Five members: what each says and whether it hangs, at 100 ± 30 ms.
fn script(members: [(&str, bool); 5]) -> String {
    let mut script = String::new();
    for (at, (answer, hangs)) in members.into_iter().enumerate() {
        let (name, seed, hang_rate) = (NAMES[at], at + 1, if hangs { 1.0 } else { 0.0 });
        let latency = "latency = { ms = 100, spread_ms = 30 }";
        let _ = writeln!(script, "[models.{name}]\nanswers = [{answer:?}]\n{latency}\nseed = {seed}");
        let _ = writeln!(script, "hang_rate = {hang_rate:.1}");
    }
    script
}

const NAMES: [&str; 5] = ["ash", "birch", "cedar", "elm", "oak"];

/// A panel over these models, whose section other keys may follow.
fn panel(models: &[&str]) -> String {
    format!("[[panel]]\nname = \"quorum\"\nmembers = {models:?}\n")
}

fn five(simulate: &Simulate) -> Server {
    let members = NAMES.map(|name| format!("sim/{name}"));
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    Server::start(&(provider("sim", &simulate.url(), &NAMES) + &panel(&members)))
}

async fn ask(server: &Server, stream: bool) -> Response {
    chat(server.address(), &question("quorum", stream)).await.finish().await
}

fn agreement(reply: &Response) -> Value {
    reply.json()["althing"]["agreement"].clone()
}

/// The members that ended so.
fn ended(agreement: &Value, outcome: &str) -> Vec<Value> {
    let members = agreement["members"].as_array().unwrap();
    members.iter().filter(|member| member["outcome"] == outcome).cloned().collect()
}

/// Asks ten times; at least nine answers may come no later than 15 % (and a slack for the scheduler) behind the third
/// fastest of those who agree.
async fn is_as_fast_as_the_third_who_agrees(server: &Server) {
    let mut late = Vec::new();
    for _ in 0..10 {
        let asked = Instant::now();
        let (reply, slack_ms) = with_slack(ask(server, false)).await;
        let took_ms = asked.elapsed().as_secs_f64() * 1_000.0;
        assert_eq!(reply.content(), "42");
        let agreement = agreement(&reply);
        assert_eq!(agreement["reached"], true);
        let agree = &agreement["clusters"][0]["members"];
        let agrees = |member: &&Value| agree.as_array().unwrap().contains(&member["model"]);
        let answered = ended(&agreement, "answered");
        let mut latencies: Vec<f64> =
            answered.iter().filter(agrees).map(|member| member["latency_ms"].as_f64().unwrap()).collect();
        latencies.sort_by(f64::total_cmp);
        assert!((69.0..200.0).contains(&latencies[2]), "{latencies:?}");
        if took_ms > 1.15 * latencies[2] + slack_ms {
            late.push((took_ms, latencies[2], slack_ms));
        }
    }
    assert!(late.len() <= 1, "milliseconds taken, of the third who agrees, of slack: {late:?}");
}

/// Milliseconds that the scheduler may add to an answer on a quiet machine.
const SLACK_MS: f64 = 10.0;
/// How often a question and its answer wake a process on their way.
const WAKES: f64 = 3.0;

/// Awaits `answer`, and gives the slack it may have had: more than usual where this machine woke sleepers late meanwhile.
async fn with_slack<T>(answer: impl Future<Output = T>) -> (T, f64) {
    let nap = Duration::from_millis(2);
    let (mut latest, mut answer) = (Duration::ZERO, std::pin::pin!(answer));
    loop {
        let slept = Instant::now();
        tokio::select! {
            answer = &mut answer => return (answer, SLACK_MS + WAKES * latest.as_secs_f64() * 1_000.0),
            // Timers are a millisecond coarse.
            () = tokio::time::sleep(nap) => latest = latest.max(slept.elapsed().saturating_sub(nap * 2)),
        }
    }
}

#[tokio::test]
async fn three_of_five_who_agree_decide() {
    let simulate =
        Simulate::start(&script([("42", false), ("41", false), ("42", false), ("40", false), ("42", false)]));
    is_as_fast_as_the_third_who_agrees(&five(&simulate)).await;
}

#[tokio::test]
async fn five_who_agree_decide_with_the_third() {
    let simulate = Simulate::start(&script([("42", false); 5]));
    let server = five(&simulate);
    is_as_fast_as_the_third_who_agrees(&server).await;
    let agreement = agreement(&ask(&server, false).await);
    assert_eq!(ended(&agreement, "answered").len(), 3);
    let cancelled = ended(&agreement, "cancelled");
    assert_eq!(cancelled.len(), 2);
    assert!(cancelled.iter().all(|member| member["reason"].as_str().is_some_and(|reason| !reason.is_empty())));
    assert_eq!((&agreement["stopped_early"], &agreement["share"]), (&true.into(), &0.6.into()));
}

#[tokio::test]
async fn a_member_that_hangs_delays_nobody() {
    let simulate = Simulate::start(&script([("42", false), ("42", true), ("42", false), ("41", false), ("42", false)]));
    is_as_fast_as_the_third_who_agrees(&five(&simulate)).await;
}

#[tokio::test]
async fn two_dead_members_leave_an_answer_and_two_faults() {
    // All who live must agree, and they are slow enough for the dead to be found dead before.
    let slow = Upstream::start(|_| Reply::chat("42").after(Duration::from_millis(700))).await;
    let providers = provider("slow", &slow.url(), &["a", "b", "c"]) + &provider("dead", &nobody(), &["d", "e"]);
    let panel = panel(&["slow/a", "dead/d", "slow/b", "dead/e", "slow/c"]) + "agreement = 1.0\n";
    let server = Server::start(&(providers + &panel));
    let reply = ask(&server, false).await;
    assert_eq!((reply.status, reply.content().as_str()), (200, "42"));
    let report = &reply.json()["althing"];
    let agreement = &report["agreement"];
    assert_eq!((&agreement["asked"], &agreement["answered"]), (&5.into(), &3.into()));
    assert_eq!((&agreement["reached"], &agreement["share"]), (&true.into(), &1.0.into()));
    assert_eq!(report["degraded"], true);
    let failed = ended(agreement, "failed");
    let dead: Vec<&str> = failed.iter().filter_map(|member| member["model"].as_str()).collect();
    assert_eq!(dead, ["dead/d", "dead/e"]);
    assert!(failed.iter().all(|member| member["reason"].as_str().is_some_and(|reason| reason.contains("refused"))));
    let reasons = report["reasons"].to_string();
    assert!(reasons.contains("dead/d") && reasons.contains("dead/e"), "{reasons}");
}

#[tokio::test]
async fn if_all_are_dead_every_reason_is_told() {
    let failing = Upstream::start(|_| Reply::error(500, "server_error", "SECRET")).await;
    let guard = "[guard]\nattempts_max = 1\n".to_owned();
    let providers = guard + &provider("dead", &nobody(), &["a", "b"]) + &provider("bad", &failing.url(), &["c"]);
    let server = Server::start(&(providers + &panel(&["dead/a", "dead/b", "bad/c"])));
    for stream in [false, true] {
        let reply = ask(&server, stream).await;
        let error = &reply.json()["error"];
        assert_eq!((reply.status, error["code"].as_str()), (503, Some("no_model_answered")), "{error}");
        let attempts = error["attempts"].as_array().unwrap();
        let asked: Vec<&str> = attempts.iter().filter_map(|attempt| attempt["model"].as_str()).collect();
        assert_eq!(asked, ["dead/a", "dead/b", "bad/c"]);
        assert!(attempts[1]["reason"].as_str().unwrap().contains("refused"));
        assert!(attempts[2]["reason"].as_str().unwrap().contains("500"));
        assert!(!reply.text().contains("SECRET"));
    }
}

#[tokio::test]
async fn a_panel_that_dies_while_it_streams_says_so_in_an_event() {
    let late = Upstream::start(|_| Reply::error(500, "server_error", "no").after(Duration::from_millis(300))).await;
    let config = "[guard]\nattempts_max = 1\n".to_owned() + &provider("late", &late.url(), &["a", "b"]);
    let server = Server::start(&(config + &panel(&["late/a", "late/b"])));
    let reply = ask(&server, true).await;
    assert_eq!(reply.status, 200);
    assert!(reply.whole && reply.text().starts_with(": "), "{}", reply.text());
    let events = reply.events();
    assert_eq!((events.len(), events[0]["error"]["code"].as_str()), (1, Some("no_model_answered")));
    assert_eq!(events[0]["error"]["attempts"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn three_answers_are_listed_where_none_leads() {
    let colours = |seen: &testkit::Seen| Reply::chat(seen.json()["model"].as_str().unwrap());
    let upstream = Upstream::start(colours).await;
    let models = ["red", "green", "blue"];
    let members = ["kit/red", "kit/green", "kit/blue"];
    for stream in [false, true] {
        let server = Server::start(&(provider("kit", &upstream.url(), &models) + &panel(&members)));
        let reply = ask(&server, stream).await;
        let content = reply.content();
        assert!(models.iter().all(|model| content.contains(model)), "{content}");
        assert!(content.contains("33 %"), "{content}");
        let agreement = report(&reply)["agreement"].clone();
        assert_eq!((&agreement["reached"], &agreement["answered"]), (&false.into(), &3.into()));
        assert_eq!(agreement["clusters"].as_array().map(Vec::len), Some(3));
        assert_eq!(report(&reply)["served_by"], "quorum");
    }
}

/// The object `althing`: of a whole reply, or of the last chunk of a stream.
fn report(reply: &Response) -> Value {
    if reply.header("content-type") == Some("application/json") {
        return reply.json()["althing"].clone();
    }
    reply.events().last().unwrap()["althing"].clone()
}

#[tokio::test]
async fn who_can_change_nothing_any_more_is_cancelled_upstream() {
    let quick = Upstream::start(|_| Reply::chat("42").after(Duration::from_millis(50))).await;
    let hanging = Upstream::start(|_| Reply::hang()).await;
    let providers = provider("quick", &quick.url(), &["a", "b", "c"]) + &provider("slow", &hanging.url(), &["d", "e"]);
    let server = Server::start(&(providers + &panel(&["slow/d", "slow/e", "quick/a", "quick/b", "quick/c"])));
    let reply = ask(&server, false).await;
    let answered = Instant::now();
    assert_eq!(reply.content(), "42");
    for cancelled in hanging.wait_cancelled(2, Duration::from_secs(5)).await {
        let late = cancelled.saturating_duration_since(answered);
        assert!(late < Duration::from_millis(100), "cancelled {late:?} after the answer");
    }
    assert!(quick.cancelled().is_empty());
}

#[tokio::test]
async fn replies_carry_their_headers() {
    let upstream = Upstream::start(|_| Reply::chat("42")).await;
    let priced = "models = [{ name = \"m\", price = { input = \"1\", output = \"2\" } }]\n";
    let base_url = upstream.url();
    let provider = format!("[[provider]]\nname = \"kit\"\nbase_url = {base_url:?}\n{priced}");
    let server = Server::start(&(provider + &panel(&["kit/m"])));
    for (model, stream) in [("kit/m", false), ("quorum", false), ("quorum", true)] {
        let reply = chat(server.address(), &question(model, stream)).await.finish().await;
        let report = report(&reply);
        assert_eq!(reply.header("x-althing-request-id"), report["request_id"].as_str());
        assert_eq!(reply.header("x-althing-served-by"), Some("kit/m"));
        assert_eq!(reply.header("x-althing-cache"), Some("off"));
        // 9 tokens in and 1 out.
        assert_eq!(reply.header("x-althing-cost-usd").unwrap().parse(), Ok(0.000_011));
        let overhead: f64 = reply.header("x-althing-overhead-ms").unwrap().parse().unwrap();
        assert!((0.0..1_000.0).contains(&overhead), "{overhead}");
    }
}

#[tokio::test]
async fn a_streamed_panel_is_heard_while_it_decides_and_reports_at_the_end() {
    let upstream = Upstream::start(|_| Reply::chat("forty-two it is").after(Duration::from_millis(400))).await;
    let keepalive = "[server]\nkeepalive_first_ms = 50\nkeepalive_ms = 50\n".to_owned();
    let providers = keepalive + &provider("kit", &upstream.url(), &["a", "b", "c"]);
    let server = Server::start(&(providers + &panel(&["kit/a", "kit/b", "kit/c"])));
    let asked = Instant::now();
    let mut open = chat(server.address(), &question("quorum", true)).await;
    let (came, first) = open.piece().await.unwrap();
    assert!(first.starts_with(b": "), "{}", String::from_utf8_lossy(&first));
    assert!(came - asked < Duration::from_millis(300), "{:?}", came - asked);
    let reply = open.finish().await;
    let comments = reply.text().lines().filter(|line| line.starts_with(':')).count();
    assert!(comments >= 3, "{comments} more comments");
    assert_eq!(reply.content(), "forty-two it is");
    assert!(reply.is_done());
    let events = reply.events();
    let (last, others) = events.split_last().unwrap();
    assert!(others.iter().all(|event| event.get("althing").is_none()));
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["althing"]["agreement"]["reached"], true);
    assert!(others.len() >= 2);
}
