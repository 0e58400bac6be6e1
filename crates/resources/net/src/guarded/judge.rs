//! Which addresses are public. Looks nothing up.
//!
//! After IANA's registries of special-purpose addresses (RFC 6890 and what followed), and two addresses of clouds that
//! answer any guest with secrets. An address of version 6 that carries one of version 4 is judged by what it carries.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Azure's wire server: in public space, and answers its guests alone.
const WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// What an address is that may not be reached; `None` for one that may, as it is public or within `allowed`.
pub(super) fn refusal(address: IpAddr, allowed: &[IpNet]) -> Option<&'static str> {
    let is_allowed = |address: IpAddr| allowed.iter().any(|net| net.contains(&address));
    let carried = match address {
        IpAddr::V6(six) => carried(six),
        IpAddr::V4(_) => None,
    };
    if is_allowed(address) || carried.is_some_and(|four| is_allowed(IpAddr::V4(four))) {
        return None;
    }
    match (address, carried) {
        (IpAddr::V4(four), _) | (_, Some(four)) => four_refused(four),
        (IpAddr::V6(six), None) => six_refused(six),
    }
}

/// The address of version 4 that one of version 6 stands for: mapped, compatible, NAT64's and 6to4's.
fn carried(six: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = |[.., a, b]: [u16; 8]| four(a, b);
    match six.segments() {
        // The unspecified address and loopback are no compatible ones.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        words @ ([0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..]) => {
            Some(last(words))
        }
        [0x2002, a, b, ..] => Some(four(a, b)),
        _ => None,
    }
}

fn four(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

fn four_refused(four: Ipv4Addr) -> Option<&'static str> {
    if four == WIRE_SERVER {
        return Some("an address of a cloud's own services");
    }
    Some(match four.octets() {
        [127, ..] => "a loopback address",
        [0, ..] => "an unspecified address",
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => "a private address",
        [100, 64..=127, ..] => "an address shared behind a carrier's NAT",
        [169, 254, ..] => "a link-local address, as clouds' metadata have",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [198, 18 | 19, ..] => "an address for benchmarks",
        [224..=239, ..] => "a multicast address",
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn six_refused(six: Ipv6Addr) -> Option<&'static str> {
    Some(match six.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        [0, 0, 0, 0, 0, 0, 0, 0] => "an unspecified address",
        [0xfc00..=0xfdff, ..] => "a private address",
        [0xfe80..=0xfebf, ..] => "a link-local address",
        [0xff00..=0xffff, ..] => "a multicast address",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "an address for documentation",
        [0x2001, 0x2, 0, ..] => "an address for benchmarks",
        // Teredo, ORCHID and others: none of them is a server's.
        [0x2001, 0..=0x1ff, ..] => "a reserved address",
        [0x2000..=0x3fff, ..] => return None,
        _ => "a reserved address",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn check(address: &str, expect: Option<&str>) {
        let found = refusal(address.parse().unwrap(), &[]);
        match expect {
            Some(word) => assert!(found.is_some_and(|found| found.contains(word)), "{address}: {found:?}"),
            None => assert_eq!(found, None, "{address}"),
        }
    }

    #[test]
    fn what_is_not_public_is_refused() {
        for (address, word) in [
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "carrier"),
            ("100.100.100.200", "carrier"),
            ("169.254.169.254", "metadata"),
            ("168.63.129.16", "cloud"),
            ("192.0.0.192", "reserved"),
            ("192.0.2.1", "documentation"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("198.18.0.1", "benchmarks"),
            ("198.19.255.255", "benchmarks"),
            ("192.88.99.1", "reserved"),
            ("224.0.0.1", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:0:10.0.0.1", "private"),
            ("::10.0.0.1", "private"),
            ("64:ff9b::a9fe:a9fe", "metadata"),
            ("64:ff9b:1::1", "reserved"),
            ("2002:7f00:1::1", "loopback"),
            ("2002:c0a8:101::", "private"),
            ("2001::1", "reserved"),
            ("2001:2::1", "benchmarks"),
            ("2001:20::1", "reserved"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("fc00::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "reserved"),
            ("ff02::1", "multicast"),
            ("100::1", "reserved"),
            ("5f00::1", "reserved"),
        ] {
            check(address, Some(word));
        }
    }

    #[test]
    fn what_is_public_is_not() {
        for address in [
            "1.1.1.1",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450::1",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
            "2002:101:101::1",
        ] {
            check(address, None);
        }
    }

    #[test]
    fn every_block_of_version_4_is_judged_as_the_standard_library_does() {
        let mut unlike = String::new();
        for block in 0..=u16::MAX {
            let address = four(block, 0x0103);
            let special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_unspecified()
                || address.octets()[0] >= 240
                || address.octets()[0] == 0;
            if special && four_refused(address).is_none() {
                let _ = write!(unlike, "{address} ");
            }
        }
        assert_eq!(unlike, "");
    }

    #[test]
    fn a_network_may_be_allowed() {
        let allowed = ["10.1.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()];
        for (address, is_allowed) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("fd13::1", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(refusal(address.parse().unwrap(), &allowed).is_none(), is_allowed, "{address}");
        }
    }
}
