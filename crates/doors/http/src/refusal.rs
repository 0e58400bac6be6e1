//! Every refusal: its status and its wording, in the shape that the path's clients understand.
//!
//! Under `/v1` errors have OpenAI's shape, under `/mcp` that of JSON-RPC, elsewhere they are problem JSON (RFC 9457).

use crate::app::App;
use crate::dialects;
use crate::gatekeeper::Arrival;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use fault::{Explain, Kind, Retry, nearest};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use wire::Dialect;
use wire::openai::{Attempt, ErrorBody, ErrorDetail};

/// The most characters of a refusal's message: what it repeats may come from the request.
const MESSAGE_CHARS_MAX: usize = 2_000;
/// The most characters of a path, a method or a name that are repeated.
const SHOWN_CHARS_MAX: usize = 200;

/// JSON-RPC's numbers for a request that cannot be served, and for a server that cannot serve it.
const INVALID_REQUEST: i32 = -32_600;
const INTERNAL_ERROR: i32 = -32_603;

/// Why a request is not served.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: Option<String>,
    param: Option<String>,
    retry: Retry,
    attempts: Vec<Attempt>,
    agreement: Option<Value>,
    /// The version that is there now, where somebody wanted to change another.
    version: Option<i64>,
    /// Models have been asked, and asked again: the client need not.
    retried: bool,
}

/// The one place where kinds become statuses.
pub(crate) fn status(kind: Kind) -> StatusCode {
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

impl Refusal {
    pub(crate) fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: status(kind),
            code,
            message: cut(message.into(), MESSAGE_CHARS_MAX),
            hint: None,
            param: None,
            retry: Retry::Never,
            attempts: Vec::new(),
            agreement: None,
            version: None,
            retried: false,
        }
    }

    pub(crate) fn of(error: &impl Explain) -> Self {
        Self {
            hint: error.hint(),
            param: error.param(),
            retry: error.retry(),
            ..Self::new(error.kind(), error.code(), error.to_string())
        }
    }

    /// What the engine could not answer, with every attempt it made.
    pub(crate) fn of_ask(error: &matrix::AskError) -> Self {
        let agreement = match error {
            matrix::AskError::Disagreement { agreement, .. } => serde_json::to_value(agreement).ok(),
            _ => None,
        };
        Self { attempts: error.attempts().to_vec(), agreement, retried: true, ..Self::of(error) }
    }

    pub(crate) fn version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    pub(crate) fn status_is(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    fn sentence(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// OpenAI's shape, as a value: a reply's body or an event of a stream.
    pub(crate) fn openai_body(&self, request_id: &str) -> Value {
        let detail = ErrorDetail {
            message: self.sentence(),
            class: class(self.status),
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

    fn problem(&self, path: &str, request_id: &str) -> Value {
        let mut problem = json!({
            "type": "about:blank", "title": self.status.canonical_reason(), "status": self.status.as_u16(),
            "detail": self.sentence(), "instance": shown(path), "code": self.code, "request_id": request_id,
        });
        if let Some(param) = &self.param {
            problem["param"] = param.as_str().into();
        }
        if let Some(version) = self.version {
            problem["version"] = version.into();
        }
        problem
    }

    /// JSON-RPC's shape: of any other, MCP's clients tell the people before them nothing.
    fn json_rpc(&self, request_id: &str) -> Value {
        let number = if self.status.is_server_error() { INTERNAL_ERROR } else { INVALID_REQUEST };
        let data = json!({ "code": self.code, "request_id": request_id });
        let error = json!({ "code": number, "message": self.sentence(), "data": data });
        json!({ "jsonrpc": "2.0", "id": null, "error": error })
    }

    /// In the shape that belongs to a dialect.
    pub(crate) fn in_dialect(&self, dialect: Dialect, request_id: &str) -> Response {
        self.respond("application/json", &dialects::error(dialect, &self.openai_body(request_id)))
    }

    /// In the shape that belongs to a path.
    pub(crate) fn for_path(&self, path: &str, request_id: &str) -> Response {
        let below = |top: &str| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(dialect) = dialect(path) {
            return self.in_dialect(dialect, request_id);
        }
        if below("/mcp") {
            return self.respond("application/json", &self.json_rpc(request_id));
        }
        self.respond("application/problem+json", &self.problem(path, request_id))
    }

    fn respond(&self, content_type: &'static str, body: &Value) -> Response {
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Retry::After(wait) = self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64));
        } else if self.retried {
            // OpenAI's clients retry on their own; we have done that already.
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }
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

/// As much of a client's text as is repeated.
pub(crate) fn shown(text: &str) -> String {
    cut(text.to_owned(), SHOWN_CHARS_MAX)
}

/// The beginning of a text, without the keys that somebody may have typed into it.
fn cut(text: String, chars_max: usize) -> String {
    let mut text = access::without_keys(&text).into_owned();
    if let Some((at, _)) = text.char_indices().nth(chars_max) {
        text.truncate(at);
        text.push('…');
    }
    text
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
    let wanted = app.methods(path).join(" or ");
    let message = format!("`{}` is not served at `{}`", shown(request.method().as_str()), shown(path));
    let refusal = Refusal::new(Kind::BadInput, "method_not_allowed", message).hint(format!("use {wanted}"));
    refusal.status_is(StatusCode::METHOD_NOT_ALLOWED).for_path(path, &arrival.id)
}
