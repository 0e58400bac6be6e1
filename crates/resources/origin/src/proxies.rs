//! Who really asks, when proxies stand between.
//!
//! Anybody can send a header, so what it says counts only as far as settings trust whoever wrote it: proxies append
//! the address that they were asked from, so the walk goes from the peer outwards, and ends at the first address that
//! is no trusted proxy's. A trusted proxy must write `x-forwarded-for`, or drop the one that it was sent. Scheme and
//! host as proxies tell them are not looked at.

use crate::hosts::host_of;
use http::{HeaderMap, HeaderName, header};
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

/// The header that most proxies write; it comes first where there are both.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The most proxies behind one another.
const HOPS_MAX: usize = 64;
/// The bits that IPv4 addresses share as IPv6 ones (`::ffff:0:0/96`).
const MAPPED_BITS: u8 = 96;

/// The address of whoever asks, among the extensions of every request that came over a socket. IPv4 is never written
/// as IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddr(pub IpAddr);

/// The proxies that are believed.
pub struct Proxies {
    trusted: Vec<IpNet>,
}

impl Proxies {
    /// From addresses and networks that settings have checked; what is neither is trusted with nothing.
    pub fn new(trusted: &[String]) -> Self {
        Self { trusted: trusted.iter().filter_map(|entry| network(entry.trim())).collect() }
    }

    /// Who asks with these headers over a connection from `peer`.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddr {
        let mut client = peer.to_canonical();
        let mut hops = None;
        while self.trusts(client) {
            let hops = hops.get_or_insert_with(|| hops_of(headers));
            // What is no address says nothing, nor does anything behind it.
            let Some(Some(address)) = hops.next() else { break };
            client = address.to_canonical();
        }
        ClientAddr(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// A network from `10.0.0.0/8` or `10.0.0.1`, of IPv4 wherever it can be.
fn network(entry: &str) -> Option<IpNet> {
    let network = entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from)).ok()?;
    let mapped = match (network.addr().to_canonical(), network.prefix_len().checked_sub(MAPPED_BITS)) {
        (IpAddr::V4(address), Some(bits)) if network.addr().is_ipv6() => Ipv4Net::new(address, bits).ok(),
        _ => None,
    };
    Some(mapped.map_or(network, IpNet::from))
}

/// The addresses that proxies noted, the nearest first; nothing for each that is none.
fn hops_of(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match headers.contains_key(X_FORWARDED_FOR) {
        true => (X_FORWARDED_FOR, address),
        false => (header::FORWARDED, forwarded_for),
    };
    let lines = headers.get_all(name).iter().rev();
    // A line that is no text is one hop that is no address.
    lines.flat_map(|line| from_right(line.to_str().unwrap_or_default(), b',')).map(read).take(HOPS_MAX)
}

/// The pieces of a list, the last first. Whatever quotes whoever wrote the beginning left open, the pieces at the end
/// stay what their writers meant.
fn from_right(list: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut left = Some(list);
    std::iter::from_fn(move || {
        let list = left?;
        let mut quoted = false;
        let at = list.bytes().rposition(|byte| {
            quoted ^= byte == b'"';
            byte == separator && !quoted
        });
        left = at.map(|at| &list[..at]);
        Some(at.map_or(list, |at| &list[at + 1..]).trim())
    })
}

/// The address of one element of `forwarded` (RFC 7239), which names one at most.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut node = None;
    for pair in from_right(element, b';').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if name.eq_ignore_ascii_case("for") && node.replace(value).is_some() {
            return None;
        }
    }
    let node = node?;
    address(node.strip_prefix('"').map_or(Some(node), |quoted| quoted.strip_suffix('"'))?)
}

/// An address with or without a port; nothing for names, `unknown` and the like.
fn address(node: &str) -> Option<IpAddr> {
    node.parse().ok().or_else(|| host_of(node)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTED: [&str; 4] = ["10.0.0.0/8", "192.168.1.5", "2001:db8:1::/48", "::ffff:172.16.0.0/108"];

    fn check(peer: &str, lines: &[(&'static str, &str)], expect: &str) {
        let proxies = Proxies::new(&TRUSTED.map(str::to_owned));
        let mut headers = HeaderMap::new();
        lines.iter().for_each(|(name, line)| _ = headers.append(*name, line.parse().unwrap()));
        let client = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(client, ClientAddr(expect.parse().unwrap()), "{peer} {lines:?}");
    }

    #[test]
    fn who_is_not_trusted_speaks_for_itself() {
        for peer in ["203.0.113.9", "2001:db8:2::1", "11.0.0.1", "192.168.1.6", "172.32.0.1"] {
            check(peer, &[("x-forwarded-for", "198.51.100.1")], peer);
            check(peer, &[("forwarded", "for=198.51.100.1")], peer);
        }
        let nobody = Proxies::new(&["nonsense".to_owned(), String::new()]);
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, "198.51.100.1".parse().unwrap())]);
        let peer = "127.0.0.1".parse().unwrap();
        assert_eq!(nobody.client(peer, &headers), ClientAddr(peer));
    }

    #[test]
    fn trusted_proxies_are_walked_past() {
        let check = |line: &str, expect| check("10.0.0.1", &[("x-forwarded-for", line)], expect);
        check("198.51.100.1", "198.51.100.1");
        check("203.0.113.66, 198.51.100.1", "198.51.100.1");
        check("203.0.113.66,198.51.100.1 ,10.2.3.4,\t192.168.1.5", "198.51.100.1");
        check("198.51.100.1, 172.16.9.9", "198.51.100.1");
        check("198.51.100.1:4711", "198.51.100.1");
        check("2001:db8:7::1", "2001:db8:7::1");
        check("[2001:db8:7::1]", "2001:db8:7::1");
        check("[2001:db8:7::1]:4711, 2001:db8:1::9", "2001:db8:7::1");
        check("::ffff:198.51.100.1", "198.51.100.1");
        check("198.51.100.1, ::ffff:10.1.1.1", "198.51.100.1");
        // Proxies all the way: the outermost asks.
        check("10.9.9.9, 10.0.0.2", "10.9.9.9");
    }

    #[test]
    fn what_is_malformed_ends_the_walk_at_the_last_good_address() {
        let check = |line: &str, expect| check("10.0.0.1", &[("x-forwarded-for", line)], expect);
        for line in ["", "unknown", "198.51.100", "198.51.100.1:x", "1.2.3.4, localhost", "fe80::1%eth0", "é", "[::1"]
        {
            check(line, "10.0.0.1");
        }
        check("198.51.100.1, junk, 10.0.0.2", "10.0.0.2");
        check("198.51.100.1, , 10.0.0.2", "10.0.0.2");
        check("198.51.100.1,", "10.0.0.1");
        check("junk, \", 198.51.100.1", "198.51.100.1");
    }

    #[test]
    fn lines_are_one_list() {
        let lines = [("x-forwarded-for", "203.0.113.66"), ("x-forwarded-for", "198.51.100.1, 10.0.0.3")];
        check("::ffff:10.0.0.1", &lines, "198.51.100.1");
        let lines = [("x-forwarded-for", "203.0.113.66"), ("x-forwarded-for", "")];
        check("10.0.0.1", &lines, "10.0.0.1");
        let both = [("forwarded", "for=203.0.113.66"), ("x-forwarded-for", "198.51.100.1")];
        check("10.0.0.1", &both, "198.51.100.1");
        check("10.0.0.1", &[("x-forwarded-proto", "https"), ("x-real-ip", "198.51.100.1")], "10.0.0.1");
    }

    #[test]
    fn forwarded() {
        let check = |line: &str, expect| check("192.168.1.5", &[("forwarded", line)], expect);
        check("for=198.51.100.1", "198.51.100.1");
        check("For=203.0.113.66, FOR=\"198.51.100.1:4711\";proto=https;by=10.0.0.1", "198.51.100.1");
        check("for=\"[2001:db8:7::1]:4711\"", "2001:db8:7::1");
        check("for=\"[2001:db8:7::1]\"; host=\"a,b;c\";, for=10.0.0.2", "2001:db8:7::1");
        check("for=203.0.113.66;x=\"open, for=198.51.100.1", "198.51.100.1");
        check("for=203.0.113.66;x=\", for=198.51.100.1;host=\"here\"", "198.51.100.1");
        for line in [
            "for=unknown",
            "for=_hidden",
            "by=10.0.0.1;proto=https",
            "198.51.100.1",
            "for=198.51.100.1;for=203.0.113.66",
            "for=\"198.51.100.1",
            "for=",
            "",
        ] {
            check(line, "192.168.1.5");
        }
        check("for=198.51.100.1, for=_hidden, for=10.0.0.2", "10.0.0.2");
    }

    #[test]
    fn endless_proxies_come_to_an_end() {
        let line = vec!["10.0.0.2"; 10_000].join(",");
        check("10.0.0.1", &[("x-forwarded-for", &format!("198.51.100.1,{line}"))], "10.0.0.2");
        let few = vec!["10.0.0.2"; HOPS_MAX - 1].join(",");
        check("10.0.0.1", &[("x-forwarded-for", &format!("198.51.100.1,{few}"))], "198.51.100.1");
    }
}
