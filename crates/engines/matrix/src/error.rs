//! Why a question has no answer.

use crate::Agreement;
use caller::SpendFault;
use fault::{Explain, Kind, Origin, Retry, shown_ms};
use models::ModelError;
use std::time::Duration;
use wire::openai::Attempt;

/// Why a question has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// Nothing is called that.
    #[error("the model `{name}` does not exist")]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// Names that look alike.
        nearest: Vec<String>,
    },
    /// Only models can sit on a panel.
    #[error("`{name}` is a panel or a route, and only models can be asked together")]
    NotAModel {
        /// What was asked for.
        name: String,
    },
    /// The model says the request is at fault.
    #[error("`{model}`: {error}")]
    Refused {
        /// Who.
        model: String,
        /// What it said.
        error: ModelError,
        /// Every attempt.
        attempts: Vec<Attempt>,
    },
    /// Nobody answered.
    #[error("no model answered: {}", listed(.attempts))]
    NoAnswer {
        /// Every attempt and why it failed.
        attempts: Vec<Attempt>,
        /// When asking again may help.
        retry: Retry,
        /// Whether the last attempt ran out of time.
        timed_out: bool,
        /// Whether somebody had no place for it: a request of a higher class, or with more time, may be given one.
        turned_away: bool,
    },
    /// Time ran out first.
    #[error("no answer within {}: {}", shown_ms(*.within), listed(.attempts))]
    Deadline {
        /// The time there was.
        within: Duration,
        /// Every attempt and why it failed.
        attempts: Vec<Attempt>,
    },
    /// The caller may not spend what it may cost.
    #[error(transparent)]
    Spend(#[from] SpendFault),
    /// No member of a panel fits its limit on cost.
    #[error("asking anybody would exceed the `cost_usd_max` of the panel `{panel}`")]
    TooExpensive {
        /// Which.
        panel: String,
    },
    /// A panel that must agree did not.
    #[error("the panel `{panel}` did not agree")]
    Disagreement {
        /// Which.
        panel: String,
        /// How far it agreed.
        agreement: Box<Agreement>,
    },
    /// A panel gives one answer.
    #[error("the panel `{panel}` gives one answer, not {n}")]
    PanelAnswersOne {
        /// Which.
        panel: String,
        /// What was asked for.
        n: u64,
    },
    /// Vectors of different models cannot be compared, so there is no agreement among them.
    #[error("the panel `{panel}` has no vectors: those of different models have nothing in common")]
    PanelEmbeds {
        /// Which.
        panel: String,
    },
    /// A route has no rule for this request.
    #[error("no rule of the route `{route}` fits this request")]
    NoRule {
        /// Which.
        route: String,
    },
}

fn listed(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "nobody could be asked".to_owned();
    }
    let one = |attempt: &Attempt| format!("`{}`: {}", attempt.model, attempt.reason);
    attempts.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Advice for a question that two faults left without an answer: who was told when to come back comes back then.
pub(crate) fn sooner(a: Retry, b: Retry) -> Retry {
    match (a, b) {
        (Retry::After(a), Retry::After(b)) => Retry::After(a.min(b)),
        (after @ Retry::After(_), _) | (_, after @ Retry::After(_)) => after,
        (Retry::Now, _) | (_, Retry::Now) => Retry::Now,
        (Retry::Never, Retry::Never) => Retry::Never,
    }
}

/// What all attempts so far were refused for, as long as each of them was refused because of the request itself.
///
/// Whoever only hears that nobody answered asks the same again; whoever hears that it is too long, or too soon, does
/// better.
#[derive(Default)]
pub(crate) struct Refusals {
    last: Option<(String, ModelError)>,
    /// Something else went wrong as well.
    mixed: bool,
    /// Somebody had no place for it.
    turned_away: bool,
}

impl Refusals {
    /// Notes why a model gave no answer.
    pub(crate) fn note(&mut self, model: &str, error: &ModelError) {
        // What a provider does not have is for whoever listed it to know.
        let own = error.origin() == Origin::Caller && !matches!(error, ModelError::Refused { status: 404, .. });
        self.mixed |= !own;
        self.turned_away |= matches!(error, ModelError::Busy(_));
        let wait = |error: &ModelError| match error {
            ModelError::Paced { retry_after } => *retry_after,
            _ => Duration::MAX,
        };
        // One that takes the request in a moment says more than one that never does.
        if self.last.as_ref().is_none_or(|(_, last)| wait(error) <= wait(last)) {
            self.last = Some((model.to_owned(), error.clone()));
        }
    }

    /// Notes what no model has said.
    pub(crate) fn note_other(&mut self) {
        self.mixed = true;
    }

    /// Notes why a member of a panel gave no answer.
    pub(crate) fn note_member(&mut self, error: &AskError) {
        match error {
            AskError::Refused { model, error, .. } => self.note(model, error),
            _ => self.note_other(),
        }
        self.turned_away |= matches!(error, AskError::NoAnswer { turned_away: true, .. });
    }

    /// Whether somebody had no place for it.
    pub(crate) fn turned_away(&self) -> bool {
        self.turned_away
    }

    /// The refusal to pass on, with who has said so.
    pub(crate) fn take(&mut self) -> Option<(String, ModelError)> {
        self.last.take().filter(|_| !self.mixed)
    }
}

impl AskError {
    /// Every attempt that was made, with why it failed.
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Refused { attempts, .. } | Self::NoAnswer { attempts, .. } | Self::Deadline { attempts, .. } => {
                attempts
            }
            _ => &[],
        }
    }
}

impl Explain for AskError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } => "model_not_found",
            Self::NotAModel { .. } => "not_a_model",
            Self::Refused { error, .. } => error.code(),
            Self::NoAnswer { .. } => "no_model_answered",
            Self::Deadline { .. } => "deadline_exceeded",
            Self::Spend(fault) => fault.code(),
            Self::TooExpensive { .. } => "cost_limit_exceeded",
            Self::Disagreement { .. } => "no_agreement",
            Self::PanelAnswersOne { .. } => "panel_answers_one",
            Self::PanelEmbeds { .. } => "panel_embeds",
            Self::NoRule { .. } => "no_rule",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::UnknownModel { .. } => Kind::NotFound,
            Self::Refused { error, .. } => error.kind(),
            Self::NoAnswer { .. } => Kind::Unavailable,
            Self::Deadline { .. } => Kind::Deadline,
            Self::Spend(fault) => fault.kind(),
            Self::TooExpensive { .. } => Kind::Budget,
            Self::Disagreement { .. } | Self::NoRule { .. } | Self::PanelEmbeds { .. } => Kind::Semantics,
            Self::PanelAnswersOne { .. } | Self::NotAModel { .. } => Kind::BadInput,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::NoAnswer { .. } | Self::Deadline { .. } => Origin::Upstream,
            Self::Spend(fault) => fault.origin(),
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::NoAnswer { retry, .. } => *retry,
            Self::Refused { error, .. } => error.retry(),
            Self::Spend(fault) => fault.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownModel { nearest, .. } if nearest.is_empty() => {
                "`GET /v1/models` lists what there is".to_owned()
            }
            Self::UnknownModel { nearest, .. } => {
                format!("did you mean `{}`? `GET /v1/models` lists what there is", nearest.join("`, `"))
            }
            Self::NotAModel { .. } => "ask it alone as `model`, or name its members".to_owned(),
            Self::Refused { error, .. } => return error.hint(),
            Self::Spend(fault) => return fault.hint(),
            Self::NoAnswer { .. } => "`althing doctor` checks every provider".to_owned(),
            Self::Deadline { .. } => "raise `deadline_ms`, or ask faster models".to_owned(),
            Self::TooExpensive { .. } => "raise `cost_usd_max`, set `max_tokens`, or ask a cheaper panel".to_owned(),
            Self::Disagreement { .. } => "set the panel's `on_disagreement` to `list` to see the answers".to_owned(),
            Self::PanelAnswersOne { .. } => "leave `n` out".to_owned(),
            Self::PanelEmbeds { .. } => "ask one model".to_owned(),
            Self::NoRule { .. } => "add a rule without `when` at the end of the route".to_owned(),
        })
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::UnknownModel { .. } | Self::NoRule { .. } | Self::PanelEmbeds { .. } => Some("model".to_owned()),
            Self::PanelAnswersOne { .. } => Some("n".to_owned()),
            _ => None,
        }
    }
}
