//! The security schemes of a document: what they are called and where their credentials go.

use crate::document::{self, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many schemes one operation may name.
const NEEDED_MAX: usize = 20;
/// How many schemes of a document are read.
const SCHEMES_MAX: usize = 100;

/// A security scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheme {
    /// Its name; operations refer to it.
    pub name: String,
    /// What it is.
    pub kind: SchemeKind,
    /// The header, query parameter or cookie that carries the credential.
    pub carrier: String,
}

/// What a security scheme is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemeKind {
    /// A key in a header.
    Header,
    /// A key behind the question mark.
    Query,
    /// A key in a cookie.
    Cookie,
    /// `authorization: Basic …`.
    Basic,
    /// `authorization: Bearer …`, also for OAuth 2 and OpenID Connect.
    Bearer,
    /// Something else, such as mutual TLS.
    Other,
}

/// The schemes that a document knows, but those that are none.
pub(crate) fn schemes(root: &Value) -> Vec<Scheme> {
    let listed = root.pointer("/components/securitySchemes").and_then(Value::as_object);
    let read = |(name, scheme): (&String, &Value)| scheme_of(name, document::deref(root, scheme).ok()?);
    listed.into_iter().flatten().take(SCHEMES_MAX).filter_map(read).collect()
}

fn scheme_of(name: &str, scheme: &Value) -> Option<Scheme> {
    let scheme_is = |word: &str| text(scheme, "scheme").eq_ignore_ascii_case(word);
    let (kind, carrier) = match (text(scheme, "type"), text(scheme, "in")) {
        ("apiKey", "header") => (SchemeKind::Header, text(scheme, "name")),
        ("apiKey", "query") => (SchemeKind::Query, text(scheme, "name")),
        ("apiKey", "cookie") => (SchemeKind::Cookie, text(scheme, "name")),
        ("http", _) if scheme_is("basic") => (SchemeKind::Basic, "authorization"),
        ("http", _) if scheme_is("bearer") => (SchemeKind::Bearer, "authorization"),
        ("oauth2" | "openIdConnect", _) => (SchemeKind::Bearer, "authorization"),
        ("", _) => return None,
        _ => (SchemeKind::Other, ""),
    };
    Some(Scheme { name: name.to_owned(), kind, carrier: carrier.to_owned() })
}

/// The names of the schemes that an operation needs, or else the document as a whole.
pub(crate) fn needed(root: &Value, operation: &Value) -> Vec<String> {
    let security = operation.get("security").or_else(|| root.get("security"));
    let alternatives =
        security.and_then(Value::as_array).into_iter().flatten().take(NEEDED_MAX).filter_map(Value::as_object);
    let mut names: Vec<String> = Vec::new();
    for name in alternatives.flat_map(|alternative| alternative.keys().take(NEEDED_MAX)) {
        if names.len() < NEEDED_MAX && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemes_say_where_their_credentials_go() {
        let root = json!({
            "components": {"securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
                "query": {"type": "apiKey", "in": "query", "name": "k"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "s"},
                "basic": {"type": "http", "scheme": "Basic"},
                "token": {"type": "http", "scheme": "bearer"},
                "oauth": {"$ref": "#/components/securitySchemes/oidc"},
                "oidc": {"type": "openIdConnect"},
                "tls": {"type": "mutualTLS"},
                "broken": 3
            }},
            "security": [{"key": [], "query": []}, {"basic": []}, 7]
        });
        let shown: Vec<_> =
            schemes(&root).into_iter().map(|scheme| (scheme.name, scheme.kind, scheme.carrier)).collect();
        let expect = [
            ("key", SchemeKind::Header, "X-Key"),
            ("query", SchemeKind::Query, "k"),
            ("cookie", SchemeKind::Cookie, "s"),
            ("basic", SchemeKind::Basic, "authorization"),
            ("token", SchemeKind::Bearer, "authorization"),
            ("oauth", SchemeKind::Bearer, "authorization"),
            ("oidc", SchemeKind::Bearer, "authorization"),
            ("tls", SchemeKind::Other, ""),
        ];
        assert_eq!(shown, expect.map(|(name, kind, carrier)| (name.to_owned(), kind, carrier.to_owned())));
        assert_eq!(needed(&root, &json!({})), ["key", "query", "basic"]);
        assert_eq!(needed(&root, &json!({"security": []})), [""; 0]);
        assert_eq!(needed(&root, &json!({"security": [{}, {"token": []}]})), ["token"]);
    }
}
