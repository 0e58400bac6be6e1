//! Results that are too large to stand in an answer, kept in memory for whoever wants to read them: of each tenant a
//! bounded number and a bounded size, for an hour. Another tenant's result does not exist.

use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a result is kept.
const LIFE: Duration = Duration::from_secs(3_600);
/// The most results of one tenant.
const RESULTS_MAX: usize = 64;
/// The most bytes of one tenant's results.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most bytes of all results.
const ALL_BYTES_MAX: usize = 128 * 1024 * 1024;

/// A result.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) id: Arc<str>,
    pub(crate) tool: Arc<str>,
    pub(crate) bytes: Bytes,
    pub(crate) mime: String,
    at: Instant,
}

/// All results.
#[derive(Default)]
pub(crate) struct Results(Mutex<HashMap<Arc<str>, VecDeque<Kept>>>);

impl Results {
    /// Keeps a result, and gives the id by which its tenant reads it. The oldest make room.
    pub(crate) fn keep(&self, tenant: &Arc<str>, tool: &Arc<str>, bytes: Bytes, mime: String) -> Arc<str> {
        let id: Arc<str> = format!("{:032x}", fastrand::u128(..)).into();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        for own in all.values_mut() {
            own.retain(|kept| now.duration_since(kept.at) < LIFE);
        }
        let own = all.entry(Arc::clone(tenant)).or_default();
        own.push_back(Kept { id: Arc::clone(&id), tool: Arc::clone(tool), bytes, mime, at: now });
        while own.len() > RESULTS_MAX || (own.len() > 1 && size(own) > BYTES_MAX) {
            own.pop_front();
        }
        while all.values().map(size).sum::<usize>() > ALL_BYTES_MAX {
            let largest = all.values_mut().max_by_key(|own| size(own));
            if largest.and_then(VecDeque::pop_front).is_none() {
                break;
            }
        }
        all.retain(|_, own| !own.is_empty());
        id
    }

    /// A result of a tenant.
    pub(crate) fn get(&self, tenant: &str, id: &str) -> Option<Kept> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(tenant)?.iter().find(|kept| &*kept.id == id)?;
        (kept.at.elapsed() < LIFE).then(|| kept.clone())
    }

    /// The results of a tenant, newest first.
    pub(crate) fn list(&self, tenant: &str) -> Vec<Kept> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.get(tenant).into_iter().flatten().rev();
        own.filter(|kept| kept.at.elapsed() < LIFE).cloned().collect()
    }
}

fn size(own: &VecDeque<Kept>) -> usize {
    own.iter().map(|kept| kept.bytes.len()).sum()
}

/// The address of a result.
pub(crate) fn address(id: &str) -> String {
    format!("tool://result/{id}")
}

/// What an address names: a result, or a tool by its id.
pub(crate) enum Named<'a> {
    Result(&'a str),
    Tool(String),
}

/// What an address names.
pub(crate) fn named(uri: &str) -> Option<Named<'_>> {
    let rest = uri.strip_prefix("tool://")?;
    match rest.strip_prefix("result/") {
        Some(result) if result.len() == 32 && result.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Some(Named::Result(result))
        }
        _ => Some(Named::Tool(definitions::text::percent_decoded(rest))).filter(|_| !rest.is_empty()),
    }
}

/// The address of a tool's definition.
pub(crate) fn tool_address(tool: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let encode = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    format!("tool://{}", tool.bytes().map(encode).collect::<String>())
}

/// The hash of arguments, whatever the order of their members.
pub(crate) fn hash_of(tool: &str, arguments: &serde_json::Value) -> String {
    let mut canon = String::new();
    canonical(arguments, &mut canon);
    definitions::hex(&[tool.as_bytes(), canon.as_bytes()])
}

fn canonical(value: &serde_json::Value, out: &mut String) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in sorted {
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn results_are_bounded_mortal_and_of_one_tenant() {
        let results = Results::default();
        let (acme, other, tool): (Arc<str>, Arc<str>, Arc<str>) = ("acme".into(), "other".into(), "t".into());
        let first = results.keep(&acme, &tool, Bytes::from_static(b"x"), "text/plain".to_owned());
        assert!(results.get("acme", &first).is_some() && results.get("other", &first).is_none());
        for _ in 0..RESULTS_MAX {
            results.keep(&acme, &tool, Bytes::from_static(b"y"), "text/plain".to_owned());
        }
        assert!(results.get("acme", &first).is_none());
        assert_eq!(results.list("acme").len(), RESULTS_MAX);
        let large = || Bytes::from(vec![0; BYTES_MAX - 1]);
        let one = results.keep(&other, &tool, large(), String::new());
        let two = results.keep(&other, &tool, large(), String::new());
        assert!(results.get("other", &one).is_none() && results.get("other", &two).is_some());
        tokio::time::advance(LIFE).await;
        assert!(results.get("other", &two).is_none() && results.list("acme").is_empty());
    }

    #[test]
    fn addresses_lead_to_results_and_tools() {
        let id = "0123456789abcdef0123456789abcdef";
        assert!(matches!(named(&address(id)), Some(Named::Result(it)) if it == id));
        for tool in ["github__x", "a/b c~1", "result/x", "größe"] {
            assert!(matches!(named(&tool_address(tool)), Some(Named::Tool(it)) if it == tool), "{tool}");
        }
        assert!(named("file:///etc/passwd").is_none() && named("tool://").is_none());
    }

    #[test]
    fn arguments_hash_alike_in_any_order() {
        let (a, b) = (json!({ "x": 1, "y": [{ "p": 1, "q": 2 }] }), json!({ "y": [{ "q": 2, "p": 1 }], "x": 1 }));
        assert_eq!(hash_of("t", &a), hash_of("t", &b));
        assert_ne!(hash_of("t", &a), hash_of("u", &a));
        assert_ne!(hash_of("t", &json!({ "a": "b" })), hash_of("t", &json!({ "a": ["b"] })));
    }
}
