//! Who asks: a subject of a tenant, in a role.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a caller may do; each role may do everything that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks: lists, figures, reports. Spends nothing and changes nothing.
    Viewer,
    /// Asks models and calls tools.
    User,
    /// Runs the server: budgets, flags, upstreams, load tests.
    Operator,
    /// Decides who may ask: keys, the audit log, what is erased.
    Admin,
}

impl Role {
    /// All of them, the least powerful first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::User, Self::Operator, Self::Admin];

    /// As it is written: `viewer`, `user`, `operator` or `admin`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role, write `viewer`, `user`, `operator` or `admin`")]
pub struct RoleError(String);

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let named = Self::ALL.into_iter().find(|role| role.name() == text);
        named.ok_or_else(|| RoleError(text.chars().take(40).collect()))
    }
}

/// The tenant of whoever runs the server: its operators and admins see every tenant.
pub const HOUSE: &str = "default";

/// The longest name of a tenant.
const TENANT_CHARS_MAX: usize = 64;

/// Whether this can be the name of a tenant: 1 to 64 of `a`–`z`, `0`–`9`, `-`, `_` and `.`.
pub fn is_tenant(text: &str) -> bool {
    let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    (1..=TENANT_CHARS_MAX).contains(&text.len()) && text.bytes().all(known)
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The id of the key, `jwt:` and the subject of a token, or `local`; never a secret.
    pub subject: Arc<str>,
    /// Whose data it may see.
    pub tenant: Arc<str>,
    /// What it may do.
    pub role: Role,
}

impl Identity {
    /// Whoever sits at this machine, or asks an open server: everything is allowed.
    pub fn local() -> Self {
        Self { subject: "local".into(), tenant: HOUSE.into(), role: Role::Admin }
    }

    /// The tenant it is confined to; `None` for operators and admins of the house.
    pub fn confined_to(&self) -> Option<&str> {
        let everywhere = &*self.tenant == HOUSE && self.role >= Role::Operator;
        (!everywhere).then_some(&*self.tenant)
    }

    /// Whether what belongs to `tenant` is its business.
    pub fn may_see(&self, tenant: &str) -> bool {
        self.confined_to().is_none_or(|own| own == tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Role};

    #[test]
    fn roles_are_ordered_and_named() {
        assert!(Role::Viewer < Role::User && Role::User < Role::Operator && Role::Operator < Role::Admin);
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().to_string().contains("`root` is no role"));
    }

    #[test]
    fn only_those_who_run_the_house_see_every_tenant() {
        let who = |tenant: &str, role| Identity { subject: "k".into(), tenant: tenant.into(), role };
        assert!(who("default", Role::Operator).may_see("acme"));
        assert!(!who("default", Role::User).may_see("acme"));
        assert!(!who("acme", Role::Admin).may_see("default"));
        assert!(who("acme", Role::Viewer).may_see("acme"));
    }
}
