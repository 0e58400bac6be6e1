//! Which hosts and origins a request may name.
//!
//! A page in a browser can make it call any address, ours included. It cannot choose the `Host` header (a rebound
//! name shows) nor hide its `Origin`, so both are checked on every route.

use http::{HeaderMap, Uri, header};
use settings::Server;
use std::net::IpAddr;

/// Any host or origin.
const ANY: &str = "*";

/// The hosts and origins that settings allow besides loopback.
pub(crate) struct Allowed {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Allowed {
    pub(crate) fn new(server: &Server) -> Self {
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        let mut hosts: Vec<String> = lower(&server.allowed_hosts);
        let public = server.public_url.as_ref().and_then(|url| url.parse::<Uri>().ok());
        hosts.extend(public.and_then(|url| url.authority().map(|name| name.as_str().to_ascii_lowercase())));
        hosts.extend(server.bind.parse::<std::net::SocketAddr>().ok().map(|bind| bind.ip().to_string()));
        Self { hosts, origins: lower(&server.allowed_origins) }
    }

    /// Whether a request may name this host.
    pub(crate) fn host(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let Some(host) = named.or_else(|| uri.authority().map(http::uri::Authority::as_str)) else { return false };
        let host = host.to_ascii_lowercase();
        let bare = without_port(&host);
        is_loopback(bare) || self.hosts.iter().any(|allowed| allowed == ANY || *allowed == host || allowed == bare)
    }

    /// Whether a page of this origin may call; requests without an origin do not come from pages.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        is_loopback(without_port(host)) || self.origins.iter().any(|allowed| allowed == ANY || *allowed == origin)
    }
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Allowed {
        Allowed::new(&Server {
            allowed_hosts: vec!["Api.example.com".into(), "other.example:9000".into()],
            allowed_origins: vec!["https://app.example.com".into()],
            public_url: Some("https://public.example/".into()),
            ..Server::default()
        })
    }

    #[test]
    fn hosts() {
        let check = |host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            allowed().host(&headers, &Uri::from_static("/"))
        };
        for good in
            ["localhost:8700", "127.0.0.1", "[::1]:8700", "api.example.com:1", "other.example:9000", "public.example"]
        {
            assert!(check(good), "{good}");
        }
        for bad in ["evil.example", "other.example:9001", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!check(bad), "{bad}");
        }
        assert!(!allowed().host(&HeaderMap::new(), &Uri::from_static("/")));
    }

    #[test]
    fn origins() {
        let check = |origin: &str| allowed().origin(&HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]));
        assert!(allowed().origin(&HeaderMap::new()));
        for good in ["http://localhost:3000", "http://127.0.0.1", "https://app.example.com"] {
            assert!(check(good), "{good}");
        }
        for bad in ["https://evil.example", "http://app.example.com", "null", "https://localhost.evil.example"] {
            assert!(!check(bad), "{bad}");
        }
    }
}
