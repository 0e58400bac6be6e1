//! Questions on which a panel does not agree, settled by one more model: a judge picks an answer, an arbiter writes one.
//!
//! It is asked once, not again. Whatever goes wrong here leaves the question where it was.

use crate::ResolutionReport;
use crate::context::Context;
use crate::escalate::reckoned;
use crate::fanout::Fanned;
use crate::need;
use crate::plan::{Judge, Panel};
use bytes::Bytes;
use caller::Caller;
use consensus::{Said, Settler, document};
use models::{Answer, Cost, Opening};
use rust_decimal::Decimal;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{ChatReply, ChatRequest, Limits};

/// What the members leave of the panel's time to whoever settles what they do not agree on: one part of so many.
const TIME_SHARE: u32 = 4;
/// What has become of a question.
pub(crate) struct Resolved {
    pub(crate) report: ResolutionReport,
    pub(crate) settled: Option<Settled>,
    /// What came, of use or not.
    pub(crate) reply: Option<ChatReply>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// How it was settled.
pub(crate) enum Settled {
    /// This seat's answer is right.
    Picked(usize),
    /// What has come is the answer.
    Written,
}

/// When members have to be done, so that time is left for what they do not agree on.
pub(crate) fn members_deadline(panel: &Panel, deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    if panel.judge.is_some() { deadline - left / TIME_SHARE } else { deadline }
}

/// Has the panel's judge or arbiter settle a question, where there is one and something to settle.
pub(crate) async fn resolve(
    context: &Context,
    panel: &Panel,
    caller: &Caller,
    request: &ChatRequest,
    fanned: &Fanned,
    deadline: Instant,
) -> Option<Resolved> {
    let (judge, clusters) = (panel.judge.as_ref()?, fanned.ballot.clusters());
    if clusters.len() < 2 {
        return None;
    }
    let started = Instant::now();
    let numbered = judge.settler.numbered(&fanned.ballot, &clusters);
    let asked = match put(judge, request, fanned, &numbered) {
        Ok(asked) => {
            let members = spent(panel, fanned, request);
            ask(context, panel, judge, caller, &asked, members, deadline).await
        }
        Err(reason) => Err(reason),
    };
    let mut resolved = Resolved {
        report: ResolutionReport {
            method: judge.settler.as_str(),
            model: judge.endpoint.id().to_owned(),
            picked: None,
            latency_ms: 0.0,
            cost_usd: None,
            reason: None,
        },
        settled: None,
        reply: None,
        took: Duration::ZERO,
    };
    match asked {
        Ok((reply, cost)) => {
            resolved.report.cost_usd = cost;
            match judge.settler.read(&reply.answer(), numbered.len()) {
                Ok(Said::Written) => resolved.settled = Some(Settled::Written),
                Ok(Said::Picked(number)) => {
                    let seat = numbered.get(number).copied();
                    let group = |seat| clusters.iter().position(|cluster| cluster.medoid == seat);
                    resolved.report.picked = seat.and_then(group);
                    resolved.settled = seat.map(Settled::Picked);
                }
                Err(reason) => resolved.report.reason = Some(reason.to_owned()),
            }
            resolved.reply = Some(reply);
        }
        Err(reason) => resolved.report.reason = Some(reason),
    }
    resolved.took = started.elapsed();
    resolved.report.latency_ms = resolved.took.as_micros() as f64 / 1_000.0;
    Some(resolved)
}

/// The question to whoever settles it.
fn put(judge: &Judge, request: &ChatRequest, fanned: &Fanned, numbered: &[usize]) -> Result<ChatRequest, String> {
    let answers = numbered.iter().filter_map(|seat| fanned.ballot.answer(*seat)).map(consensus::Answer::text);
    let data = document(request.bytes(), answers);
    let system = judge.settler.instructions();
    let mut body = json!({
        "model": judge.endpoint.id(),
        "messages": [{ "role": "system", "content": system }, { "role": "user", "content": data.to_string() }],
    });
    if let Some(most) = request.output_tokens_max().filter(|_| judge.settler == Settler::Arbiter) {
        body["max_completion_tokens"] = most.into();
    }
    let limits = Limits { n_max: 1, messages_max: 2 };
    ChatRequest::parse(Bytes::from(body.to_string()), &limits).map_err(|error| error.to_string())
}

/// Asks once, within the time, the purse and what the members leave of the cost limit.
async fn ask(
    context: &Context,
    panel: &Panel,
    judge: &Judge,
    caller: &Caller,
    asked: &ChatRequest,
    members: Decimal,
    deadline: Instant,
) -> Result<(ChatReply, Cost), String> {
    let endpoint = &judge.endpoint;
    let left = || deadline.checked_duration_since(Instant::now()).filter(|left| *left > Duration::ZERO);
    left().ok_or("no time was left for it")?;
    let cost = reckoned(endpoint, asked).unwrap_or_default();
    if panel.cost_max.is_some_and(|most| members + cost > most) {
        return Err("asking it as well would exceed the panel's `cost_usd_max`".to_owned());
    }
    let need = need::together(context, asked, std::iter::once(endpoint));
    let reserved = caller.guest.spend.reserve(&caller.request_id, need, deadline).await;
    let tab = reserved.map_err(|fault| fault.to_string())?;
    // The purse may have let it wait.
    let within = left().ok_or("no time was left for it")?.min(endpoint.timeout());
    let answered = endpoint.ask(asked, caller.into(), &tab, within, Opening::FirstEvent).await;
    match answered.map_err(|error| error.to_string())? {
        Answer::Whole { reply, cost, .. } => Ok((reply, cost)),
        Answer::Stream(_) => Err("it streams although nobody asked for that".to_owned()),
    }
}

/// What the members have cost: what they told, else what this request was reckoned to cost them.
fn spent(panel: &Panel, fanned: &Fanned, request: &ChatRequest) -> Decimal {
    let seats = fanned.seated.iter().zip(&panel.seats);
    let asked_seats = seats.filter(|(seated, _)| seated.outcome != crate::MemberOutcome::Skipped);
    let cost = |(seated, seat): (&crate::fanout::Seated, &crate::plan::Seat)| {
        seated.cost.or_else(|| reckoned(&seat.endpoint, request)).unwrap_or_default()
    };
    asked_seats.map(cost).sum()
}

#[cfg(test)]
mod tests;
