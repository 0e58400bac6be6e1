//! Who asks, as whatever is served can read it.

use super::support::{Live, settings};
use crate::ClientAddr;
use axum::routing::get;
use axum::{Extension, Router};

fn mirror() -> Router {
    Router::new().route("/who", get(|Extension(ClientAddr(who)): Extension<ClientAddr>| async move { who.to_string() }))
}

async fn who(live: &Live, headers: &str) -> String {
    let request = format!("GET /nested/who HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    let reply = live.exchange(request.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    reply.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn every_request_over_a_socket_knows_who_asks() {
    let live = Live::of(&settings(""), vec![("/nested", mirror())]).await;
    let told = "x-forwarded-for: 203.0.113.66\r\nx-forwarded-for: 198.51.100.1\r\n";
    assert_eq!(who(&live, "").await, "127.0.0.1");
    assert_eq!(who(&live, told).await, "127.0.0.1");
    // Whom to believe can be changed while serving.
    live.app.reload(&settings("trusted_proxies = ['127.0.0.0/8']").server);
    assert_eq!(who(&live, told).await, "198.51.100.1");
    assert_eq!(who(&live, "forwarded: for=\"[2001:db8::1]:80\"\r\n").await, "2001:db8::1");
    assert_eq!(who(&live, "").await, "127.0.0.1");
    live.app.reload(&settings("trusted_proxies = ['::1', '10.0.0.0/8']").server);
    assert_eq!(who(&live, told).await, "127.0.0.1");
}

#[tokio::test]
async fn a_guarded_server_is_called_by_any_address() {
    let live = Live::start("").await;
    let status = |host: &str| {
        let request = format!("GET /livez HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let live = &live;
        async move { live.exchange(request.as_bytes()).await[9..12].to_owned() }
    };
    assert_eq!(status("192.168.1.5:8700").await, "403");
    live.app.set_guarded(true);
    assert_eq!(status("192.168.1.5:8700").await, "200");
    assert_eq!(status("evil.example").await, "403");
    live.app.reload(&settings("").server);
    assert_eq!(status("[2001:db8::5]").await, "200");
    live.app.set_guarded(false);
    assert_eq!(status("192.168.1.5:8700").await, "403");
}
