//! A panel's answer: the fan-out turned into one reply and its report.

use crate::context::Context;
use crate::fanout::{Fanned, Question, affordable, fan_out};
use crate::matrix::Outcome;
use crate::plan::Panel;
use crate::report::{Agreement, Report};
use crate::{AskError, MemberOutcome, need, verdict};
use caller::Caller;
use consensus::{Cluster, Verdict};
use models::Cost;
use rust_decimal::Decimal;
use serde_json::json;
use settings::OnDisagreement;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
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
    let asked = &affordable(panel, request)[..];
    if !asked.contains(&true) {
        context.metrics.agreement(&panel.name, measure::Agreement::Failed).inc();
        return Err(AskError::TooExpensive { panel: panel.name.clone() });
    }
    let members = panel.seats.iter().zip(asked).filter(|(_, asked)| **asked).map(|(seat, _)| &seat.endpoint);
    let need = need::together(context, request, members);
    let tab = caller.guest.spend.reserve(&caller.request_id, need, deadline).await?;
    let question = Question { request, request_id: &caller.request_id, tab: &tab, deadline, asked };
    let mut fanned = fan_out(context, panel, &question).await;
    // Every call has been noted: what is left goes back before the answers are compared.
    drop(tab);
    answer(context, panel, caller, &mut fanned)
}

/// The panel's one answer out of its members'.
fn answer(context: &Context, panel: &Panel, caller: &Caller, fanned: &mut Fanned) -> Result<Outcome, AskError> {
    let clusters = fanned.ballot.clusters();
    let counted = |outcome| context.metrics.agreement(&panel.name, outcome).inc();
    let Some(leader) = clusters.first() else {
        counted(measure::Agreement::Failed);
        return Err(no_answer(panel, fanned));
    };
    let reached = fanned.verdict == Verdict::Reached;
    counted(if reached { measure::Agreement::Reached } else { measure::Agreement::NotReached });
    let agreement = verdict::agreement(panel, fanned, &clusters);
    let words = match panel.on_disagreement {
        _ if reached => Words::Of(leader),
        OnDisagreement::Plurality => Words::Of(leader),
        OnDisagreement::List => Words::List,
        OnDisagreement::Error => {
            return Err(AskError::Disagreement { panel: panel.name.clone(), agreement: Box::new(agreement) });
        }
    };
    let report = report(panel, caller, fanned, &words, &agreement);
    let reply = reply(panel, caller, fanned, &words, &agreement);
    let report = Report { agreement: Some(agreement), ..report };
    Ok(Outcome::Whole { reply: Box::new(reply), report: Box::new(report), waited: fanned.took })
}

/// Whose words the reply carries.
enum Words<'a> {
    /// The medoid's of this group, word for word.
    Of(&'a Cluster),
    /// Nobody's: each answer with its share.
    List,
}

fn reply(panel: &Panel, caller: &Caller, fanned: &Fanned, words: &Words<'_>, agreement: &Agreement) -> ChatReply {
    let used = fanned.seated.iter().filter_map(|seated| seated.reply.as_ref()?.usage());
    let usage = used.reduce(|sum, usage| sum + usage);
    if let Words::Of(leader) = words
        && let Some(reply) = &fanned.seated[leader.medoid].reply
    {
        // What nobody counted is not zero.
        return usage.map_or_else(|| reply.clone(), |usage| reply.with_usage(usage));
    }
    let usage = usage.unwrap_or_default();
    let message = json!({ "role": "assistant", "content": list(agreement) });
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let id = format!("chatcmpl-{}", caller.request_id);
    ChatReply::composed(compose_reply(&id, created, &panel.name, &message, "stop", usage), usage)
}

/// The answers as text, for a panel that did not agree.
fn list(agreement: &Agreement) -> String {
    let mut text = format!(
        "No agreement: {} of {} members answered and the largest group holds {:.0} %.\n",
        agreement.answered,
        agreement.asked,
        agreement.share * 100.0
    );
    for cluster in &agreement.clusters {
        let members = cluster.members.join(", ");
        let _ = write!(text, "\n{:.0} % ({members}):\n{}\n", cluster.share * 100.0, cluster.answer);
    }
    text
}

fn report(panel: &Panel, caller: &Caller, fanned: &Fanned, words: &Words<'_>, agreement: &Agreement) -> Report {
    let served_by = match words {
        Words::Of(leader) => panel.seats[leader.medoid].endpoint.id().to_owned(),
        Words::List => panel.name.clone(),
    };
    let simulated = fanned.simulated() > 0;
    let silent = agreement.members.iter().filter(|member| {
        matches!(member.outcome, MemberOutcome::Failed | MemberOutcome::TimedOut | MemberOutcome::Skipped)
    });
    let mut reasons: Vec<String> = silent
        .map(|member| format!("`{}` did not answer: {}", member.model, member.reason.as_deref().unwrap_or_default()))
        .collect();
    let degraded = !reasons.is_empty();
    if !agreement.reached {
        let wanted = panel.agreement * 100.0;
        reasons.push(format!("no answer holds the {wanted:.0} % that the panel `{}` asks for", panel.name));
    }
    let cost_usd = total_cost(fanned);
    if cost_usd.is_none() {
        reasons.push("the cost is unknown: a member has no price or told no usage".to_owned());
    }
    let request_id = Arc::clone(&caller.request_id);
    Report {
        request_id,
        served_by,
        simulated,
        degraded,
        reasons,
        cache: "off",
        cost_usd,
        overhead_ms: 0.0,
        agreement: None,
    }
}

fn total_cost(fanned: &Fanned) -> Cost {
    let replied = fanned.seated.iter().filter(|seated| seated.reply.is_some());
    replied.map(|seated| seated.cost).try_fold(Decimal::ZERO, |sum, cost| Some(sum + cost?))
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
    AskError::NoAnswer { attempts, retry: fanned.retry, timed_out: false }
}

#[cfg(test)]
mod tests;
