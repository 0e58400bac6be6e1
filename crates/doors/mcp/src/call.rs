//! One call of a tool, from arguments to the result that a model reads.
//!
//! Nothing here ends as a protocol error: clients hide those from the model, which then cannot repair its call. A
//! fault is text, never structured content, because clients check structured content against the output schema.

use crate::read;
use crate::shelf::Shelf;
use caller::{Caller, Guest, ProgressSink, ResourceLink, Role, Step, Tool, ToolFault};
use fault::{Kind, Origin, Retry, nearest};
use futures_util::FutureExt;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject, ProgressNotificationParam};
use rmcp::service::RequestContext;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout_at};

/// How often a client that asked for progress hears that a call is still running.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
/// The least time between two of these.
const PROGRESS_APART: Duration = Duration::from_millis(100);
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
    let mut caller = caller(call.deadline, call.guest);
    let (tell, steps) = watch::channel(None);
    if context.meta.get_progress_token().is_some() {
        caller.wishes.progress = ProgressSink::new(move |step| drop(tell.send_replace(Some(step.clone()))));
    }
    let Some((tool, needed)) = shelf.get(&call.name) else {
        return refusal(&unknown(shelf, &call.name, caller.guest.identity.role), &caller, None);
    };
    let role = caller.guest.identity.role;
    if role < needed {
        return refusal(&tool.shaped(forbidden(&call.name, needed, role)), &caller, None);
    }
    let outcome = tokio::select! {
        biased;
        () = context.ct.cancelled() => Err(tool.shaped(cancelled())),
        outcome = bounded(tool.as_ref(), &caller, call.arguments) => outcome,
        never = report_progress(&context, steps) => match never {},
    };
    match outcome {
        Ok(content) => answered(content),
        Err(fault) => {
            // What has a shape of its own is told as it is, and nothing beside it.
            let schema = (fault.kind == Kind::BadInput && fault.shape.is_none()).then(|| tool.spec().input_schema);
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
            Err(tool.shaped(panicked()))
        }
        Err(_elapsed) => Err(tool.shaped(late())),
    }
}

/// Tells a client that gave a progress token how far its call is, and that it is alive, for as long as it is polled.
async fn report_progress(context: &RequestContext<RoleServer>, mut steps: watch::Receiver<Option<Step>>) -> Infallible {
    let Some(token) = context.meta.get_progress_token() else { return std::future::pending().await };
    let began = Instant::now();
    let mut ticks = interval_at(began + PROGRESS_EVERY, PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = 0.0;
    loop {
        let step = tokio::select! {
            Ok(()) = steps.changed() => steps.borrow_and_update().clone(),
            _ = ticks.tick() => steps.borrow().clone(),
        };
        let progress = match step {
            None => {
                last = began.elapsed().as_secs_f64().round();
                ProgressNotificationParam::new(token.clone(), last).with_message("still working")
            }
            Some(step) => {
                last = shown(last, step.done);
                let progress = ProgressNotificationParam::new(token.clone(), last).with_message(step.message);
                if step.total > 0 { progress.with_total(step.total as f64) } else { progress }
            }
        };
        // Whether the client still listens is for the cancellation to say.
        let _ = context.peer.notify_progress(progress).await;
        // What comes in quick succession is told as one.
        sleep(PROGRESS_APART).await;
    }
}

/// What is told of so much done: the protocol wants each figure above the one before.
fn shown(last: f64, done: u64) -> f64 {
    (done as f64).max(last + 0.01)
}

fn refusal(fault: &ToolFault, caller: &Caller, schema: Option<Value>) -> CallToolResult {
    let hint = fault.hint.as_deref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let text = match &fault.shape {
        Some(shape) => shape.to_string(),
        None => format!("{}: {}{hint}", fault.code, fault.message),
    };
    let mut content = vec![ContentBlock::text(text)];
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
        shape: None,
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
        shape: None,
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
        shape: None,
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
        shape: None,
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
        shape: None,
    }
}
