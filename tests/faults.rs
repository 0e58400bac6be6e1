//! The fault table: each way in which a provider can fail, met in each way of asking. Every cell names its outcome, and
//! none of them leaves anything behind: no task, no place at a provider, no connection, no money set aside.

use crate::support::books::{settled, spend};
use crate::support::{Place, Response, Server, ask, get, nobody, says, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::{Reply, Seen, Upstream};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// How long a provider has for one attempt, in milliseconds.
const TIMEOUT_MS: u64 = 300;
/// How long a stream may be silent, in milliseconds.
const IDLE_MS: u64 = 400;

/// What is wrong with a provider.
struct Fault {
    name: &'static str,
    /// Asked alone: the status and the code of the error.
    single: (u16, &'static str),
    /// The same as a stream. A status of 200 means that the error comes as the stream's last event.
    stream: (u16, &'static str),
    /// What the reason of a member, or of an attempt, says.
    says: &'static str,
    /// How a panel calls it.
    member: &'static str,
}

const FAULTS: [Fault; 11] = [
    fault("status-500", (503, "no_model_answered"), (503, "no_model_answered"), "failed with 500", "failed"),
    fault("status-429", (503, "no_model_answered"), (503, "no_model_answered"), "rate limiting", "failed"),
    fault("hang", (503, "no_model_answered"), (503, "no_model_answered"), "no answer within 300 ms", "timed_out"),
    // Bytes that come all the time, and never enough of them in time; of a stream, each in time.
    fault("drip", (503, "no_model_answered"), (200, ""), "no answer within 300 ms", "timed_out"),
    fault("cut", (503, "no_model_answered"), (200, "upstream_closed"), "closed", "failed"),
    fault("silent", (503, "no_model_answered"), (200, "upstream_silent"), "no answer within 300 ms", "timed_out"),
    fault("bad-json", (503, "no_model_answered"), (503, "no_model_answered"), "not a chat reply", "failed"),
    fault("wrong-type", (503, "no_model_answered"), (503, "no_model_answered"), "not a chat reply", "failed"),
    fault("tls", (503, "no_model_answered"), (503, "no_model_answered"), "no secure connection", "failed"),
    fault("refused", (503, "no_model_answered"), (503, "no_model_answered"), "connect", "failed"),
    fault("dns", (503, "no_model_answered"), (503, "no_model_answered"), "no-such-host.invalid", "failed"),
];

const fn fault(
    name: &'static str,
    single: (u16, &'static str),
    stream: (u16, &'static str),
    says: &'static str,
    member: &'static str,
) -> Fault {
    Fault { name, single, stream, says, member }
}

/// What the upstream of a fault answers.
fn broken(fault: &str, seen: &Seen) -> Reply {
    let streams = seen.json()["stream"] == true;
    let words = Reply::chat_stream(&["one ", "two ", "three"]);
    match (fault, streams) {
        ("status-500", _) => Reply::error(500, "server_error", "SECRET"),
        ("status-429", _) => Reply::error(429, "rate_limit_error", "SECRET").header("retry-after", "30"),
        ("hang", _) => Reply::hang(),
        ("drip", true) => words.pause(Duration::from_millis(IDLE_MS / 2)),
        ("drip", false) => (0..40).fold(slow_head(), |reply, _| reply.raw(" ").wait(Duration::from_millis(50))),
        ("cut", true) => words.cut_after(2, 5),
        ("cut", false) => Reply::chat("SECRET").cut_after(0, 10),
        ("silent", true) => Reply::stream(&[&says("one ")]).stall(),
        ("silent", false) => slow_head().stall(),
        ("bad-json", true) => Reply::stream(&["{nonsense SECRET"]),
        ("bad-json", false) => Reply::body(200, "application/json", "{\"choices\": SECRET"),
        ("wrong-type", _) => Reply::body(200, "text/html", "<html>SECRET</html>"),
        _ => unreachable!("{fault} has no upstream"),
    }
}

/// A head that promises a body.
fn slow_head() -> Reply {
    Reply::bare().raw("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n")
}

fn well(seen: &Seen) -> Reply {
    let mut reply = Reply::chat("42");
    if seen.json()["stream"] == true {
        reply = Reply::chat_stream_with_usage(&["4", "2"]);
    }
    reply
}

/// The address of somebody who is said to encrypt and answers in plain text.
async fn plain() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
        }
    });
    format!("https://{address}/v1")
}

/// A provider whose model `m` has a price.
fn priced(name: &str, base_url: &str) -> String {
    format!(
        "[[provider]]\nname = {name:?}\nkind = \"openai\"\nbase_url = {base_url:?}\ntimeout_ms = {TIMEOUT_MS}\n\
         connect_ms = {TIMEOUT_MS}\nmodels = [{{ name = \"m\", price = {{ input = 1.0, output = 2.0 }} }}]\n"
    )
}

/// Everything that a cell needs: a server with two good providers and one for each fault.
struct Table {
    server: Server,
    admin: String,
    key: String,
    _upstreams: Vec<Upstream>,
}

impl Table {
    /// A server whose `[guard]` is this.
    async fn new(guard: &str) -> Self {
        let mut upstreams = Vec::new();
        let mut config = format!("[server]\nstream_idle_ms = {IDLE_MS}\n[guard]\n{guard}");
        for good in ["good", "fine"] {
            let upstream = Upstream::start(well).await;
            config += &priced(good, &upstream.url());
            upstreams.push(upstream);
        }
        for Fault { name, .. } in FAULTS {
            let url = match name {
                "refused" => nobody(),
                "tls" => plain().await,
                "dns" => "http://no-such-host.invalid/v1".to_owned(),
                _ => {
                    let upstream = Upstream::start(move |seen| broken(name, seen)).await;
                    let url = upstream.url();
                    upstreams.push(upstream);
                    url
                }
            };
            config += &priced(name, &url);
            config += &format!(
                "[[route]]\nname = \"route-{name}\"\nrules = [{{ models = [\"{name}/m\", \"good/m\"] }}]\n\
                 [[panel]]\nname = \"panel-{name}\"\nmembers = [\"{name}/m\", \"good/m\", \"fine/m\"]\nagreement = 1.0\n"
            );
        }
        let place = Place::new(&config);
        let (admin, key) = (place.key("admin", "default"), place.key("user", "acme"));
        let server = place.start();
        Self { server, admin, key, _upstreams: upstreams }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Sets a budget, so that money is set aside for each call.
    async fn limit(&self) {
        let budget = json!({ "scope": "tenant", "tenant": "acme", "limit_usd": "1", "period": "total" });
        let set = ask(self.address(), &self.admin, "PUT", "/api/v1/budgets", Some(&budget)).await;
        assert!(set.status < 300, "{}", set.text());
    }

    /// No place at a provider, no request and no money is left of it.
    async fn is_clear(&self, what: &str) {
        until(what, async || (self.metric("althing_inflight").await == 0.0).then_some(())).await;
        assert_eq!(settled(self.address(), &self.admin, "tenant").await.reserved, 0, "{what}");
    }

    async fn ask(&self, model: &str, stream: bool) -> Response {
        let body = json!({
            "model": model, "stream": stream, "max_tokens": 50,
            "messages": [{ "role": "user", "content": "What is 6 times 7?" }],
        });
        spend(self.address(), &self.key, &body).await
    }

    /// The value of a metric, added up over its labels.
    async fn metric(&self, name: &str) -> f64 {
        let text = ask(self.address(), &self.admin, "GET", "/metrics", None).await;
        let values =
            text.text().lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

impl Table {
    /// Tasks that have not ended, but for those of connections that are kept for the next request.
    async fn tasks(&self) -> f64 {
        self.metric("althing_tasks").await - self.metric("althing_upstream_connections").await
    }
}

/// Asked alone, whole: an error that says who failed and why, and quotes nobody.
async fn single(table: &Table, fault: &Fault) {
    let reply = table.ask(&format!("{}/m", fault.name), false).await;
    let error = &reply.json()["error"];
    assert_eq!((reply.status, error["code"].as_str().unwrap_or_default()), fault.single, "{}", reply.text());
    named(fault, &reply);
}

/// Asked alone, as a stream.
async fn stream(table: &Table, fault: &Fault) {
    let reply = table.ask(&format!("{}/m", fault.name), true).await;
    let (status, code) = fault.stream;
    assert_eq!(reply.status, status, "{}", reply.text());
    assert!(reply.whole, "the response itself is never cut");
    if status != 200 {
        assert_eq!(reply.json()["error"]["code"], code);
        return named(fault, &reply);
    }
    assert!(reply.content().starts_with("one "), "{}", reply.text());
    let last = reply.events().last().cloned().unwrap_or(Value::Null);
    if code.is_empty() {
        assert!(reply.is_done() && reply.content() == "one two three", "{}", reply.text());
    } else {
        assert_eq!(last["error"]["code"], code, "{}", reply.text());
    }
}

/// Behind it stands one that works: whole and streamed, it answers, and the report says why it did.
async fn fallback(table: &Table, fault: &Fault) {
    for stream in [false, true] {
        // A stream whose first word has come is nobody else's any more.
        if stream && fault.stream.0 == 200 {
            continue;
        }
        let reply = table.ask(&format!("route-{}", fault.name), stream).await;
        assert_eq!((reply.status, reply.content().as_str()), (200, "42"), "{}", reply.text());
        assert_eq!(reply.header("x-althing-served-by"), Some("good/m"));
        assert_eq!(reply.header("x-althing-degraded"), Some("true"));
        if !stream {
            let reasons = reply.json()["althing"]["reasons"].to_string();
            assert!(reasons.contains(&format!("{}/m", fault.name)) && reasons.contains(fault.says), "{reasons}");
        }
    }
}

/// Beside it sit two that agree: the panel answers, and says what became of the third.
async fn panel(table: &Table, fault: &Fault) {
    let reply = table.ask(&format!("panel-{}", fault.name), false).await;
    assert_eq!((reply.status, reply.content().as_str()), (200, "42"), "{}", reply.text());
    let agreement = &reply.json()["althing"]["agreement"];
    assert_eq!((&agreement["reached"], &agreement["answered"]), (&true.into(), &2.into()), "{agreement}");
    let member = &agreement["members"][0];
    assert_eq!(member["outcome"], fault.member, "{member}");
    assert!(member["reason"].as_str().is_some_and(|reason| reason.contains(fault.says)), "{member}");
}

fn named(fault: &Fault, reply: &Response) {
    let text = reply.text();
    assert!(text.contains(&format!("{}/m", fault.name)) && text.contains(fault.says), "{text}");
    assert!(!text.contains("SECRET"), "{text}");
    assert!(reply.header("x-althing-request-id").is_some());
}

/// With nothing that would spare a provider, so that each cell meets its fault.
const UNSPARING: &str = "attempts_max = 1\nbreaker_failures = 1000\npark_ms_max = 0\n";
/// As it is by default, but that a test does not outlast a rest.
const SPARING: &str = "attempts_max = 1\nbreaker_open_ms = 30000\n";
/// More than it takes to have anybody left alone.
const CROWD: usize = 12;

#[tokio::test]
async fn every_cell_names_its_outcome_and_leaves_nothing_behind() {
    let table = Table::new(UNSPARING).await;
    table.limit().await;
    table.ask("good/m", false).await;
    let before = table.tasks().await;
    for fault in &FAULTS {
        let started = Instant::now();
        single(&table, fault).await;
        fallback(&table, fault).await;
        panel(&table, fault).await;
        stream(&table, fault).await;
        assert!(started.elapsed() < Duration::from_secs(10), "{}: {:?}", fault.name, started.elapsed());
        table.is_clear(fault.name).await;
    }
    // The server's own tasks come and go by one or two; each cell that left one behind would have left dozens.
    until("tasks", async || (table.tasks().await <= before + 3.0).then_some(())).await;
    assert_eq!(get(table.address(), "/readyz").await.status, 200);
}

#[tokio::test]
async fn whoever_fails_is_left_alone_in_every_cell_and_nothing_stays_behind() {
    let table = Arc::new(Table::new(SPARING).await);
    table.limit().await;
    table.ask("good/m", false).await;
    let before = table.tasks().await;
    for fault in &FAULTS {
        let model = format!("{}/m", fault.name);
        let crowd: Vec<_> = (0..CROWD)
            .map(|_| {
                let (table, model) = (Arc::clone(&table), model.clone());
                tokio::spawn(async move { table.ask(&model, false).await })
            })
            .collect();
        for whole in crowd {
            let whole = whole.await.unwrap();
            let code = whole.json()["error"]["code"].clone();
            assert_eq!((whole.status, code.as_str().unwrap_or_default()), fault.single, "{}", whole.text());
        }
        // From here on nobody is asked: each way says so at once, and how long to wait where nobody else can answer.
        let started = Instant::now();
        for stream in [false, true] {
            let alone = table.ask(&model, stream).await;
            assert_eq!((alone.status, alone.json()["error"]["code"].as_str()), (503, Some("no_model_answered")));
            assert!(alone.header("retry-after").is_some(), "{}", alone.text());
            left_alone(alone.text());
            let route = table.ask(&format!("route-{}", fault.name), stream).await;
            assert_eq!((route.status, route.content().as_str()), (200, "42"), "{}", route.text());
            assert_eq!(route.header("x-althing-served-by"), Some("good/m"));
            if !stream {
                left_alone(&route.json()["althing"]["reasons"].to_string());
            }
        }
        let panel = table.ask(&format!("panel-{}", fault.name), false).await;
        let agreement = &panel.json()["althing"]["agreement"];
        assert_eq!((&agreement["reached"], &agreement["answered"]), (&true.into(), &2.into()), "{agreement}");
        left_alone(agreement["members"][0]["reason"].as_str().unwrap_or_default());
        assert!(started.elapsed() < Duration::from_millis(TIMEOUT_MS * 5), "{}: {:?}", fault.name, started.elapsed());
        table.is_clear(fault.name).await;
    }
    until("tasks", async || (table.tasks().await <= before + 3.0).then_some(())).await;
    assert_eq!(get(table.address(), "/readyz").await.status, 200);
}

/// What is said of a model that nobody asks for a while.
fn left_alone(text: &str) {
    assert!(text.contains("left alone") || text.contains("breaker is open"), "{text}");
}
