//! Where a Redis is: `redis://`, `rediss://` (TLS), and either with `+cluster` and several nodes. Opens nothing.

use crate::connection::Target;
use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionInfo, IntoConnectionInfo};
use std::time::Duration;

/// Text that is no address of a Redis. The text is not kept, for it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a Redis: {problem}, write `redis://[[user]:password@]host[:port][/database]`")]
pub struct AddressError {
    problem: &'static str,
}

impl fault::Explain for AddressError {
    fn code(&self) -> &'static str {
        "redis_address"
    }

    fn kind(&self) -> fault::Kind {
        fault::Kind::BadInput
    }

    fn origin(&self) -> fault::Origin {
        fault::Origin::Caller
    }

    fn retry(&self) -> fault::Retry {
        fault::Retry::Never
    }

    fn hint(&self) -> Option<String> {
        let hint = "`rediss://` for TLS; `redis+cluster://host:port,host:port` for a cluster";
        Some(hint.to_owned())
    }
}

/// What to connect to; `timeout` is how long a node of a cluster may take to answer.
pub(crate) fn target(url: &str, timeout: Duration, connect_max: Duration) -> Result<Target, AddressError> {
    let problem = |problem| AddressError { problem };
    let Some((scheme, rest)) = url.split_once("://") else { return Err(problem("it has no scheme")) };
    match scheme {
        "redis" | "rediss" => {
            let client = Client::open(node(url)?).map_err(|_| problem("it cannot be read"))?;
            Ok(Target::One(Box::new(client)))
        }
        "redis+cluster" | "rediss+cluster" => {
            let nodes = nodes(scheme.trim_end_matches("+cluster"), rest)?;
            let builder = ClusterClient::builder(nodes).tcp_settings(prompt());
            let builder = builder.connection_timeout(connect_max).response_timeout(timeout).retries(2);
            let client = builder.build().map_err(|_| problem("its nodes cannot be read"))?;
            Ok(Target::Cluster(Box::new(client)))
        }
        _ => Err(problem("the scheme is none of `redis`, `rediss`, `redis+cluster`, `rediss+cluster`")),
    }
}

/// The nodes of a cluster, which share user and password.
fn nodes(scheme: &str, rest: &str) -> Result<Vec<ConnectionInfo>, AddressError> {
    let rest = rest.trim_end_matches('/');
    // A password may hold a comma, and with it no host begins.
    let (user, hosts) = rest.rsplit_once('@').map_or(("", rest), |(user, hosts)| (user, hosts));
    let at = if user.is_empty() { "" } else { "@" };
    hosts.split(',').map(|host| node(&format!("{scheme}://{user}{at}{}", host.trim()))).collect()
}

fn node(url: &str) -> Result<ConnectionInfo, AddressError> {
    let info = url.into_connection_info().map_err(|_| AddressError { problem: "it cannot be read" })?;
    Ok(info.set_tcp_settings(prompt()))
}

/// Commands are small and somebody waits for each.
fn prompt() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

#[cfg(test)]
mod tests {
    use super::{nodes, target};
    use crate::connection::Target;
    use std::time::Duration;

    fn kind(url: &str) -> &'static str {
        match target(url, Duration::from_secs(1), Duration::from_secs(1)) {
            Ok(Target::One(_)) => "one",
            Ok(Target::Cluster(_)) => "cluster",
            Err(_) => "none",
        }
    }

    #[test]
    fn addresses_lead_to_one_server_or_to_many() {
        for (url, expect) in [
            ("redis://localhost", "one"),
            ("rediss://:s3cret@cache:7000/3", "one"),
            ("redis+cluster://a,b:7001", "cluster"),
            ("rediss+cluster://ada:s3,cret@a:1,b:2/", "cluster"),
            ("localhost:6379", "none"),
            ("http://localhost", "none"),
            ("redis://", "none"),
            ("redis://a/x", "none"),
            ("redis+cluster://a,,b", "none"),
        ] {
            assert_eq!(kind(url), expect, "{url}");
        }
    }

    #[test]
    fn every_node_has_the_password() {
        let nodes = nodes("rediss", "ada:s3,cret@a:1,b").unwrap();
        let shown: Vec<String> = nodes.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!(shown, ["a:1", "b:6379"]);
        assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("s3,cret")));
    }

    #[test]
    fn no_refusal_repeats_the_address() {
        for url in ["redis://:s3cret@", "redis+cluster://:s3cret@", "s3cret://a", "redis://:s3cret@a/x"] {
            let error = target(url, Duration::ZERO, Duration::ZERO).err().expect(url);
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
