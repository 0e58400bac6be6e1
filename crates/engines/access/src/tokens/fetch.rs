//! Fetches the keys of an identity provider, keeps them, and fetches them again when they are old or one is missing.
//!
//! However many tokens with unknown keys come, the provider is asked once in ten seconds. A fetch that its request
//! gave up on is finished by the next one: who sends a token and hangs up delays nobody. Keys that are known stay
//! known for a day while the provider does not answer.

use super::TokenFault;
use super::jwks::KeySet;
use crate::AccessError;
use crate::gate::Denial;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::Uri;
use jsonwebtoken::DecodingKey;
use net::{Client, ClientConfig, collect};
use serde_json::Value;
use settings::Oidc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest document that is read.
const BYTES_MAX: usize = 256 * 1024;
/// How long a document may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long somebody whose key is known waits for keys to be fetched anew.
const PATIENCE: Duration = Duration::from_secs(1);
/// The shortest time between two fetches.
const PAUSE: Duration = Duration::from_secs(10);
/// How long keys are kept while the provider does not answer.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Where keys come from, and those that came.
pub(super) struct Source {
    place: Place,
    believed: Duration,
    state: Mutex<State>,
}

/// Where the keys lie.
#[derive(Clone)]
enum Place {
    Known(Uri),
    /// The document at this address says where, for this issuer.
    Discovered(Uri, String),
}

type Fetch = Shared<BoxFuture<'static, Result<Arc<KeySet>, String>>>;

#[derive(Default)]
struct State {
    keys: Arc<KeySet>,
    /// When what came was asked for.
    fetched: Option<Duration>,
    /// When the last fetch began.
    tried: Option<Duration>,
    /// A fetch that is not finished, though perhaps nobody waits for it.
    fetch: Option<Fetch>,
    /// Whether the last fetch failed.
    failed: bool,
}

impl Source {
    pub(super) fn new(oidc: &Oidc) -> Result<Self, AccessError> {
        let place = match &oidc.jwks_url {
            Some(url) => Place::Known(address(url, "jwks_url")?),
            None => {
                let url = format!("{}/.well-known/openid-configuration", oidc.issuer.trim_end_matches('/'));
                Place::Discovered(address(&url, "issuer")?, oidc.issuer.clone())
            }
        };
        Ok(Self { place, believed: Duration::from_secs(oidc.jwks_cache_s), state: Mutex::default() })
    }

    /// The key that a token names.
    pub(super) async fn key(&self, kid: Option<&str>, now: Duration) -> Result<DecodingKey, Denial> {
        // Twice, for what is met first may be an old fetch that nobody waited for.
        for _ in 0..2 {
            let known = self.known(kid, now);
            let Some(fetch) = self.begin(known.is_some(), now) else { return known.ok_or_else(|| self.missing(now)) };
            let within = if known.is_some() { PATIENCE } else { TIMEOUT * 2 };
            if let Ok(fetched) = tokio::time::timeout(within, fetch.clone()).await {
                self.settle(&fetch, fetched);
            } else if let Some(key) = known {
                return Ok(key);
            }
        }
        self.known(kid, now).ok_or_else(|| self.missing(now))
    }

    /// The key of that name among those that came, if they are not too old.
    fn known(&self, kid: Option<&str>, now: Duration) -> Option<DecodingKey> {
        let state = self.state();
        state.fetched.filter(|at| now < *at + self.believed.max(KEPT))?;
        state.keys.find(kid).ok().cloned()
    }

    /// Why a key is not there: nobody has it, or nobody can be asked.
    fn missing(&self, now: Duration) -> Denial {
        let state = self.state();
        let is_kept = state.fetched.is_some_and(|at| now < at + self.believed.max(KEPT));
        if is_kept && !state.failed {
            return TokenFault::UnknownKey.into();
        }
        Denial::Unavailable { reason: "the identity provider does not give its keys" }
    }

    /// A fetch to wait for; `None` if there is no need, or it is too soon.
    fn begin(&self, is_known: bool, now: Duration) -> Option<Fetch> {
        let mut state = self.state();
        if is_known && state.fetched.is_some_and(|at| now < at + self.believed) {
            return None;
        }
        if state.fetch.is_none() && state.tried.is_none_or(|at| now >= at + PAUSE) {
            state.tried = Some(now);
            state.fetch = Some(fetch(self.place.clone()).boxed().shared());
        }
        state.fetch.clone()
    }

    /// Keeps what came, or the old keys where nothing did. The first of those who waited does it.
    fn settle(&self, fetch: &Fetch, fetched: Result<Arc<KeySet>, String>) {
        let mut state = self.state();
        if !state.fetch.as_ref().is_some_and(|current| current.ptr_eq(fetch)) {
            return;
        }
        state.fetch = None;
        state.failed = fetched.is_err();
        match fetched {
            Ok(keys) => (state.keys, state.fetched) = (keys, state.tried),
            Err(trouble) => tracing::warn!(%trouble, "the keys of the identity provider cannot be fetched"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fetch(place: Place) -> Result<Arc<KeySet>, String> {
    let all = async {
        let uri = match place {
            Place::Known(uri) => uri,
            Place::Discovered(uri, issuer) => discovered(&get(&uri).await?, &issuer, &uri)?,
        };
        let keys = KeySet::read(&get(&uri).await?)?;
        Ok(Arc::new(keys))
    };
    let fetched: Result<_, Trouble> = tokio::time::timeout(TIMEOUT, all)
        .await
        .unwrap_or_else(|_| Err(Trouble("the identity provider does not answer in time".to_owned())));
    fetched.map_err(|trouble| trouble.0)
}

/// Why a document did not come.
struct Trouble(String);

impl From<&str> for Trouble {
    fn from(problem: &str) -> Self {
        Self(format!("the identity provider cannot be used: {problem}"))
    }
}

/// Reads one document. Redirects are not followed.
async fn get(uri: &Uri) -> Result<Vec<u8>, Trouble> {
    let request = http::Request::get(uri).header("accept", "application/json");
    let request = request.body(Default::default()).map_err(|_| "its address")?;
    let client = Client::new(uri, &ClientConfig::default());
    let response = client.send(request).await.map_err(|error| Trouble(error.to_string()))?;
    if response.status() != http::StatusCode::OK {
        let status = response.status().as_u16();
        return Err(Trouble(format!("the identity provider answers with the status {status}")));
    }
    let body = collect(response.into_body(), BYTES_MAX).await.map_err(|error| Trouble(error.to_string()))?;
    Ok(body.to_vec())
}

/// Where the keys lie, according to the provider's own document. It must be about our issuer, and must not lead to
/// an address that is less safe than its own.
fn discovered(document: &[u8], issuer: &str, from: &Uri) -> Result<Uri, Trouble> {
    let document: Value = serde_json::from_slice(document).map_err(|_| "its configuration is no JSON")?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if text("issuer") != Some(issuer) {
        return Err("its configuration is about another issuer".into());
    }
    let uri: Uri = text("jwks_uri").and_then(|uri| uri.parse().ok()).ok_or("its configuration names no keys")?;
    let is_safe = uri.scheme_str() == Some("https") || (uri.scheme() == from.scheme() && uri.host() == from.host());
    if is_safe && uri.host().is_some() {
        Ok(uri)
    } else {
        Err("its keys lie at an address that is not encrypted".into())
    }
}

fn address(url: &str, key: &str) -> Result<Uri, AccessError> {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme().is_some() && uri.host().is_some());
    uri.ok_or_else(|| AccessError::Settings(format!("`access.oidc.{key}` is no address")))
}
