//! One call of a tool, from arguments to the result that a model reads.
//!
//! Nothing here ends as a protocol error: clients hide those from the model, which then cannot repair its call. A
//! fault is text, never structured content, because clients check structured content against the output schema.

use crate::read;
use crate::shelf::Shelf;
use caller::{Caller, Guest, ResourceLink, Role, Tool, ToolFault};
use fault::{Kind, Origin, Retry, nearest};
use futures_util::FutureExt;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, ProgressNotificationParam};
use rmcp::service::RequestContext;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};

/// How often a client that asked for progress hears that a call is still running.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// How long after the deadline a tool may still say in its own words that it passed.
const GRACE: Duration = Duration::from_secs(1);
/// The most names offered for one that nobody knows.
const NEAREST_MAX: usize = 3;
/// The key under which a fault stands in a result's metadata, for programs.
const FAULT_KEY: &str = "althing/error";

/// What was asked for.
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
    pub(crate) deadline: Duration,
    pub(crate) guest: Guest,
}

/// Runs the tool and drops it at once when the request is cancelled.
pub(crate) async fn run(shelf: &Shelf, call: Call, context: RequestContext<RoleServer>) -> CallToolResult {
    let caller = caller(call.deadline, call.guest);
    let Some((tool, needed)) = shelf.get(&call.name) else {
        return refusal(&unknown(shelf, &call.name, caller.guest.identity.role), &caller, None);
    };
    let role = caller.guest.identity.role;
    if role < needed {
        return refusal(&forbidden(&call.name, needed, role), &caller, None);
    }
    let outcome = tokio::select! {
        biased;
        () = context.ct.cancelled() => Err(cancelled()),
        outcome = bounded(tool.as_ref(), &caller, call.arguments) => outcome,
        never = report_progress(&context) => match never {},
    };
    match outcome {
        Ok(content) => answered(content),
        Err(fault) => {
            let schema = (fault.kind == Kind::BadInput).then(|| tool.spec().input_schema);
            refusal(&fault, &caller, schema)
        }
    }
}

/// A result, and where to read on if it says so.
fn answered(content: Value) -> CallToolResult {
    let link = ResourceLink::of(&content).map(|link| ContentBlock::resource_link(read::link(link)));
    let mut result = CallToolResult::structured(content);
    result.content.extend(link);
    result
}

/// Who asks, from now on.
pub(crate) fn caller(deadline: Duration, guest: Guest) -> Caller {
    let now = Instant::now();
    Caller {
        request_id: caller::new_request_id(),
        // A deadline beyond what the clock can tell is as good as a day.
        deadline: now.checked_add(deadline).unwrap_or(now + Duration::from_secs(86_400)),
        guest,
        wishes: caller::Wishes::default(),
    }
}

/// The tool's outcome, though it panic or forget the time.
async fn bounded(tool: &dyn Tool, caller: &Caller, arguments: Value) -> Result<Value, ToolFault> {
    // Inside a future of ours, so that a panic before the first await is caught too.
    let call = AssertUnwindSafe(async { tool.call(caller, arguments).await }).catch_unwind();
    match timeout_at(caller.deadline + GRACE, call).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => {
            tracing::error!(tool = tool.spec().name, request_id = %caller.request_id, "a tool panicked");
            Err(panicked())
        }
        Err(_elapsed) => Err(late()),
    }
}

/// Tells a client that gave a progress token that its call is alive, for as long as it is polled.
async fn report_progress(context: &RequestContext<RoleServer>) -> Infallible {
    let Some(token) = context.meta.get_progress_token() else { return std::future::pending().await };
    let began = Instant::now();
    let mut ticks = interval_at(began + PROGRESS_EVERY, PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let progress = ProgressNotificationParam::new(token.clone(), began.elapsed().as_secs_f64().round());
        // Whether the client still listens is for the cancellation to say.
        let _ = context.peer.notify_progress(progress.with_message("still working")).await;
    }
}

fn refusal(fault: &ToolFault, caller: &Caller, schema: Option<Value>) -> CallToolResult {
    let hint = fault.hint.as_deref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let mut content = vec![ContentBlock::text(format!("{}: {}{hint}", fault.code, fault.message))];
    if let Some(schema) = schema {
        content.push(ContentBlock::text(format!("the arguments must fit this JSON Schema: {schema}")));
    }
    let mut error = json!({ "code": fault.code, "message": fault.message, "request_id": &*caller.request_id });
    if let Some(hint) = &fault.hint {
        error["hint"] = json!(hint);
    }
    match fault.retry {
        Retry::Never => {}
        Retry::Now => error["retry_after_ms"] = json!(0),
        Retry::After(wait) => error["retry_after_ms"] = json!(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
    }
    let meta = Map::from_iter([(FAULT_KEY.to_owned(), error)]);
    CallToolResult::error(content).with_meta(Some(MetaObject(meta)))
}

fn forbidden(name: &str, needed: Role, role: Role) -> ToolFault {
    ToolFault {
        code: "role_too_low",
        message: format!("`{name}` needs the role `{needed}`, and yours is `{role}`"),
        kind: Kind::Forbidden,
        origin: Origin::Caller,
        retry: Retry::Never,
        hint: Some("ask with a key of that role".to_owned()),
    }
}

fn unknown(shelf: &Shelf, name: &str, role: Role) -> ToolFault {
    let alike = nearest(name, shelf.names(role), NEAREST_MAX);
    let all = quoted(shelf.names(role));
    let hint = match alike.is_empty() {
        true => format!("the tools are {all}"),
        false => format!("did you mean {}? the tools are {all}", quoted(alike)),
    };
    ToolFault {
        code: "unknown_tool",
        message: format!("there is no tool named `{name}`"),
        kind: Kind::NotFound,
        origin: Origin::Caller,
        retry: Retry::Never,
        hint: Some(hint),
    }
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn cancelled() -> ToolFault {
    ToolFault {
        code: "cancelled",
        message: "the call was cancelled by the client".to_owned(),
        kind: Kind::Unavailable,
        origin: Origin::Caller,
        retry: Retry::Now,
        hint: None,
    }
}

fn late() -> ToolFault {
    ToolFault {
        code: "deadline",
        message: "the tool did not answer in time".to_owned(),
        kind: Kind::Deadline,
        origin: Origin::Us,
        retry: Retry::Now,
        hint: Some("ask for less at once, or have the operator raise the deadline".to_owned()),
    }
}

fn panicked() -> ToolFault {
    ToolFault {
        code: "internal",
        message: "the tool broke off through a defect of this server".to_owned(),
        kind: Kind::Internal,
        origin: Origin::Us,
        retry: Retry::Never,
        hint: Some("the server's log names the place; please report it".to_owned()),
    }
}
