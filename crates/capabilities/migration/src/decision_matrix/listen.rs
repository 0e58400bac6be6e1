//! Where Decision Matrix MCP listens: `MCP_TRANSPORT`, `MCP_HTTP_HOST` and `MCP_HTTP_PORT`.

use std::net::IpAddr;

/// The variables, in this order: how clients speak to it, and where it listens.
pub(crate) const NAMES: [&str; 3] = ["MCP_TRANSPORT", "MCP_HTTP_HOST", "MCP_HTTP_PORT"];

/// The address and port it listens on unless told otherwise.
const HOST: &str = "127.0.0.1";
const PORT: &str = "8081";

/// What its variables say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Nothing.
    Unsaid,
    /// That it speaks over standard input and output.
    Stdio,
    /// An address, and whether only this machine reaches it.
    At(String, bool),
    /// Something that is no address: which variable, and why.
    Wrong(&'static str, &'static str),
}

/// Reads them.
pub(crate) fn listen(value: impl Fn(&str) -> Option<String>) -> Listen {
    let [transport, host, port] = NAMES.map(|name| value(name).map(|value| value.trim().to_owned()));
    let named = host.is_some() || port.is_some();
    match transport.as_deref().map(str::to_lowercase).as_deref() {
        Some("stdio") => return Listen::Stdio,
        Some("http" | "streamable-http" | "streamable_http" | "sse") => {}
        Some(_) => return Listen::Wrong(NAMES[0], "it names neither `stdio` nor `http`"),
        None if named => {}
        None => return Listen::Unsaid,
    }
    let port = port.unwrap_or_else(|| PORT.to_owned());
    if port.parse::<u16>().is_err() {
        return Listen::Wrong(NAMES[2], "it is no port");
    }
    let host = host.filter(|host| !host.is_empty()).unwrap_or_else(|| HOST.to_owned());
    let host = if host.eq_ignore_ascii_case("localhost") { HOST.to_owned() } else { host };
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address @ IpAddr::V6(_)) => Listen::At(format!("[{address}]:{port}"), address.is_loopback()),
        Ok(address) => Listen::At(format!("{address}:{port}"), address.is_loopback()),
        Err(_) => Listen::Wrong(NAMES[1], "it is no address; write one such as `127.0.0.1`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_listening() {
        let check = |said: [Option<&str>; 3], expect: Listen| {
            let value = |name: &str| said[NAMES.iter().position(|known| *known == name).unwrap()].map(str::to_owned);
            assert_eq!(listen(value), expect, "{said:?}");
        };
        let at = |address: &str, own: bool| Listen::At(address.to_owned(), own);
        check([None, None, None], Listen::Unsaid);
        check([Some("stdio"), Some("0.0.0.0"), Some("1")], Listen::Stdio);
        check([Some("HTTP"), None, None], at("127.0.0.1:8081", true));
        check([None, None, Some("9000")], at("127.0.0.1:9000", true));
        check([Some("streamable-http"), Some("0.0.0.0"), Some("80")], at("0.0.0.0:80", false));
        check([Some("http"), Some("localhost"), None], at("127.0.0.1:8081", true));
        check([None, Some("::1"), None], at("[::1]:8081", true));
        check([None, Some("[::]"), None], at("[::]:8081", false));
        check([Some("pigeon"), None, None], Listen::Wrong("MCP_TRANSPORT", "it names neither `stdio` nor `http`"));
        check([None, None, Some("99999")], Listen::Wrong("MCP_HTTP_PORT", "it is no port"));
        let no_address = "it is no address; write one such as `127.0.0.1`";
        check([None, Some("my host"), None], Listen::Wrong("MCP_HTTP_HOST", no_address));
    }
}
