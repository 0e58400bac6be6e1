//! Rows as callers are told of them.

use crate::rows::{CriterionRow, OptionRow, ScoreRow, Whole};
use crate::{Comparison, Criterion, Decision, DecisionOption, Pair};

impl Whole {
    /// The decision as it stands.
    pub fn decision(&self) -> Decision {
        let head = &self.head;
        Decision {
            id: head.id.to_string(),
            topic: head.topic.clone(),
            model_backend: head.backend.clone(),
            model: head.model.clone(),
            temperature: head.temperature,
            version: head.version,
            created_ms: head.created_ms,
            touched_ms: head.touched_ms,
            evaluated_ms: head.evaluated_ms,
            evaluations_run: head.evaluations,
            evaluating: head.lease_ms > self.now_ms,
            degraded: head.degraded,
            reasons: head.reasons.clone(),
            options: self.options.iter().map(option).collect(),
            criteria: self.criteria.iter().map(criterion).collect(),
            comparisons: self.comparisons(),
            pairs: self.pairs(),
        }
    }

    fn comparisons(&self) -> Vec<Comparison> {
        let name = |id: i64| self.criteria.iter().find(|it| it.id == id).map(|it| it.name.clone());
        let all = self.head.comparisons.iter();
        all.filter_map(|it| Some(Comparison { criterion: name(it.criterion)?, with: name(it.with)?, times: it.times }))
            .collect()
    }

    /// All pairs that were ever asked, option by option.
    fn pairs(&self) -> Vec<Pair> {
        let all = self.options.iter().flat_map(|option| self.criteria.iter().map(move |it| (option, it)));
        all.filter_map(|(option, criterion)| {
            let row = self.row(option.id, criterion.id)?;
            let outdated = !self.is_current(row);
            Some(pair(&option.name, &criterion.name, row, outdated))
        })
        .collect()
    }
}

fn option(row: &OptionRow) -> DecisionOption {
    DecisionOption { name: row.name.clone(), description: row.description.clone(), flags: row.flags.clone() }
}

fn criterion(row: &CriterionRow) -> Criterion {
    Criterion {
        name: row.name.clone(),
        description: row.description.clone(),
        weight: row.weight,
        custom_prompt: row.custom_prompt.clone(),
        model: row.model.clone(),
        temperature: row.temperature,
        flags: row.flags.clone(),
    }
}

fn pair(option: &str, criterion: &str, row: &ScoreRow, outdated: bool) -> Pair {
    Pair {
        option: option.to_owned(),
        criterion: criterion.to_owned(),
        outcome: row.outcome,
        score: row.score,
        confidence: row.confidence,
        justification: row.justification.clone(),
        reason: row.reason.clone(),
        code: Some(row.code.clone()).filter(|code| !code.is_empty()),
        retryable: row.retryable,
        votes: row.votes.clone(),
        spread: row.spread,
        model: row.model.clone(),
        simulated: row.simulated,
        cost_usd: row.cost_usd,
        prompt_version: row.prompt_version.clone(),
        outdated,
        notes: row.notes.clone(),
        at_ms: row.at_ms,
    }
}
