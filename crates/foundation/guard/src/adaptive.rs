//! How many may be asked at once, found by one of several ways. Which way suits an upstream is for its owner to say.

use crate::{Aimd, Gradient};
use std::time::{Duration, Instant};

/// What became of one request, as far as it tells how much its upstream bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borne {
    /// It was accepted, and the first token of its stream came after so long.
    Opened(Duration),
    /// It was answered as a whole, which took so long for each token of the answer.
    Answered(Duration),
    /// Its vectors came, which took so long for each of its inputs.
    Embedded(Duration),
    /// It was refused for want of room (429, 503, 529).
    Refused,
    /// Neither: it failed otherwise, or nobody waited for it.
    Unknown,
}

/// A limit on concurrency.
#[derive(Debug, Clone)]
pub enum Adaptive {
    /// Always the same.
    Fixed(u32),
    /// By what is refused.
    Aimd(Aimd),
    /// By the time to the first token, for each token of whole answers, or for each vector.
    Gradient(Gradient),
}

impl Adaptive {
    /// The limit now; at least 1.
    pub fn limit(&self) -> u32 {
        match self {
            Self::Fixed(limit) => (*limit).max(1),
            Self::Aimd(aimd) => aimd.limit(),
            Self::Gradient(gradient) => gradient.limit(),
        }
    }

    /// Learns from one request that was sent at `sent`, while `in_flight` were under way, itself included.
    pub fn learn(&mut self, borne: Borne, in_flight: u32, sent: Instant, now: Instant) {
        match (self, borne) {
            (Self::Fixed(_), _) | (_, Borne::Unknown) => {}
            (Self::Aimd(aimd), Borne::Opened(_) | Borne::Answered(_) | Borne::Embedded(_)) => aimd.accepted(in_flight),
            (Self::Aimd(aimd), Borne::Refused) => aimd.refused(sent, now),
            (Self::Gradient(gradient), Borne::Opened(took)) => gradient.opened(took, in_flight),
            (Self::Gradient(gradient), Borne::Answered(per_token)) => gradient.answered(per_token, in_flight),
            (Self::Gradient(gradient), Borne::Embedded(per_input)) => gradient.embedded(per_input, in_flight),
            (Self::Gradient(gradient), Borne::Refused) => gradient.refused(sent, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_learns_in_its_own_way() {
        let now = Instant::now();
        let check = |mut adaptive: Adaptive, borne, expect| {
            (0..10).for_each(|_| adaptive.learn(borne, 50, now, now + Duration::from_millis(1)));
            assert_eq!(adaptive.limit(), expect, "{adaptive:?}");
        };
        let slow = Borne::Opened(Duration::from_secs(9));
        check(Adaptive::Fixed(7), Borne::Refused, 7);
        check(Adaptive::Fixed(0), slow, 1);
        check(Adaptive::Aimd(Aimd::new(100)), slow, 100);
        check(Adaptive::Aimd(Aimd::new(100)), Borne::Refused, 50);
        let mut cut = Aimd::new(100);
        cut.refused(now, now);
        (0..40).for_each(|_| cut.accepted(50));
        check(Adaptive::Aimd(cut), Borne::Embedded(Duration::ZERO), 51);
        check(Adaptive::Aimd(Aimd::new(100)), Borne::Unknown, 100);
        check(Adaptive::Gradient(Gradient::new(100)), slow, 4);
        check(Adaptive::Gradient(Gradient::new(100)), Borne::Embedded(Duration::from_secs(9)), 4);
        check(Adaptive::Gradient(Gradient::new(100)), Borne::Refused, 1);
    }
}
