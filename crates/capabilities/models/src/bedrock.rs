//! The kind `bedrock`: Converse and ConverseStream of Amazon Bedrock.
//!
//! Requests are signed with static keys, with keys of a container's role, or carry a Bedrock API key. It knows no
//! single sign-on, no instance metadata and no web identity, and makes no other call to Amazon Web Services.

mod access;
mod embed;
mod error;
mod keys;
mod profile;
mod stream;

use crate::http::{JSON, bare_headers, client, is_simulated, tell};
use crate::{
    BlockStream, Call, ChatFuture, CountFuture, Ear, EmbedCall, EmbedFuture, Finding, Kind, ListCall, ModelError,
    Preset, Provider, RegistryError, Replied, Reply, probe,
};
use access::{Access, Place};
use bytes::Bytes;
use converse::{Asked, ToChat, sign};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::Full;
use measure::UpstreamMetrics;
use net::{Client, Incoming, NetError, collect};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use wire::{About, Dialect};

/// The kind `bedrock`.
pub const KIND: Kind = Kind { name: "bedrock", build };

/// The media type of a stream.
const FRAMES: &str = "application/vnd.amazon.eventstream";
/// What a signature is for.
const SERVICE: &str = "bedrock";

struct Bedrock {
    client: Client,
    base: String,
    headers: HeaderMap,
    access: Access,
    reply_bytes_max: usize,
    event_bytes_max: usize,
    /// The longest answer of each model, by the name that Bedrock calls it, where settings tell.
    output_tokens: HashMap<String, u64>,
    output_tokens_usual: Option<u64>,
    now: fn() -> SystemTime,
}

fn build(provider: &settings::Provider, observed: Option<UpstreamMetrics>) -> Result<Arc<dyn Provider>, RegistryError> {
    let made = Bedrock::new(provider, &|name| std::env::var(name).ok(), SystemTime::now, observed)?;
    Ok(Arc::new(made))
}

fn uri(provider: &settings::Provider, base: &str) -> Result<Uri, RegistryError> {
    let bad = || RegistryError::BadAddress { provider: provider.name.clone(), base_url: base.to_owned() };
    let uri: Uri = base.parse().map_err(|_| bad())?;
    let whole = uri.scheme().is_some() && uri.host().is_some() && uri.query().is_none();
    if whole { Ok(uri) } else { Err(bad()) }
}

impl Provider for Bedrock {
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a> {
        Box::pin(self.ask(call))
    }

    fn list(&self) -> Option<ListCall<'_>> {
        Some(ListCall { address: self.base.clone(), answer: Box::pin(self.models()) })
    }

    fn embed<'a>(&'a self, call: EmbedCall<'a>) -> EmbedFuture<'a> {
        Box::pin(embed::ask(self, call))
    }

    fn count<'a>(&'a self, call: Call<'a>) -> CountFuture<'a> {
        Box::pin(self.count_tokens(call))
    }
}

impl Bedrock {
    fn new(
        provider: &settings::Provider,
        env: &dyn Fn(&str) -> Option<String>,
        now: fn() -> SystemTime,
        observed: Option<UpstreamMetrics>,
    ) -> Result<Self, RegistryError> {
        let Place { base, access } = access::find(provider, env)?;
        let told = provider.models.iter().filter_map(|entry| {
            let name = entry.upstream_name.as_ref().unwrap_or(&entry.name);
            Some((name.clone(), entry.output_tokens_max?))
        });
        Ok(Self {
            client: client(provider, &uri(provider, &base)?, observed),
            base,
            headers: bare_headers(provider)?,
            access,
            reply_bytes_max: provider.reply_bytes_max,
            event_bytes_max: provider.event_bytes_max,
            output_tokens: told.collect(),
            output_tokens_usual: Preset::of(&provider.kind).limits.output_tokens_max,
            now,
        })
    }

    async fn ask(&self, call: Call<'_>) -> Result<Replied, ModelError> {
        let mut asked = converse::from_chat(call.request.bytes(), call.model)?;
        if let Some(most) = self.output_tokens.get(call.model).copied().or(self.output_tokens_usual) {
            limit(&mut asked, most);
        }
        let stream = call.request.stream();
        let (action, accept) = if stream { ("converse-stream", FRAMES) } else { ("converse", JSON) };
        let response = self.post(&call, action, accept, asked.body.to_string()).await?;
        let simulated = is_simulated(response.headers());
        let created = (self.now)().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let about = About { id: call.request_id, model: call.model, created, original: None };
        let reply = if stream {
            if !is(response.headers(), FRAMES) {
                return Err(ModelError::NotAReply { what: "its content type is not that of a stream".to_owned() });
            }
            let translate = ToChat::new(&about, asked.custom);
            let blocks: BlockStream = Box::pin(stream::Blocks::new(response, translate, self.event_bytes_max));
            // The usage comes unasked.
            let hides_usage = !call.request.include_usage();
            Reply::Stream { blocks, dialect: Dialect::Chat, simulated, hides_usage }
        } else {
            let (_head, body) = response.into_parts();
            let body = collect(body, self.reply_bytes_max).await?;
            let reply = converse::to_chat(&body, &about, &asked.custom)?;
            Reply::Whole(if simulated { reply.marked_simulated() } else { reply })
        };
        Ok(Replied { reply, lost: asked.lost })
    }

    /// Models without this ability refuse it: then nobody knows.
    async fn count_tokens(&self, call: Call<'_>) -> Result<Option<u64>, ModelError> {
        let asked = converse::from_chat(call.request.bytes(), call.model)?;
        let body = converse::for_count(asked.body).to_string();
        let response = match self.post(&call, "count-tokens", JSON, body).await {
            Err(ModelError::Refused { .. }) => return Ok(None),
            response => response?,
        };
        let (_head, body) = response.into_parts();
        let body = collect(body, self.reply_bytes_max).await?;
        let counted = serde_json::from_slice::<serde_json::Value>(&body).ok();
        Ok(counted.and_then(|counted| counted["inputTokens"].as_u64()))
    }

    /// Asks one model for one action, such as `converse`, once; whatever is not a success is an error.
    async fn post(
        &self,
        call: &Call<'_>,
        action: &str,
        accept: &'static str,
        body: String,
    ) -> Result<Response<Incoming>, ModelError> {
        self.act(call.model, action, accept, body, (call.request_id, call.ear)).await
    }

    /// The same for whatever is asked of a model.
    async fn act(
        &self,
        model: &str,
        action: &str,
        accept: &'static str,
        body: String,
        (request_id, ear): (&str, &Ear),
    ) -> Result<Response<Incoming>, ModelError> {
        let address = format!("{}/model/{}/{action}", self.base, sign::segment(model));
        let mut request = self.request(Method::POST, &address, body).await?;
        tell(request.headers_mut(), accept, request_id);
        let response = self.client.send_noting(request, ear.sending()).await?;
        ear.hear(response.headers());
        if response.status().is_success() { Ok(response) } else { Err(error::of_response(response).await) }
    }

    /// A request with its credential, ready to be sent. What is added later is not signed.
    async fn request(&self, method: Method, address: &str, body: String) -> Result<Request<Full<Bytes>>, ModelError> {
        let bad = || ModelError::Untranslatable { what: "the model's name cannot stand in an address".to_owned() };
        let uri: Uri = address.parse().map_err(|_| bad())?;
        let mut headers = self.headers.clone();
        match &self.access {
            Access::Bearer(token) => {
                headers.insert(AUTHORIZATION, token.clone());
            }
            Access::Signed { region, keys } => {
                let now = (self.now)();
                let keys = keys.get(now).await?;
                let what = sign::What { method: method.as_str(), address, body: body.as_bytes() };
                let content_type = headers.get(CONTENT_TYPE).cloned();
                let signed: Vec<(&str, &str)> =
                    content_type.iter().filter_map(|kind| Some(("content-type", kind.to_str().ok()?))).collect();
                headers.extend(sign::sign(&what, &signed, &keys, (region, SERVICE), now)?);
            }
        }
        let mut request = Request::new(Full::new(Bytes::from(body)));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        Ok(request)
    }

    /// Asks for the models that are on offer; whether all of them may be used is not told there.
    async fn models(&self) -> Result<(Finding, Option<i64>), NetError> {
        // Models are listed at another address than they are asked at, unless all is at one of our own.
        let address = format!("{}/foundation-models", self.base.replacen("//bedrock-runtime.", "//bedrock.", 1));
        match self.request(Method::GET, &address, String::new()).await {
            Ok(request) => probe::read(self.client.send(request).await?, ids).await,
            Err(ModelError::Net(error)) => Err(error),
            Err(_) => Ok((Finding::KeyRefused { status: 401 }, None)),
        }
    }
}

/// Limits an answer that the request leaves open: what it may cost is reserved for that many tokens. Thoughts are part
/// of it, and Claude wants them to be the smaller part.
fn limit(asked: &mut Asked, most: u64) {
    if !asked.body["inferenceConfig"]["maxTokens"].is_null() {
        return;
    }
    asked.body["inferenceConfig"]["maxTokens"] = most.into();
    let budget = asked.body.pointer_mut("/additionalModelRequestFields/thinking/budget_tokens");
    if let Some((budget, wanted)) =
        budget.and_then(|budget| Some((budget.as_u64()?, budget))).filter(|(tokens, _)| *tokens >= most)
    {
        *wanted = json!(most.saturating_sub(1));
        asked.lost.push(format!("`thinking.budget_tokens` of {budget} (asked with {})", most.saturating_sub(1)));
    }
}

/// The names in a list of models.
fn ids(body: &[u8]) -> Option<Vec<String>> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let models = body["modelSummaries"].as_array()?;
    Some(models.iter().filter_map(|model| model["modelId"].as_str().map(str::to_owned)).collect())
}

fn is(headers: &HeaderMap, media_type: &str) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests;
