//! `/api/v1/keys`: who may ask; and `/api/v1/whoami`: who asks now.

use crate::{Listed, Refused, Services};
use access::{AccessError, KeyRecord, NewKey, parse_expiry};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json};
use calendar::{now_ms, rfc3339};
use caller::{Guest, Role};
use http::{HeaderValue, Method, StatusCode, header};
use routes::{Asked, Name, Need, Row, Sent, describe};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a key; the key itself is shown once, when it is made.
#[derive(Debug, Serialize, JsonSchema)]
struct KeyView {
    /// Its id.
    id: String,
    /// The key; only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// How it begins.
    prefix: String,
    /// Whose data it opens.
    tenant: String,
    /// What it may do: `viewer`, `user`, `operator` or `admin`.
    role: String,
    /// What it is for.
    name: Option<String>,
    /// When it was made.
    created_at: String,
    /// Who made it.
    created_by: String,
    /// When it ends.
    expires_at: Option<String>,
    /// When it was taken back.
    revoked_at: Option<String>,
    /// Requests per minute.
    rpm: Option<u32>,
    /// How often it was changed.
    version: i64,
}

impl From<KeyRecord> for KeyView {
    fn from(record: KeyRecord) -> Self {
        Self {
            id: record.id.to_string(),
            key: None,
            prefix: record.prefix,
            tenant: record.tenant.to_string(),
            role: record.role.name().to_owned(),
            name: record.name,
            created_at: rfc3339(record.created_ms),
            created_by: record.created_by,
            expires_at: record.expires_ms.map(rfc3339),
            revoked_at: record.revoked_ms.map(rfc3339),
            rpm: record.rpm,
            version: record.version,
        }
    }
}

/// A key to make.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyWanted {
    /// What it may do: `viewer`, `user`, `operator` or `admin`.
    role: String,
    /// Whose data it opens; your own tenant if left out.
    tenant: Option<String>,
    /// When it ends: a span (`30d`), a date or a moment of UTC.
    expires: Option<String>,
    /// What it is for, in a few words.
    name: Option<String>,
    /// The most requests per minute.
    rpm: Option<u32>,
}

/// Which keys, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tenant: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
struct WhoView {
    /// The id of the key, or the subject of a token.
    subject: String,
    /// Its tenant.
    tenant: String,
    /// Its role.
    role: String,
}

const PAGE: [(&str, &str); 3] = [
    ("tenant", "only this tenant's"),
    ("limit", "entries per page, at most 1000"),
    ("cursor", "`cursor` of the page before"),
];
const ID: [(&str, &str); 1] = [("{id}", "the id of the key, or how the key begins")];

pub(crate) fn rows() -> Vec<Row<Services>> {
    let admin = Need::Role(Role::Admin);
    let (all, one) = ("/api/v1/keys", "/api/v1/keys/{id}");
    let make = describe::sent::<KeyWanted, KeyView>("Make a key, which is shown this once", "201");
    let who = describe::one::<WhoView>("Who asks", &[]);
    vec![
        Row::new(Method::GET, "/api/v1/whoami", Need::Role(Role::Viewer), get(whoami), who),
        Row::new(Method::POST, all, admin, post(create), make),
        Row::new(Method::GET, all, admin, get(list), describe::list::<KeyView>("All keys, the oldest first", &PAGE)),
        Row::new(Method::GET, one, admin, get(show), describe::one::<KeyView>("One key", &ID)),
        Row::new(Method::DELETE, one, admin, delete(revoke), describe::one::<KeyView>("Take a key back", &ID)),
    ]
}

async fn whoami(Extension(guest): Extension<Guest>) -> Json<WhoView> {
    let identity = &guest.identity;
    let role = identity.role.name().to_owned();
    Json(WhoView { subject: identity.subject.to_string(), tenant: identity.tenant.to_string(), role })
}

async fn create(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Sent(wanted): Sent<KeyWanted>,
) -> Result<Response, Refused> {
    let hint = "write `viewer`, `user`, `operator` or `admin`";
    let unknown = |_| AccessError::Invalid { param: "role", problem: "no role".to_owned(), hint };
    let expires_ms = wanted.expires.map(|text| parse_expiry(&text, now_ms())).transpose()?;
    let new = NewKey {
        tenant: wanted.tenant.unwrap_or_else(|| guest.identity.tenant.to_string()),
        role: wanted.role.parse().map_err(unknown)?,
        name: wanted.name,
        expires_ms,
        rpm: wanted.rpm,
    };
    let created = services.keys.create(&guest.identity, new).await?;
    let key = Some(created.key.expose().to_owned());
    let mut response = (StatusCode::CREATED, Json(KeyView { key, ..created.record.into() })).into_response();
    // A cache that kept the answer would keep the key.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn list(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<KeyView>>, Refused> {
    let (tenant, cursor) = (wanted.tenant.as_deref(), wanted.cursor.as_deref());
    let page = services.keys.list(&guest.identity, tenant, cursor, wanted.limit).await?;
    Ok(Json(Listed::of(page)))
}

async fn show(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Name(id): Name,
) -> Result<Json<KeyView>, Refused> {
    Ok(Json(services.keys.get(&guest.identity, &id).await?.into()))
}

async fn revoke(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Name(id): Name,
) -> Result<Json<KeyView>, Refused> {
    Ok(Json(services.keys.revoke(&guest.identity, &id).await?.into()))
}
