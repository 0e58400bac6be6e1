//! The threads that serve connections, each with a runtime of its own: a connection stays where it began, and what it
//! waits for wakes that thread alone. Knows nothing of what is served.

use futures_util::FutureExt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

/// How long the threads may take to drop what they still serve.
const LEAVE_MAX: Duration = Duration::from_millis(500);

/// A thread rests while it does something for less than this share of the time: some ten requests a second.
const REST_SHARE: u32 = 500;

/// What a thread begins with a connection that was handed to it, and what counts that connection.
type Begin = (Box<dyn FnOnce(Busy) + Send>, Busy);

/// The threads; with none, whoever calls serves by itself.
pub struct Crew(Vec<Hand>);

struct Hand {
    begin: UnboundedSender<Begin>,
    /// How many connections it serves.
    busy: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Crew {
    /// Starts so many threads, or as many as there can be.
    pub fn start(threads: usize) -> Self {
        let started: Result<Vec<Hand>, io::Error> = (0..threads).map(|_| Hand::start()).collect();
        Self(started.unwrap_or_else(|error| {
            tracing::warn!(%error, "no threads for connections alone");
            Vec::new()
        }))
    }

    /// Has every thread do something each time that it has rested for so long.
    pub fn at_rest(&self, rest: Duration, what: fn()) {
        for hand in &self.0 {
            let again = async move {
                let busy = || Handle::current().metrics().worker_total_busy_duration(0);
                loop {
                    let before = busy();
                    sleep(rest).await;
                    if busy() - before < rest / REST_SHARE {
                        what();
                    }
                }
            };
            // One that has gone needs nothing.
            let _ = hand.begin.send((Box::new(move |_| drop(tokio::spawn(again))), Busy::new(&hand.busy)));
        }
    }

    /// Serves a connection on the thread that has the fewest.
    pub fn serve<F>(&self, stream: TcpStream, serve: impl FnOnce(TcpStream) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut hands: Vec<&Hand> = self.0.iter().collect();
        hands.sort_by_cached_key(|hand| hand.busy.load(Ordering::Relaxed));
        let Some(fewest) = hands.first() else {
            tokio::spawn(serve(stream));
            return;
        };
        let Ok(stream) = stream.into_std() else { return };
        let begin = move |busy: Busy| match TcpStream::from_std(stream) {
            Ok(stream) => {
                // No `async` block, which would keep room for it twice.
                tokio::spawn(serve(stream).map(move |()| drop(busy)));
            }
            Err(error) => tracing::warn!(%error, "cannot take a connection over"),
        };
        let mut begin: Begin = (Box::new(begin), Busy::new(&fewest.busy));
        for hand in &hands {
            begin.1 = Busy::new(&hand.busy);
            match hand.begin.send(begin) {
                Ok(()) => return,
                // That thread has gone: the next one takes it.
                Err(SendError(refused)) => begin = refused,
            }
        }
        tracing::error!("no thread for connections is left");
        (begin.0)(begin.1);
    }

    /// Ends the threads; whatever they still serve is dropped.
    pub async fn leave(self) {
        let threads: Vec<JoinHandle<()>> = self.0.into_iter().map(|hand| hand.thread).collect();
        let left = tokio::task::spawn_blocking(|| threads.into_iter().for_each(|thread| _ = thread.join()));
        let _ = tokio::time::timeout(LEAVE_MAX, left).await;
    }
}

impl Hand {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (begin, handed) = unbounded_channel();
        let thread = std::thread::Builder::new().name("connections".to_owned()).spawn(move || {
            runtime.block_on(work(handed));
            runtime.shutdown_background();
        })?;
        Ok(Self { begin, busy: Arc::default(), thread })
    }
}

/// Begins what it is handed, until nobody is left to do so. The line needs no limit of its own: the listener counts
/// connections.
async fn work(mut handed: UnboundedReceiver<Begin>) {
    while let Some((begin, busy)) = handed.recv().await {
        begin(busy);
    }
}

/// One connection served.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(busy: &Arc<AtomicUsize>) -> Self {
        busy.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(busy))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    /// Where connections were served, by the names and ids of their threads.
    async fn served(threads: usize, connections: usize) -> Vec<std::thread::ThreadId> {
        served_by(Crew::start(threads), connections).await
    }

    async fn served_by(crew: Crew, connections: usize) -> Vec<std::thread::ThreadId> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut kept, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..connections {
            let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
            let (tell, told) = oneshot::channel();
            crew.serve(far.unwrap().0, |stream| async move {
                let _ = tell.send(std::thread::current().id());
                stream.readable().await.unwrap();
            });
            ids.push(told.await.unwrap());
            kept.push(near.unwrap());
        }
        crew.leave().await;
        ids
    }

    #[tokio::test]
    async fn connections_are_spread_over_the_threads() {
        let here = std::thread::current().id();
        let ids = served(2, 4).await;
        assert!(ids[0] != ids[1] && ids.iter().all(|id| *id != here));
        assert_eq!(ids.iter().filter(|id| **id == ids[0]).count(), 2);
        assert_eq!(served(0, 2).await, [here, here]);
    }

    /// Ends a thread as a panic would.
    async fn lose(hand: &Hand) {
        let sent = hand.begin.send((Box::new(|_| panic!("a thread is lost on purpose")), Busy::new(&hand.busy)));
        assert!(sent.is_ok());
        while !hand.thread.is_finished() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    #[tokio::test]
    async fn a_thread_that_is_lost_takes_no_connection_along() {
        let crew = Crew::start(2);
        lose(&crew.0[0]).await;
        let (alive, here) = (crew.0[1].thread.thread().id(), std::thread::current().id());
        assert_eq!(served_by(crew, 3).await, [alive; 3]);
        let crew = Crew::start(1);
        lose(&crew.0[0]).await;
        assert_eq!(served_by(crew, 1).await, [here], "whoever listens does it instead");
    }

    #[tokio::test]
    async fn leaving_drops_what_is_still_served() {
        let crew = Crew::start(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (tell, told) = oneshot::channel::<()>();
        crew.serve(far.unwrap().0, |stream| async move {
            stream.readable().await.unwrap();
            drop(tell);
        });
        crew.leave().await;
        assert!(told.await.is_err());
    }
}
