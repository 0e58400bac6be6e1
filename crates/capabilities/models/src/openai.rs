//! Providers that speak OpenAI's chat protocol over HTTP, and some of them OpenAI's responses too.

use crate::http::{self as over_http, EVENT_STREAM, JSON, Upstream};
use crate::{
    Call, ChatFuture, EmbedCall, EmbedFuture, Kind, ListCall, ModelError, Preset, Provider, RegistryError, Replied,
    Reply, anthropic, probe,
};
use http::{HeaderValue, Uri};
use measure::UpstreamMetrics;
use std::sync::Arc;
use wire::openai::{ChatReply, ChatRequest, ChunkView, EmbeddingReply, Taste, is_done, plain};
use wire::{Dialect, Original, Outgoing, WireError};

/// The kind `openai`, which every preset stands on.
pub const KIND: Kind = Kind { name: "openai", build };

struct OpenAi {
    upstream: Upstream,
    uri: Uri,
    embeddings: Uri,
    models: Uri,
    /// Who is asked for the list of models, where that is another protocol's.
    lister: Option<Upstream>,
    /// Where it speaks OpenAI's responses, if it does.
    responses: Option<Uri>,
    preset: Preset,
    at_home: bool,
}

/// What is sent to the chat's address.
struct Sent {
    outgoing: Outgoing,
    /// Whether we ask for a usage that the client did not ask for.
    hides_usage: bool,
}

fn build(provider: &settings::Provider, observed: Option<UpstreamMetrics>) -> Result<Arc<dyn Provider>, RegistryError> {
    let uri = over_http::address(provider, "/chat/completions")?;
    let upstream = Upstream::new(provider, &uri, over_http::headers(provider)?, observed);
    let embeddings = over_http::address(provider, "/embeddings")?;
    let models = over_http::address(provider, "/models")?;
    let preset = Preset::of(&provider.kind);
    // Anthropic understands OpenAI's chat, but its list of models is its own.
    let is_anthropic = preset.family == Some("anthropic");
    let lister = is_anthropic.then(|| anthropic::upstream(provider, &models, None)).transpose()?;
    // Under this kind's name anything that is compatible may answer elsewhere, and most know nothing but the chat.
    let at_home = provider.kind != KIND.name || preset.is_at_home(provider.base_url.as_deref());
    let responses = (preset.responses && at_home).then(|| over_http::address(provider, "/responses")).transpose()?;
    Ok(Arc::new(OpenAi { upstream, uri, embeddings, models, lister, responses, preset, at_home }))
}

impl Provider for OpenAi {
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a> {
        Box::pin(self.ask(call))
    }

    fn list(&self) -> Option<ListCall<'_>> {
        Some(self.lister.as_ref().unwrap_or(&self.upstream).list(&self.models, "/models", probe::ids))
    }

    fn embed<'a>(&'a self, call: EmbedCall<'a>) -> EmbedFuture<'a> {
        Box::pin(self.vectors(call))
    }
}

impl OpenAi {
    async fn vectors(&self, call: EmbedCall<'_>) -> Result<EmbeddingReply, ModelError> {
        let body = call.request.for_model(call.model);
        let response =
            self.upstream.send(self.upstream.post(&self.embeddings, body, JSON, call.request_id), call.ear).await?;
        let simulated = over_http::is_simulated(response.headers());
        let body = self.upstream.whole(response).await?;
        let reply =
            EmbeddingReply::parse(body, call.request.inputs()).map_err(|error| ModelError::not_a_reply(&error))?;
        Ok(if simulated { reply.marked_simulated() } else { reply })
    }

    async fn ask(&self, call: Call<'_>) -> Result<Replied, ModelError> {
        let original = call.request.original().filter(|original| original.dialect == Dialect::Responses);
        if let (Some(uri), Some(original)) = (&self.responses, original) {
            return self.respond(uri, original, call).await;
        }
        let Sent { outgoing, hides_usage } = self.chat_body(call.request, call.model);
        let stream = call.request.stream();
        let accept = if stream { EVENT_STREAM } else { JSON };
        let request = self.upstream.post(&self.uri, outgoing.body, accept, call.request_id);
        let response = self.upstream.send(request, call.ear).await?;
        let simulated = over_http::is_simulated(response.headers());
        let reply = if stream {
            let blocks = self.upstream.events(response, |data| is_done(data) || ChunkView::read(data).is_some())?;
            Reply::Stream { blocks, dialect: Dialect::Chat, simulated, hides_usage }
        } else {
            whole(ChatReply::parse(self.upstream.whole(response).await?), simulated)?
        };
        Ok(Replied { reply, lost: outgoing.lost })
    }

    /// What goes to the chat's address: the client's own bytes, or, where the chat is a translation, one in words that
    /// this provider knows.
    fn chat_body(&self, request: &ChatRequest, model: &str) -> Sent {
        if request.is_translated() {
            let completion_tokens = self.preset.completion_tokens && (self.at_home || self.preset.is_own(model));
            let Preset { additions, stream_usage, .. } = self.preset;
            let outgoing = plain(request, model, &Taste { additions, stream_usage, completion_tokens });
            return Sent { outgoing, hides_usage: request.stream() && !request.include_usage() };
        }
        let hides_usage = request.stream() && !request.include_usage() && self.preset.stream_usage;
        let body = if hides_usage { request.for_model_with_usage(model) } else { request.for_model(model) };
        Sent { outgoing: Outgoing { body, ..Outgoing::default() }, hides_usage }
    }

    /// Passes a request in OpenAI's responses on as it came but for the model.
    async fn respond(&self, uri: &Uri, original: &Original, call: Call<'_>) -> Result<Replied, ModelError> {
        let stream = call.request.stream();
        let accept = if stream { EVENT_STREAM } else { JSON };
        let mut request = self.upstream.post(uri, original.for_model(call.model), accept, call.request_id);
        for (name, value) in &original.headers {
            if let Ok(value) = HeaderValue::try_from(value.as_str()) {
                request.headers_mut().insert(*name, value);
            }
        }
        let response = self.upstream.send(request, call.ear).await?;
        let simulated = over_http::is_simulated(response.headers());
        let dialect = Dialect::Responses;
        let reply = if stream {
            let blocks = self
                .upstream
                .events(response, |data| crate::dialects::read(Dialect::Responses, data, false).is_some())?;
            Reply::Stream { blocks, dialect, simulated, hides_usage: false }
        } else {
            whole(ChatReply::native(dialect, self.upstream.whole(response).await?), simulated)?
        };
        Ok(reply.into())
    }
}

fn whole(reply: Result<ChatReply, WireError>, simulated: bool) -> Result<Reply, ModelError> {
    let reply = reply.map_err(|error| ModelError::not_a_reply(&error))?;
    Ok(Reply::Whole(if simulated { reply.marked_simulated() } else { reply }))
}

#[cfg(test)]
mod tests;
