//! The course of an evaluation: so many pairs at once, landed ones written together, a breaker, a deadline.

use crate::evaluate::pair::{Landed, Worker};
use crate::evaluate::plan::{Task, trimmed};
use crate::evaluate::{Begun, step};
use crate::room::Decisions;
use crate::{DecisionError, LastPair, PairOutcome, Progress};
use caller::Caller;
use docket::{DocketError, End, Place, Said, ScoreRow, Work, check};
use fault::{Explain, Kind, Retry};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// How long landed scores wait for others to be written with: one wait for the disk serves them all.
const GATHER: Duration = Duration::from_millis(2);
/// How long after a failed write it is tried again; doubled each time.
const WRITE_AGAIN: Duration = Duration::from_millis(100);
/// The longest wait that doubling leads to.
const WRITE_AGAIN_MAX: Duration = Duration::from_secs(2);
/// How often a write is tried at least, though the time is over.
const WRITES_MIN: u32 = 5;
/// A lease is renewed so many times within its life.
const RENEWALS: u32 = 3;
/// Notes about answers that are told, at most.
const NOTES_MAX: usize = 20;

/// How an evaluation ended.
#[derive(Debug, Default)]
pub(crate) struct Stopped {
    /// Why pairs were not asked, where any were not.
    pub(crate) why: Option<(&'static str, String)>,
    /// The pairs that were asked, with what came of each.
    pub(crate) landed: HashMap<Place, Came>,
    /// What there is to know of the answers.
    pub(crate) notes: Vec<String>,
}

/// What came of a pair, though it may not be what is kept of it.
#[derive(Debug)]
pub(crate) struct Came {
    /// Of a failure: its name, why, and whether asking again may help.
    pub(crate) failed: Option<(String, String, bool)>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) simulated: bool,
}

impl Came {
    fn of(row: &ScoreRow) -> Self {
        let failed =
            (row.outcome == PairOutcome::Failed).then(|| (row.code.clone(), row.reason.clone(), row.retryable));
        Self { failed, cost_usd: row.cost_usd, simulated: row.simulated }
    }
}

/// An evaluation on its way.
pub(crate) struct Course<'a> {
    room: &'a Decisions,
    caller: &'a Caller,
    begun: &'a Begun,
    until: Instant,
    pending: VecDeque<&'a Task>,
    active: FuturesUnordered<BoxFuture<'a, Option<Landed>>>,
    /// Pairs at hand, by criterion.
    at_hand: HashMap<i64, usize>,
    gates: HashMap<i64, Arc<Semaphore>>,
    /// What has landed and is not being written yet.
    landed: Work,
    since: Option<Instant>,
    failed_in_a_row: u32,
    stopped: Stopped,
}

/// What happens next.
enum Next {
    Landed(Option<Box<Landed>>),
    Written(Result<(), DocketError>),
    Due,
}

/// A write on its way.
struct Writing<'a> {
    work: Arc<Work>,
    tries: u32,
    doing: BoxFuture<'a, Result<(), DocketError>>,
}

impl<'a> Course<'a> {
    pub(crate) fn new(room: &'a Decisions, caller: &'a Caller, begun: &'a Begun, until: Instant) -> Self {
        let most = begun.rules.criterion_in_flight_max.max(1);
        let gates = begun.plan.criteria.iter().map(|id| (*id, Arc::new(Semaphore::new(most)))).collect();
        Self {
            room,
            caller,
            begun,
            until,
            pending: begun.plan.work.iter().collect(),
            active: FuturesUnordered::new(),
            at_hand: HashMap::new(),
            gates,
            landed: Work::default(),
            since: None,
            failed_in_a_row: 0,
            stopped: Stopped::default(),
        }
    }

    /// Asks all there is to ask; every score is written when this returns.
    pub(crate) async fn run(mut self) -> Result<Stopped, DecisionError> {
        let mut writing: Option<Writing<'a>> = None;
        let lease = Duration::from_millis(self.begun.rules.lease_ms) / RENEWALS;
        let mut renewed = Instant::now();
        loop {
            // While nothing can be written, nothing more is bought.
            if writing.as_ref().is_none_or(|writing| writing.tries == 1) {
                self.launch();
            }
            if self.active.is_empty() && writing.is_none() {
                break;
            }
            let due = self.since.map_or(renewed + lease, |since| (since + GATHER).min(renewed + lease));
            match self.next(&mut writing, due).await {
                Next::Landed(landed) => self.land(landed),
                Next::Written(done) => {
                    writing = self.written(writing.take(), done)?;
                    renewed = Instant::now();
                }
                Next::Due => writing = Some(self.write(1)),
            }
        }
        self.finish().await
    }

    async fn next(&mut self, writing: &mut Option<Writing<'a>>, due: Instant) -> Next {
        let (idle, all_in) = (writing.is_none(), self.active.is_empty());
        let done = async {
            match writing {
                Some(writing) => (&mut writing.doing).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            landed = self.active.next(), if !all_in => Next::Landed(landed.flatten().map(Box::new)),
            done = done => Next::Written(done),
            () = sleep_until(due), if idle => Next::Due,
        }
    }

    /// Begins with as many pairs as may be at hand, of criteria that have room.
    fn launch(&mut self) {
        let rules = &self.begun.rules;
        while self.active.len() < rules.in_flight_max && self.stopped.why.is_none() {
            if Instant::now() >= self.until {
                if !self.pending.is_empty() {
                    self.stop("deadline", "time ran out before they were; evaluate again to go on".to_owned());
                }
                return;
            }
            let most = rules.criterion_in_flight_max;
            let free = |task: &&Task| self.at_hand.get(&task.place.1).is_none_or(|count| *count < most);
            let Some(at) = self.pending.iter().position(free) else { return };
            let Some(task) = self.pending.remove(at) else { return };
            *self.at_hand.entry(task.place.1).or_default() += 1;
            let gate = self.gates.get(&task.place.1).map(Arc::clone).unwrap_or_else(|| Arc::new(Semaphore::new(1)));
            let worker = Worker { room: self.room, caller: self.caller, rules, until: self.until, gate };
            self.active.push(Box::pin(worker.work(task)));
        }
    }

    fn stop(&mut self, code: &'static str, why: String) {
        if self.stopped.why.is_none() {
            self.stopped.why = Some((code, why));
        }
    }

    /// Takes in what came of a pair; nothing where its turn never came.
    fn land(&mut self, landed: Option<Box<Landed>>) {
        let Some(landed) = landed else {
            return self.stop("deadline", "time ran out before they were; evaluate again to go on".to_owned());
        };
        let Landed { row, said, option, criterion, kind } = *landed;
        if let Some(count) = self.at_hand.get_mut(&row.place.1) {
            *count = count.saturating_sub(1);
        }
        self.judge(kind, &row.reason);
        self.room.watchman.pair(row.outcome);
        self.stopped.landed.insert(row.place, Came::of(&row));
        for note in row.notes.iter().take(NOTES_MAX.saturating_sub(self.stopped.notes.len())) {
            self.stopped.notes.push(format!("{option} × {criterion}: {note}"));
        }
        let last = LastPair { option, criterion, outcome: row.outcome, score: row.score };
        let progress = self.begun.seat.tell(|progress| count(progress, last));
        self.caller.wishes.progress.tell(&step(&progress));
        self.keep(row.place, said);
        self.landed.rows.push(row);
        self.since = self.since.or_else(|| Some(Instant::now()));
    }

    fn keep(&mut self, place: Place, said: Vec<Said>) {
        let most = self.begun.rules.history_max;
        if most > 0 {
            let before = self.begun.plan.history.get(&place).cloned().unwrap_or_default();
            let longest = self.begun.rules.message_chars_max;
            let said = said.into_iter().map(|it| Said { content: check::kept(&it.content, longest), ..it });
            self.landed.history.insert(place, trimmed(before.into_iter().chain(said).collect(), most));
        }
    }

    /// Whether it is worth while to go on.
    fn judge(&mut self, kind: Option<Kind>, reason: &str) {
        match kind {
            Some(Kind::Budget) => self.stop("budget", reason.to_owned()),
            Some(Kind::Unavailable | Kind::Deadline | Kind::Overloaded | Kind::RateLimited) => {
                self.failed_in_a_row += 1;
                let most = self.begun.rules.breaker_failures;
                if most > 0 && self.failed_in_a_row >= most && !self.pending.is_empty() {
                    let why = format!("too few models answered for {most} pairs in a row; evaluate again to go on");
                    self.stop("breaker_open", why);
                }
            }
            _ => self.failed_in_a_row = 0,
        }
    }

    /// Begins to write what has landed, which may be nothing: a sign of life.
    fn write(&mut self, tries: u32) -> Writing<'a> {
        let work = Arc::new(std::mem::take(&mut self.landed));
        self.since = None;
        self.writing(work, tries)
    }

    fn writing(&self, work: Arc<Work>, tries: u32) -> Writing<'a> {
        let (room, lease) = (self.room, &self.begun.lease);
        let end = if work.rows.is_empty() { End::GoesOn } else { End::Wrote };
        let wait = if tries > 1 { write_wait(tries - 1) } else { Duration::ZERO };
        let writes = Arc::clone(&work);
        let doing = async move {
            tokio::time::sleep(wait).await;
            room.docket.write(lease, writes, end).await
        };
        Writing { work, tries, doing: Box::pin(doing) }
    }

    /// What comes after a write: nothing, or the same once more where the database had no time for it.
    fn written(
        &self,
        writing: Option<Writing<'a>>,
        done: Result<(), DocketError>,
    ) -> Result<Option<Writing<'a>>, DecisionError> {
        match (done, writing) {
            (Err(error), Some(Writing { work, tries, .. }))
                if passes(&error) && is_time(tries, self.caller.deadline) =>
            {
                tracing::warn!(code = error.code(), %error, "scores could not be written, they are in a moment");
                Ok(Some(self.writing(work, tries + 1)))
            }
            (done, _) => Ok(done.map(|()| None)?),
        }
    }

    /// Writes the last scores, and lets others evaluate.
    async fn finish(mut self) -> Result<Stopped, DecisionError> {
        let work = Arc::new(std::mem::take(&mut self.landed));
        let end = End::Ended { wrote: !work.rows.is_empty(), refreshed: self.begun.plan.is_refreshed(&self.stopped) };
        let mut tries = 1;
        loop {
            match self.room.docket.write(&self.begun.lease, Arc::clone(&work), end).await {
                Err(error) if passes(&error) && is_time(tries, self.caller.deadline) => {
                    tokio::time::sleep(write_wait(tries)).await;
                    tries += 1;
                }
                done => return Ok(done.map(|()| self.stopped)?),
            }
        }
    }
}

/// How long to wait after so many tries.
pub(super) fn write_wait(tries: u32) -> Duration {
    WRITE_AGAIN.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(WRITE_AGAIN_MAX)
}

/// Whether there is time for another try.
pub(super) fn is_time(tries: u32, deadline: Instant) -> bool {
    tries < WRITES_MIN || Instant::now() + write_wait(tries) < deadline
}

/// Whether the database may take it a moment later.
pub(super) fn passes(error: &DocketError) -> bool {
    matches!(error, DocketError::Store(_)) && error.retry() != Retry::Never
}

fn count(progress: &mut Progress, last: LastPair) {
    progress.done += 1;
    let counted = match last.outcome {
        PairOutcome::Scored => &mut progress.scored,
        PairOutcome::Abstained => &mut progress.abstained,
        PairOutcome::Failed => &mut progress.failed,
    };
    *counted += 1;
    progress.last = Some(last);
}
