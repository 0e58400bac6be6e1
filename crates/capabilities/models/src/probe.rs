//! One look at a provider: is it there, does it know our key, what does it offer.
//!
//! It asks for the list of models, which costs nothing. Whether what it finds is good or bad is not judged here.

use crate::registry::made;
use crate::{Kind, ListCall, Provider, RegistryError};
use guard::parse_http_date;
use http::header::{AGE, DATE};
use http::{HeaderMap, Response, Uri};
use net::{Incoming, NetError, collect};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a provider may take to answer, at most; its own `timeout_ms` counts when it is shorter.
const WITHIN: Duration = Duration::from_secs(10);
/// A list of models is read up to this many bytes.
const LIST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Clocks further apart than this are told as this far apart.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(1800);
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

/// Looks at what settings describe once, by one of these kinds.
pub async fn probe(provider: &settings::Provider, kinds: &[Kind]) -> Probe {
    match made(provider, kinds) {
        Ok(made) => look(made.as_ref(), Duration::from_millis(provider.timeout_ms.unwrap_or(u64::MAX))).await,
        Err(error) => {
            Probe { address: None, finding: Finding::Unusable(error), took: Duration::ZERO, clock_ahead_s: None }
        }
    }
}

/// Looks at a provider once, within its own limit on time and ours.
pub async fn look(provider: &dyn Provider, timeout: Duration) -> Probe {
    let Some(ListCall { address, answer }) = provider.list() else {
        return Probe { address: None, finding: Finding::Simulated, took: Duration::ZERO, clock_ahead_s: None };
    };
    let started = tokio::time::Instant::now();
    let within = WITHIN.min(timeout);
    let (finding, clock_ahead_s) = match tokio::time::timeout(within, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => (Finding::Unreachable(error), None),
        Err(_elapsed) => (Finding::TimedOut { within }, None),
    };
    Probe { address: Some(address), finding, took: started.elapsed(), clock_ahead_s }
}

/// What an answer to the question for models shows.
pub(crate) async fn read(
    response: Response<Incoming>,
    ids: fn(&[u8]) -> Option<Vec<String>>,
) -> Result<(Finding, Option<i64>), NetError> {
    let clock = clock_ahead_s(response.headers());
    let finding = match response.status().as_u16() {
        200 => ids(&collect(response.into_body(), LIST_BYTES_MAX).await?).map_or(Finding::NotAList, Finding::Listed),
        status @ (401 | 403) => Finding::KeyRefused { status },
        status @ (404 | 405) => Finding::NoList { status },
        status => Finding::Answered { status },
    };
    Ok((finding, clock))
}

/// The models of a list in OpenAI's shape, which Anthropic's has too. Some providers send the bare array.
pub(crate) fn ids(body: &[u8]) -> Option<Vec<String>> {
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

/// The base of an address as it may be shown: without credentials, and without where its models are listed.
pub(crate) fn shown(uri: &Uri, list: &str) -> String {
    let host = uri.authority().map(|all| all.as_str().rsplit('@').next().unwrap_or_default()).unwrap_or_default();
    let base = uri.path().trim_end_matches(list);
    format!("{}://{host}{base}", uri.scheme_str().unwrap_or("http"))
}

#[cfg(test)]
mod tests;
