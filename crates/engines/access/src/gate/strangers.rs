//! How often wrong credentials may come from one address.

use super::bounded::Bounded;
use guard::Gcra;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// The most addresses that are remembered.
const ADDRESSES_MAX: usize = 65_536;
/// How many seconds' worth of wrong credentials may come at once.
const BURST_S: u32 = 5;

/// Addresses that wrong credentials came from.
pub(super) struct Strangers {
    per_s: u32,
    known: Bounded<IpAddr, Arc<Gcra>>,
}

impl Strangers {
    /// Lets each address try so many wrong credentials per second, and five seconds' worth at once.
    pub(super) fn new(per_s: u32) -> Self {
        Self { per_s: per_s.max(1), known: Bounded::new(ADDRESSES_MAX) }
    }

    /// Whether the rate is this one.
    pub(super) fn allow(&self, per_s: u32) -> bool {
        self.per_s == per_s.max(1)
    }

    /// Notes a wrong credential; fails with how long to wait where there were too many.
    pub(super) fn note(&self, client: IpAddr, now: Duration) -> Result<(), Duration> {
        let rate = || Arc::new(Gcra::new(Duration::from_secs(1) / self.per_s, self.per_s.saturating_mul(BURST_S)));
        self.known.get_or(&place(client), rate).check(now)
    }

    /// Whether there were too many already; notes nothing.
    pub(super) fn look(&self, client: IpAddr, now: Duration) -> Result<(), Duration> {
        self.known.get(&place(client)).map_or(Ok(()), |rate| rate.peek(now))
    }
}

/// Whom an address stands for: whoever has one address of IPv6 has all that begin with the same 64 bits.
fn place(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(strangers: &Strangers, client: &str, now: Duration) -> usize {
        (0..200).filter(|_| strangers.note(client.parse().unwrap(), now).is_ok()).count()
    }

    #[test]
    fn each_address_has_its_own_rate() {
        let strangers = Strangers::new(10);
        let now = Duration::from_secs(100);
        assert_eq!(tries(&strangers, "192.0.2.1", now), 50);
        assert_eq!(tries(&strangers, "::ffff:192.0.2.1", now), 0);
        assert_eq!(tries(&strangers, "192.0.2.2", now), 50);
        assert_eq!(tries(&strangers, "192.0.2.1", now + Duration::from_secs(1)), 10);
        assert_eq!(tries(&strangers, "2001:db8:0:1::1", now), 50);
        assert_eq!(tries(&strangers, "2001:db8:0:1:ffff::2", now), 0);
        assert_eq!(tries(&strangers, "2001:db8:0:2::1", now), 50);
        assert!(strangers.look("192.0.2.2".parse().unwrap(), now).is_err());
        assert!(strangers.look("192.0.2.3".parse().unwrap(), now).is_ok());
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_room_than_there_is() {
        let strangers = Strangers::new(1);
        for address in 0..ADDRESSES_MAX as u32 + 5_000 {
            let _ = strangers.note(IpAddr::V4(address.into()), Duration::ZERO);
        }
        assert!(strangers.known.len() <= ADDRESSES_MAX);
    }
}
