//! Addresses in other projects' settings, cleaned of what ours may not have: passwords, queries, the last step of a
//! path. Nothing is looked up.

use crate::secret::looks_like_one;

/// What an address becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// This one; with words on what was cut off, if anything.
    Kept(String, Option<&'static str>),
    /// None, and why not.
    Refused(&'static str),
}

/// Steps at the end of a path that every client adds by itself.
const STEPS: [&str; 5] = ["/chat/completions", "/completions", "/messages", "/responses", "/embeddings"];

/// Reads an address; where it has no scheme, it gets `http://`.
pub(crate) fn clean(text: &str) -> Address {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let scheme = scheme.to_lowercase();
    if scheme != "http" && scheme != "https" {
        return Address::Refused("only `http://` and `https://` can be reached");
    }
    let mut cut = None;
    let mut rest = rest;
    if let Some((before, _)) = rest.split_once(['?', '#']) {
        (rest, cut) = (before, Some("its query is left out"));
    }
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => {
            cut = Some("the user name and password in it are left out, write the key as `api_key`");
            host
        }
        None => authority,
    };
    if path.split('/').any(looks_like_one) {
        return Address::Refused("a part of its path looks like a key, write the address without it");
    }
    let mut whole = format!("{authority}/{path}").trim_end_matches('/').to_owned();
    if let Some(shorter) = STEPS.iter().find_map(|step| whole.strip_suffix(step)) {
        whole = shorter.trim_end_matches('/').to_owned();
    }
    if !is_usable(&whole) {
        return Address::Refused("it is no address that can be reached");
    }
    Address::Kept(format!("{scheme}://{whole}"), cut)
}

/// Whether host, port and path are what `settings` takes, judged a little more strictly.
fn is_usable(text: &str) -> bool {
    let (authority, path) = text.split_once('/').unwrap_or((text, ""));
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, port)) if inner.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port.strip_prefix(':')),
        Some(_) => return false,
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let host = !host.is_empty() && host.len() <= 253 && !host.starts_with(['.', '-']) && host.bytes().all(named);
    let port = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    let path = path.len() <= 500 && path.bytes().all(|byte| named(byte) || b"/~:@+%,;=()!*'$&".contains(&byte));
    host && port && path && !text.contains('@')
}

/// The host of a cleaned address, without its port.
pub(crate) fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// The path of a cleaned address, empty or from its first slash on.
pub(crate) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

/// An address of Azure OpenAI as the one that takes names of deployments as models and needs no version.
pub(crate) fn azure(url: &str) -> String {
    let start = url.len() - path(url).len();
    let base = path(url).find("/openai").map_or(url, |at| &url[..start + at]);
    format!("{}/openai/v1", base.trim_end_matches('/'))
}

/// A word for a provider at an address: the first label of its host that says something.
pub(crate) fn word(url: &str) -> String {
    let host = host(url);
    if host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok() {
        return "local".to_owned();
    }
    let labels: Vec<&str> = host.split('.').collect();
    let said = |label: &&&str| !["api", "www", "llm", "llms", "inference", "gateway"].contains(*label);
    let own = if labels.len() > 1 { &labels[..labels.len() - 1] } else { &labels[..] };
    own.iter().find(said).or(labels.first()).map(|label| label.to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cleaned() {
        let check = |text: &str, expect: &str| match clean(text) {
            Address::Kept(url, _) => assert_eq!(url, expect, "{text}"),
            Address::Refused(why) => panic!("{text}: {why}"),
        };
        check("https://api.openai.com/v1/", "https://api.openai.com/v1");
        check(" http://localhost:11434 ", "http://localhost:11434");
        check("gpu:11434", "http://gpu:11434");
        check("HTTPS://h/v1/chat/completions?api-version=1", "https://h/v1");
        check("https://user:pass@h:8443/v1#x", "https://h:8443/v1");
        check("http://[::1]:8000/v1", "http://[::1]:8000/v1");
    }

    #[test]
    fn addresses_that_cannot_be_used_are_refused() {
        for text in
            ["", "ftp://h", "http://", "http://h h/", "http://h:99999", "http://h/ä", "https://h/sk-abcdef1234/v1"]
        {
            assert!(matches!(clean(text), Address::Refused(_)), "{text}");
        }
    }

    #[test]
    fn azure_is_asked_by_its_newest_address() {
        for url in ["https://r.openai.azure.com", "https://r.openai.azure.com/openai/deployments/d"] {
            assert_eq!(azure(url), "https://r.openai.azure.com/openai/v1");
        }
        assert_eq!(azure("http://openai/x/openai"), "http://openai/x/openai/v1");
    }

    #[test]
    fn providers_are_called_after_their_hosts() {
        let check = |url: &str, expect: &str| assert_eq!(word(url), expect, "{url}");
        check("https://api.chutes.ai/v1", "chutes");
        check("http://localhost:1234/v1", "local");
        check("http://10.0.0.2:8000", "local");
        check("http://vllm:8000", "vllm");
        check("https://llm.example.org", "example");
        check("https://api", "api");
    }
}
