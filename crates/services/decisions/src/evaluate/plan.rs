//! Which pairs are to be asked, with what, and what came of all of them. Asks nobody.

use crate::evaluate::course::Stopped;
use crate::{CALLER, Evaluation, PairFault, PairOutcome, Summary};
use appraisal::{Pair, Prompt};
use docket::{CriterionRow, History, OptionRow, Place, Said, ScoreRow, Whole, asked, model_of};
use matrix::Matrix;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use wire::openai::ChatRequest;

/// A pair to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) place: Place,
    pub(crate) option: String,
    pub(crate) criterion: String,
    pub(crate) asked: Arc<str>,
    pub(crate) prompt: Prompt,
    pub(crate) temperature: f64,
    /// What the pair is put to.
    pub(crate) model: String,
    /// Whom to ask with which weight: the members of a panel, or the one model.
    pub(crate) members: Vec<(String, f64)>,
    /// Whether it is a panel, whose votes are kept.
    pub(crate) panel: bool,
}

/// What an evaluation is to do.
pub(crate) struct Plan {
    /// The pairs to be asked, option by option, so that those at hand are of many criteria.
    pub(crate) work: Vec<Task>,
    /// Pairs that have a valid score already.
    pub(crate) reused: usize,
    /// Pairs that nobody can be asked about.
    pub(crate) nobody: usize,
    pub(crate) criteria: Vec<i64>,
    /// What was said before about pairs that are asked.
    pub(crate) history: History,
    /// Whether pairs are asked that have a score.
    pub(crate) refresh: bool,
    /// Of those that are not asked, the ones that a refresh asked which broke off.
    pub(crate) resumed: usize,
}

impl Plan {
    pub(crate) fn of(whole: &Whole, refresh: bool, matrix: &Matrix) -> Self {
        let criteria = whole.criteria.iter().map(|criterion| criterion.id).collect();
        let history = History::new();
        let mut plan = Self { work: Vec::new(), reused: 0, nobody: 0, criteria, history, refresh, resumed: 0 };
        let members: Vec<_> = whole.criteria.iter().map(|criterion| members(whole, criterion, matrix)).collect();
        for option in &whole.options {
            for (criterion, members) in whole.criteria.iter().zip(&members) {
                let resumed = |row: &ScoreRow| refresh && row.fence >= whole.head.refresh;
                let known = whole.row(option.id, criterion.id).filter(|row| {
                    let settled = row.outcome != PairOutcome::Failed && whole.is_current(row);
                    settled && (!refresh || row.model == CALLER || resumed(row))
                });
                plan.resumed += usize::from(known.is_some_and(resumed));
                match (known, members) {
                    (Some(_), _) => plan.reused += 1,
                    (None, None) => plan.nobody += 1,
                    (None, Some(members)) => plan.work.push(task(whole, option, criterion, members.clone())),
                }
            }
        }
        let pairs = whole.options.len() * whole.criteria.len();
        let (asked, reused, nobody) = (plan.work.len(), plan.reused, plan.nobody);
        tracing::debug!(session = %whole.head.id, pairs, asked, reused, nobody, "evaluating");
        plan
    }

    /// How much of a refresh is left: pairs that were not asked, or failed in a way that may pass.
    fn left(&self, stopped: &Stopped) -> usize {
        let settled = |task: &&Task| {
            let came = stopped.landed.get(&task.place);
            came.is_some_and(|came| came.failed.as_ref().is_none_or(|(.., retryable)| !retryable))
        };
        self.work.len() - self.work.iter().filter(settled).count()
    }

    /// Whether all is asked anew that was to be.
    pub(crate) fn is_refreshed(&self, stopped: &Stopped) -> bool {
        self.refresh && self.left(stopped) == 0
    }

    /// What there is to know of a refresh that broke off, this one or the one before.
    fn broken_off(&self, stopped: &Stopped) -> Vec<String> {
        let pairs = |count: usize| if count == 1 { "1 pair".to_owned() } else { format!("{count} pairs") };
        let before = Some(self.resumed).filter(|count| *count > 0).map(|count| {
            format!("this goes on with a refresh that was broken off; {} had been asked anew before", pairs(count))
        });
        let left = Some(self.left(stopped)).filter(|left| self.refresh && *left > 0).map(|left| {
            format!("the refresh has {} left: evaluate with `refresh` again to ask no others", pairs(left))
        });
        before.into_iter().chain(left).collect()
    }

    /// Of the pairs to be asked, those that were asked before.
    pub(crate) fn again(&self, whole: &Whole) -> Vec<Place> {
        let places = self.work.iter().map(|task| task.place);
        places.filter(|(option, criterion)| whole.row(*option, *criterion).is_some()).collect()
    }
}

/// Whom a criterion's pairs are put to.
type Members = (Vec<(String, f64)>, bool);

fn members(whole: &Whole, criterion: &CriterionRow, matrix: &Matrix) -> Option<Members> {
    let model = model_of(&whole.head, criterion)?;
    // A panel's limit on cost holds for the longest question of all.
    let prompts = whole.options.iter().map(|option| pair(whole, option, criterion).prompt());
    let longest = prompts.map(|prompt| prompt.system + &prompt.user).max_by_key(String::len).unwrap_or_default();
    match matrix.members(&ChatRequest::from_prompt(model, &longest)) {
        Some(members) if !members.is_empty() => Some((members, true)),
        _ => Some((vec![(model.to_owned(), 1.0)], false)),
    }
}

/// What models are told of a pair.
fn pair<'a>(whole: &'a Whole, option: &'a OptionRow, criterion: &'a CriterionRow) -> Pair<'a> {
    Pair {
        topic: &whole.head.topic,
        option_name: &option.name,
        option_description: Some(option.description.as_str()).filter(|text| !text.is_empty()),
        criterion_name: &criterion.name,
        criterion_description: &criterion.description,
        weight: criterion.weight,
        custom_prompt: criterion.custom_prompt.as_deref(),
    }
}

fn task(whole: &Whole, option: &OptionRow, criterion: &CriterionRow, (members, panel): Members) -> Task {
    let model = model_of(&whole.head, criterion).unwrap_or_default();
    Task {
        place: (option.id, criterion.id),
        option: option.name.clone(),
        criterion: criterion.name.clone(),
        asked: asked(&whole.head, option, criterion, model),
        prompt: pair(whole, option, criterion).prompt(),
        temperature: criterion.temperature.unwrap_or(whole.head.temperature),
        model: model.to_owned(),
        members,
        panel,
    }
}

/// The newest messages of a conversation, as many as are kept.
pub(crate) fn trimmed(mut said: Vec<Said>, most: usize) -> Vec<Said> {
    let over = said.len().saturating_sub(most);
    said.drain(..over);
    said
}

/// Why a pair was not asked.
pub(crate) const NO_MODEL: (&str, &str) =
    ("no_model", "no model is set up: score it yourself with `score_option`, or add a provider");
const OUTDATED: (&str, &str) = ("outdated", "its texts have changed since it was scored");
const NEVER: (&str, &str) = ("not_asked", "it was not asked yet");

/// Why a pair without a valid outcome has none.
pub(crate) fn missing(whole: &Whole, option: &OptionRow, criterion: &CriterionRow) -> PairFault {
    let (code, reason) = match whole.row(option.id, criterion.id) {
        _ if model_of(&whole.head, criterion).is_none() => NO_MODEL,
        Some(_) => OUTDATED,
        None => NEVER,
    };
    fault(option, criterion, code, reason.to_owned(), code != NO_MODEL.0)
}

fn fault(option: &OptionRow, criterion: &CriterionRow, code: &str, reason: String, retryable: bool) -> PairFault {
    let (option, criterion, code) = (option.name.clone(), criterion.name.clone(), code.to_owned());
    PairFault { option, criterion, code, reason, retryable }
}

/// What is said of a pair that keeps its score though it was to be asked anew.
const STAYS: &str = "; the score from before stays";

/// What an evaluation came to. A pair that this evaluation was to ask, and did not or in vain, is told as such though it
/// keeps a score from before.
pub(crate) fn report(whole: &Whole, plan: &Plan, stopped: &Stopped, took: Duration) -> Evaluation {
    let (mut summary, mut errors, mut absent) = (Summary::default(), Vec::new(), Vec::new());
    let (mut simulated, mut reasons, mut left) = (false, whole.head.reasons.clone(), 0);
    let planned: HashSet<Place> = plan.work.iter().map(|task| task.place).collect();
    for option in &whole.options {
        for criterion in &whole.criteria {
            let row = whole.current_row(option, criterion);
            let place = (option.id, criterion.id);
            let (came, stays) = (stopped.landed.get(&place), row.filter(|row| row.outcome != PairOutcome::Failed));
            simulated |= row.is_some_and(|row| row.simulated);
            if let Some((code, reason, retryable)) = came.and_then(|came| came.failed.as_ref()) {
                let stays = stays.map_or("", |_| STAYS);
                errors.push(fault(option, criterion, code, format!("{reason}{stays}"), *retryable));
                continue;
            }
            let Some(row) = row.filter(|_| came.is_some() || !planned.contains(&place)) else {
                let mut fault = missing(whole, option, criterion);
                left += 1;
                if let Some((code, why)) = stopped.why.as_ref().filter(|_| fault.code != NO_MODEL.0) {
                    (fault.code, fault.reason) = ((*code).to_owned(), why.clone());
                }
                fault.reason.push_str(stays.map_or("", |_| STAYS));
                absent.push(fault);
                continue;
            };
            match row.outcome {
                PairOutcome::Scored => summary.successful_scores += 1,
                PairOutcome::Abstained => summary.abstentions += 1,
                PairOutcome::Failed => {
                    errors.push(fault(option, criterion, &row.code, row.reason.clone(), row.retryable));
                }
            }
        }
    }
    simulated |= stopped.landed.values().any(|came| came.simulated);
    let cost = stopped.landed.values().try_fold(0.0, |sum, came| Some(sum + came.cost_usd?));
    summary.options_evaluated = whole.options.len();
    summary.criteria_used = whole.criteria.len();
    summary.total_evaluations = whole.options.len() * whole.criteria.len();
    summary.errors = errors.len() + absent.len();
    reasons.extend(stopped.why.as_ref().map(|(_, why)| format!("{left} pairs were not asked: {why}")));
    reasons.extend(plan.broken_off(stopped));
    reasons.extend(stopped.notes.iter().cloned());
    Evaluation {
        session_id: whole.head.id.to_string(),
        version: whole.head.version,
        complete: summary.errors == 0,
        degraded: whole.head.degraded || summary.errors > 0 || !stopped.notes.is_empty(),
        summary,
        errors,
        missing: absent,
        asked: stopped.landed.len(),
        reused: plan.reused,
        cost_usd: cost,
        simulated,
        reasons,
        took_ms: took.as_secs_f64() * 1_000.0,
    }
}
