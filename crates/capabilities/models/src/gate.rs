//! Bounded concurrency per provider: the asynchronous shell around [`guard::Bulkhead`].

use guard::{Bulkhead, BulkheadConfig, Entry, Shed};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Lets a bounded number in and keeps a bounded line, first come first served.
#[derive(Debug)]
pub(crate) struct Gate {
    config: BulkheadConfig,
    state: Mutex<State>,
}

/// How busy a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Calls in progress.
    pub in_flight: u32,
    /// The most of them.
    pub in_flight_max: u32,
    /// Calls that wait for a place.
    pub waiting: u32,
    /// The most of them.
    pub queue_max: u32,
}

#[derive(Debug)]
struct State {
    bulkhead: Bulkhead,
    line: VecDeque<oneshot::Sender<()>>,
}

/// A place inside; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    since: Instant,
}

impl Gate {
    pub(crate) fn new(config: BulkheadConfig) -> Arc<Self> {
        let state = State { bulkhead: Bulkhead::new(config), line: VecDeque::new() };
        Arc::new(Self { config, state: Mutex::new(state) })
    }

    /// How busy it is now.
    pub(crate) fn load(&self) -> Load {
        let BulkheadConfig { in_flight_max, queue_max } = self.config;
        let bulkhead = &self.lock().bulkhead;
        Load { in_flight: bulkhead.in_flight(), in_flight_max, waiting: bulkhead.waiting(), queue_max }
    }

    /// Waits for a place, at most `remaining`.
    ///
    /// # Errors
    /// [`Shed`] at once when the line is full or the wait would be longer than `remaining`, and after `remaining`
    /// when the wait was.
    pub(crate) async fn enter(self: &Arc<Self>, remaining: Duration) -> Result<Place, Shed> {
        let asked = Instant::now();
        let (entry, turn) = {
            let mut state = self.lock();
            let entry = state.bulkhead.enter(asked.into_std(), remaining);
            let turn = matches!(entry, Entry::Wait).then(|| {
                let (tell, turn) = oneshot::channel();
                state.line.push_back(tell);
                turn
            });
            (entry, turn)
        };
        if let Entry::Shed(shed) = entry {
            return Err(shed);
        }
        if let Some(turn) = turn {
            let mut waiting = Waiting { gate: self, turn, inside: false };
            if tokio::time::timeout(remaining, &mut waiting.turn).await.is_err() {
                return Err(Shed::TooLate { expected: asked.elapsed(), remaining });
            }
            waiting.inside = true;
        }
        Ok(Place { gate: Arc::clone(self), since: Instant::now() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, service: Duration) {
        self.lock().leave(service);
    }
}

impl State {
    /// Frees one place and gives it to whoever is next.
    fn leave(&mut self, service: Duration) {
        self.bulkhead.leave(service);
        // Whoever leaves the line takes its sender along, so one step is enough.
        if !self.line.is_empty()
            && self.bulkhead.promote()
            && let Some(next) = self.line.pop_front()
            && next.send(()).is_err()
        {
            self.leave(Duration::ZERO);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.leave(self.since.elapsed());
    }
}

/// Somebody in line; leaving it gives the turn, or a place that was just granted, back.
struct Waiting<'a> {
    gate: &'a Arc<Gate>,
    turn: oneshot::Receiver<()>,
    inside: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.inside {
            return;
        }
        // Under the lock nobody can grant the turn while we give it up.
        let mut state = self.gate.lock();
        self.turn.close();
        if self.turn.try_recv().is_ok() {
            state.leave(Duration::ZERO);
        } else {
            state.line.retain(|tell| !tell.is_closed());
            state.bulkhead.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    const LONG: Duration = Duration::from_secs(60);

    fn gate(in_flight_max: u32, queue_max: u32) -> Arc<Gate> {
        Gate::new(BulkheadConfig { in_flight_max, queue_max })
    }

    fn counts(gate: &Gate) -> (u32, u32, usize) {
        let Load { in_flight, waiting, .. } = gate.load();
        (in_flight, waiting, gate.lock().line.len())
    }

    #[tokio::test(start_paused = true)]
    async fn lets_in_one_after_the_other_in_order() {
        let gate = gate(1, 2);
        let first = gate.enter(LONG).await.unwrap();
        let mut second = Box::pin(gate.enter(LONG));
        let mut third = Box::pin(gate.enter(LONG));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        assert_eq!(gate.enter(LONG).await.unwrap_err(), Shed::QueueFull { queue_max: 2 });
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let second = second.await.unwrap();
        assert_eq!(counts(&gate), (1, 1, 1));
        drop(second);
        drop(third.await.unwrap());
        assert_eq!(counts(&gate), (0, 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_the_line_leaves_no_trace() {
        let gate = gate(1, 4);
        let first = gate.enter(LONG).await.unwrap();
        let mut gone = Box::pin(gate.enter(LONG));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        assert_eq!(counts(&gate), (1, 0, 0));
        // Granted, and dropped before it noticed.
        let mut granted = Box::pin(gate.enter(LONG));
        assert!((&mut granted).now_or_never().is_none());
        drop(first);
        drop(granted);
        assert_eq!(counts(&gate), (0, 0, 0));
        assert!(gate.enter(LONG).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn counts_hold_under_any_crowd() {
        let gate = gate(3, 200);
        let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut crowd = tokio::task::JoinSet::new();
        for seed in 0..150 {
            let (gate, inside, most) = (Arc::clone(&gate), Arc::clone(&inside), Arc::clone(&most));
            crowd.spawn(async move {
                let mut rng = fastrand::Rng::with_seed(seed);
                for _ in 0..40 {
                    let patience = Duration::from_micros(rng.u64(0..400));
                    let entered = match rng.u8(0..3) {
                        // Some leave the line by themselves, some are dropped out of it.
                        0 => tokio::time::timeout(patience, gate.enter(LONG)).await.ok().and_then(Result::ok),
                        1 => gate.enter(patience).await.ok(),
                        _ => gate.enter(LONG).await.ok(),
                    };
                    if let Some(place) = entered {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_micros(rng.u64(0..60))).await;
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    }
                }
            });
        }
        while let Some(done) = crowd.join_next().await {
            done.unwrap();
        }
        assert_eq!((counts(&gate), most.load(Ordering::SeqCst)), ((0, 0, 0), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_granted_to_one_who_left_goes_to_the_next() {
        let gate = gate(1, 4);
        let first = gate.enter(LONG).await.unwrap();
        let mut gone = Box::pin(gate.enter(LONG));
        let mut next = Box::pin(gate.enter(LONG));
        assert!((&mut gone).now_or_never().is_none() && (&mut next).now_or_never().is_none());
        drop(first);
        drop(gone);
        assert!((&mut next).now_or_never().is_some_and(|place| place.is_ok()));
        assert_eq!(counts(&gate), (0, 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_no_longer_than_there_is_time() {
        let gate = gate(1, 4);
        let _first = gate.enter(LONG).await.unwrap();
        let short = Duration::from_millis(50);
        let before = Instant::now();
        assert!(matches!(gate.enter(short).await, Err(Shed::TooLate { .. })));
        assert_eq!(before.elapsed(), short);
        assert_eq!(counts(&gate), (1, 0, 0));
    }
}
