//! Whole runs against scripted upstreams on real sockets.

use super::*;
use crate::{Cache, Class, Reading};
use http::{HeaderValue, Method, header};
use serde_json::json;
use testkit::{Reply, Upstream};

fn prepared(reading: Reading) -> Prepared {
    let stream = reading == Reading::Stream;
    let body = json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": "hi" }] });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Prepared {
        row: 0,
        method: Method::POST,
        path: "/v1/chat/completions".to_owned(),
        headers: headers.into_iter().collect(),
        body: body.to_string().into(),
        reading,
    }
}

fn job(upstream: &str, reading: Reading, every_us: u64, count: u32) -> Job {
    let arrivals = (0..count).map(|at| Arrival { at_us: u64::from(at) * every_us, request: 0, think_us: 0 });
    Job {
        target: upstream.parse().unwrap(),
        headers: HeaderMap::new(),
        requests: Arc::new(vec![prepared(reading)]),
        arrivals: Arc::new(arrivals.collect()),
        mode: Mode::Open,
        users: 4,
        workers: 1,
        timeout: Duration::from_secs(2),
        waiting_max: 10_000,
        keep_answers: false,
    }
}

async fn sent(job: Job) -> Taken {
    let meter = Arc::new(Meter::new(job.workers).unwrap());
    run(job, meter, CancellationToken::new()).await.unwrap()
}

fn classes(taken: &Taken) -> Vec<Class> {
    taken.records.iter().map(|record| record.class).collect()
}

#[tokio::test]
async fn every_arrival_is_sent_once_and_every_user_has_a_turn() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let taken = sent(Job { workers: 2, users: 20, ..job(&upstream.url(), Reading::Chat, 1_000, 40) }).await;
    let mut arrivals: Vec<u32> = taken.records.iter().map(|record| record.arrival).collect();
    arrivals.sort_unstable();
    assert_eq!(arrivals, (0..40).collect::<Vec<_>>());
    assert!(taken.records.iter().all(Record::ok), "{:?}", classes(&taken));
    let mut users: Vec<u32> = taken.records.iter().map(|record| record.user).collect();
    users.sort_unstable();
    users.dedup();
    assert_eq!(users, (0..20).collect::<Vec<_>>());
    assert!(taken.tides.iter().all(|tide| tide.1 == 0), "nobody waits while users are free: {:?}", taken.tides);
    assert_eq!((upstream.seen().len(), upstream.accepted_connections(), taken.left), (40, 20, 0));
    assert_eq!((taken.response_us.len(), taken.cpu.len()), (40, 2));
    assert!(taken.records.iter().all(|record| record.tokens == 1), "tokens as the usage counts them");
}

#[tokio::test]
async fn waiting_for_a_user_counts_and_so_does_nothing_else() {
    let upstream = Upstream::start(|_| Reply::chat("hi").after(Duration::from_millis(100))).await;
    // Eight at once for two users: four rounds of 100 ms.
    let taken = sent(Job { users: 2, ..job(&upstream.url(), Reading::Chat, 0, 8) }).await;
    let mut response: Vec<u64> = taken.records.iter().map(|record| record.response_us() / 1_000).collect();
    response.sort_unstable();
    for (at, ms) in response.iter().enumerate() {
        let expect = 100 * (at as u64 / 2 + 1);
        assert!((expect..expect + 60).contains(ms), "{response:?}");
    }
    assert!(taken.records.iter().all(|record| record.service_us < 180_000), "service is without the waiting");
    assert_eq!(taken.tides.first().map(|tide| tide.0), Some(2));
    assert!(taken.tides[0].1 >= 6, "{:?}", taken.tides);
}

#[tokio::test]
async fn who_waits_longer_than_the_timeout_has_failed_without_being_sent() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let mut job = Job { users: 1, ..job(&upstream.url(), Reading::Chat, 0, 4) };
    job.timeout = Duration::from_millis(150);
    let taken = sent(job).await;
    assert_eq!(classes(&taken), [Class::Timeout; 4]);
    assert!(taken.wall < Duration::from_millis(900), "{:?}", taken.wall);
    assert!(upstream.seen().len() < 4, "some were never sent");
}

#[tokio::test]
async fn closed_users_send_one_after_the_other() {
    let upstream = Upstream::start(|_| Reply::chat("hi").after(Duration::from_millis(20))).await;
    let taken = sent(Job { users: 2, mode: Mode::Closed, ..job(&upstream.url(), Reading::Chat, 0, 10) }).await;
    assert!(taken.records.iter().all(|record| record.wait_us == 0 && record.lag_us == 0 && record.ok()));
    assert!(taken.records.iter().all(|record| record.response_us() < 90_000));
    assert!(taken.wall >= Duration::from_millis(100), "{:?}", taken.wall);
}

#[tokio::test]
async fn each_way_to_fail_has_its_class() {
    let stream = |events: &[&str]| Reply::stream(events);
    let error = r#"{"error":{"message":"no"}}"#;
    for (reading, reply, expect) in [
        (Reading::Chat, Reply::chat("a"), Class::Ok),
        (Reading::Chat, Reply::body(200, "application/json", "{}"), Class::BadAnswer),
        (Reading::Chat, Reply::body(200, "text/html", "<html>"), Class::BadAnswer),
        (Reading::Any, Reply::body(200, "text/html", "<html>"), Class::Ok),
        (Reading::Any, Reply::body(302, "text/html", ""), Class::Status4xx),
        (Reading::Chat, Reply::error(429, "rate_limit", "slow"), Class::RateLimited),
        (Reading::Chat, Reply::error(401, "auth", "who"), Class::Denied),
        (Reading::Chat, Reply::error(404, "not_found", "what"), Class::Status4xx),
        (Reading::Chat, Reply::error(503, "server", "busy"), Class::Status5xx),
        (Reading::Chat, Reply::bare().raw("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{").cut(), Class::Closed),
        (Reading::Chat, Reply::bare().raw("garbage\r\n\r\n").cut(), Class::BadAnswer),
        (Reading::Stream, Reply::chat_stream(&["a", "b"]), Class::Ok),
        (Reading::Stream, Reply::chat("a"), Class::BadAnswer),
        (Reading::Stream, stream(&["[DONE]"]), Class::BadAnswer),
        (Reading::Stream, Reply::chat_stream(&["a", "b"]).cut_after(2, 0), Class::Cut),
        (Reading::Stream, stream(&[error, "[DONE]"]), Class::Cut),
        (Reading::Stream, Reply::error(500, "server", "no"), Class::Status5xx),
        (Reading::Embeddings, Reply::json(200, &json!({ "data": [{ "embedding": [1.0] }] })), Class::Ok),
        (Reading::Embeddings, Reply::json(200, &json!({ "data": [] })), Class::BadAnswer),
    ] {
        let said = format!("{reading:?} {reply:?}");
        let upstream = Upstream::start(move |_| reply.clone()).await;
        let taken = sent(job(&upstream.url(), reading, 0, 1)).await;
        assert_eq!(classes(&taken), [expect], "{said}");
    }
}

#[tokio::test]
async fn a_target_that_is_not_there_is_an_error_and_one_that_goes_is_a_figure() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let absent = format!("http://{closed}");
    let error = reach(&absent.parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, TrafficError::Unreachable { .. }), "{error:?}");
    assert_eq!(classes(&sent(job(&absent, Reading::Chat, 0, 2)).await), [Class::Refused; 2]);
    for bad in ["ftp://h/", "/v1", "127.0.0.1:80"] {
        let error =
            run(job(bad, Reading::Chat, 0, 1), Arc::new(Meter::new(1).unwrap()), CancellationToken::new()).await;
        assert!(matches!(error.unwrap_err(), TrafficError::Address { .. }), "{bad}");
    }
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let job = job(&upstream.url(), Reading::Chat, 10_000, 60);
    let (taken, ()) = tokio::join!(sent(job), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        upstream.stop().await;
    });
    assert_eq!(taken.records.len(), 60);
    let bad = taken.records.iter().filter(|record| matches!(record.class, Class::Refused | Class::Closed)).count();
    assert!((10..=50).contains(&bad), "{bad}");
}

#[tokio::test]
async fn a_stream_tells_when_its_content_came() {
    let upstream = Upstream::start(|_| Reply::chat_stream(&["a", "b", "c"]).pause(Duration::from_millis(40))).await;
    let taken = sent(Job { keep_answers: true, ..job(&upstream.url(), Reading::Stream, 0, 1) }).await;
    let record = taken.records[0];
    assert_eq!((record.class, record.tokens), (Class::Ok, 3));
    let first = record.first_us.unwrap();
    assert!((35_000..80_000).contains(&first), "the role alone is no content: {first}");
    assert_eq!(taken.between_us.len(), 2);
    assert!(taken.between_us.min() > 30_000 && record.service_us > first + 70_000);
    assert_eq!(taken.answers, [(0, "abc".to_owned())]);
}

#[tokio::test]
async fn what_an_althing_server_says_is_noted() {
    let upstream = Upstream::start(|_| {
        Reply::chat("hi")
            .header("x-althing-cost-usd", "0.0125")
            .header("x-althing-cache", "hit-disk")
            .header("x-althing-degraded", "true")
            .header("x-althing-simulated", "true")
    })
    .await;
    let taken = sent(job(&upstream.url(), Reading::Chat, 0, 1)).await;
    let record = taken.records[0];
    assert_eq!((record.cost_nano_usd, record.cache, record.degraded), (Some(12_500_000), Cache::Disk, true));
    assert!(taken.simulated);
}

#[tokio::test]
async fn stopping_lets_go_of_what_is_outstanding() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let stop = CancellationToken::new();
    let meter = Arc::new(Meter::new(1).unwrap());
    let running =
        tokio::spawn(run(job(&upstream.url(), Reading::Chat, 100_000, 100), Arc::clone(&meter), stop.clone()));
    upstream.wait_seen(2, Duration::from_secs(5)).await;
    assert!(meter.live().in_flight >= 1);
    stop.cancel();
    let taken = running.await.unwrap().unwrap();
    assert_eq!((taken.records.len(), taken.left), (0, 100));
    assert_eq!(meter.live().in_flight, 0);
}

#[tokio::test]
async fn more_than_may_wait_is_dropped_and_said() {
    let upstream = Upstream::start(|_| Reply::chat("hi").after(Duration::from_millis(100))).await;
    let taken = sent(Job { users: 1, waiting_max: 2, ..job(&upstream.url(), Reading::Chat, 0, 10) }).await;
    let dropped = taken.records.iter().filter(|record| record.class == Class::Dropped).count();
    assert!((5..=8).contains(&dropped), "{dropped}");
    assert_eq!(taken.records.len(), 10);
}

#[tokio::test]
async fn every_user_has_an_mcp_session_of_its_own() {
    let upstream = Upstream::start(|seen| {
        let text = String::from_utf8_lossy(&seen.body).into_owned();
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        let result =
            json!({ "content": [{ "type": "text", "text": "4" }], "isError": said["params"]["name"] == "bad" });
        let answer = json!({ "jsonrpc": "2.0", "id": said["id"], "result": result });
        match said["method"].as_str().unwrap() {
            "initialize" => {
                Reply::json(200, &json!({ "jsonrpc": "2.0", "id": 0, "result": {} })).header("mcp-session-id", "s1")
            }
            "notifications/initialized" => Reply::body(202, "text/plain", ""),
            _ if seen.header("mcp-session-id") != Some("s1") => Reply::error(400, "session", "none"),
            _ if said["params"]["name"] == "streamed" => {
                Reply::stream(&[r#"{"jsonrpc":"2.0","method":"x"}"#, &answer.to_string()])
            }
            _ => Reply::json(200, &answer),
        }
    })
    .await;
    for (tool, expect) in [("add", Class::Ok), ("streamed", Class::Ok), ("bad", Class::ToolError)] {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool } });
        let mut request = prepared(Reading::Mcp);
        (request.path, request.body) = ("/mcp".to_owned(), call.to_string().into());
        let mut job = Job { users: 2, keep_answers: true, ..job(&upstream.url(), Reading::Mcp, 1_000, 4) };
        job.requests = Arc::new(vec![request]);
        let taken = sent(job).await;
        assert_eq!(classes(&taken), [expect; 4], "{tool}");
        assert_eq!(taken.answers.len(), 4);
        assert_eq!(taken.answers[0].1, "4");
    }
}
