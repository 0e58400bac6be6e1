//! `GET /api/v1/providers`: whether they are there, and how their models are doing.

use crate::app::App;
use ::models::{Price, Quantiles, Rates};
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use caller::Role;
use http::Method;
use matrix::{Looked, ModelState, ProviderState};
use routes::{Asked, Need, Refused, Row, describe};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    #[serde(default = "yes")]
    look: bool,
}

fn yes() -> bool {
    true
}

/// All providers in the order of settings.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProviderPage {
    items: Vec<ProviderView>,
    /// Always null: the list comes whole, settings name a hundred at most.
    cursor: Option<String>,
}

/// A provider as it stands.
#[derive(Debug, Serialize, JsonSchema)]
struct ProviderView {
    /// Its name in settings.
    name: String,
    /// Its kind.
    kind: String,
    /// Whether its answers are made up by a script.
    simulated: bool,
    /// Where it was looked for, without credentials.
    address: Option<String>,
    /// Whether it answers at all; null where nobody has looked, and for a script.
    reachable: Option<bool>,
    /// Whether it accepts our key; null where that cannot be told.
    authorised: Option<bool>,
    /// What the look showed, in words.
    detail: Option<String>,
    /// How long the look took, in milliseconds.
    took_ms: Option<f64>,
    /// How long ago that was, in seconds.
    looked_s_ago: Option<u64>,
    /// What may be in progress, wait, and take how long.
    limits: ProviderLimits,
    /// Its listed models.
    models: Vec<ModelView>,
}

/// The limits of a provider.
#[derive(Debug, Serialize, JsonSchema)]
struct ProviderLimits {
    in_flight_max: Option<usize>,
    queue_max: usize,
    timeout_ms: Option<u64>,
    connect_ms: u64,
    pool_max: Option<usize>,
}

/// A model as it stands; times and shares are of the last 15 minutes.
#[derive(Debug, Serialize, JsonSchema)]
struct ModelView {
    /// `provider/model`.
    id: String,
    /// What the provider calls it.
    upstream_name: String,
    /// Who trained it, as far as that is known.
    family: String,
    /// `closed`, `open` or `half-open`.
    breaker: &'static str,
    /// How many milliseconds longer it is left alone because it asked for that; null where it has not.
    parked_ms: Option<u64>,
    /// Whether its provider passes its health checks; one that is never checked passes.
    up: bool,
    /// Calls that its provider bears at once, as far as that has been found out.
    limit: u32,
    /// Calls in progress at its provider.
    in_flight: u32,
    /// Calls that wait for it.
    waiting: u32,
    /// Calls that came to an end.
    calls: usize,
    /// Of these, those without an answer.
    failed: usize,
    /// Their share; null without calls.
    error_rate: Option<f64>,
    /// Milliseconds until the first event of streams; null without any.
    first_token_ms: Option<Times>,
    /// Milliseconds until the end of answers; null without any.
    answer_ms: Option<Times>,
    /// US dollars per million tokens; null where nobody knows the price.
    price: Option<PriceView>,
    context_tokens: Option<u64>,
    output_tokens_max: Option<u64>,
    prompt_bytes_max: Option<usize>,
    /// Requests a minute.
    rpm: Option<u32>,
    /// Tokens a minute.
    tpm: Option<u32>,
}

/// So many percent took no longer.
#[derive(Debug, Serialize, JsonSchema)]
struct Times {
    p50: f64,
    p90: f64,
    p95: f64,
    p99: f64,
}

/// US dollars per million tokens as exact decimals, by the names that settings give them; null where one is not set.
type RatesView = BTreeMap<&'static str, Option<String>>;

/// What the tokens of a model cost.
#[derive(Debug, Serialize, JsonSchema)]
struct PriceView {
    #[serde(flatten)]
    rates: RatesView,
    /// What all tokens of a long request cost instead; null where they cost the same.
    long: Option<LongView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LongView {
    /// A request with more tokens to read than this is a long one.
    above_tokens: u64,
    #[serde(flatten)]
    rates: RatesView,
}

pub(crate) fn row() -> Row<App> {
    let about = "Providers: reachable, authorised, times, errors, breakers, limits";
    let look = ("look", "`false` tells what is known without looking; looks are good for 30 s");
    let operation = describe::one::<ProviderPage>(about, &[look]);
    Row::new(Method::GET, "/api/v1/providers", Need::Role(Role::Operator), get(list), operation)
}

async fn list(State(app): State<App>, Asked(wish): Asked<Wish>) -> Result<Json<ProviderPage>, Refused> {
    let states = app.0.matrix.providers(wish.look).await;
    Ok(Json(ProviderPage { items: states.into_iter().map(ProviderView::of).collect(), cursor: None }))
}

impl ProviderView {
    fn of(state: ProviderState) -> Self {
        let ProviderState { settings, simulated, looked, models } = state;
        let looked = looked.as_ref();
        Self {
            address: looked.and_then(|looked| looked.address.clone()),
            reachable: looked.and_then(|looked| looked.reachable),
            authorised: looked.and_then(|looked| looked.authorised),
            detail: looked.map(|looked| looked.detail.clone()),
            took_ms: looked.map(|looked: &Looked| rounded(looked.took.as_secs_f64() * 1_000.0)),
            looked_s_ago: looked.map(|looked| looked.age.as_secs()),
            limits: ProviderLimits {
                in_flight_max: settings.in_flight_max,
                queue_max: settings.queue_max,
                timeout_ms: settings.timeout_ms,
                connect_ms: settings.connect_ms,
                pool_max: settings.pool_max,
            },
            models: models.into_iter().map(ModelView::of).collect(),
            name: settings.name,
            kind: settings.kind,
            simulated,
        }
    }
}

impl ModelView {
    fn of(state: ModelState) -> Self {
        let ModelState { id, upstream_name, family, price, health } = state;
        let recent = health.recent;
        Self {
            id,
            upstream_name,
            family,
            breaker: health.breaker_name(),
            parked_ms: health.parked.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            up: health.up,
            limit: health.load.limit,
            in_flight: health.load.in_flight,
            waiting: health.load.waiting,
            calls: recent.calls,
            failed: recent.failed,
            error_rate: (recent.calls > 0).then(|| recent.failed as f64 / recent.calls as f64),
            first_token_ms: recent.first_token_ms.map(Times::of),
            answer_ms: recent.answer_ms.map(Times::of),
            price: price.map(PriceView::of),
            context_tokens: health.context_tokens,
            output_tokens_max: health.output_tokens_max,
            prompt_bytes_max: health.prompt_bytes_max,
            rpm: health.rpm,
            tpm: health.tpm,
        }
    }
}

impl Times {
    fn of(times: Quantiles) -> Self {
        let Quantiles { p50, p90, p95, p99, .. } = times;
        Self { p50: rounded(p50), p90: rounded(p90), p95: rounded(p95), p99: rounded(p99) }
    }
}

impl PriceView {
    fn of(price: Price) -> Self {
        let shown = |(name, rate): (_, Option<Decimal>)| (name, rate.map(|rate| rate.normalize().to_string()));
        let rates = |rates: Rates| rates.parts().into_iter().map(shown).collect();
        let long = price.long.map(|it| LongView { above_tokens: it.above_tokens, rates: rates(it.rates) });
        Self { rates: rates(price.rates), long }
    }
}

/// Milliseconds with three digits behind the point: more would claim what no clock tells.
fn rounded(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}
