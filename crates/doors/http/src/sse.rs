//! Streams on their way out.

use crate::app::App;
use crate::chat;
use crate::dialects;
use crate::refusal::{Shaped, of_ask};
use crate::served;
use ::models::ModelError;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use caller::Caller;
use fault::Kind;
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use matrix::{AskError, Events, Outcome};
use routes::{Arrival, Refusal, Terms};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::ChatRequest;
use wire::{About, Dialect};

/// A model's stream, byte for byte where its dialect is that of whoever asked, else translated event by event. If it
/// breaks off, one clear error event ends it.
pub(crate) fn single(app: &App, answer: Box<Events>, request: &ChatRequest, about: &About<'_>) -> Body {
    let dialect = request.dialect();
    let id: Arc<str> = Arc::from(about.id);
    let told = Arc::clone(&id);
    let error = move |error: ModelError| {
        tracing::warn!(%error, request_id = %told, "a stream broke off");
        dialects::error_event(dialect, &Refusal::of(&error).openai_body(&told))
    };
    let Some(translate) = dialects::translator(answer.dialect(), dialect, about, request.include_usage()) else {
        return until_cut(app, answer.map(move |block| block.unwrap_or_else(&error)), dialect, id);
    };
    let open = Some((answer, translate));
    let events = stream::unfold((open, error), |(open, error)| async move {
        let (mut answer, mut translate) = open?;
        Some(match answer.next().await {
            Some(Ok(block)) => (translate.push(&block), (Some((answer, translate)), error)),
            Some(Err(broken)) => (error(broken), (None, error)),
            None => (translate.end(), (None, error)),
        })
    });
    // What means nothing in the other dialect makes no block: an empty one would be written as nothing at all.
    until_cut(app, Box::pin(events.filter(|block| std::future::ready(!block.is_empty()))), dialect, id)
}

/// These events as a body. If the server's time to drain ends first, one error event ends it.
fn until_cut(
    app: &App,
    events: impl Stream<Item = Bytes> + Send + Unpin + 'static,
    dialect: Dialect,
    request_id: Arc<str>,
) -> Body {
    let open = Some((events, app.0.cut.clone(), request_id));
    Body::from_stream(stream::unfold(open, move |open| async move {
        let (mut events, cut, request_id) = open?;
        // Looked at first, as a stream that always has something ready would never come to its end; waited for last, as
        // that costs each event more than a look.
        if !cut.is_cancelled() {
            tokio::select! {
                biased;
                event = events.next() => {
                    return event.map(|event| (Ok::<_, Infallible>(event), Some((events, cut, request_id))));
                }
                () = cut.cancelled() => {}
            }
        }
        let refusal = Refusal::new(Kind::Overloaded, "shutting_down", "the server is shutting down");
        let told = dialects::error_event(dialect, &refusal.hint("ask again").openai_body(&request_id));
        Some((Ok(told), None))
    }))
}

type Asking = Pin<Box<dyn Future<Output = Result<Outcome, AskError>> + Send>>;

/// A panel's answer as a stream: comments keep the connection open while it decides, then come the chunks.
///
/// A panel that decides before the first comment is due is answered with its proper status.
pub(crate) async fn panel(app: App, arrival: Arrival, caller: Caller, request: ChatRequest, terms: &Terms) -> Response {
    let matrix = Arc::clone(&app.0.matrix);
    let question = request.clone();
    let mut asking: Asking = Box::pin(async move { matrix.ask(&caller, &question).await });
    if let Ok(asked) = tokio::time::timeout(terms.keepalive_first, &mut asking).await {
        return chat::answer(&app, &arrival, &request, asked);
    }
    let (id, dialect) = (Arc::clone(&arrival.id), request.dialect());
    let decision = Deciding { app: app.clone(), arrival, request, asking, pause: terms.keepalive };
    served::stream(until_cut(&app, Box::pin(decision.into_events()), dialect, id), dialect, None)
}

struct Deciding {
    app: App,
    arrival: Arrival,
    request: ChatRequest,
    asking: Asking,
    pause: Duration,
}

impl Deciding {
    fn into_events(self) -> impl Stream<Item = Bytes> + Send {
        let first = Instant::now();
        stream::unfold(Some((self, first)), |state| async move {
            let (mut deciding, due) = state?;
            match tokio::time::timeout_at(due, &mut deciding.asking).await {
                Err(_) => {
                    let next = Instant::now() + deciding.pause;
                    let comment = dialects::keep_alive(deciding.request.dialect(), "the panel is deciding");
                    Some((comment, Some((deciding, next))))
                }
                Ok(asked) => Some((deciding.finish(asked), None)),
            }
        })
    }

    fn finish(&self, asked: Result<Outcome, AskError>) -> Bytes {
        let dialect = self.request.dialect();
        match asked {
            Ok(Outcome::Whole { reply, mut report, waited }) => {
                chat::note_overhead(&self.app, &self.arrival, dialect, &mut report, waited);
                let about = chat::about(&self.app, &self.arrival, &self.request);
                dialects::as_stream(&reply, dialect, &about, self.request.include_usage(), &report)
            }
            // A panel answers whole; a stream here would be a defect of the engine.
            Ok(Outcome::Stream { .. }) => Bytes::new(),
            Err(error) => dialects::error_event(dialect, &of_ask(&error).openai_body(&self.arrival.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::support::app;

    #[tokio::test]
    async fn a_stream_that_always_has_something_ready_is_told_of_the_end_too() {
        let app = app("");
        let endless = stream::repeat(Bytes::from_static(b"data: {}\n\n"));
        let mut body = until_cut(&app, endless, Dialect::Chat, "r".into()).into_data_stream();
        assert_eq!(body.next().await.unwrap().unwrap(), "data: {}\n\n");
        app.0.cut.cancel();
        let told = body.next().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&told).contains("shutting_down"), "{told:?}");
        assert!(body.next().await.is_none());
    }
}
