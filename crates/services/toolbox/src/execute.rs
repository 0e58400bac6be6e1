//! A tool that is an operation of an HTTP API, called: the request, its credential, the answer.
//!
//! A credential goes to the hosts that the settings name for it and to no others, over TLS unless the settings write the
//! host with `http://`, or it is an address in a network that they allow; nothing that is said of a failure holds a header
//! or an address with a query.

use crate::Toolbox;
use crate::call::misfit;
use crate::error::ToolboxError;
use bytes::Bytes;
use caller::Caller;
use definitions::Definition;
use definitions::Misfit;
use definitions::text::cut;
use fault::{Explain, Kind};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, Response, Uri};
use net::GuardedLimits;
use openapi::OpenApiError;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::time::Duration;

/// The longest that a server may ask to be left alone and be believed.
const RETRY_AFTER_MAX_S: u64 = 3_600;

/// What stands before a host that is asked without TLS.
const PLAIN: &str = "http://";

/// What a tool answered.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) bytes: Bytes,
    pub(crate) mime: String,
}

impl Outcome {
    /// An answer that was kept as it was written.
    pub(crate) fn kept(written: Value) -> Self {
        let mime = written.get("mime").and_then(Value::as_str).unwrap_or("application/json").to_owned();
        let bytes = match written.get("text").and_then(Value::as_str) {
            Some(text) => Bytes::copy_from_slice(text.as_bytes()),
            None => {
                let code = written.get("base64").and_then(Value::as_str).unwrap_or_default();
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, code).unwrap_or_default().into()
            }
        };
        Self { bytes, mime }
    }

    /// The answer as it is kept under a key.
    pub(crate) fn written(&self) -> Value {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => json!({ "text": text, "mime": self.mime }),
            Err(_) => crate::call::binary(&self.bytes, &self.mime),
        }
    }

    /// The answer as JSON, as text, or as bytes in base64.
    pub(crate) fn value(&self) -> Value {
        if let Ok(value) = serde_json::from_slice(&self.bytes) {
            return value;
        }
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => json!(text),
            Err(_) => crate::call::binary(&self.bytes, &self.mime),
        }
    }

    pub(crate) fn head(&self, bytes: usize) -> &[u8] {
        self.bytes.get(..bytes).unwrap_or(&self.bytes)
    }
}

impl Toolbox {
    /// Calls a tool whose arguments fit.
    pub(crate) async fn execute(
        &self,
        caller: &Caller,
        tool: &Definition,
        arguments: &Map<String, Value>,
    ) -> Result<Outcome, ToolboxError> {
        let Some(http) = &tool.http else {
            let reason = match tool.server.as_str() {
                "" => "it is known by its description alone".to_owned(),
                server => format!("the server `{}` is not connected", cut(server, 60)),
            };
            return Err(ToolboxError::NotCallable { id: tool.id.to_string(), reason });
        };
        let prepared = http.operation.request(&http.base_url, arguments).map_err(|error| refused(tool, &error))?;
        let mut request: Request<Bytes> = prepared.into();
        let secret = match &http.credential {
            Some(name) => Some(self.authenticate(caller, name, &mut request)?),
            None => None,
        };
        let limits = GuardedLimits {
            timeout: self.time_for(tool, caller),
            body_bytes_max: self.rules().settings.result_bytes_max,
            ..GuardedLimits::default()
        };
        let answer = self.guarded.send(request, &limits).await;
        let answer = answer.map_err(|error| ToolboxError::Unreachable {
            id: tool.id.to_string(),
            reason: error.to_string(),
            // The address is the tool's, not the caller's.
            kind: if error.kind() == Kind::BadInput { Kind::Semantics } else { error.kind() },
            hint: error.hint(),
        })?;
        let answer = answer.map(|body| without(body, secret.as_ref()));
        outcome(tool, answer, secret.as_ref())
    }

    /// Adds a credential to a request; its secret.
    fn authenticate(
        &self,
        caller: &Caller,
        name: &str,
        request: &mut Request<Bytes>,
    ) -> Result<SecretString, ToolboxError> {
        let unusable = |reason: &str| ToolboxError::Credential { name: cut(name, 60), reason: reason.to_owned() };
        let rules = self.rules();
        let known = rules.settings.credential.iter().find(|it| it.name == name);
        let known = known.ok_or_else(|| unusable("it is not set up"))?;
        let tenant = &*caller.guest.identity.tenant;
        if !known.tenants.is_empty() && !known.tenants.iter().any(|own| own == tenant) {
            return Err(unusable("it is not one of your tenant's"));
        }
        if !known.hosts.iter().any(|host| leads_to(request.uri(), host)) {
            return Err(unusable("it is not for the host that the tool is at"));
        }
        let networks = &rules.settings.allowed_networks;
        if !known.hosts.iter().any(|host| leads_to(request.uri(), host) && may_carry(request.uri(), host, networks)) {
            return Err(unusable("the tool is asked without TLS, and its host does not stand there with `http://`"));
        }
        let secret = known.secret.resolve().map_err(|error| {
            tracing::error!(credential = name, %error, "a credential of tools cannot be read");
            unusable("its secret cannot be read")
        })?;
        let text = format!("{}{}", known.prefix, secret.expose_secret());
        let mut value = HeaderValue::from_str(&text).map_err(|_| unusable("its secret is no text for a header"))?;
        value.set_sensitive(true);
        let header = HeaderName::try_from(&known.header).map_err(|_| unusable("its header has no valid name"))?;
        request.headers_mut().insert(header, value);
        Ok(secret)
    }
}

/// An answer without the secret that it was asked with: some servers repeat what they were sent.
fn without(body: Bytes, secret: Option<&SecretString>) -> Bytes {
    let Some(secret) = secret.map(|secret| secret.expose_secret().as_bytes()).filter(|it| it.len() >= 4) else {
        return body;
    };
    let mut rest = &body[..];
    let mut kept: Option<Vec<u8>> = None;
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        let kept = kept.get_or_insert_default();
        kept.extend_from_slice(rest.get(..at).unwrap_or_default());
        kept.extend_from_slice(b"***");
        rest = rest.get(at + secret.len()..).unwrap_or_default();
    }
    match kept {
        None => body,
        Some(mut kept) => {
            kept.extend_from_slice(rest);
            kept.into()
        }
    }
}

/// Whether a secret may travel to an address that leads to this host: encrypted; else only where the operator has said
/// of the host that it is asked so, or where it is an address in a network of the operator's own.
fn may_carry(uri: &Uri, host: &str, networks: &[String]) -> bool {
    let address = || uri.host()?.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let own = |address: IpAddr| networks.iter().filter_map(|it| settings::network(it)).any(|it| it.contains(&address));
    uri.scheme_str() == Some("https") || host.starts_with(PLAIN) || address().is_some_and(own)
}

/// Whether an address leads to a host as settings name it: `host`, or `host:port`, with `http://` where it is asked
/// without TLS.
fn leads_to(uri: &Uri, host: &str) -> bool {
    if host.starts_with(PLAIN) && uri.scheme_str() != Some("http") {
        return false;
    }
    let host = host.strip_prefix(PLAIN).unwrap_or(host);
    let own = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let whole = bare(host) == own.to_ascii_lowercase();
    // Without a port, a host is meant as browsers mean it: at the usual ports alone.
    let usual = uri.port_u16().is_none() || port == 443 || port == 80;
    let split = host
        .rsplit_once(':')
        .is_some_and(|(name, its)| bare(name) == own.to_ascii_lowercase() && its.parse() == Ok(port));
    (whole && usual) || split
}

/// What `openapi` says is wrong with arguments, with the schema.
fn refused(tool: &Definition, error: &OpenApiError) -> ToolboxError {
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    misfit(tool, Misfit::unfit(tool, vec![format!("{error}{hint}")]))
}

/// What an answer comes to. What a server says with an error is not told: it may be anything.
fn outcome(tool: &Definition, answer: Response<Bytes>, secret: Option<&SecretString>) -> Result<Outcome, ToolboxError> {
    let (head, body) = answer.into_parts();
    let text_of = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    if head.status.is_success() {
        return Ok(Outcome { bytes: body, mime: media(text_of(CONTENT_TYPE), secret) });
    }
    Err(ToolboxError::Upstream {
        id: tool.id.to_string(),
        status: head.status.as_u16(),
        after: text_of(RETRY_AFTER)
            .and_then(|text| text.trim().parse::<u64>().ok())
            .map(|s| Duration::from_secs(s.min(RETRY_AFTER_MAX_S))),
    })
}

/// Families of media types.
const FAMILIES: [&str; 9] = ["application", "audio", "font", "image", "message", "model", "multipart", "text", "video"];
/// The longest media type.
const MEDIA_BYTES_MAX: usize = 100;

/// The media type that an answer says, without parameters; bytes where it says nothing that could be one, or more than
/// that.
fn media(said: Option<&str>, secret: Option<&SecretString>) -> String {
    let Some(said) = said else { return "text/plain".to_owned() };
    let own = said.split(';').next().unwrap_or_default().trim().to_lowercase();
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let known = own.split_once('/').is_some_and(|(family, kind)| FAMILIES.contains(&family) && plain(kind));
    let repeats = secret.is_some_and(|it| own.contains(&it.expose_secret().to_lowercase()));
    match known && own.len() <= MEDIA_BYTES_MAX && !repeats {
        true => own,
        false => "application/octet-stream".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_for_its_hosts_alone() {
        let check = |uri: &str, host: &str, expect: bool| {
            assert_eq!(leads_to(&uri.parse().unwrap(), host), expect, "{uri} {host}");
        };
        check("https://api.example/x", "api.example", true);
        check("https://API.example/x", "api.EXAMPLE", true);
        check("https://api.example:443/", "api.example", true);
        check("https://api.example:8443/", "api.example", false);
        check("https://api.example:8443/", "api.example:8443", true);
        check("https://api.example.evil/", "api.example", false);
        check("https://evil/api.example", "api.example", false);
        check("https://xapi.example/", "api.example", false);
        check("http://127.0.0.1:80/", "127.0.0.1", true);
        check("http://[::1]:9/", "[::1]:9", true);
        check("http://a.example/", "http://a.example", true);
        check("http://a.example:8080/", "http://a.example:8080", true);
        check("https://a.example/", "http://a.example", false);
    }

    #[test]
    fn a_credential_travels_in_the_clear_only_where_the_operator_says_so() {
        let networks = ["127.0.0.0/8".to_owned(), "fd00::/8".to_owned()];
        let check = |uri: &str, host: &str, expect: bool| {
            assert_eq!(may_carry(&uri.parse().unwrap(), host, &networks), expect, "{uri} {host}");
        };
        check("https://a.example/", "a.example", true);
        check("http://a.example/", "a.example", false);
        check("http://a.example/", "http://a.example", true);
        check("http://127.0.0.1:8080/", "127.0.0.1:8080", true);
        check("http://[fd00::1]/", "[fd00::1]", true);
        check("http://10.0.0.1/", "10.0.0.1", false);
        // A name may lead anywhere tomorrow.
        check("http://localhost/", "localhost", false);
    }

    #[test]
    fn an_answer_does_not_repeat_the_secret() {
        let secret = SecretString::from("s3cr3t");
        let check = |body: &'static str, expect: &str| {
            assert_eq!(without(Bytes::from_static(body.as_bytes()), Some(&secret)), expect.as_bytes());
        };
        check("{\"auth\": \"Bearer s3cr3t\"} s3cr3t", "{\"auth\": \"Bearer ***\"} ***");
        check("s3cr3", "s3cr3");
        assert_eq!(without(Bytes::from_static(b"s3cr3t"), None), "s3cr3t");
    }

    #[test]
    fn a_media_type_says_nothing_else() {
        let secret = SecretString::from("S3cr3t");
        let check = |said: Option<&str>, expect: &str| assert_eq!(media(said, Some(&secret)), expect, "{said:?}");
        check(None, "text/plain");
        check(Some("Application/Problem+JSON; charset=utf-8"), "application/problem+json");
        for bad in ["application/s3cr3t", "S3cr3t/x", "text", "text/", "text/a b", "x/y", "text/html,s", "text/\u{e4}"]
        {
            check(Some(bad), "application/octet-stream");
        }
        check(Some(&format!("text/{}", "a".repeat(200))), "application/octet-stream");
    }

    #[test]
    fn an_outcome_is_kept_as_it_was() {
        for bytes in [&b"{\"a\": 1}"[..], b"plain", b"\xff\x00"] {
            let outcome = Outcome { bytes: Bytes::from_static(b""), mime: "x/y".to_owned() };
            let outcome = Outcome { bytes: Bytes::copy_from_slice(bytes), ..outcome };
            let read = Outcome::kept(outcome.written());
            assert_eq!((read.bytes, read.mime), (outcome.bytes, outcome.mime));
        }
    }
}
