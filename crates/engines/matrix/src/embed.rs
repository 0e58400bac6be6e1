//! Vectors: asked of one model, again where that helps, and of another place only where that is the same model.

use crate::cached::Put;
use crate::context::Context;
use crate::error::{Refusals, sooner};
use crate::plan::{Plan, Route, Target};
use crate::report::Report;
use crate::routing::{Asked, Lead, Way, is_ready, spare, usd};
use crate::{AskError, matrix};
use caller::{Caller, Need, Tab};
use fault::{Explain, Origin, Retry};
use models::{Embedded, Endpoint, ModelError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{Attempt, EmbeddingReply, EmbeddingRequest};

/// Vectors, and what to tell about them.
pub struct Vectors {
    /// The vectors.
    pub reply: EmbeddingReply,
    /// What to tell about them; the overhead is still to be set.
    pub report: Report,
    /// How long models took.
    pub waited: Duration,
}

/// Who may be asked, and by which route.
pub(crate) fn choose(
    plan: &Plan,
    caller: &Caller,
    request: &EmbeddingRequest,
) -> Result<(Way, Option<Arc<Route>>), AskError> {
    match matrix::found(plan, request.model())? {
        Target::Model(endpoint) => Ok((Way::To(endpoint), None)),
        Target::Group(group) => Ok((Way::by_name(group), None)),
        Target::Route(route) => Ok((route.way_to_vectors(caller)?, Some(route))),
        Target::Panel(panel) => Err(AskError::PanelEmbeds { panel: panel.name.clone() }),
    }
}

/// The way to ask for vectors that may outlive whoever asks for them first.
pub(crate) fn put(context: &Arc<Context>, way: &Way, caller: &Caller, request: &EmbeddingRequest) -> Put<Vectors> {
    let all = Arc::new((Arc::clone(context), way.clone(), caller.clone(), request.clone()));
    Arc::new(move |_| {
        let all = Arc::clone(&all);
        Box::pin(async move {
            let (context, way, caller, request) = &*all;
            ask(context, way, caller, request).await
        })
    })
}

pub(crate) async fn ask(
    context: &Context,
    way: &Way,
    caller: &Caller,
    request: &EmbeddingRequest,
) -> Result<Vectors, AskError> {
    let cost = |endpoint: &Endpoint| endpoint.price().map(|_| usd(endpoint.need_to_embed(request).likely));
    // Vectors of different models have nothing in common.
    let lead = way.lead(&Asked { context, cost: &cost, stream: None }).of_one_model(way.models().first());
    let candidates = &lead.candidates;
    let need = candidates.iter().map(|endpoint| endpoint.need_to_embed(request)).max_by_key(|need| need.most);
    let need = need.unwrap_or(Need { bounded: true, ..Need::default() });
    let tab = caller.guest.spend.reserve(&caller.request_id, need, caller.deadline).await?;
    let (attempts, refusals) = (Vec::new(), Refusals::default());
    let (retry, waited) = (Retry::Never, Duration::ZERO);
    Asking { context, caller, request, tab, attempts, retry, refusals, waited }.ask(&lead).await
}

struct Asking<'a> {
    context: &'a Context,
    caller: &'a Caller,
    request: &'a EmbeddingRequest,
    tab: Arc<dyn Tab>,
    attempts: Vec<Attempt>,
    retry: Retry,
    refusals: Refusals,
    waited: Duration,
}

impl Asking<'_> {
    async fn ask(&mut self, lead: &Lead) -> Result<Vectors, AskError> {
        let started = Instant::now();
        self.context.deposit();
        let mut last = None;
        for (at, endpoint) in lead.candidates.iter().enumerate() {
            for attempt in 0..self.context.attempts_max {
                let Some(error) = (match self.once(endpoint).await {
                    Ok(embedded) => return Ok(self.vectors(endpoint, embedded, lead)),
                    Err(error) => error,
                }) else {
                    let (within, attempts) = (started.elapsed(), std::mem::take(&mut self.attempts));
                    return Err(AskError::Deadline { within, attempts });
                };
                spare(endpoint, &lead.candidates);
                let again = error.retry() == Retry::Now && attempt + 1 < self.context.attempts_max;
                let again = again && !(lead.peers && lead.candidates[at + 1..].iter().any(|other| is_ready(other)));
                let refused = error.origin() == Origin::Caller;
                last = Some((endpoint.id().to_owned(), error));
                if refused || !again || !self.pause(attempt).await {
                    break;
                }
            }
        }
        let attempts = std::mem::take(&mut self.attempts);
        if let Some((model, error)) = self.refusals.take() {
            return Err(AskError::Refused { model, error, attempts });
        }
        match last {
            // What is wrong with a request is the caller's to know, where nobody else could make sense of it either.
            Some((model, error)) if error.origin() == Origin::Caller && error.retry() == Retry::Never => {
                Err(AskError::Refused { model, error, attempts })
            }
            other => {
                let timed_out = other.is_some_and(|(_, error)| error.is_timeout());
                let turned_away = self.refusals.turned_away();
                Err(AskError::NoAnswer { attempts, retry: self.retry, timed_out, turned_away })
            }
        }
    }

    /// One attempt; `Err(None)` when no time is left.
    async fn once(&mut self, endpoint: &Arc<Endpoint>) -> Result<Embedded, Option<ModelError>> {
        let now = Instant::now();
        let left = self.caller.deadline.saturating_duration_since(now);
        if left.is_zero() {
            return Err(None);
        }
        let within = left.min(endpoint.batch_timeout(self.request.inputs()));
        let asked = endpoint.embed(self.request, self.caller.into(), &self.tab, within).await;
        let in_line = asked.as_ref().map_or(Duration::ZERO, |embedded| embedded.in_line);
        self.waited += now.elapsed().saturating_sub(in_line);
        asked.map_err(|error| {
            self.attempts.push(Attempt { model: endpoint.id().to_owned(), reason: error.to_string() });
            self.retry = sooner(self.retry, error.retry());
            self.refusals.note(endpoint.id(), &error);
            Some(error)
        })
    }

    /// Waits before the next attempt, where there is time and the budget for retries allows it.
    async fn pause(&mut self, attempt: u32) -> bool {
        let delay = self.context.delay(attempt, None);
        let in_time = Instant::now() + delay < self.caller.deadline;
        if !in_time || !self.context.withdraw() {
            return false;
        }
        tokio::time::sleep(delay).await;
        self.waited += delay;
        true
    }

    fn vectors(&mut self, endpoint: &Endpoint, embedded: Embedded, lead: &Lead) -> Vectors {
        let Embedded { reply, cost, .. } = embedded;
        let mut reasons: Vec<String> = self
            .attempts
            .iter()
            .map(|attempt| format!("`{}` did not answer: {}", attempt.model, attempt.reason))
            .collect();
        reasons.extend(lead.reason(endpoint));
        if cost.is_none() {
            reasons.push(format!("the cost is unknown: `{}` has no price or told no usage", endpoint.id()));
        }
        let report = Report {
            request_id: Arc::clone(&self.caller.request_id),
            served_by: endpoint.id().to_owned(),
            simulated: reply.simulated(),
            degraded: !self.attempts.is_empty(),
            reasons,
            cache: "off",
            cost_usd: cost,
            overhead_ms: 0.0,
            agreement: None,
        };
        Vectors { reply, report, waited: self.waited }
    }
}

#[cfg(test)]
mod tests;
