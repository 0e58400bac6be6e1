//! `/api/v1/budgets`: what may be spent, and how it stands.

use crate::{Listed, Refused, Services};
use access::AccessError;
use axum::extract::State;
use axum::routing::{delete, get, put};
use axum::{Extension, Json};
use books::{BudgetRow, BudgetState, BudgetTarget, Period, Scope};
use caller::{Guest, Role};
use http::{Method, StatusCode};
use routes::{Asked, Need, Row, Sent, describe};
use schemars::JsonSchema;
use serde::Deserialize;
use settings::Usd;
use std::sync::Arc;

const PATH: &str = "/api/v1/budgets";

/// A budget to set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BudgetWanted {
    /// Whose money it is.
    scope: Scope,
    /// How long it has to last.
    period: Period,
    /// The tenant, of a tenant's budget.
    tenant: Option<String>,
    /// The id of the key, of a key's budget.
    #[serde(alias = "subject")]
    key: Option<String>,
    /// What may be spent, in US dollars.
    limit_usd: Usd,
    /// The version that is to be changed; 0 for a budget that is not there yet.
    version: Option<i64>,
}

/// Which budget to remove, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    scope: Scope,
    period: Period,
    tenant: Option<String>,
    #[serde(alias = "subject")]
    key: Option<String>,
    version: Option<i64>,
}

/// Which page, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    limit: Option<usize>,
    cursor: Option<String>,
}

const LIST: [(&str, &str); 2] =
    [("limit", "entries per page, at most 1000"), ("cursor", "`cursor` of the page before")];
const NAMED: [(&str, &str); 5] = [
    ("scope!", "`key`, `tenant` or `server`"),
    ("period!", "`day`, `month` or `total`"),
    ("tenant", "the tenant, of a tenant's budget"),
    ("key", "the id of the key, of a key's budget"),
    ("version", "the version that is to be removed"),
];

pub(crate) fn rows() -> Vec<Row<Services>> {
    let (viewer, operator) = (Need::Role(Role::Viewer), Need::Role(Role::Operator));
    let all = describe::list::<BudgetState>("Budgets in force and how they stand", &LIST);
    let set = describe::sent::<BudgetWanted, BudgetRow>("Set a budget", "200");
    let removed = describe::gone("Remove a budget; what settings say holds again", &NAMED);
    vec![
        Row::new(Method::GET, PATH, viewer, get(list), all),
        Row::new(Method::PUT, PATH, operator, put(set_one), set),
        Row::new(Method::DELETE, PATH, operator, delete(remove), removed),
    ]
}

async fn list(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<BudgetState>>, Refused> {
    let page = services.books.budgets(&guest.identity, wanted.cursor.as_deref(), wanted.limit).await?;
    Ok(Json(Listed::of(page)))
}

async fn set_one(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Sent(wanted): Sent<BudgetWanted>,
) -> Result<Json<BudgetRow>, Refused> {
    let BudgetWanted { scope, period, tenant, key: subject, limit_usd, version } = wanted;
    let target = whose(&services, BudgetTarget { scope, period, tenant, subject }).await?;
    Ok(Json(services.books.set_budget(&guest.identity, &target, &limit_usd, version).await?))
}

async fn remove(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(named): Asked<Named>,
) -> Result<StatusCode, Refused> {
    let Named { scope, period, tenant, key: subject, version } = named;
    let target = whose(&services, BudgetTarget { scope, period, tenant, subject }).await?;
    services.books.remove_budget(&guest.identity, &target, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the ids of keys made here begin with.
const KEY_MARK: &str = "key_";

/// A target with the tenant of its key. A key made here knows its own; of a token's subject it must be said.
async fn whose(services: &Services, mut target: BudgetTarget) -> Result<BudgetTarget, Refused> {
    let made_here = |subject: &&String| target.scope == Scope::Key && subject.starts_with(KEY_MARK);
    let Some(subject) = target.subject.as_ref().filter(made_here) else { return Ok(target) };
    let tenant = services.keys.tenant_of(subject).await.map_err(AccessError::from)?;
    let fits = |tenant: &Arc<str>| target.tenant.as_ref().is_none_or(|named| **named == **tenant);
    let Some(tenant) = tenant.filter(fits) else {
        return Err(AccessError::NotFound { what: "key", id: subject.clone() }.into());
    };
    target.tenant = Some(tenant.to_string());
    Ok(target)
}
