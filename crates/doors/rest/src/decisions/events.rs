//! `…/events`: how far an evaluation is, as server-sent events.
//!
//! `progress` comes with each step, `finished` last, and comments in between keep the connection open. What another
//! server evaluates is looked up in the store now and then; its figures are then those of the whole matrix.

use super::{ID, Room, Who};
use crate::Refused;
use ::decisions::{Decision, DecisionError, Decisions, PairOutcome, Progress};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use caller::Identity;
use futures_util::stream::{self, Stream};
use http::{HeaderName, HeaderValue, header};
use routes::{Name, Terms, describe};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

/// How often the store is asked how far another server is.
const LOOK: Duration = Duration::from_secs(1);
/// What keeps a connection open.
const COMMENT: Bytes = Bytes::from_static(b": evaluating\n\n");
/// Proxies such as nginx hold events back unless told otherwise.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) fn operation() -> Value {
    let about = "How far an evaluation is: events `progress`, and `finished` as the last; at once where none runs";
    let mut operation = describe::one::<Progress>(about, &ID);
    let schema = operation["responses"]["200"]["content"]["application/json"]["schema"].take();
    // What the data of each event is, by the name that the next OpenAPI has for it.
    let events = json!({ "schema": { "type": "string" }, "x-item-schema": schema });
    operation["responses"]["200"] = json!({ "description": "the events", "content": { "text/event-stream": events } });
    operation
}

pub(super) async fn serve(
    State(room): Room,
    Extension(guest): Who,
    Extension(terms): Extension<Arc<Terms>>,
    Name(id): Name,
) -> Result<Response, Refused> {
    let source = match room.watch(&guest.identity, &id).await? {
        Some(progress) => Source::Here(progress),
        None => Source::Store { next: Some(Box::new(room.get(&guest.identity, &id).await?)), looks: looks() },
    };
    let due = Instant::now() + terms.keepalive_first;
    let watching = Watching { room, who: guest.identity, id, source, terms, due, is_new: true };
    let mut response = Response::new(Body::from_stream(watching.into_events()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

fn looks() -> Interval {
    let mut looks = interval_at(Instant::now() + LOOK, LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// Where it is known how far an evaluation is.
enum Source {
    Here(watch::Receiver<Progress>),
    Store {
        /// What was read last, and not told yet.
        next: Option<Box<Decision>>,
        looks: Interval,
    },
}

/// Somebody who listens.
struct Watching {
    room: Arc<Decisions>,
    who: Arc<Identity>,
    id: String,
    source: Source,
    terms: Arc<Terms>,
    /// When the next comment is due.
    due: Instant,
    /// Whether nothing has been told yet.
    is_new: bool,
}

impl Watching {
    fn into_events(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(Some(self), |watching| async move {
            let mut watching = watching?;
            let (cut, due) = (watching.terms.cut.clone(), watching.due);
            let (event, last) = tokio::select! {
                biased;
                () = cut.cancelled() => (cut_off(), true),
                told = watching.next() => match told {
                    Ok(progress) => (event(&progress), progress.finished),
                    // It was removed meanwhile, or cannot be read any more.
                    Err(error) => (fault(&error), true),
                },
                () = sleep_until(due) => (COMMENT, false),
            };
            watching.due = Instant::now() + watching.terms.keepalive;
            Some((Ok(event), (!last).then_some(watching)))
        })
    }

    /// The next step. Dropped while it waits, it misses none.
    async fn next(&mut self) -> Result<Progress, DecisionError> {
        match &mut self.source {
            Source::Here(progress) => {
                if !self.is_new && progress.changed().await.is_err() {
                    let last = progress.borrow().clone();
                    return Ok(Progress { finished: true, ..last });
                }
                self.is_new = false;
                Ok(progress.borrow_and_update().clone())
            }
            Source::Store { next, looks } => loop {
                if let Some(decision) = next.take() {
                    return Ok(progress(&decision));
                }
                looks.tick().await;
                *next = Some(Box::new(self.room.get(&self.who, &self.id).await?));
            },
        }
    }
}

/// How far a decision is, over its whole matrix.
fn progress(decision: &Decision) -> Progress {
    let valid = || decision.pairs.iter().filter(|pair| !pair.outdated);
    let with = |outcome: PairOutcome| valid().filter(|pair| pair.outcome == outcome).count();
    Progress {
        total: decision.options.len() * decision.criteria.len(),
        done: valid().count(),
        scored: with(PairOutcome::Scored),
        abstained: with(PairOutcome::Abstained),
        failed: with(PairOutcome::Failed),
        last: None,
        finished: !decision.evaluating,
    }
}

fn event(progress: &Progress) -> Bytes {
    let name = if progress.finished { "finished" } else { "progress" };
    named(name, &json!(progress))
}

fn fault(error: &DecisionError) -> Bytes {
    use fault::Explain;
    named("error", &json!({ "code": error.code(), "detail": error.to_string(), "hint": error.hint() }))
}

fn cut_off() -> Bytes {
    let detail = "the server is shutting down; what was scored is kept";
    named("error", &json!({ "code": "shutting_down", "detail": detail, "hint": "listen again when it is back" }))
}

/// JSON has no line breaks here, so that one line holds it all.
fn named(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}
