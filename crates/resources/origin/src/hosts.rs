//! Which hosts and origins a request may name.
//!
//! A page in a browser can make it call any address, ours included. It cannot choose the `Host` header (a rebound
//! name shows) nor hide its `Origin`, so both are checked on every route. A rebound name is a name: once callers need
//! a key, hosts that are addresses are welcome, whichever the machine has.

use http::uri::Authority;
use http::{HeaderMap, Uri, header};
use settings::Server;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Any host or origin.
const ANY: &str = "*";

/// The hosts and origins that settings allow besides loopback.
pub struct Allowed {
    hosts: Vec<String>,
    origins: Vec<String>,
    /// Whether callers need a key.
    guarded: Arc<AtomicBool>,
}

impl Allowed {
    /// What these settings allow; `guarded` tells whether callers need a key.
    pub fn new(server: &Server, guarded: Arc<AtomicBool>) -> Self {
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let mut hosts: Vec<String> = lower(&server.allowed_hosts);
        let public = server.public_url.as_ref().and_then(|url| url.parse::<Uri>().ok());
        hosts.extend(public.and_then(|url| url.authority().map(|name| name.as_str().to_ascii_lowercase())));
        hosts.extend(host_of(&server.bind).map(str::to_ascii_lowercase));
        Self { hosts, origins: lower(&server.allowed_origins), guarded }
    }

    /// Whether a request may name this host.
    pub fn host(&self, named: &str) -> bool {
        let named = named.to_ascii_lowercase();
        let listed =
            |bare: &str| self.hosts.iter().any(|host| host == ANY || *host == named || without_brackets(host) == bare);
        host_of(&named).is_some_and(|bare| is_loopback(bare) || listed(bare) || self.address(bare))
    }

    /// Whether the host is an address, and those who name it need a key.
    fn address(&self, bare: &str) -> bool {
        self.guarded.load(Ordering::Relaxed) && bare.parse::<IpAddr>().is_ok()
    }

    /// Whether a page of this origin may call; requests without an origin do not come from pages.
    pub fn origin(&self, headers: &HeaderMap) -> bool {
        headers.get_all(header::ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(|origin| self.one_origin(origin)))
    }

    fn one_origin(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        let host = origin.split_once("://").and_then(|(_, host)| host_of(host));
        host.is_some_and(is_loopback) || self.origins.iter().any(|allowed| allowed == ANY || *allowed == origin)
    }
}

/// The one host that a request names; none when it names none, several or something unreadable.
pub fn named<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    // An address in the first line counts, whatever the header says (RFC 9112, 3.2.2).
    let authority = uri.authority().map(Authority::as_str);
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => None,
        (Some(host), None) => host.to_str().ok().map(|host| authority.unwrap_or(host)),
        (None, None) => authority,
    }
}

/// The host of `host` or `host:port`, without the brackets of an IPv6 address; nothing for anything else.
pub fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(host)
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Allowed {
        guarded(false)
    }

    fn guarded(guarded: bool) -> Allowed {
        let server = Server {
            allowed_hosts: vec!["Api.example.com".into(), "other.example:9000".into(), "[2001:db8::1]".into()],
            allowed_origins: vec!["https://app.example.com".into()],
            public_url: Some("https://public.example/".into()),
            bind: "Box.example:8700".into(),
            ..Server::default()
        };
        Allowed::new(&server, Arc::new(AtomicBool::new(guarded)))
    }

    #[test]
    fn a_guarded_server_has_any_address_but_no_other_name() {
        for address in ["192.168.1.5:8700", "10.0.0.1", "[2001:db8::7]:8700", "0.0.0.0:8700"] {
            assert!(guarded(true).host(address), "{address}");
            assert!(!guarded(false).host(address), "{address}");
        }
        for bad in ["evil.example", "192.168.1.5.evil.example", "2001:db8::7", "192.168.1.5:80@evil.example", "1", ""] {
            assert!(!guarded(true).host(bad), "{bad}");
        }
        assert!(guarded(true).host("api.example.com"));
    }

    #[test]
    fn the_host_that_is_listened_on_is_ours() {
        assert!(allowed().host("box.example:8700") && allowed().host("BOX.example"));
        let on = |bind: &str| Server { bind: bind.into(), ..Server::default() };
        let listening = |bind: &str| Allowed::new(&on(bind), Arc::default());
        assert!(listening("[2001:db8::9]:8700").host("[2001:db8::9]:8700"));
        assert!(listening("10.0.0.9:8700").host("10.0.0.9"));
        assert!(!listening("10.0.0.9:8700").host("10.0.0.8"));
    }

    #[test]
    fn hosts() {
        for good in [
            "localhost:8700",
            "127.0.0.1",
            "[::1]:8700",
            "api.example.com:1",
            "other.example:9000",
            "public.example",
            "[2001:db8::1]:8700",
        ] {
            assert!(allowed().host(good), "{good}");
        }
        for bad in [
            "evil.example",
            "other.example:9001",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "localhost:80@evil.example",
            "[::1]evil.example",
            "[::1",
            "::1",
        ] {
            assert!(!allowed().host(bad), "{bad}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        let check = |hosts: &[&'static str], uri: &'static str, expect: Option<&str>| {
            let headers = hosts.iter().map(|host| (header::HOST, http::HeaderValue::from_static(host)));
            let mut map = HeaderMap::new();
            headers.for_each(|(name, host)| _ = map.append(name, host));
            assert_eq!(named(&map, &Uri::from_static(uri)), expect, "{hosts:?} {uri}");
        };
        check(&["localhost"], "/", Some("localhost"));
        check(&["localhost"], "http://evil.example/", Some("evil.example"));
        check(&[], "http://localhost/", Some("localhost"));
        check(&[], "/", None);
        check(&["localhost", "localhost"], "/", None);
        check(&["localhost", "evil.example"], "http://localhost/", None);
    }

    #[test]
    fn origins() {
        let check = |origin: &str| allowed().origin(&HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]));
        assert!(allowed().origin(&HeaderMap::new()));
        for good in ["http://localhost:3000", "http://127.0.0.1", "https://app.example.com"] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "https://evil.example",
            "http://app.example.com",
            "null",
            "https://localhost.evil.example",
            "http://localhost:80@evil.example",
        ] {
            assert!(!check(bad), "{bad}");
        }
    }
}
