//! Opens a connection to an address that was judged. Looks no name up of its own accord.

use super::hop::Hop;
use super::resolve::Resolve;
use super::{GuardedError, judge};
use crate::places::Places;
use crate::socket::{Socket, Stream};
use crate::{NetError, tls};
use ipnet::IpNet;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Host;

/// How many addresses of one name are tried.
const TRIED_MAX: usize = 6;

/// Opens connections to judged addresses alone.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) allowed: Vec<IpNet>,
    pub(super) connect_timeout: Duration,
    pub(super) resolver: Arc<dyn Resolve>,
    /// Loaded when the first secure address is dialled.
    pub(super) tls: OnceLock<Arc<ClientConfig>>,
}

impl Dial {
    /// A connection for `hop`, secured where its address says so.
    pub(super) async fn open(&self, hop: &Hop) -> Result<Box<dyn Stream>, GuardedError> {
        let stands = timeout(self.connect_timeout, self.stand(hop));
        stands.await.map_err(|_| NetError::ConnectTimeout { host: hop.host().to_owned() })?
    }

    async fn stand(&self, hop: &Hop) -> Result<Box<dyn Stream>, GuardedError> {
        let judged = self.judged(hop).await?;
        let failed = |error: io::Error| NetError::from_dial(hop.host(), &error);
        let tcp = self.connect(&judged, hop.port()).await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        let socket = Socket::new(tcp, None, Places::default().take().0);
        if !hop.is_secure() {
            return Ok(Box::new(socket));
        }
        let name = server_name(hop)?;
        let secured = TlsConnector::from(self.tls(hop)?).connect(name, socket).await;
        // Wrapped, as `NetError` tells a handshake's errors from those of the socket by what is within.
        Ok(Box::new(secured.map_err(|error| failed(io::Error::other(error)))?))
    }

    /// The addresses of the host, all of them judged: one that is refused refuses the host, as whoever answers with a
    /// private address beside a public one wants it to be reached.
    async fn judged(&self, hop: &Hop) -> Result<Vec<IpAddr>, GuardedError> {
        let found = match hop.place() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            Some(Host::Domain(name)) => self.resolver.resolve(name).await.unwrap_or_default(),
            None => Vec::new(),
        };
        if found.is_empty() {
            return Err(NetError::Dns { host: hop.host().to_owned() }.into());
        }
        match found.iter().find_map(|address| judge::refusal(*address, &self.allowed)) {
            Some(what) => Err(GuardedError::Refused { host: hop.host().to_owned(), what }),
            None => Ok(found),
        }
    }

    /// The first that answers, each within its share of the time that is left.
    async fn connect(&self, judged: &[IpAddr], port: u16) -> io::Result<TcpStream> {
        let tried = judged.len().min(TRIED_MAX);
        let until = Instant::now() + self.connect_timeout;
        let mut last = io::Error::from(ErrorKind::TimedOut);
        for (address, left) in judged.iter().zip((1..=tried).rev()) {
            let share = until.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(1);
            match timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::Error::from(ErrorKind::TimedOut),
            }
        }
        Err(last)
    }

    fn tls(&self, hop: &Hop) -> Result<Arc<ClientConfig>, GuardedError> {
        if let Some(tls) = self.tls.get() {
            return Ok(Arc::clone(tls));
        }
        let unsecured = GuardedError::Address { problem: "its scheme is not https" };
        let loaded = tls::config_for(&hop.uri()?).ok_or(unsecured)?;
        Ok(Arc::clone(self.tls.get_or_init(|| loaded)))
    }
}

/// What a certificate must be for.
fn server_name(hop: &Hop) -> Result<ServerName<'static>, GuardedError> {
    // A name may end with a dot; that of a certificate never does.
    let host = hop.host().trim_matches(['[', ']']).trim_end_matches('.');
    let named = ServerName::try_from(host.to_owned());
    named.map_err(|_| GuardedError::Address { problem: "its host is no host" })
}
