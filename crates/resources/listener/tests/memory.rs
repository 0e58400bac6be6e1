//! Memory that a connection took goes back once its thread rests. In a process of its own, which nothing else fills.

#![cfg(target_os = "linux")]

use listener::Crew;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is taken, in 8 KB each.
const TAKEN: usize = 64 << 20;
const REST: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// Kilobytes in memory that belong to no file.
fn own_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    own.trim().trim_end_matches(" kB").parse().ok()
}

#[tokio::test]
async fn what_a_connection_took_goes_back_once_its_thread_rests() {
    let (crew, before) = (Crew::start(1), own_kb().unwrap());
    crew.at_rest(REST, pages::let_go_of_memory);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (tell, told) = oneshot::channel();
    crew.serve(far.unwrap().0, |_| async {
        drop((0..TAKEN >> 13).map(|at| vec![at as u8 | 1; 1 << 13]).collect::<Vec<_>>());
        // Busy for longer than that which is called rest.
        let began = Instant::now();
        while began.elapsed() < 3 * REST {
            std::thread::sleep(Duration::from_millis(5));
            tokio::task::yield_now().await;
        }
        let _ = tell.send(own_kb());
    });
    let (most, kept) = (before + (TAKEN as u64 >> 13), told.await.unwrap().unwrap());
    assert!(kept > most, "{before} KB before, {kept} while it was busy");
    let done = Instant::now();
    loop {
        tokio::time::sleep(REST).await;
        let after = own_kb().unwrap();
        if after < most {
            break;
        }
        assert!(done.elapsed() < PATIENCE, "{before} KB before, {kept} while it was busy, {after} later");
    }
}
