//! Who is served next: texts that somebody waits for before all others, between any two layers of a batch. Knows no
//! file.

use crate::minilm::{MiniLm, Scratch, Tokens};
use crate::tokens::Splitter;
use crate::{EmbedError, Urgency, Vector};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Tokens that go through the network together, unless one text alone has more: what a thread works on fits its own
/// cache, and memory is bounded.
const PIECE_TOKENS: usize = 128;

/// Texts for one thread.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) texts: Vec<String>,
    pub(super) reply: oneshot::Sender<Vec<Vector>>,
}

/// What waits.
#[derive(Debug, Default)]
struct Waiting {
    now: VecDeque<Job>,
    background: VecDeque<Job>,
    texts: usize,
    closed: bool,
}

/// The model, and what waits for it.
#[derive(Debug)]
pub(super) struct Queue {
    network: MiniLm,
    splitter: Splitter,
    waiting: Mutex<Waiting>,
    waiting_max: usize,
    ready: Condvar,
}

impl Queue {
    pub(super) fn new(network: MiniLm, splitter: Splitter, waiting_max: usize) -> Self {
        Self { network, splitter, waiting: Mutex::default(), waiting_max, ready: Condvar::new() }
    }

    /// Lets all of `jobs` wait, or none.
    pub(super) fn push(&self, jobs: Vec<Job>, urgency: Urgency) -> Result<(), EmbedError> {
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
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let left = (std::mem::take(&mut waiting.now), std::mem::take(&mut waiting.background));
        drop(waiting);
        drop(left);
        self.ready.notify_all();
    }

    /// What a thread does until the end.
    pub(super) fn work(&self) {
        let (mut own, mut hurried) = (Scratch::default(), Scratch::default());
        while let Some((job, urgency)) = self.next() {
            match urgency {
                Urgency::Now => self.serve(job, &mut hurried, &mut || ()),
                Urgency::Background => self.serve(job, &mut own, &mut || self.serve_hurried(&mut hurried)),
            }
        }
    }

    /// Waits for the next job.
    fn next(&self) -> Option<(Job, Urgency)> {
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

    /// Everything that somebody waits for, in the middle of something else.
    fn serve_hurried(&self, scratch: &mut Scratch) {
        loop {
            let job = self.lock().take(Urgency::Now);
            match job {
                Some(job) => self.serve(job, scratch, &mut || ()),
                None => return,
            }
        }
    }

    fn serve(&self, job: Job, scratch: &mut Scratch, pause: &mut dyn FnMut()) {
        let mut vectors = Vec::with_capacity(job.texts.len());
        let mut piece = Tokens::default();
        for text in &job.texts {
            let ids = self.splitter.split(text);
            if piece.count() > 0 && piece.count() + ids.len() > PIECE_TOKENS {
                if self.is_given_up(&job) {
                    return;
                }
                vectors.extend(self.network.forward(&piece, scratch, &mut *pause));
                piece = Tokens::default();
            }
            piece.push(&ids);
        }
        if self.is_given_up(&job) {
            return;
        }
        vectors.extend(self.network.forward(&piece, scratch, pause));
        // Whoever has left in the meantime needs nothing.
        let _ = job.reply.send(vectors);
    }

    fn is_given_up(&self, job: &Job) -> bool {
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
