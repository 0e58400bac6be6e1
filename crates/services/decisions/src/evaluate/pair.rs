//! One pair: put to a model, or to each member of a panel, and turned into a row.

use crate::Vote;
use crate::evaluate::call::Told;
use crate::evaluate::plan::Task;
use crate::evaluate::votes::{Verdict, verdict};
use crate::room::Decisions;
use appraisal::PROMPT_VERSION;
use caller::Caller;
use docket::{Said, ScoreRow, check};
use fault::Kind;
use futures_util::future::join_all;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Who asks about pairs, and by which rules.
pub(super) struct Worker<'a> {
    pub(super) room: &'a Decisions,
    pub(super) caller: &'a Caller,
    pub(super) rules: &'a settings::Decisions,
    /// When the evaluation must be over.
    pub(super) until: Instant,
    /// Places for questions about this criterion.
    pub(super) gate: Arc<Semaphore>,
}

/// What came of a pair.
pub(super) struct Landed {
    pub(super) row: ScoreRow,
    pub(super) said: Vec<Said>,
    pub(super) option: String,
    pub(super) criterion: String,
    /// Of a failure: what kind of trouble it was, unless somebody answered.
    pub(super) kind: Option<Kind>,
}

impl Worker<'_> {
    /// Asks all there are to ask about a pair; `None` where the turn of none of them came.
    pub(super) async fn work(self, task: &Task) -> Option<Landed> {
        let asked = task.members.iter().map(|(model, _)| self.ask(task, model));
        let told = join_all(asked).await;
        let weights = task.members.iter().map(|(_, weight)| *weight);
        let (heard, late): (Vec<_>, Vec<_>) = told.into_iter().zip(weights).partition(|(told, _)| told.is_some());
        let mut told: Vec<(Told, f64)> = heard.into_iter().filter_map(|(told, weight)| Some((told?, weight))).collect();
        if told.is_empty() {
            return None;
        }
        let said = told.iter_mut().flat_map(|(told, _)| std::mem::take(&mut told.said)).collect();
        let simulated = told.iter().any(|(told, _)| told.simulated);
        let cost_usd = told.iter().try_fold(0.0, |sum, (told, _)| Some(sum + told.cost_usd?));
        let Verdict { outcome, score, confidence, spread, justification, reason, fault, votes, notes, model } =
            verdict(task, told, &late.iter().map(|(_, weight)| *weight).collect::<Vec<_>>());
        let keep = |text: &str| check::kept(text.trim(), self.rules.justification_chars_max);
        let row = ScoreRow {
            place: task.place,
            asked: Arc::clone(&task.asked),
            outcome,
            score,
            confidence,
            spread,
            cost_usd,
            simulated,
            retryable: fault.as_ref().is_some_and(|fault| fault.retryable),
            model,
            code: fault.as_ref().map_or_else(String::new, |fault| fault.code.to_owned()),
            prompt_version: PROMPT_VERSION.to_owned(),
            justification: keep(&justification),
            reason: keep(&reason),
            votes: votes.into_iter().map(|vote| Vote { reason: keep(&vote.reason), ..vote }).collect(),
            notes,
            at_ms: 0,
            fence: 0,
        };
        let kind = fault.and_then(|fault| fault.kind);
        Some(Landed { row, said, option: task.option.clone(), criterion: task.criterion.clone(), kind })
    }
}
