//! The stage on a real socket, asked by a client that times it from outside.

use crate::{Cast, Stage, serve};
use listener::Crew;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wire::openai::ChatRequest;

const CHAT: &str = "/v1/chat/completions";
const EMBED: &str = "/v1/embeddings";

/// A stage and where it is.
struct Played {
    stage: Stage,
    at: SocketAddr,
}

struct Response {
    status: u16,
    head: String,
    body: String,
    took: Duration,
}

impl Response {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn play(script: &str) -> Played {
    let stage = Stage::new(&Cast::from_toml(script).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (played, at) = (stage.clone(), listener.local_addr().unwrap());
    tokio::spawn(async move { serve(&played, listener, Crew::start(0), std::future::pending()).await });
    Played { stage, at }
}

impl Played {
    async fn send(&self, line: &str, body: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.at).await.unwrap();
        let (at, length) = (self.at, body.len());
        let head = format!("{line} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        socket
    }

    async fn ask(&self, line: &str, body: &str) -> Response {
        let before = Instant::now();
        let (mut socket, mut text) = (self.send(line, body).await, String::new());
        socket.read_to_string(&mut text).await.unwrap();
        let took = before.elapsed();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, head: head.to_owned(), body: body.to_owned(), took }
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.ask(&format!("POST {path}"), &body.to_string()).await
    }

    async fn delays(&self, query: &str) -> Value {
        let told = self.ask(&format!("GET /_delays{query}"), "").await;
        assert_eq!(told.status, 200);
        told.json()
    }
}

fn chat(model: &str, stream: bool) -> Value {
    let messages = json!([{ "role": "user", "content": "hello there" }]);
    json!({ "model": model, "stream": stream, "max_tokens": 100, "messages": messages })
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

/// Each lies between what the script said and what the client saw.
#[track_caller]
fn check_between(recorded_us: &[u64], least: &[Duration], most: &[Duration]) {
    assert_eq!((recorded_us.len(), most.len()), (least.len(), least.len()));
    for ((&us, least), most) in recorded_us.iter().zip(least).zip(most) {
        let fits = u128::from(us) >= least.as_micros() && u128::from(us) <= most.as_micros();
        assert!(fits, "{us} us is not between {least:?} and {most:?}");
    }
}

#[tokio::test]
async fn delays_lie_between_the_script_and_what_a_client_sees() {
    let script = "[models.m]\nlatency = { p50_ms = 8, p95_ms = 30 }";
    let scenes = Cast::from_toml(script).unwrap().scenes();
    let request = ChatRequest::from_prompt("m", "");
    let least: Vec<Duration> = (0..9).map(|_| scenes.of("m").next(&request, "m").latency).collect();
    let (played, mut most) = (play(script).await, Vec::new());
    for path in [CHAT, "/v1/messages", EMBED].repeat(3) {
        let mut body = chat("m", false);
        body["input"] = json!("hello");
        let response = played.post(path, &body).await;
        assert_eq!((response.status, response.head.contains("x-althing-simulated: true")), (200, true), "{path}");
        most.push(response.took);
    }
    let told = played.delays("").await;
    assert_eq!((&told["count"], &told["kept"], &told["streams"]["kept"]), (&json!(9), &json!(9), &json!(0)));
    let mut recorded = numbers(&told["delays_us"]);
    check_between(&recorded, &least, &most);
    recorded.sort_unstable();
    let ms = |at: usize| json!(recorded[at] as f64 / 1_000.0);
    assert_eq!((&told["p50_ms"], &told["p95_ms"], &told["p99_ms"]), (&ms(4), &ms(8), &ms(8)));
}

#[tokio::test]
async fn streams_tell_their_first_event_and_how_many_there_were() {
    let script = "[default]\nlatency = { ms = 10 }\ntoken_ms = 4\nanswers = ['one two three']";
    let played = play(script).await;
    let mut took = Vec::new();
    for path in [CHAT, "/v1/messages"] {
        let response = played.post(path, &chat("m", true)).await;
        assert!(response.body.contains("three"), "{}", response.body);
        took.push(response.took);
    }
    let told = played.delays("?ok=true").await;
    // The role, three words, the end, `[DONE]`; two openings, three words, three endings.
    assert_eq!((&told["count"], &told["streams"]["events"]), (&json!(2), &json!([6, 8])));
    let ms = Duration::from_millis;
    check_between(&numbers(&told["delays_us"]), &[ms(10 + 5 * 4), ms(10 + 7 * 4)], &took);
    let before_the_rest = [took[0] - ms(5 * 4), took[1] - ms(7 * 4)];
    check_between(&numbers(&told["streams"]["first_event_us"]), &[ms(10); 2], &before_the_rest);
    assert!(told["streams"]["p99_ms"].as_f64().unwrap() >= 10.0);
}

#[tokio::test]
async fn what_failed_is_recorded_and_can_be_left_out() {
    let script = "[models.failing]
        error_rate = 1.0
        error_status = 503
        latency = { ms = 5 }
        [models.limited]
        rate_limit_rate = 1.0
        retry_after_s = 2
        [models.garbled]
        garbage_rate = 1.0
        [models.cutting]
        cut_rate = 1.0
        [models.early]
        cut_rate = 1.0
        cut_after = 0";
    let played = play(script).await;
    for (model, status) in [("failing", 503), ("limited", 429), ("garbled", 200)] {
        let chat = played.post(CHAT, &chat(model, false)).await;
        let embedding = played.post(EMBED, &json!({ "model": model, "input": "a" })).await;
        assert_eq!((chat.status, embedding.status), (status, status), "{model}");
        assert_eq!(chat.body, embedding.body);
        assert_eq!(embedding.head.contains("retry-after: 2"), status == 429);
    }
    assert_eq!(played.post(CHAT, &json!({})).await.status, 400);
    for (model, events) in [("cutting", 2), ("early", 0)] {
        let cut = played.post(CHAT, &chat(model, true)).await;
        assert_eq!((cut.status, cut.body.matches("data: ").count()), (200, events), "{model}");
    }
    let (all, ok) = (played.delays("").await, played.delays("?ok=true").await);
    assert_eq!((&all["count"], &all["streams"]["events"]), (&json!(9), &json!([2])));
    assert!(numbers(&all["delays_us"])[..2].iter().all(|&us| us >= 5_000), "{all}");
    assert_eq!((&ok["count"], &ok["kept"], &ok["streams"]["kept"]), (&json!(2), &json!(2), &json!(0)));
    assert_eq!(played.delays("?ok=false").await["count"], 9);
    for query in ["?ok=maybe", "?okay=true"] {
        let told = played.ask(&format!("GET /_delays{query}"), "").await;
        assert_eq!((told.status, told.json()["error"].is_string()), (400, true), "{query}");
    }
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_a_new_script_forgets_nothing() {
    let played = play("").await;
    played.post(CHAT, &chat("m", false)).await;
    assert_eq!(played.post("/_script", &json!({})).await.status, 200);
    assert_eq!(played.delays("").await["count"], 1);
    assert_eq!(played.ask("DELETE /_delays", "").await.status, 204);
    let told = played.delays("").await;
    assert_eq!((&told["count"], &told["delays_us"], &told["p50_ms"]), (&json!(0), &json!([]), &Value::Null));
    played.post(CHAT, &chat("m", false)).await;
    assert_eq!(played.delays("").await["count"], 1);
}

#[tokio::test]
async fn what_never_ended_is_not_recorded() {
    let script = "[models.hanging]
        hang_rate = 1.0
        [models.slow]
        latency = { ms = 400 }
        [models.dripping]
        token_ms = 150
        answers = ['one two three']
        [models.brisk]";
    let played = play(script).await;
    let embedding = json!({ "model": "hanging", "input": "a" });
    let mut open = vec![played.send(&format!("POST {EMBED}"), &embedding.to_string()).await];
    for (model, stream) in [("hanging", false), ("hanging", true), ("slow", false), ("dripping", true)] {
        open.push(played.send(&format!("POST {CHAT}"), &chat(model, stream).to_string()).await);
    }
    // The last one's first event has come.
    open[4].read_u8().await.unwrap();
    open.drain(3..);
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(played.post(CHAT, &chat("brisk", false)).await.status, 200);
    let told = played.delays("").await;
    assert_eq!((&told["count"], &told["streams"]["kept"]), (&json!(1), &json!(0)), "{told}");
    assert_eq!(played.ask("GET /_script", "").await.json()["requests"], 6, "all of them had come");
}

#[tokio::test]
async fn the_latest_are_kept_and_told() {
    let played = play("").await;
    for _ in 0..crate::delays::DELAYS_KEPT_MAX + 5 {
        played.stage.take().streamed(Duration::from_micros(7), 3, true);
    }
    let told = played.delays("").await;
    assert_eq!((&told["count"], &told["kept"]), (&json!(200_005), &json!(200_000)));
    assert_eq!((&told["streams"]["kept"], &told["streams"]["p99_ms"]), (&json!(200_000), &json!(0.007)));
}

#[tokio::test]
async fn embeddings_have_the_shape_that_clients_expect() {
    let played = play("").await;
    let asked = json!({ "model": "m", "input": ["one two", "three", "one two"], "dimensions": 8 });
    let reply = played.post(EMBED, &asked).await.json();
    assert_eq!((&reply["object"], &reply["model"]), (&json!("list"), &json!("m")));
    assert_eq!(reply["usage"], json!({ "prompt_tokens": 5, "total_tokens": 5 }));
    let data = reply["data"].as_array().unwrap();
    for (at, entry) in data.iter().enumerate() {
        assert_eq!((&entry["object"], &entry["index"]), (&json!("embedding"), &json!(at)));
        let figures: Vec<f64> = serde_json::from_value(entry["embedding"].clone()).unwrap();
        let length: f64 = figures.iter().map(|figure| figure * figure).sum();
        assert!(figures.len() == 8 && (length - 1.0).abs() < 1e-6, "{figures:?}");
    }
    assert_eq!(data[0]["embedding"], data[2]["embedding"]);
    assert_ne!(data[0]["embedding"], data[1]["embedding"]);
    assert_eq!(played.post(EMBED, &asked).await.json(), reply);
    let bad = played.post(EMBED, &json!({ "model": "m", "input": [] })).await;
    let message = "`input` is empty";
    let class = "invalid_request_error";
    let expect = json!({ "error": { "message": message, "type": class, "param": null, "code": class } });
    assert_eq!((bad.status, bad.json()), (400, expect));
}
