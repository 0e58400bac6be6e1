//! One look at a provider: is it there, does it know our key, what does it offer.
//!
//! It asks for the list of models, which costs nothing. Whether what it finds is good or bad is not judged here.

use crate::{Preset, RegistryError, openai, scripted};
use bytes::Bytes;
use guard::parse_http_date;
use http::header::{ACCEPT, AGE, AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body_util::Full;
use net::{NetError, collect};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a provider may take to answer, at most; its own `timeout_ms` counts when it is shorter.
const WITHIN: Duration = Duration::from_secs(10);
/// A list of models is read up to this many bytes.
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Clocks further apart than this are told as this far apart.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(1800);
/// The version of Anthropic's own protocol that its list of models wants to be told.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// What a look at a provider showed.
#[derive(Debug)]
pub struct Probe {
    /// Where it was looked for, without credentials; `None` for a script and for what has no address.
    pub address: Option<String>,
    /// What was found there.
    pub finding: Finding,
    /// How long it took.
    pub took: Duration,
    /// How many seconds its clock is ahead of ours, at most 1800 either way; `None` when it did not tell.
    pub clock_ahead_s: Option<i64>,
}

/// What was found at a provider's address.
#[derive(Debug)]
pub enum Finding {
    /// A script: there is nothing to reach.
    Simulated,
    /// It accepts our key, or needs none, and offers these models.
    Listed(Vec<String>),
    /// It answers, but has no list of models, so the key is not proven.
    NoList {
        /// Its HTTP status.
        status: u16,
    },
    /// It answers with something that is not a list of models.
    NotAList,
    /// It refuses our key.
    KeyRefused {
        /// Its HTTP status.
        status: u16,
    },
    /// It answers with another status.
    Answered {
        /// Its HTTP status.
        status: u16,
    },
    /// It cannot be reached.
    Unreachable(NetError),
    /// It took too long.
    TimedOut {
        /// The time it had.
        within: Duration,
    },
    /// Its settings cannot be used.
    Unusable(RegistryError),
}

/// Looks at a provider once.
pub async fn probe(provider: &settings::Provider) -> Probe {
    let simulated = Probe { address: None, finding: Finding::Simulated, took: Duration::ZERO, clock_ahead_s: None };
    if provider.kind == scripted::KIND.name {
        return simulated;
    }
    let asked = openai::address(provider, "/models").and_then(|uri| Ok((headers(provider)?, uri)));
    let (headers, uri) = match asked {
        Ok(asked) => asked,
        Err(error) => return Probe { finding: Finding::Unusable(error), ..simulated },
    };
    let started = tokio::time::Instant::now();
    let within = WITHIN.min(Duration::from_millis(provider.timeout_ms));
    let answered = tokio::time::timeout(within, ask(provider, &uri, headers)).await;
    let (finding, clock_ahead_s) = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => (Finding::Unreachable(error), None),
        Err(_elapsed) => (Finding::TimedOut { within }, None),
    };
    Probe { address: Some(shown(&uri)), finding, took: started.elapsed(), clock_ahead_s }
}

async fn ask(provider: &settings::Provider, uri: &Uri, headers: HeaderMap) -> Result<(Finding, Option<i64>), NetError> {
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers;
    let response = openai::client(provider, uri).send(request).await?;
    let clock = clock_ahead_s(response.headers());
    let finding = match response.status().as_u16() {
        200 => list(&collect(response.into_body(), LIST_BYTES_MAX).await?).map_or(Finding::NotAList, Finding::Listed),
        status @ (401 | 403) => Finding::KeyRefused { status },
        status @ (404 | 405) => Finding::NoList { status },
        status => Finding::Answered { status },
    };
    Ok((finding, clock))
}

fn headers(provider: &settings::Provider) -> Result<HeaderMap, RegistryError> {
    let mut headers = openai::headers(provider)?;
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    // Anthropic understands OpenAI's chat, but its list of models is its own.
    let anthropic = Preset::find(&provider.kind).is_some_and(|preset| preset.family == Some("anthropic"));
    if anthropic && let Some(bearer) = headers.remove(AUTHORIZATION) {
        let key = bearer.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
        if let Ok(mut key) = HeaderValue::from_bytes(key) {
            key.set_sensitive(true);
            headers.insert("x-api-key", key);
        }
        headers.insert("anthropic-version", ANTHROPIC_VERSION);
    }
    Ok(headers)
}

/// The models of a list in OpenAI's shape, which Anthropic's has too. Some providers send the bare array.
fn list(body: &[u8]) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let models = body.get("data").unwrap_or(&body).as_array()?;
    Some(models.iter().filter_map(|model| model["id"].as_str().map(str::to_owned)).collect())
}

fn clock_ahead_s(headers: &HeaderMap) -> Option<i64> {
    // Out of a cache it is an old date.
    if headers.contains_key(AGE) {
        return None;
    }
    let theirs = parse_http_date(headers.get(DATE)?.to_str().ok()?)?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let most = CLOCK_OFF_MAX.as_secs().cast_signed();
    Some(theirs.cast_signed().saturating_sub(ours.cast_signed()).clamp(-most, most))
}

/// An address as it may be shown.
fn shown(uri: &Uri) -> String {
    let host = uri.authority().map(|all| all.as_str().rsplit('@').next().unwrap_or_default()).unwrap_or_default();
    let base = uri.path().trim_end_matches("/models");
    format!("{}://{host}{base}", uri.scheme_str().unwrap_or("http"))
}

#[cfg(test)]
mod tests;
