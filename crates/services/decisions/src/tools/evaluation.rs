//! Pairs scored by models, and the matrix that comes of it.

use super::markdown::{escaped, next, page, point};
use super::spec::{Effect, Short, arguments as of_arguments, list, nullable, object, session, spec, texts};
use super::{Outcome, Run, about};
use crate::room::Decisions;
use crate::{Evaluate, Evaluation, Look, Outlook, PairFault};
use caller::{Caller, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The most pairs without a score that are told one by one.
const TOLD_MAX: usize = 20;

pub(super) fn all() -> Vec<(ToolSpec, Run)> {
    vec![
        (spec(evaluate_spec()), |room, caller, given| Box::pin(evaluate(room, caller, given))),
        (spec(matrix_spec()), |room, caller, given| Box::pin(matrix(room, caller, given))),
    ]
}

fn evaluate_spec() -> Short {
    let counts =
        ["options_evaluated", "criteria_used", "total_evaluations", "successful_scores", "abstentions", "errors"];
    let summary: serde_json::Map<String, Value> =
        counts.iter().map(|name| ((*name).to_owned(), json!({ "type": "integer" }))).collect();
    Short {
        name: "evaluate_options",
        title: "Evaluate all pairs",
        description: "Have models score every pair of option and criterion that has no score yet, each in a conversation \
                      of its own. Call again to go on where time ran out.",
        input: of_arguments(json!({ "session_id": session() }), &["session_id"]),
        output: object(
            json!({
                "session_id": { "type": "string" }, "evaluation_complete": { "type": "boolean" },
                "summary": object(Value::Object(summary), &counts), "errors": texts(), "missing": texts(),
                "message": { "type": "string" }, "next_steps": texts(), "simulated": { "type": "boolean" },
                "degraded": { "type": "boolean" }, "reasons": texts(), "cost_usd": nullable("number"),
                "formatted_output": { "type": "string" }
            }),
            &["evaluation_complete", "summary", "errors", "message", "next_steps"],
        ),
        effect: Effect::Asks,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    #[serde(rename = "session_id")]
    _session_id: String,
}

async fn evaluate(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let (decision, Session { .. }) = about(room, caller, given).await?;
    let done = room.evaluate(caller, &decision.id, Evaluate::default()).await?;
    let Evaluation { summary, .. } = done;
    let message = match done.complete {
        true => format!("Evaluated {} pairs: {} scores", summary.total_evaluations, summary.successful_scores),
        false => format!(
            "{} of {} pairs have a score; {} failed or were not asked",
            summary.successful_scores, summary.total_evaluations, summary.errors
        ),
    };
    let mut steps = Vec::new();
    if !done.complete {
        steps.push("Run evaluate_options again: only what is missing is asked".to_owned());
    }
    steps.push("Read the result with get_decision_matrix".to_owned());
    let (errors, missing) = (told(&done.errors), told(&done.missing));
    let mut lines = vec![
        format!("{}.", escaped(&message)),
        String::new(),
        format!(
            "Scores {} · abstentions {} · errors {}",
            summary.successful_scores, summary.abstentions, summary.errors
        ),
    ];
    if done.simulated {
        lines.extend([String::new(), "> Scores were made up by a script: no model was asked.".to_owned()]);
    }
    for (title, all) in [("Failed", &errors), ("Not asked", &missing)] {
        if !all.is_empty() {
            lines.extend([String::new(), format!("**{title}**"), String::new()]);
            lines.extend(all.iter().take(TOLD_MAX).map(|line| point(&escaped(line))));
            if all.len() > TOLD_MAX {
                lines.push(point(&format!("and {} more", all.len() - TOLD_MAX)));
            }
        }
    }
    lines.extend(next(&steps));
    Ok(json!({
        "session_id": done.session_id, "evaluation_complete": done.complete, "summary": summary, "errors": errors,
        "missing": missing, "message": message, "next_steps": steps, "simulated": done.simulated,
        "degraded": done.degraded, "reasons": done.reasons, "cost_usd": done.cost_usd,
        "formatted_output": page("Evaluation", &lines),
    }))
}

/// Pairs without a score, each with its reason.
fn told(faults: &[PairFault]) -> Vec<String> {
    faults.iter().map(|it| format!("{} × {}: {}", it.option, it.criterion, it.reason)).collect()
}

fn matrix_spec() -> Short {
    let any = json!({ "type": "object" });
    let ranking = object(
        json!({
            "option": { "type": "string" }, "weighted_total": { "type": "number" }, "breakdown": list(any.clone()),
            "rank": { "type": "integer" }
        }),
        &["option", "weighted_total", "breakdown"],
    );
    Short {
        name: "get_decision_matrix",
        title: "Read the decision matrix",
        description: "The matrix, the ranking by weighted sum, what other methods say, and how firm the first place is. \
                      Reading changes nothing.",
        input: of_arguments(
            json!({
                "session_id": session(),
                "include_history": { "type": "boolean", "default": false, "description": "what models were told and said" }
            }),
            &["session_id"],
        ),
        output: object(
            json!({
                "session_id": { "type": "string" },
                "matrix": { "type": "object", "additionalProperties": {
                    "type": "object", "additionalProperties": { "type": "object", "properties": {
                        "raw_score": nullable("number"), "weighted_score": nullable("number"),
                        "justification": { "type": "string" }
                    }, "required": ["raw_score", "weighted_score", "justification"] } } },
                "rankings": list(ranking), "recommendation": { "type": "string" },
                "criteria_weights": { "type": "object", "additionalProperties": { "type": "number" } },
                "evaluation_timestamp": nullable("string"), "session_info": any.clone(),
                "complete": { "type": "boolean" }, "simulated": { "type": "boolean" },
                "degraded": { "type": "boolean" }, "reasons": texts(), "missing": list(any.clone()),
                "second_opinions": list(any), "sensitivity": nullable("object"), "first_share": nullable("object"),
                "close_call": nullable("object"), "history": { "type": "array", "items": { "type": "object" } },
                "formatted_output": { "type": "string" }
            }),
            &["matrix", "rankings", "recommendation", "criteria_weights", "evaluation_timestamp", "session_info"],
        ),
        effect: Effect::Reads,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    #[serde(rename = "session_id")]
    _session_id: String,
    include_history: Option<bool>,
}

async fn matrix(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let (decision, given): (_, Matrix) = about(room, caller, given).await?;
    let look = Look { include_history: given.include_history.unwrap_or(false), seed: None };
    let outlook = room.result(&caller.guest.identity, &decision.id, look).await?;
    Ok(shown(&outlook))
}

/// A decision as the original's users read it, with more beside it.
fn shown(outlook: &Outlook) -> Value {
    let sheet = &outlook.sheet;
    let mut found = json!({
        "session_id": outlook.session_id, "matrix": outlook.matrix, "rankings": outlook.rankings,
        "recommendation": outlook.recommendation, "criteria_weights": outlook.criteria_weights,
        "evaluation_timestamp": outlook.evaluation_timestamp, "session_info": outlook.session_info,
        "complete": outlook.complete, "simulated": outlook.simulated, "degraded": outlook.degraded,
        "reasons": outlook.reasons, "missing": sheet.missing, "second_opinions": sheet.opinions,
        "sensitivity": sheet.sensitivity, "first_share": sheet.first_share, "close_call": sheet.close_call,
    });
    if let Some(history) = &outlook.history {
        found["history"] = json!(history);
    }
    found["formatted_output"] = json!(sheet::markdown(sheet));
    found
}
