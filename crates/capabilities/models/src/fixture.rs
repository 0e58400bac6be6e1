//! What the tests of this room share: settings as text, and a provider that does as it is told.

use crate::common::{Common, Sheds, Terms};
use crate::endpoint::Endpoint;
use crate::{
    Answer, AnswerStream, Asker, Call, ChatFuture, Kind, ModelError, Opening, Parts, Provider, Registry, RegistryError,
    Reply,
};
use bytes::Bytes;
use caller::{Class, Tab, Unmetered};
use futures_util::StreamExt;
use guard::{Adaptive, Breaker, BreakerConfig, BulkheadConfig};
use measure::{Metrics, Outcome};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use testkit::Upstream;
use turnstile::{Course, Gate};
use wire::Dialect;
use wire::openai::{ChatReply, ChatRequest, Limits};

/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);
/// The kinds that the binary knows too.
pub(crate) const KINDS: &[Kind] =
    &[crate::anthropic::KIND, crate::bedrock::KIND, crate::openai::KIND, crate::ollama::KIND, crate::scripted::KIND];

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn settings(text: &str) -> settings::Settings {
    toml::from_str(text).unwrap()
}

pub(crate) fn registry(text: &str) -> Registry {
    build(&settings(text), KINDS, &Metrics::new("test"), &no_prices(), None).unwrap()
}

/// Alone, without anybody to share with, and in force.
pub(crate) fn build(
    settings: &settings::Settings,
    kinds: &[Kind],
    metrics: &Arc<Metrics>,
    prices: &Arc<prices::Table>,
    before: Option<&Registry>,
) -> Result<Registry, RegistryError> {
    let registry = Registry::build(settings, Parts { kinds, metrics, prices, sharing: None }, before)?;
    registry.begin(before);
    Ok(registry)
}

static TENANT: LazyLock<Arc<str>> = LazyLock::new(|| "house".into());

/// One of the house, as any other.
pub(crate) fn one(request_id: &str) -> Asker<'_> {
    Asker { request_id, tenant: &TENANT, class: Class::Normal }
}

/// A list without prices.
pub(crate) fn no_prices() -> Arc<prices::Table> {
    Arc::default()
}

/// The model `p/m` at an upstream, with more lines for its provider and for the rest of the settings.
pub(crate) fn at(upstream: &Upstream, provider: &str, rest: &str) -> Arc<Endpoint> {
    let url = upstream.url();
    let models = if provider.contains("models") { "" } else { "models = ['m']" };
    let text = format!("[[provider]]\nname = 'p'\nbase_url = '{url}'\n{models}\n{provider}\n{rest}");
    registry(&text).find("p/m").unwrap()
}

pub(crate) fn request(body: &str) -> ChatRequest {
    let body = Bytes::copy_from_slice(body.as_bytes());
    ChatRequest::parse(body, &Limits { n_max: 16, messages_max: 64 }).unwrap()
}

pub(crate) fn plain() -> ChatRequest {
    request(r#"{"model":"p/m","messages":[{"role":"user","content":"hi"}]}"#)
}

pub(crate) fn streamed() -> ChatRequest {
    request(r#"{"model":"p/m","messages":[{"role":"user","content":"hi"}],"stream":true}"#)
}

/// A tab on which nobody looks.
pub(crate) fn free() -> Arc<dyn Tab> {
    Arc::new(Unmetered)
}

pub(crate) async fn ask(endpoint: &Arc<Endpoint>) -> Result<ChatReply, ModelError> {
    match endpoint.ask(&plain(), one("r"), &free(), LONG, Opening::FirstEvent).await? {
        Answer::Whole { reply, .. } => Ok(reply),
        Answer::Stream(_) => panic!("a stream nobody asked for"),
    }
}

pub(crate) async fn open(endpoint: &Arc<Endpoint>, opening: Opening) -> Result<Box<AnswerStream>, ModelError> {
    match endpoint.ask(&streamed(), one("r"), &free(), LONG, opening).await? {
        Answer::Stream(stream) => Ok(stream),
        Answer::Whole { .. } => panic!("no stream"),
    }
}

/// Everything a stream says, and how it ends.
pub(crate) async fn drain(stream: &mut AnswerStream) -> (String, Option<ModelError>) {
    let (mut text, mut error) = (Vec::new(), None);
    while let Some(item) = stream.next().await {
        assert_eq!(error, None, "nothing comes behind an error");
        match item {
            Ok(block) => text.extend_from_slice(&block),
            Err(broke) => error = Some(broke),
        }
    }
    assert!(stream.next().await.is_none(), "an end is an end");
    (String::from_utf8(text).unwrap(), error)
}

/// How many attempts ended each way: answered, failed, timed out, cancelled, shed.
pub(crate) fn outcomes(endpoint: &Endpoint) -> [u64; 5] {
    Outcome::ALL.map(|outcome| endpoint.metrics.outcome(outcome).value())
}

/// What a [`Fake`] does with one call, after a while.
#[derive(Clone)]
pub(crate) struct Act {
    pub(crate) after: Duration,
    pub(crate) then: Then,
}

/// What an [`Act`] comes to.
#[derive(Clone)]
pub(crate) enum Then {
    Say(&'static str),
    Fail(ModelError),
    /// Events with the wait before each; ends behind the last, or stays open.
    Stream(Vec<(Duration, &'static str)>, Ends),
    Hang,
}

/// How a stream of a [`Fake`] ends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ends {
    Clean,
    Never,
}

/// A provider that does as a function of the number of the call says; knows how many calls there were and how many
/// at once.
pub(crate) struct Fake {
    act: Box<dyn Fn(usize) -> Act + Send + Sync>,
    pub(crate) calls: AtomicUsize,
    pub(crate) now: Arc<AtomicUsize>,
    pub(crate) most: AtomicUsize,
}

struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Fake {
    pub(crate) fn new(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Arc<Self> {
        let (calls, now, most) = (AtomicUsize::new(0), Arc::default(), AtomicUsize::new(0));
        Arc::new(Self { act: Box::new(act), calls, now, most })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Provider for Fake {
    fn chat<'a>(&'a self, _: Call<'a>) -> ChatFuture<'a> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let busy = Busy(Arc::clone(&self.now));
        let act = (self.act)(call);
        Box::pin(async move {
            tokio::time::sleep(act.after).await;
            match act.then {
                Then::Say(text) => Ok(Reply::Whole(said(text)).into()),
                Then::Fail(error) => Err(error),
                Then::Stream(events, ends) => {
                    let blocks = Box::pin(stream(events, ends, busy));
                    Ok(Reply::Stream { blocks, dialect: Dialect::Chat, simulated: false, hides_usage: false }.into())
                }
                Then::Hang => std::future::pending().await,
            }
        })
    }
}

fn stream(
    events: Vec<(Duration, &'static str)>,
    ends: Ends,
    busy: Busy,
) -> impl futures_util::Stream<Item = Result<Bytes, ModelError>> + Send {
    let events = futures_util::stream::iter(events).then(|(wait, event)| async move {
        tokio::time::sleep(wait).await;
        Ok(Bytes::from(format!("data: {event}\n\n")))
    });
    let tail = futures_util::stream::once(async move {
        let _busy = busy;
        if ends == Ends::Never {
            std::future::pending::<()>().await;
        }
        None
    });
    events.chain(tail.filter_map(|none: Option<Result<Bytes, ModelError>>| async { none }))
}

pub(crate) fn said(text: &str) -> ChatReply {
    let body = serde_json::json!({ "choices": [{ "message": { "role": "assistant", "content": text } }] });
    ChatReply::parse(Bytes::from(body.to_string())).unwrap()
}

/// A chunk that says `text`.
pub(crate) const WORD: &str = r#"{"choices":[{"index":0,"delta":{"content":"word"}}]}"#;
/// The first chunk of most streams.
pub(crate) const ROLE: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
/// The chunk that ends a choice.
pub(crate) const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
/// An error inside a stream.
pub(crate) const ERROR: &str = r#"{"error":{"message":"SECRET","code":"overloaded"}}"#;

/// The shape of an endpoint around a [`Fake`].
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) in_flight_max: u32,
    pub(crate) queue_max: u32,
    pub(crate) failures: u32,
    pub(crate) open: Duration,
    pub(crate) idle: Duration,
}

impl Default for Shape {
    fn default() -> Self {
        let (open, idle) = (Duration::from_secs(60), Duration::from_secs(10));
        Self { in_flight_max: 8, queue_max: 8, failures: 5, open, idle }
    }
}

pub(crate) fn around(provider: Arc<dyn Provider>, shape: Shape) -> Arc<Endpoint> {
    let Shape { in_flight_max, queue_max, .. } = shape;
    let (metrics, made) = (Metrics::new("test"), tokio::time::Instant::now());
    let bulkhead = BulkheadConfig { in_flight_max, queue_max, ..BulkheadConfig::default() };
    let terms = Terms::new(&settings::Settings::default());
    let common = Common {
        gate: Gate::new(bulkhead, Adaptive::Fixed(in_flight_max), metrics.adaptive_limit("p")),
        pace: None,
        sharing: None,
        checked: Arc::default(),
        sheds: Sheds::new(&metrics),
        terms,
        made,
    };
    Arc::new(Endpoint {
        id: "p/m".into(),
        provider_name: "p".to_owned(),
        upstream_name: "m".to_owned(),
        family: "m".to_owned(),
        price: None,
        output_tokens_max: None,
        timeout: LONG,
        idle: shape.idle,
        stream_max: LONG * 60,
        provider,
        common: Arc::new(common),
        parked: Arc::default(),
        in_flight: Arc::default(),
        breaker: Arc::new(Mutex::new(Breaker::new(BreakerConfig { failures: shape.failures, open: shape.open }))),
        metrics: metrics.endpoint("p", "m"),
        usual: Arc::default(),
        limits: crate::limits::Limits::new(&settings::ModelEntry::default(), None, None),
        course: Arc::new(Mutex::new(Course::new(terms.decay, None))),
    })
}
