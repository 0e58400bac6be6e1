//! One server and how to ask it.

use crate::RemoteError;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use net::{Client, ClientConfig, NetError};
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of an answer.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// The media type of what is sent unless somebody says otherwise.
const JSON: &str = "application/json";

/// What a handler in process answers.
pub type Answer = Pin<Box<dyn Future<Output = (StatusCode, Bytes)> + Send>>;

/// Whoever answers in process.
pub type Handler = Arc<dyn Fn(Request<Bytes>) -> Answer + Send + Sync>;

/// A server that can be asked. Cheap to clone.
#[derive(Clone)]
pub struct Server(Way);

#[derive(Clone)]
enum Way {
    Socket { root: String, key: Option<String> },
    Here(Handler),
}

impl Server {
    /// A server at an address, such as `http://127.0.0.1:8700`, asked with a key if there is one.
    pub fn at(root: &str, key: Option<String>) -> Self {
        Self(Way::Socket { root: root.trim_end_matches('/').to_owned(), key })
    }

    /// No server at all: requests are answered by this function.
    pub fn here(handler: Handler) -> Self {
        Self(Way::Here(handler))
    }

    /// Asks with JSON, or with nothing. An answer without a body is null.
    ///
    /// # Errors
    /// [`RemoteError`]
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        within: Duration,
    ) -> Result<Value, RemoteError> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        self.send(method, path, JSON, bytes.into(), within).await
    }

    /// Asks with any bytes and their media type.
    ///
    /// # Errors
    /// [`RemoteError`]
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        media: &'static str,
        body: Bytes,
        within: Duration,
    ) -> Result<Value, RemoteError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let (status, body) = match &self.0 {
            Way::Here(handler) => {
                let unwritable = |_| RemoteError::Address { root: path.to_owned() };
                *request.uri_mut() = path.parse().map_err(unwritable)?;
                request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
                handler(request).await
            }
            Way::Socket { root, key } => over_socket(root, key.as_deref(), path, request, within).await?,
        };
        let answer = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        if status.is_success() { Ok(answer) } else { Err(refused(status, &answer)) }
    }
}

async fn over_socket(
    root: &str,
    key: Option<&str>,
    path: &str,
    mut request: Request<Bytes>,
    within: Duration,
) -> Result<(StatusCode, Bytes), RemoteError> {
    let wrong = || RemoteError::Address { root: root.to_owned() };
    let uri: Uri = format!("{root}{path}").parse().map_err(|_| wrong())?;
    if uri.scheme().is_none() || uri.host().is_none() {
        return Err(wrong());
    }
    *request.uri_mut() = uri.clone();
    if let Some(key) = key {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| RemoteError::Key)?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let asked = async {
        let response = Client::new(&uri, &ClientConfig::default()).send(request.map(Full::new)).await?;
        let status = response.status();
        Ok::<_, NetError>((status, net::collect(response.into_body(), BYTES_MAX).await?))
    };
    let away = |why: String| RemoteError::Away { root: root.to_owned(), why };
    let told = tokio::time::timeout(within, asked).await;
    told.map_err(|_| away("it takes too long".to_owned()))?.map_err(|error| away(error.to_string()))
}

/// What a problem says.
fn refused(status: StatusCode, problem: &Value) -> RemoteError {
    let text = |name: &str| problem[name].as_str().map(str::to_owned);
    let message = text("detail").or_else(|| text("title")).unwrap_or_else(|| format!("the server answers {status}"));
    RemoteError::Refused { status: status.as_u16(), message, hint: text("hint") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SOON: Duration = Duration::from_secs(5);

    fn echo() -> Server {
        Server::here(Arc::new(|request: Request<Bytes>| {
            let told = json!({ "path": request.uri().to_string(), "method": request.method().as_str(),
                "sent": String::from_utf8_lossy(request.body()) });
            let status = if request.uri().path() == "/no" { StatusCode::CONFLICT } else { StatusCode::OK };
            let told = if status.is_success() { told } else { json!({ "detail": "changed", "hint": "look again" }) };
            Box::pin(async move { (status, Bytes::from(told.to_string())) })
        }))
    }

    #[tokio::test]
    async fn what_answers_in_process_is_asked_like_a_server() {
        let told = echo().ask(Method::POST, "/a?b=c", Some(&json!([1])), SOON).await.unwrap();
        assert_eq!(told, json!({ "path": "/a?b=c", "method": "POST", "sent": "[1]" }));
        let error = echo().ask(Method::GET, "/no", None, SOON).await.unwrap_err();
        assert!(matches!(&error, RemoteError::Refused { status: 409, hint: Some(hint), .. } if hint == "look again"));
        assert_eq!(error.to_string(), "changed");
    }

    #[tokio::test]
    async fn a_server_hears_the_key_and_its_problem_is_told() {
        let problem = json!({ "title": "no", "detail": "there is no tool `x`", "hint": "look for it" });
        let replies = vec![testkit::Reply::json(200, &json!({ "fine": true })), testkit::Reply::json(404, &problem)];
        let upstream = testkit::Upstream::start(testkit::in_turn(replies)).await;
        let server = Server::at(&format!("http://{}/", upstream.addr()), Some("sk-x".to_owned()));
        assert_eq!(server.ask(Method::GET, "/p", None, SOON).await.unwrap(), json!({ "fine": true }));
        let error = server.ask(Method::GET, "/p", None, SOON).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no tool `x`");
        assert_eq!(upstream.seen()[0].header("authorization"), Some("Bearer sk-x"));
    }

    #[tokio::test]
    async fn nobody_there_and_no_address() {
        let asked = |root: &str| {
            let server = Server::at(root, None);
            async move { server.ask(Method::GET, "/", None, SOON).await.unwrap_err() }
        };
        assert!(matches!(asked("http://127.0.0.1:1").await, RemoteError::Away { .. }));
        assert!(matches!(asked("nonsense").await, RemoteError::Address { .. }));
        let server = Server::at("http://127.0.0.1:1", Some("a\nb".to_owned()));
        assert!(matches!(server.ask(Method::GET, "/", None, SOON).await, Err(RemoteError::Key)));
    }
}
