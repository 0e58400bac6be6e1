//! Events of a stream, one after the other at the script's pace, with the moments they were handed to the server.
//! Knows no protocol: events are bytes.

use crate::delays::Take;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use models::scripted::Act;
use std::io::Error;
use std::time::Duration;

/// What is left of a stream.
struct Reel {
    items: std::vec::IntoIter<Result<Bytes, Error>>,
    pace: Duration,
    take: Take,
    /// When the first event went out, since the start of the request.
    first: Option<Duration>,
    events: u32,
}

/// Events at the script's pace; a stream that is cut takes its connection down.
pub(crate) fn events(act: &Act, events: Vec<Bytes>, take: Take) -> Response {
    let cut = act.cut_after.map(|_| Err(Error::other("cut by the script")));
    let items: Vec<Result<Bytes, Error>> = events.into_iter().map(Ok).chain(cut).collect();
    let reel = Reel { items: items.into_iter(), pace: act.token_wait, take, first: None, events: 0 };
    let body = Body::from_stream(stream::unfold(reel, Reel::next));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

impl Reel {
    async fn next(mut self) -> Option<(Result<Bytes, Error>, Self)> {
        let item = self.items.next()?;
        if self.first.is_some() && !self.pace.is_zero() {
            tokio::time::sleep(self.pace).await;
        }
        if item.is_err() {
            // The server writes what it has only when a stream has nothing ready; what the cut finds unwritten is lost.
            tokio::task::yield_now().await;
        }
        let first = *self.first.get_or_insert_with(|| self.take.elapsed());
        self.events += u32::from(item.is_ok());
        // With the last one: clients leave when they have it, and nobody may ask for the end of the stream.
        if self.items.len() == 0 {
            self.take.streamed(first, self.events, item.is_ok());
        }
        Some((item, self))
    }
}
