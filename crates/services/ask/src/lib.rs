//! `ask` as a tool: one question, one answer with its report. Knows no door, and of the engine only what everybody sees.

use caller::{Caller, Role, Tool, ToolFault, ToolFuture, ToolSpec};
use matrix::{AskError, ClusterReport, Matrix};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;
use wire::openai::ChatRequest;

/// The most models one question may name.
const MODELS_MAX: usize = 16;
/// The longest prompt in bytes.
const PROMPT_BYTES_MAX: usize = 1 << 20;
/// The share of a panel that must agree, unless the question says otherwise.
const AGREEMENT: f64 = 0.6;

/// Asks models over any door that shows tools.
pub struct AskTool {
    matrix: Arc<Matrix>,
}

/// What `ask` is called with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The question.
    #[schemars(length(min = 1))]
    prompt: String,
    /// A model, panel or route; the default panel if left out.
    model: Option<String>,
    /// Several models to ask at once and compare.
    #[schemars(length(min = 1, max = 16))]
    models: Option<Vec<String>>,
    /// With `models`: the share of them that must agree, above 0 and up to 1.
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    agreement: Option<f64>,
}

impl AskTool {
    /// The tool for an engine.
    pub fn new(matrix: Arc<Matrix>) -> Self {
        Self { matrix }
    }

    /// Asks; `model` or `models` as in the tool's arguments.
    ///
    /// # Errors
    /// [`ToolFault`].
    async fn ask(&self, caller: &Caller, arguments: Value) -> Result<Value, ToolFault> {
        let started = Instant::now();
        let arguments = read(arguments)?;
        let outcome = match &arguments.models {
            Some(models) => {
                let request = ChatRequest::from_prompt("panel", &arguments.prompt);
                let agreement = arguments.agreement.unwrap_or(AGREEMENT);
                self.matrix.ask_all(caller, &request, models, agreement).await
            }
            None => {
                let nobody =
                    || ToolFault::bad_input("no model is set up", "add a `[[provider]]` to the settings".to_owned());
                let model = arguments.model.clone().or_else(|| self.matrix.default_model()).ok_or_else(nobody)?;
                self.matrix.ask(caller, &ChatRequest::from_prompt(&model, &arguments.prompt)).await
            }
        };
        let outcome = outcome.map_err(|error| fault_of(&error))?;
        let Some(answer) = outcome.into_answer(started) else {
            return Err(defect("the model answered with a stream that nobody asked for".to_owned()));
        };
        serde_json::to_value(answer).map_err(|error| defect(error.to_string()))
    }
}

fn read(arguments: Value) -> Result<Arguments, ToolFault> {
    let hint = || "call it with `{\"prompt\": \"…\"}`".to_owned();
    if let Some(problem) = misfit(&arguments) {
        return Err(ToolFault::bad_input(problem, hint()));
    }
    let arguments: Arguments =
        serde_json::from_value(arguments).map_err(|error| ToolFault::bad_input(error.to_string(), hint()))?;
    if arguments.prompt.trim().is_empty() {
        return Err(ToolFault::bad_input("`prompt` is empty", hint()));
    }
    if arguments.prompt.len() > PROMPT_BYTES_MAX {
        return Err(ToolFault::bad_input(format!("`prompt` is longer than {PROMPT_BYTES_MAX} bytes"), None));
    }
    if arguments.model.is_some() && arguments.models.is_some() {
        return Err(ToolFault::bad_input("both `model` and `models` are given", "leave one out".to_owned()));
    }
    if arguments.models.as_ref().is_some_and(|models| models.is_empty() || models.len() > MODELS_MAX) {
        return Err(ToolFault::bad_input(format!("`models` must hold 1 to {MODELS_MAX} names"), None));
    }
    if arguments.agreement.is_some() && arguments.models.is_none() {
        let hint = "leave it out: a panel has its own share".to_owned();
        return Err(ToolFault::bad_input("`agreement` goes with `models` only", hint));
    }
    if arguments.agreement.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        return Err(ToolFault::bad_input("`agreement` must be above 0 and at most 1", None));
    }
    Ok(arguments)
}

/// What is of the wrong type, by its name, which a parser's error would not tell.
fn misfit(arguments: &Value) -> Option<&'static str> {
    let Value::Object(given) = arguments else { return Some("the arguments must be an object") };
    let strings = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    given.iter().find_map(|(key, value)| match key.as_str() {
        "prompt" if !value.is_string() => Some("`prompt` must be a string"),
        "model" if !value.is_string() && !value.is_null() => Some("`model` must be a string"),
        "models" if !strings(value) && !value.is_null() => Some("`models` must be a list of strings"),
        "agreement" if !value.is_number() && !value.is_null() => Some("`agreement` must be a number"),
        _ => None,
    })
}

/// What no caller can have caused.
fn defect(message: String) -> ToolFault {
    let (kind, origin) = (fault::Kind::Internal, fault::Origin::Us);
    ToolFault { code: "internal", kind, origin, ..ToolFault::bad_input(message, None) }
}

/// A model that does not exist is a wrong argument here, so that the caller is shown the schema.
fn fault_of(error: &AskError) -> ToolFault {
    let mut fault = ToolFault::from(error);
    if let AskError::Disagreement { agreement, .. } = error {
        let group = |group: &ClusterReport| {
            format!("{:.0} % ({}): {}", group.share * 100.0, group.members.join(", "), group.answer)
        };
        let groups: Vec<String> = agreement.clusters.iter().map(group).collect();
        fault.message = format!("{}\n{}", fault.message, groups.join("\n"));
    }
    if fault.kind == fault::Kind::NotFound {
        fault.kind = fault::Kind::BadInput;
    }
    fault
}

impl Tool for AskTool {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "ask",
            title: "Ask models",
            description:
                "Ask one model, or several at once and see how far they agree. A panel answers with the words of \
                          the largest group and an agreement report: who said what, shares, faults, cautions."
                    .to_owned(),
            input_schema: schema_of::<Arguments>(SchemaSettings::draft2020_12()),
            output_schema: output_schema(),
            read_only: true,
            destructive: false,
            idempotent: false,
            open_world: true,
            role: Role::User,
        }
    }

    fn call<'a>(&'a self, caller: &'a Caller, arguments: Value) -> ToolFuture<'a> {
        Box::pin(self.ask(caller, arguments))
    }
}

/// What an answer holds, in few words: a client keeps it in its model's context all the time. OpenAPI describes every
/// member.
fn output_schema() -> Value {
    let (text, number, flag) = (json!({ "type": "string" }), json!({ "type": "number" }), json!({ "type": "boolean" }));
    let texts = json!({ "type": "array", "items": text });
    let members = json!({ "type": "array", "items": { "type": "object" }, "description": "model, outcome, reason" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "answer": text, "served_by": text, "simulated": flag, "degraded": flag, "reasons": texts, "cache": text,
            "request_id": text, "cost_usd": { "type": ["number", "null"] }, "overhead_ms": number,
            "agreement": {
                "type": ["object", "null"],
                "description": "of a panel: how far it agreed",
                "properties": {
                    "reached": flag, "share": number, "interval": { "type": "array", "items": number },
                    "clusters": { "type": "array", "items": { "type": "object" }, "description": "answer, share, members" },
                    "members": members, "caution": texts,
                },
            },
        },
        "required": [
            "answer", "request_id", "served_by", "simulated", "degraded", "reasons", "cache", "cost_usd", "overhead_ms",
        ],
    })
}

/// A schema whose parts stand where they are used, as clients understand it best.
fn schema_of<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    serde_json::to_value(schema).unwrap_or_default()
}

#[cfg(test)]
mod tests;
