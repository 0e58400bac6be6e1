//! One outcome of what one model, or all members of a panel, say about a pair. Asks nobody.
//!
//! A panel's score is the mean of its members' scores, by their weights; how far they lie apart is their standard
//! deviation. It abstains where those who abstain weigh more than those who score. A member that failed or had no turn
//! is neither: where such weigh more than half of all, the pair fails, with the votes that there are.

use crate::evaluate::call::{Fault, Heard, Told};
use crate::evaluate::plan::Task;
use crate::{PairOutcome, Vote};

/// What all of them together say.
pub(super) struct Verdict {
    pub(super) outcome: PairOutcome,
    pub(super) score: Option<f64>,
    pub(super) confidence: Option<f64>,
    pub(super) spread: Option<f64>,
    pub(super) justification: String,
    pub(super) reason: String,
    pub(super) fault: Option<Fault>,
    pub(super) votes: Vec<Vote>,
    pub(super) notes: Vec<String>,
    /// Who answered: the model, or the panel.
    pub(super) model: String,
}

/// What follows from what was told; members of the weights in `late` had no turn.
pub(super) fn verdict(task: &Task, told: Vec<(Told, f64)>, late: &[f64]) -> Verdict {
    if !task.panel {
        return match told.into_iter().next() {
            Some((told, _)) => of_one(told),
            None => nothing(task),
        };
    }
    let mut all = nothing(task);
    all.votes = told.iter().map(|(told, _)| vote(told)).collect();
    let silent: Vec<f64> = told
        .iter()
        .filter(|(told, _)| matches!(told.outcome, Heard::Failed(_)))
        .map(|(_, weight)| *weight)
        .chain(late.iter().copied())
        .collect();
    let told_of = format!("{} of {} members did not answer", silent.len(), task.members.len());
    if !silent.is_empty() {
        all.notes.push(told_of.clone());
    }
    for (told, _) in &told {
        all.notes.extend(told.notes.iter().map(|note| format!("`{}`: {note}", told.model)));
    }
    let scored: Vec<(f64, f64)> = told.iter().filter_map(|(told, weight)| Some((score(told)?, *weight))).collect();
    let abstained: f64 =
        told.iter().filter(|(told, _)| matches!(told.outcome, Heard::Abstained { .. })).map(|(_, weight)| weight).sum();
    let weight: f64 = scored.iter().map(|(_, weight)| weight).sum();
    let silent: f64 = silent.iter().sum();
    if silent > weight + abstained {
        let heard = weight + abstained > 0.0;
        return failed(all, &told, !late.is_empty(), heard.then_some(told_of));
    }
    all.confidence = confidence(&told);
    if abstained > weight {
        all.outcome = PairOutcome::Abstained;
        all.reason = words(&told, |heard| match heard {
            Heard::Abstained { reason, .. } => Some(reason),
            _ => None,
        });
        all.justification = all.reason.clone();
        return all;
    }
    let mean = scored.iter().map(|(score, weight)| score * weight).sum::<f64>() / weight;
    all.outcome = PairOutcome::Scored;
    all.score = Some(mean.clamp(appraisal::SCORE_MIN, appraisal::SCORE_MAX));
    all.spread = deviation(&scored);
    all.justification = words(&told, |heard| match heard {
        Heard::Scored { justification, .. } => Some(justification),
        _ => None,
    });
    all
}

fn nothing(task: &Task) -> Verdict {
    Verdict {
        outcome: PairOutcome::Failed,
        score: None,
        confidence: None,
        spread: None,
        justification: String::new(),
        reason: String::new(),
        fault: None,
        votes: Vec::new(),
        notes: Vec::new(),
        model: task.model.clone(),
    }
}

fn of_one(told: Told) -> Verdict {
    let Told { model, outcome, notes, .. } = told;
    let (score, votes, spread) = (None, Vec::new(), None);
    let (confidence, justification, reason, fault) = (None, String::new(), String::new(), None);
    let none = PairOutcome::Failed;
    let base = Verdict { outcome: none, score, confidence, spread, justification, reason, fault, votes, notes, model };
    match outcome {
        Heard::Scored { score, confidence, justification } => {
            Verdict { outcome: PairOutcome::Scored, score: Some(score), confidence, justification, ..base }
        }
        Heard::Abstained { reason, confidence } => {
            let justification = reason.clone();
            Verdict { outcome: PairOutcome::Abstained, confidence, justification, reason, ..base }
        }
        Heard::Failed(fault) => Verdict { reason: fault.reason.clone(), fault: Some(fault), ..base },
    }
}

/// Too many failed: what the first one that may be asked again says, and each one's reason. Where only some did, it is
/// told that those who answered are too few.
fn failed(mut all: Verdict, told: &[(Told, f64)], late: bool, few: Option<String>) -> Verdict {
    let faults = || told.iter().filter_map(|(told, _)| fault(told).map(|fault| (&told.model, fault)));
    all.reason = faults().map(|(model, fault)| format!("`{model}`: {}", fault.reason)).collect::<Vec<_>>().join("; ");
    let lasting = faults().find(|(_, fault)| !fault.retryable).or_else(|| faults().next());
    let first = faults().find(|(_, fault)| fault.retryable).or(lasting);
    all.fault = first.map(|(_, fault)| fault.clone());
    if late {
        let fault = all.fault.get_or_insert_with(Fault::no_turn);
        fault.retryable = true;
    }
    if let Some(few) = few {
        all.reason = [few, std::mem::take(&mut all.reason)]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
            .join(": ");
    }
    all
}

fn fault(told: &Told) -> Option<&Fault> {
    match &told.outcome {
        Heard::Failed(fault) => Some(fault),
        _ => None,
    }
}

fn score(told: &Told) -> Option<f64> {
    match told.outcome {
        Heard::Scored { score, .. } => Some(score),
        _ => None,
    }
}

fn vote(told: &Told) -> Vote {
    let (confidence, reason) = match &told.outcome {
        Heard::Scored { confidence, .. } => (*confidence, String::new()),
        Heard::Abstained { reason, confidence } => (*confidence, reason.clone()),
        Heard::Failed(fault) => (None, fault.reason.clone()),
    };
    Vote { model: told.model.clone(), score: score(told), confidence, reason }
}

/// The mean of those that tell one, by weight.
fn confidence(told: &[(Told, f64)]) -> Option<f64> {
    let of = |told: &Told| match told.outcome {
        Heard::Scored { confidence, .. } | Heard::Abstained { confidence, .. } => confidence,
        Heard::Failed(_) => None,
    };
    let known: Vec<(f64, f64)> = told.iter().filter_map(|(told, weight)| Some((of(told)?, *weight))).collect();
    let weight: f64 = known.iter().map(|(_, weight)| weight).sum();
    (weight > 0.0).then(|| known.iter().map(|(it, weight)| it * weight).sum::<f64>() / weight)
}

/// The standard deviation of scores, as a sample's; `None` for fewer than two.
fn deviation(scored: &[(f64, f64)]) -> Option<f64> {
    let count = scored.len() as f64;
    if scored.len() < 2 {
        return None;
    }
    let mean = scored.iter().map(|(score, _)| score).sum::<f64>() / count;
    let squares: f64 = scored.iter().map(|(score, _)| (score - mean).powi(2)).sum();
    Some((squares / (count - 1.0)).sqrt())
}

/// What members say, each under its name.
fn words(told: &[(Told, f64)], of: impl Fn(&Heard) -> Option<&String>) -> String {
    let lines = told.iter().filter_map(|(told, _)| Some((of(&told.outcome)?, told)));
    let lines = lines.map(|(text, told)| match score(told) {
        Some(score) => format!("`{}` ({score}): {text}", told.model),
        None => format!("`{}`: {text}", told.model),
    });
    lines.collect::<Vec<_>>().join("\n")
}
