//! Sessions begun, listed, found again, cleared; and whether Bedrock answers.

use super::markdown::{escaped, next, page, point};
use super::spec::{Effect, Short, arguments as of_arguments, list, nullable, object, spec, text, texts};
use super::{Outcome, Run, arguments};
use crate::backend::{self, BEDROCK};
use crate::room::Decisions;
use crate::{Decision, DecisionError, Listed, NewCriterion, NewDecision, NewOption};
use caller::{Caller, Role, ToolSpec};
use fault::Explain;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use wire::openai::ChatRequest;

/// The most sessions that one answer lists.
const LISTED_MAX: usize = 100;

pub(super) fn begin() -> Vec<(ToolSpec, Run)> {
    vec![(spec(start_spec()), |room, caller, given| Box::pin(start(room, caller, given)))]
}

pub(super) fn all() -> Vec<(ToolSpec, Run)> {
    vec![
        (spec(list_spec()), |room, caller, given| Box::pin(list_sessions(room, caller, given))),
        (spec(clear_spec()), |room, caller, given| Box::pin(clear(room, caller, given))),
        (spec(current_spec()), |room, caller, given| Box::pin(current(room, caller, given))),
        (spec(bedrock_spec()), |room, caller, given| Box::pin(test_bedrock(room, caller, given))),
    ]
}

fn start_spec() -> Short {
    let criterion = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" }, "description": { "type": "string" },
            "weight": { "type": "number", "minimum": 0.1, "maximum": 10, "default": 1.0 }
        },
        "required": ["name"]
    });
    Short {
        name: "start_decision_analysis",
        title: "Start a decision",
        description: "Start a decision: options to choose from, judged by criteria. Then add_criterion, \
                      evaluate_options (models score every pair on their own) or score_option (you score), and \
                      get_decision_matrix.",
        input: of_arguments(
            json!({
                "topic": text("what is to be decided"),
                "options": { "type": "array", "items": { "type": "string" }, "minItems": 2 },
                "initial_criteria": { "type": ["array", "null"], "items": criterion },
                "model_backend": {
                    "type": "string", "default": BEDROCK,
                    "description": "a kind of provider, a provider's name or litellm"
                },
                "model_name": {
                    "type": ["string", "null"],
                    "description": "any model, panel or route there is; wins over model_backend"
                },
                "temperature": { "type": "number", "minimum": 0, "maximum": 2, "default": 0.1 }
            }),
            &["topic", "options"],
        ),
        output: object(
            json!({
                "session_id": { "type": "string" }, "topic": { "type": "string" }, "options": texts(),
                "criteria_added": texts(), "model_backend": { "type": "string" }, "model_name": nullable("string"),
                "message": { "type": "string" }, "next_steps": texts(), "degraded": { "type": "boolean" },
                "reasons": texts(), "formatted_output": { "type": "string" }
            }),
            &[
                "session_id",
                "topic",
                "options",
                "criteria_added",
                "model_backend",
                "model_name",
                "message",
                "next_steps",
            ],
        ),
        effect: Effect::Changes,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    topic: String,
    options: Vec<String>,
    initial_criteria: Option<Vec<NewCriterion>>,
    model_backend: Option<String>,
    model_name: Option<String>,
    temperature: Option<f64>,
}

async fn start(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let given: Start = arguments(given)?;
    let option = |name: String| NewOption { name, description: String::new() };
    let model_backend = match given.model_backend {
        Some(backend) => Some(backend),
        None => backend::assumed(&room.matrix, given.model_name.as_deref()).await,
    };
    let new = NewDecision {
        topic: given.topic,
        options: given.options.into_iter().map(option).collect(),
        criteria: given.initial_criteria.unwrap_or_default(),
        model_backend,
        model_name: given.model_name,
        temperature: given.temperature,
    };
    let decision = room.start(&caller.guest.identity, new).await?;
    let (options, criteria) = (names(&decision), criteria(&decision));
    let mut message = format!("Decision analysis initialized with {} options", options.len());
    if !criteria.is_empty() {
        message.push_str(&format!(" and {} criteria", criteria.len()));
    }
    for reason in &decision.reasons {
        message.push_str(&format!(". Note: {reason}"));
    }
    let steps = steps(&decision);
    let mut lines = vec![
        format!("**Topic**: {}", escaped(&decision.topic)),
        format!("**Session**: `{}`", decision.id),
        format!("**Model**: {}", model(&decision)),
        String::new(),
        "**Options**".to_owned(),
        String::new(),
    ];
    lines.extend(options.iter().map(|name| point(&escaped(name))));
    if !criteria.is_empty() {
        lines.extend([String::new(), "**Criteria**".to_owned(), String::new()]);
        let criterion = |it: &crate::Criterion| point(&format!("{} (weight {})", escaped(&it.name), it.weight));
        lines.extend(decision.criteria.iter().map(criterion));
    }
    lines.extend(decision.reasons.iter().map(|reason| format!("\n> {}", escaped(reason))));
    lines.extend(next(&steps));
    Ok(json!({
        "session_id": decision.id, "topic": decision.topic, "options": options, "criteria_added": criteria,
        "model_backend": decision.model_backend, "model_name": decision.model, "message": message,
        "next_steps": steps, "degraded": decision.degraded, "reasons": decision.reasons,
        "formatted_output": page("Decision analysis started", &lines),
    }))
}

fn model(decision: &Decision) -> String {
    decision.model.as_ref().map_or_else(|| "none is set up".to_owned(), |model| format!("`{}`", escaped(model)))
}

pub(super) fn names(decision: &Decision) -> Vec<String> {
    decision.options.iter().map(|option| option.name.clone()).collect()
}

pub(super) fn criteria(decision: &Decision) -> Vec<String> {
    decision.criteria.iter().map(|criterion| criterion.name.clone()).collect()
}

/// What can be done next.
pub(super) fn steps(decision: &Decision) -> Vec<String> {
    let mut steps = Vec::new();
    if decision.criteria.is_empty() {
        steps.push("Add criteria with add_criterion".to_owned());
    }
    if decision.model.is_some() {
        steps.push("Run evaluate_options to have every pair scored".to_owned());
    } else {
        steps.push("Score every pair yourself with score_option".to_owned());
    }
    steps.push("Read the result with get_decision_matrix".to_owned());
    steps
}

/// Arguments of a tool that takes none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn list_spec() -> Short {
    let session = object(
        json!({
            "session_id": { "type": "string" }, "topic": { "type": "string" }, "created_at": { "type": "string" },
            "options": texts(), "criteria": texts(), "evaluations_run": { "type": "integer" },
            "status": { "enum": ["setup", "evaluated"] }
        }),
        &["session_id", "topic", "created_at", "options", "criteria", "evaluations_run", "status"],
    );
    Short {
        name: "list_sessions",
        title: "List decisions",
        description: "List your decisions, newest first.",
        input: of_arguments(json!({}), &[]),
        output: object(
            json!({
                "sessions": list(session), "total_active": { "type": "integer" }, "stats": { "type": "object" },
                "formatted_output": { "type": "string" }
            }),
            &["sessions", "total_active", "stats"],
        ),
        effect: Effect::Reads,
    }
}

async fn list_sessions(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let Nothing {} = arguments(given)?;
    let who = &caller.guest.identity;
    let page_of = room.list(who, Some(LISTED_MAX), None).await?;
    let stats = stats(room, caller).await?;
    let line = |it: &Listed| {
        let counts = format!("{} options × {} criteria", it.options.len(), it.criteria.len());
        point(&format!("`{}` {} ({counts}, {})", it.id, escaped(&it.topic), it.status()))
    };
    let mut lines: Vec<String> = page_of.entries.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("No sessions yet: begin one with start_decision_analysis.".to_owned());
    }
    if page_of.cursor.is_some() {
        lines.push(format!("\nThese are the newest {LISTED_MAX}."));
    }
    let sessions: Vec<Value> = page_of.entries.iter().map(session).collect();
    Ok(json!({
        "sessions": sessions, "total_active": stats["active_sessions"], "stats": stats,
        "formatted_output": page("Sessions", &lines),
    }))
}

fn session(it: &Listed) -> Value {
    json!({
        "session_id": it.id, "topic": it.topic, "created_at": calendar::rfc3339(it.created_ms),
        "options": it.options, "criteria": it.criteria, "evaluations_run": it.evaluations_run, "status": it.status(),
    })
}

async fn stats(room: &Arc<Decisions>, caller: &Caller) -> Result<Value, DecisionError> {
    let all = room.statistics(&caller.guest.identity).await?;
    let mut stats = json!({
        "active_sessions": all.sessions_active, "max_active_sessions": all.sessions_limit,
        "utilization": all.sessions_used,
    });
    // What all tenants do together is the business of whoever runs the server.
    if caller.guest.identity.role >= Role::Operator {
        stats["evaluations_running"] = json!(all.evaluations_running);
        stats["evaluations_per_minute"] = json!(all.evaluations_per_minute);
        stats["error_rate_5m"] = json!(all.error_rate_5m);
    }
    Ok(stats)
}

fn clear_spec() -> Short {
    Short {
        name: "clear_all_sessions",
        title: "Clear all decisions",
        description: "Remove all of your decisions, also those being evaluated.",
        input: of_arguments(json!({}), &[]),
        output: object(
            json!({ "cleared": { "type": "integer" }, "message": { "type": "string" }, "stats": { "type": "object" } }),
            &["cleared", "message", "stats"],
        ),
        effect: Effect::Destroys,
    }
}

async fn clear(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let Nothing {} = arguments(given)?;
    let cleared = room.clear(&caller.guest.identity).await?;
    let stats = stats(room, caller).await?;
    Ok(json!({ "cleared": cleared, "message": format!("Cleared {cleared} sessions"), "stats": stats }))
}

fn current_spec() -> Short {
    Short {
        name: "current_session",
        title: "Current decision",
        description: "The decision that was started last.",
        input: of_arguments(json!({}), &[]),
        output: object(
            json!({
                "session_id": nullable("string"), "topic": { "type": "string" }, "created_at": { "type": "string" },
                "options": texts(), "criteria": texts(), "evaluations_run": { "type": "integer" },
                "status": { "type": "string" }, "message": { "type": "string" },
                "formatted_output": { "type": "string" }
            }),
            &["session_id"],
        ),
        effect: Effect::Reads,
    }
}

async fn current(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let Nothing {} = arguments(given)?;
    let page_of = room.list(&caller.guest.identity, Some(1), None).await?;
    let Some(it) = page_of.entries.first() else {
        let message = "No active session: begin one with start_decision_analysis";
        let text = page("No active session", &[format!("{message}.")]);
        return Ok(json!({ "session_id": null, "message": message, "formatted_output": text }));
    };
    let lines = [
        format!("**Topic**: {}", escaped(&it.topic)),
        format!("**Session**: `{}`", it.id),
        format!("**Status**: {}", it.status()),
        format!("**Options**: {}", escaped(&it.options.join(", "))),
        format!("**Criteria**: {}", escaped(&it.criteria.join(", "))),
    ];
    let mut fields = session(it);
    fields["formatted_output"] = json!(page("Current session", &lines));
    Ok(fields)
}

fn bedrock_spec() -> Short {
    Short {
        name: "test_aws_bedrock_connection",
        title: "Test Amazon Bedrock",
        description: "Ask the provider of the kind bedrock for a word, or say how to set one up.",
        input: of_arguments(json!({}), &[]),
        output: object(
            json!({
                "status": { "enum": ["ok", "error", "not_configured"] }, "region": nullable("string"),
                "model_tested": nullable("string"), "suggestion": { "type": "string" }, "error": { "type": "string" },
                "formatted_output": { "type": "string" }
            }),
            &["status", "region", "model_tested", "suggestion"],
        ),
        effect: Effect::Asks,
    }
}

async fn test_bedrock(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let Nothing {} = arguments(given)?;
    let Some(state) = backend::bedrock(&room.matrix).await else {
        let suggestion = "set AWS credentials, or add a `[[provider]]` with `kind = \"bedrock\"` to the settings; until \
                          then the default model is asked instead";
        return Ok(told("not_configured", None, None, suggestion.to_owned(), None));
    };
    let region = state.settings.aws.as_ref().and_then(|aws| aws.region.clone());
    let Some(model) = state.models.first().map(|model| model.id.clone()) else {
        let suggestion = "list a model of it under `models`".to_owned();
        return Ok(told("error", region, None, suggestion, Some("the provider lists no model".to_owned())));
    };
    let asked = room.matrix.ask(caller, &ChatRequest::from_prompt(&model, "Answer with the one word: ok")).await;
    Ok(match asked {
        Ok(_) => told("ok", region, Some(model), "nothing to do: it answers".to_owned(), None),
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| "`althing doctor` checks every provider".to_owned());
            told("error", region, Some(model), hint, Some(error.to_string()))
        }
    })
}

fn told(
    status: &str,
    region: Option<String>,
    model: Option<String>,
    suggestion: String,
    error: Option<String>,
) -> Value {
    let mut lines = vec![format!("**Status**: {status}")];
    lines.extend(region.iter().map(|region| format!("**Region**: {}", escaped(region))));
    lines.extend(model.iter().map(|model| format!("**Model**: `{}`", escaped(model))));
    lines.extend(error.iter().map(|error| format!("**Error**: {}", escaped(error))));
    lines.push(format!("\n*{}*", escaped(&suggestion)));
    let text = page("Amazon Bedrock", &lines);
    let mut found = json!({
        "status": status, "region": region, "model_tested": model, "suggestion": suggestion, "formatted_output": text,
    });
    if let Some(error) = error {
        found["error"] = json!(error);
    }
    found
}
