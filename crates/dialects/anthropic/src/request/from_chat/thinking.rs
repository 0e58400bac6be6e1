//! How hard a model shall think. Refuses to know what about.

use super::super::given::given;
use super::super::{HIGH_TOKENS, LOW_TOKENS, MEDIUM_TOKENS, effort_of, note};
use super::Draft;
use super::model::Generation;
use serde_json::{Value, json};

/// The fewest tokens of thinking that Anthropic takes.
const LEAST_TOKENS: u64 = 1_024;

/// What a request has that some models refuse while they think.
#[derive(Clone, Copy)]
pub(super) struct Bars {
    /// A tool has to be called.
    pub(super) forced: bool,
    /// Results follow a call in front of which no thought with a signature stands.
    pub(super) unsigned_call: bool,
}

/// Asks for thinking as the chat does; tells whether it was we who turned an effort into it.
pub(super) fn thinking(chat: &Value, max_tokens: u64, bars: Bars, draft: &mut Draft) -> bool {
    let effort = given(chat, "reasoning_effort").and_then(Value::as_str);
    match (given(chat, "thinking").filter(|thinking| thinking.is_object()), effort) {
        (Some(thinking), effort) => {
            asked(thinking, effort, max_tokens, draft);
            false
        }
        (None, None) => false,
        (None, Some(effort)) => match draft.generation {
            Generation::Either | Generation::Adaptive => freely(effort, bars, draft),
            Generation::Foreign | Generation::Budget => wished(effort, max_tokens, bars, draft),
        },
    }
}

/// What the client says in Anthropic's own words, in the form that the model takes.
fn asked(thinking: &Value, effort: Option<&str>, max_tokens: u64, draft: &mut Draft) {
    let budget = thinking["budget_tokens"].as_u64().unwrap_or_default();
    match (thinking["type"].as_str(), draft.generation) {
        (Some("enabled"), Generation::Adaptive) => {
            let effort = effort_of(budget);
            note(&mut draft.lost, format!("`thinking.budget_tokens` of {budget} (asked for the effort `{effort}`)"));
            draft.set("thinking", &json!({ "type": "adaptive" }));
            draft.effort(effort);
        }
        (Some("enabled"), _) if budget >= max_tokens => clamped(thinking, budget, max_tokens, draft),
        (Some("adaptive"), Generation::Budget) => {
            if !within(tokens_of(effort.unwrap_or("high")), max_tokens, draft) {
                note(&mut draft.lost, "`thinking` (too few tokens are allowed)");
            }
        }
        (Some("adaptive"), _) => {
            draft.set("thinking", thinking);
            if let Some(effort @ ("low" | "medium" | "high")) = effort {
                draft.effort(effort);
            }
        }
        _ => draft.set("thinking", thinking),
    }
}

/// A budget has to leave room for the answer.
fn clamped(thinking: &Value, budget: u64, max_tokens: u64, draft: &mut Draft) {
    if max_tokens <= LEAST_TOKENS {
        note(&mut draft.lost, "`thinking` (too few tokens are allowed)");
        return;
    }
    let mut less = thinking.clone();
    less["budget_tokens"] = json!(max_tokens - 1);
    note(&mut draft.lost, format!("`thinking.budget_tokens` of {budget} (asked with {})", max_tokens - 1));
    draft.set("thinking", &less);
}

/// A wish in OpenAI's words to a model that finds its own budget.
fn freely(effort: &str, bars: Bars, draft: &mut Draft) -> bool {
    let known = match effort {
        "none" | "minimal" | "low" => "low",
        "medium" => "medium",
        _ => "high",
    };
    match (effort, draft.generation) {
        // There it is off unless asked for; the later ones think unless told not to, which not all can be told.
        ("none", Generation::Either) => return false,
        ("none", _) => note(&mut draft.lost, "`reasoning_effort` of `none` (asked for `low`)"),
        _ => {}
    }
    draft.effort(known);
    let asks = effort != "none" && !bars.forced;
    if asks {
        draft.set("thinking", &json!({ "type": "adaptive" }));
    }
    asks
}

/// A wish in OpenAI's words to a model that needs a budget: it gives way where the model would refuse it.
fn wished(effort: &str, max_tokens: u64, bars: Bars, draft: &mut Draft) -> bool {
    if matches!(effort, "none" | "minimal") {
        return false;
    }
    let asks = !bars.forced && !bars.unsigned_call && within(tokens_of(effort), max_tokens, draft);
    if !asks {
        note(&mut draft.lost, "`reasoning_effort`");
    }
    asks
}

/// Asks for thinking within a budget; half of what is allowed is left for the answer. Tells whether there was room.
fn within(budget: u64, max_tokens: u64, draft: &mut Draft) -> bool {
    let budget = budget.min(max_tokens / 2).max(LEAST_TOKENS);
    let fits = budget < max_tokens;
    if fits {
        draft.set("thinking", &json!({ "type": "enabled", "budget_tokens": budget }));
    }
    fits
}

fn tokens_of(effort: &str) -> u64 {
    match effort {
        "low" => LOW_TOKENS,
        "medium" => MEDIUM_TOKENS,
        _ => HIGH_TOKENS,
    }
}
