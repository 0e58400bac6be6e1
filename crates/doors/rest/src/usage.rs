//! `/api/v1/usage`: what was used and spent; `/api/v1/calls`: call by call. Both also as comma-separated values.

use crate::{Listed, Refused, Services, moment};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json};
use books::{BooksError, By, CallQuery, CallRow, CsvRow, UsageQuery, UsageRow, csv};
use caller::{Guest, Role};
use http::{Method, header};
use routes::{Asked, Need, Row, describe};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::Page;

/// Sums are grouped by this, unless the query says otherwise.
const BY_USUAL: &str = "day,model";

/// Which sums, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageWanted {
    by: Option<String>,
    from: Option<String>,
    to: Option<String>,
    tenant: Option<String>,
    #[serde(alias = "subject")]
    key: Option<String>,
    model: Option<String>,
    format: Option<Format>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Which calls, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallsWanted {
    tenant: Option<String>,
    #[serde(alias = "subject")]
    key: Option<String>,
    model: Option<String>,
    outcome: Option<String>,
    request_id: Option<String>,
    since: Option<String>,
    until: Option<String>,
    format: Option<Format>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// How a list is answered.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Csv,
}

const USAGE: [(&str, &str); 9] = [
    ("by", "what to sum by, of `day`, `tenant`, `key` and `model`; `day,model` if left out"),
    ("from", "the first day, as `2026-11-01`"),
    ("to", "the last day"),
    ("tenant", "only this tenant"),
    ("key", "only this key, by its id"),
    ("model", "only this model, as `provider/model`"),
    ("format", "`json` or `csv`; the cursor of a page of values is in the header `x-althing-cursor`"),
    ("limit", "entries per page, at most 1000"),
    ("cursor", "`cursor` of the page before"),
];
const CALLS: [(&str, &str); 10] = [
    ("tenant", "only this tenant"),
    ("key", "only this key, by its id"),
    ("model", "only this model, as `provider/model`"),
    ("outcome", "only `answered`, `failed`, `timed_out` or `cancelled`"),
    ("request_id", "only this request"),
    ("since", "not before this moment, as `2026-11-21T09:30:00Z`"),
    ("until", "before this moment"),
    ("format", "`json` or `csv`; the cursor of a page of values is in the header `x-althing-cursor`"),
    ("limit", "entries per page, at most 1000"),
    ("cursor", "`cursor` of the page before"),
];

pub(crate) fn rows() -> Vec<Row<Services>> {
    let sums = describe::list::<UsageRow>("What was used and spent", &USAGE);
    let calls = describe::list::<CallRow>("Calls of models, the newest first", &CALLS);
    vec![
        Row::new(Method::GET, "/api/v1/usage", Need::Role(Role::Viewer), get(usage), sums),
        Row::new(Method::GET, "/api/v1/calls", Need::Role(Role::Operator), get(list), calls),
    ]
}

/// What to group by, as it is written.
fn groups(text: &str) -> Result<Vec<By>, BooksError> {
    let one = |word: &str| match word {
        "day" => Ok(By::Day),
        "tenant" => Ok(By::Tenant),
        "key" | "subject" => Ok(By::Subject),
        "model" => Ok(By::Model),
        _ => {
            let hint = "write some of `day`, `tenant`, `key`, `model`, parted by commas";
            Err(BooksError::Invalid { param: "by", problem: "nothing that is summed by".to_owned(), hint })
        }
    };
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(one).collect()
}

async fn usage(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<UsageWanted>,
) -> Result<Response, Refused> {
    let query = UsageQuery {
        by: groups(wanted.by.as_deref().unwrap_or(BY_USUAL))?,
        from_day: wanted.from,
        to_day: wanted.to,
        tenant: wanted.tenant.map(Arc::from),
        subject: wanted.key.map(Arc::from),
        model: wanted.model.map(Arc::from),
    };
    let page = services.books.usage(&guest.identity, &query, wanted.cursor.as_deref(), wanted.limit).await?;
    Ok(told(page, wanted.format))
}

async fn list(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<CallsWanted>,
) -> Result<Response, Refused> {
    let query = CallQuery {
        tenant: wanted.tenant.map(Arc::from),
        subject: wanted.key.map(Arc::from),
        model: wanted.model.map(Arc::from),
        outcome: wanted.outcome.map(Arc::from),
        request_id: wanted.request_id.map(Arc::from),
        since_ms: moment("since", wanted.since.as_deref())?,
        until_ms: moment("until", wanted.until.as_deref())?,
    };
    let page = services.books.calls(&guest.identity, &query, wanted.cursor.as_deref(), wanted.limit).await?;
    Ok(told(page, wanted.format))
}

fn told<T: CsvRow + Serialize>(page: Page<T>, format: Option<Format>) -> Response {
    let Some(Format::Csv) = format else { return Json(Listed::<T>::of(page)).into_response() };
    let mut response = csv(&page.entries).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    if let Some(cursor) = page.cursor.and_then(|cursor| cursor.try_into().ok()) {
        headers.insert("x-althing-cursor", cursor);
    }
    response
}
