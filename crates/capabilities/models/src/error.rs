//! Why one call to one model gave no answer.

use converse::ConverseError;
use fault::{Explain, Kind, Origin, Retry, shown_ms};
use guard::{Open, Shed};
use net::NetError;
use std::time::Duration;
use wire::WireError;

/// Why one call to one model gave no answer. The messages hold no upstream body and no credential.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The upstream says the request is at fault.
    #[error("the provider refused the request with {status}{}", named(.code))]
    Refused {
        /// Its HTTP status.
        status: u16,
        /// Its error code, where that is a plain word.
        code: Option<String>,
    },
    /// The upstream does not know us.
    #[error("the provider refused our credentials with {status}")]
    Unauthorised {
        /// Its HTTP status.
        status: u16,
    },
    /// Our account there is empty.
    #[error("the provider says the account is out of credit ({status})")]
    OutOfCredit {
        /// Its HTTP status.
        status: u16,
    },
    /// Too many requests for the upstream.
    #[error("the provider is rate limiting us (429{})", after(.retry_after))]
    RateLimited {
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The upstream failed.
    #[error("the provider failed with {status}{}", named(.code))]
    Failed {
        /// Its HTTP status.
        status: u16,
        /// Its error code, where that is a plain word.
        code: Option<String>,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The connection failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// No answer in the time this attempt had.
    #[error("no answer within {}", shown_ms(*.within))]
    TimedOut {
        /// The time it had.
        within: Duration,
    },
    /// A stream fell silent.
    #[error("the stream was silent for {}", shown_ms(*.idle))]
    Silent {
        /// The time it had until the next event.
        idle: Duration,
    },
    /// A stream went on for too long.
    #[error("the stream went on for more than {} s", .most.as_secs())]
    Endless {
        /// The longest a stream may last.
        most: Duration,
    },
    /// What came is not a chat reply.
    #[error("the provider's answer is not a chat reply: {what}")]
    NotAReply {
        /// What is wrong with it.
        what: String,
    },
    /// An event of a stream is larger than its limit.
    #[error("one event of the stream is longer than {most} bytes")]
    EventTooLong {
        /// The limit in bytes.
        most: usize,
    },
    /// A stream ended before it was complete.
    #[error("the stream broke off before it was complete")]
    Cut,
    /// The upstream reported an error inside a stream.
    #[error("the provider reported an error inside the stream{}", named(.code))]
    ErrorEvent {
        /// Its error code, where that is a plain word.
        code: Option<String>,
    },
    /// The provider's dialect cannot say what the request says.
    #[error("the request cannot be put to this provider: {what}")]
    Untranslatable {
        /// What, and why not.
        what: String,
    },
    /// The provider has no such ability.
    #[error("this provider has no {what}")]
    Unsupported {
        /// Which ability.
        what: &'static str,
    },
    /// More tokens than the model takes, by any reckoning.
    #[error("the request has about `{tokens}` tokens, and the model takes at most `{most}`")]
    TooLong {
        /// About how many it has.
        tokens: u64,
        /// What the model takes.
        most: u64,
    },
    /// More bytes than the model may be sent.
    #[error("the request has `{bytes}` bytes, and the model may be sent at most `{most}`")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// What is allowed.
        most: usize,
    },
    /// The model's requests or tokens of this minute are used up here, before anybody is asked.
    #[error("the model's limit of this minute is used up here, retry after {:.1} s", .retry_after.as_secs_f64())]
    Paced {
        /// Until it would pass.
        retry_after: Duration,
    },
    /// The provider asked to be left alone.
    #[error("the provider asked to be left alone for another {:.1} s", .retry_after.as_secs_f64())]
    Parked {
        /// Until it may be asked again.
        retry_after: Duration,
    },
    /// This endpoint failed too often and rests.
    #[error(transparent)]
    Resting(#[from] Open),
    /// This provider has all the work it may have.
    #[error("the provider's line is full: {0}")]
    Busy(#[from] Shed),
}

impl From<ConverseError> for ModelError {
    fn from(error: ConverseError) -> Self {
        match error {
            ConverseError::Untranslatable { what } => Self::Untranslatable { what },
            ConverseError::NotAReply { what } => Self::NotAReply { what },
        }
    }
}

fn named(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(" (`{code}`)")).unwrap_or_default()
}

fn after(wait: &Option<Duration>) -> String {
    wait.map(|wait| format!(", retry after {:.1} s", wait.as_secs_f64())).unwrap_or_default()
}

/// Error codes that providers send with 429 when the trouble is money, not pace.
const OUT_OF_CREDIT: &[&str] = &["insufficient_quota", "billing_hard_limit_reached"];

impl ModelError {
    /// What an HTTP status other than success means.
    pub(crate) fn of_status(status: u16, code: Option<String>, retry_after: Option<Duration>) -> Self {
        let broke = code.as_deref().is_some_and(|code| OUT_OF_CREDIT.contains(&code));
        match status {
            401 | 403 => Self::Unauthorised { status },
            402 => Self::OutOfCredit { status },
            429 if broke => Self::OutOfCredit { status },
            429 => Self::RateLimited { retry_after },
            // Time and conflicting work pass: the same request may do better.
            408 | 409 => Self::Failed { status, code, retry_after },
            400..=499 => Self::Refused { status, code },
            _ => Self::Failed { status, code, retry_after },
        }
    }

    /// What is wrong with bytes that should be a chat reply, in words that quote none of them: a parser's own would.
    pub(crate) fn not_a_reply(error: &WireError) -> Self {
        let what = match error {
            WireError::EventTooLong { most } => return Self::EventTooLong { most: *most },
            WireError::NotJson { line, column, .. } => {
                format!("it stops making sense at line {line} column {column}")
            }
            other => other.to_string(),
        };
        Self::NotAReply { what }
    }

    /// From why a request cannot be translated.
    pub(crate) fn untranslatable(error: &WireError) -> Self {
        Self::Untranslatable { what: error.to_string() }
    }

    /// Whether another model may answer what this one did not.
    ///
    /// A request that is malformed stays malformed; one that is too large or too long, or names a model that this
    /// provider does not have, may well suit the next.
    pub fn worth_asking_elsewhere(&self) -> bool {
        match self {
            Self::Refused { status: 404 | 413, .. } => true,
            Self::Refused { code, .. } => code.as_deref() == Some("context_length_exceeded"),
            _ => true,
        }
    }

    /// Whether it speaks against the endpoint's health; `None` where it says nothing about it.
    pub(crate) fn harms(&self) -> Option<bool> {
        match self {
            Self::Refused { .. } => Some(false),
            Self::RateLimited { .. } | Self::Resting(_) | Self::Busy(_) | Self::Endless { .. } => None,
            Self::Untranslatable { .. } | Self::Unsupported { .. } => None,
            Self::TooLong { .. } | Self::TooLarge { .. } | Self::Paced { .. } | Self::Parked { .. } => None,
            // One caller's long answer is no reason to refuse all others theirs.
            Self::Net(NetError::TooLarge { .. }) | Self::EventTooLong { .. } => None,
            _ => Some(true),
        }
    }

    /// How long the upstream asks to be left alone, where it says so.
    pub(crate) fn asks_to_wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Failed { status: 503 | 529, retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The same, where nobody is told to wait longer than the upstream is left alone.
    pub(crate) fn waiting_at_most(mut self, most: Duration) -> Self {
        if let Self::RateLimited { retry_after: Some(wait) } | Self::Failed { retry_after: Some(wait), .. } = &mut self
        {
            *wait = most.min(*wait);
        }
        self
    }

    /// Whether the upstream refused for want of room, so that fewer at once may do better.
    pub(crate) fn is_overload(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Failed { status: 503 | 529, .. })
    }

    /// Whether the upstream says that the model is not there. That says nothing about its health, and much about how it
    /// compares with others that have the model.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the upstream has done no work that it could charge for: it refused with a status, or was never reached.
    pub(crate) fn is_free(&self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::Unauthorised { .. }
            | Self::OutOfCredit { .. }
            | Self::RateLimited { .. }
            | Self::Untranslatable { .. }
            | Self::Unsupported { .. }
            | Self::TooLong { .. }
            | Self::TooLarge { .. }
            | Self::Paced { .. }
            | Self::Parked { .. }
            | Self::Failed { .. } => true,
            Self::Net(error) => matches!(
                error,
                NetError::Dns { .. }
                    | NetError::Connect { .. }
                    | NetError::Tls { .. }
                    | NetError::ConnectTimeout { .. }
            ),
            _ => false,
        }
    }

    /// Whether it is about time.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Silent { .. } | Self::Net(NetError::ConnectTimeout { .. }))
    }
}

impl Explain for ModelError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "upstream_refused",
            Self::Unauthorised { .. } => "upstream_unauthorised",
            Self::OutOfCredit { .. } => "upstream_out_of_credit",
            Self::RateLimited { .. } => "upstream_rate_limited",
            Self::Failed { .. } => "upstream_failed",
            Self::Net(error) => error.code(),
            Self::TimedOut { .. } => "upstream_timeout",
            Self::Silent { .. } => "upstream_silent",
            Self::Endless { .. } => "upstream_endless",
            Self::NotAReply { .. } => "upstream_bad_reply",
            Self::EventTooLong { .. } => "upstream_too_large",
            Self::Cut => "upstream_cut",
            Self::ErrorEvent { .. } => "upstream_error_event",
            Self::Untranslatable { .. } => "not_translatable",
            Self::Unsupported { .. } => "not_supported",
            Self::TooLong { .. } => "context_length_exceeded",
            Self::TooLarge { .. } => "request_too_large",
            Self::Paced { .. } => "rate_limited_here",
            Self::Parked { .. } => "upstream_parked",
            Self::Resting(_) => "breaker_open",
            Self::Busy(_) => "provider_busy",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Refused { status: 404, .. } => Kind::NotFound,
            Self::Refused { status: 413, .. } => Kind::TooLarge,
            Self::Refused { .. } => Kind::BadInput,
            Self::Untranslatable { .. } | Self::Unsupported { .. } => Kind::Semantics,
            Self::TooLong { .. } => Kind::BadInput,
            Self::TooLarge { .. } => Kind::TooLarge,
            Self::Paced { .. } => Kind::RateLimited,
            Self::Busy(_) => Kind::Overloaded,
            Self::TimedOut { .. } => Kind::Deadline,
            _ => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Refused { .. } | Self::Untranslatable { .. } | Self::Unsupported { .. } => Origin::Caller,
            Self::TooLong { .. } | Self::TooLarge { .. } | Self::Paced { .. } => Origin::Caller,
            Self::Resting(_) | Self::Busy(_) => Origin::Us,
            _ => Origin::Upstream,
        }
    }

    /// Advice for the same endpoint. A call that timed out is not repeated there: it would only time out again.
    fn retry(&self) -> Retry {
        match self {
            Self::RateLimited { retry_after } => Retry::After(retry_after.unwrap_or(Duration::from_secs(1))),
            Self::Paced { retry_after } | Self::Parked { retry_after } => Retry::After(*retry_after),
            Self::Failed { retry_after: Some(wait), .. } => Retry::After(*wait),
            Self::Failed { status: 300..=399 | 501 | 505, .. } => Retry::Never,
            Self::Failed { .. } | Self::Cut | Self::ErrorEvent { .. } | Self::NotAReply { .. } => Retry::Now,
            Self::Resting(open) => Retry::After(open.retry_after),
            Self::Net(error) => error.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { .. } | Self::Untranslatable { .. } => {
                Some("change the request, or ask another model".to_owned())
            }
            Self::Unsupported { .. } => Some("ask a model of another provider".to_owned()),
            Self::TooLong { .. } | Self::TooLarge { .. } => {
                Some("shorten the request, or ask a model that takes more".to_owned())
            }
            Self::Paced { .. } => Some("ask less often, ask another model, or raise its `rpm` or `tpm`".to_owned()),
            Self::Failed { status: 300..=399, .. } => {
                Some("correct the provider's `base_url`: it redirects".to_owned())
            }
            Self::Endless { .. } => Some("raise `server.stream_max_ms`".to_owned()),
            Self::EventTooLong { .. } => Some("raise the provider's `event_bytes_max`".to_owned()),
            Self::Unauthorised { .. } => Some("check the provider's `api_key`".to_owned()),
            Self::OutOfCredit { .. } => Some("top up the provider's account".to_owned()),
            Self::Net(error) => error.hint(),
            Self::TimedOut { .. } => Some("raise the provider's `timeout_ms` or add a fallback".to_owned()),
            Self::Busy(_) => Some("raise the provider's `in_flight_max`, or ask less often".to_owned()),
            _ => None,
        }
    }
}
