//! Tests of the gate. Those that ask a store run on both databases.

mod attack;
mod known;
mod open;
mod outage;
mod rates;

use super::*;
use crate::keys::tests::{Bench, new_key, on_both, on_both_with};
use crate::keys::{Created, Key, NewKey};
use caller::Unmetered;
use fault::Explain;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A gate whose time a test moves.
pub(crate) struct Door {
    pub(crate) gate: Gate,
    /// What has passed since the start.
    pub(crate) at: Duration,
    wall_ms: i64,
}

impl Door {
    pub(crate) fn new(bench: &Bench, access: &Access) -> Self {
        let gate = Gate::new(Arc::clone(&bench.keys), purses(), access, bench.metrics.access(), None).unwrap();
        Self { gate, at: Duration::ZERO, wall_ms: calendar::now_ms() }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment { at: self.at, wall_ms: self.wall_ms + self.at.as_millis() as i64 }
    }

    pub(crate) fn pass_s(&mut self, seconds: f64) {
        self.at += Duration::from_secs_f64(seconds);
    }

    pub(crate) async fn admit(&self, text: &str, client: IpAddr) -> Result<Guest, Denial> {
        self.gate.admit_at(Some(&Presented::from_text(text)), client, self.now()).await
    }

    /// Who is let in with this text, or the code of the refusal.
    pub(crate) async fn says(&self, text: &str) -> String {
        told(self.admit(text, HERE).await)
    }

    /// The same, asked from an address that nobody asked from before.
    pub(crate) async fn says_to_anybody(&self, text: &str) -> String {
        told(self.admit(text, std::net::Ipv4Addr::from_bits(fastrand::u32(..)).into()).await)
    }

    async fn says_to(&self, text: &str, client: &str) -> String {
        told(self.admit(text, client.parse().unwrap()).await)
    }

    /// The same, if it is known without asking.
    fn says_now(&self, text: &str) -> Option<String> {
        let now = self.now();
        let judged = self.gate.judge_now(Some(&Presented::from_text(text)), now)?;
        Some(told(self.gate.counted(judged, HERE, now)))
    }
}

pub(crate) fn told(admitted: Result<Guest, Denial>) -> String {
    match admitted {
        Ok(guest) => format!("{} {} {}", guest.identity.subject, guest.identity.tenant, guest.identity.role),
        Err(denial) => denial.code().to_owned(),
    }
}

fn purses() -> Purses {
    Arc::new(|_: &_| Arc::new(Unmetered) as Arc<dyn Spend>)
}

fn shown(created: &Created) -> String {
    format!("{} {} {}", created.record.id, created.record.tenant, created.record.role)
}

/// A key made under a secret that this server does not have.
fn forged() -> Key {
    crate::keys::Hasher::new(b"a secret of somebody else").make().unwrap().0
}
