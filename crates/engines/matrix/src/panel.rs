//! A panel's answer: the fan-out turned into one reply and its report.

use crate::context::Context;
use crate::escalate::order;
use crate::fanout::{Fanned, Question, fan_out};
use crate::matrix::Outcome;
use crate::plan::Panel;
use crate::resolution::{Resolved, Settled, members_deadline, resolve};
use crate::{Agreement, Report, ResolutionReport};
use crate::{AskError, MemberOutcome, need, verdict};
use caller::Caller;
use consensus::{Chosen, Evidence, Verdict};
use models::Cost;
use rust_decimal::Decimal;
use serde_json::json;
use settings::OnDisagreement;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use wire::openai::{Attempt, ChatReply, ChatRequest, compose_reply};

pub(crate) async fn ask(
    context: &Context,
    panel: &Panel,
    caller: &Caller,
    request: &ChatRequest,
) -> Result<Outcome, AskError> {
    if request.n() > 1 {
        return Err(AskError::PanelAnswersOne { panel: panel.name.clone(), n: request.n() });
    }
    let deadline = caller.deadline.min(Instant::now() + panel.deadline);
    let request = &request.unstreamed();
    let order = &order(panel, request)[..];
    if order.is_empty() {
        context.metrics.agreement(&panel.name, measure::Agreement::Failed).inc();
        return Err(AskError::TooExpensive { panel: panel.name.clone() });
    }
    // Whether all of them will be asked shows only later, and what is not spent goes back.
    let members = order.iter().filter_map(|at| panel.seats.get(*at)).map(|seat| &seat.endpoint);
    let need = need::together(context, request, members);
    let tab = caller.guest.spend.reserve(&caller.request_id, need, deadline).await?;
    let (weights, evidence) = context.minutes.weights(panel);
    let (asker, until) = (caller.into(), members_deadline(panel, deadline));
    let question = Question { request, asker, tab: &tab, deadline: until, order, weights: &weights };
    let mut fanned = fan_out(context, panel, &question).await;
    // Every call has been noted: what is left goes back before the answers are compared.
    drop(tab);
    let resolved = match fanned.verdict {
        Verdict::Reached => None,
        _ => resolve(context, panel, caller, request, &fanned, deadline).await,
    };
    answer(Asked { context, panel, caller, request, evidence: &evidence }, &mut fanned, resolved)
}

/// A question, as far as its answer depends on it.
#[derive(Clone, Copy)]
struct Asked<'a> {
    context: &'a Context,
    panel: &'a Panel,
    caller: &'a Caller,
    request: &'a ChatRequest,
    evidence: &'a Evidence,
}

/// The panel's one answer out of its members'.
fn answer(asked: Asked<'_>, fanned: &mut Fanned, mut resolved: Option<Resolved>) -> Result<Outcome, AskError> {
    let Asked { context, panel, caller, request, evidence } = asked;
    let clusters = fanned.ballot.clusters();
    let counted = |outcome| context.metrics.agreement(&panel.name, outcome).inc();
    let Some(chosen) = fanned.ballot.chosen() else {
        counted(measure::Agreement::Failed);
        return Err(no_answer(panel, fanned));
    };
    let reached = fanned.verdict == Verdict::Reached;
    counted(if reached { measure::Agreement::Reached } else { measure::Agreement::NotReached });
    let mut agreement = verdict::agreement(panel, &caller.request_id, fanned, &clusters, evidence);
    agreement.resolution = resolved.as_ref().map(|resolved| resolved.report.clone());
    context.minutes.note(panel, caller, request, (&fanned.ballot, &clusters), &agreement);
    let settled = resolved.as_mut().and_then(|resolved| resolved.settled.take());
    let words = match (settled, panel.on_disagreement) {
        _ if reached => Words::Of(chosen),
        (Some(Settled::Picked(seat)), _) => Words::Of(Chosen::Member(seat)),
        (Some(Settled::Written), _) => Words::Arbiter,
        (None, OnDisagreement::Plurality) => Words::Of(chosen),
        (None, OnDisagreement::List) => Words::List,
        (None, OnDisagreement::Error) => {
            return Err(AskError::Disagreement { panel: panel.name.clone(), agreement: Box::new(agreement) });
        }
    };
    let also = resolved.as_ref().and_then(|resolved| resolved.reply.as_ref());
    let report = report(panel, caller, fanned, &words, &agreement, also);
    let reply = reply(panel, caller, fanned, &words, &agreement, also);
    let waited = fanned.took + resolved.as_ref().map_or(Duration::ZERO, |resolved| resolved.took);
    let report = Report { agreement: Some(agreement), ..report };
    Ok(Outcome::Whole { reply: Box::new(reply), report: Box::new(report), waited })
}

/// Whose words the reply carries.
enum Words {
    /// Those that the vote or a judge has chosen: a member's, word for word, or what no member gave as a whole.
    Of(Chosen),
    /// An arbiter's.
    Arbiter,
    /// Nobody's: each answer with its share.
    List,
}

/// The reply; `also` is what came of a judge or an arbiter.
fn reply(
    panel: &Panel,
    caller: &Caller,
    fanned: &Fanned,
    words: &Words,
    agreement: &Agreement,
    also: Option<&ChatReply>,
) -> ChatReply {
    let replies = fanned.seated.iter().filter_map(|seated| seated.reply.as_ref());
    let usage = replies.chain(also).filter_map(ChatReply::usage).reduce(|sum, usage| sum + usage);
    let whole = match words {
        Words::Of(Chosen::Member(member)) => fanned.seated.get(*member).and_then(|seated| seated.reply.as_ref()),
        Words::Arbiter => also,
        Words::Of(Chosen::Composed(_)) | Words::List => None,
    };
    if let Some(reply) = whole {
        // What nobody counted is not zero.
        return usage.map_or_else(|| reply.clone(), |usage| reply.with_usage(usage));
    }
    let usage = usage.unwrap_or_default();
    let content = match words {
        Words::Of(Chosen::Composed(text)) => text.clone(),
        _ => agreement.list(),
    };
    let message = json!({ "role": "assistant", "content": content });
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let id = format!("chatcmpl-{}", caller.request_id);
    ChatReply::composed(compose_reply(&id, created, &panel.name, &message, "stop", usage), usage)
}

fn report(
    panel: &Panel,
    caller: &Caller,
    fanned: &Fanned,
    words: &Words,
    agreement: &Agreement,
    also: Option<&ChatReply>,
) -> Report {
    let served_by = match (words, &agreement.resolution) {
        (Words::Of(Chosen::Member(member)), _) => panel.seats[*member].endpoint.id().to_owned(),
        (Words::Arbiter, Some(resolution)) => resolution.model.clone(),
        _ => panel.name.clone(),
    };
    let mut reasons = silent(fanned, agreement);
    let degraded = !reasons.is_empty() || agreement.resolution.as_ref().is_some_and(|found| found.reason.is_some());
    reasons.extend(needless(fanned));
    if !agreement.reached {
        let wanted = panel.agreement * 100.0;
        reasons.push(format!("no answer holds the {wanted:.0} % that the panel `{}` asks for", panel.name));
    }
    reasons.extend(agreement.resolution.as_ref().map(|found| settled(found, &served_by)));
    if matches!(words, Words::Of(Chosen::Composed(_))) {
        reasons.push("the answer is composed of single fields: no member gave it as a whole".to_owned());
    }
    let cost_usd = total_cost(fanned, agreement, also);
    if cost_usd.is_none() {
        let who = if also.is_some() { "a member or who settled it" } else { "a member" };
        reasons.push(format!("the cost is unknown: {who} has no price or told no usage"));
    }
    Report {
        request_id: Arc::clone(&caller.request_id),
        served_by,
        simulated: fanned.simulated() > 0 || also.is_some_and(ChatReply::simulated),
        degraded,
        reasons,
        cache: "off",
        cost_usd,
        overhead_ms: 0.0,
        agreement: None,
    }
}

/// Who did not answer, and why.
fn silent(fanned: &Fanned, agreement: &Agreement) -> Vec<String> {
    let members = fanned.seated.iter().zip(&agreement.members);
    let silent = members.filter(|(seated, member)| {
        let failed = matches!(member.outcome, MemberOutcome::Failed | MemberOutcome::TimedOut | MemberOutcome::Skipped);
        failed && !seated.needless
    });
    let line = |member: &crate::MemberReport| {
        format!("`{}` did not answer: {}", member.model, member.reason.as_deref().unwrap_or_default())
    };
    silent.map(|(_, member)| line(member)).collect()
}

/// Why some were not asked at all.
fn needless(fanned: &Fanned) -> Option<String> {
    let mut needless = fanned.seated.iter().filter(|seated| seated.needless);
    let why = needless.next()?.reason.as_deref()?;
    let (count, all) = (1 + needless.count(), fanned.seated.len());
    let were = if count == 1 { "was" } else { "were" };
    Some(format!("{count} of {all} members {were} {why}"))
}

/// What became of the judge or arbiter.
fn settled(found: &ResolutionReport, served_by: &str) -> String {
    let ResolutionReport { method, model, picked, reason, .. } = found;
    match (reason, picked) {
        (Some(reason), _) => format!("the {method} `{model}` settled nothing: {reason}"),
        (None, Some(_)) => format!("the {method} `{model}` picked the answer of `{served_by}`"),
        (None, None) => format!("the {method} `{model}` read all answers and wrote this one"),
    }
}

fn total_cost(fanned: &Fanned, agreement: &Agreement, also: Option<&ChatReply>) -> Cost {
    let replied = fanned.seated.iter().filter(|seated| seated.reply.is_some()).map(|seated| seated.cost);
    let settled = also.map(|_| agreement.resolution.as_ref().and_then(|found| found.cost_usd));
    replied.chain(settled).try_fold(Decimal::ZERO, |sum, cost| Some(sum + cost?))
}

fn no_answer(panel: &Panel, fanned: &mut Fanned) -> AskError {
    let attempt = |(at, seated): (usize, &crate::fanout::Seated)| Attempt {
        model: panel.seats[at].endpoint.id().to_owned(),
        reason: seated.reason.clone().unwrap_or_default(),
    };
    let attempts: Vec<Attempt> = fanned.seated.iter().enumerate().map(attempt).collect();
    if fanned.timed_out {
        return AskError::Deadline { within: fanned.took, attempts };
    }
    if let Some((model, error)) = fanned.refusals.take() {
        return AskError::Refused { model, error, attempts };
    }
    let turned_away = fanned.refusals.turned_away();
    AskError::NoAnswer { attempts, retry: fanned.retry, timed_out: false, turned_away }
}

#[cfg(test)]
mod tests;
