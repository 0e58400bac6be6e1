//! The ledger: every call is written down once, with whose it was, what it took and how it ended, through whatever door
//! it came; sums agree with it, and nobody looks into another tenant's.

use crate::support::books::{CALL, items, metered, nano, priced, request, spend};
use crate::support::{Ended, Place, Server, ask, call_tool, keyed, send, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::Upstream;

const PANEL: &str = "[[panel]]\nname = \"three\"\nmembers = [\"kit/m\", \"kit/slow\", \"kit/broken\"]\n";
const GUARD: &str = "[guard]\nattempts_max = 1\nbreaker_failures = 1000\n";

/// A key as it was made.
struct Key {
    id: String,
    key: String,
}

impl Key {
    fn new(place: &Place, role: &str, tenant: &str) -> Self {
        let made = place.made_key(role, tenant);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self { id: text("id"), key: text("key") }
    }
}

/// A server with two spenders of one tenant, one of another, and those who watch each.
struct House {
    server: Server,
    upstream: Upstream,
    ada: Key,
    bob: Key,
    eve: Key,
    admin: Key,
    of_acme: Key,
    of_other: Key,
}

impl House {
    async fn new(more: &str) -> Self {
        let upstream = metered(Duration::from_millis(30)).await;
        // The time limit belongs to the provider, whose table comes last.
        let place = Place::new(&format!("{more}{GUARD}{PANEL}{}timeout_ms = 400\n", priced(&upstream)));
        let key = |role, tenant| Key::new(&place, role, tenant);
        let (ada, bob, eve) = (key("user", "acme"), key("user", "acme"), key("user", "other"));
        let (admin, of_acme, of_other) = (key("admin", "default"), key("admin", "acme"), key("admin", "other"));
        Self { server: place.start(), upstream, ada, bob, eve, admin, of_acme, of_other }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A chat, and the id of its request.
    async fn chat(&self, who: &Key, model: &str, stream: bool, status: u16) -> String {
        let reply = spend(self.address(), &who.key, &request(model, stream, Some(100))).await;
        assert_eq!(reply.status, status, "{model}: {}", reply.text());
        reply.header("x-althing-request-id").unwrap().to_owned()
    }

    /// A stream that is left once it has begun.
    async fn leave(&self, who: &Key) -> String {
        let body = request("kit/slow", true, Some(100));
        let chat = keyed(self.address(), &who.key, "POST", "/v1/chat/completions", Some(&body));
        let mut open = send(self.address(), &chat).await;
        open.piece().await.unwrap();
        open.headers.iter().find(|(name, _)| name == "x-althing-request-id").unwrap().1.clone()
    }

    /// A question over MCP.
    async fn ask_tool(&self, who: &Key) {
        let arguments = json!({ "prompt": "What is 6 times 7?", "model": "kit/m" });
        let reply = call_tool(self.address(), &who.key, "ask", &arguments).await;
        assert!(reply.status == 200 && reply.text().contains("forty-two"), "{}", reply.text());
    }

    /// All calls, once so many are written down.
    async fn calls(&self, many: usize) -> Vec<Value> {
        let look = async || {
            let calls = items(self.address(), &self.admin.key, "/api/v1/calls").await;
            (calls.len() >= many).then_some(calls)
        };
        until("the calls are written down", look).await
    }
}

/// Everything that can become of a call, and what is written of it: whose, of which request, model, outcome.
async fn one_of_each(house: &House) -> Vec<(String, Option<String>, &'static str, &'static str)> {
    let (ada, bob, eve) = (&house.ada, &house.bob, &house.eve);
    let mut expected = Vec::new();
    let mut add = |who: &Key, request: Option<String>, calls: &[(&'static str, &'static str)]| {
        expected.extend(calls.iter().map(|(model, outcome)| (who.id.clone(), request.clone(), *model, *outcome)));
    };
    add(ada, Some(house.chat(ada, "kit/m", false, 200).await), &[("kit/m", "answered")]);
    add(ada, Some(house.chat(ada, "kit/m", true, 200).await), &[("kit/m", "answered")]);
    let members = [("kit/m", "answered"), ("kit/slow", "answered"), ("kit/broken", "failed")];
    add(ada, Some(house.chat(ada, "three", false, 200).await), &members);
    add(bob, Some(house.chat(bob, "kit/broken", false, 503).await), &[("kit/broken", "failed")]);
    add(bob, Some(house.chat(bob, "kit/mute", false, 503).await), &[("kit/mute", "timed_out")]);
    add(bob, Some(house.leave(bob).await), &[("kit/slow", "cancelled")]);
    house.ask_tool(bob).await;
    add(bob, None, &[("kit/m", "answered")]);
    add(eve, Some(house.chat(eve, "kit/m", false, 200).await), &[("kit/m", "answered")]);
    expected
}

#[tokio::test]
async fn every_call_is_in_the_ledger_however_it_came_and_ended() {
    let house = House::new("").await;
    let expected = one_of_each(&house).await;
    let mut calls = house.calls(expected.len()).await;
    assert_eq!(calls.len(), house.upstream.seen().len(), "{calls:?}");
    for (subject, request, model, outcome) in &expected {
        let fits = |call: &Value| {
            let same = (&call["subject"], &call["model"], &call["outcome"]);
            let request = request.as_ref().is_none_or(|id| call["request_id"] == id.as_str());
            request && same == (&subject.as_str().into(), &(*model).into(), &(*outcome).into())
        };
        let at =
            calls.iter().position(fits).unwrap_or_else(|| panic!("no {model} {outcome} of {request:?}: {calls:?}"));
        let call = calls.remove(at);
        let tenant = if *subject == house.eve.id { "other" } else { "acme" };
        assert_eq!((&call["tenant"], &call["simulated"]), (&tenant.into(), &false.into()));
        took_what_it_should(&call, outcome);
    }
    assert_eq!(calls, Vec::<Value>::new(), "nothing else is there");
}

fn took_what_it_should(call: &Value, outcome: &str) {
    let tokens = ["in", "out", "cached", "reasoning"].map(|kind| call[format!("tokens_{kind}")].as_u64().unwrap());
    let (cost, exact) = (nano(&call["cost_usd"]), call["exact"] == true);
    match outcome {
        "answered" => assert_eq!((tokens, cost, exact), ([100, 100, 40, 30], CALL, true), "{call}"),
        // What was refused costs nothing; whatever else happened was perhaps paid for, and is reckoned.
        "failed" => assert_eq!((tokens, cost, exact), ([0; 4], 0, false), "{call}"),
        _ => assert!(tokens[0] > 0 && cost > 0 && cost < CALL && !exact, "{call}"),
    }
    let most = if outcome == "timed_out" { 400.0..2_000.0 } else { 0.01..2_000.0 };
    assert!(most.contains(&call["latency_ms"].as_f64().unwrap()), "{call}");
}

/// Sums over calls, grouped as asked: calls, failed, tokens in and out, cached, reasoning, cost.
type Sums = BTreeMap<Vec<String>, [i64; 7]>;

const FIGURES: [&str; 4] = ["tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning"];

/// The name of a group, as it stands in a call or in a sum.
fn group(row: &Value, by: &str) -> String {
    let text = match by {
        "day" => row["day"].as_str().or_else(|| row["at"].as_str().and_then(|at| at.get(..10))),
        "key" => row["subject"].as_str(),
        by => row[by].as_str(),
    };
    text.unwrap_or_else(|| panic!("no {by}: {row}")).to_owned()
}

fn add_up(calls: &[Value], by: &[&str]) -> Sums {
    let mut sums = Sums::new();
    for call in calls {
        let sum = sums.entry(by.iter().map(|by| group(call, by)).collect()).or_default();
        let [input, output, cached, reasoning] = FIGURES.map(|name| call[name].as_i64().unwrap());
        let failed = i64::from(call["outcome"] != "answered");
        let one = [1, failed, input, output, cached, reasoning, nano(&call["cost_usd"])];
        sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
    }
    sums
}

fn told(rows: &[Value], by: &[&str]) -> Sums {
    let figure = |row: &Value, name: &str| row[name].as_i64().unwrap_or_else(|| panic!("no {name}: {row}"));
    let sums = rows.iter().map(|row| {
        let [input, output, cached, reasoning] = FIGURES.map(|name| figure(row, name));
        let (calls, failed, cost) = (figure(row, "calls"), figure(row, "failed"), nano(&row["cost_usd"]));
        let group = by.iter().map(|by| group(row, by)).collect();
        (group, [calls, failed, input, output, cached, reasoning, cost])
    });
    sums.collect()
}

#[tokio::test]
async fn sums_agree_with_the_calls_over_http_and_on_the_command_line() {
    let house = House::new("").await;
    let many = one_of_each(&house).await.len();
    let (calls, admin) = (house.calls(many).await, &house.admin.key);
    for by in [&[][..], &["day"], &["tenant"], &["key"], &["model"], &["day", "tenant", "key", "model"]] {
        let (list, expected) = (by.join(","), add_up(&calls, by));
        let rows = items(house.address(), admin, &format!("/api/v1/usage?by={list}")).await;
        assert_eq!(told(&rows, by), expected, "by {list}");
        if by.is_empty() {
            continue;
        }
        let printed = house.server.place().run(&["usage", "--by", &list]).good();
        assert_eq!(told(printed["usage"].as_array().unwrap(), by), expected, "by {list}");
    }
    let ada: Vec<Value> = calls.iter().filter(|call| call["subject"] == house.ada.id.as_str()).cloned().collect();
    let path = format!("/api/v1/usage?by=model&key={}", house.ada.id);
    assert_eq!(told(&items(house.address(), admin, &path).await, &["model"]), add_up(&ada, &["model"]));
    let none = items(house.address(), admin, "/api/v1/usage?by=model&to=2020-01-01").await;
    assert!(none.is_empty(), "{none:?}");
    // Page after page is the same as at once.
    let first = ask(house.address(), admin, "GET", "/api/v1/calls?limit=3", None).await.json();
    assert_eq!(first["items"].as_array().unwrap()[..], calls[..3]);
    let next = format!("/api/v1/calls?limit=3&cursor={}", first["cursor"].as_str().unwrap());
    assert_eq!(
        ask(house.address(), admin, "GET", &next, None).await.json()["items"].as_array().unwrap()[..],
        calls[3..6]
    );
}

/// A table of comma-separated values, each row by the names in the head; no value here needs quotes.
fn table(text: &str) -> Vec<BTreeMap<&str, &str>> {
    assert!(text.ends_with("\r\n") && !text.contains('"'), "{text:?}");
    let mut lines = text.trim_end().split("\r\n").map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let named = |cells: Vec<_>| {
        assert_eq!(cells.len(), head.len(), "{cells:?}");
        head.iter().copied().zip(cells).collect()
    };
    lines.map(named).collect()
}

#[tokio::test]
async fn values_for_spreadsheets_say_the_same() {
    let house = House::new("").await;
    let many = one_of_each(&house).await.len();
    let (calls, admin) = (house.calls(many).await, &house.admin.key);
    let rows = items(house.address(), admin, "/api/v1/usage?by=tenant,model").await;
    let printed = house.server.place().told(&["usage", "--by", "tenant,model", "--csv"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let usage = ask(house.address(), admin, "GET", "/api/v1/usage?by=tenant,model&format=csv", None).await;
    let listed = ask(house.address(), admin, "GET", "/api/v1/calls?format=csv", None).await;
    for (json, csv) in [(&rows, usage.text()), (&rows, &printed.stdout), (&calls, listed.text())] {
        let csv = table(csv);
        assert_eq!(csv.len(), json.len());
        for (row, cells) in json.iter().zip(csv) {
            for (name, value) in row.as_object().unwrap() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let same = cells[name.as_str()] == text || cells[name.as_str()].parse() == text.parse::<f64>();
                assert!(same, "{name}: {value} and {}", cells[name.as_str()]);
            }
        }
    }
    for reply in [&usage, &listed] {
        assert!(reply.header("content-type").unwrap().starts_with("text/csv"), "{:?}", reply.headers);
    }
}

#[tokio::test]
async fn nobody_looks_into_another_tenants_books() {
    let house = House::new("[budget]\ntenant_usd_per_day = 1\nkey_usd_per_day = 1\n").await;
    let many = one_of_each(&house).await.len();
    let calls = house.calls(many).await;
    let of = |tenant: &str| calls.iter().filter(|call| call["tenant"] == tenant).count();
    for (watcher, tenant, foreign) in [(&house.of_acme, "acme", "other"), (&house.of_other, "other", "acme")] {
        for (path, many) in [("calls", of(tenant)), ("usage?by=tenant", 1), ("budgets", 0)] {
            let rows = items(house.address(), &watcher.key, &format!("/api/v1/{path}")).await;
            assert!(!rows.is_empty() && (many == 0 || rows.len() == many), "{path}: {rows:?}");
            assert!(rows.iter().all(|row| row["tenant"] == tenant), "{path}: {rows:?}");
        }
        for path in ["calls?tenant", "usage?by=tenant&tenant"] {
            let rows = items(house.address(), &watcher.key, &format!("/api/v1/{path}={foreign}")).await;
            assert!(rows.is_empty(), "{path}: {rows:?}");
        }
    }
    // Whoever spends does not see call by call what others of the tenant do.
    let refused = ask(house.address(), &house.ada.key, "GET", "/api/v1/calls", None).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
}

async fn prompts(house: &House, who: &Key) -> Vec<Value> {
    items(house.address(), &who.key, "/api/v1/prompts").await
}

#[tokio::test]
async fn prompts_are_not_kept_unless_somebody_wants_it() {
    let house = House::new("").await;
    let many = one_of_each(&house).await.len();
    house.calls(many).await;
    assert_eq!(prompts(&house, &house.admin).await, Vec::<Value>::new());
    let place = house.server.stopped();
    let words = [b"6 times 7".as_slice(), b"forty-two", b"SECRET"];
    for file in std::fs::read_dir(place.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(words.iter().all(|word| !bytes.windows(word.len()).any(|part| part == *word)), "words are on the disk");
    }
}

#[tokio::test]
async fn prompts_that_are_kept_are_read_and_erased_by_admins_alone() {
    let house = House::new("[ledger]\nprompts = true\n").await;
    let many = one_of_each(&house).await.len();
    house.calls(many).await;
    let kept = prompts(&house, &house.admin).await;
    assert_eq!(kept.len(), many);
    let answered: Vec<&Value> = kept.iter().filter(|row| row["answer"].as_str().unwrap().contains("forty")).collect();
    assert_eq!(answered.len(), many - 3, "all but what failed or never came: {kept:?}");
    assert!(kept.iter().all(|row| row["prompt"].as_str().unwrap().contains("6 times 7")), "{kept:?}");
    assert!(!json!(kept).to_string().contains("SECRET"), "what an upstream says about its failure is not kept");
    assert!(prompts(&house, &house.of_other).await.iter().all(|row| row["tenant"] == "other"));

    let erase = async |who: &Key, query: &str| {
        ask(house.address(), &who.key, "DELETE", &format!("/api/v1/prompts{query}"), None).await
    };
    assert_eq!(erase(&house.ada, "").await.status, 403);
    assert_eq!(erase(&house.of_other, "?tenant=acme").await.json()["erased"], 0);
    assert_eq!(erase(&house.of_other, "").await.status, 400, "nobody erases everything by leaving something out");
    assert_eq!(erase(&house.of_other, "?all=true").await.json()["erased"], 1);
    assert_eq!(prompts(&house, &house.of_other).await.len(), 0);
    let ada = format!("?key={}", house.ada.id);
    assert_eq!(erase(&house.admin, &ada).await.json()["erased"], 5);
    assert!(prompts(&house, &house.admin).await.iter().all(|row| row["subject"] == house.bob.id.as_str()));
    assert_eq!(erase(&house.admin, "?all=true").await.json()["erased"], many - 6);
    assert_eq!(prompts(&house, &house.admin).await.len(), 0);
    let rows = items(house.address(), &house.admin.key, "/api/v1/audit?action=prompts.erase").await;
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert_eq!(house.calls(many).await.len(), many, "the ledger itself stays");
}

#[tokio::test]
async fn a_server_that_stops_writes_down_what_it_knows() {
    let upstream = metered(Duration::from_millis(1)).await;
    let place = Place::new(&format!("[ledger]\nflush_ms = 60000\n{}", priced(&upstream)));
    let user = Key::new(&place, "user", "acme");
    let server = place.start();
    for _ in 0..5 {
        assert_eq!(spend(server.address(), &user.key, &request("kit/m", false, None)).await.status, 200);
    }
    let place = server.stopped();
    let Ended { stdout, .. } = place.run(&["usage", "--by", "key"]);
    let usage: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(usage["usage"][0]["calls"], 5, "{stdout}");
}
