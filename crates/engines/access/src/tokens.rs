//! Signed tokens of an identity provider (JWT, RS256): verified against the keys that it publishes.
//!
//! A token is looked at in the order of cost: its form, its header, who it is for and for how long, and only then its
//! signature. What it says about tenant and role counts once it is known to be signed. Everything that is not exactly
//! as expected is refused; nothing of a token is ever shown.

mod claims;
mod fetch;
mod flaw;
mod header;
mod jwks;
#[cfg(test)]
mod tests;

pub use flaw::TokenFault;

use crate::AccessError;
use crate::gate::{Denial, Moment};
use caller::Identity;
use claims::Claims;
use fetch::Source;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use settings::Oidc;

/// Who a token speaks for, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    pub(crate) identity: Identity,
    /// When it ends, in milliseconds since 1970, as far as the clocks may differ.
    pub(crate) expires_ms: i64,
}

/// An identity provider.
pub(crate) struct Issuer {
    oidc: Oidc,
    source: Source,
}

impl Issuer {
    /// An identity provider, whose keys are fetched when the first token comes.
    pub(crate) fn new(oidc: &Oidc) -> Result<Self, AccessError> {
        Ok(Self { source: Source::new(oidc)?, oidc: oidc.clone() })
    }

    /// Whether it is the one that settings name.
    pub(crate) fn suits(&self, oidc: &Oidc) -> bool {
        self.oidc == *oidc
    }

    /// Verifies a token. A fault that [`TokenFault::is_signed`] comes with the time until which it holds.
    pub(crate) async fn verify(&self, token: &str, now: Moment) -> Result<Result<Verified, (TokenFault, i64)>, Denial> {
        let (header, rest) = token.split_once('.').ok_or(TokenFault::Malformed)?;
        let (payload, _) = rest.split_once('.').ok_or(TokenFault::Malformed)?;
        let kid = header::read(header)?;
        let claims = Claims::read(payload)?;
        claims.check(&self.oidc, now.wall_ms)?;
        let key = self.source.key(kid.as_deref(), now.at).await?;
        check_signature(token, &key)?;
        let expires_ms = claims.expires_ms(&self.oidc);
        Ok(claims
            .identity(&self.oidc)
            .map(|identity| Verified { identity, expires_ms })
            .map_err(|fault| (fault, expires_ms)))
    }
}

/// Whether this key signed the token. The claims are checked elsewhere, more strictly than the library does.
fn check_signature(token: &str, key: &DecodingKey) -> Result<(), TokenFault> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let read = jsonwebtoken::decode::<serde::de::IgnoredAny>(token, key, &validation);
    read.map(drop).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        _ => TokenFault::Malformed,
    })
}
