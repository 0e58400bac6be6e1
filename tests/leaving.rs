//! A client that leaves: whoever works for it upstream learns of it at once.

use crate::support::{Open, Server, chat, provider, question, says};
use std::time::{Duration, Instant};
use testkit::{Reply, Upstream};

/// How long the news may take.
const SOON: Duration = Duration::from_millis(100);

/// Leaves and looks when the upstream's `count` calls are cancelled.
async fn leave(upstream: &Upstream, count: usize, client: impl Sized) {
    let left = Instant::now();
    drop(client);
    for cancelled in upstream.wait_cancelled(count, Duration::from_secs(5)).await {
        let late = cancelled.saturating_duration_since(left);
        assert!(late < SOON, "cancelled {late:?} after the client left");
    }
    upstream.wait_open_connections(0, Duration::from_secs(5)).await;
}

async fn hanging() -> (Upstream, Server) {
    let upstream = Upstream::start(|_| Reply::hang()).await;
    let panel = "[[panel]]\nname = \"quorum\"\nmembers = [\"kit/a\", \"kit/b\", \"kit/c\"]\n";
    let server = Server::start(&(provider("kit", &upstream.url(), &["a", "b", "c"]) + panel));
    (upstream, server)
}

/// Asks in the background for what never comes, until `count` calls have reached the upstream.
async fn ask(upstream: &Upstream, server: &Server, model: &str, stream: bool, count: usize) -> impl Sized + use<> {
    let (address, body) = (server.address(), question(model, stream));
    let client = tokio::spawn(async move { chat(address, &body).await.finish().await });
    upstream.wait_seen(count, Duration::from_secs(5)).await;
    Leaving(client.abort_handle())
}

/// A client that leaves when dropped.
struct Leaving(tokio::task::AbortHandle);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
async fn before_the_answer() {
    for stream in [false, true] {
        let (upstream, server) = hanging().await;
        let client = ask(&upstream, &server, "kit/a", stream, 1).await;
        leave(&upstream, 1, client).await;
    }
}

#[tokio::test]
async fn while_a_panel_decides() {
    for stream in [false, true] {
        let (upstream, server) = hanging().await;
        let client = ask(&upstream, &server, "quorum", stream, 3).await;
        // A streamed panel opens its reply after a moment: the client is gone in either state.
        tokio::time::sleep(Duration::from_millis(150)).await;
        leave(&upstream, 3, client).await;
    }
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    let upstream = Upstream::start(|_| Reply::stream(&[&says("one ")]).stall()).await;
    let server = Server::start(&provider("kit", &upstream.url(), &["m"]));
    let mut open: Open = chat(server.address(), &question("kit/m", true)).await;
    open.piece().await.unwrap();
    leave(&upstream, 1, open).await;
}
