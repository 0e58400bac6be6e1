//! Keys that sign: fixed ones, or those of a container's role, fetched again before they expire.
//!
//! Knows neither settings nor what the keys are for. Nothing here repeats a key.

use super::access::Env;
use crate::ModelError;
use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, Uri};
use http_body_util::Full;
use net::{Client, ClientConfig, collect};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Keys are fetched again this long before they expire.
const AHEAD: Duration = Duration::from_secs(300);
/// Fetching keys may take this long.
const FETCH_MAX: Duration = Duration::from_secs(5);
/// The most bytes of an answer with keys.
const KEYS_BYTES_MAX: usize = 64 * 1024;
/// Where a relative address of container credentials points to.
const ECS: &str = "http://169.254.170.2";
/// Hosts that are asked without encryption: this machine, and the addresses that ECS and EKS put into a container.
const PLAIN_HOSTS: [&str; 6] = ["localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Keys that sign.
pub(super) enum Keys {
    Fixed(Credentials),
    Container(Box<Container>),
}

impl Keys {
    /// The keys to sign with now.
    pub(super) async fn get(&self, now: SystemTime) -> Result<Credentials, ModelError> {
        match self {
            Self::Fixed(keys) => Ok(keys.clone()),
            Self::Container(container) => container.get(now).await,
        }
    }
}

/// The endpoint beside a container that hands out the keys of its role.
pub(super) struct Container {
    client: Client,
    uri: Uri,
    token: Token,
    /// Held while keys are fetched: whoever needs them meanwhile waits for that one answer.
    kept: Mutex<Option<Credentials>>,
}

/// What the endpoint asks for.
enum Token {
    None,
    Text(String),
    /// Read each time: it is replaced while we run.
    File(PathBuf),
}

/// What the endpoint answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

impl Container {
    /// The endpoint that the environment names; `Some(None)` for one that is not to be trusted.
    pub(super) fn find(env: Env<'_>) -> Option<Option<Self>> {
        let relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{ECS}{path}"));
        let address = relative.or_else(|| env("AWS_CONTAINER_CREDENTIALS_FULL_URI"))?;
        let file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|path| Token::File(path.into()));
        let text = || env("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Token::Text);
        Some(Self::at(&address, file.or_else(text).unwrap_or(Token::None)))
    }

    fn at(address: &str, token: Token) -> Option<Self> {
        let uri: Uri = address.parse().ok()?;
        let host = uri.host()?;
        // The token would be read by whoever listens.
        if uri.scheme_str() != Some("https") && !PLAIN_HOSTS.contains(&host) {
            return None;
        }
        let client = Client::new(&uri, &ClientConfig { pool_max: 1, ..ClientConfig::default() });
        Some(Self { client, uri, token, kept: Mutex::new(None) })
    }

    async fn get(&self, now: SystemTime) -> Result<Credentials, ModelError> {
        let mut kept = self.kept.lock().await;
        let good = |keys: &&Credentials, ahead| keys.expiry().is_none_or(|expiry| expiry > now + ahead);
        if let Some(keys) = kept.as_ref().filter(|keys| good(keys, AHEAD)) {
            return Ok(keys.clone());
        }
        let fetched = tokio::time::timeout(FETCH_MAX, self.fetch()).await;
        match fetched.unwrap_or(Err(ModelError::TimedOut { within: FETCH_MAX })) {
            Ok(keys) => Ok(kept.insert(keys).clone()),
            // The old ones last a little longer, and perhaps the endpoint is back before that.
            Err(error) => kept.as_ref().filter(|keys| good(keys, Duration::ZERO)).cloned().ok_or(error),
        }
    }

    async fn fetch(&self) -> Result<Credentials, ModelError> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(crate::http::JSON));
        if let Some(token) = self.token()? {
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        let response = self.client.send(request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(ModelError::Unauthorised { status: status.as_u16() });
        }
        let body = collect(response.into_body(), KEYS_BYTES_MAX).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| unreadable())?;
        let expiry = answer.expiration.map(|text| moment(&text).ok_or_else(unreadable)).transpose()?;
        let (id, secret) = (answer.access_key_id, answer.secret_access_key);
        Ok(Credentials::new(id, secret, answer.token, expiry, "container"))
    }

    fn token(&self) -> Result<Option<HeaderValue>, ModelError> {
        let text = match &self.token {
            Token::None => return Ok(None),
            Token::Text(text) => text.clone(),
            Token::File(path) => std::fs::read_to_string(path).map_err(|_| unreadable())?,
        };
        let mut value = HeaderValue::try_from(text.trim()).map_err(|_| unreadable())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn moment(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTime).ok()?).ok()
}

fn unreadable() -> ModelError {
    ModelError::NotAReply { what: "the credentials of the container cannot be read".to_owned() }
}

#[cfg(test)]
mod tests;
