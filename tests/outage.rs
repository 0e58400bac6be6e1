//! The database goes away and comes back while everybody works: who needs it hears so at once and in clear words, who
//! does not goes on, and afterwards nothing is missing and nobody has to be started again.

use crate::support::books::{code, items, metered, priced, request, spend};
use crate::support::{Place, Response, Server, ask, get, until};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::{PgBouncer, Postgres, Upstream};
use tokio::task::JoinSet;

/// The longest that anybody waits for an answer, whatever it is.
const ANSWERS: Duration = Duration::from_secs(2);
/// How soon everything works again.
const RECOVERS: Duration = Duration::from_secs(5);
/// Leases are short, so that money set aside before does not last for the whole outage; keys are looked up again in it.
const SETTINGS: &str = "[budget]\nlease_ms = 1000\nwait_ms = 200\n[access]\nkey_cache_ms = 500\n";

/// Whom the server knows.
struct Keys {
    admin: Arc<str>,
    /// Has no budget.
    free: Arc<str>,
    /// Has one.
    thrifty: Arc<str>,
    /// Was never here.
    stranger: Arc<str>,
}

/// What was acknowledged, and whether to go on.
#[derive(Default)]
struct Work {
    done: AtomicBool,
    /// The requests of chats that were answered.
    chats: Mutex<Vec<String>>,
    /// The keys that were made.
    keys: Mutex<Vec<String>>,
    /// What those heard who were refused.
    refusals: Mutex<HashSet<String>>,
}

impl Work {
    /// Takes a reply that came in time, or says why it is none that may come.
    fn take(&self, reply: &Response, took: Duration, may_fail: bool) {
        assert!(took < ANSWERS, "it took {took:?}: {}", reply.text());
        match reply.status {
            200 => self.chats.lock().unwrap().push(reply.header("x-althing-request-id").unwrap().to_owned()),
            201 => self.keys.lock().unwrap().push(reply.json()["id"].as_str().unwrap().to_owned()),
            status => {
                assert!(may_fail && status == 503, "{status}: {}", reply.text());
                is_clear(reply);
                self.refusals.lock().unwrap().insert(code(reply));
            }
        }
    }
}

/// A refusal that says what is wrong, what to do, and when to come again.
fn is_clear(reply: &Response) {
    let text = reply.text();
    assert!(reply.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok()), "{:?}", reply.headers);
    assert!(text.contains("req_") && text.contains("; "), "no request id or no hint: {text}");
    assert!(!code(reply).is_empty() && !text.contains("althing@"), "{text}");
}

/// Chats again and again.
async fn chats(address: SocketAddr, key: Arc<str>, may_fail: bool, work: Arc<Work>) {
    let body = request("kit/m", false, Some(100));
    while !work.done.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let reply = spend(address, &key, &body).await;
        work.take(&reply, asked.elapsed(), may_fail);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn wanted() -> Value {
    json!({ "role": "user", "tenant": "acme" })
}

/// Makes keys again and again.
async fn make_keys(address: SocketAddr, admin: Arc<str>, work: Arc<Work>) {
    while !work.done.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let reply = ask(address, &admin, "POST", "/api/v1/keys", Some(&wanted())).await;
        work.take(&reply, asked.elapsed(), true);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn start(store: &str, more: &str, upstream: &Upstream) -> (Server, Keys) {
    let place = Place::new(&format!("[store]\nurl = {store:?}\n{more}{SETTINGS}{}", priced(upstream)));
    let key = |role, tenant| Arc::from(place.key(role, tenant));
    let (admin, free, thrifty) = (key("admin", "default"), key("user", "free"), key("user", "thrifty"));
    let keys = Keys { admin, free, thrifty, stranger: key("viewer", "acme") };
    let server = place.start();
    let limit = json!({ "scope": "tenant", "tenant": "thrifty", "period": "day", "limit_usd": "100" });
    let set = ask(server.address(), &keys.admin, "PUT", "/api/v1/budgets", Some(&limit)).await;
    assert_eq!(set.status, 200, "{}", set.text());
    (server, keys)
}

/// Everybody at work.
fn employ(address: SocketAddr, keys: &Keys) -> (Arc<Work>, JoinSet<()>) {
    let (work, mut workers) = (Arc::new(Work::default()), JoinSet::new());
    workers.spawn(chats(address, Arc::clone(&keys.free), false, Arc::clone(&work)));
    workers.spawn(chats(address, Arc::clone(&keys.thrifty), true, Arc::clone(&work)));
    workers.spawn(make_keys(address, Arc::clone(&keys.admin), Arc::clone(&work)));
    (work, workers)
}

/// What those hear who need a database that is away.
async fn is_away(address: SocketAddr, keys: &Keys) {
    let asked = Instant::now();
    let unready = get(address, "/readyz").await;
    assert!(unready.status == 503 && asked.elapsed() < ANSWERS, "{}", unready.text());
    assert!(unready.json()["store"].is_string(), "{}", unready.text());
    assert_eq!(get(address, "/livez").await.status, 200);
    for (key, method, path) in [
        (&keys.stranger, "GET", "/v1/models"),
        (&keys.admin, "POST", "/api/v1/keys"),
        (&keys.admin, "GET", "/api/v1/calls"),
    ] {
        let asked = Instant::now();
        let body = (method == "POST").then(wanted);
        let reply = ask(address, key, method, path, body.as_ref()).await;
        assert!(asked.elapsed() < ANSWERS, "{method} {path} took {:?}", asked.elapsed());
        assert_eq!(reply.status, 503, "{method} {path}: {}", reply.text());
        is_clear(&reply);
    }
}

/// Waits until this is answered with success.
async fn until_well(address: SocketAddr, key: &str, method: &str, path: &str, body: Option<&Value>) {
    let well = async || Some(ask(address, key, method, path, body).await.status).filter(|status| *status < 300);
    until(path, well).await;
}

/// Everything works again, soon.
async fn is_back(address: SocketAddr, keys: &Keys, work: &Work) {
    let back = Instant::now();
    until_well(address, &keys.admin, "GET", "/readyz", None).await;
    let chat = request("kit/m", false, Some(100));
    until_well(address, &keys.thrifty, "POST", "/v1/chat/completions", Some(&chat)).await;
    until_well(address, &keys.stranger, "GET", "/v1/models", None).await;
    until_well(address, &keys.admin, "POST", "/api/v1/keys", Some(&wanted())).await;
    assert!(back.elapsed() < RECOVERS, "it took {:?}", back.elapsed());
    work.done.store(true, Ordering::Relaxed);
}

/// Every key that was shown is there, and every answer is in the ledger.
async fn nothing_is_missing(address: SocketAddr, admin: &str, work: &Work) {
    let listed: HashSet<String> = names(address, admin, "/api/v1/keys", "id").await;
    assert!(work.keys.lock().unwrap().iter().all(|id| listed.contains(id)), "a key is gone");
    let chats = work.chats.lock().unwrap().clone();
    assert!(chats.len() > 100, "only {} chats", chats.len());
    let caught_up = async || {
        let written = names(address, admin, "/api/v1/calls", "request_id").await;
        chats.iter().all(|id| written.contains(id)).then_some(())
    };
    until("the ledger has caught up", caught_up).await;
}

async fn names(address: SocketAddr, admin: &str, path: &str, name: &str) -> HashSet<String> {
    items(address, admin, path).await.iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
}

/// A database that goes as `goes` says.
async fn goes_and_comes_back(goes: impl FnOnce(&Postgres)) {
    let (postgres, upstream) = (Postgres::start(), metered(Duration::from_millis(2)).await);
    let (server, keys) = start(&postgres.url(), "", &upstream).await;
    let address = server.address();
    let (work, mut workers) = employ(address, &keys);
    let begun =
        async || Some(()).filter(|()| work.chats.lock().unwrap().len() > 20 && !work.keys.lock().unwrap().is_empty());
    until("everybody works", begun).await;
    assert!(work.refusals.lock().unwrap().is_empty());

    tokio::task::block_in_place(|| goes(&postgres));
    let gone = Instant::now();
    let refused = async || Some(()).filter(|()| work.refusals.lock().unwrap().contains("budget_unavailable"));
    until("budgets cannot be checked", refused).await;
    is_away(address, &keys).await;
    tokio::time::sleep(Duration::from_millis(1_500).saturating_sub(gone.elapsed())).await;
    is_away(address, &keys).await;
    tokio::task::block_in_place(|| postgres.start_again());
    is_back(address, &keys, &work).await;
    while let Some(worked) = workers.join_next().await {
        worked.unwrap();
    }
    nothing_is_missing(address, &keys.admin, &work).await;
    assert_eq!(server.ended_by("TERM").await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_stopped_and_started() {
    goes_and_comes_back(Postgres::stop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_killed_and_started() {
    goes_and_comes_back(Postgres::kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_falls_silent() {
    let (postgres, upstream) = (Postgres::start(), metered(Duration::from_millis(2)).await);
    let pooler = PgBouncer::start(&postgres, "transaction", 8);
    let limits = "acquire_ms = 500\ntransaction_ms = 1000\n";
    let (server, keys) = start(&pooler.url(), limits, &upstream).await;
    let address = server.address();
    assert_eq!(spend(address, &keys.free, &request("kit/m", false, None)).await.status, 200);
    tokio::task::block_in_place(|| pooler.admin("PAUSE"));
    // Whoever is known and has no budget goes on.
    let work = Arc::new(Work::default());
    let going_on = tokio::spawn(chats(address, Arc::clone(&keys.free), false, Arc::clone(&work)));
    is_away(address, &keys).await;
    tokio::task::block_in_place(|| pooler.admin("RESUME"));
    is_back(address, &keys, &work).await;
    going_on.await.unwrap();
    nothing_is_missing(address, &keys.admin, &work).await;
}
