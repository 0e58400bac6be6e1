//! How panels stand: members, weights in force, measured accuracy; and the truth about a question, told afterwards.

use crate::minutes::{Minutes, pairs};
use crate::plan::{Panel, Plan};
use caller::Identity;
use consensus::{RECENT_QUESTIONS_MAX, assumed_rho, effective_voters, mean_rho, pair_rho, wilson};
use fault::{Explain, Kind, Origin, Retry};
use settings::{Answers, OnDisagreement, Weights};
use std::time::Duration;
use votes::{Accuracy, Settled, Standing, Together, VotesError};

/// Bytes of a right answer in words, at most.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How a panel stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelState {
    /// Its name.
    pub name: String,
    /// The share of the weight that must agree.
    pub agreement: f64,
    /// What kind of answer is compared.
    pub answers: Answers,
    /// Whose voice weighs how much.
    pub weights: Weights,
    /// How many members are asked first; `None` for all at once.
    pub first: Option<usize>,
    /// `judge` or `arbiter` with the model that settles what the members do not agree on.
    pub judge: Option<(&'static str, String)>,
    /// What is answered without agreement.
    pub on_disagreement: OnDisagreement,
    /// How long it may take.
    pub deadline: Duration,
    /// Questions on which it agreed.
    pub reached: u64,
    /// Questions on which it did not.
    pub not_reached: u64,
    /// How many independent voices its members are worth, judged by all that is known.
    pub effective_voters: f64,
    /// The members, in the panel's order.
    pub members: Vec<MemberState>,
    /// Members two by two, where any question is known that both answered.
    pub pairs: Vec<PairState>,
}

/// How a member of a panel stands.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberState {
    /// Which.
    pub model: String,
    /// Who trained it, as far as that is known.
    pub family: String,
    /// What its voice weighs by the settings.
    pub given: f64,
    /// What it weighs now.
    pub in_force: f64,
    /// How often it was right, where any truth is known.
    pub accuracy: Option<AccuracyState>,
}

/// How often a member was right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccuracyState {
    /// Answers that were right.
    pub right: u64,
    /// Answers whose truth is known.
    pub asked: u64,
    /// The 95 % Wilson interval of the share, 0 to 1.
    pub interval: [f64; 2],
}

/// How two members did together.
#[derive(Debug, Clone, PartialEq)]
pub struct PairState {
    /// One of them, earlier in the panel's order.
    pub first: String,
    /// The other one.
    pub second: String,
    /// The counts.
    pub counts: Together,
    /// How their errors correlate, 0 to 1, shrunk to what is assumed of such models.
    pub rho: f64,
}

/// What is true about a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    /// These models were right, and whoever said the same; nobody else.
    Right(Vec<String>),
    /// This is the right answer.
    Answer(String),
}

/// Why the truth cannot be told, or what is known not be shown.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The log says no.
    #[error(transparent)]
    Votes(#[from] VotesError),
    /// Nobody remembers what was said.
    #[error("the words of the answers to `{request_id}` are not in memory")]
    Forgotten {
        /// Which request, as it was asked for.
        request_id: String,
    },
    /// The right answer has more than [`ANSWER_BYTES_MAX`] bytes.
    #[error("the right answer has {bytes} bytes, at most {ANSWER_BYTES_MAX} are compared")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The comparison did not come to an end.
    #[error("the answers were not compared")]
    Broken,
    /// This engine writes nothing down.
    #[error("what panels answer is not written down here")]
    Unlogged,
}

impl Explain for SettleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Votes(error) => error.code(),
            Self::Forgotten { .. } => "answer_forgotten",
            Self::TooLong { .. } => "answer_too_long",
            Self::Broken => "internal_error",
            Self::Unlogged => "votes_not_kept",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Votes(error) => error.kind(),
            Self::Forgotten { .. } => Kind::NotFound,
            Self::TooLong { .. } => Kind::TooLarge,
            Self::Broken => Kind::Internal,
            Self::Unlogged => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Votes(error) => error.origin(),
            Self::Forgotten { .. } | Self::TooLong { .. } => Origin::Caller,
            Self::Broken | Self::Unlogged => Origin::Us,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Votes(error) => error.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Votes(error) => error.hint(),
            Self::Forgotten { .. } => Some(format!(
                "name the models that were right with `right`; words are remembered by the server that was asked, of its \
                 last {RECENT_QUESTIONS_MAX} questions"
            )),
            Self::TooLong { .. } => {
                Some("name the models that were right with `right`, or leave out what is not the answer".to_owned())
            }
            Self::Broken | Self::Unlogged => None,
        }
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::Votes(error) => error.param(),
            Self::Forgotten { .. } | Self::TooLong { .. } => Some("answer".to_owned()),
            Self::Broken | Self::Unlogged => None,
        }
    }
}

/// How every panel stands, as far as `who` may see.
pub(crate) async fn states(plan: &Plan, minutes: &Minutes, who: &Identity) -> Result<Vec<PanelState>, SettleError> {
    let seen = match minutes.votes() {
        Some(votes) => votes.standings(who).await?,
        None => Default::default(),
    };
    let none = Standing::default();
    Ok(plan.panels().map(|panel| state(panel, minutes, seen.get(&panel.name).unwrap_or(&none))).collect())
}

fn state(panel: &Panel, minutes: &Minutes, seen: &Standing) -> PanelState {
    let (weights, evidence) = minutes.weights(panel);
    let families: Vec<&str> = panel.seats.iter().map(|seat| seat.endpoint.family()).collect();
    let rho = mean_rho(&families, |a, b| evidence.pairs.get(&(a, b)).copied());
    let members = panel.seats.iter().zip(weights).map(|(seat, in_force)| MemberState {
        model: seat.endpoint.id().to_owned(),
        family: seat.endpoint.family().to_owned(),
        given: seat.weight,
        in_force,
        accuracy: seen.models.get(seat.endpoint.id()).filter(|found| found.asked > 0).map(accuracy),
    });
    PanelState {
        name: panel.name.clone(),
        agreement: panel.agreement,
        answers: panel.answers,
        weights: panel.weights,
        first: panel.first,
        judge: panel.judge.as_ref().map(|judge| (judge.settler.as_str(), judge.endpoint.id().to_owned())),
        on_disagreement: panel.on_disagreement,
        deadline: panel.deadline,
        reached: seen.reached,
        not_reached: seen.not_reached,
        effective_voters: effective_voters(families.len(), rho),
        members: members.collect(),
        pairs: pair_states(panel, seen),
    }
}

fn accuracy(found: &Accuracy) -> AccuracyState {
    let Accuracy { right, asked } = *found;
    AccuracyState { right, asked, interval: wilson(right as f64, asked as f64) }
}

fn pair_states(panel: &Panel, seen: &Standing) -> Vec<PairState> {
    let seat = |at: usize| panel.seats.get(at).map(|seat| &seat.endpoint);
    let state = |((a, b), pair): (&(usize, usize), &consensus::Pair)| {
        let (first, second) = (seat(*a)?, seat(*b)?);
        let rho = pair_rho(assumed_rho(first.family() == second.family()), Some(pair));
        let (first, second) = (first.id().to_owned(), second.id().to_owned());
        let counts = seen.pair(&first, &second)?;
        Some(PairState { first, second, counts, rho })
    };
    pairs(panel, seen).iter().filter_map(state).collect()
}

/// Tells the truth about a question of the caller's tenant.
pub(crate) async fn settle(
    minutes: &Minutes,
    who: &Identity,
    panel: &str,
    request_id: &str,
    truth: Truth,
    version: Option<i64>,
) -> Result<Settled, SettleError> {
    let votes = minutes.votes().ok_or(SettleError::Unlogged)?;
    let right = match truth {
        Truth::Right(models) => models,
        Truth::Answer(text) => said(minutes, who, panel, request_id, text).await?,
    };
    Ok(votes.settle(who, panel, request_id, right, version).await?)
}

/// Whose answers to a question say the same as `text`.
async fn said(
    minutes: &Minutes,
    who: &Identity,
    panel: &str,
    request_id: &str,
    text: String,
) -> Result<Vec<String>, SettleError> {
    if text.len() > ANSWER_BYTES_MAX {
        return Err(SettleError::TooLong { bytes: text.len() });
    }
    let forgotten = || SettleError::Forgotten { request_id: request_id.to_owned() };
    let question = minutes.recall(&who.tenant, panel, request_id).ok_or_else(forgotten)?;
    // Long texts take long enough to compare to keep others waiting.
    tokio::task::spawn_blocking(move || question.agreeing(&text)).await.map_err(|_| SettleError::Broken)
}

#[cfg(test)]
mod tests;
