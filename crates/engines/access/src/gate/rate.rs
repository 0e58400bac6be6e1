//! How often somebody may ask: by this server's count alone, or by that of all servers that share a Redis.

use super::{Denial, Moment};
use caller::Identity;
use guard::Gcra;
use redis_link::{Rates, SharedRate, Take};
use std::sync::Arc;

/// A key may make the requests of so many seconds at once.
const BURST_S: u32 = 10;

/// How often somebody may ask.
pub(super) enum Rate {
    /// Of this server.
    Alone(Gcra),
    /// Of all servers together.
    Shared(Arc<SharedRate>),
}

impl Rate {
    /// So many requests a minute, ten seconds' worth of them at once.
    pub(super) fn new(rpm: u32, whose: &Identity, shared: Option<&Rates>) -> Self {
        let burst = rpm / (60 / BURST_S);
        match shared {
            None => Self::Alone(Gcra::per_minute(rpm, burst)),
            Some(rates) => Self::Shared(rates.rate(&name(whose), rpm, burst)),
        }
    }

    /// Takes one request; or the rate that has to be asked whether it may.
    pub(super) fn take(&self, now: Moment) -> Result<Option<Arc<SharedRate>>, Denial> {
        let refuse = |wait| Denial::Limited { wait };
        match self {
            Self::Alone(rate) => rate.check(now.at).map(|()| None).map_err(refuse),
            Self::Shared(rate) => match rate.try_take(1) {
                Take::Yes => Ok(None),
                Take::No(wait) => Err(refuse(wait)),
                Take::Ask => Ok(Some(Arc::clone(rate))),
            },
        }
    }
}

/// What a caller's rate is called. With its length before it, no tenant can be written so that it means another.
fn name(Identity { subject, tenant, role }: &Identity) -> String {
    format!("caller:{}:{tenant}:{role}:{subject}", tenant.len())
}

#[cfg(test)]
mod tests {
    use super::name;
    use caller::{Identity, Role};

    #[test]
    fn nobody_is_taken_for_somebody_else() {
        let of = |tenant: &str, subject: &str| {
            name(&Identity { subject: subject.into(), tenant: tenant.into(), role: Role::User })
        };
        assert_eq!(of("acme", "key_1"), "caller:4:acme:user:key_1");
        assert_ne!(of("a:user:b", "c"), of("a", "b:user:c"));
        assert_ne!(of("a", "user:b:user:c"), of("a:user:user:b", "c"));
    }
}
