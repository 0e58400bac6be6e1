//! The catalogue as tools of an MCP server: the four that stand for thousands, and ToolWeaver's own.
//!
//! Their definitions stand in the context of every client, so that each word of them counts.

mod core;
mod toolweaver;

use crate::error::ToolboxError;
use crate::{Call, Toolbox};
use caller::{Caller, Role, Tool, ToolFault, ToolFuture, ToolSpec};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a tool does with its arguments.
type Run = for<'a> fn(&'a Arc<Toolbox>, &'a Caller, Value) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;
type Outcome = Result<Value, ToolboxError>;

/// One tool: what clients are told, and what it does.
struct Ability {
    toolbox: Arc<Toolbox>,
    spec: ToolSpec,
    run: Run,
}

impl Tool for Ability {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    fn call<'a>(&'a self, caller: &'a Caller, arguments: Value) -> ToolFuture<'a> {
        Box::pin(async move { (self.run)(&self.toolbox, caller, arguments).await.map_err(|error| fault(&error)) })
    }
}

/// As a tool tells it. An unknown id is a wrong argument, which the model can repair.
fn fault(error: &ToolboxError) -> ToolFault {
    ToolFault::from(error)
}

/// The tools for `/mcp`.
pub(crate) fn core(toolbox: &Arc<Toolbox>) -> Vec<Arc<dyn Tool>> {
    made(toolbox, core::all())
}

/// The tools for `/mcp/s/tools`: ToolWeaver's, and the core ones beside them.
pub(crate) fn toolset(toolbox: &Arc<Toolbox>) -> Vec<Arc<dyn Tool>> {
    made(toolbox, toolweaver::all())
}

fn made(toolbox: &Arc<Toolbox>, all: Vec<(ToolSpec, Run)>) -> Vec<Arc<dyn Tool>> {
    let ability = |(spec, run)| Arc::new(Ability { toolbox: Arc::clone(toolbox), spec, run }) as Arc<dyn Tool>;
    all.into_iter().map(ability).collect()
}

/// What a client is told, in short.
struct Short {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    input: Value,
    output: Value,
    read_only: bool,
    open_world: bool,
}

fn spec(short: Short) -> ToolSpec {
    ToolSpec {
        name: short.name,
        title: short.title,
        description: short.description.to_owned(),
        input_schema: short.input,
        output_schema: short.output,
        read_only: short.read_only,
        destructive: !short.read_only,
        idempotent: false,
        open_world: short.open_world,
        role: if short.open_world { Role::User } else { Role::Viewer },
    }
}

/// Reads arguments, naming what is wrong with them.
fn arguments<T: DeserializeOwned>(given: Value) -> Result<T, ToolboxError> {
    let given = match given {
        Value::Null => Value::Object(Map::new()),
        given => given,
    };
    if !given.is_object() {
        return Err(ToolboxError::argument("the arguments must be an object", None));
    }
    serde_json::from_value(given).map_err(|error| ToolboxError::argument(error.to_string(), None))
}

/// Arguments of a tool that is called through another: an object, or one that was written as text, as some models do.
fn inner(given: Option<Value>) -> Result<Map<String, Value>, ToolboxError> {
    match given {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members),
        Some(Value::String(text)) => serde_json::from_str(&text)
            .map_err(|_| ToolboxError::argument("`arguments` must be an object, not a string", None)),
        Some(_) => Err(ToolboxError::argument("`arguments` must be an object", None)),
    }
}

/// What a call answers: `result`, or where it can be read.
fn result_schema() -> Value {
    json!({
        "type": "object",
        "properties": { "result": {}, "resource_link": { "type": "object" }, "preview": { "type": "string" } }
    })
}

async fn call(toolbox: &Arc<Toolbox>, caller: &Caller, call: Call) -> Outcome {
    toolbox.call(caller, call).await
}
