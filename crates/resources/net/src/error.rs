//! What can go wrong between us and an upstream.

use fault::{Explain, Kind, Origin, Retry};
use std::error::Error;
use std::io::ErrorKind;

/// What can go wrong between us and an upstream. Holds host names, never paths, bodies or credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The name has no address.
    #[error("no address found for `{host}`")]
    Dns {
        /// Whom we looked up.
        host: String,
    },
    /// Nobody listens there, or the way is barred.
    #[error("cannot connect to `{host}`: {reason}")]
    Connect {
        /// Whom we called.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// The connection stands, but its security cannot be agreed on.
    #[error("no secure connection to `{host}`: {reason}")]
    Tls {
        /// Whom we called.
        host: String,
        /// What the handshake says.
        reason: String,
    },
    /// The connection took too long.
    #[error("connecting to `{host}` took longer than its limit")]
    ConnectTimeout {
        /// Whom we called.
        host: String,
    },
    /// The other side closed before its answer was whole.
    #[error("the connection was closed before the answer was complete")]
    Closed,
    /// What came is not HTTP.
    #[error("the answer is not valid HTTP")]
    Protocol,
    /// The body is larger than its limit.
    #[error("the answer is larger than {most} bytes")]
    TooLarge {
        /// The limit in bytes.
        most: usize,
    },
}

impl NetError {
    /// From a connector's error for a connection to `host`.
    pub(crate) fn from_dial(host: &str, error: &(dyn Error + 'static)) -> Self {
        let host = host.to_owned();
        let reason = innermost(error);
        let io = find_io(error);
        if chain(error).any(|cause| cause.to_string().contains("dns error")) {
            return Self::Dns { host };
        }
        match io {
            _ if chain(error).any(is_tls) => Self::Tls { host, reason },
            Some(ErrorKind::TimedOut) => Self::ConnectTimeout { host },
            Some(ErrorKind::InvalidData) => Self::Tls { host, reason },
            _ => Self::Connect { host, reason },
        }
    }

    /// From an error while a body was read.
    pub(crate) fn from_body(error: &hyper::Error) -> Self {
        Self::from_chain(error)
    }

    fn from_chain(error: &(dyn Error + 'static)) -> Self {
        let http = chain(error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
        match http {
            Some(error) if error.is_parse() => Self::Protocol,
            _ => Self::Closed,
        }
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Whether an error is of the handshake; the connector may have wrapped it into one of the socket.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || within.is_some_and(|within| within.is::<rustls::Error>() || chain(within).any(is_tls))
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn find_io(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    chain(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>()).last().map(std::io::Error::kind)
}

impl Explain for NetError {
    fn code(&self) -> &'static str {
        match self {
            Self::Dns { .. } => "upstream_dns",
            Self::Connect { .. } => "upstream_connect",
            Self::Tls { .. } => "upstream_tls",
            Self::ConnectTimeout { .. } => "upstream_connect_timeout",
            Self::Closed => "upstream_closed",
            Self::Protocol => "upstream_protocol",
            Self::TooLarge { .. } => "upstream_too_large",
        }
    }

    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn origin(&self) -> Origin {
        Origin::Upstream
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Tls { .. } | Self::TooLarge { .. } | Self::Protocol => Retry::Never,
            Self::Dns { .. } | Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Closed => Retry::Now,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Dns { .. } | Self::Connect { .. } | Self::ConnectTimeout { .. } => {
                "check the provider's `base_url` and that it is reachable from here".to_owned()
            }
            Self::Tls { .. } => "check the provider's certificate and the system's root certificates".to_owned(),
            Self::Closed | Self::Protocol => "look at the upstream's own log".to_owned(),
            Self::TooLarge { .. } => "raise the provider's `reply_bytes_max`".to_owned(),
        })
    }
}
