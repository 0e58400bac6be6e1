//! How often: a key within its rate, an address that guesses keys, and everybody else, who notices neither.

use crate::support::{Kept, Place, Response, Server, ask, request, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Wrong keys of one flood.
const FLOOD: usize = 10_000;
/// Connections over which it comes.
const CONNECTIONS: usize = 8;
/// Wrong keys that an address may try at once, as the settings have it.
const BURST: usize = 50;
/// The most processor time that one of them may cost, the reading and writing of HTTP included; a build without
/// optimisation takes many times what a release does.
const COST_MAX: Duration = Duration::from_micros(if cfg!(debug_assertions) { 400 } else { 60 });

async fn whoami(server: &Server, key: &str) -> Response {
    ask(server.address(), key, "GET", "/api/v1/whoami", None).await
}

/// How many requests are let in, one after the other, before the first that is not.
async fn let_in(server: &Server, key: &str) -> (usize, Response) {
    for nth in 0..200 {
        let reply = whoami(server, key).await;
        if reply.status != 200 {
            return (nth, reply);
        }
    }
    panic!("200 requests were let in");
}

/// The whole seconds after which to come again.
fn wait(reply: &Response) -> u64 {
    assert_eq!(reply.status, 429, "{}", reply.text());
    reply.header("retry-after").expect("when to come again").parse().unwrap()
}

#[tokio::test]
async fn a_key_has_its_rate_and_whoever_waits_as_told_is_let_in() {
    let place = Place::new("");
    let made = place.run(&["keys", "create", "--role", "user", "--rpm", "60"]).good();
    let (key, free) = (made["key"].as_str().unwrap().to_owned(), place.key("admin", "default"));
    let server = place.start();
    // Ten seconds' worth at once, and what is earned meanwhile.
    let (first, refused) = let_in(&server, &key).await;
    assert!((10..=12).contains(&first), "{first}");
    for _ in 0..3 {
        assert!(wait(&whoami(&server, &key).await) <= 1, "refusals do not put it off further");
    }
    assert_eq!(refused.json()["code"], "rate_limited");
    for _ in 0..30 {
        assert_eq!(whoami(&server, &free).await.status, 200);
    }
    sleep(Duration::from_secs(wait(&refused))).await;
    assert_eq!(whoami(&server, &key).await.status, 200);

    // However it is asked: in OpenAI's shape, in JSON-RPC's, and what is for everybody is not counted.
    let (_, _) = let_in(&server, &key).await;
    let chat = ask(server.address(), &key, "POST", "/v1/chat/completions", Some(&json!({}))).await;
    assert_eq!((wait(&chat), &chat.json()["error"]["type"]), (1, &json!("rate_limit_error")));
    let mcp = ask(server.address(), &key, "POST", "/mcp", Some(&json!({}))).await;
    assert_eq!((wait(&mcp), &mcp.json()["error"]["data"]["code"]), (1, &json!("rate_limited")));
    assert_eq!(ask(server.address(), &key, "GET", "/livez", None).await.status, 200);
}

#[tokio::test]
async fn a_rate_of_settings_is_for_keys_without_their_own() {
    let place = Place::new("[access]\nrpm = 30\n");
    let plain = place.key("user", "default");
    let made = place.run(&["keys", "create", "--role", "user", "--rpm", "600"]).good();
    let own = made["key"].as_str().unwrap().to_owned();
    let server = place.start();
    let (first, refused) = let_in(&server, &plain).await;
    assert!((5..=6).contains(&first) && wait(&refused) <= 2, "{first}");
    let (first, _) = let_in(&server, &own).await;
    assert!((100..=120).contains(&first), "{first}");
    // Each key has its own.
    assert!((5..=6).contains(&let_in(&server, &server.key("user", "default")).await.0));

    std::fs::write(server.config(), "").unwrap();
    server.signal("HUP");
    let free = async || (whoami(&server, &plain).await.status == 200).then_some(());
    until("no rate any more", free).await;
    for _ in 0..50 {
        assert_eq!(whoami(&server, &plain).await.status, 200);
    }
}

/// Tries wrong keys over one connection: how many were looked at, and the last refusal.
async fn guess(address: SocketAddr, tries: Vec<Vec<u8>>) -> (usize, Option<Response>) {
    let mut connection = Kept::to(address).await;
    let (mut looked_at, mut put_off) = (0, None);
    for try_one in tries {
        let reply = connection.ask(&try_one).await;
        match reply.status {
            401 => looked_at += 1,
            429 => put_off = Some(reply),
            other => panic!("{other}: {}", reply.text()),
        }
    }
    (looked_at, put_off)
}

/// A guess: text of another form, or what looks like a key.
fn wrong(nth: usize, good: &str) -> String {
    match nth % 2 {
        0 => format!("sk-{nth:048}"),
        _ => format!("alth_{nth:043}{}", &good[48..]),
    }
}

/// How long a good key waits for its answer, again and again over its own connection, until it is told to stop.
async fn good_latencies(address: SocketAddr, key: String, stop: tokio::sync::oneshot::Receiver<()>) -> Vec<Duration> {
    let asked = request(address, "GET /api/v1/whoami", &[("x-api-key", &key)], b"");
    let (mut connection, mut all, mut stop) = (Kept::to(address).await, Vec::new(), stop);
    while stop.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
        let started = Instant::now();
        let reply = connection.ask(&asked).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        all.push(started.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_wrong_keys_cost_little_and_a_good_one_does_not_notice() {
    let place = Place::new("");
    let key = place.key("viewer", "default");
    let server = place.start();
    let address = server.address();
    assert_eq!(whoami(&server, &key).await.status, 200);
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let good = tokio::spawn(good_latencies(address, key.clone(), stopped));
    let (before, started) = (server.cpu(), Instant::now());
    let floods = (0..CONNECTIONS).map(|connection| {
        let nth = (0..FLOOD / CONNECTIONS).map(|nth| wrong(nth * CONNECTIONS + connection, &key));
        guess(address, nth.map(|key| request(address, "GET /api/v1/whoami", &[("x-api-key", &key)], b"")).collect())
    });
    let ended = floods.collect::<JoinSet<_>>().join_all().await;
    let (took, cost) = (started.elapsed(), server.cpu() - before);
    stop.send(()).unwrap();
    let good = good.await.unwrap();

    let looked_at: usize = ended.iter().map(|(looked_at, _)| looked_at).sum();
    let most = BURST + 10 * (took.as_secs_f64().ceil() as usize + 1);
    assert!((BURST..=most).contains(&looked_at), "{looked_at} were looked at in {took:?}");
    let put_off = ended.iter().find_map(|(_, put_off)| put_off.as_ref()).unwrap();
    assert_eq!((wait(put_off), &put_off.json()["code"]), (1, &json!("too_many_wrong_keys")));
    assert!(cost < COST_MAX * FLOOD as u32, "{cost:?} of processor time in {took:?}");
    let (half, last) = (good[good.len() / 2], good[good.len() - 1]);
    assert!(half < Duration::from_millis(50) && last < Duration::from_secs(1), "{half:?} {last:?}");

    // Somebody else's slip is judged by itself, and so is the first of ours after a while.
    assert_eq!(from("127.0.0.2", address, "sk-wrong").await.status, 401);
    assert_eq!(from("127.0.0.2", address, &key).await.status, 200);
    assert_eq!(from("127.0.0.1", address, "sk-wrong").await.status, 429);
    sleep(Duration::from_secs(wait(put_off))).await;
    assert_eq!(from("127.0.0.1", address, "sk-wrong").await.status, 401);
}

/// Asks from one of this machine's addresses.
async fn from(client: &str, address: SocketAddr, key: &str) -> Response {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(client.parse().unwrap(), 0)).unwrap();
    let mut connection = Kept::over(socket.connect(address).await.unwrap());
    connection.ask(&request(address, "GET /api/v1/whoami", &[("x-api-key", key)], b"")).await
}

#[tokio::test]
async fn a_proxy_that_is_trusted_tells_addresses_apart_and_no_other() {
    let place = Place::new("[access]\nwrong_keys_per_s = 1\n[server]\ntrusted_proxies = ['127.0.0.1']\n");
    let key = place.key("viewer", "default");
    let server = place.start();
    let address = server.address();
    let through = async |proxy: &str, client: &str, key: &str| {
        let headers = [("x-api-key", key), ("x-forwarded-for", client)];
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(proxy.parse().unwrap(), 0)).unwrap();
        let mut connection = Kept::over(socket.connect(address).await.unwrap());
        connection.ask(&request(address, "GET /api/v1/whoami", &headers, b"")).await.status
    };
    let mut statuses: Vec<u16> = Vec::new();
    for _ in 0..8 {
        statuses.push(through("127.0.0.1", "192.0.2.1", "sk-wrong").await);
    }
    assert_eq!((&statuses[..5], statuses[7]), (&[401; 5][..], 429));
    assert_eq!(through("127.0.0.1", "192.0.2.2", "sk-wrong").await, 401);
    assert_eq!(through("127.0.0.1", "192.0.2.1", &key).await, 200);
    // Whoever is no proxy cannot take another address for each try.
    let mut last = 0;
    for nth in 0..8 {
        last = through("127.0.0.3", &format!("192.0.2.{}", 100 + nth), "sk-wrong").await;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn a_rate_must_make_sense() {
    let place = Place::new("");
    let admin = place.key("admin", "default");
    let server = place.start();
    for rpm in [json!(0), json!(-1), json!(1.5), json!("60"), json!(1_000_000_001), json!(u64::MAX)] {
        let wanted: Value = json!({ "role": "user", "rpm": rpm });
        let reply = ask(server.address(), &admin, "POST", "/api/v1/keys", Some(&wanted)).await;
        assert_eq!(reply.status, 400, "{rpm}: {}", reply.text());
    }
}
