//! Making a simulated upstream fail for a while, and making it forget.

use super::LoadError;
use super::target::call;
use crate::scenario::Fault;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// An upstream that is about to fail.
pub(super) struct Injection {
    upstream: Uri,
    fault: Fault,
    /// Its script as it was.
    before: Value,
}

impl Injection {
    /// Asks the upstream for its script.
    pub(super) async fn prepare(upstream: &Uri, fault: &Fault) -> Result<Self, LoadError> {
        let (status, body) = call(upstream, Method::GET, "/_script", &HeaderMap::new(), Bytes::new()).await?;
        let shown: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status != 200 || !shown["script"].is_object() {
            return Err(refused(upstream, format!("`/_script` answers {status}")));
        }
        Ok(Self { upstream: upstream.clone(), fault: fault.clone(), before: shown["script"].clone() })
    }

    /// Fails from and until the shares of the duration that the fault says; the script is as before at the end, also if
    /// the run ends early.
    pub(super) async fn follow(&self, duration_s: f64, done: &CancellationToken) -> Result<(), LoadError> {
        let wait = |share: f64| Duration::try_from_secs_f64(share * duration_s).unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(wait(self.fault.from)) => {}
            () = done.cancelled() => return Ok(()),
        }
        self.tell(&failing(&self.before, self.fault.error_rate)).await?;
        tokio::select! {
            () = tokio::time::sleep(wait(self.fault.until - self.fault.from)) => {}
            () = done.cancelled() => {}
        }
        self.tell(&self.before).await
    }

    async fn tell(&self, script: &Value) -> Result<(), LoadError> {
        let body = Bytes::from(script.to_string());
        let (status, _) = call(&self.upstream, Method::POST, "/_script", &HeaderMap::new(), body).await?;
        if status == 200 { Ok(()) } else { Err(refused(&self.upstream, format!("`/_script` answers {status}"))) }
    }
}

fn refused(upstream: &Uri, reason: String) -> LoadError {
    LoadError::Inject { url: upstream.to_string(), reason }
}

/// The script with this rate of errors for every model.
fn failing(before: &Value, error_rate: f64) -> Value {
    let mut script = before.clone();
    script["default"]["error_rate"] = json!(error_rate);
    for model in script["models"].as_object_mut().into_iter().flat_map(|models| models.values_mut()) {
        model["error_rate"] = json!(error_rate);
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_fails_and_nothing_else_changes() {
        let before =
            json!({ "default": { "error_rate": 0.0, "token_ms": 5 }, "models": { "a": { "error_rate": 0.5 } } });
        let expect =
            json!({ "default": { "error_rate": 0.2, "token_ms": 5 }, "models": { "a": { "error_rate": 0.2 } } });
        assert_eq!(failing(&before, 0.2), expect);
    }
}
