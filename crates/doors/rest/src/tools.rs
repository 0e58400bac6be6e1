//! `/api/v1/tools` and `/api/v1/upstreams`: the catalogue of tools, listed, searched, filled, called. What a caller may
//! not see does not exist for it; that is decided in the catalogue, not here.

mod views;

use crate::Refused;
use ::audit::{Audit, Entry};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json};
use caller::{Guest, Identity, Role};
use fault::Kind as Trouble;
use http::{HeaderValue, Method, StatusCode, header};
use routes::{Asked, Asking, Name, Need, Refusal, Row, Sent, Terms, body, describe};
use serde_json::{Value, json};
use std::sync::Arc;
use toolbox::{Call, Defaults, Detail, Find, Format, Kind, Toolbox, ToolboxError, Wanted};
use views::{
    DomainView, FoundView, Importing, InfoView, ListedView, Pick, Removal, ReportView, Run, RunView, Search,
    StatisticsView, UpstreamView, Usage, UsageView, Which,
};

/// What the resources stand on.
#[derive(Clone)]
struct Shelf {
    toolbox: Arc<Toolbox>,
    audit: Arc<Audit>,
}

/// The catalogue of tools as resources.
pub fn rows(toolbox: &Arc<Toolbox>, audit: &Arc<Audit>) -> Vec<Row> {
    let shelf = Shelf { toolbox: Arc::clone(toolbox), audit: Arc::clone(audit) };
    let (viewer, user, operator) = (Need::Role(Role::Viewer), Need::Role(Role::User), Need::Role(Role::Operator));
    let row = |method, path, need, handler, operation| Row::new(method, path, need, handler, operation);
    let all = [
        row(Method::GET, "/api/v1/tools", viewer, get(list), describe::list::<ListedView>("Tools, by id", &PAGE)),
        row(Method::POST, "/api/v1/tools/search", viewer, post(search), searching()),
        row(Method::POST, "/api/v1/tools/import", operator, post(import), importing()),
        row(Method::GET, "/api/v1/tools/domains", viewer, get(domains), describe::list::<DomainView>(DOMAINS, &[])),
        row(
            Method::GET,
            "/api/v1/tools/statistics",
            viewer,
            get(statistics),
            describe::one::<StatisticsView>(STATS, &[]),
        ),
        row(
            Method::DELETE,
            "/api/v1/tools/usage",
            operator,
            delete(forget),
            describe::one::<UsageView>(FORGET, &USAGE),
        ),
        row(Method::GET, "/api/v1/tools/resource", viewer, get(resource), describe::one::<Value>(READ, &URI)),
        row(Method::GET, "/api/v1/tools/{id}", viewer, get(show), describe::one::<InfoView>("A tool in full", &ID)),
        row(Method::DELETE, "/api/v1/tools/{id}", operator, delete(remove), describe::gone("Remove a tool", &REMOVAL)),
        row(Method::POST, "/api/v1/tools/{id}/execute", user, post(execute), executing()),
        row(Method::GET, "/api/v1/upstreams", viewer, get(upstreams), describe::list::<UpstreamView>(SERVERS, &[])),
        row(Method::DELETE, "/api/v1/upstreams/{name}", operator, delete(drop_upstream), describe::gone(GONE, &NAME)),
    ];
    all.into_iter().map(|row| row.with_state(&shelf)).collect()
}

const PAGE: [(&str, &str); 7] = [
    ("server", "only tools of this server"),
    ("domain", "only tools of this domain"),
    ("tag", "only tools with this tag"),
    ("type", "only tools of this kind: `mcp`, `function`, `code_exec`, `agent`, `tool`, `http`"),
    ("tenant", "only tools of this tenant, for those who see all"),
    ("limit", "entries per page, at most 1000"),
    ("cursor", "`cursor` of the page before"),
];
const ID: [(&str, &str); 1] = [("{id}", "the id of the tool")];
const NAME: [(&str, &str); 1] = [("{name}", "the name of the server")];
const URI: [(&str, &str); 1] = [("uri!", "what `resource_link.uri` of a result says, or `tool://` and an id")];
const USAGE: [(&str, &str); 1] = [("id", "only what led to this tool")];
const REMOVAL: [(&str, &str); 3] = [
    ("{id}", "the id of the tool"),
    ("version", "how often it must have been changed: `version` of the list, `revision` of the tool"),
    ("tenant", "whose it is, for those who see all"),
];
const IMPORT: [(&str, &str); 11] = [
    ("format", "`jsonl`, `json`, `openapi` or `mcp`; seen from the document where it is left out"),
    ("server", "who offers the tools, where the document does not say"),
    ("tenant", "whose they are; everybody's where it is left out"),
    ("role", "who may find and call them, at least; `user` where it is left out"),
    ("tags", "words to filter by, with commas between"),
    ("domain", "what they are about"),
    ("base_url", "for OpenAPI: where the API is"),
    ("credential", "for OpenAPI: the name of a `[[tools.credential]]`"),
    ("timeout_ms", "for OpenAPI: how long a call may take"),
    ("trust_read_only", "`true`: tools that say that they change nothing are believed"),
    ("replace", "`true`: tools of the same server that are not in the document are removed"),
];
const DOMAINS: &str = "Domains, how many tools each has, and the words that put tools there";
const STATS: &str = "The catalogue in figures";
const FORGET: &str = "Forget which questions led to tools, in your tenant";
const READ: &str = "Read a result that was too large for an answer, or a tool's definition";
const SERVERS: &str = "Servers that configuration files have named";
const GONE: &str = "Forget a server";

fn searching() -> Value {
    describe::sent::<Search, FoundView>("Find tools for something that is to be done", "200")
}

fn executing() -> Value {
    describe::sent_to::<Run, RunView>("Call a tool", &ID, "200")
}

/// The body is a document of any of the formats.
fn importing() -> Value {
    let about = "Take in tools: JSON Lines, a JSON list, an OpenAPI document or the configuration of an MCP client";
    let mut operation = describe::one::<ReportView>(about, &IMPORT);
    operation["requestBody"] = json!({ "required": true, "content": {
        "application/x-ndjson": { "schema": { "type": "string" } },
        "application/json": { "schema": {} },
        "application/yaml": { "schema": { "type": "string" } },
    } });
    operation
}

impl From<ToolboxError> for Refused {
    fn from(error: ToolboxError) -> Self {
        let refusal = Refusal::of(&error);
        Self(Arc::new(match error {
            ToolboxError::Stale { version, .. } => refusal.version(version),
            _ => refusal,
        }))
    }
}

/// A parameter that is none of the words it may be.
fn invalid(name: &str, value: &str, hint: &str) -> Refused {
    let message = format!("`{name}` is no `{}`", routes::shown(value));
    Box::new(Refusal::new(Trouble::BadInput, "invalid_parameter", message).hint(hint)).into()
}

async fn list(
    State(shelf): State<Shelf>,
    Extension(guest): Extension<Guest>,
    Asked(which): Asked<Which>,
) -> Result<Json<Value>, Refused> {
    let hint = "write `mcp`, `function`, `code_exec`, `agent`, `tool` or `http`";
    let kind = which.kind.as_deref();
    let kind = kind.map(|word| Kind::named(word).ok_or_else(|| invalid("type", word, hint))).transpose()?;
    let Which { server, domain, tag, tenant, limit, cursor, .. } = which;
    let wanted = Wanted { server, domain, tag, kind, tenant, cursor, limit };
    let mut page = shelf.toolbox.list(&guest.identity, &wanted).await?;
    // Lists of this API have one name for their entries.
    if let Some(items) = page.get_mut("data").map(Value::take) {
        page = json!({ "items": items, "cursor": page["cursor"], "catalog_version": page["catalog_version"] });
    }
    Ok(Json(page))
}

async fn show(
    State(shelf): State<Shelf>,
    Extension(guest): Extension<Guest>,
    Name(id): Name,
) -> Result<Json<Value>, Refused> {
    Ok(Json(shelf.toolbox.get(&guest.identity, &id).await?.shown()))
}

async fn remove(
    State(shelf): State<Shelf>,
    Extension(guest): Extension<Guest>,
    Name(id): Name,
    Asked(removal): Asked<Removal>,
) -> Result<StatusCode, Refused> {
    shelf.toolbox.remove(&guest.identity, removal.tenant.as_deref(), &id, removal.version).await?;
    shelf.record(&guest.identity, "tools.removed", &id, json!({ "tenant": removal.tenant })).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn search(
    State(shelf): State<Shelf>,
    Asking(caller): Asking,
    Sent(wanted): Sent<Search>,
) -> Result<Json<toolbox::Answer>, Refused> {
    let usual = Find::default();
    let hint = "write `names`, `summary` or `schema`";
    let detail = wanted.detail.as_deref().map(|word| Detail::named(word).ok_or_else(|| invalid("detail", word, hint)));
    let find = Find {
        query: wanted.query,
        limit: wanted.limit.unwrap_or(usual.limit),
        server: wanted.server,
        tags: wanted.tags,
        read_only: wanted.read_only,
        domain: wanted.domain,
        detail: detail.transpose()?.unwrap_or_default(),
        // A program counts tools, not tokens.
        max_tokens: wanted.max_tokens.unwrap_or(usize::MAX),
    };
    Ok(Json(shelf.toolbox.find(&caller, &find).await?))
}

async fn execute(
    State(shelf): State<Shelf>,
    Asking(caller): Asking,
    Name(id): Name,
    Sent(run): Sent<Run>,
) -> Result<Json<Value>, Refused> {
    let Run { arguments, idempotency_key, query, read_only } = run;
    let call = Call { id, arguments, idempotency_key, query, read_only };
    Ok(Json(shelf.toolbox.call(&caller, call).await?))
}

async fn import(
    State(shelf): State<Shelf>,
    Extension(guest): Extension<Guest>,
    Extension(terms): Extension<Arc<Terms>>,
    Asked(asked): Asked<Importing>,
    request: Request<Body>,
) -> Result<Json<toolbox::Report>, Refused> {
    let hint = "write `jsonl`, `json`, `openapi` or `mcp`";
    let format = asked.format.as_deref();
    let format = format.map(|word| Format::named(word).ok_or_else(|| invalid("format", word, hint))).transpose()?;
    let defaults = defaults(asked)?;
    let (parts, body) = request.into_parts();
    let bytes = body::read(&parts.headers, body, &terms).await?;
    let target = defaults.server.clone().unwrap_or_else(|| "catalogue".to_owned());
    let report = shelf.toolbox.import(&guest.identity, &bytes, format, defaults).await?;
    let (added, changed, removed) = (report.added, report.changed, report.removed);
    let detail = json!({ "format": report.format, "added": added, "changed": changed, "removed": removed });
    shelf.record(&guest.identity, "tools.imported", &target, detail).await;
    Ok(Json(report))
}

fn defaults(asked: Importing) -> Result<Defaults, Refused> {
    let hint = "write `viewer`, `user`, `operator` or `admin`";
    let role = asked.role.as_deref().map(|word| word.parse().map_err(|_| invalid("role", word, hint))).transpose()?;
    let tags = asked.tags.as_deref().unwrap_or_default().split(',').map(str::trim);
    Ok(Defaults {
        server: asked.server,
        tenant: asked.tenant.map(Arc::from),
        role: role.unwrap_or(Role::User),
        tags: tags.filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        domain: asked.domain,
        base_url: asked.base_url,
        document_url: asked.document_url,
        credential: asked.credential,
        timeout_ms: asked.timeout_ms,
        trust_read_only: asked.trust_read_only,
        replace: asked.replace,
    })
}

async fn domains(State(shelf): State<Shelf>, Extension(guest): Extension<Guest>) -> Json<Value> {
    Json(json!({ "items": shelf.toolbox.domains(&guest.identity), "cursor": null }))
}

async fn statistics(State(shelf): State<Shelf>, Extension(guest): Extension<Guest>) -> Json<toolbox::Statistics> {
    Json(shelf.toolbox.statistics(&guest.identity))
}

async fn forget(
    State(shelf): State<Shelf>,
    Extension(guest): Extension<Guest>,
    Asked(usage): Asked<Usage>,
) -> Result<Json<Value>, Refused> {
    let forgotten = shelf.toolbox.forget(&guest.identity, usage.id.as_deref()).await?;
    let target = usage.id.unwrap_or_else(|| "catalogue".to_owned());
    shelf.record(&guest.identity, "tools.forgotten", &target, json!({ "questions": forgotten })).await;
    Ok(Json(json!({ "forgotten": forgotten })))
}

async fn resource(
    State(shelf): State<Shelf>,
    Asking(caller): Asking,
    Asked(pick): Asked<Pick>,
) -> Result<Response, Refused> {
    let content = shelf.toolbox.resource(&caller, &pick.uri).await?;
    let mime = HeaderValue::from_str(&content.mime);
    let mut response = content.bytes.into_response();
    // A page of ours must not run what some tool has answered.
    response.headers_mut().insert(header::CONTENT_TYPE, mime.unwrap_or(HeaderValue::from_static(BYTES)));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    Ok(response)
}

const BYTES: &str = "application/octet-stream";

async fn upstreams(State(shelf): State<Shelf>, Extension(guest): Extension<Guest>) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({ "items": shelf.toolbox.upstreams(&guest.identity).await?, "cursor": null })))
}

async fn drop_upstream(
    State(shelf): State<Shelf>,
    Extension(guest): Extension<Guest>,
    Name(name): Name,
) -> Result<StatusCode, Refused> {
    shelf.toolbox.remove_upstream(&guest.identity, &name).await?;
    shelf.record(&guest.identity, "upstreams.removed", &name, json!({})).await;
    Ok(StatusCode::NO_CONTENT)
}

impl Shelf {
    /// Writes down what was done; that it could not be written undoes nothing.
    async fn record(&self, who: &Identity, action: &'static str, target: &str, detail: Value) {
        let (actor, tenant) = (Arc::clone(&who.subject), Arc::clone(&who.tenant));
        let entry = Entry { actor, tenant, action, target: target.to_owned(), detail };
        if let Err(error) = self.audit.record(entry).await {
            tracing::warn!(%error, action, "the audit log could not be told");
        }
    }
}

#[cfg(test)]
mod tests;
