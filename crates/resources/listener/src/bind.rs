//! Addresses that are listened on, and why that cannot be.

use crate::tls::Flaw;
use fault::{Explain, Kind, Origin};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::{TcpListener, TcpSocket};

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is not one.
    #[error("`{bind}` is not an address to listen on: {source}")]
    Address {
        /// What settings say.
        bind: String,
        /// What the system says.
        source: io::Error,
    },
    /// The address is open to others, and nobody could be told apart.
    #[error("`{bind}` can be reached from other machines, and there are no keys yet to tell callers apart")]
    Open {
        /// What settings say.
        bind: String,
    },
    /// Somebody else listens there.
    #[error("cannot listen on `{bind}`: {source}")]
    Taken {
        /// What settings say.
        bind: String,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("`{}` cannot be used as `{setting}`: {flaw}", file.display())]
    Certificate {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
}

impl Explain for ServeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "bad_bind_address",
            Self::Open { .. } => "open_bind_refused",
            Self::Taken { .. } => "address_in_use",
            Self::Certificate { .. } => "bad_certificate",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Address { .. } | Self::Open { .. } | Self::Certificate { .. } => Kind::BadInput,
            Self::Taken { .. } => Kind::Unavailable,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => "write it as `127.0.0.1:8700`".to_owned(),
            Self::Open { .. } => {
                "make a key first: `althing keys create --role admin`, with the same `--data` if you name one; or listen \
                 on `127.0.0.1`"
                    .to_owned()
            }
            Self::Taken { .. } => "stop whoever listens there, or choose another port with `--bind`".to_owned(),
            Self::Certificate { file, flaw, .. } => flaw.hint(file),
        })
    }
}

/// How many connections may wait to be taken; the system's own limit holds as well.
const BACKLOG: u32 = 4_096;

/// Listens on an address. `guarded` says that callers need a key or a token.
///
/// # Errors
/// [`ServeError`], also for any address that is not loopback while nothing guards the server: an open server may not
/// be reached from outside.
pub async fn bind(bind: &str, guarded: bool) -> Result<TcpListener, ServeError> {
    let resolved = tokio::net::lookup_host(bind).await;
    let addresses: Vec<SocketAddr> =
        resolved.map_err(|source| ServeError::Address { bind: bind.to_owned(), source })?.collect();
    if !guarded && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(ServeError::Open { bind: bind.to_owned() });
    }
    let mut refused = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(ServeError::Taken { bind: bind.to_owned(), source: refused })
}

/// Listens on an address with room for a rush: with the usual 128 waiting connections, the rest of a thousand that come
/// at once try again a second later.
///
/// # Errors
/// Whatever the system says.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As everybody does, so that a restart need not wait for old connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_open_server_listens_on_loopback_alone() {
        for open in ["0.0.0.0:0", "[::]:0"] {
            let refused = bind(open, false).await.unwrap_err();
            assert!(matches!(refused, ServeError::Open { .. }), "{refused}");
            assert!(refused.hint().unwrap().contains("`althing keys create --role admin`"));
        }
        assert!(bind("0.0.0.0:0", true).await.is_ok());
        for guarded in [false, true] {
            assert!(matches!(bind("nonsense", guarded).await.unwrap_err(), ServeError::Address { .. }));
            let taken = bind("localhost:0", guarded).await.unwrap();
            let address = taken.local_addr().unwrap().to_string();
            assert!(matches!(bind(&address, guarded).await.unwrap_err(), ServeError::Taken { .. }));
        }
    }
}
