//! What clients and providers entrust to us is neither logged nor repeated, however loud the log.

use super::support::{CHAT, Live};
use testkit::listen;
use testkit::{Reply, Upstream};

async fn ask(live: &Live, body: &str) -> String {
    let request = format!(
        "POST {CHAT}?key=SECRET-query HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         authorization: Bearer SECRET-bearer\r\nx-api-key: SECRET-key\r\ncookie: SECRET-cookie\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    live.exchange(request.as_bytes()).await
}

#[tokio::test]
async fn no_secret_is_logged_or_repeated() {
    let (log, _heard) = listen();
    let upstream = Upstream::start(|seen| {
        if seen.json()["stream"] == true {
            return Reply::chat_stream(&["SECRET-answer"]).cut_after(1, 3);
        }
        Reply::error(401, "invalid_api_key", "SECRET-key is wrong, and so is SECRET-provider")
    })
    .await;
    let settings = format!(
        "[[provider]]\nname = 'kit'\nbase_url = '{}'\nmodels = ['m']\nheaders = {{ x-key = 'SECRET-provider' }}",
        upstream.url()
    );
    let live = Live::of(&toml::from_str(&settings).unwrap(), Vec::new()).await;
    let message = r#"[{"role":"user","content":"SECRET-prompt"}]"#;
    for (body, code) in [
        (r#"{"model":"kit/m","messages":[{"role":"user","content":"SECRET-prompt"}]}"#.to_owned(), "no_model_answered"),
        (format!(r#"{{"model":"kit/m","stream":true,"messages":{message}}}"#), "\"error\""),
        (r#"{"model":"kit/m","SECRET-member":}"#.to_owned(), "invalid_json"),
        (r#"{"model":["SECRET-value"],"messages":[]}"#.to_owned(), "invalid_type"),
    ] {
        let reply = ask(&live, &body).await.replace("SECRET-answer", "");
        assert!(reply.contains(code), "{reply}");
        assert!(!reply.contains("SECRET"), "{reply}");
    }
    live.quiet().await;
    assert_eq!(upstream.seen()[0].header("x-key"), Some("SECRET-provider"));
    for header in ["authorization", "x-api-key", "cookie"] {
        assert_eq!(upstream.seen()[0].header(header), None, "what is for us is not for others");
    }
    let log = log.text();
    assert!(log.contains("a stream broke off"), "the log is heard: {log}");
    assert!(!log.contains("SECRET"), "{log}");
}
