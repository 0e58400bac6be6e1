//! All members of a panel at once, until the vote is decided or time is up.

use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Refusals, sooner};
use crate::plan::{Panel, Seat};
use crate::{AskError, MemberOutcome};
use caller::Tab;
use consensus::{Ballot, Escalation, Prompt, Step, Verdict};
use fault::{Explain, Retry};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use models::{Answer, Asker, Cost, ModelError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{Attempt, ChatReply, ChatRequest};

/// How long a wave of members may keep the others waiting, as a share of the time there is: one that hangs must not use
/// up the deadline of those who would be asked after it.
const WAVE_SHARE: u32 = 4;

/// What became of one member.
pub(crate) struct Seated {
    pub(crate) outcome: MemberOutcome,
    pub(crate) reason: Option<String>,
    pub(crate) latency: Duration,
    pub(crate) cost: Cost,
    /// What came; an empty answer counts as a failure, and still has its price.
    pub(crate) reply: Option<ChatReply>,
    /// Whether it was not asked because it was not needed, which is no fault.
    pub(crate) needless: bool,
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
    pub(crate) asker: Asker<'a>,
    /// On which every call of a member is noted, those of cancelled ones too.
    pub(crate) tab: &'a Arc<dyn Tab>,
    pub(crate) deadline: Instant,
    /// The seats that may be asked, in the order in which they are.
    pub(crate) order: &'a [usize],
    /// What each seat's voice weighs.
    pub(crate) weights: &'a [f64],
}

/// Asks the members, all at once or as many as it takes, and counts as answers land. Dropping it cancels all of them.
pub(crate) async fn fan_out(context: &Context, panel: &Panel, question: &Question<'_>) -> Fanned {
    let (started, deadline) = (Instant::now(), question.deadline);
    let prompt = Arc::new(Prompt::asking(&question.request.last_user_text(), panel.answers));
    let mut state = Tally::new(panel, question, started);
    let mut pending: FuturesUnordered<Landing<'_>> = FuturesUnordered::new();
    let patience = deadline.saturating_duration_since(started) / WAVE_SHARE;
    let (over, wave) = (tokio::time::sleep_until(deadline), tokio::time::sleep(patience));
    tokio::pin!(over, wave);
    let mut late = false;
    while state.ballot.verdict() == Verdict::Pending {
        let step = match state.step() {
            // Nobody waits for nobody, nor for long.
            Step::Wait if late || pending.is_empty() => Step::Ask,
            step => step,
        };
        match (step, state.unasked.front()) {
            (Step::Enough, _) => break,
            (Step::Ask, Some(_)) if Instant::now() < deadline => {
                late = false;
                wave.as_mut().reset(Instant::now() + patience);
                if let Some((at, seat)) = state.call(panel) {
                    pending.push(Box::pin(async move { (at, ask_member(context, seat, question).await) }));
                }
                continue;
            }
            _ => {}
        }
        tokio::select! {
            biased;
            landed = pending.next() => match landed {
                Some((at, result)) => state.land(at, result, &prompt).await,
                None => break,
            },
            () = &mut over => break,
            () = &mut wave, if !state.unasked.is_empty() => late = true,
        }
    }
    // Whoever is cancelled here has noted its call before this returns.
    drop(pending);
    // At the deadline members give up on their own as well, and some of that may have landed first.
    let timed_out = Instant::now() >= deadline;
    let took = started.elapsed();
    state.close(timed_out);
    let verdict = state.ballot.verdict();
    let Tally { seated, ballot, retry, refusals, .. } = state;
    Fanned { seated, ballot, verdict, took, timed_out, retry, refusals }
}

async fn ask_member(context: &Context, seat: &Seat, question: &Question<'_>) -> Result<(ChatReply, Cost), AskError> {
    let Question { request, asker, tab, deadline, .. } = *question;
    let chain = Chain::new(context, request, asker, tab, deadline);
    let served = chain.ask(std::slice::from_ref(&seat.endpoint)).await?;
    match served.answer {
        Answer::Whole { reply, cost, .. } => Ok((reply, cost)),
        // Members are asked without a stream; a provider that streams all the same has broken its promise.
        Answer::Stream(_) => {
            let (model, reason) =
                (seat.endpoint.id().to_owned(), "it streams although nobody asked for that".to_owned());
            let attempts = vec![Attempt { model, reason }];
            Err(AskError::NoAnswer { attempts, retry: Retry::Never, timed_out: false, turned_away: false })
        }
    }
}

/// The state while answers land.
struct Tally {
    seated: Vec<Seated>,
    ballot: Ballot,
    /// Who may still be asked, in order; in the vote they are pending.
    unasked: VecDeque<usize>,
    escalation: Escalation,
    /// When each was asked.
    asked_at: Vec<Instant>,
    retry: Retry,
    refusals: Refusals,
}

impl Tally {
    fn new(panel: &Panel, question: &Question<'_>, started: Instant) -> Self {
        let mut ballot = Ballot::new(question.weights, panel.agreement);
        let seats = panel.seats.len();
        let seated = (0..seats).map(|at| {
            if question.order.contains(&at) {
                return Seated::pending();
            }
            // Never asked: it does not count, as if it had failed.
            ballot.failed(at);
            Seated::skipped("asking it as well would exceed the panel's `cost_usd_max`".to_owned(), false)
        });
        let seated = seated.collect();
        Self {
            seated,
            ballot,
            unasked: question.order.iter().copied().collect(),
            escalation: Escalation { first: panel.first, agreement: panel.agreement, seats },
            asked_at: vec![started; seats],
            retry: Retry::Never,
            refusals: Refusals::default(),
        }
    }

    fn step(&self) -> Step {
        self.escalation.step(&self.ballot, &self.unasked)
    }

    /// The next one to ask.
    fn call<'p>(&mut self, panel: &'p Panel) -> Option<(usize, &'p Seat)> {
        let at = self.unasked.pop_front()?;
        self.asked_at[at] = Instant::now();
        panel.seats.get(at).map(|seat| (at, seat))
    }

    async fn land(&mut self, at: usize, result: Result<(ChatReply, Cost), AskError>, prompt: &Arc<Prompt>) {
        let seated = &mut self.seated[at];
        seated.latency = self.asked_at[at].elapsed();
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
                seated.outcome = MemberOutcome::Answered;
                self.ballot = consensus::count(std::mem::take(&mut self.ballot), at, text, prompt).await;
            }
            Err(error) => {
                self.retry = sooner(self.retry, error.retry());
                self.refusals.note_member(&error);
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

    /// Settles whoever is still pending: not needed if never asked, timed out at the deadline, cancelled when the vote
    /// is decided.
    fn close(&mut self, timed_out: bool) {
        let (groups, answered) = (self.ballot.clusters().len(), self.ballot.answers().len());
        for at in std::mem::take(&mut self.unasked) {
            let reason = match groups {
                _ if timed_out => "not asked: time ran out".to_owned(),
                1 => format!("not needed: the first {answered} agreed"),
                _ => "not needed: the others had decided the result".to_owned(),
            };
            // Whoever was not asked is nobody's dissent.
            self.ballot.failed(at);
            self.seated[at] = Seated::skipped(reason, !timed_out);
        }
        for (at, seated) in self.seated.iter_mut().enumerate() {
            if !self.ballot.is_pending(at) {
                continue;
            }
            seated.latency = self.asked_at[at].elapsed();
            let (outcome, reason) = if timed_out {
                self.ballot.timed_out(at);
                (MemberOutcome::TimedOut, ModelError::TimedOut { within: seated.latency }.to_string())
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
        Self { outcome, reason: None, latency, cost: None, reply: None, needless: false }
    }

    fn skipped(reason: String, needless: bool) -> Self {
        Self { outcome: MemberOutcome::Skipped, reason: Some(reason), needless, ..Self::pending() }
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
mod speed;
#[cfg(test)]
mod tests;
