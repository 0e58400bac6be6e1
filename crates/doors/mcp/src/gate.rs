//! Which hosts and origins may reach the door, in the words of the protocol crate.
//!
//! That crate reads an empty list as "no check". Here an empty setting means loopback alone, and only a `*` that
//! someone wrote turns a check off.

use rmcp::transport::StreamableHttpServerConfig;

const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const ANY: &str = "*";

/// Sets both checks on `config`.
pub(crate) fn guard(
    config: StreamableHttpServerConfig,
    allowed_hosts: &[String],
    allowed_origins: &[String],
) -> StreamableHttpServerConfig {
    let config = if has_any(allowed_hosts) {
        config.disable_allowed_hosts()
    } else {
        config.with_allowed_hosts(hosts(allowed_hosts))
    };
    if has_any(allowed_origins) {
        config.disable_allowed_origins()
    } else {
        config.with_allowed_origins(origins(allowed_origins)).enforce_origin_validation()
    }
}

fn has_any(allowed: &[String]) -> bool {
    allowed.iter().any(|entry| entry.trim() == ANY)
}

fn hosts(allowed: &[String]) -> Vec<String> {
    let loopback = LOOPBACK_HOSTS.iter().map(|host| (*host).to_owned());
    loopback.chain(allowed.iter().map(|host| host.trim().to_owned())).collect()
}

fn origins(allowed: &[String]) -> Vec<String> {
    let loopback = ["http", "https"]
        .iter()
        .flat_map(|scheme| ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{scheme}://{host}:*")));
    loopback.chain(allowed.iter().map(|origin| with_port(origin.trim()))).collect()
}

/// An origin without a port means its scheme's own port, as in a browser; the protocol crate reads it as any port.
fn with_port(origin: &str) -> String {
    let origin = origin.trim_end_matches('/');
    let Some((scheme, authority)) = origin.split_once("://") else { return origin.to_owned() };
    let after_host = authority.rfind(']').map_or(authority, |end| &authority[end..]);
    match scheme {
        _ if after_host.contains(':') => origin.to_owned(),
        "http" => format!("{origin}:80"),
        "https" => format!("{origin}:443"),
        _ => origin.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{guard, with_port};
    use rmcp::transport::StreamableHttpServerConfig;

    #[test]
    fn an_empty_setting_means_loopback_and_not_everybody() {
        let config = guard(StreamableHttpServerConfig::default(), &[], &[]);
        assert_eq!(config.allowed_hosts, ["localhost", "127.0.0.1", "::1"]);
        assert!(config.allowed_origins.contains(&"http://localhost:*".to_owned()));
        assert!(config.allowed_origins.contains(&"https://[::1]:*".to_owned()));
    }

    #[test]
    fn what_is_allowed_is_added_and_a_star_is_anything() {
        let config = guard(StreamableHttpServerConfig::default(), &["a.example".into()], &["https://b.example".into()]);
        assert!(config.allowed_hosts.contains(&"a.example".to_owned()));
        assert!(config.allowed_hosts.contains(&"localhost".to_owned()));
        assert!(config.allowed_origins.contains(&"https://b.example:443".to_owned()));
        let open = guard(StreamableHttpServerConfig::default(), &["*".into()], &["*".into()]);
        assert!(open.allowed_hosts.is_empty() && open.allowed_origins.is_empty());
    }

    #[test]
    fn an_origin_without_a_port_means_the_port_of_its_scheme() {
        assert_eq!(with_port("https://a.example/"), "https://a.example:443");
        assert_eq!(with_port("http://[::1]"), "http://[::1]:80");
        assert_eq!(with_port("http://[::1]:3000"), "http://[::1]:3000");
        assert_eq!(with_port("http://a.example:*"), "http://a.example:*");
        assert_eq!(with_port("null"), "null");
    }
}
