//! What is kept of a decision, row by row.

use crate::PairOutcome;
use crate::decision::Vote;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A decision itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Its id.
    pub id: Arc<str>,
    /// What is to be decided.
    pub topic: String,
    /// Who was asked for.
    pub backend: String,
    /// Whom pairs are put to; `None` where nobody is there.
    pub model: Option<String>,
    /// How much chance models may use.
    pub temperature: f64,
    /// Whether somebody else is asked than was asked for.
    pub degraded: bool,
    /// Why.
    pub reasons: Vec<String>,
    /// How criteria compare two by two.
    pub comparisons: Vec<Compared>,
    /// Grows with each change.
    pub version: i64,
    /// The id that the next option or criterion gets.
    pub next_id: i64,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last used.
    pub touched_ms: i64,
    /// When a pair was scored last.
    pub evaluated_ms: Option<i64>,
    /// How many evaluations have ended.
    pub evaluations: i64,
    /// Which server evaluates it, or did so last.
    pub owner: String,
    /// Until when nobody else may, in milliseconds since 1970.
    pub lease_ms: i64,
    /// Which evaluation it is, counted: only the newest may write scores.
    pub fence: i64,
    /// With which evaluation the refresh began that is not finished; 0 where none is.
    pub refresh: i64,
}

/// How two criteria compare, by their ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Which.
    pub criterion: i64,
    /// Compared with which.
    pub with: i64,
    /// How many times as important.
    pub times: f64,
}

/// An option.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionRow {
    /// Counted within its decision.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// What in its texts looks like an order to a model.
    pub flags: Vec<String>,
}

/// A criterion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CriterionRow {
    /// Counted within its decision.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// How much it counts.
    pub weight: f64,
    /// What whoever scores it is told.
    pub custom_prompt: Option<String>,
    /// Whom its pairs are put to, where that is not the decision's model.
    pub model: Option<String>,
    /// How much chance that one may use, where it is not the decision's.
    pub temperature: Option<f64>,
    /// What in its texts looks like an order to a model.
    pub flags: Vec<String>,
}

/// An option's id and a criterion's.
pub type Place = (i64, i64);

/// What a pair was given.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// Which pair.
    pub place: Place,
    /// What it was asked with, as [`asked`](crate::asked()) makes it.
    pub asked: Arc<str>,
    /// What became of it.
    pub outcome: PairOutcome,
    /// 1 to 10.
    pub score: Option<f64>,
    /// 0 to 1.
    pub confidence: Option<f64>,
    /// The standard deviation of the votes' scores.
    pub spread: Option<f64>,
    /// What it cost in US dollars, where that is known.
    pub cost_usd: Option<f64>,
    /// Whether a script answered.
    pub simulated: bool,
    /// Of a failure, whether asking again may help.
    pub retryable: bool,
    /// Who answered.
    pub model: String,
    /// Of a failure, its name; else empty.
    pub code: String,
    /// The version of the question.
    pub prompt_version: String,
    /// Why this score.
    pub justification: String,
    /// Why none.
    pub reason: String,
    /// What members of a panel gave.
    pub votes: Vec<Vote>,
    /// What there is to know of the answer.
    pub notes: Vec<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Which evaluation gave it, counted; 0 for the caller's own.
    pub fence: i64,
}

/// A message of a pair's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who was asked.
    pub model: String,
    /// `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Conversations by pair.
pub type History = HashMap<Place, Vec<Said>>;

/// A decision with all that belongs to it, but the conversations.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The decision itself.
    pub head: Head,
    /// Its options, in the order in which they were added.
    pub options: Vec<OptionRow>,
    /// Its criteria, in the order in which they were added.
    pub criteria: Vec<CriterionRow>,
    /// What pairs were given, in the order of their ids.
    pub scores: Vec<ScoreRow>,
    /// When it was read, in milliseconds since 1970.
    pub now_ms: i64,
    /// Of each of `scores`, whether it is about the texts as they are: found out once.
    pub(crate) current: OnceLock<Vec<bool>>,
}

impl Whole {
    /// What a pair was given, whether it is outdated or not.
    pub fn row(&self, option: i64, criterion: i64) -> Option<&ScoreRow> {
        let found = self.scores.binary_search_by_key(&(option, criterion), |row| row.place);
        found.ok().and_then(|at| self.scores.get(at))
    }

    /// What a pair was given, if that is about the texts as they are.
    pub fn current_row(&self, option: &OptionRow, criterion: &CriterionRow) -> Option<&ScoreRow> {
        self.row(option.id, criterion.id).filter(|row| self.is_current(row))
    }

    /// All pairs, option by option, with what each was given that is about the texts as they are.
    pub fn current(&self) -> impl Iterator<Item = (&OptionRow, &CriterionRow, Option<&ScoreRow>)> {
        let all = self.options.iter().flat_map(|option| self.criteria.iter().map(move |it| (option, it)));
        all.map(|(option, criterion)| (option, criterion, self.current_row(option, criterion)))
    }
}
