//! One thread that sends: its share of the users, its share of the arrivals, a runtime of its own.

use crate::desk::{Desk, Due};
use crate::error::TrafficError;
use crate::job::micros;
use crate::meter::Meter;
use crate::pacer::Pacer;
use crate::user::{Letter, User};
use crate::{Arrival, Class, Job, Mode, Record};
use net::Dialler;
use rustix::time::{ClockId, clock_gettime};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, LocalOptions};
use tokio_util::sync::CancellationToken;

/// Between the last user's connecting and the first arrival.
const LEAD: Duration = Duration::from_millis(10);
/// How many users connect at once, for each worker.
const CONNECTING_MAX: usize = 64;
/// How many arrivals are handed out in a row before answers are looked after again.
const HAND_MAX: u32 = 32;

/// The shortest and the longest wait between two ticks.
const TICK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// Where workers wait for each other before the clock starts.
pub(crate) struct Ready {
    barrier: Barrier,
    start: OnceLock<Instant>,
}

impl Ready {
    pub(crate) fn new(workers: usize) -> Self {
        Self { barrier: Barrier::new(workers), start: OnceLock::new() }
    }

    /// Waits for all; the moment that all of them start from.
    fn wait(&self) -> Instant {
        self.barrier.wait();
        *self.start.get_or_init(|| Instant::now() + LEAD)
    }
}

/// Which part of the job is whose.
pub(crate) struct Share {
    pub(crate) number: u32,
    pub(crate) of: u32,
    pub(crate) dialler: Dialler,
    pub(crate) stop: CancellationToken,
}

/// What one worker brings back.
pub(crate) struct Part {
    pub(crate) records: Vec<Record>,
    pub(crate) answers: Vec<(u32, String)>,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) tides: Vec<(u32, u32)>,
    pub(crate) simulated: bool,
}

/// What the users of a worker write into.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) records: Vec<Record>,
    pub(crate) answers: Vec<(u32, String)>,
    pub(crate) simulated: bool,
}

/// Everything that the users of a worker share.
pub(crate) struct Floor {
    pub(crate) job: Job,
    pub(crate) share: Share,
    pub(crate) desk: Desk,
    pub(crate) letters: Vec<Letter>,
    pub(crate) notes: RefCell<Notes>,
    pub(crate) meter: Arc<Meter>,
}

/// Does one worker's share, on the thread that calls it.
pub(crate) fn work(job: Job, share: Share, meter: &Arc<Meter>, ready: &Ready) -> Result<Part, TrafficError> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    let (desk, letters) = (Desk::new(Arc::clone(meter)), Letter::all(&job));
    let floor = Rc::new(Floor { job, share, desk, letters, notes: RefCell::default(), meter: Arc::clone(meter) });
    // Whatever has failed here, the others are not to wait for it for ever.
    let users = runtime.as_ref().map(|runtime| runtime.block_on(connected(&floor)));
    let start = ready.wait();
    let (runtime, users) = (runtime.as_ref().map_err(again)?, users.map_err(again)?);
    floor.desk.start(start);
    meter.start(start);
    let before = cpu();
    runtime.spawn_local(tick((floor.job.timeout / 2).clamp(TICK.0, TICK.1)));
    // A task, and so are its parts: what a runtime blocks on is woken by a call of the system's, each time.
    let sent = runtime.spawn_local(send(Rc::clone(&floor), users, start));
    runtime.block_on(sent).map_err(|_| TrafficError::Broken)??;
    let (whole, spent) = (start.elapsed(), cpu().saturating_sub(before));
    let tides = floor.desk.tides();
    let notes = floor.notes.take();
    // Until the last answer: what comes behind it, a user's rest or the end of a session, is none of the run.
    let last_us = notes.records.iter().map(|record| record.at_us + record.response_us()).max();
    let wall = last_us.map_or(whole, Duration::from_micros);
    Ok(Part { records: notes.records, answers: notes.answers, wall, cpu: spent, tides, simulated: notes.simulated })
}

fn again(error: &std::io::Error) -> TrafficError {
    TrafficError::System(std::io::Error::new(error.kind(), error.to_string()))
}

/// Processor time of this thread.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// This worker's users, connected as far as the target lets them: who was turned away tries again with its first
/// request, which then counts.
async fn connected(floor: &Floor) -> Vec<User> {
    let Floor { job, share, .. } = floor;
    let numbers: Vec<u32> = (0..job.users).filter(|user| user % share.of == share.number).collect();
    let mut users: Vec<User> = numbers.into_iter().map(User::new).collect();
    for some in users.chunks_mut(CONNECTING_MAX) {
        let opening = some.iter_mut().map(|user| user.open(floor));
        tokio::select! {
            _ = futures_util::future::join_all(opening) => {}
            () = share.stop.cancelled() => break,
        }
    }
    users
}

/// Keeps a timer that is due before that of any request: of one that is due before all others the runtime tells itself by
/// a call of the system's and a turn of its own, which would be each request's while no other is outstanding.
async fn tick(every: Duration) {
    loop {
        tokio::time::sleep(every).await;
    }
}

async fn send(floor: Rc<Floor>, users: Vec<User>, start: Instant) -> Result<(), TrafficError> {
    let turns: Vec<_> = users
        .into_iter()
        .map(|user| {
            let floor = Rc::clone(&floor);
            tokio::task::spawn_local(async move {
                tokio::select! {
                    () = user.serve(&floor, start) => {}
                    () = floor.share.stop.cancelled() => {}
                }
            })
        })
        .collect();
    let handed = hand_out(&floor, start).await;
    floor.desk.close();
    for turn in turns {
        turn.await.map_err(|_| TrafficError::Broken)?;
    }
    handed
}

/// Hands every arrival of this worker's share to its desk when it is due.
async fn hand_out(floor: &Floor, start: Instant) -> Result<(), TrafficError> {
    let Floor { job, share, .. } = floor;
    let pacer = Pacer::new()?;
    let mut row = 0;
    // Dealt as the users are, so that each worker has as many arrivals as its users can carry.
    let own = job.arrivals.iter().enumerate().filter(|(at, _)| {
        let user = at % job.users.max(1) as usize;
        user % share.of.max(1) as usize == share.number as usize
    });
    for (at, arrival) in own {
        let intended = start + Duration::from_micros(arrival.at_us);
        let due = intended.saturating_duration_since(Instant::now());
        if due > Duration::ZERO {
            row = 0;
            tokio::select! {
                waited = pacer.until(intended) => waited?,
                () = share.stop.cancelled() => return Ok(()),
            }
        } else if row >= HAND_MAX {
            row = 0;
            tokio::task::yield_now().await;
        }
        row += 1;
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        let intended = (job.mode == Mode::Open).then_some(intended);
        let handed = Due { arrival: number, intended, handed: Instant::now() };
        if job.mode == Mode::Open && floor.desk.waiting() >= job.waiting_max {
            dropped(floor, &handed, arrival);
        } else {
            floor.desk.hand(handed);
        }
    }
    Ok(())
}

fn dropped(floor: &Floor, due: &Due, arrival: &Arrival) {
    let (lag, _) = due.waited();
    let row = floor.letters.get(arrival.request as usize).map_or(0, |letter| letter.row);
    let record = Record {
        at_us: arrival.at_us,
        arrival: due.arrival,
        user: u32::MAX,
        row,
        class: Class::Dropped,
        lag_us: micros(lag),
        ..Record::default()
    };
    floor.meter.ended(floor.share.number, &record);
    floor.notes.borrow_mut().records.push(record);
}
