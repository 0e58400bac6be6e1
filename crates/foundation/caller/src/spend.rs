//! Money: reserved before it is spent, settled exactly once, each call written down.
//!
//! Engines that spend know these traits alone; who keeps the books is wired by the binary.

use fault::{Explain, Kind, Origin, Retry};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Billionths of a US dollar.
pub type NanoUsd = i64;

/// Billionths in a US dollar.
pub const NANO_PER_USD: NanoUsd = 1_000_000_000;

/// What a request may cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Need {
    /// The most it can cost, as far as that is known.
    pub most: NanoUsd,
    /// What it will hardly exceed; at most `most`.
    pub likely: NanoUsd,
    /// Whether `most` is a promise: the request or its model sets the longest answer.
    pub bounded: bool,
}

/// What a reservation answers: a tab, or why nothing may be spent.
pub type TabFuture<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn Tab>, SpendFault>> + Send + 'a>>;

/// Somebody's purse.
pub trait Spend: Send + Sync {
    /// Sets money aside for one request, before anything is spent. May wait a little for money that others have
    /// reserved and give back, but not beyond `deadline`.
    fn reserve<'a>(&'a self, request_id: &'a Arc<str>, need: Need, deadline: Instant) -> TabFuture<'a>;
}

/// An open tab. Whatever was reserved and not spent goes back when its last owner drops it: exactly once, whatever
/// becomes of the request.
pub trait Tab: Send + Sync {
    /// Writes one call down and charges its cost.
    fn note(&self, call: &Called<'_>);

    /// The most bytes to pass in [`Called::words`]; 0 if prompts and answers are not kept.
    fn words_max(&self) -> usize {
        0
    }
}

/// How one call of a model went.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// The model, as `provider/model`.
    pub model: &'a Arc<str>,
    /// `answered`, `failed`, `timed_out` or `cancelled`.
    pub outcome: &'static str,
    /// Tokens, where the upstream told them or they could be counted.
    pub tokens: Tokens,
    /// What it cost, at the configured price.
    pub cost: NanoUsd,
    /// Whether `cost` and `tokens` are what the upstream told and the settings price; otherwise they are reckoned.
    pub exact: bool,
    /// From asking to the end of the answer.
    pub latency: Duration,
    /// Whether a script answered.
    pub simulated: bool,
    /// The request's body and the answer as they passed, where [`Tab::words_max`] asks for them.
    pub words: Option<(&'a [u8], &'a [u8])>,
}

/// Tokens of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Read by the model.
    pub input: u64,
    /// Written by the model, `reasoning` included.
    pub output: u64,
    /// Of `input`, those that came from the provider's cache.
    pub cached: u64,
    /// Of `input`, those that the provider put into its cache; none of them is among `cached`.
    pub written: u64,
    /// Of `written`, those that the provider keeps for an hour.
    pub written_hour: u64,
    /// Of `output`, those that nobody reads.
    pub reasoning: u64,
}

/// Why nothing may be spent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpendFault {
    /// A budget is spent, or what is left does not suffice.
    #[error(
        "the budget of {whose} has {} USD left {until}, and the request may cost {} USD",
        shown_usd(*left), shown_usd(*need)
    )]
    Exhausted {
        /// Whose budget: `this key`, `the tenant`, `this server`.
        whose: &'static str,
        /// For how long: `today`, `this month`, `in all`.
        until: &'static str,
        /// What is left.
        left: NanoUsd,
        /// What the request may cost.
        need: NanoUsd,
        /// When the budget starts anew.
        resets_in: Option<Duration>,
    },
    /// One request may not cost so much.
    #[error("the request may cost {} USD, and {} USD is the most allowed", shown_usd(*need), shown_usd(*most))]
    TooExpensive {
        /// What it may cost.
        need: NanoUsd,
        /// What is allowed.
        most: NanoUsd,
    },
    /// The books cannot be reached.
    #[error("budgets cannot be checked now: {reason}")]
    Unavailable {
        /// Why not.
        reason: String,
    },
}

impl Explain for SpendFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Exhausted { .. } => "budget_exhausted",
            Self::TooExpensive { .. } => "request_too_expensive",
            Self::Unavailable { .. } => "budget_unavailable",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Exhausted { .. } | Self::TooExpensive { .. } => Kind::Budget,
            Self::Unavailable { .. } => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Unavailable { .. } => Origin::Us,
            _ => Origin::Caller,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Exhausted { left, resets_in, .. } if *left > 0 => match resets_in {
                Some(_) => {
                    "send a smaller `max_tokens`, wait for the budget to start anew, or have it raised".to_owned()
                }
                None => "send a smaller `max_tokens`, or have the budget raised".to_owned(),
            },
            Self::Exhausted { resets_in: Some(wait), .. } => {
                format!("it starts anew in {}; an operator can raise it", shown_wait(*wait))
            }
            Self::Exhausted { .. } => "an operator can raise it".to_owned(),
            Self::TooExpensive { .. } => "send a smaller `max_tokens` or a shorter prompt".to_owned(),
            Self::Unavailable { .. } => "ask again in a moment".to_owned(),
        })
    }
}

/// An amount in dollars, with as many digits as it has.
pub fn shown_usd(nano: NanoUsd) -> String {
    let (sign, nano) = (if nano < 0 { "-" } else { "" }, nano.unsigned_abs());
    let text = format!("{sign}{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn shown_wait(wait: Duration) -> String {
    let minutes = wait.as_secs().div_ceil(60);
    match minutes {
        0..=120 => format!("{minutes} min"),
        121..=2_880 => format!("{} h", minutes.div_ceil(60)),
        _ => format!("{} days", minutes.div_ceil(1_440)),
    }
}

/// A purse without a bottom, whose calls nobody writes down: for commands that ask without a store, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unmetered;

impl Spend for Unmetered {
    fn reserve<'a>(&'a self, _: &'a Arc<str>, _: Need, _: Instant) -> TabFuture<'a> {
        Box::pin(async { Ok(Arc::new(Self) as Arc<dyn Tab>) })
    }
}

impl Tab for Unmetered {
    fn note(&self, _: &Called<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::{SpendFault, shown_usd};
    use fault::Explain;
    use std::time::Duration;

    #[test]
    fn amounts_show_every_digit_and_no_more() {
        assert_eq!(shown_usd(1_500_000_000), "1.5");
        assert_eq!(shown_usd(0), "0");
        assert_eq!(shown_usd(12), "0.000000012");
        assert_eq!(shown_usd(-2_000_000_000), "-2");
        assert_eq!(shown_usd(20_000_000_000), "20");
    }

    #[test]
    fn a_refusal_says_what_is_left_and_what_to_do() {
        let day = Some(Duration::from_secs(7_200));
        let fault = SpendFault::Exhausted { whose: "this key", until: "today", left: 0, need: 5, resets_in: day };
        assert_eq!(
            fault.to_string(),
            "the budget of this key has 0 USD left today, and the request may cost 0.000000005 USD"
        );
        assert_eq!(fault.hint().unwrap(), "it starts anew in 120 min; an operator can raise it");
    }
}
