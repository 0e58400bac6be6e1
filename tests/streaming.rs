//! Answers on their way through: byte for byte, at once, and with a clear end.

use crate::support::{Response, Server, chat, get, post, provider, question, says, until};
use serde_json::Value;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};
use tokio::task::JoinSet;

/// Two names for one upstream: a model, and a route that has somewhere else to go and so holds preambles back.
const NAMES: [&str; 2] = ["kit/m", "careful"];

fn config(upstream: &Upstream) -> String {
    let route = "[[route]]\nname = \"careful\"\nrules = [{ models = [\"kit/m\", \"kit/n\"] }]\n";
    provider("kit", &upstream.url(), &["m", "n"]) + route
}

/// Everything that the standard allows and nobody expects: a byte order mark, comments, each kind of line end, data
/// over several lines, fields without a space or a colon, fields nobody knows, numbers nobody can hold.
const ODD: &str = concat!(
    "\u{feff}: hello\r\n\r\n",
    "id: 7\r\nretry: 1000\r\nsome-day: maybe\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\r\n\r\n",
    "data:{\"choices\":[{\"index\":0,\r\ndata: \"delta\":{\"content\":\"in two\\nlines\"}}]}\n\n",
    ":\n\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"café 🦀\"}}],\"huge\":1e400,\"twice\":1,\"twice\":2}\r\r",
    "event: ping\n\ndata\n\n",
    "event: message\ndata:   {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}  \n\n",
    "data: [DONE]\n\n",
);

#[tokio::test]
async fn a_stream_passes_byte_for_byte_however_it_is_cut_into_chunks() {
    for size in [1, 2, 3, 7, 61, ODD.len()] {
        let chunks = move || ODD.as_bytes().chunks(size).map(<[u8]>::to_vec);
        let upstream = Upstream::start(move |_| chunks().fold(Reply::stream(&[]), Reply::chunk)).await;
        let server = Server::start(&config(&upstream));
        for name in NAMES {
            let reply = chat(server.address(), &question(name, true)).await.finish().await;
            // The byte order mark alone is dropped: it would hide the first field behind a comment of ours.
            assert_eq!(reply.text(), ODD.trim_start_matches('\u{feff}'), "{name} in chunks of {size}");
            assert!(reply.is_done());
            assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
        }
    }
}

#[tokio::test]
async fn a_whole_exchange_differs_only_in_the_model_and_in_our_report() {
    let asked = "{ \"model\" : \"kit/m\",\n\"messages\":[{\"role\":\"user\",\"content\":\"caf\\u00e9 \\ud83e\\udd80\",\
                 \"name\":null,\"note\":[1,2.50,1e3]}], \"temperature\": 0.70,\n\t\"metadata\":{\"z\":1,\"a\":{\"b\":[]}},\
                 \"tomorrow\": 12345678901234567890123, \"stream\" : false }\n";
    let answered = "{\"id\":\"x\" , \"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"\\u0034\\u0032\",\
                    \"tone\":{\"calm\":0.50}},\"index\":0,\"finish_reason\":\"stop\"}],\n \"big\":1e400,\"citations\":[ ]";
    let upstream = Upstream::start(move |_| Reply::body(200, "application/json", format!("{answered} }}\n"))).await;
    let server = Server::start(&config(&upstream));
    let reply = post(server.address(), "/v1/chat/completions", asked.as_bytes()).await.finish().await;
    let seen = upstream.seen().remove(0);
    assert_eq!(std::str::from_utf8(&seen.body).unwrap(), asked.replace("\"kit/m\"", "\"m\""));
    let report = reply.text().strip_prefix(&format!("{answered} ,\"althing\":")).expect("the answer as it came");
    let report: Value = serde_json::from_str(report.strip_suffix("}\n").unwrap()).unwrap();
    assert_eq!(report["served_by"], "kit/m");
    assert_eq!(report["request_id"], reply.header("x-althing-request-id").unwrap());
}

#[tokio::test]
async fn a_streamed_request_reaches_the_upstream_as_it_was_sent() {
    let upstream = Upstream::start(|_| Reply::chat_stream(&["hi"])).await;
    let server = Server::start(&config(&upstream));
    let asked = "{\"stream\":true ,\"new\":[{ }],\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"hi\",\"x\":1}],\
                 \"role\":\"user\"}],\"stream_options\":{\"include_usage\":true,\"more\":0.10},\"model\":\"careful\"}";
    let reply = post(server.address(), "/v1/chat/completions", asked.as_bytes()).await.finish().await;
    assert_eq!(reply.content(), "hi");
    assert_eq!(upstream.seen()[0].body, asked.replace("\"careful\"", "\"m\""));
}

#[tokio::test]
async fn no_event_is_held_back() {
    let pause = Duration::from_millis(400);
    let reply = move || Reply::stream(&[&says("first")]).wait(pause).event(&says("second"));
    let upstream = Upstream::start(move |_| reply().event("[DONE]")).await;
    let server = Server::start(&config(&upstream));
    for (at, name) in NAMES.into_iter().enumerate() {
        let mut open = chat(server.address(), &question(name, true)).await;
        let (first, _) = open.piece().await.unwrap();
        let (second, piece) = open.piece().await.unwrap();
        let sent = upstream.seen()[at].at;
        for (came, sent) in [(first, sent), (second, sent + pause)] {
            let late = came.saturating_duration_since(sent);
            assert!(late < Duration::from_millis(100), "{name}: {late:?} behind the upstream");
        }
        assert!(second - first > pause / 2, "both events came together");
        // The end follows at once, so that it may have come along.
        let rest = open.finish().await;
        let text = String::from_utf8_lossy(&piece).into_owned() + rest.text();
        assert!(rest.whole && text.ends_with("data: [DONE]\n\n"), "{text}");
    }
}

#[tokio::test]
async fn a_role_is_passed_on_at_once_where_nobody_could_take_over() {
    let role = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
    let upstream = Upstream::start(move |_| Reply::stream(&[role]).stall()).await;
    let server = Server::start(&config(&upstream));
    let mut open = chat(server.address(), &question("kit/m", true)).await;
    let (came, first) = open.piece().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&first), format!("data: {role}\n\n"));
    assert!(came.saturating_duration_since(upstream.seen()[0].at) < Duration::from_millis(100));
}

#[tokio::test]
async fn figures_count_a_stream_to_its_end() {
    let reply = || Reply::stream(&[&says("first")]).wait(Duration::from_millis(300)).event(&says("second"));
    let upstream = Upstream::start(move |_| reply().event("[DONE]")).await;
    let server = Server::start(&config(&upstream));
    assert!(chat(server.address(), &question("kit/m", true)).await.finish().await.is_done());
    let sum = "althing_request_duration_seconds_sum{door=\"http\",route=\"/v1/chat/completions\"} ";
    let counted = async || {
        let metrics = get(server.address(), "/metrics").await;
        let line = metrics.text().lines().find_map(|line| line.strip_prefix(sum)?.parse::<f64>().ok());
        line.filter(|seconds| *seconds > 0.0)
    };
    let seconds = until("the request in the figures", counted).await;
    assert!((0.3..3.0).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_hundred_streams_at_once_get_their_own_words() {
    let upstream = Upstream::start(|seen| {
        let word = seen.json()["messages"][0]["content"].as_str().unwrap().to_owned();
        let deltas: Vec<String> = (0..10).map(|at| format!("{word}.{at} ")).collect();
        Reply::chat_stream(&deltas.iter().map(String::as_str).collect::<Vec<_>>()).pause(Duration::from_millis(5))
    })
    .await;
    let server = Server::start(&config(&upstream));
    let address = server.address();
    let mut streams = JoinSet::new();
    for number in 0..100 {
        streams.spawn(async move {
            let mut body = question("kit/m", true);
            body["messages"][0]["content"] = format!("w{number}").into();
            (number, chat(address, &body).await.finish().await)
        });
    }
    for (number, reply) in streams.join_all().await {
        let expect: String = (0..10).map(|at| format!("w{number}.{at} ")).collect();
        assert_eq!(reply.content(), expect);
        assert!(reply.is_done());
    }
}

/// The words, then one error event as the last thing in a stream that ends in order.
fn breaks_off_clearly(reply: &Response, words: &str) {
    assert_eq!(reply.status, 200);
    assert!(reply.whole, "the end of the body is missing");
    assert_eq!(reply.content(), words);
    let events = reply.events();
    let errors: Vec<&Value> = events.iter().filter(|event| event.get("error").is_some()).collect();
    assert_eq!(errors.len(), 1, "{}", reply.text());
    assert_eq!(events.last(), Some(errors[0]));
    let error = &errors[0]["error"];
    assert_eq!(error["request_id"], reply.header("x-althing-request-id").unwrap());
    assert!(error["code"].as_str().unwrap().starts_with("upstream_"), "{error}");
    assert!(!error["message"].as_str().unwrap().is_empty());
    assert!(!reply.text().contains("[DONE]"));
}

/// How a stream goes wrong once it has spoken.
type Break = fn(Reply) -> Reply;

const BREAKS: [(&str, Break); 5] = [
    ("between two events", Reply::cut),
    ("within an event", |reply| reply.chunk("data: {\"choices\":[{\"index\":0,\"del").cut()),
    ("within a chunk", |reply| reply.raw("ff\r\ndata: {").cut()),
    ("with something that is no chunk", |reply| reply.raw("no chunk\r\n").cut()),
    ("with a reset", |reply| reply.wait(Duration::from_millis(50)).reset()),
];

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_one_error_event() {
    for (how, break_off) in BREAKS {
        let upstream = Upstream::start(move |_| break_off(Reply::stream(&[&says("one "), &says("two ")]))).await;
        let server = Server::start(&config(&upstream));
        for name in NAMES {
            println!("{name} breaks off {how}");
            let reply = chat(server.address(), &question(name, true)).await.finish().await;
            breaks_off_clearly(&reply, "one two ");
        }
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_ended_for_the_reader() {
    let upstream = Upstream::start(|_| Reply::stream(&[&says("one ")]).stall()).await;
    let server = Server::start(&format!("[server]\nstream_idle_ms = 200\n{}", config(&upstream)));
    let started = Instant::now();
    let reply = chat(server.address(), &question("kit/m", true)).await.finish().await;
    breaks_off_clearly(&reply, "one ");
    assert!(started.elapsed() < Duration::from_secs(2));
    upstream.wait_cancelled(1, Duration::from_secs(2)).await;
}
