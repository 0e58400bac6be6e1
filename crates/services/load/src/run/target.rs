//! Getting to know the target before anything is measured.

use super::{LoadError, Options, names_a_model};
use crate::scenario::Set;
use crate::watch::Watch;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, header};
use http_body_util::Full;
use net::{Client, ClientConfig, collect};
use serde_json::Value;
use std::time::Duration;
use traffic::TrafficError;

/// How long the target may take to introduce itself.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest introduction that is read.
const BYTES_MAX: usize = 16 << 20;

/// Who is measured.
pub(super) struct Target {
    root: Uri,
    /// The model for entries that name none.
    pub(super) model: Option<String>,
    /// The version it says, if it is an Althing server.
    pub(super) version: Option<String>,
}

impl Target {
    /// Asks the target for its models, where a scenario needs one, and for its version.
    pub(super) async fn find(options: &Options, set: &Set) -> Result<Self, LoadError> {
        traffic::reach(&options.target).await?;
        let mixes = set.scenarios.iter().flat_map(|scenario| &scenario.mix);
        let open = mixes.clone().any(|mix| names_a_model(mix.kind) && mix.model.is_empty() && mix.body.is_none());
        let model = match open && options.model.is_none() {
            true => Some(first_model(&options.target, &options.headers).await?),
            false => None,
        };
        let version = Watch::new(&options.target, &options.headers, None).version().await;
        Ok(Self { root: options.target.clone(), model, version })
    }

    /// Its address, without what is nobody's business.
    pub(super) fn shown(&self) -> String {
        let authority = self.root.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        let path = self.root.path().trim_end_matches('/');
        format!("{}://{host}{path}", self.root.scheme_str().unwrap_or("http"))
    }
}

/// The panel `quorum` if the target has one, else the first of its models.
async fn first_model(root: &Uri, headers: &HeaderMap) -> Result<String, LoadError> {
    let url = root.to_string();
    let body = call(root, Method::GET, "/v1/models", headers, Bytes::new()).await?;
    let none = |reason: &str| LoadError::NoModel { url: url.clone(), reason: reason.to_owned() };
    let (status, body) = body;
    if !(200..300).contains(&status) {
        return Err(none(&format!("`/v1/models` answers {status}")));
    }
    let list: Value = serde_json::from_slice(&body).map_err(|_| none("`/v1/models` is not JSON"))?;
    let cards = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = cards.iter().filter_map(|card| card["id"].as_str()).collect();
    let chosen = names.iter().find(|name| **name == "quorum").or(names.first());
    chosen.map(|name| (*name).to_owned()).ok_or_else(|| none("its list is empty"))
}

/// One request, outside of what is measured; its status and body.
pub(super) async fn call(
    root: &Uri,
    method: Method,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<(u16, Bytes), TrafficError> {
    let unreachable = |reason: String| TrafficError::Unreachable { url: root.to_string(), reason };
    let uri: Uri = format!("{}{path}", root.to_string().trim_end_matches('/'))
        .parse()
        .map_err(|_| TrafficError::Address { url: root.to_string(), reason: "it is no URL" })?;
    let mut request = Request::new(Full::new(body));
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers.clone());
    request.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let asked = async {
        let response = Client::new(root, &ClientConfig::default()).send(request).await?;
        let status = response.status().as_u16();
        collect(response.into_body(), BYTES_MAX).await.map(|body| (status, body))
    };
    match tokio::time::timeout(TIMEOUT, asked).await {
        Ok(answered) => answered.map_err(|error| unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("no answer within {} s", TIMEOUT.as_secs()))),
    }
}
