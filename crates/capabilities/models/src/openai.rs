//! Providers that speak OpenAI's chat protocol over HTTP.

use crate::{BlockStream, Call, ChatFuture, Kind, ModelError, Preset, Provider, RegistryError, Reply};
use bytes::Bytes;
use futures_util::stream::Stream;
use guard::parse_retry_after;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use net::{Client, ClientConfig, Incoming, NetError, collect};
use secrecy::ExposeSecret;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wire::openai::{ChatReply, ChunkView, SIMULATED_HEADER, is_done, upstream_code};
use wire::sse::{Splitter, events};

/// The kind `openai`, which every preset stands on.
pub const KIND: Kind = Kind { name: "openai", build };

/// An error body is read up to this many bytes, for its code alone.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// And waited for no longer than this: the status alone says enough.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(1);
/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";
/// How long an unused connection is kept.
const KEEP_IDLE: Duration = Duration::from_secs(90);

struct OpenAi {
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    reply_bytes_max: usize,
    event_bytes_max: usize,
}

fn build(provider: &settings::Provider) -> Result<Arc<dyn Provider>, RegistryError> {
    let uri = address(provider, "/chat/completions")?;
    let client = client(provider, &uri);
    Ok(Arc::new(OpenAi {
        client,
        uri,
        headers: headers(provider)?,
        reply_bytes_max: provider.reply_bytes_max,
        event_bytes_max: provider.event_bytes_max,
    }))
}

/// Where a provider answers for `path`.
pub(crate) fn address(provider: &settings::Provider, path: &str) -> Result<Uri, RegistryError> {
    let preset = Preset::find(&provider.kind);
    let missing = || RegistryError::NoAddress { provider: provider.name.clone() };
    let base = provider.base_url.as_deref().or(preset.map(|preset| preset.base_url)).ok_or_else(missing)?;
    let bad_address = || RegistryError::BadAddress { provider: provider.name.clone(), base_url: base.to_owned() };
    let uri: Uri = format!("{}{path}", base.trim_end_matches('/')).parse().map_err(|_| bad_address())?;
    if uri.host().is_none() { Err(bad_address()) } else { Ok(uri) }
}

pub(crate) fn client(provider: &settings::Provider, uri: &Uri) -> Client {
    let config = ClientConfig {
        connect_timeout: Duration::from_millis(provider.connect_ms),
        idle_timeout: KEEP_IDLE,
        idle_max: provider.in_flight_max,
    };
    Client::new(uri, &config)
}

pub(crate) fn headers(provider: &settings::Provider) -> Result<HeaderMap, RegistryError> {
    let bad = |name: &str| RegistryError::BadHeader { provider: provider.name.clone(), header: name.to_owned() };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("althing/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in &provider.headers {
        let parsed = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
        let (Ok(key), Ok(value)) = parsed else { return Err(bad(name)) };
        headers.insert(key, value);
    }
    if let Some(key) = &provider.api_key {
        let secret = key
            .resolve()
            .map_err(|error| RegistryError::Secret { provider: provider.name.clone(), error: Box::new(error) })?;
        let bearer = format!("Bearer {}", secret.expose_secret());
        let mut value = HeaderValue::try_from(bearer).map_err(|_| bad("authorization"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

impl Provider for OpenAi {
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a> {
        Box::pin(self.ask(call))
    }
}

impl OpenAi {
    async fn ask(&self, call: Call<'_>) -> Result<Reply, ModelError> {
        let stream = call.request.stream();
        let mut request = Request::new(Full::new(call.request.for_model(call.model)));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let accept = if stream { EVENT_STREAM } else { "application/json" };
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
        if let Ok(id) = HeaderValue::try_from(call.request_id) {
            request.headers_mut().insert("x-request-id", id);
        }
        let response = self.client.send(request).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        // An Althing behind us says so when nobody was asked.
        let simulated = response.headers().get(SIMULATED_HEADER).is_some_and(|value| value == "true");
        if !stream {
            let body = collect(response.into_body(), self.reply_bytes_max).await?;
            let reply = ChatReply::parse(body).map_err(|error| ModelError::not_a_reply(&error))?;
            return Ok(Reply::Whole(if simulated { reply.marked_simulated() } else { reply }));
        }
        if !is_event_stream(response.headers()) {
            // What it is instead is not repeated: it is the upstream's text.
            return Err(ModelError::NotAReply { what: "its content type is not that of an event stream".to_owned() });
        }
        let splitter = Some(Splitter::new(self.event_bytes_max));
        let blocks: BlockStream = Box::pin(Blocks { body: response.into_body(), splitter });
        Ok(Reply::Stream { blocks, simulated })
    }
}

/// What an answer that is not a success means.
async fn refusal(response: Response<Incoming>) -> ModelError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = tokio::time::timeout(ERROR_BODY_WAIT, collect(response.into_body(), ERROR_BYTES_MAX)).await;
    let code = body.ok().and_then(Result::ok).and_then(|body| upstream_code(&body));
    ModelError::of_status(status.as_u16(), code, retry_after)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    parse_retry_after(value, now)
}

/// The blocks of whole events in a body.
struct Blocks {
    body: Incoming,
    splitter: Option<Splitter>,
}

impl Stream for Blocks {
    type Item = Result<Bytes, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let this = &mut *self;
            let Some(splitter) = &mut this.splitter else { return Poll::Ready(None) };
            let frame = match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(frame) => frame,
            };
            let data = match frame {
                None => return Poll::Ready(this.splitter.take().and_then(last_event).map(Ok)),
                Some(Err(error)) => {
                    this.splitter = None;
                    return Poll::Ready(Some(Err(NetError::of_frame(&error).into())));
                }
                Some(Ok(frame)) => frame.into_data(),
            };
            let Ok(data) = data else { continue };
            match splitter.push(data) {
                Ok(None) => {}
                Ok(Some(block)) => return Poll::Ready(Some(Ok(block))),
                Err(error) => {
                    this.splitter = None;
                    return Poll::Ready(Some(Err(ModelError::not_a_reply(&error))));
                }
            }
        }
    }
}

/// A last event without its blank line, where it is a whole one; a torn one is not passed on.
///
/// The blank line is added, because readers drop an event without one and whatever we send next would run into it.
fn last_event(splitter: Splitter) -> Option<Bytes> {
    let tail = splitter.into_tail();
    let whole =
        events(&tail).filter_map(|event| event.data).any(|data| is_done(&data) || ChunkView::read(&data).is_some());
    let end: &[u8] = if tail.ends_with(b"\n") { b"\n" } else { b"\n\n" };
    whole.then(|| Bytes::from([&tail, end].concat()))
}

#[cfg(test)]
mod tests;
