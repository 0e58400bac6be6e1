//! The listening side: accepts, reads requests, plays replies, and writes down what happened. Refuses to know what
//! any request means: that is the script's business.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::reply::{Action, End, Reply};
use crate::request::{Ahead, Seen};

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// An HTTP/1.1 server on a loopback port that answers as its script says. Dropping it closes every connection.
///
/// Waits run on tokio's clock, moments are real ones: do not use it under a paused clock.
pub struct Upstream {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    script: Box<Script>,
    log: Mutex<Log>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    cancelled: Vec<Instant>,
    accepted: usize,
    open: usize,
}

impl Upstream {
    /// Starts on a free port of 127.0.0.1. `script` is called once for each request, in order of arrival.
    ///
    /// # Panics
    /// When no port can be bound.
    pub async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), script).await
    }

    /// Starts on a given address, for example where another upstream has just been stopped.
    ///
    /// # Panics
    /// When the address cannot be bound.
    pub async fn start_at(addr: SocketAddr, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap_or_else(|error| panic!("cannot bind `{addr}`: {error}"));
        let addr = listener.local_addr().expect("a bound listener has an address");
        let log = Mutex::new(Log::default());
        let shared = Arc::new(Shared { script: Box::new(script), log, changed: watch::Sender::new(()) });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { addr, shared, accepting }
    }

    /// The base address an OpenAI client is given: `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The socket address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every request so far, in order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.log().seen.clone()
    }

    /// When clients left before their reply was finished, in order; also noticed while a reply waits or hangs.
    pub fn cancelled(&self) -> Vec<Instant> {
        self.shared.log().cancelled.clone()
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.shared.log().open
    }

    /// Connections accepted so far.
    pub fn accepted_connections(&self) -> usize {
        self.shared.log().accepted
    }

    /// Waits for `n` requests and gives all that were seen.
    ///
    /// # Panics
    /// When fewer have come within `timeout`.
    pub async fn wait_seen(&self, n: usize, timeout: Duration) -> Vec<Seen> {
        self.wait(&format!("{n} requests"), timeout, |log| log.seen.len() >= n).await;
        self.seen()
    }

    /// Waits for `n` cancellations and gives the moments of all.
    ///
    /// # Panics
    /// When fewer have come within `timeout`.
    pub async fn wait_cancelled(&self, n: usize, timeout: Duration) -> Vec<Instant> {
        self.wait(&format!("{n} cancellations"), timeout, |log| log.cancelled.len() >= n).await;
        self.cancelled()
    }

    /// Waits until exactly `n` connections are open.
    ///
    /// # Panics
    /// When that has not happened within `timeout`.
    pub async fn wait_open_connections(&self, n: usize, timeout: Duration) {
        self.wait(&format!("{n} open connections"), timeout, |log| log.open == n).await;
    }

    /// Stops listening and closes every connection; once it returns, new connections are refused.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // The only error here is the cancellation just asked for.
        let _ = (&mut self.accepting).await;
    }

    async fn wait(&self, what: &str, timeout: Duration, reached: impl Fn(&Log) -> bool) {
        let mut changes = self.shared.changed.subscribe();
        let met = async {
            while !reached(&self.shared.log()) {
                changes.changed().await.expect("the sender lives in self");
            }
        };
        if tokio::time::timeout(timeout, met).await.is_err() {
            let log = self.shared.log();
            let (seen, cancelled, open) = (log.seen.len(), log.cancelled.len(), log.open);
            panic!("no {what} within {timeout:?}: {seen} requests, {cancelled} cancelled, {open} open");
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no holder of the log panics")
    }

    fn record(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log());
        self.changed.send_replace(());
    }
}

/// Counts a connection for as long as it lives, also when its task is aborted.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.record(|log| {
            log.accepted += 1;
            log.open += 1;
        });
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.record(|log| log.open -= 1);
    }
}

/// Owns the connections through its `JoinSet`: aborting this task ends them all.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let open = Open::new(Arc::clone(&shared));
                connections.spawn(async move { serve(stream, &open.0).await });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves requests until the client or a reply ends the connection. Errors end it too: there is nobody to tell.
async fn serve(mut stream: TcpStream, shared: &Shared) {
    // Without this, small events would wait for acknowledgements and spoil every timing a test takes.
    let _ = stream.set_nodelay(true);
    let mut ahead = Ahead::default();
    loop {
        let (mut from, mut to) = stream.split();
        let Ok(Some(seen)) = ahead.request(&mut from).await else { return };
        let last = seen.wants_close();
        let reply = (shared.script)(&seen);
        shared.record(|log| log.seen.push(seen));
        let (actions, end) = reply.lower();
        let played = tokio::select! {
            biased;
            played = play(actions, end, &mut to) => played,
            () = ahead.closed(&mut from) => Err(io::ErrorKind::ConnectionAborted.into()),
        };
        match played {
            Err(_) => return shared.record(|log| log.cancelled.push(Instant::now())),
            Ok(()) if end == End::Reset => {
                let _ = stream.set_zero_linger();
                return;
            }
            Ok(()) if end == End::Close || last => return,
            Ok(()) => {}
        }
    }
}

async fn play(actions: Vec<Action>, end: End, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    for action in actions {
        match action {
            Action::Write(bytes) => to.write_all(&bytes).await?,
            Action::Wait(wait) => tokio::time::sleep(wait).await,
        }
    }
    if end == End::Hang {
        std::future::pending::<()>().await;
    }
    Ok(())
}
