//! Decisions as tools of an MCP server: the nine that Decision Matrix MCP's users know, `score_option`, and `decide`.
//!
//! Names, arguments, defaults and the keys of results are the original's; more keys stand beside them. Errors have the
//! original's shape too. The session is looked at before all other arguments.

mod change;
mod decide;
mod evaluation;
mod fault;
mod markdown;
mod sessions;
mod spec;

use crate::room::Decisions;
use crate::{Decision, DecisionError};
use ::fault::Explain;
use caller::{Caller, Tool, ToolFault, ToolFuture, ToolSpec};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a tool does with its arguments.
type Run = for<'a> fn(&'a Arc<Decisions>, &'a Caller, Value) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;
type Outcome = Result<Value, DecisionError>;

/// One tool: what clients are told, and what it does.
struct Ability {
    room: Arc<Decisions>,
    spec: ToolSpec,
    run: Run,
}

impl Tool for Ability {
    fn spec(&self) -> ToolSpec {
        self.spec.clone()
    }

    fn call<'a>(&'a self, caller: &'a Caller, arguments: Value) -> ToolFuture<'a> {
        Box::pin(async move {
            let outcome = self.room.watchman.timed(self.spec.name, (self.run)(&self.room, caller, arguments)).await;
            outcome.map_err(|error| self.fault(&error))
        })
    }

    fn shaped(&self, fault: ToolFault) -> ToolFault {
        let shape = fault::of_fault(&fault, self.spec.name);
        ToolFault { shape: Some(Box::new(shape)), ..fault }
    }
}

impl Ability {
    fn fault(&self, error: &DecisionError) -> ToolFault {
        let shape = fault::shape(error, self.spec.name);
        ToolFault { shape: Some(Box::new(shape)), ..ToolFault::from(error) }
    }
}

/// The tool for `/mcp`.
pub(crate) fn core(room: &Arc<Decisions>) -> Vec<Arc<dyn Tool>> {
    made(room, vec![decide::tool()])
}

/// The tools for `/mcp/s/decisions`, in the original's order.
pub(crate) fn toolset(room: &Arc<Decisions>) -> Vec<Arc<dyn Tool>> {
    let all = [sessions::begin(), change::all(), evaluation::all(), sessions::all()];
    made(room, all.into_iter().flatten().collect())
}

fn made(room: &Arc<Decisions>, all: Vec<(ToolSpec, Run)>) -> Vec<Arc<dyn Tool>> {
    let ability = |(spec, run)| Arc::new(Ability { room: Arc::clone(room), spec, run }) as Arc<dyn Tool>;
    all.into_iter().map(ability).collect()
}

/// Reads arguments, naming what is wrong with them.
fn arguments<T: DeserializeOwned>(given: Value) -> Result<T, DecisionError> {
    let given = match given {
        Value::Null => Value::Object(Map::new()),
        given => given,
    };
    if !given.is_object() {
        return Err(DecisionError::argument("arguments", "the arguments must be an object", None));
    }
    serde_json::from_value(given).map_err(|error| DecisionError::argument("arguments", error.to_string(), None))
}

/// The same of a tool that is about a session: if that is not there, nothing else matters.
async fn about<T: DeserializeOwned>(
    room: &Arc<Decisions>,
    caller: &Caller,
    given: Value,
) -> Result<(Decision, T), DecisionError> {
    let Some(id) = given.get("session_id") else {
        let hint = "`list_sessions` shows those there are".to_owned();
        return Err(DecisionError::argument("session_id", "`session_id` is missing", hint));
    };
    let Some(id) = id.as_str() else {
        return Err(DecisionError::argument("session_id", "`session_id` must be a string", None));
    };
    let decision = room.get(&caller.guest.identity, id).await?;
    Ok((decision, arguments(given)?))
}

/// What a fault is about, for whoever reads its code.
fn is_repairable(error: &DecisionError) -> bool {
    matches!(error.kind(), ::fault::Kind::BadInput | ::fault::Kind::NotFound | ::fault::Kind::Conflict)
}
