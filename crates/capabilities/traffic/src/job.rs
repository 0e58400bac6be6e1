//! One run: what is to be sent, and what came of it.

use crate::error::TrafficError;
use crate::meter::{Histograms, Meter};
use crate::{Arrival, Prepared, Record, worker};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http::{HeaderMap, Uri};
use net::{ClientConfig, Dialler};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A worker has at least so many users: those of one do not help another, which hardly matters among many.
const USERS_PER_WORKER_MIN: u32 = 10;

/// What is to be sent, to whom, and by how many.
#[derive(Debug, Clone)]
pub struct Job {
    /// The target's root; a path in it is put before every request's.
    pub target: Uri,
    /// Headers that every request carries, such as `authorization`.
    pub headers: HeaderMap,
    /// What arrivals point at.
    pub requests: Arc<Vec<Prepared>>,
    /// What is sent when, in order of time.
    pub arrivals: Arc<Vec<Arrival>>,
    /// Whether arrivals keep to their times.
    pub mode: Mode,
    /// Session identities, one connection each, and the most requests outstanding at once.
    pub users: u32,
    /// Threads that send; users and arrivals are dealt to them evenly.
    pub workers: u32,
    /// How long a request may take from its sending; as long again it may wait for a free user.
    pub timeout: Duration,
    /// The most arrivals that may wait for a free user, for each worker; the next are dropped.
    pub waiting_max: usize,
    /// Whether the text of every answer is kept.
    pub keep_answers: bool,
}

/// Whether arrivals keep to their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each is due at its moment, whatever became of those before it.
    Open,
    /// Each is sent as soon as a user is free; there is no intended start but the sending.
    Closed,
}

/// What came of a run.
#[derive(Debug)]
pub struct Taken {
    /// One per arrival that was dealt with, in order of their intended starts.
    pub records: Vec<Record>,
    /// Texts of answers by arrival, if they were kept.
    pub answers: Vec<(u32, String)>,
    /// Response times of successes in microseconds, all workers merged.
    pub response_us: Histogram<u64>,
    /// Microseconds between two pieces of content, all streams and workers merged.
    pub between_us: Histogram<u64>,
    /// When the clock started: all users had tried to connect by then.
    pub started: Instant,
    /// From the start to the end of the last request.
    pub wall: Duration,
    /// Processor time of the sending threads, one each.
    pub cpu: Vec<Duration>,
    /// The most requests outstanding and the most arrivals waiting, by second from the start.
    pub tides: Vec<(u32, u32)>,
    /// Arrivals that were not dealt with, because the run was told to stop.
    pub left: usize,
    /// Whether any answer was marked as simulated.
    pub simulated: bool,
}

/// Sends everything and waits for the last answer, or until `stop` is cancelled: what is outstanding then is let go and
/// counts as left.
///
/// Users connect first, and log in where the protocol asks for it; the clock starts when all of them have tried.
///
/// A target that is not there is no error here, but what came of every request; [`reach`] tells beforehand.
///
/// # Errors
/// [`TrafficError`] when the target's address is none, or the operating system refuses what is needed.
pub async fn run(job: Job, meter: Arc<Meter>, stop: CancellationToken) -> Result<Taken, TrafficError> {
    let dialler = dialler(&job.target, job.timeout)?;
    let workers = job.workers.clamp(1, (job.users / USERS_PER_WORKER_MIN).max(1));
    let ready = Arc::new(worker::Ready::new(workers as usize));
    let mut ends = Vec::new();
    for number in 0..workers {
        let share = worker::Share { number, of: workers, dialler: dialler.clone(), stop: stop.clone() };
        let (job, meter, ready) = (job.clone(), Arc::clone(&meter), Arc::clone(&ready));
        let (tell, told) = oneshot::channel();
        std::thread::Builder::new().name(format!("traffic-{number}")).spawn(move || {
            // Nobody waits only if the run itself was dropped.
            let _ = tell.send(worker::work(job, share, &meter, &ready));
        })?;
        ends.push(told);
    }
    let mut all = Vec::new();
    for end in ends {
        all.push(end.await.map_err(|_| TrafficError::Broken)??);
    }
    let merged = meter.merged();
    Ok(merge(&job, all, merged, meter.started()))
}

/// Whether a connection to the target stands.
///
/// # Errors
/// [`TrafficError`] when its address is none, or nobody listens there.
pub async fn reach(target: &Uri) -> Result<(), TrafficError> {
    let opened = dialler(target, CONNECT_TIMEOUT)?.open().await;
    opened.map(drop).map_err(|error| TrafficError::Unreachable { url: target.to_string(), reason: error.to_string() })
}

fn dialler(target: &Uri, timeout: Duration) -> Result<Dialler, TrafficError> {
    check(target)?;
    let config = ClientConfig { connect_timeout: CONNECT_TIMEOUT.min(timeout), ..ClientConfig::default() };
    Ok(Dialler::new(target, &config))
}

fn check(target: &Uri) -> Result<(), TrafficError> {
    let reason = match (target.scheme_str(), target.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => return Ok(()),
        (Some("http" | "https"), _) => "it names no host",
        _ => "it must begin with `http://` or `https://`",
    };
    Err(TrafficError::Address { url: target.to_string(), reason })
}

fn merge(job: &Job, parts: Vec<worker::Part>, merged: Histograms, started: Instant) -> Taken {
    let mut taken = Taken {
        records: Vec::with_capacity(job.arrivals.len()),
        answers: Vec::new(),
        response_us: merged.response_us,
        between_us: merged.between_us,
        started,
        wall: Duration::ZERO,
        cpu: Vec::new(),
        tides: Vec::new(),
        left: 0,
        simulated: false,
    };
    for part in parts {
        taken.records.extend(part.records);
        taken.answers.extend(part.answers);
        taken.wall = taken.wall.max(part.wall);
        taken.cpu.push(part.cpu);
        taken.simulated |= part.simulated;
        let longest = taken.tides.len().max(part.tides.len());
        taken.tides.resize(longest, (0, 0));
        for (all, own) in taken.tides.iter_mut().zip(part.tides) {
            *all = (all.0 + own.0, all.1 + own.1);
        }
    }
    taken.records.sort_unstable_by_key(|record| (record.at_us, record.arrival));
    taken.answers.sort_unstable_by_key(|(arrival, _)| *arrival);
    taken.left = job.arrivals.len() - taken.records.len();
    taken
}

impl Job {
    /// The path of a request under the target's root.
    pub(crate) fn path(&self, request: &Prepared) -> String {
        let root = self.target.path().trim_end_matches('/');
        format!("{root}{}", request.path)
    }
}

/// Microseconds of a duration; the largest 32 bits hold if it is longer.
pub(crate) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// Microseconds since a moment.
pub(crate) fn since(moment: Instant) -> u32 {
    micros(moment.elapsed())
}

/// A body that nobody copies.
pub(crate) type Body = http_body_util::Full<Bytes>;

#[cfg(test)]
mod tests;
