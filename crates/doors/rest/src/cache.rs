//! `/api/v1/cache`: how kept answers are doing, dropped where they are no longer right, and made before they are asked for.

use crate::{Refused, Services};
use ::cache::{Scope, Stats};
use axum::extract::State;
use axum::routing::{delete, get, post};
use axum::{Extension, Json};
use books::{PromptQuery, PromptRow};
use bytes::Bytes;
use caller::{Caller, Guest, Identity, Kept, Role, Wishes};
use fault::Kind;
use futures_util::StreamExt;
use futures_util::stream;
use http::Method;
use matrix::{AskError, KeptAnswers, Outcome, SemanticState};
use routes::{Arrival, Asked, Need, Refusal, Row, Sent, Terms, describe};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::time::Instant;
use wire::openai::ChatRequest;

const PATH: &str = "/api/v1/cache";
const WARM_PATH: &str = "/api/v1/cache/warm";
/// The most questions of one warming.
const WARM_MAX: usize = 1_000;
/// How many of them are asked at once.
const WARM_AT_ONCE: usize = 8;
/// Failures that are told in words.
const FAULTS_MAX: usize = 10;

/// Which answers to drop, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    tag: Option<String>,
    tenant: Option<String>,
}

const NAMED: [(&str, &str); 2] = [
    ("tag", "only those with this tag: a model, a route, a panel, or one of `x-althing-tags`"),
    ("tenant", "only this tenant's"),
];

/// How the cache is doing since the server started.
#[derive(Debug, Serialize, JsonSchema)]
struct CacheState {
    #[serde(flatten)]
    stats: Stats,
    /// Answers to similar questions; null where `[cache.semantic]` names no model.
    semantic: Option<SemanticState>,
}

/// What became of a drop.
#[derive(Debug, Serialize, JsonSchema)]
struct DroppedState {
    /// How many answers it took out of this server's memory. Elsewhere they are gone too, and not counted.
    dropped: u64,
    /// Whether other replicas know within a second; otherwise they will as soon as Redis is back.
    told: bool,
}

/// Questions to ask before others do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Warm {
    /// Bodies as for `/v1/chat/completions`, at most 1000.
    requests: Option<Vec<Value>>,
    /// `ledger`: the latest prompts, where settings keep them; for admins.
    from: Option<From>,
    /// How many of those, at most 1000; 100 where nothing is said.
    limit: Option<usize>,
    /// For whom `requests` are asked, where that is another tenant than one's own.
    tenant: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum From {
    Ledger,
}

/// What came of it.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Warmed {
    /// Questions asked.
    asked: usize,
    /// Those whose answer was made, and is now kept.
    made: usize,
    /// Those whose answer was kept already.
    kept: usize,
    /// Those without an answer.
    failed: usize,
    /// Why, for the first ten.
    faults: Vec<String>,
}

pub(crate) fn rows() -> Vec<Row<Services>> {
    let (viewer, operator) = (Need::Role(Role::Viewer), Need::Role(Role::Operator));
    let shown = describe::one::<CacheState>("How kept answers are doing", &[]);
    let dropped = describe::one::<DroppedState>("Drop kept answers: all that fit, on all replicas", &NAMED);
    let warmed = describe::sent::<Warm, Warmed>("Ask questions so that their answers are kept", "200");
    vec![
        Row::new(Method::GET, PATH, viewer, get(show), shown),
        Row::new(Method::DELETE, PATH, operator, delete(forget), dropped),
        Row::new(Method::POST, WARM_PATH, operator, post(warm), warmed),
    ]
}

fn answers(services: &Services) -> Result<&Arc<KeptAnswers>, Refused> {
    let refusal =
        || Box::new(Refusal::new(Kind::NotFound, "no_cache", "this server keeps no answers").hint("see `[cache]`"));
    services.matrix.answers().ok_or_else(|| refusal().into())
}

async fn show(State(services): State<Services>) -> Result<Json<CacheState>, Refused> {
    let kept = answers(&services)?;
    Ok(Json(CacheState { stats: kept.stats(), semantic: kept.similar() }))
}

async fn forget(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(named): Asked<Named>,
) -> Result<Json<DroppedState>, Refused> {
    let tenant = whose(&guest.identity, named.tenant)?;
    let scope = Scope { tenant: tenant.map(String::into_boxed_str), tag: named.tag.map(String::into_boxed_str) };
    let dropped = answers(&services)?.forget(scope).await;
    Ok(Json(DroppedState { dropped: dropped.entries, told: dropped.told }))
}

/// The tenant that is meant: none for all of them.
fn whose(who: &Identity, named: Option<String>) -> Result<Option<String>, Refused> {
    match (who.confined_to(), named) {
        (None, named) => Ok(named),
        (Some(own), None) => Ok(Some(own.to_owned())),
        (Some(own), Some(named)) if own == named => Ok(Some(named)),
        (Some(own), Some(_)) => {
            let message = format!("only answers of the tenant `{own}` are yours");
            Err(Box::new(Refusal::new(Kind::Forbidden, "other_tenant", message).hint("leave `tenant` out")).into())
        }
    }
}

async fn warm(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Extension(arrival): Extension<Arrival>,
    Extension(terms): Extension<Arc<Terms>>,
    Sent(warm): Sent<Warm>,
) -> Result<Json<Warmed>, Refused> {
    answers(&services)?;
    let bodies = match warm {
        Warm { requests: Some(requests), from: None, limit: None, tenant } => {
            let guest = in_name_of(&guest, whose(&guest.identity, tenant)?);
            requests.into_iter().map(|body| (guest.clone(), body)).collect()
        }
        Warm { requests: None, from: Some(From::Ledger), limit, tenant: None } => {
            of_ledger(&services, &guest, limit.unwrap_or(100).min(WARM_MAX)).await?
        }
        _ => {
            let refusal = Refusal::new(Kind::BadInput, "invalid_body", "it is not clear what to ask");
            let hint = "send `requests`, or `from` with a `limit`";
            return Err(Box::new(refusal.hint(hint)).into());
        }
    };
    if bodies.len() > WARM_MAX {
        let message = format!("`{}` questions are more than `{WARM_MAX}`", bodies.len());
        return Err(Box::new(Refusal::new(Kind::BadInput, "too_many", message).hint("send them in parts")).into());
    }
    let mut warmed = Warmed { asked: bodies.len(), ..Warmed::default() };
    let asked = bodies.into_iter().enumerate().map(|(at, (guest, body))| {
        // Each is a request of its own, in the ledger as in what panels have answered.
        let (services, terms, request_id) = (&services, &terms, format!("{}-{}", arrival.id, at + 1).into());
        async move { (at, ask_one(services, terms, guest, request_id, &body).await) }
    });
    let mut asked = stream::iter(asked).buffer_unordered(WARM_AT_ONCE);
    while let Some((at, told)) = asked.next().await {
        match told {
            Ok("miss") => warmed.made += 1,
            Ok(_) => warmed.kept += 1,
            Err(fault) => {
                warmed.failed += 1;
                if warmed.faults.len() < FAULTS_MAX {
                    warmed.faults.push(format!("question {}: {fault}", at + 1));
                }
            }
        }
    }
    Ok(Json(warmed))
}

/// What was asked lately, once each, for those who asked it and under the name that they used; a prompt that was cut is no
/// question.
async fn of_ledger(services: &Services, guest: &Guest, limit: usize) -> Result<Vec<(Guest, Value)>, Refused> {
    let mut page = services.books.prompts(&guest.identity, &PromptQuery::default(), None, Some(limit)).await?;
    // A request's first call asks what it asked; whoever settles a panel is asked something else afterwards.
    page.entries.reverse();
    let (mut requests, mut asked) = (HashSet::new(), HashSet::new());
    let question = |row: PromptRow| {
        let body: Value = serde_json::from_str(&row.prompt).ok().filter(|body: &Value| body["messages"].is_array())?;
        let first = requests.insert((row.tenant.clone(), row.request_id));
        (first && asked.insert((row.tenant.clone(), row.prompt))).then(|| (in_name_of(guest, Some(row.tenant)), body))
    };
    Ok(page.entries.into_iter().filter_map(question).collect())
}

/// The same guest, who pays as before, asking for a tenant.
fn in_name_of(guest: &Guest, tenant: Option<String>) -> Guest {
    let Some(tenant) = tenant else { return guest.clone() };
    let identity = Identity { tenant: tenant.into(), ..Identity::clone(&guest.identity) };
    Guest { identity: Arc::new(identity), spend: Arc::clone(&guest.spend) }
}

/// Asks one question to its end; tells where its answer came from.
async fn ask_one(
    services: &Services,
    terms: &Terms,
    guest: Guest,
    request_id: Arc<str>,
    body: &Value,
) -> Result<&'static str, String> {
    let request = ChatRequest::parse(Bytes::from(body.to_string()), &terms.chat).map_err(|error| error.to_string())?;
    let wishes = Wishes { kept: Kept::Own, ..Wishes::default() };
    let caller = Caller { request_id, deadline: Instant::now() + terms.deadline, guest, wishes };
    match services.matrix.ask(&caller, &request).await.map_err(|error: AskError| error.to_string())? {
        Outcome::Whole { report, .. } => Ok(report.cache),
        Outcome::Stream { mut stream, report, .. } => {
            while let Some(block) = stream.next().await {
                block.map_err(|error| error.to_string())?;
            }
            Ok(report.cache)
        }
    }
}
