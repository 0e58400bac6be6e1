//! Where a document says that its operations are.

use crate::OpenApiError;
use crate::document::{shorten, text};
use serde_json::Value;
use url::Url;

/// How much of an address is shown.
const SHOWN_CHARS_MAX: usize = 120;
/// How many servers are read.
const SERVERS_MAX: usize = 20;
/// The longest address of a server.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// The addresses in a list of servers, each with the defaults of its variables. They may be relative.
pub(crate) fn listed(holder: &Value) -> Vec<String> {
    let servers = holder.get("servers").and_then(Value::as_array);
    servers
        .into_iter()
        .flatten()
        .take(SERVERS_MAX)
        .filter(|server| server.get("url").is_some_and(Value::is_string))
        .map(filled)
        .collect()
}

/// In one pass, so that what a default holds is no variable again; and no longer than any address is.
fn filled(server: &Value) -> String {
    let default = |name: &str| server.get("variables")?.get(name)?.get("default")?.as_str();
    let (mut url, mut rest) = (String::new(), text(server, "url"));
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        url.push_str(before);
        match default(name) {
            Some(value) => url.push_str(value),
            // It stays, and makes the address one that nobody takes.
            None => url.push_str("{}"),
        }
        rest = after;
        if url.len() > ADDRESS_BYTES_MAX {
            break;
        }
    }
    url.push_str(rest);
    shorten(&url, ADDRESS_BYTES_MAX)
}

/// The base address that `server` stands for: without a slash at its end, `http` or `https`. A relative one is resolved
/// against `source`, the address that the document came from.
///
/// # Errors
/// [`OpenApiError::Server`] for what is no such address.
pub fn resolve(server: &str, source: Option<&str>) -> Result<String, OpenApiError> {
    let bad = |problem| OpenApiError::Server { server: shorten(&hidden(server), SHOWN_CHARS_MAX), problem };
    if server.contains(['{', '}']) {
        return Err(bad("it has a variable without a default"));
    }
    let url = match (Url::parse(server), source) {
        (Ok(url), _) => url,
        (Err(url::ParseError::RelativeUrlWithoutBase), Some(source)) => {
            let source =
                Url::parse(source).map_err(|_| bad("it is relative, and the document came from no address"))?;
            source.join(server).map_err(|_| bad("it cannot be read"))?
        }
        (Err(url::ParseError::RelativeUrlWithoutBase), None) => {
            return Err(bad("it is relative, and where the document came from is not known"));
        }
        (Err(_), _) => return Err(bad("it cannot be read")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("its scheme is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it holds a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a query or fragment"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// An address without what may be a credential in it.
fn hidden(server: &str) -> String {
    match (server.find("://"), server.find('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let (start, end) = (server.get(..scheme).unwrap_or_default(), server.get(at..).unwrap_or_default());
            format!("{start}://…{end}")
        }
        _ => server.split('?').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_have_defaults() {
        let document = json!({"servers": [
            {"url": "https://{host}.example.com/{v}/{v}", "variables": {"host": {"default": "{v}"}, "v": {"default": "v2"}}},
            {"url": "/api"}, {"no": 1}, 3
        ]});
        assert_eq!(listed(&document), ["https://{v}.example.com/v2/v2", "/api"]);
        let long =
            json!({"servers": [{"url": "{a}".repeat(2_000), "variables": {"a": {"default": "b".repeat(2_000)}}}]});
        assert_eq!(listed(&long)[0].chars().count(), ADDRESS_BYTES_MAX + 1);
        assert!(resolve("https://x/{}", None).is_err());
        assert_eq!(listed(&json!({"servers": 1})), [""; 0]);
    }

    #[test]
    fn servers_become_bases() {
        let source = Some("https://docs.example.com/v1/openapi.json?x=1");
        for (server, source, expect) in [
            ("https://api.example.com/v1/", None, "https://api.example.com/v1"),
            ("HTTP://API.example.com:80", None, "http://api.example.com"),
            ("/v2", source, "https://docs.example.com/v2"),
            ("./", source, "https://docs.example.com/v1"),
            ("../..", source, "https://docs.example.com"),
            ("/", source, "https://docs.example.com"),
            ("//other.example.com/x", source, "https://other.example.com/x"),
        ] {
            assert_eq!(resolve(server, source).as_deref(), Ok(expect), "{server}");
        }
    }

    #[test]
    fn what_is_no_base_is_refused_without_its_secrets() {
        for (server, source, word) in [
            ("/v1", None, "not known"),
            ("/v1", Some("openapi.json"), "came from no address"),
            ("/v1", Some("file:///tmp/openapi.json"), "scheme"),
            ("ftp://x/", None, "scheme"),
            ("https://{region}.example.com", None, "variable"),
            ("https://user:hunter2@example.com", None, "password"),
            ("https://example.com/?key=hunter2", None, "query"),
            ("https://", None, "read"),
            ("javascript:alert(1)", None, "scheme"),
        ] {
            let error = resolve(server, source).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains("hunter2"), "{server}: {error}");
        }
    }
}
