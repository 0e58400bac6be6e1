//! The kind `openai` against upstreams that do what they like.

use crate::fixture::{LONG, ask, at, drain, free, ms, no_prices, open, outcomes, registry, request, settings};
use crate::{Answer, ModelError, Opening};
use fault::Explain;
use measure::Metrics;
use net::NetError;
use std::io::Write;
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream, in_turn};

mod sent;

const KEY: &str = "sk-SECRET-0123456789";

fn key_file(key: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{key}").unwrap();
    file
}

/// What an endpoint in front of this reply makes of it.
async fn fault(reply: Reply) -> ModelError {
    let upstream = Upstream::start(move |_| reply.clone()).await;
    ask(&at(&upstream, "", "")).await.unwrap_err()
}

#[tokio::test]
async fn changes_the_model_and_nothing_else() {
    let body = r#"{"x_new": {"b":1.50,"a":[1, 2]},"model" : "p/m","seed":12345678901234567890,"messages":[{"role":"user","content":"h\u00e9","x":null}]}  "#;
    let answer = r#"{ "novel":1.10, "choices":[{"message":{"role":"assistant","content":"ok","y":{}},"z":0}], "model":"m-0613" }"#;
    let upstream = Upstream::start(move |_| Reply::body(200, "application/json; charset=utf-8", answer)).await;
    let file = key_file(KEY);
    let provider = format!(
        "api_key = 'file:{}'\nheaders = {{ x-team = 'blue' }}\nmodels = [{{ name = 'm', upstream_name = 'org/\"m\"' }}]",
        file.path().display()
    );
    let endpoint = at(&upstream, &provider, "");
    let given =
        endpoint.ask(&request(body), crate::fixture::one("req-1"), &free(), LONG, Opening::FirstEvent).await.unwrap();
    let Answer::Whole { reply, cost, .. } = given else { panic!("a stream") };
    assert_eq!(reply.bytes().as_ref(), answer.as_bytes());
    assert_eq!(cost, None);
    let seen = &upstream.seen()[0];
    assert_eq!(seen.body.as_ref(), body.replace("\"p/m\"", r#""org/\"m\"""#).as_bytes());
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/chat/completions"));
    for (name, value) in [
        ("authorization", format!("Bearer {KEY}").as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("x-request-id", "req-1"),
        ("x-team", "blue"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_status_means_what_it_means_everywhere() {
    let none: Option<String> = None;
    let refused = |status| ModelError::Refused { status, code: Some("server_error".to_owned()) };
    let failed = |status| ModelError::Failed { status, code: Some("server_error".to_owned()), retry_after: None };
    let table = [
        (400, refused(400)),
        (401, ModelError::Unauthorised { status: 401 }),
        (402, ModelError::OutOfCredit { status: 402 }),
        (403, ModelError::Unauthorised { status: 403 }),
        (404, refused(404)),
        (408, failed(408)),
        (409, failed(409)),
        (413, refused(413)),
        (422, refused(422)),
        (429, ModelError::RateLimited { retry_after: None }),
        (500, failed(500)),
        (502, failed(502)),
        (503, failed(503)),
        (529, failed(529)),
    ];
    for (status, expect) in table {
        assert_eq!(fault(Reply::error(status, "server_error", "SECRET")).await, expect);
    }
    assert_eq!(
        fault(Reply::body(302, "text/html", "")).await,
        ModelError::Failed { status: 302, code: none, retry_after: None }
    );
}

#[tokio::test]
async fn a_429_says_how_long_or_that_it_is_about_money() {
    let limited = |reply: Reply| fault(reply.header("retry-after", "1.5"));
    let error = limited(Reply::error(429, "rate_limit_error", "")).await;
    assert_eq!(error, ModelError::RateLimited { retry_after: Some(ms(1_500)) });
    assert_eq!(error.to_string(), "the provider is rate limiting us (429, retry after 1.5 s)");
    let broke = limited(Reply::error(429, "insufficient_quota", "")).await;
    assert_eq!(broke, ModelError::OutOfCredit { status: 429 });
    let nonsense = fault(Reply::error(429, "x", "").header("retry-after", "soon")).await;
    assert_eq!(nonsense, ModelError::RateLimited { retry_after: None });
    let failed = limited(Reply::body(503, "text/html", "<html>")).await;
    assert_eq!(failed, ModelError::Failed { status: 503, code: None, retry_after: Some(ms(1_500)) });
}

#[tokio::test]
async fn an_error_whose_body_never_ends_is_still_that_error() {
    let before = Instant::now();
    let stalled = fault(Reply::stream(&[]).status(429).header("retry-after", "2").stall()).await;
    assert_eq!(stalled, ModelError::RateLimited { retry_after: Some(ms(2_000)) });
    assert!(before.elapsed() < ms(3_000), "{:?}", before.elapsed());
    let huge = fault(Reply::body(500, "text/plain", "x".repeat(200_000))).await;
    assert_eq!(huge, ModelError::Failed { status: 500, code: None, retry_after: None });
}

#[tokio::test]
async fn what_is_no_reply_is_refused_without_being_quoted() {
    for body in [
        "SECRET",
        "",
        "<html>SECRET</html>",
        r#"{"choices":"SECRET"}"#,
        r#"{"choices":[{"message":"SECRET"}]}"#,
        r#"{"SECRET":1}"#,
        r#"{"choices":[]}"#,
        r#"{"choices":[{"message":{"content":"SECRET"}}]"#,
    ] {
        let error = fault(Reply::body(200, "application/json", body)).await;
        assert!(matches!(error, ModelError::NotAReply { .. }), "{body}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
    }
}

#[tokio::test]
async fn a_stream_must_be_an_event_stream() {
    let opened = async |content_type: &'static str| {
        let events = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n";
        let upstream = Upstream::start(move |_| Reply::body(200, content_type, events)).await;
        open(&at(&upstream, "", ""), Opening::FirstToken).await.map(|_| ())
    };
    for fine in ["text/event-stream", "Text/Event-Stream; charset=utf-8", "text/event-stream;charset=utf-8"] {
        assert_eq!(opened(fine).await, Ok(()), "{fine}");
    }
    let error = opened("application/json; charset=utf-8").await.unwrap_err();
    let expect = "the provider's answer is not a chat reply: its content type is not that of an event stream";
    assert_eq!(error.to_string(), expect);
    assert!(opened("text/event-streams").await.is_err());
    assert!(opened("").await.is_err());
}

#[tokio::test]
async fn replies_and_events_have_a_limit() {
    let upstream = Upstream::start(|_| Reply::chat(&"x".repeat(5_000))).await;
    let error = ask(&at(&upstream, "reply_bytes_max = 4096", "")).await.unwrap_err();
    assert_eq!(error, ModelError::Net(NetError::TooLarge { most: 4096 }));

    let long = |_: &_| Reply::stream(&["{}"]).chunk(format!("data: {}", "x".repeat(3_000))).pause(ms(20)).stall();
    let upstream = Upstream::start(long).await;
    let mut stream = open(&at(&upstream, "event_bytes_max = 2048", ""), Opening::FirstEvent).await.unwrap();
    let (text, error) = drain(&mut stream).await;
    assert_eq!(text, "data: {}\n\n");
    assert_eq!(error, Some(ModelError::EventTooLong { most: 2_048 }));
}

#[tokio::test]
async fn connections_fail_in_their_own_words() {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let endpoint = at(&upstream, "", "");
    upstream.stop().await;
    let refused = ask(&endpoint).await.unwrap_err();
    assert!(matches!(refused, ModelError::Net(NetError::Connect { .. })), "{refused:?}");
    assert_eq!(fault(Reply::bare()).await, ModelError::Net(NetError::Closed));
    assert_eq!(fault(Reply::bare().reset()).await, ModelError::Net(NetError::Closed));
    assert_eq!(fault(Reply::bare().raw("SSH-2.0-x\r\n\r\n")).await, ModelError::Net(NetError::Protocol));
    assert_eq!(fault(Reply::chat("hello").cut_after(0, 20)).await, ModelError::Net(NetError::Closed));
    let reset = Reply::body(200, "application/json", "{\"choices\"").header("content-length", "900");
    assert_eq!(fault(reset.wait(ms(30)).reset()).await, ModelError::Net(NetError::Closed));
}

#[tokio::test]
async fn no_error_tells_the_key() {
    let file = key_file(KEY);
    let provider = format!("api_key = 'file:{}'", file.path().display());
    let echo = format!(r#"{{"error":{{"code":"{KEY}","type":"{KEY}","message":"bad key {KEY}"}}}}"#);
    for status in [200, 400, 401, 402, 403, 404, 408, 429, 500, 503] {
        let echo = echo.clone();
        let upstream = Upstream::start(move |_| Reply::body(status, "application/json", echo.clone())).await;
        let error = ask(&at(&upstream, &provider, "")).await.unwrap_err();
        let told = format!("{error} {error:?} {:?} {:#?}", error.hint(), error);
        assert!(!told.contains("SECRET"), "{told}");
    }
}

#[test]
fn a_key_that_cannot_be_read_or_sent_is_not_repeated() {
    let built = |reference: &str| {
        let text = format!("[[provider]]\nname = 'acme'\nkind = 'groq'\napi_key = '{reference}'");
        let built =
            crate::fixture::build(&settings(&text), crate::fixture::KINDS, &Metrics::new("test"), &no_prices(), None);
        built.map(|_| ()).map_err(|error| format!("{error} | {error:?} | {:?}", error.hint()))
    };
    let missing = built("env:ALTHING_TEST_NO_SUCH_KEY").unwrap_err();
    assert!(missing.starts_with("the key of provider `acme` cannot be read: "), "{missing}");
    assert!(missing.contains("ALTHING_TEST_NO_SUCH_KEY"), "{missing}");
    assert!(built("file:/nowhere/key").unwrap_err().contains("`acme`"));
    let empty = key_file("");
    assert!(built(&format!("file:{}", empty.path().display())).unwrap_err().contains("empty"));
    let torn = key_file("sk-SECRET\nsecond line");
    let unsendable = built(&format!("file:{}", torn.path().display())).unwrap_err();
    assert!(unsendable.starts_with("header `authorization` of provider `acme` cannot be sent"), "{unsendable}");
    assert!(!unsendable.contains("SECRET"));
    let fine = key_file(KEY);
    assert_eq!(built(&format!("file:{}", fine.path().display())), Ok(()));
}

#[test]
fn an_address_is_needed_and_must_be_one() {
    let built = |more: &str| {
        let text = format!("[[provider]]\nname = 'acme'\nkind = 'openai'\n{more}");
        crate::fixture::build(&settings(&text), crate::fixture::KINDS, &Metrics::new("test"), &no_prices(), None)
            .map(|_| ())
    };
    assert!(built("").is_ok());
    for bad in ["", "/v1", "not an address", "http://"] {
        let error = built(&format!("base_url = '{bad}'")).unwrap_err();
        assert_eq!(error.to_string(), format!("`{bad}` of provider `acme` is not an address"));
    }
    let registry = registry("[[provider]]\nname = 'a'\nbase_url = 'http://h/v1///'");
    assert_eq!(registry.endpoints().len(), 0, "another address has other models than the preset's");
    let error = built("headers = { 'x y' = '1' }").unwrap_err();
    assert_eq!(error.to_string(), "header `x y` of provider `acme` cannot be sent");
}

/// Streams of every style, each ending as it should.
const STYLES: [&str; 4] = [
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n",
    ": hi\r\n\r\nevent: x\r\nid: 7\r\ndata: {\"choices\":[{\"delta\":\r\ndata: {\"content\":\"\u{e9}\u{1f600}\"}}]}\r\n\r\ndata: [DONE]\r\n\r\n",
    "\n\n: only a comment\n\ndata:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\nretry: 5\n\ndata:[DONE]\n\n: bye\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"novel\": 1.50 }\r\rdata: not json\n\ndata: [DONE]\r\r",
];

#[tokio::test]
async fn a_stream_that_begins_with_something_else_is_no_answer() {
    let upstream = Upstream::start(|_| Reply::stream(&["{nonsense", "[DONE]"])).await;
    let endpoint = at(&upstream, "", "");
    for opening in [Opening::FirstEvent, Opening::FirstToken] {
        let opened = open(&endpoint, opening).await;
        assert!(matches!(opened, Err(ModelError::NotAReply { .. })));
    }
}

#[tokio::test]
async fn streams_pass_byte_for_byte_however_they_are_cut() {
    let mut rng = fastrand::Rng::with_seed(11);
    for (style, opening) in STYLES.iter().flat_map(|style| [(style, Opening::FirstEvent), (style, Opening::FirstToken)])
    {
        for most in [1, 3, 17, 400] {
            let mut reply = Reply::stream(&[]);
            let mut rest = style.as_bytes();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(rng.usize(1..=most).min(rest.len()));
                reply = reply.chunk(chunk.to_vec());
                rest = after;
            }
            let upstream = Upstream::start(move |_| reply.clone()).await;
            let endpoint = at(&upstream, "", "");
            let (text, error) = drain(&mut open(&endpoint, opening).await.unwrap()).await;
            assert_eq!((text.as_str(), error), (*style, None), "chunks of up to {most}");
            assert_eq!(outcomes(&endpoint), [1, 0, 0, 0, 0]);
        }
    }
}

#[tokio::test]
async fn a_last_event_without_its_blank_line_is_completed_and_a_torn_one_dropped() {
    let head = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}";
    let table = [
        ("data: [DONE]".to_owned(), "data: [DONE]\n\n", None),
        ("data: [DONE]\n".to_owned(), "data: [DONE]\n\n", None),
        ("data: [DONE]\r\n".to_owned(), "data: [DONE]\r\n\n", None),
        (stop.to_owned(), &format!("{stop}\n\n"), None),
        (stop[..40].to_owned(), "", Some(ModelError::Cut)),
        (": comment".to_owned(), "", Some(ModelError::Cut)),
        ("data: [DON".to_owned(), "", Some(ModelError::Cut)),
    ];
    for (tail, expect, error) in table {
        let body = format!("{head}{tail}");
        let upstream = Upstream::start(move |_| Reply::stream(&[]).chunk(body.clone())).await;
        let (text, ended) = drain(&mut open(&at(&upstream, "", ""), Opening::FirstEvent).await.unwrap()).await;
        assert_eq!((text, ended), (format!("{head}{expect}"), error), "{tail}");
    }
}

#[tokio::test]
async fn connections_are_kept_for_the_next_call() {
    let replies = vec![Reply::chat("a"), Reply::chat_stream(&["b"]), Reply::error(400, "x", ""), Reply::chat("c")];
    let upstream = Upstream::start(in_turn(replies)).await;
    let endpoint = at(&upstream, "", "");
    assert_eq!(ask(&endpoint).await.unwrap().answer(), "a");
    let (text, error) = drain(&mut open(&endpoint, Opening::FirstToken).await.unwrap()).await;
    assert!(text.ends_with("data: [DONE]\n\n") && error.is_none());
    assert!(ask(&endpoint).await.is_err());
    assert_eq!(ask(&endpoint).await.unwrap().answer(), "c");
    assert_eq!(upstream.accepted_connections(), 1);
    assert_eq!(upstream.cancelled().len(), 0);
}

#[tokio::test]
async fn an_upstream_that_closes_late_keeps_its_connection_and_one_that_never_does_harms_nobody() {
    let late = Reply::chat_stream(&["b"]).wait(ms(30));
    let never = Reply::chat_stream(&["b"]).stall();
    let upstream = Upstream::start(in_turn(vec![late, never, Reply::chat("c")])).await;
    let endpoint = at(&upstream, "", "");
    for _ in 0..2 {
        let mut stream = open(&endpoint, Opening::FirstToken).await.unwrap();
        let before = Instant::now();
        assert_eq!(drain(&mut stream).await.1, None);
        assert!(before.elapsed() < Duration::from_secs(1));
    }
    assert_eq!(upstream.accepted_connections(), 1);
    upstream.wait_cancelled(1, ms(200)).await;
    assert_eq!(ask(&endpoint).await.unwrap().answer(), "c");
    assert_eq!(outcomes(&endpoint), [3, 0, 0, 0, 0]);
}
