//! How often: a key within its rate, an address that guesses keys, and everybody else, who notices neither.

use crate::support::{Kept, Place, Response, Server, ask, request, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Wrong keys of one flood.
const FLOOD: usize = 10_000;
/// Connections over which it comes.
const CONNECTIONS: usize = 8;
/// Wrong keys that an address may try at once, as the settings have it.
const BURST: usize = 50;
/// The most that a wrong key may cost, in requests that need none.
const COST_MAX: f64 = 4.0;

async fn whoami(server: &Server, key: &str) -> Response {
    ask(server.address(), key, "GET", "/api/v1/whoami", None).await
}

/// Asks with a key of so many requests a minute until it is put off, and gives the refusal: ten seconds' worth is let
/// in at once, and beside it what is earned meanwhile.
async fn put_off(server: &Server, key: &str, rpm: usize) -> Response {
    let started = Instant::now();
    for nth in 0.. {
        let reply = whoami(server, key).await;
        if reply.status == 200 {
            continue;
        }
        let earned = (started.elapsed().as_secs_f64() * rpm as f64 / 60.0).ceil() as usize;
        assert!((rpm / 6..=rpm / 6 + earned).contains(&nth), "{nth} of {rpm} a minute");
        assert_eq!(reply.json()["code"], "rate_limited");
        return reply;
    }
    unreachable!("somebody counts to the end of numbers")
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
    let refused = put_off(&server, &key, 60).await;
    for _ in 0..3 {
        assert!(wait(&whoami(&server, &key).await) <= 1, "refusals do not put it off further");
    }
    for _ in 0..30 {
        assert_eq!(whoami(&server, &free).await.status, 200);
    }
    sleep(Duration::from_secs(wait(&refused))).await;
    assert_eq!(whoami(&server, &key).await.status, 200);

    // However it is asked: in OpenAI's shape, in JSON-RPC's, and what is for everybody is not counted.
    while whoami(&server, &key).await.status == 200 {}
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
    assert!(wait(&put_off(&server, &plain, 30).await) <= 2);
    put_off(&server, &own, 600).await;
    // Each key has its own.
    put_off(&server, &server.key("user", "default"), 30).await;

    std::fs::write(server.config(), "").unwrap();
    server.signal("HUP");
    let free = async || (whoami(&server, &plain).await.status == 200).then_some(());
    until("no rate any more", free).await;
    for _ in 0..50 {
        assert_eq!(whoami(&server, &plain).await.status, 200);
    }
}

/// Sends so many requests over several connections at once, and gives every reply.
async fn flood(address: SocketAddr, many: usize, one: impl Fn(usize) -> Vec<u8>) -> Vec<Response> {
    let of = |connection: usize| (0..many / CONNECTIONS).map(|nth| one(nth * CONNECTIONS + connection)).collect();
    let all: JoinSet<_> = (0..CONNECTIONS).map(|nth| over_one(address, of(nth))).collect();
    all.join_all().await.into_iter().flatten().collect()
}

async fn over_one(address: SocketAddr, requests: Vec<Vec<u8>>) -> Vec<Response> {
    let (mut connection, mut replies) = (Kept::to(address).await, Vec::new());
    for request in requests {
        replies.push(connection.ask(&request).await);
    }
    replies
}

/// A guess: text of another form, or what looks like a key.
fn wrong(nth: usize, good: &str) -> String {
    match nth % 2 {
        0 => format!("sk-{nth:048}"),
        _ => format!("alth_{nth:043}{}", &good[48..]),
    }
}

/// How long a good key waits for its answer, again and again over its own connection, until it is told to stop.
async fn good_latencies(address: SocketAddr, key: String, stop: oneshot::Receiver<()>) -> Vec<Duration> {
    let asked = request(address, "GET /api/v1/whoami", &[("x-api-key", &key)], b"");
    let (mut connection, mut all, mut stop) = (Kept::to(address).await, Vec::new(), stop);
    while stop.try_recv() == Err(TryRecvError::Empty) {
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
    let idle = server.cpu();
    flood(address, FLOOD / 2, |_| request(address, "GET /livez", &[], b"")).await;
    let usual = (server.cpu() - idle).as_secs_f64() * 2.0;

    let (stop, stopped) = oneshot::channel();
    let good = tokio::spawn(good_latencies(address, key.clone(), stopped));
    let (before, started) = (server.cpu(), Instant::now());
    let guess = |nth| request(address, "GET /api/v1/whoami", &[("x-api-key", &wrong(nth, &key))], b"");
    let replies = flood(address, FLOOD, guess).await;
    let (took, cost) = (started.elapsed(), (server.cpu() - before).as_secs_f64());
    stop.send(()).unwrap();
    let good = good.await.unwrap();

    let put_off: Vec<&Response> = replies.iter().filter(|reply| reply.status == 429).collect();
    let looked_at = replies.iter().filter(|reply| reply.status == 401).count();
    let most = BURST + 10 * (took.as_secs_f64().ceil() as usize + 1);
    assert!((BURST..=most).contains(&looked_at), "{looked_at} were looked at in {took:?}");
    assert_eq!(put_off.len(), FLOOD - looked_at);
    assert!(put_off.iter().all(|reply| wait(reply) == 1 && reply.text().contains("too_many_wrong_keys")));
    assert!(cost < COST_MAX * usual, "{cost} s of processor time where {usual} s are usual");
    let (half, last) = (good[good.len() / 2], good[good.len() - 1]);
    assert!(half < Duration::from_millis(50) && last < Duration::from_secs(1), "{half:?} {last:?}");

    // Somebody else's slip is judged by itself, and so is the first of ours after a while.
    assert_eq!(from("127.0.0.2", address, "sk-wrong").await.status, 401);
    assert_eq!(from("127.0.0.2", address, &key).await.status, 200);
    let mut ours = Vec::new();
    for _ in 0..5 {
        ours.push(from("127.0.0.1", address, "sk-wrong").await.status);
    }
    assert!(ours.contains(&429), "{ours:?}");
    sleep(Duration::from_secs(1)).await;
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
