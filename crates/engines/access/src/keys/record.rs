//! What is known of a key, and what may be asked of a new one.

use super::text::Key;
use crate::AccessError;
use caller::{Identity, Role, is_tenant};
use std::sync::Arc;
use store::{Row, StoreError};

/// The longest label of a key.
const NAME_CHARS_MAX: usize = 100;
/// The most requests per minute that a key can be given.
const RPM_MAX: u32 = 1_000_000_000;

/// The columns of a key, in the order that [`KeyRecord::read`] wants them.
pub(super) const COLUMNS: &str =
    "id, prefix, tenant, role, name, created_ms, created_by, expires_ms, revoked_ms, rpm, version, digest";

/// What is asked of a new key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Whose data it opens: 1 to 64 of `a`–`z`, `0`–`9`, `-`, `_` and `.`.
    pub tenant: String,
    /// What it may do; at most what its maker may.
    pub role: Role,
    /// A label for people, at most 100 characters.
    pub name: Option<String>,
    /// When it ends, in milliseconds since 1970.
    pub expires_ms: Option<i64>,
    /// Requests per minute, instead of `access.rpm`.
    pub rpm: Option<u32>,
}

/// A key just made.
#[derive(Debug)]
pub struct Created {
    /// The key: shown now and never again.
    pub key: Key,
    /// What is kept of it.
    pub record: KeyRecord,
}

/// What is kept of a key: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// `key_` and 16 hexadecimal digits, by chance.
    pub id: Arc<str>,
    /// The first 12 characters of the key.
    pub prefix: String,
    /// Whose data it opens.
    pub tenant: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// Its label.
    pub name: Option<String>,
    /// When it was made, in milliseconds since 1970 as all times here.
    pub created_ms: i64,
    /// Who made it: the subject of an identity.
    pub created_by: String,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// When it was taken back.
    pub revoked_ms: Option<i64>,
    /// Requests per minute, instead of `access.rpm`.
    pub rpm: Option<u32>,
    /// How often it was changed; a new key has version 1.
    pub version: i64,
}

impl KeyRecord {
    /// Who asks with this key.
    pub fn identity(&self) -> Identity {
        Identity { subject: Arc::clone(&self.id), tenant: Arc::clone(&self.tenant), role: self.role }
    }

    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        let unfit = |reason: String| StoreError::Shape { reason };
        let rpm = row.get::<Option<i64>>(9)?.map(u32::try_from).transpose();
        Ok(Self {
            id: row.get(0)?,
            prefix: row.get(1)?,
            tenant: row.get(2)?,
            role: row.get::<String>(3)?.parse().map_err(|error| unfit(format!("role: {error}")))?,
            name: row.get(4)?,
            created_ms: row.get(5)?,
            created_by: row.get(6)?,
            expires_ms: row.get(7)?,
            revoked_ms: row.get(8)?,
            rpm: rpm.map_err(|error| unfit(format!("rpm: {error}")))?,
            version: row.get(10)?,
        })
    }
}

/// Whether a character breaks a line, or turns the direction of the text behind it.
fn misleads(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns
}

impl NewKey {
    /// Refuses what no key can be; whether it ends in the future is told by the store's clock.
    pub(super) fn check(&self) -> Result<(), AccessError> {
        if !is_tenant(&self.tenant) {
            let problem = format!("`{}`, not the name of a tenant", shown(&self.tenant));
            let hint = "write 1 to 64 of `a`-`z`, `0`-`9`, `-`, `_` and `.`";
            return Err(AccessError::Invalid { param: "tenant", problem, hint });
        }
        let name = self.name.as_deref().unwrap_or_default();
        if name.chars().count() > NAME_CHARS_MAX || name.chars().any(misleads) {
            let problem = format!("longer than {NAME_CHARS_MAX} characters, or holds control characters");
            return Err(AccessError::Invalid { param: "name", problem, hint: "write a short label of one line" });
        }
        if let Some(rpm) = self.rpm.filter(|rpm| !(1..=RPM_MAX).contains(rpm)) {
            let (problem, hint) = (format!("{rpm}"), "write 1 to 1000000000 requests per minute, or leave it out");
            return Err(AccessError::Invalid { param: "rpm", problem, hint });
        }
        Ok(())
    }

    /// What would be kept of it, made now.
    pub(super) fn record(&self, id: &str, prefix: &str, actor: &Identity) -> KeyRecord {
        KeyRecord {
            id: id.into(),
            prefix: prefix.to_owned(),
            tenant: self.tenant.as_str().into(),
            role: self.role,
            name: self.name.clone(),
            created_ms: 0,
            created_by: actor.subject.to_string(),
            expires_ms: self.expires_ms,
            revoked_ms: None,
            rpm: self.rpm,
            version: 1,
        }
    }

    /// Refuses what this maker may not give.
    pub(super) fn allowed_to(&self, actor: &Identity) -> Result<(), AccessError> {
        if self.role > actor.role {
            return Err(AccessError::Beyond { what: format!("a key with the role `{}`", self.role) });
        }
        if !actor.may_see(&self.tenant) {
            return Err(AccessError::Beyond { what: format!("a key of the tenant `{}`", self.tenant) });
        }
        Ok(())
    }
}

/// The beginning of a text that somebody wrote, fit to be shown.
pub(super) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let mut shown: String = text.chars().filter(|character| !character.is_control()).take(CHARS_MAX).collect();
    if text.chars().count() > CHARS_MAX {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_short_plain_words() {
        for good in ["a", "default", "acme-2.eu_x", &"a".repeat(64)] {
            assert!(is_tenant(good), "{good}");
        }
        for bad in ["", "A", "a b", "é", "a/b", "a\n", "a:b", &"a".repeat(65)] {
            assert!(!is_tenant(bad), "{bad}");
        }
    }

    #[test]
    fn nobody_gives_what_it_does_not_have() {
        let actor = |tenant: &str, role| Identity { subject: "key_1".into(), tenant: tenant.into(), role };
        let key = |tenant: &str, role| NewKey { tenant: tenant.into(), role, name: None, expires_ms: None, rpm: None };
        assert!(key("acme", Role::Admin).allowed_to(&actor("acme", Role::Admin)).is_ok());
        assert!(key("acme", Role::Admin).allowed_to(&actor("default", Role::Admin)).is_ok());
        assert!(key("default", Role::User).allowed_to(&actor("acme", Role::Admin)).is_err());
        assert!(key("acme", Role::Operator).allowed_to(&actor("acme", Role::User)).is_err());
    }
}
