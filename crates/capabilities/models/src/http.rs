//! What all providers over HTTP share: addresses, headers, one attempt, refusals, bodies and streams.
//!
//! Knows no protocol beyond HTTP: what is in a body is the provider's business.

use crate::{BlockStream, Ear, ListCall, ModelError, Preset, RegistryError, probe};
use bytes::{Bytes, BytesMut};
use futures_util::stream::Stream;
use guard::parse_retry_after;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use measure::UpstreamMetrics;
use net::{Client, ClientConfig, Incoming, NetError, collect};
use presets::Auth;
use secrecy::ExposeSecret;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wire::openai::{SIMULATED_HEADER, upstream_code};
use wire::sse::{Splitter, events};

/// An error body is read up to this many bytes, for its code alone.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// And waited for no longer than this: the status alone says enough.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long an unused connection is kept.
const KEEP_IDLE: Duration = Duration::from_secs(90);
/// Connections kept where nobody says how many.
const POOL_MAX: usize = 20;
/// From so many bytes on, events of a stream are passed on without a look whether more have come.
const TOGETHER_BYTES: usize = 16 * 1024;
/// The media type of a stream of events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
/// The media type of everything else.
pub(crate) const JSON: &str = "application/json";

/// An upstream over HTTP.
pub(crate) struct Upstream {
    client: Client,
    headers: HeaderMap,
    reply_bytes_max: usize,
    event_bytes_max: usize,
}

impl Upstream {
    /// The upstream at `uri` with these headers on every request.
    pub(crate) fn new(
        provider: &settings::Provider,
        uri: &Uri,
        headers: HeaderMap,
        observed: Option<UpstreamMetrics>,
    ) -> Self {
        let (reply_bytes_max, event_bytes_max) = (provider.reply_bytes_max, provider.event_bytes_max);
        Self { client: client(provider, uri, observed), headers, reply_bytes_max, event_bytes_max }
    }

    /// The most bytes of one event.
    pub(crate) fn event_bytes_max(&self) -> usize {
        self.event_bytes_max
    }

    /// A request that is not sent yet; `accept` is what may come back.
    pub(crate) fn post(&self, uri: &Uri, body: Bytes, accept: &'static str, request_id: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers.clone();
        tell(request.headers_mut(), accept, request_id);
        request
    }

    /// Sends it once; whatever is not a success is an error.
    pub(crate) fn send(
        &self,
        request: Request<Full<Bytes>>,
        ear: &Ear,
    ) -> impl Future<Output = Result<Response<Incoming>, ModelError>> + Send {
        self.send_reading(request, ear, upstream_code)
    }

    /// The same where `code` finds the code in the body of an error.
    pub(crate) async fn send_reading(
        &self,
        request: Request<Full<Bytes>>,
        ear: &Ear,
        code: fn(&[u8]) -> Option<String>,
    ) -> Result<Response<Incoming>, ModelError> {
        let response = self.client.send_noting(request, ear.sending()).await?;
        ear.hear(response.headers());
        if response.status().is_success() { Ok(response) } else { Err(Box::pin(refusal(response, code)).await) }
    }

    /// Asks for the list of models at `uri`, whose path ends in `list`; `ids` reads their names.
    pub(crate) fn list(&self, uri: &Uri, list: &str, ids: fn(&[u8]) -> Option<Vec<String>>) -> ListCall<'_> {
        let address = probe::shown(uri, list);
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().remove(CONTENT_TYPE);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(JSON));
        ListCall { address, answer: Box::pin(async move { probe::read(self.client.send(request).await?, ids).await }) }
    }

    /// A whole body.
    pub(crate) async fn whole(&self, response: Response<Incoming>) -> Result<Bytes, ModelError> {
        Ok(collect(response.into_body(), self.reply_bytes_max).await?)
    }

    /// The blocks of whole events of a stream; `is_end` tells of a last event without its blank line whether it is a
    /// whole one all the same.
    pub(crate) fn events(
        &self,
        response: Response<Incoming>,
        is_end: fn(&[u8]) -> bool,
    ) -> Result<BlockStream, ModelError> {
        if !is_event_stream(response.headers()) {
            // What it is instead is not repeated: it is the upstream's text.
            return Err(ModelError::NotAReply { what: "its content type is not that of an event stream".to_owned() });
        }
        let splitter = Some(Splitter::new(self.event_bytes_max));
        Ok(Box::pin(Blocks { body: response.into_body(), splitter, failed: None, is_end }))
    }
}

/// Says what may come back, and which request this belongs to.
pub(crate) fn tell(headers: &mut HeaderMap, accept: &'static str, request_id: &str) {
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Whether an Althing behind us says that nobody was asked.
pub(crate) fn is_simulated(headers: &HeaderMap) -> bool {
    headers.get(SIMULATED_HEADER).is_some_and(|value| value == "true")
}

/// Where a provider answers for `path`.
pub(crate) fn address(provider: &settings::Provider, path: &str) -> Result<Uri, RegistryError> {
    let preset = Preset::find(&provider.kind);
    let missing = || RegistryError::NoAddress { provider: provider.name.clone() };
    let base = provider.base_url.as_deref().or(preset.and_then(|preset| preset.base_url)).ok_or_else(missing)?;
    let bad_address = || RegistryError::BadAddress { provider: provider.name.clone(), base_url: base.to_owned() };
    let uri: Uri = format!("{}{path}", base.trim_end_matches('/')).parse().map_err(|_| bad_address())?;
    if uri.host().is_none() { Err(bad_address()) } else { Ok(uri) }
}

/// The same where `path` holds the version, which many write at the end of an address.
pub(crate) fn unversioned_address(provider: &settings::Provider, path: &str) -> Result<Uri, RegistryError> {
    let base = provider.base_url.as_deref().map(|base| base.trim_end_matches('/'));
    match base.and_then(|base| base.strip_suffix("/v1")) {
        None => address(provider, path),
        Some(base) => address(&settings::Provider { base_url: Some(base.to_owned()), ..provider.clone() }, path),
    }
}

pub(crate) fn client(provider: &settings::Provider, uri: &Uri, observed: Option<UpstreamMetrics>) -> Client {
    let config = ClientConfig {
        connect_timeout: Duration::from_millis(provider.connect_ms),
        idle_timeout: KEEP_IDLE,
        pool_max: provider.pool_max.unwrap_or(POOL_MAX),
    };
    match observed {
        Some(metrics) => Client::observed(uri, &config, metrics),
        None => Client::new(uri, &config),
    }
}

/// Headers of every request to a provider, without its credential.
pub(crate) fn bare_headers(provider: &settings::Provider) -> Result<HeaderMap, RegistryError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("althing/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in &provider.headers {
        let parsed = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
        let (Ok(key), Ok(value)) = parsed else { return Err(bad_header(provider, name)) };
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Headers of every request to a provider whose credential is a bearer's, or bare where its kind wants it so.
pub(crate) fn headers(provider: &settings::Provider) -> Result<HeaderMap, RegistryError> {
    let mut headers = bare_headers(provider)?;
    let (name, prefix) = match Preset::of(&provider.kind).auth {
        Auth::Bearer => (AUTHORIZATION, "Bearer "),
        Auth::Header(name) => (HeaderName::from_static(name), ""),
    };
    if let Some(value) = credential(provider, prefix)? {
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The provider's key as the value of a header, behind `prefix`.
pub(crate) fn credential(provider: &settings::Provider, prefix: &str) -> Result<Option<HeaderValue>, RegistryError> {
    let Some(key) = &provider.api_key else { return Ok(None) };
    let failed = |error| RegistryError::Secret { provider: provider.name.clone(), error: Box::new(error) };
    let secret = key.resolve().map_err(failed)?;
    let value = HeaderValue::try_from(format!("{prefix}{}", secret.expose_secret()));
    let mut value = value.map_err(|_| bad_header(provider, "authorization"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn bad_header(provider: &settings::Provider, name: &str) -> RegistryError {
    RegistryError::BadHeader { provider: provider.name.clone(), header: name.to_owned() }
}

/// What an answer that is not a success means.
async fn refusal(response: Response<Incoming>, code: fn(&[u8]) -> Option<String>) -> ModelError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = tokio::time::timeout(ERROR_BODY_WAIT, collect(response.into_body(), ERROR_BYTES_MAX)).await;
    let code = body.ok().and_then(Result::ok).and_then(|body| code(&body));
    ModelError::of_status(status.as_u16(), code, retry_after)
}

pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    parse_retry_after(value, now)
}

/// The blocks of whole events in a body. What has come together goes on together.
struct Blocks {
    body: Incoming,
    splitter: Option<Splitter>,
    /// How it ended, where something is to be passed on before.
    failed: Option<ModelError>,
    is_end: fn(&[u8]) -> bool,
}

impl Blocks {
    /// The next events, as soon as they are whole.
    fn poll_block(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, ModelError>>> {
        loop {
            let Some(splitter) = &mut self.splitter else { return Poll::Ready(self.failed.take().map(Err)) };
            let data = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => {
                    let last = self.splitter.take().and_then(|splitter| last_event(splitter, self.is_end));
                    return Poll::Ready(last.map(Ok));
                }
                Some(Err(error)) => {
                    self.splitter = None;
                    return Poll::Ready(Some(Err(NetError::of_frame(&error).into())));
                }
                Some(Ok(frame)) => frame.into_data(),
            };
            let Ok(data) = data else { continue };
            match splitter.push(data) {
                Ok(None) => {}
                Ok(Some(block)) => return Poll::Ready(Some(Ok(block))),
                Err(error) => {
                    self.splitter = None;
                    return Poll::Ready(Some(Err(ModelError::not_a_reply(&error))));
                }
            }
        }
    }
}

impl Stream for Blocks {
    type Item = Result<Bytes, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let first = match ready!(self.poll_block(context)) {
            Some(Ok(first)) => first,
            ended => return Poll::Ready(ended),
        };
        // Copied, as a piece that is kept as it came holds on to the whole buffer that it was read into, and the next one
        // needs another.
        let mut together = BytesMut::from(&*first);
        drop(first);
        while together.len() < TOGETHER_BYTES {
            match self.poll_block(context) {
                Poll::Ready(Some(Ok(block))) => together.extend_from_slice(&block),
                Poll::Ready(Some(Err(error))) => {
                    self.failed = Some(error);
                    break;
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Some(Ok(together.freeze())))
    }
}

/// A last event without its blank line, where it is a whole one; a torn one is not passed on.
///
/// The blank line is added, because readers drop an event without one and whatever we send next would run into it.
fn last_event(splitter: Splitter, is_end: fn(&[u8]) -> bool) -> Option<Bytes> {
    let tail = splitter.into_tail();
    let whole = events(&tail).filter_map(|event| event.data).any(|data| is_end(&data));
    let end: &[u8] = if tail.ends_with(b"\n") { b"\n" } else { b"\n\n" };
    whole.then(|| Bytes::from([&tail, end].concat()))
}
