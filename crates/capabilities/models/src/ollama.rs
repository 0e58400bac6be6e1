//! Providers that speak Ollama's own protocol: JSON over HTTP, and lines of JSON for streams.

use crate::http::{self as over_http, JSON, Upstream};
use crate::{
    BlockStream, Call, ChatFuture, EmbedCall, EmbedFuture, Kind, ListCall, ModelError, Provider, RegistryError,
    Replied, Reply,
};
use bytes::{Bytes, BytesMut};
use futures_util::stream::Stream;
use http::{Response, Uri, response};
use http_body::Body;
use measure::UpstreamMetrics;
use net::{Incoming, NetError};
use ollama::{ToChat, embed_from_openai, embed_to_openai, reply_to_chat, request_from_chat};
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};
use wire::openai::EmbeddingReply;
use wire::{About, Dialect, Translate, WireError};

/// The kind `ollama`.
pub const KIND: Kind = Kind { name: "ollama", build };

/// The media type of a stream.
const LINES: &str = "application/x-ndjson";

struct Ollama {
    upstream: Upstream,
    chat: Uri,
    embed: Uri,
    tags: Uri,
}

/// The names in a list of models.
fn ids(body: &[u8]) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let models = body["models"].as_array()?;
    Some(models.iter().filter_map(|model| model["name"].as_str().map(str::to_owned)).collect())
}

fn build(provider: &settings::Provider, observed: Option<UpstreamMetrics>) -> Result<Arc<dyn Provider>, RegistryError> {
    let chat = over_http::unversioned_address(provider, "/api/chat")?;
    let upstream = Upstream::new(provider, &chat, over_http::headers(provider)?, observed);
    Ok(Arc::new(Ollama {
        upstream,
        chat,
        embed: over_http::unversioned_address(provider, "/api/embed")?,
        tags: over_http::unversioned_address(provider, "/api/tags")?,
    }))
}

impl Provider for Ollama {
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a> {
        Box::pin(self.ask(call))
    }

    fn list(&self) -> Option<ListCall<'_>> {
        Some(self.upstream.list(&self.tags, "/api/tags", ids))
    }

    fn embed<'a>(&'a self, call: EmbedCall<'a>) -> EmbedFuture<'a> {
        Box::pin(self.vectors(call))
    }
}

impl Ollama {
    async fn vectors(&self, call: EmbedCall<'_>) -> Result<EmbeddingReply, ModelError> {
        let body = embed_from_openai(call.request, call.model).map_err(|error| ModelError::untranslatable(&error))?;
        let response =
            self.upstream.send(self.upstream.post(&self.embed, body, JSON, call.request_id), call.ear).await?;
        let simulated = over_http::is_simulated(response.headers());
        let body = self.upstream.whole(response).await?;
        let reply =
            embed_to_openai(&body, call.request, call.model).map_err(|error| ModelError::not_a_reply(&error))?;
        Ok(if simulated { reply.marked_simulated() } else { reply })
    }

    async fn ask(&self, call: Call<'_>) -> Result<Replied, ModelError> {
        let outgoing =
            request_from_chat(call.request, call.model).map_err(|error| ModelError::untranslatable(&error))?;
        let stream = call.request.stream();
        let accept = if stream { LINES } else { JSON };
        let request = self.upstream.post(&self.chat, outgoing.body, accept, call.request_id);
        let response = self.upstream.send(request, call.ear).await?;
        let simulated = over_http::is_simulated(response.headers());
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let about = About { id: call.request_id, model: call.model, created, original: None };
        let reply = if stream {
            let blocks = Lines::of(response, &about, self.upstream.event_bytes_max());
            let hides_usage = !call.request.include_usage();
            Reply::Stream { blocks, dialect: Dialect::Chat, simulated, hides_usage }
        } else {
            let body = self.upstream.whole(response).await?;
            let reply = reply_to_chat(&body, &about).map_err(|error| ModelError::not_a_reply(&error))?;
            Reply::Whole(if simulated { reply.marked_simulated() } else { reply })
        };
        Ok(Replied { reply, lost: outgoing.lost })
    }
}

/// The lines of a body as chunks of a chat.
struct Lines {
    body: Incoming,
    _head: response::Parts,
    tail: BytesMut,
    line_bytes_max: usize,
    translate: ToChat,
    ended: bool,
}

impl Lines {
    fn of(response: Response<Incoming>, about: &About<'_>, line_bytes_max: usize) -> BlockStream {
        let (head, body) = response.into_parts();
        let translate = ToChat::new(about);
        Box::pin(Self { body, _head: head, tail: BytesMut::new(), line_bytes_max, translate, ended: false })
    }

    /// The chunks of the lines that are whole now; none if none says anything.
    fn take(&mut self, data: &[u8]) -> Result<Bytes, ModelError> {
        let old = self.tail.len();
        self.tail.extend_from_slice(data);
        // The old bytes held no line end.
        let Some(end) = memchr::memrchr(b'\n', &self.tail[old..]) else {
            let most = self.line_bytes_max;
            let fits = self.tail.len() <= most;
            return fits.then(Bytes::new).ok_or_else(|| ModelError::not_a_reply(&WireError::EventTooLong { most }));
        };
        let lines = self.tail.split_to(old + end + 1);
        Ok(self.translate.push(&lines))
    }
}

impl Stream for Lines {
    type Item = Result<Bytes, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while !this.ended {
            let data = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Poll::Ready(Some(Err(error))) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(NetError::of_frame(&error).into())));
                }
                Poll::Ready(None) => {
                    // A last line without its end is a line all the same if it reads as one.
                    this.ended = true;
                    Bytes::from_static(b"\n")
                }
            };
            match this.take(&data) {
                Ok(chunks) if chunks.is_empty() => {}
                Ok(chunks) => return Poll::Ready(Some(Ok(chunks))),
                Err(error) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests;
