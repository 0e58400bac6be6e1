//! What one request over a kept connection costs here: `cargo run --release -p net --example net_cost`.
//!
//! The upstream is a blocking loop on a thread of its own; what counts is the processor time of the thread that asks, so
//! kernel and client together, and nothing of the upstream. Prints the medians of the rounds, in microseconds, of a
//! client whose connections show in metrics and of one whose do not.

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use measure::Metrics;
use net::{Client, ClientConfig, collect};
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Requests of one round, and rounds; the first one warms up and does not count.
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 16;
/// What a question is about as large as.
const REQUEST_BYTES: usize = 600;
/// The most bytes of an answer.
const REPLY_BYTES_MAX: usize = 1 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    for reply_bytes in [400, 65_536] {
        let base: Uri = format!("http://{}/", upstream(reply_bytes)?).parse()?;
        let bare = Client::new(&base, &ClientConfig::default());
        let observed = Client::observed(&base, &ClientConfig::default(), Metrics::new("net_cost").upstream("p"));
        let (mut bare_us, mut observed_us) = (Vec::new(), Vec::new());
        // By turns, so that what else the machine does falls on both.
        for _ in 0..ROUNDS {
            bare_us.push(round(&bare, &base).await?);
            observed_us.push(round(&observed, &base).await?);
        }
        let (bare_us, observed_us) = (median(bare_us), median(observed_us));
        writeln!(std::io::stdout(), "{reply_bytes} bytes: {bare_us:.3} µs, observed {observed_us:.3} µs")?;
    }
    Ok(())
}

/// Processor time per request, in microseconds.
async fn round(client: &Client, uri: &Uri) -> Result<f64, Box<dyn Error>> {
    let began_ns = cpu_ns();
    for _ in 0..REQUESTS {
        let request = Request::post(uri.clone()).body(Full::new(Bytes::from_static(&[b'x'; REQUEST_BYTES])))?;
        collect(client.send(request).await?.into_body(), REPLY_BYTES_MAX).await?;
    }
    Ok((cpu_ns() - began_ns) / 1e3 / REQUESTS as f64)
}

fn median(mut rounds: Vec<f64>) -> f64 {
    let mut counted = rounds.split_off(1);
    counted.sort_by(f64::total_cmp);
    counted.get(counted.len() / 2).copied().unwrap_or_default()
}

fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Answers every request with so many bytes.
fn upstream(reply_bytes: usize) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {reply_bytes}\r\n\r\n{}", "x".repeat(reply_bytes));
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let reply = reply.clone();
            std::thread::spawn(move || serve(socket, reply.as_bytes()));
        }
    });
    Ok(addr)
}

fn serve(mut socket: TcpStream, reply: &[u8]) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut seen, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let read = socket.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        seen.extend_from_slice(piece.get(..read).unwrap_or_default());
        let head = seen.windows(4).position(|four| four == b"\r\n\r\n");
        if head.is_some_and(|head| seen.len() >= head + 4 + REQUEST_BYTES) {
            seen.clear();
            socket.write_all(reply)?;
        }
    }
}
