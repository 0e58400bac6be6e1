//! What clients are told about tools, in short.

use caller::{Role, ToolSpec};
use serde_json::{Value, json};

/// What a tool does to the world.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Reads.
    Reads,
    /// Changes sessions.
    Changes,
    /// Destroys sessions.
    Destroys,
    /// Asks models.
    Asks,
}

/// A tool, in short.
pub(super) struct Short {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) input: Value,
    pub(super) output: Value,
    pub(super) effect: Effect,
}

pub(super) fn spec(short: Short) -> ToolSpec {
    let Short { name, title, description, input, output, effect } = short;
    ToolSpec {
        name,
        title,
        description: description.to_owned(),
        input_schema: input,
        output_schema: output,
        read_only: effect == Effect::Reads,
        destructive: effect == Effect::Destroys,
        idempotent: effect == Effect::Reads,
        open_world: effect == Effect::Asks,
        role: if effect == Effect::Reads { Role::Viewer } else { Role::User },
    }
}

/// An object; what a result holds beside what is named here, it may.
pub(super) fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

/// An object of arguments, of which there are no others.
pub(super) fn arguments(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

pub(super) fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

pub(super) fn texts() -> Value {
    json!({ "type": "array", "items": { "type": "string" } })
}

pub(super) fn list(item: Value) -> Value {
    json!({ "type": "array", "items": item })
}

pub(super) fn nullable(kind: &str) -> Value {
    json!({ "type": [kind, "null"] })
}

pub(super) fn session() -> Value {
    text("as start_decision_analysis gave it")
}
