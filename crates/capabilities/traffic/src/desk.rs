//! Where arrivals wait for a free user, first come first served; one per worker, on its thread alone.

use crate::meter::Meter;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// An arrival that is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    /// Which one.
    pub(crate) arrival: u32,
    /// When it was meant to be sent; none if as soon as somebody can.
    pub(crate) intended: Option<Instant>,
    /// When it came to the desk.
    pub(crate) handed: Instant,
}

/// The desk.
pub(crate) struct Desk {
    queue: RefCell<VecDeque<Due>>,
    /// Wakes who has been free for longest, so that everybody gets a turn.
    free: Notify,
    closed: Cell<bool>,
    in_flight: Cell<u32>,
    /// Users that wait for an arrival.
    idle: Cell<usize>,
    /// Wakes those who rest, once there is nothing left to rest for.
    over: Notify,
    /// The most in flight and waiting, by second.
    tides: RefCell<Vec<(u32, u32)>>,
    /// How things have stood since the last change.
    level: Cell<(u32, u32)>,
    started: Cell<Instant>,
    meter: Arc<Meter>,
}

impl Desk {
    pub(crate) fn new(meter: Arc<Meter>) -> Self {
        Self {
            queue: RefCell::default(),
            free: Notify::new(),
            closed: Cell::new(false),
            in_flight: Cell::new(0),
            idle: Cell::new(0),
            over: Notify::new(),
            tides: RefCell::default(),
            level: Cell::new((0, 0)),
            started: Cell::new(Instant::now()),
            meter,
        }
    }

    /// The moment from which seconds count.
    pub(crate) fn start(&self, at: Instant) {
        self.started.set(at);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Puts an arrival in line.
    pub(crate) fn hand(&self, due: Due) {
        self.queue.borrow_mut().push_back(due);
        self.meter.waits(1);
        self.free.notify_one();
        self.mark();
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.free.notify_waiters();
        self.tell_if_over();
    }

    /// Done once nothing waits and nothing more will come.
    pub(crate) async fn over(&self) {
        while !self.is_over() {
            self.over.notified().await;
        }
    }

    fn is_over(&self) -> bool {
        self.closed.get() && self.queue.borrow().is_empty()
    }

    fn tell_if_over(&self) {
        if self.is_over() {
            self.over.notify_waiters();
        }
    }

    /// The next arrival for a user that is free; none once there will be no more.
    pub(crate) async fn next(&self) -> Option<Due> {
        loop {
            let due = self.queue.borrow_mut().pop_front();
            if due.is_some() {
                self.meter.waits(-1);
                self.tell_if_over();
                return due;
            }
            if self.closed.get() {
                return None;
            }
            self.idle.set(self.idle.get() + 1);
            self.free.notified().await;
            self.idle.set(self.idle.get().saturating_sub(1));
        }
    }

    /// Somebody sends something, until the guard is dropped.
    pub(crate) fn sends(&self) -> Flight<'_> {
        self.in_flight.set(self.in_flight.get() + 1);
        self.meter.flies(1);
        self.mark();
        Flight(self)
    }

    /// The most in flight and waiting, by second from the start until now.
    pub(crate) fn tides(&self) -> Vec<(u32, u32)> {
        self.mark();
        self.tides.borrow().clone()
    }

    fn mark(&self) {
        let since = Instant::now().saturating_duration_since(self.started.get());
        // Whom a free user is about to take does not wait.
        let waiting = self.queue.borrow().len().saturating_sub(self.idle.get());
        let now = (self.in_flight.get(), u32::try_from(waiting).unwrap_or(u32::MAX));
        let mut tides = self.tides.borrow_mut();
        let second = usize::try_from(since.as_secs()).unwrap_or(0);
        // A second begins as things stood before this change, and so were those in which nothing changed.
        while tides.len() <= second {
            tides.push(self.level.get());
        }
        self.level.set(now);
        if let Some(most) = tides.get_mut(second) {
            *most = (most.0.max(now.0), most.1.max(now.1));
        }
    }
}

/// A request that is outstanding.
pub(crate) struct Flight<'a>(&'a Desk);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get().saturating_sub(1));
        self.0.meter.flies(-1);
        self.0.mark();
    }
}

impl Due {
    /// How late the generator was, and how long the arrival has waited for a user since.
    pub(crate) fn waited(&self) -> (Duration, Duration) {
        let lag = self.intended.map_or(Duration::ZERO, |moment| self.handed.saturating_duration_since(moment));
        let wait = self.intended.map_or(Duration::ZERO, |_| self.handed.elapsed());
        (lag, wait)
    }
}
