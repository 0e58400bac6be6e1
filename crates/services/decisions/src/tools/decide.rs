//! `decide`: begins, evaluates and reads in one call. Its definition stands in the context of every client.

use super::spec::{Effect, Short, spec};
use super::{Outcome, Run, arguments};
use crate::room::Decisions;
use crate::{Decision, DecisionError, Evaluate, GivenScore, Look, NewCriterion, NewDecision, NewOption, Outlook};
use caller::{Caller, ToolSpec};
use docket::check;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn tool() -> (ToolSpec, Run) {
    (spec(decide_spec()), |room, caller, given| Box::pin(decide(room, caller, given)))
}

fn decide_spec() -> Short {
    Short {
        name: "decide",
        title: "Decide",
        description: "Rank options by weighted criteria: models score each pair 1-10 on its own. Call again with \
                      session_id to resume.",
        input: json!({
            "type": "object",
            "properties": {
                "topic": { "type": "string" },
                "options": { "type": "array", "items": { "type": "string" } },
                "criteria": { "type": "object", "description": "name: weight 0.1-10" },
                "model_name": { "type": "string" },
                "scores": { "type": "object", "description": "your own: option: criterion: score" },
                "session_id": { "type": "string" }
            },
            "additionalProperties": false
        }),
        output: json!({
            "type": "object",
            "properties": {
                "session_id": { "type": "string" },
                "recommendation": { "type": "string" },
                "rankings": { "type": "array" },
                "complete": { "type": "boolean" },
                "reasons": { "type": "array" }
            },
            "required": ["session_id", "recommendation", "rankings", "complete"]
        }),
        effect: Effect::Asks,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    topic: Option<String>,
    options: Option<Vec<String>>,
    criteria: Option<Value>,
    model_name: Option<String>,
    scores: Option<BTreeMap<String, BTreeMap<String, Option<f64>>>>,
    session_id: Option<String>,
}

/// Criteria by name, each with its weight, in the order in which they were written.
fn weighted(criteria: Value) -> Result<Vec<NewCriterion>, DecisionError> {
    let wrong = |problem: String| {
        DecisionError::argument("criteria", problem, "write `{\"price\": 2, \"quality\": 1}`".to_owned())
    };
    let Value::Object(criteria) = criteria else {
        return Err(wrong("`criteria` is not an object of weights".to_owned()));
    };
    let read = |(name, weight): (String, Value)| {
        let weight = weight.as_f64();
        let weight = weight.ok_or_else(|| wrong(format!("`criteria.{}` is not a weight", check::shown(&name))))?;
        Ok(NewCriterion { name, weight: check::weight(weight)?, ..NewCriterion::default() })
    };
    criteria.into_iter().map(read).collect()
}

async fn decide(room: &Arc<Decisions>, caller: &Caller, given: Value) -> Outcome {
    let who = &caller.guest.identity;
    if let Some(id) = given.get("session_id").and_then(Value::as_str) {
        room.get(who, id).await?;
    }
    let mut given: Decide = arguments(given)?;
    let scores = given.scores.take().unwrap_or_default();
    let scores: Vec<GivenScore> = scores.into_iter().flat_map(|(option, of)| scored(option, of)).collect();
    let decision = match given.session_id.take() {
        Some(id) => go_on(room, caller, &id, given, &scores).await?,
        None => begin(room, caller, given, &scores).await?,
    };
    // From here on there is a decision to go on with, whatever goes wrong.
    let begun = |error| DecisionError::begun(&decision.id, error);
    if !scores.is_empty() {
        room.score(who, &decision.id, scores, None).await.map_err(begun)?;
    }
    let evaluation = room.evaluate(caller, &decision.id, Evaluate::default()).await.map_err(begun)?;
    let outlook = room.result(who, &decision.id, Look::default()).await.map_err(begun)?;
    Ok(shown(&outlook, &evaluation.reasons))
}

/// Scores are looked at before anything is written: each must be one, of an option and by a criterion that there are.
fn fit<'a>(
    scores: &[GivenScore],
    options: impl Iterator<Item = &'a str> + Clone,
    criteria: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), DecisionError> {
    let same = |one: &str, other: &str| docket::folded(one) == docket::folded(other);
    for it in scores {
        check::score(it)?;
        let names = [
            ("option", &it.option, options.clone().any(|known| same(known, &it.option))),
            ("criterion", &it.criterion, criteria.clone().any(|known| same(known, &it.criterion))),
        ];
        if let Some((what, name, _)) = names.into_iter().find(|(_, _, known)| !known) {
            let problem = format!("`scores` names the {what} `{}`, which is not there", check::shown(name));
            return Err(DecisionError::argument(
                "scores",
                problem,
                "add it beside, or leave it out of `scores`".to_owned(),
            ));
        }
    }
    Ok(())
}

fn scored(option: String, of: BTreeMap<String, Option<f64>>) -> impl Iterator<Item = GivenScore> {
    of.into_iter().map(move |(criterion, score)| GivenScore {
        option: option.clone(),
        criterion,
        score,
        ..GivenScore::default()
    })
}

async fn begin(
    room: &Arc<Decisions>,
    caller: &Caller,
    given: Decide,
    scores: &[GivenScore],
) -> Result<Decision, DecisionError> {
    let missing = |what: &'static str| {
        let hint =
            "write `{\"topic\": \"…\", \"options\": [\"a\", \"b\"], \"criteria\": {\"price\": 2}}`, or `session_id` \
                    to go on with one"
                .to_owned();
        DecisionError::argument(what, format!("`{what}` is missing"), hint)
    };
    let topic = given.topic.ok_or_else(|| missing("topic"))?;
    let options = given.options.ok_or_else(|| missing("options"))?;
    let criteria = weighted(given.criteria.ok_or_else(|| missing("criteria"))?)?;
    if criteria.is_empty() {
        return Err(missing("criteria"));
    }
    fit(scores, options.iter().map(String::as_str), criteria.iter().map(|it| it.name.as_str()))?;
    let option = |name: String| NewOption { name, description: String::new() };
    let options = options.into_iter().map(option).collect();
    let model_name = given.model_name;
    let new = NewDecision { topic, options, criteria, model_name, ..NewDecision::default() };
    room.start(&caller.guest.identity, new).await
}

/// Goes on with a decision; options and criteria that it does not have are added, weights that differ are changed.
async fn go_on(
    room: &Arc<Decisions>,
    caller: &Caller,
    id: &str,
    given: Decide,
    scores: &[GivenScore],
) -> Result<Decision, DecisionError> {
    for (param, is_given) in [("topic", given.topic.is_some()), ("model_name", given.model_name.is_some())] {
        if is_given {
            let problem = format!("`{param}` stands beside `session_id`, whose decision has its own");
            return Err(DecisionError::argument(param, problem, "leave out one of the two".to_owned()));
        }
    }
    let who = &caller.guest.identity;
    let mut decision = room.get(who, id).await?;
    let options = given.options.unwrap_or_default();
    let criteria = given.criteria.map(weighted).transpose()?.unwrap_or_default();
    fit(
        scores,
        decision.options.iter().map(|it| it.name.as_str()).chain(options.iter().map(String::as_str)),
        decision.criteria.iter().map(|it| it.name.as_str()).chain(criteria.iter().map(|it| it.name.as_str())),
    )?;
    let folded = docket::folded;
    for name in options {
        if !decision.options.iter().any(|it| folded(&it.name) == folded(&name)) {
            let new = NewOption { name, description: String::new() };
            decision = room.add_option(who, id, new, None).await?;
        }
    }
    for new in criteria {
        let known = decision.criteria.iter().find(|it| folded(&it.name) == folded(&new.name));
        match known.map(|it| (it.name.clone(), it.weight)) {
            None => decision = room.add_criterion(who, id, new, None).await?,
            Some((name, weight)) if weight != new.weight => {
                let change = crate::CriterionChange { weight: Some(new.weight), ..crate::CriterionChange::default() };
                decision = room.change_criterion(who, id, &name, change, None).await?;
            }
            Some(_) => {}
        }
    }
    Ok(decision)
}

/// What a model needs to go on; `get_decision_matrix` has the rest.
fn shown(outlook: &Outlook, reasons: &[String]) -> Value {
    let sheet = &outlook.sheet;
    let ranking = |it: &crate::Ranking| {
        let scores: serde_json::Map<String, Value> =
            it.breakdown.iter().map(|part| (part.criterion.clone(), json!(part.score))).collect();
        json!({ "option": it.option, "rank": it.rank, "total": it.weighted_total, "scores": scores })
    };
    let differs = sheet.opinions.iter().filter(|it| it.agrees == Some(false)).map(|it| it.method.as_str());
    let mut all: Vec<&String> = reasons.iter().collect();
    all.extend(outlook.reasons.iter().filter(|reason| !reasons.contains(reason)));
    json!({
        "session_id": outlook.session_id, "recommendation": outlook.recommendation,
        "rankings": outlook.rankings.iter().map(ranking).collect::<Vec<_>>(), "complete": outlook.complete,
        "close_call": sheet.close_call, "methods_that_differ": differs.collect::<Vec<_>>(),
        "missing": sheet.missing, "simulated": outlook.simulated, "degraded": outlook.degraded, "reasons": all,
    })
}
