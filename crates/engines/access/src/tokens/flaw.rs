//! What can be wrong with a token.

use measure::Admission;

/// What is wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is no token.
    #[error("the token cannot be read")]
    Malformed,
    /// It is not signed with RS256.
    #[error("the token is not signed with `RS256`")]
    Algorithm,
    /// Its header asks for something that is not known here.
    #[error("the token's header says what is not known here: `{0}`")]
    Header(&'static str),
    /// The issuer publishes no such key, or several.
    #[error("the token names no key that its issuer publishes")]
    UnknownKey,
    /// Its issuer did not sign it.
    #[error("the token's signature is wrong")]
    Signature,
    /// It is from somebody else.
    #[error("the token is from another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    Early,
    /// A claim is missing, or of the wrong type.
    #[error("the token's claim `{0}` is missing or cannot be used")]
    Claim(&'static str),
    /// It names no tenant.
    #[error("the token names no tenant that can be used")]
    Tenant,
    /// It gives no role.
    #[error("the token gives no role that can be used")]
    Role,
}

impl TokenFault {
    /// Whether the issuer did sign the token, so that it is no guess.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self, Self::Tenant | Self::Role)
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::Header(_) => "token_header",
            Self::UnknownKey => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::Early => "token_not_yet_valid",
            Self::Claim(_) => "token_claim",
            Self::Tenant => "token_tenant",
            Self::Role => "token_role",
        }
    }

    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Malformed => "send a key or a token as it was issued",
            Self::Algorithm | Self::Header(_) => "have the identity provider sign access tokens with RS256",
            Self::UnknownKey | Self::Signature => "ask the identity provider for a new token",
            Self::Issuer | Self::Audience => "ask for a token of the issuer and audience in `access.oidc`",
            Self::Expired => "ask the identity provider for a new token",
            Self::Early | Self::Claim(_) => "compare the clocks and the claims of the identity provider",
            Self::Tenant => "have the identity provider add the claim that `access.oidc.tenant_claim` names",
            Self::Role => "have the identity provider add the claim that `access.oidc.role_claim` names",
        }
    }

    pub(crate) fn admission(&self) -> Admission {
        match self {
            Self::Malformed | Self::Algorithm | Self::Header(_) | Self::Claim(_) => Admission::Malformed,
            Self::UnknownKey | Self::Signature | Self::Issuer | Self::Audience => Admission::Unknown,
            Self::Expired | Self::Early => Admission::Expired,
            Self::Tenant | Self::Role => Admission::Forbidden,
        }
    }
}
