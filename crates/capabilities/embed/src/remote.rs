//! A server that speaks OpenAI's `/embeddings`. Knows no model in this process, and keeps nothing.

mod answer;

use crate::{EmbedError, EmbedFuture, Embedder, Urgency, Vector};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use net::{Client, ClientConfig, NetError, collect};
use secrecy::ExposeSecret;
use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The most bytes of an answer: 128 vectors of 4,096 numbers, as text.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most bytes of a refusal that are looked at.
const REFUSAL_BYTES_MAX: usize = 16 * 1024;
/// The most texts of a request.
const BATCH_MAX: usize = 128;
/// How long the second attempt is put off.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// A text below so many bytes is not cut any further for a server that finds it too long.
const TEXT_BYTES_MIN: usize = 512;
/// Requests in the background at a time, so that there is room for those that somebody waits for.
const BACKGROUND_MAX: usize = 2;
/// Requests that somebody waits for, at a time.
const NOW_MAX: usize = 64;

/// A server that speaks OpenAI's `/embeddings`. Its address is the operator's, and is trusted.
///
/// Vectors get unit length here, whatever the server gives. A batch that is too large for it is halved, a text that is
/// too long is cut; what fails for the moment is asked once more.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    uri: Uri,
    host: String,
    headers: HeaderMap,
    /// What vectors are kept under: the model with the address, as another may give others under the same name.
    model: String,
    /// The model's name there.
    name: String,
    /// What the settings ask for.
    wanted: Option<usize>,
    /// What the server gives; zero as long as it was not asked.
    dimensions: AtomicUsize,
    batch: usize,
    timeout_ms: u64,
    background: Semaphore,
    now: Semaphore,
}

/// What is asked.
#[derive(Debug, Serialize)]
struct Asked<'a> {
    model: &'a str,
    input: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

/// Why a request gave no vectors.
enum Failure {
    /// The server wants less at a time.
    TooLarge(StatusCode),
    /// Anything else.
    Error(EmbedError),
}

impl Remote {
    /// The server that `settings` name. Reads its key.
    ///
    /// # Errors
    /// [`EmbedError::Setting`] where there is no address or none that can be asked, or no key where one is named.
    pub fn new(settings: &settings::Embed) -> Result<Self, EmbedError> {
        let wrong = |key, problem: &str| EmbedError::Setting { key, problem: problem.to_owned() };
        let base =
            settings.base_url.as_deref().ok_or_else(|| wrong("base_url", "is not set, and `openai` needs it"))?;
        let uri: Uri = format!("{}/embeddings", base.trim_end_matches('/'))
            .parse()
            .map_err(|_| wrong("base_url", "is no address"))?;
        let host = uri.host().unwrap_or_default().to_owned();
        if host.is_empty() || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("base_url", "is no address that begins with `http://` or `https://`"));
        }
        if settings.dimensions.is_some_and(|wanted| wanted > answer::DIMENSIONS_MAX) {
            return Err(wrong("dimensions", &format!("is more than `{}`", answer::DIMENSIONS_MAX)));
        }
        let timeout = Duration::from_millis(settings.timeout_ms);
        let defaults = ClientConfig::default();
        let config = ClientConfig { connect_timeout: defaults.connect_timeout.min(timeout), ..defaults };
        Ok(Self {
            client: Client::new(&uri, &config),
            headers: headers(settings)?,
            model: format!("{}/{}", place(&uri), settings.model),
            uri,
            host,
            name: settings.model.clone(),
            wanted: settings.dimensions,
            dimensions: AtomicUsize::new(settings.dimensions.unwrap_or(0)),
            batch: settings.batch.clamp(1, BATCH_MAX),
            timeout_ms: settings.timeout_ms,
            background: Semaphore::new(BACKGROUND_MAX),
            now: Semaphore::new(NOW_MAX),
        })
    }

    async fn vectors(&self, texts: &[&str], urgency: Urgency) -> Result<Vec<Vector>, EmbedError> {
        let room = match urgency {
            Urgency::Now => &self.now,
            Urgency::Background => &self.background,
        };
        let mut vectors = Vec::with_capacity(texts.len());
        // What is still to ask, the next at the end.
        let mut pieces: Vec<Vec<&str>> = texts.chunks(self.batch).rev().map(<[&str]>::to_vec).collect();
        while let Some(piece) = pieces.pop() {
            let place = room.acquire().await.map_err(|_| EmbedError::Closed)?;
            let asked = self.ask_twice(&piece).await;
            drop(place);
            match asked {
                Ok(made) => vectors.extend(made),
                Err(Failure::TooLarge(status)) => {
                    let halves = halve(&piece).ok_or_else(|| self.refused(status))?;
                    pieces.extend(halves.into_iter().rev());
                }
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Ok(vectors)
    }

    /// Asks, and once more where that may help.
    async fn ask_twice(&self, texts: &[&str]) -> Result<Vec<Vector>, Failure> {
        match self.ask(texts).await {
            Err(Failure::Error(error)) if fault::Explain::retry(&error) == fault::Retry::Now => {
                tokio::time::sleep(AGAIN_AFTER).await;
                self.ask(texts).await
            }
            answered => answered,
        }
    }

    async fn ask(&self, texts: &[&str]) -> Result<Vec<Vector>, Failure> {
        let sent: Vec<&str> = texts.iter().map(|text| said(text)).collect();
        let asked = Asked { model: &self.name, input: &sent, dimensions: self.wanted };
        let body = serde_json::to_vec(&asked).map_err(|error| self.not_vectors(&error.to_string()))?;
        let timeout = Duration::from_millis(self.timeout_ms);
        let late = EmbedError::Late { host: self.host.clone(), timeout_ms: self.timeout_ms };
        tokio::time::timeout(timeout, self.exchange(body, texts.len())).await.map_err(|_| Failure::Error(late))?
    }

    async fn exchange(&self, body: Vec<u8>, count: usize) -> Result<Vec<Vector>, Failure> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = self.client.send(request).await.map_err(|error| self.unreached(&error))?;
        let status = response.status();
        if !status.is_success() {
            let body = collect(response.into_body(), REFUSAL_BYTES_MAX).await.unwrap_or_default();
            return Err(if answer::is_too_large(status, &body) {
                Failure::TooLarge(status)
            } else {
                Failure::Error(self.refused(status))
            });
        }
        let body = collect(response.into_body(), ANSWER_BYTES_MAX).await.map_err(|error| self.unreached(&error))?;
        let vectors = answer::read(&body, count).map_err(|problem| self.not_vectors(&problem))?;
        self.check_dimensions(&vectors)?;
        Ok(vectors)
    }

    /// All vectors of a model are of one length: others could not be compared with those that are kept.
    fn check_dimensions(&self, vectors: &[Vector]) -> Result<(), Failure> {
        for vector in vectors {
            let found = vector.len();
            let first = self.dimensions.compare_exchange(0, found, Ordering::Relaxed, Ordering::Relaxed);
            let wanted = first.unwrap_or_else(|known| known);
            if wanted != 0 && wanted != found {
                return Err(self.not_vectors(&format!("a vector has `{found}` numbers and not `{wanted}`")));
            }
        }
        Ok(())
    }

    fn refused(&self, status: StatusCode) -> EmbedError {
        EmbedError::Refused { host: self.host.clone(), status: status.as_u16() }
    }

    fn unreached(&self, error: &NetError) -> Failure {
        Failure::Error(EmbedError::Unreached { host: self.host.clone(), problem: error.to_string() })
    }

    fn not_vectors(&self, problem: &str) -> Failure {
        Failure::Error(EmbedError::NotVectors { host: self.host.clone(), problem: problem.to_owned() })
    }
}

/// Where a server is: host, port and path, without anything that is secret.
fn place(uri: &Uri) -> String {
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = uri.path();
    let path = path.strip_suffix("/embeddings").unwrap_or(path);
    format!("{}{port}{path}", uri.host().unwrap_or_default())
}

/// Many servers refuse a text without anything in it.
fn said(text: &str) -> &str {
    if text.is_empty() { " " } else { text }
}

/// Two requests out of one, or a shorter text; nothing where there is no less to ask.
fn halve<'a>(piece: &[&'a str]) -> Option<Vec<Vec<&'a str>>> {
    match piece {
        [] => None,
        [text] if text.len() < TEXT_BYTES_MIN => None,
        [text] => Some(vec![vec![&text[..text.floor_char_boundary(text.len() / 2)]]]),
        several => {
            let (left, right) = several.split_at(several.len() / 2);
            Some(vec![left.to_vec(), right.to_vec()])
        }
    }
}

fn headers(settings: &settings::Embed) -> Result<HeaderMap, EmbedError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("althing/", env!("CARGO_PKG_VERSION"))));
    if let Some(reference) = &settings.api_key {
        // The error names the reference and never the secret.
        let wrong = |problem| EmbedError::Setting { key: "api_key", problem };
        let secret = reference.resolve().map_err(|error| wrong(format!("has no value: {error}")))?;
        let value = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret()));
        let mut value = value.map_err(|_| wrong("holds characters that no header may have".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

impl Embedder for Remote {
    fn model(&self) -> &str {
        &self.model
    }

    fn dimensions(&self) -> usize {
        self.dimensions.load(Ordering::Relaxed)
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], urgency: Urgency) -> EmbedFuture<'a> {
        Box::pin(self.vectors(texts, urgency))
    }
}

#[cfg(test)]
mod tests;
