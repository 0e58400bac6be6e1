//! Every refusal: its status and its wording, in the shape that the path's clients understand.
//!
//! Under `/v1` errors have OpenAI's shape, under `/mcp` that of JSON-RPC, elsewhere they are problem JSON (RFC 9457).

use crate::app::App;
use crate::dialects;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use fault::{Kind, Retry, nearest};
use http::{HeaderValue, StatusCode, header};
use routes::{Arrival, Refusal, shown};
use serde_json::{Value, json};
use wire::Dialect;
use wire::openai::{ErrorBody, ErrorDetail};

/// JSON-RPC's numbers for a request that cannot be served, and for a server that cannot serve it.
const INVALID_REQUEST: i32 = -32_600;
const INTERNAL_ERROR: i32 = -32_603;

/// The one place where kinds become statuses.
fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::BadInput => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::Budget => StatusCode::PAYMENT_REQUIRED,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Semantics => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Overloaded | Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Deadline => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What the engine could not answer, with every attempt it made.
pub(crate) fn of_ask(error: &matrix::AskError) -> Refusal {
    let agreement = match error {
        matrix::AskError::Disagreement { agreement, .. } => serde_json::to_value(agreement).ok(),
        _ => None,
    };
    Refusal { attempts: error.attempts().to_vec(), agreement, retried: true, ..Refusal::of(error) }
}

/// A refusal in the shapes that clients understand.
pub(crate) trait Shaped {
    /// OpenAI's shape, as a value: a reply's body or an event of a stream.
    fn openai_body(&self, request_id: &str) -> Value;
    /// In the shape that belongs to a dialect.
    fn in_dialect(&self, dialect: Dialect, request_id: &str) -> Response;
    /// In the shape that belongs to a path.
    fn for_path(&self, path: &str, request_id: &str) -> Response;
}

impl Shaped for Refusal {
    fn openai_body(&self, request_id: &str) -> Value {
        let detail = ErrorDetail {
            message: sentence(self),
            class: class(status_of(self)),
            param: self.param.clone(),
            code: self.code,
            request_id: request_id.to_owned(),
            attempts: self.attempts.clone(),
        };
        let mut body = json!(ErrorBody { error: detail });
        if let Some(agreement) = &self.agreement {
            body["althing"] = json!({ "agreement": agreement });
        }
        body
    }

    fn in_dialect(&self, dialect: Dialect, request_id: &str) -> Response {
        respond(self, "application/json", &dialects::error(dialect, &self.openai_body(request_id)))
    }

    fn for_path(&self, path: &str, request_id: &str) -> Response {
        let below = |top: &str| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(dialect) = dialect(path) {
            return self.in_dialect(dialect, request_id);
        }
        if below("/mcp") {
            return respond(self, "application/json", &json_rpc(self, request_id));
        }
        respond(self, "application/problem+json", &problem(self, path, request_id))
    }
}

/// The status of a refusal.
fn status_of(refusal: &Refusal) -> StatusCode {
    refusal.status.unwrap_or_else(|| status(refusal.kind))
}

/// What went wrong and what to do, without the keys that somebody may have typed into it.
fn sentence(refusal: &Refusal) -> String {
    let message = access::without_keys(&refusal.message);
    match &refusal.hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message.into_owned(),
    }
}

fn problem(refusal: &Refusal, path: &str, request_id: &str) -> Value {
    let status = status_of(refusal);
    let mut problem = json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
        "detail": sentence(refusal), "instance": access::without_keys(&shown(path)), "code": refusal.code,
        "request_id": request_id,
    });
    if let Some(param) = &refusal.param {
        problem["param"] = param.as_str().into();
    }
    for (name, value) in &refusal.more {
        problem[name] = value.clone();
    }
    problem
}

/// JSON-RPC's shape: of any other, MCP's clients tell the people before them nothing.
fn json_rpc(refusal: &Refusal, request_id: &str) -> Value {
    let number = if status_of(refusal).is_server_error() { INTERNAL_ERROR } else { INVALID_REQUEST };
    let data = json!({ "code": refusal.code, "request_id": request_id });
    let error = json!({ "code": number, "message": sentence(refusal), "data": data });
    json!({ "jsonrpc": "2.0", "id": null, "error": error })
}

fn respond(refusal: &Refusal, content_type: &'static str, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status_of(refusal);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status_of(refusal) == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Retry::After(wait) = refusal.retry {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64));
    } else if refusal.retried {
        // OpenAI's clients retry on their own; we have done that already.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    response
}

/// The dialect that is spoken at a path, if any is.
fn dialect(path: &str) -> Option<Dialect> {
    let below = |top: &str| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below("/v1/messages") {
        return Some(Dialect::Messages);
    }
    if below("/v1") {
        return Some(Dialect::Chat);
    }
    crate::ollama::PATHS.contains(&path).then_some(Dialect::Ollama)
}

/// OpenAI's class of error for a status.
fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

pub(crate) async fn no_such_path(
    State(app): State<App>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
) -> Response {
    let path = shown(request.uri().path());
    let near = nearest(&path, app.paths(), 1);
    let hint = match near.first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`GET /` names what is served".to_owned(),
    };
    let refusal = Refusal::new(Kind::NotFound, "path_not_found", format!("nothing is served at `{path}`")).hint(hint);
    refusal.for_path(request.uri().path(), &arrival.id)
}

pub(crate) async fn wrong_method(
    State(app): State<App>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
) -> Response {
    let path = request.uri().path();
    let methods = app.methods(path);
    let wanted = methods.join(" or ");
    let message = format!("`{}` is not served at `{}`", shown(request.method().as_str()), shown(path));
    let refusal = Refusal::new(Kind::BadInput, "method_not_allowed", message).hint(format!("use {wanted}"));
    let mut response = refusal.status_is(StatusCode::METHOD_NOT_ALLOWED).for_path(path, &arrival.id);
    // The router does not know of what is answered ahead of it.
    let allowed: Vec<&str> = methods.iter().map(|method| if *method == "GET" { "GET,HEAD" } else { method }).collect();
    if let Ok(allowed) = HeaderValue::try_from(allowed.join(",")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
