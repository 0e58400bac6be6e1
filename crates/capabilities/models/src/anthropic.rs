//! Providers that speak Anthropic's messages over HTTP.
//!
//! What a client wrote in that dialect is sent on as it came, but for the model; everything else is translated. Answers
//! stay as they are: whoever asked in another dialect has them translated at the door.

use crate::http::{self as over_http, EVENT_STREAM, JSON, Upstream};
use crate::{
    Call, ChatFuture, CountFuture, Kind, ListCall, ModelError, Preset, Provider, RegistryError, Replied, Reply, probe,
};
use anthropic::{count_body, request_from_chat};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri};
use measure::UpstreamMetrics;
use memchr::memmem;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use wire::openai::{ChatReply, ChatRequest, upstream_code};
use wire::{Dialect, Original, Outgoing};

/// The kind `anthropic`.
pub const KIND: Kind = Kind { name: "anthropic", build };

/// The version of the protocol that translations are written in.
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");
/// Where the key goes.
const KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Tokens that an answer may have where neither the request nor the settings say it: the protocol insists on a number.
const OUTPUT_TOKENS: u64 = 4_096;

struct Anthropic {
    upstream: Upstream,
    messages: Uri,
    count: Uri,
    models: Uri,
    /// The longest answer of each model, by the name that Anthropic calls it, where settings tell.
    output_tokens: HashMap<String, u64>,
    output_tokens_usual: u64,
}

fn build(provider: &settings::Provider, observed: Option<UpstreamMetrics>) -> Result<Arc<dyn Provider>, RegistryError> {
    let messages = over_http::unversioned_address(provider, "/v1/messages")?;
    let told = provider.models.iter().filter_map(|entry| {
        let name = entry.upstream_name.as_ref().unwrap_or(&entry.name);
        Some((name.clone(), entry.output_tokens_max?))
    });
    Ok(Arc::new(Anthropic {
        upstream: upstream(provider, &messages, observed)?,
        models: over_http::unversioned_address(provider, "/v1/models")?,
        count: over_http::unversioned_address(provider, "/v1/messages/count_tokens")?,
        messages,
        output_tokens: told.collect(),
        output_tokens_usual: Preset::of(&provider.kind).limits.output_tokens_max.unwrap_or(OUTPUT_TOKENS),
    }))
}

/// The upstream at `uri`, asked the way its own protocol wants it.
pub(crate) fn upstream(
    provider: &settings::Provider,
    uri: &Uri,
    observed: Option<UpstreamMetrics>,
) -> Result<Upstream, RegistryError> {
    let mut headers = over_http::bare_headers(provider)?;
    headers.entry(VERSION.0).or_insert(HeaderValue::from_static(VERSION.1));
    if let Some(key) = over_http::credential(provider, "")? {
        headers.insert(KEY, key);
    }
    Ok(Upstream::new(provider, uri, headers, observed))
}

impl Provider for Anthropic {
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a> {
        Box::pin(self.ask(call))
    }

    fn list(&self) -> Option<ListCall<'_>> {
        Some(self.upstream.list(&self.models, "/v1/models", probe::ids))
    }

    fn count<'a>(&'a self, call: Call<'a>) -> CountFuture<'a> {
        Box::pin(self.tokens(call))
    }
}

impl Anthropic {
    async fn ask(&self, call: Call<'_>) -> Result<Replied, ModelError> {
        let Outgoing { body, headers, lost } = self.written(call)?;
        let stream = call.request.stream();
        let accept = if stream { EVENT_STREAM } else { JSON };
        let mut request = self.upstream.post(&self.messages, body, accept, call.request_id);
        add(request.headers_mut(), &headers);
        let response = self.upstream.send_reading(request, call.ear, code).await?;
        let simulated = over_http::is_simulated(response.headers());
        let dialect = Dialect::Messages;
        let reply = if stream {
            let blocks = self
                .upstream
                .events(response, |data| crate::dialects::read(Dialect::Messages, data, false).is_some())?;
            Reply::Stream { blocks, dialect, simulated, hides_usage: false }
        } else {
            let reply = ChatReply::native(dialect, self.upstream.whole(response).await?);
            let reply = reply.map_err(|error| ModelError::not_a_reply(&error))?;
            Reply::Whole(if simulated { reply.marked_simulated() } else { reply })
        };
        Ok(Replied { reply, lost })
    }

    async fn tokens(&self, call: Call<'_>) -> Result<Option<u64>, ModelError> {
        #[derive(Deserialize)]
        struct Counted {
            input_tokens: u64,
        }
        let Outgoing { body, headers, .. } = self.written(call)?;
        let mut request = self.upstream.post(&self.count, count_body(&body), JSON, call.request_id);
        add(request.headers_mut(), &headers);
        let response = match self.upstream.send_reading(request, call.ear, code).await {
            // Others that speak this protocol need not have a way to count.
            Err(ModelError::Refused { status: 404 | 405, code: None }) => return Ok(None),
            sent => sent?,
        };
        let body = self.upstream.whole(response).await?;
        let counted: Result<Counted, _> = serde_json::from_slice(&body);
        let no_count = |_| ModelError::NotAReply { what: "it tells no `input_tokens`".to_owned() };
        counted.map(|counted| Some(counted.input_tokens)).map_err(no_count)
    }

    /// What is sent: the client's own bytes where they can be, else a translation.
    fn written(&self, call: Call<'_>) -> Result<Outgoing, ModelError> {
        if let Some(original) = native(call.request) {
            let (body, headers) = (original.for_model(call.model), original.headers.clone());
            return Ok(Outgoing { body, headers, lost: Vec::new() });
        }
        let output_tokens = self.output_tokens.get(call.model).copied().unwrap_or(self.output_tokens_usual);
        let outgoing = request_from_chat(call.request, call.model, output_tokens);
        let mut outgoing = outgoing.map_err(|error| ModelError::untranslatable(&error))?;
        // The answer does not show that we have not sent what the client wrote.
        if let Some(original) = call.request.original().filter(|original| original.dialect == Dialect::Messages) {
            outgoing.lost.extend_from_slice(&original.lost);
            outgoing.headers.extend_from_slice(&original.headers);
        }
        Ok(outgoing)
    }
}

/// The request as its client wrote it, if this provider takes it as it is.
///
/// Thoughts without a signature are those of another provider's model, which answered earlier in the same
/// conversation: Anthropic would refuse them, and a translation leaves them out.
fn native(request: &ChatRequest) -> Option<&Original> {
    request.original().filter(|original| original.dialect == Dialect::Messages && !is_unsigned(&original.bytes))
}

/// Whether a member `signature` is empty somewhere. A text cannot be mistaken for one: its quotes are escaped.
fn is_unsigned(body: &Bytes) -> bool {
    const SIGNATURE: &[u8] = b"\"signature\"";
    memmem::find_iter(body, SIGNATURE).any(|at| {
        let value = body[at + SIGNATURE.len()..].trim_ascii_start().strip_prefix(b":");
        value.is_some_and(|value| value.trim_ascii_start().starts_with(b"\"\""))
    })
}

/// Adds headers; a client's own takes the place of ours.
fn add(all: &mut http::HeaderMap, headers: &[(&'static str, String)]) {
    let mut before = None;
    for (name, value) in headers {
        let Ok(value) = HeaderValue::try_from(value.as_str()) else { continue };
        // Several of one name all count.
        if before == Some(*name) {
            all.append(*name, value);
        } else {
            all.insert(*name, value);
        }
        before = Some(*name);
    }
}

/// The code of an error. For a request that is too long Anthropic has none but the sentence it documents; whoever has a
/// longer window may take it.
fn code(body: &[u8]) -> Option<String> {
    match memmem::find(body, b"prompt is too long") {
        Some(_) => Some("context_length_exceeded".to_owned()),
        None => upstream_code(body),
    }
}

#[cfg(test)]
mod tests;
