//! All members of a panel at once, until the vote is decided or time is up.

use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Refusals, sooner};
use crate::plan::{Panel, Seat};
use crate::{AskError, MemberOutcome};
use caller::Tab;
use consensus::{Answer as Voice, Ballot, Prompt, Verdict};
use fault::{Explain, Retry};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use models::{Answer, Cost, ModelError};
use rust_decimal::Decimal;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{Attempt, ChatReply, ChatRequest};

/// Output tokens reckoned with when a request sets no limit.
const OUTPUT_TOKENS_GUESS: u64 = 1_024;
/// Bytes of a request per input token, a common rule of thumb for English text.
const BYTES_PER_TOKEN: u64 = 4;

/// What became of one member.
pub(crate) struct Seated {
    pub(crate) outcome: MemberOutcome,
    pub(crate) reason: Option<String>,
    pub(crate) latency: Duration,
    pub(crate) cost: Cost,
    /// What came; an empty answer counts as a failure, and still has its price.
    pub(crate) reply: Option<ChatReply>,
}

/// What became of a fan-out.
pub(crate) struct Fanned {
    /// One per seat of the panel.
    pub(crate) seated: Vec<Seated>,
    /// The vote among the seats that were asked; its member numbers are seat numbers.
    pub(crate) ballot: Ballot,
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
    /// Whether the deadline, not the vote, ended it.
    pub(crate) timed_out: bool,
    /// When asking again may help those who failed.
    pub(crate) retry: Retry,
    /// What all of those who failed were refused for.
    pub(crate) refusals: Refusals,
}

impl Fanned {
    /// How many of the answers that count are known to be made up by a script.
    pub(crate) fn simulated(&self) -> usize {
        let answered = self.seated.iter().filter(|seated| seated.outcome == MemberOutcome::Answered);
        answered.filter(|seated| seated.reply.as_ref().is_some_and(ChatReply::simulated)).count()
    }
}

type Landing<'a> = BoxFuture<'a, (usize, Result<(ChatReply, Cost), AskError>)>;

/// One question to a panel.
pub(crate) struct Question<'a> {
    pub(crate) request: &'a ChatRequest,
    pub(crate) request_id: &'a str,
    /// On which every call of a member is noted, those of cancelled ones too.
    pub(crate) tab: &'a Arc<dyn Tab>,
    pub(crate) deadline: Instant,
    /// Which of the seats are asked.
    pub(crate) asked: &'a [bool],
}

/// Asks every member and counts as answers land. Dropping it cancels all of them.
pub(crate) async fn fan_out(context: &Context, panel: &Panel, question: &Question<'_>) -> Fanned {
    let started = Instant::now();
    let (asked, deadline) = (question.asked, question.deadline);
    let prompt = Prompt::new(&question.request.last_user_text());
    let weights: Vec<f64> = panel.seats.iter().map(|seat| seat.weight).collect();
    let mut state = Tally::new(panel, &weights, asked);
    let mut pending: FuturesUnordered<Landing<'_>> = FuturesUnordered::new();
    for (at, seat) in panel.seats.iter().enumerate().filter(|(at, _)| asked[*at]) {
        pending.push(Box::pin(async move { (at, ask_member(context, seat, question).await) }));
    }
    let over = tokio::time::sleep_until(deadline);
    tokio::pin!(over);
    while state.ballot.verdict() == Verdict::Pending {
        tokio::select! {
            biased;
            landed = pending.next() => match landed {
                Some((at, result)) => state.land(at, result, started.elapsed(), &prompt),
                None => break,
            },
            () = &mut over => break,
        }
    }
    // Whoever is cancelled here has noted its call before this returns.
    drop(pending);
    // At the deadline members give up on their own as well, and some of that may have landed first.
    let timed_out = Instant::now() >= deadline;
    let took = started.elapsed();
    state.close(timed_out, took);
    let verdict = state.ballot.verdict();
    let Tally { seated, ballot, retry, refusals } = state;
    Fanned { seated, ballot, verdict, took, timed_out, retry, refusals }
}

async fn ask_member(context: &Context, seat: &Seat, question: &Question<'_>) -> Result<(ChatReply, Cost), AskError> {
    let Question { request, request_id, tab, deadline, .. } = *question;
    let chain = Chain::new(context, request, request_id, tab, deadline);
    let served = chain.ask(std::slice::from_ref(&seat.endpoint)).await?;
    match served.answer {
        Answer::Whole { reply, cost, .. } => Ok((reply, cost)),
        // Members are asked without a stream; a provider that streams all the same has broken its promise.
        Answer::Stream(_) => {
            let (model, reason) =
                (seat.endpoint.id().to_owned(), "it streams although nobody asked for that".to_owned());
            let attempts = vec![Attempt { model, reason }];
            Err(AskError::NoAnswer { attempts, retry: Retry::Never, timed_out: false })
        }
    }
}

/// Who can be asked within the panel's cost limit, in the panel's order; a member of unknown price counts as free.
pub(crate) fn affordable(panel: &Panel, request: &ChatRequest) -> Vec<bool> {
    let Some(most) = panel.cost_max else { return vec![true; panel.seats.len()] };
    let input = request.len_bytes() as u64 / BYTES_PER_TOKEN;
    let output = request.output_tokens_max().unwrap_or(OUTPUT_TOKENS_GUESS);
    let mut spent = Decimal::ZERO;
    let fits = |seat: &Seat| {
        let cost = seat.endpoint.price().map_or(Decimal::ZERO, |price| price.of_tokens(input, output));
        let fits = spent + cost <= most;
        spent += if fits { cost } else { Decimal::ZERO };
        fits
    };
    panel.seats.iter().map(fits).collect()
}

/// The state while answers land.
struct Tally {
    seated: Vec<Seated>,
    ballot: Ballot,
    retry: Retry,
    refusals: Refusals,
}

impl Tally {
    fn new(panel: &Panel, weights: &[f64], asked: &[bool]) -> Self {
        let mut ballot = Ballot::new(weights, panel.agreement);
        let seated = asked.iter().enumerate().map(|(at, asked)| {
            if *asked {
                return Seated::pending();
            }
            // Never asked: it does not count, as if it had failed.
            ballot.failed(at);
            let reason = "asking it as well would exceed the panel's `cost_usd_max`".to_owned();
            Seated { outcome: MemberOutcome::Skipped, reason: Some(reason), ..Seated::pending() }
        });
        let seated = seated.collect();
        Self { seated, ballot, retry: Retry::Never, refusals: Refusals::default() }
    }

    fn land(&mut self, at: usize, result: Result<(ChatReply, Cost), AskError>, took: Duration, prompt: &Prompt) {
        let seated = &mut self.seated[at];
        seated.latency = took;
        match result {
            Ok((reply, cost)) => {
                let text = reply.answer();
                seated.cost = cost;
                seated.reply = Some(reply);
                if text.trim().is_empty() {
                    self.refusals.note_other();
                    seated.outcome = MemberOutcome::Failed;
                    seated.reason = Some("its answer is empty".to_owned());
                    self.ballot.failed(at);
                    return;
                }
                self.ballot.answered(at, Voice::new(&text, prompt));
                seated.outcome = MemberOutcome::Answered;
            }
            Err(error) => {
                self.retry = sooner(self.retry, error.retry());
                match &error {
                    AskError::Refused { model, error, .. } => self.refusals.note(model, error),
                    _ => self.refusals.note_other(),
                }
                seated.reason = Some(last_reason(&error));
                if timed_out(&error) {
                    seated.outcome = MemberOutcome::TimedOut;
                    self.ballot.timed_out(at);
                } else {
                    seated.outcome = MemberOutcome::Failed;
                    self.ballot.failed(at);
                }
            }
        }
    }

    /// Settles whoever is still pending: timed out at the deadline, cancelled when the vote is decided.
    fn close(&mut self, timed_out: bool, took: Duration) {
        for (at, seated) in self.seated.iter_mut().enumerate() {
            if !self.ballot.is_pending(at) {
                continue;
            }
            seated.latency = took;
            let (outcome, reason) = if timed_out {
                self.ballot.timed_out(at);
                (MemberOutcome::TimedOut, ModelError::TimedOut { within: took }.to_string())
            } else {
                (MemberOutcome::Cancelled, "cancelled: the others had decided the result".to_owned())
            };
            (seated.outcome, seated.reason) = (outcome, Some(reason));
        }
    }
}

impl Seated {
    fn pending() -> Self {
        let (outcome, latency) = (MemberOutcome::Cancelled, Duration::ZERO);
        Self { outcome, reason: None, latency, cost: None, reply: None }
    }
}

fn timed_out(error: &AskError) -> bool {
    matches!(error, AskError::Deadline { .. } | AskError::NoAnswer { timed_out: true, .. })
}

/// Why a member has no answer: its last fault.
fn last_reason(error: &AskError) -> String {
    error.attempts().last().map_or_else(|| error.to_string(), |attempt| attempt.reason.clone())
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
