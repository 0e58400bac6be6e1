//! One flight per key: who asks what is being asked for already waits for that.
//!
//! A flight belongs to everybody on board. Whoever leaves takes nobody along; when the last one leaves, it is cancelled.
//! Nothing is spawned: those on board drive it.

use crate::key::Key;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What those on board wait for.
pub type Flight<T> = Shared<BoxFuture<'static, T>>;

/// A flight, and which: a look at what is kept first, or something new in any case.
type Number = (Key, bool);

/// All flights in progress.
pub struct Flights<T: Clone> {
    board: Mutex<Board<T>>,
}

struct Board<T: Clone> {
    flights: HashMap<Number, (u64, WeakShared<BoxFuture<'static, T>>)>,
    started: u64,
}

/// Keeps a flight open to others until it is dropped. It belongs into the flight itself, or into what the flight leads to
/// for as long as others may come aboard.
pub struct Ticket<T: Clone> {
    flights: Arc<Flights<T>>,
    number: Number,
    id: u64,
}

impl<T: Clone> Default for Flights<T> {
    fn default() -> Self {
        Self { board: Mutex::new(Board { flights: HashMap::new(), started: 0 }) }
    }
}

impl<T: Clone> Flights<T> {
    /// Boards the flight for a key, and starts one where there is none; tells whether it was started. Whoever wants
    /// something `new` boards no flight that may bring what was kept.
    pub fn board(
        self: &Arc<Self>,
        key: Key,
        new: bool,
        start: impl FnOnce(Ticket<T>) -> BoxFuture<'static, T>,
    ) -> (Flight<T>, bool) {
        let mut board = self.lock();
        let in_progress = [true, new].into_iter().find_map(|new| board.flights.get(&(key, new))?.1.upgrade());
        if let Some(flight) = in_progress {
            return (flight, false);
        }
        board.started += 1;
        let (number, id) = ((key, new), board.started);
        let flight = start(Ticket { flights: Arc::clone(self), number, id }).shared();
        if let Some(weak) = flight.downgrade() {
            board.flights.insert(number, (id, weak));
        }
        (flight, true)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().flights.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Board<T>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Drop for Ticket<T> {
    fn drop(&mut self) {
        let mut board = self.flights.lock();
        if board.flights.get(&self.number).is_some_and(|(id, _)| *id == self.id) {
            board.flights.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyMaker;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn key() -> Key {
        KeyMaker::default().key()
    }

    #[tokio::test]
    async fn whoever_leaves_takes_nobody_along_and_the_last_one_cancels() {
        let (flights, landed, gone) = (Arc::new(Flights::default()), Arc::new(Notify::new()), Arc::default());
        let start = |ticket: Ticket<u32>| {
            let (landed, counted) = (Arc::clone(&landed), Counted(Arc::clone(&gone)));
            async move {
                let _on_board = (ticket, counted);
                landed.notified().await;
                7
            }
            .boxed()
        };
        let (mut first, started) = flights.board(key(), false, start);
        assert!(started && (&mut first).now_or_never().is_none());
        let (second, started) = flights.board(key(), false, start);
        assert!(!started);
        drop(first);
        landed.notify_one();
        assert_eq!((second.await, flights.len()), (7, 0));
        let (third, started) = flights.board(key(), false, start);
        assert!(started);
        assert_eq!(gone.load(Ordering::Relaxed), 1);
        drop(third);
        assert_eq!((gone.load(Ordering::Relaxed), flights.len()), (2, 0));
    }

    #[tokio::test]
    async fn who_wants_something_new_boards_no_flight_to_what_was_kept() {
        let flights = Arc::new(Flights::default());
        let start = |answer: u32| move |ticket: Ticket<u32>| async move { (answer, drop(ticket)).0 }.boxed();
        let (look, _) = flights.board(key(), false, start(1));
        let (new, started) = flights.board(key(), true, start(2));
        assert!(started);
        let (usual, started) = flights.board(key(), false, start(3));
        assert!(!started);
        assert_eq!((look.await, new.await, usual.await), (1, 2, 2));
    }
}
