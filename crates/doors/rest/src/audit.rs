//! `/api/v1/audit`: what was done, by whom.

use crate::{Listed, Refused, Services, moment};
use audit::{AuditQuery, AuditRow};
use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json};
use caller::{Guest, Role};
use http::Method;
use routes::{Asked, Need, Row, describe};
use serde::Deserialize;
use std::sync::Arc;

/// Which rows, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tenant: Option<String>,
    action: Option<String>,
    actor: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// The parameters as OpenAPI describes them.
const PARAMETERS: [(&str, &str); 7] = [
    ("tenant", "only this tenant's business"),
    ("action", "only this action, such as `key.create`"),
    ("actor", "only what this subject did"),
    ("since", "not before this moment, as `2026-11-21T09:30:00Z`"),
    ("until", "before this moment"),
    ("limit", "entries per page, at most 1000"),
    ("cursor", "`cursor` of the page before"),
];

pub(crate) fn rows() -> Vec<Row<Services>> {
    let operation = describe::list::<AuditRow>("The audit log, the newest row first", &PARAMETERS);
    vec![Row::new(Method::GET, "/api/v1/audit", Need::Role(Role::Admin), get(list), operation)]
}

async fn list(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<AuditRow>>, Refused> {
    let query = AuditQuery {
        tenant: wanted.tenant.map(Arc::from),
        action: wanted.action.map(Arc::from),
        actor: wanted.actor.map(Arc::from),
        since_ms: moment("since", wanted.since.as_deref())?,
        until_ms: moment("until", wanted.until.as_deref())?,
    };
    let page = services.audit.list(&guest.identity, &query, wanted.cursor.as_deref(), wanted.limit).await?;
    Ok(Json(Listed::of(page)))
}
