//! Whether text is a host, an address to listen on, an origin or a base URL.
//!
//! Only the form is judged: no name is looked up and no address is reached.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// The most characters a host name may have.
const HOST_CHARS_MAX: usize = 253;

/// Whether text is `host:port`, with IPv6 addresses in brackets.
pub(crate) fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && is_port(port))
}

/// Whether text is `host` or `host:port`.
pub(crate) fn is_authority(text: &str) -> bool {
    is_host(text) || is_host_port(text)
}

/// Whether text is `scheme://host` or `scheme://host:port`.
pub(crate) fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, authority)| is_scheme(scheme) && is_authority(authority))
}

/// The network that text names, such as `10.0.0.0/8`; a single address is a network of one.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Whether a base URL leads beyond this machine without encryption.
pub(crate) fn is_exposed(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner,
        None => authority.split(':').next().unwrap_or_default(),
    };
    !host.eq_ignore_ascii_case("localhost") && !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !text.is_empty() && text.len() <= HOST_CHARS_MAX && text.bytes().all(named) && !text.starts_with('.')
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// What is wrong with a base URL (a problem and a hint), if anything; the URL is not repeated, as it may hold secrets.
pub(crate) fn url_trouble(url: &str) -> Option<(String, &'static str)> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some(("has no scheme".to_owned(), "write `https://host/path` or `http://host:port/path`"));
    };
    if scheme != "http" && scheme != "https" {
        let scheme = crate::wording::cut(scheme);
        return Some((format!("has the scheme `{scheme}`"), "only `http://` and `https://` can be reached"));
    }
    if rest.contains(['?', '#']) {
        return Some(("has a query or a fragment".to_owned(), "write the address up to its path"));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return Some((
            "has a user name or a password in it".to_owned(),
            "leave it out, the credential of a provider goes into `api_key`",
        ));
    }
    if !is_authority(authority) {
        return Some((
            "has no usable host".to_owned(),
            "write `host` or `host:port`, and an international name in its `xn--` form",
        ));
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(("has a path with white space or letters beyond ASCII".to_owned(), "percent-encode them"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{is_authority, is_exposed, is_host_port, is_origin, network, url_trouble};

    #[test]
    fn tells_addresses_from_other_text() {
        for good in ["127.0.0.1:8700", "localhost:0", "[::1]:8700", "0.0.0.0:65535", "my-host.example:80"] {
            assert!(is_host_port(good), "{good}");
        }
        for bad in
            ["", ":8700", "localhost", "localhost:", "a:65536", "a:+1", "a b:1", "::1:8700", "http://a:1", "[x]:1"]
        {
            assert!(!is_host_port(bad), "{bad}");
        }
        for good in ["localhost", "a.example:443", "[::1]", "10.0.0.1"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["", "*", "a/b", "http://a", ".a", "a:b"] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn tells_origins_from_other_text() {
        for good in ["https://a.example", "http://localhost:3000", "tauri://localhost"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in ["*", "null", "a.example", "https://a.example/", "https://", "1x://a"] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn tells_networks_from_other_text() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(network(text).map(|it| it.to_string()).as_deref(), expect, "{text}");
        };
        check("10.0.0.0/8", Some("10.0.0.0/8"));
        check("10.1.2.3", Some("10.1.2.3/32"));
        check("fd00::/8", Some("fd00::/8"));
        check("::1", Some("::1/128"));
        for bad in ["", "10.0.0.0/33", "10.0.0", "proxy.example", "[::1]", "10.0.0.1:80", "10.0.0.0/", " ::1"] {
            check(bad, None);
        }
    }

    #[test]
    fn tells_what_leaves_the_machine_in_the_clear() {
        for safe in
            ["https://a.example", "http://localhost:80/x", "http://LOCALHOST", "http://127.8.9.1", "http://[::1]:8/"]
        {
            assert!(!is_exposed(safe), "{safe}");
        }
        for exposed in ["http://a.example", "http://localhost.example", "http://10.0.0.1:80", "http://[fd00::1]"] {
            assert!(is_exposed(exposed), "{exposed}");
        }
    }

    #[test]
    fn tells_base_urls_from_other_text() {
        for good in ["http://localhost:11434", "https://api.example/v1", "https://[::1]:8/x/y?".trim_end_matches('?')] {
            assert_eq!(url_trouble(good), None, "{good}");
        }
        let trouble = |url| url_trouble(url).unwrap().0;
        assert_eq!(trouble("api.example/v1"), "has no scheme");
        assert_eq!(trouble("ftp://a"), "has the scheme `ftp`");
        assert_eq!(trouble("https://user:pw@a"), "has a user name or a password in it");
        assert_eq!(trouble("https://a?key=1"), "has a query or a fragment");
        assert_eq!(trouble("https://"), "has no usable host");
        assert_eq!(trouble("https://a/b c"), "has a path with white space or letters beyond ASCII");
    }
}
