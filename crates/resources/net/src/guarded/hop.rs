//! One request on its way: its address, and what becomes of it where the answer sends it elsewhere. Knows no connection.

use super::GuardedError;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use url::{Host, Url};

/// Ports that other protocols listen on; a request that is sent there may be taken for one of theirs. From the list of
/// "bad ports" in WHATWG's Fetch, section 2.9.
const BAD_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];
/// What is ours or the connection's to say, whatever came with the request.
const OURS: [HeaderName; 9] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];
/// What may follow to another origin; whatever else there is may be a credential.
const HARMLESS: [HeaderName; 6] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_ENCODING,
    header::USER_AGENT,
];
const CONTENT: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_LANGUAGE, header::CONTENT_ENCODING, header::CONTENT_LOCATION];
const USER_AGENT: HeaderValue = HeaderValue::from_static("althing");

/// One request to one address.
#[derive(Debug)]
pub(super) struct Hop {
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Hop {
    /// # Errors
    /// [`GuardedError::Address`] for one that is never sent to.
    pub(super) fn new(request: Request<Bytes>) -> Result<Self, GuardedError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string());
        let url = url.map_err(|_| GuardedError::Address { problem: "it is not a whole address" })?;
        check(&url)?;
        let mut headers = parts.headers;
        for name in OURS {
            headers.remove(name);
        }
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        Ok(Self { url, method: parts.method, headers, body })
    }

    /// The host, as it is shown.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host: a name or an address.
    pub(super) fn place(&self) -> Option<Host<&str>> {
        self.url.host()
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The whole address, for who loads what it is secured with.
    pub(super) fn uri(&self) -> Result<Uri, GuardedError> {
        self.url.as_str().parse().map_err(|_| GuardedError::Address { problem: "it is too long or no address" })
    }

    /// The request as it is written to a server that is no proxy.
    pub(super) fn request(&self) -> Result<Request<http_body_util::Full<Bytes>>, GuardedError> {
        let bad = |_| GuardedError::Address { problem: "it is too long or no address" };
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let uri = Uri::try_from(format!("{}{query}", self.url.path())).map_err(bad)?;
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = HeaderValue::try_from(format!("{}{port}", self.host()));
        let mut request = Request::new(http_body_util::Full::new(self.body.clone()));
        (*request.method_mut(), *request.uri_mut()) = (self.method.clone(), uri);
        *request.headers_mut() = self.headers.clone();
        let host = host.map_err(|_| GuardedError::Address { problem: "its host is no host" })?;
        request.headers_mut().insert(header::HOST, host);
        Ok(request)
    }

    /// Where an answer sends this request; `None` where it is the answer.
    ///
    /// # Errors
    /// [`GuardedError::Address`] where it sends us somewhere that is never sent to.
    pub(super) fn redirected(&self, status: StatusCode, headers: &HeaderMap) -> Result<Option<Self>, GuardedError> {
        let (true, Some(location)) = (matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308), headers.get("location"))
        else {
            return Ok(None);
        };
        let bad = GuardedError::Address { problem: "it redirects to something that is no address" };
        let Some(mut url) = location.to_str().ok().and_then(|to| self.url.join(to).ok()) else { return Err(bad) };
        url.set_fragment(None);
        check(&url)?;
        let (mut method, mut headers, mut body) = (self.method.clone(), self.headers.clone(), self.body.clone());
        if !same_origin(&self.url, &url) {
            let kept = HARMLESS.into_iter().filter_map(|name| Some((name.clone(), self.headers.get(name)?.clone())));
            headers = kept.filter(|(_, value)| !value.is_sensitive()).collect();
        }
        // RFC 9110, 15.4: a POST may become a GET with 301 and 302, as everybody does; with 303 all but HEAD do.
        let is_other = method != Method::GET && method != Method::HEAD;
        if (status == StatusCode::SEE_OTHER && is_other) || (status.as_u16() <= 302 && method == Method::POST) {
            (method, body) = (Method::GET, Bytes::new());
            for name in CONTENT {
                headers.remove(name);
            }
        }
        Ok(Some(Self { url, method, headers, body }))
    }
}

/// The same scheme, host and port, or the same host on the usual ports and secure from here on.
fn same_origin(from: &Url, to: &Url) -> bool {
    let upgraded = (from.scheme(), to.scheme()) == ("http", "https") && (from.port(), to.port()) == (None, None);
    from.host() == to.host()
        && (upgraded || (from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default()))
}

fn check(url: &Url) -> Result<(), GuardedError> {
    let refused = |problem| Err(GuardedError::Address { problem });
    if !matches!(url.scheme(), "http" | "https") {
        return refused("its scheme is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("it holds a user or password");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return refused("it names no host");
    }
    if url.port_or_known_default().is_none_or(|port| BAD_PORTS.binary_search(&port).is_ok()) {
        return refused("its port belongs to another protocol");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, uri: &str) -> Hop {
        let mut key = HeaderValue::from_static("secret");
        key.set_sensitive(true);
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("authorization", "Bearer s").header("x-own", "1").header("accept", "a/b");
        let request = request.header("cookie", "c=1").header("content-type", "a/c").header("accept-language", key);
        Hop::new(request.header("host", "other").body(Bytes::from_static(b"body")).unwrap()).unwrap()
    }

    fn to(hop: &Hop, status: u16, location: &str) -> Result<Option<Hop>, GuardedError> {
        let headers = [(header::LOCATION, HeaderValue::from_str(location).unwrap())].into_iter().collect();
        hop.redirected(StatusCode::from_u16(status).unwrap(), &headers)
    }

    fn names(hop: &Hop) -> Vec<&str> {
        let mut names: Vec<_> = hop.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_ports_are_in_order() {
        assert!(BAD_PORTS.is_sorted());
    }

    #[test]
    fn addresses_that_are_never_sent_to() {
        for (uri, word) in [
            ("/path", "whole"),
            ("ftp://h/", "scheme"),
            ("file:///etc/passwd", "scheme"),
            ("http://user:pw@h/", "password"),
            ("http://user@h/", "password"),
            ("http://h:25/", "port"),
            ("http://h:0/", "port"),
            ("https://h:6667/", "port"),
        ] {
            let Ok(uri) = uri.parse::<Uri>() else { continue };
            let mut request = Request::new(Bytes::new());
            *request.uri_mut() = uri.clone();
            let error = Hop::new(request).unwrap_err();
            assert!(error.to_string().contains(word), "{uri}: {error}");
            assert!(!error.to_string().contains("pw"));
        }
    }

    #[test]
    fn one_reader_of_addresses_for_judging_and_for_connecting() {
        for (uri, host) in
            [("http://2130706433/", "127.0.0.1"), ("http://0x7f.1/", "127.0.0.1"), ("http://[::1]/", "[::1]")]
        {
            assert_eq!(hop(Method::GET, uri).host(), host);
        }
        let written = hop(Method::GET, "https://h:8443/a?b=c%2Fd").request().unwrap();
        assert_eq!(
            (written.uri().to_string().as_str(), &written.headers()["host"]),
            ("/a?b=c%2Fd", &"h:8443".parse().unwrap())
        );
        assert_eq!(hop(Method::GET, "https://h:443/").request().unwrap().headers()["host"], "h");
    }

    #[test]
    fn what_follows_to_another_origin() {
        const ALL: [&str; 7] =
            ["accept", "accept-language", "authorization", "content-type", "cookie", "user-agent", "x-own"];
        const FEW: [&str; 3] = ["accept", "content-type", "user-agent"];
        for (from, location, expect) in [
            ("https://h/a", "/b", &ALL[..]),
            ("https://h/a", "https://h:443/b", &ALL),
            ("http://h/a", "https://h/b", &ALL),
            ("https://h/a", "http://h/b", &FEW),
            ("https://h/a", "https://h:8443/b", &FEW),
            ("https://h/a", "https://i/b", &FEW),
            ("https://h/a", "//i/b", &FEW),
            ("http://h:8080/a", "https://h/b", &FEW),
        ] {
            let next = to(&hop(Method::PUT, from), 307, location).unwrap().unwrap();
            assert_eq!(names(&next), expect, "{from} to {location}");
            assert_eq!((next.method, next.body.as_ref()), (Method::PUT, &b"body"[..]));
        }
    }

    #[test]
    fn methods_change_as_they_do_everywhere() {
        for (status, method, expect) in [
            (301, Method::POST, Method::GET),
            (302, Method::POST, Method::GET),
            (302, Method::PUT, Method::PUT),
            (303, Method::DELETE, Method::GET),
            (303, Method::HEAD, Method::HEAD),
            (307, Method::POST, Method::POST),
            (308, Method::PATCH, Method::PATCH),
        ] {
            let next = to(&hop(method.clone(), "http://h/"), status, "/b#part").unwrap().unwrap();
            assert_eq!((next.url.as_str(), &next.method), ("http://h/b", &expect), "{status} {method}");
            let changed = method != expect;
            assert_eq!((next.body.is_empty(), next.headers.contains_key("content-type")), (changed, !changed));
        }
        for status in [200, 204, 300, 304, 404] {
            assert!(to(&hop(Method::GET, "http://h/"), status, "/b").unwrap().is_none());
        }
        assert!(hop(Method::GET, "http://h/").redirected(StatusCode::FOUND, &HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn redirects_to_where_nobody_goes_are_refused() {
        for location in ["ftp://h/", "javascript:1", "http://u:p@h/", "http://h:22/", "http://", "data:,x"] {
            assert!(to(&hop(Method::GET, "http://h/"), 302, location).is_err(), "{location}");
        }
    }
}
