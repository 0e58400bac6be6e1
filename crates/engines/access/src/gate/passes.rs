//! Tokens that were verified: believed for a while, so that a signature is not checked for every request.

use super::bounded::Bounded;
use super::{Denial, Judged, Moment, Passed, Rate, within};
use crate::keys::Digest;
use crate::tokens::{Issuer, TokenFault, Verified};
use caller::{Guest, Identity, Role};
use measure::Admission;
use std::sync::Arc;
use std::time::Duration;

/// Who bears tokens: all tokens of one person share one purse and one rate.
#[derive(Clone)]
pub(super) struct Bearer {
    pub(super) guest: Guest,
    pub(super) rate: Option<Arc<Rate>>,
}

/// What is believed of a token.
struct Pass {
    bearer: Result<Bearer, TokenFault>,
    /// When the token ends, in milliseconds since 1970.
    expires_ms: i64,
    /// When it is to be verified again.
    until: Duration,
}

/// Tokens of one issuer that were verified.
pub(super) struct Passes {
    pub(super) issuer: Arc<Issuer>,
    known: Bounded<Digest, Arc<Pass>>,
    bearers: Bounded<(Arc<str>, Arc<str>, Role), Bearer>,
}

impl Passes {
    pub(super) fn new(issuer: Arc<Issuer>, most: usize) -> Self {
        Self { issuer, known: Bounded::new(most), bearers: Bounded::new(most) }
    }

    /// Judges by what is believed of a token.
    pub(super) fn known(&self, digest: &Digest, now: Moment) -> Option<Judged> {
        let pass = self.known.get(digest).filter(|pass| now.at < pass.until)?;
        Some(verdict(&pass, now))
    }

    /// Keeps what was found out about a token that its issuer did sign.
    pub(super) fn keep(
        &self,
        digest: Digest,
        verified: Result<Verified, (TokenFault, i64)>,
        until: Duration,
        bearer: impl Fn(&Arc<Identity>) -> Bearer,
        now: Moment,
    ) -> Judged {
        let (bearer, expires_ms) = match verified {
            Err((fault, expires_ms)) => (Err(fault), expires_ms),
            Ok(Verified { identity, expires_ms }) => {
                let whose = (Arc::clone(&identity.tenant), Arc::clone(&identity.subject), identity.role);
                (Ok(self.bearers.get_or(&whose, || bearer(&Arc::new(identity)))), expires_ms)
            }
        };
        let pass = Arc::new(Pass { bearer, expires_ms, until });
        let judged = verdict(&pass, now);
        self.known.update(&digest, |_| Some(pass));
        judged
    }
}

fn verdict(pass: &Pass, now: Moment) -> Judged {
    if pass.expires_ms <= now.wall_ms {
        return Err(Denial::Token(TokenFault::Expired));
    }
    let bearer = pass.bearer.as_ref().map_err(|fault| Denial::Token(fault.clone()))?;
    let ask = within(bearer.rate.as_deref(), now)?;
    Ok(Passed { guest: bearer.guest.clone(), how: Admission::Token, ask })
}
