//! The evaluations that run on this server: who may begin one, how far each is, and places at models.

use crate::{DecisionError, LastPair, Progress};
use measure::{DecisionMetrics, LevelGuard};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The evaluations that run here, by decision.
#[derive(Default)]
pub(crate) struct Running(Mutex<HashMap<Arc<str>, watch::Sender<Progress>>>);

impl Running {
    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, watch::Sender<Progress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all().len()
    }

    /// Whether this decision is evaluated here.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.all().contains_key(id)
    }

    /// How far the evaluation of a decision is.
    pub(crate) fn watch(&self, id: &str) -> Option<watch::Receiver<Progress>> {
        self.all().get(id).map(watch::Sender::subscribe)
    }

    pub(crate) fn progress(&self, id: &str) -> Option<Progress> {
        self.all().get(id).map(|progress| progress.borrow().clone())
    }

    /// Takes a seat for an evaluation, of which there may be `most`.
    pub(crate) fn sit(
        self: &Arc<Self>,
        id: &Arc<str>,
        most: usize,
        metrics: &DecisionMetrics,
    ) -> Result<Seat, DecisionError> {
        let mut all = self.all();
        if let Some(other) = all.get(id) {
            return Err(DecisionError::running(id, Some(other.borrow().clone())));
        }
        if all.len() >= most {
            return Err(DecisionError::TooManyEvaluations { running: all.len() });
        }
        all.insert(Arc::clone(id), watch::Sender::new(Progress::default()));
        Ok(Seat { running: Arc::clone(self), id: Arc::clone(id), _counted: metrics.running.enter() })
    }
}

/// An evaluation's seat, given back when it is dropped, however it ends.
pub(crate) struct Seat {
    running: Arc<Running>,
    id: Arc<str>,
    _counted: LevelGuard,
}

impl Seat {
    pub(crate) fn watch(&self) -> Option<watch::Receiver<Progress>> {
        self.running.watch(&self.id)
    }

    /// Changes how far it is, and tells whoever watches; how far it is then.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Progress)) -> Progress {
        let all = self.running.all();
        let Some(progress) = all.get(&self.id) else { return Progress::default() };
        progress.send_modify(change);
        progress.borrow().clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = self.running.all().remove(&self.id);
        if let Some(gone) = gone {
            gone.send_modify(|progress| progress.finished = true);
        }
    }
}

/// How far something is, in words.
pub(crate) fn words(progress: &Progress) -> String {
    let Progress { total, done, failed, abstained, last, .. } = progress;
    let mut text = format!("{done} of {total} pairs");
    if *abstained > 0 {
        text.push_str(&format!(", {abstained} abstained"));
    }
    if *failed > 0 {
        text.push_str(&format!(", {failed} failed"));
    }
    if let Some(LastPair { option, criterion, outcome, score }) = last {
        let what = score.map_or_else(|| outcome.name().to_owned(), |score| format!("{score}"));
        text.push_str(&format!("; last {option} × {criterion}: {what}"));
    }
    text
}
