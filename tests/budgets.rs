//! Budgets: whatever comes at once, from wherever, and however it ends, no more is spent than was allowed, and what was
//! set aside comes back.

use crate::support::books::{
    Budget, CALL, budget, code, items, metered, nano, priced, request, settled, spend, try_spend,
};
use crate::support::{Place, Response, Server, ask, keyed, send, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{PgBouncer, Postgres, Upstream};
use tokio::task::{JoinHandle, JoinSet};

/// Calls that a budget is good for.
const WORTH: usize = 10;
/// Requests that come at once.
const CROWD: usize = 100;
/// How long the upstream takes.
const TAKES: Duration = Duration::from_millis(20);

/// So many calls, in dollars.
fn usd(calls: usize) -> String {
    let nano = CALL * i64::try_from(calls).unwrap();
    format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000)
}

/// A limit that is good for [`WORTH`] calls and half of one more, as settings write it.
fn limit() -> String {
    format!("\"0.{:09}\"", CALL * i64::try_from(WORTH).unwrap() + CALL / 2)
}

/// How a crowd asks.
#[derive(Debug, Clone, Copy)]
struct Way {
    stream: bool,
    max_tokens: Option<u32>,
}

impl Way {
    /// These settings with a limit that fits. What a request without `max_tokens` costs nobody knows beforehand: the
    /// last one may take half a call for enough, and so there is no half.
    fn limited(self, config: &str) -> String {
        match self.max_tokens {
            Some(_) => config.to_owned(),
            None => config.replace(&limit(), &format!("\"{}\"", usd(WORTH))),
        }
    }
}

/// Asks from everywhere at once, in turns, and gives every reply.
async fn crowd(servers: &[SocketAddr], key: &Arc<str>, way: Way, size: usize) -> Vec<Response> {
    let mut asking = JoinSet::new();
    for number in 0..size {
        let (address, key) = (servers[number % servers.len()], Arc::clone(key));
        let body = request("kit/m", way.stream, way.max_tokens);
        asking.spawn(async move { spend(address, &key, &body).await });
    }
    asking.join_all().await
}

/// Looks at a budget as fast as it can, for as long as the crowd asks: at no time is more promised than there is.
fn watch(address: SocketAddr, operator: String, scope: &'static str) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            if let Some(Budget { limit, spent, reserved, left }) = budget(address, &operator, scope).await {
                assert!(spent + reserved <= limit, "{spent} spent and {reserved} reserved of {limit}");
                assert_eq!(left, limit - spent - reserved);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

/// Those who were served; everybody else was told that the budget is spent.
fn served(replies: &[Response]) -> usize {
    let (served, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    for reply in refused {
        assert_eq!((reply.status, code(reply).as_str()), (402, "budget_exhausted"), "{}", reply.text());
        assert_eq!(reply.json()["error"]["type"], "insufficient_quota");
    }
    assert!(served.iter().all(|reply| reply.content() == "forty-two"));
    served.len()
}

/// Keys of somebody who spends and of somebody who watches, made before anybody is served: they are known at once.
fn keys(place: &Place) -> (Arc<str>, String) {
    (place.key("user", "acme").into(), place.key("operator", "default"))
}

/// A crowd on some servers with one budget: about as many are served as it is good for, never more, and the provider
/// never hears of the others.
async fn spends_what_is_allowed(places: Vec<Place>, upstream: &Upstream, scope: &'static str, way: Way) {
    let (key, operator) = keys(&places[0]);
    let servers: Vec<Server> = places.into_iter().map(Place::start).collect();
    let addresses: Vec<SocketAddr> = servers.iter().map(Server::address).collect();
    let watching = watch(addresses[0], operator.clone(), scope);
    let replies = crowd(&addresses, &key, way, CROWD).await;
    let served = served(&replies);
    assert!((WORTH - 1..=WORTH).contains(&served), "{served} were served, {way:?}");
    assert_eq!(upstream.seen().len(), served, "{way:?}");
    assert!(!watching.is_finished(), "{:?}", watching.await);
    watching.abort();
    let budget = settled(addresses[0], &operator, scope).await;
    assert_eq!(budget.spent, CALL * i64::try_from(served).unwrap(), "{way:?}");
    assert_eq!(budget.spent + budget.left, budget.limit);
}

async fn one_process(way: Way) {
    let upstream = metered(TAKES).await;
    let config = format!("[budget]\nkey_usd_per_day = {}\n{}", limit(), priced(&upstream));
    let place = Place::new(&way.limited(&config));
    spends_what_is_allowed(vec![place], &upstream, "key", way).await;
}

#[tokio::test]
async fn a_crowd_spends_what_is_allowed() {
    one_process(Way { stream: false, max_tokens: Some(100) }).await;
}

#[tokio::test]
async fn a_crowd_without_limits_spends_what_is_allowed() {
    one_process(Way { stream: false, max_tokens: None }).await;
}

#[tokio::test]
async fn a_crowd_of_streams_spends_what_is_allowed() {
    one_process(Way { stream: true, max_tokens: Some(100) }).await;
}

#[tokio::test]
async fn a_crowd_of_streams_without_limits_spends_what_is_allowed() {
    one_process(Way { stream: true, max_tokens: None }).await;
}

/// Begins a stream and leaves once it has begun.
async fn leave(address: SocketAddr, key: &str) {
    let body = request("kit/slow", true, Some(100));
    let mut open = send(address, &keyed(address, key, "POST", "/v1/chat/completions", Some(&body))).await;
    if open.status == 200 {
        open.piece().await.unwrap();
    }
}

#[tokio::test]
async fn who_leaves_midway_pays_once_for_what_had_come() {
    let upstream = metered(TAKES).await;
    let place = Place::new(&format!("[budget]\nkey_usd_per_day = {}\n{}", limit(), priced(&upstream)));
    let (key, operator) = keys(&place);
    let server = place.start();
    let address = server.address();
    let watching = watch(address, operator.clone(), "key");
    // One is served for certain: who is served of the crowd is for chance to say.
    leave(address, &key).await;
    let mut asking = JoinSet::new();
    for number in 0..CROWD {
        let key = Arc::clone(&key);
        asking.spawn(async move {
            match number % 2 {
                0 => leave(address, &key).await,
                _ => drop(spend(address, &key, &request("kit/m", number % 4 == 1, Some(100))).await),
            }
        });
    }
    asking.join_all().await;
    assert!(!watching.is_finished(), "{:?}", watching.await);
    watching.abort();

    let budget = settled(address, &operator, "key").await;
    assert!(budget.spent <= budget.limit);
    assert_eq!(budget.spent + budget.left, budget.limit);
    let calls = items(address, &operator, "/api/v1/calls").await;
    assert_eq!(calls.len(), upstream.seen().len(), "each call is written down once");
    assert_eq!(calls.iter().map(|call| nano(&call["cost_usd"])).sum::<i64>(), budget.spent);
    let left: Vec<&Value> = calls.iter().filter(|call| call["outcome"] == "cancelled").collect();
    assert!(!left.is_empty());
    for call in left {
        let cost = nano(&call["cost_usd"]);
        assert!(call["exact"] == false && cost > 0 && cost < CALL, "{call}");
    }
}

/// Settings of one of several servers that share a database and the budget of a tenant.
fn sharing(postgres: &str, upstream: &Upstream, budget: &str) -> String {
    let store = format!("[store]\nurl = {postgres:?}\n");
    format!("{store}[budget]\ntenant_usd_per_day = {}\n{budget}\n{}", limit(), priced(upstream))
}

async fn three_processes(way: Way) {
    let (postgres, upstream) = (Postgres::start(), metered(TAKES).await);
    let config = way.limited(&sharing(&postgres.url(), &upstream, ""));
    spends_what_is_allowed((0..3).map(|_| Place::new(&config)).collect(), &upstream, "tenant", way).await;
}

#[tokio::test]
async fn three_processes_together_spend_what_is_allowed() {
    three_processes(Way { stream: false, max_tokens: Some(100) }).await;
}

#[tokio::test]
async fn three_processes_together_spend_what_is_allowed_without_limits() {
    three_processes(Way { stream: true, max_tokens: None }).await;
}

#[tokio::test]
async fn what_a_killed_process_held_can_be_spent_by_the_others() {
    let (postgres, upstream) = (Postgres::start(), metered(TAKES).await);
    let config = sharing(&postgres.url(), &upstream, "lease_ms = 1000\nwait_ms = 10000");
    let first = Place::new(&config);
    let (key, operator) = keys(&first);
    let [first, second, third] = [first, Place::new(&config), Place::new(&config)].map(Place::start);
    let others = [second.address(), third.address()];

    // The first holds half of the budget for answers that never come, and has spent a tenth of it.
    assert_eq!(spend(first.address(), &key, &request("kit/m", false, Some(100))).await.status, 200);
    settled(others[0], &operator, "tenant").await;
    let mut hanging = JoinSet::new();
    for _ in 0..5 {
        let (address, key) = (first.address(), Arc::clone(&key));
        hanging.spawn(async move { try_spend(address, &key, &request("kit/mute", false, Some(100))).await });
    }
    upstream.wait_seen(6, Duration::from_secs(10)).await;
    let asking = tokio::spawn(async move {
        let way = Way { stream: false, max_tokens: Some(100) };
        crowd(&others, &key, way, 30).await
    });
    let rest = async || Some(upstream.seen().len()).filter(|seen| *seen >= 6 + 3);
    until("the others spend what is left", rest).await;

    let killed = Instant::now();
    drop(first);
    assert!(hanging.join_all().await.iter().all(Option::is_none));
    let served = served(&asking.await.unwrap());
    let took = killed.elapsed();
    assert!((WORTH - 2..WORTH).contains(&served), "{served} were served by the others");
    assert!(took < Duration::from_secs(5), "what was held came back after {took:?}");
    let budget = settled(others[0], &operator, "tenant").await;
    assert_eq!(budget.spent, CALL * i64::try_from(served + 1).unwrap());
    assert!(budget.spent <= budget.limit);
}

/// How often books are written where a process is killed in the middle of it, and what a busy machine adds to that.
const FLUSH: Duration = Duration::from_millis(50);
const SLACK: Duration = Duration::from_millis(350);

#[tokio::test]
async fn killed_in_the_middle_of_it_a_process_takes_no_more_than_its_last_moment_along() {
    let worth = 60;
    let (postgres, upstream) = (Postgres::start(), metered(TAKES).await);
    // The upstream knows the servers by their path.
    let place = |name: &str| {
        let config = sharing(&postgres.url(), &upstream, "lease_ms = 1000\nwait_ms = 10000\n[ledger]\nflush_ms = 50");
        let config = config.replace(&limit(), &format!("\"{}\"", usd(worth)));
        Place::new(&config.replace(&upstream.url(), &format!("{}/{name}", upstream.url())))
    };
    let places = ["first", "second", "third"].map(place);
    let (key, operator) = keys(&places[0]);
    let [first, second, third] = places.map(Place::start);
    let watching = watch(second.address(), operator.clone(), "tenant");
    let mut asking = JoinSet::new();
    for number in 0..2 * worth {
        let (address, key) = ([&first, &second, &third][number % 3].address(), Arc::clone(&key));
        let body = request("kit/m", number % 2 == 0, Some(100));
        asking.spawn(async move {
            // Not all at once: some come after the end of the first.
            tokio::time::sleep(TAKES * u32::try_from(number / 6).unwrap()).await;
            try_spend(address, &key, &body).await
        });
    }
    upstream.wait_seen(worth / 3, Duration::from_secs(10)).await;
    let killed = Instant::now();
    drop(first);
    let replies: Vec<Response> = asking.join_all().await.into_iter().flatten().collect();
    let served = served(&replies);
    assert!(!watching.is_finished(), "{:?}", watching.await);
    watching.abort();

    let budget = settled(second.address(), &operator, "tenant").await;
    assert!(budget.spent <= budget.limit && budget.limit - budget.spent < 2 * CALL, "{budget:?}");
    let seen = upstream.seen();
    let last_moment = |seen: &&testkit::Seen| seen.path.contains("first") && seen.at + TAKES + FLUSH + SLACK > killed;
    let (written, last) = (usize::try_from(budget.spent / CALL).unwrap(), seen.iter().filter(last_moment).count());
    assert!(written <= worth && seen.len() - written <= last, "{} of {worth}, {last} were its last", seen.len());
    assert!(served <= seen.len());
}

#[tokio::test]
async fn a_panel_pays_for_each_of_its_members() {
    let upstream = metered(TAKES).await;
    let panel = "[[panel]]\nname = \"three\"\nmembers = [\"kit/m\", \"kit/m2\", \"kit/m3\"]\nagreement = 1.0\n";
    let models = priced(&upstream).replace("\"slow\"", "\"m2\"").replace("\"mute\"", "\"m3\"");
    let place = Place::new(&format!("[budget]\nkey_usd_per_day = {}\n{panel}{models}", limit()));
    let (key, operator) = keys(&place);
    let server = place.start();
    let mut asking = JoinSet::new();
    for _ in 0..CROWD {
        let (address, key, body) = (server.address(), Arc::clone(&key), request("three", false, Some(100)));
        asking.spawn(async move { spend(address, &key, &body).await });
    }
    let served = served(&asking.join_all().await);
    assert!((2..=3).contains(&served), "{served}");
    let budget = settled(server.address(), &operator, "key").await;
    let calls = upstream.seen().len();
    assert!(calls <= WORTH && calls == 3 * served, "{calls} calls for {served}");
    assert_eq!(budget.spent, CALL * i64::try_from(calls).unwrap());
}

/// Changes the budget of `acme`.
async fn set(address: SocketAddr, operator: &str, calls: usize, version: Option<i64>) -> Response {
    let mut wanted = json!({ "scope": "tenant", "period": "day", "tenant": "acme", "limit_usd": usd(calls) });
    if let Some(version) = version {
        wanted["version"] = version.into();
    }
    ask(address, operator, "PUT", "/api/v1/budgets", Some(&wanted)).await
}

#[tokio::test]
async fn a_budget_is_changed_while_serving_and_everywhere() {
    let (postgres, upstream) = (Postgres::start(), metered(TAKES).await);
    let config = sharing(&postgres.url(), &upstream, "request_usd_max = 0.01");
    let config = config.replace(&limit(), &usd(1_000));
    let place = Place::new(&config);
    let (key, operator) = keys(&place);
    let [here, there] = [place, Place::new(&config)].map(Place::start);
    let body = request("kit/m", false, Some(100));
    let asks = async |server: &Server| spend(server.address(), &key, &body).await;
    let set = async |calls, version| set(here.address(), &operator, calls, version).await;
    assert_eq!((asks(&here).await.status, asks(&there).await.status), (200, 200));

    // Nothing is left: here at once, elsewhere soon.
    let first = set(0, Some(0)).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(served(&[asks(&here).await]), 0);
    let refused = async || Some(asks(&there).await).filter(|reply| reply.status == 402);
    let asked = Instant::now();
    until("the other server knows", refused).await;
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());

    // Whoever changes what it has not seen is told what is there.
    let stale = set(5, Some(0)).await;
    let version = first.json()["version"].as_i64().unwrap();
    assert_eq!((stale.status, code(&stale).as_str()), (409, "version_conflict"), "{}", stale.text());
    assert!(stale.text().contains(&version.to_string()), "{}", stale.text());
    let before = upstream.seen().len();
    assert_eq!(set(before + 2, Some(version)).await.status, 200);
    assert_eq!(served(&[asks(&here).await]), 1);
    let viewer = ask(here.address(), &key, "PUT", "/api/v1/budgets", Some(&json!({}))).await;
    assert_eq!(viewer.status, 403, "{}", viewer.text());

    // Taken away, what settings say holds again; and no single request may cost too much.
    let path = "/api/v1/budgets?scope=tenant&period=day&tenant=acme";
    assert_eq!(ask(here.address(), &operator, "DELETE", path, None).await.status, 204);
    let budget = settled(here.address(), &operator, "tenant").await;
    assert_eq!((budget.limit, budget.spent), (CALL * 1_000, CALL * i64::try_from(before + 1).unwrap()));
    let dear = spend(here.address(), &key, &request("kit/m", false, Some(10_000))).await;
    assert_eq!((dear.status, code(&dear).as_str()), (402, "request_too_expensive"), "{}", dear.text());
    let rows = items(here.address(), &operator, "/api/v1/budgets").await;
    assert_eq!(rows.iter().filter(|row| row["tenant"] == "acme").count(), 1, "{rows:?}");
}

#[tokio::test]
async fn everything_works_behind_a_pooler_of_transactions() {
    let (postgres, upstream) = (Postgres::start(), metered(TAKES).await);
    let pooler = PgBouncer::start(&postgres, "transaction", 4);
    let place = Place::new(&sharing(&pooler.url(), &upstream, ""));
    let admin = place.key("admin", "default");
    let server = place.start();
    let address = server.address();
    let wanted = json!({ "role": "user", "tenant": "acme" });
    let made = ask(address, &admin, "POST", "/api/v1/keys", Some(&wanted)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let key: Arc<str> = made.json()["key"].as_str().unwrap().into();
    let replies = crowd(&[address], &key, Way { stream: false, max_tokens: Some(100) }, 30).await;
    let served = served(&replies);
    assert!((WORTH - 1..=WORTH).contains(&served), "{served}");
    let spent = settled(address, &admin, "tenant").await.spent;
    let usage = items(address, &admin, "/api/v1/usage?by=tenant").await;
    assert_eq!((usage.len(), usage[0]["calls"].as_u64()), (1, u64::try_from(served).ok()), "{usage:?}");
    assert_eq!(nano(&usage[0]["cost_usd"]), spent);
    assert_eq!(ask(address, &admin, "GET", "/readyz", None).await.status, 200);
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}
