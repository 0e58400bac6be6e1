//! Criteria and options added, and pairs that the caller scores itself.

use super::markdown::{escaped, next, page};
use super::sessions::{criteria, names, steps};
use super::spec::{Effect, Short, arguments as of_arguments, object, session, spec, text, texts};
use super::{Outcome, Run, about};
use crate::room::Decisions;
use crate::{GivenScore, NewCriterion, NewOption, PairOutcome};
use caller::{Caller, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn all() -> Vec<(ToolSpec, Run)> {
    vec![
        (spec(criterion_spec()), |room, caller, given| Box::pin(add_criterion(room, caller, given))),
        (spec(option_spec()), |room, caller, given| Box::pin(add_option(room, caller, given))),
        (spec(score_spec()), |room, caller, given| Box::pin(score_option(room, caller, given))),
    ]
}

fn criterion_spec() -> Short {
    Short {
        name: "add_criterion",
        title: "Add a criterion",
        description: "Add what options are judged by. Scores mean: more is better, so name a cost as its absence.",
        input: of_arguments(
            json!({
                "session_id": session(),
                "name": { "type": "string" },
                "description": text("what it means"),
                "weight": { "type": "number", "minimum": 0.1, "maximum": 10, "default": 1.0 },
                "custom_prompt": { "type": ["string", "null"], "description": "what to tell whoever scores it" },
                "model_backend": {
                    "type": ["string", "null"], "description": "another one for this criterion; the session's if left out"
                },
                "model_name": { "type": ["string", "null"] },
                "temperature": { "type": ["number", "null"], "minimum": 0, "maximum": 2 }
            }),
            &["session_id", "name", "description"],
        ),
        output: object(
            json!({
                "session_id": { "type": "string" }, "criterion_added": { "type": "string" },
                "description": { "type": "string" }, "weight": { "type": "number" },
                "total_criteria": { "type": "integer" }, "all_criteria": texts(), "message": { "type": "string" },
                "formatted_output": { "type": "string" }
            }),
            &["session_id", "criterion_added", "description", "weight", "total_criteria", "all_criteria", "message"],
        ),
        effect: Effect::Changes,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddCriterion {
    #[serde(rename = "session_id")]
    _session_id: String,
    name: String,
    description: String,
    weight: Option<f64>,
    custom_prompt: Option<String>,
    model_backend: Option<String>,
    model_name: Option<String>,
    temperature: Option<f64>,
}

async fn add_criterion(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let (before, given): (_, AddCriterion) = about(room, caller, given).await?;
    let new = NewCriterion {
        name: given.name,
        description: given.description,
        weight: given.weight.unwrap_or(1.0),
        custom_prompt: given.custom_prompt,
        model_backend: given.model_backend,
        model_name: given.model_name,
        temperature: given.temperature,
    };
    let decision = room.add_criterion(&caller.guest.identity, &before.id, new, None).await?;
    let Some(added) = decision.criteria.last() else { return Ok(json!({})) };
    let message = format!("Added criterion '{}' with weight {}", added.name, added.weight);
    let mut lines = vec![
        format!("**{}** (weight {})", escaped(&added.name), added.weight),
        String::new(),
        escaped(&added.description),
        String::new(),
        format!("Criteria now: {}", escaped(&criteria(&decision).join(", "))),
    ];
    lines.extend(next(&steps(&decision)));
    Ok(json!({
        "session_id": decision.id, "criterion_added": added.name, "description": added.description,
        "weight": added.weight, "total_criteria": decision.criteria.len(), "all_criteria": criteria(&decision),
        "message": message, "formatted_output": page("Criterion added", &lines),
    }))
}

fn option_spec() -> Short {
    Short {
        name: "add_option",
        title: "Add an option",
        description: "Add something to choose. Only its own pairs are evaluated then.",
        input: of_arguments(
            json!({
                "session_id": session(),
                "option_name": { "type": "string" },
                "description": { "type": ["string", "null"], "description": "what it is" }
            }),
            &["session_id", "option_name"],
        ),
        output: object(
            json!({
                "session_id": { "type": "string" }, "option_added": { "type": "string" },
                "total_options": { "type": "integer" }, "all_options": texts(), "next_steps": texts(),
                "formatted_output": { "type": "string" }
            }),
            &["option_added", "total_options", "all_options", "next_steps"],
        ),
        effect: Effect::Changes,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddOption {
    #[serde(rename = "session_id")]
    _session_id: String,
    option_name: String,
    description: Option<String>,
}

async fn add_option(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let (before, given): (_, AddOption) = about(room, caller, given).await?;
    let new = NewOption { name: given.option_name, description: given.description.unwrap_or_default() };
    let decision = room.add_option(&caller.guest.identity, &before.id, new, None).await?;
    let Some(added) = decision.options.last() else { return Ok(json!({})) };
    let steps = steps(&decision);
    let mut lines = vec![
        format!("**{}** was added.", escaped(&added.name)),
        String::new(),
        format!("Options now: {}", escaped(&names(&decision).join(", "))),
    ];
    lines.extend(next(&steps));
    Ok(json!({
        "session_id": decision.id, "option_added": added.name, "total_options": decision.options.len(),
        "all_options": names(&decision), "next_steps": steps, "formatted_output": page("Option added", &lines),
    }))
}

fn score_spec() -> Short {
    let score = json!({
        "type": "object",
        "properties": {
            "criterion": { "type": "string" },
            "score": { "type": ["number", "null"], "minimum": 1, "maximum": 10, "description": "null: you cannot judge" },
            "confidence": { "type": ["number", "null"], "minimum": 0, "maximum": 1 },
            "justification": { "type": "string" }
        },
        "required": ["criterion", "score"], "additionalProperties": false
    });
    Short {
        name: "score_option",
        title: "Score an option yourself",
        description: "Score one option by one or more criteria yourself, in place of a model. Judge each pair on its own.",
        input: of_arguments(
            json!({
                "session_id": session(),
                "option_name": { "type": "string" },
                "scores": { "type": "array", "items": score, "minItems": 1 }
            }),
            &["session_id", "option_name", "scores"],
        ),
        output: object(
            json!({
                "session_id": { "type": "string" }, "option": { "type": "string" }, "scored": { "type": "integer" },
                "pairs_scored": { "type": "integer" }, "pairs_total": { "type": "integer" },
                "message": { "type": "string" }, "next_steps": texts(), "formatted_output": { "type": "string" }
            }),
            &["session_id", "option", "scored", "pairs_scored", "pairs_total", "message", "next_steps"],
        ),
        effect: Effect::Changes,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreOption {
    #[serde(rename = "session_id")]
    _session_id: String,
    option_name: String,
    scores: Vec<Score>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Score {
    criterion: String,
    score: Option<f64>,
    confidence: Option<f64>,
    justification: Option<String>,
}

async fn score_option(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let (before, given): (_, ScoreOption) = about(room, caller, given).await?;
    let option = given.option_name;
    let scores: Vec<GivenScore> = given
        .scores
        .into_iter()
        .map(|it| GivenScore {
            option: option.clone(),
            criterion: it.criterion,
            score: it.score,
            confidence: it.confidence,
            justification: it.justification.unwrap_or_default(),
        })
        .collect();
    let count = scores.len();
    let decision = room.score(&caller.guest.identity, &before.id, scores, None).await?;
    let settled = |pair: &&crate::Pair| !pair.outdated && pair.outcome != PairOutcome::Failed;
    let (done, all) = (decision.pairs.iter().filter(settled).count(), decision.options.len() * decision.criteria.len());
    let message = format!("Scored '{option}' by {count} criteria; {done} of {all} pairs are scored");
    let steps = match done == all {
        true => vec!["Read the result with get_decision_matrix".to_owned()],
        false => vec!["Score the other pairs with score_option".to_owned()],
    };
    let mut lines = vec![escaped(&message)];
    lines.extend(next(&steps));
    Ok(json!({
        "session_id": decision.id, "option": option, "scored": count, "pairs_scored": done, "pairs_total": all,
        "message": message, "next_steps": steps, "formatted_output": page("Scored", &lines),
    }))
}
