//! Who is served next: texts that somebody waits for before all others. Knows no model.

use crate::{EmbedError, Urgency, Vector};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Texts for one thread.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) texts: Vec<String>,
    reply: oneshot::Sender<Result<Vec<Vector>, EmbedError>>,
}

impl Job {
    /// Tells whoever waits; whoever has left in the meantime needs nothing.
    pub(crate) fn answer(self, vectors: Result<Vec<Vector>, EmbedError>) {
        let _ = self.reply.send(vectors);
    }
}

/// What waits.
#[derive(Debug, Default)]
struct Waiting {
    now: VecDeque<Job>,
    background: VecDeque<Job>,
    texts: usize,
    closed: bool,
}

/// Whoever waits for a model in this process.
#[derive(Debug)]
pub(crate) struct Line {
    waiting: Mutex<Waiting>,
    waiting_max: usize,
    ready: Condvar,
}

impl Line {
    /// A line that at most so many texts wait in.
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self { waiting: Mutex::default(), waiting_max, ready: Condvar::new() }
    }

    /// The vectors of `texts`, in their order, which become jobs of `together` texts each.
    ///
    /// # Errors
    /// [`EmbedError::Busy`] where there is no room, [`EmbedError::Closed`] where nobody serves any more, and whatever a
    /// job is answered with.
    pub(crate) async fn vectors(
        &self,
        texts: &[&str],
        together: usize,
        urgency: Urgency,
    ) -> Result<Vec<Vector>, EmbedError> {
        // Texts of a length together, so that a piece is as full as it may be.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| texts.get(*at).map_or(0, |text| text.len()));
        let (mut jobs, mut replies) = (Vec::new(), Vec::new());
        for places in order.chunks(together.max(1)) {
            let (reply, replied) = oneshot::channel();
            let texts = places.iter().filter_map(|at| texts.get(*at).map(|text| (*text).to_owned())).collect();
            jobs.push(Job { texts, reply });
            replies.push((places, replied));
        }
        self.push(jobs, urgency)?;
        let mut vectors: Vec<Option<Vector>> = vec![None; texts.len()];
        for (places, replied) in replies {
            for (at, vector) in places.iter().zip(replied.await.map_err(|_| EmbedError::Closed)??) {
                if let Some(place) = vectors.get_mut(*at) {
                    *place = Some(vector);
                }
            }
        }
        vectors.into_iter().collect::<Option<_>>().ok_or(EmbedError::Closed)
    }

    /// Lets all of `jobs` wait, or none.
    fn push(&self, jobs: Vec<Job>, urgency: Urgency) -> Result<(), EmbedError> {
        let texts: usize = jobs.iter().map(|job| job.texts.len()).sum();
        let count = jobs.len();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(EmbedError::Closed);
        }
        if waiting.texts.saturating_add(texts) > self.waiting_max {
            return Err(EmbedError::Busy { waiting: waiting.texts, most: self.waiting_max });
        }
        waiting.texts += texts;
        match urgency {
            Urgency::Now => waiting.now.extend(jobs),
            Urgency::Background => waiting.background.extend(jobs),
        }
        drop(waiting);
        for _ in 0..count {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Nobody is served any more; whoever waits hears of it.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let left = (std::mem::take(&mut waiting.now), std::mem::take(&mut waiting.background));
        drop(waiting);
        drop(left);
        self.ready.notify_all();
    }

    /// Waits for the next job; `None` at the end.
    pub(crate) fn next(&self) -> Option<(Job, Urgency)> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(job) = waiting.take(Urgency::Now) {
                return Some((job, Urgency::Now));
            }
            if let Some(job) = waiting.take(Urgency::Background) {
                return Some((job, Urgency::Background));
            }
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next job that somebody waits for, if there is one.
    pub(crate) fn hurried(&self) -> Option<Job> {
        self.lock().take(Urgency::Now)
    }

    /// Whether nobody waits for a job any more.
    pub(crate) fn is_given_up(&self, job: &Job) -> bool {
        job.reply.is_closed() || self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // What waits is whole whenever a lock is let go: nothing between can break.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take(&mut self, urgency: Urgency) -> Option<Job> {
        let job = match urgency {
            Urgency::Now => self.now.pop_front(),
            Urgency::Background => self.background.pop_front(),
        }?;
        self.texts = self.texts.saturating_sub(job.texts.len());
        Some(job)
    }
}
