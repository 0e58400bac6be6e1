//! Which budgets are in force: those of the settings, and those of the store, which go before.
//!
//! The store's are kept in memory. Each change there has a number greater than all before it, so that reading on is
//! one look at the newest number.

use super::money;
use super::name::{Name, Period, Scope};
use caller::NanoUsd;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use store::{StoreError, Tx, args};

/// The most changes that are read at once.
const CHANGES_MAX: usize = 1_000;

/// The limits of the settings, each for a day: of each key, of each tenant, of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) key: Option<NanoUsd>,
    pub(super) tenant: Option<NanoUsd>,
    pub(super) server: Option<NanoUsd>,
}

impl Defaults {
    pub(super) fn new(budget: &settings::Budget) -> Self {
        let read = |usd: &Option<settings::Usd>| usd.as_ref().map(money::nano);
        Self {
            key: read(&budget.key_usd_per_day),
            tenant: read(&budget.tenant_usd_per_day),
            server: read(&budget.usd_per_day),
        }
    }

    fn of(&self, scope: Scope, period: Period) -> Option<NanoUsd> {
        let daily = match scope {
            Scope::Key => self.key,
            Scope::Tenant => self.tenant,
            Scope::Server => self.server,
        };
        daily.filter(|_| period == Period::Day)
    }
}

/// A budget of the store that was set, or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) name: Name,
    pub(super) limit: Option<NanoUsd>,
    pub(super) version: i64,
}

/// Every limit that is known here.
#[derive(Debug, Default)]
pub(super) struct Limits {
    known: RwLock<Known>,
    /// Counts changes: what was looked up under another number has to be looked up again.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    defaults: Defaults,
    rows: HashMap<Name, NanoUsd>,
    seen: i64,
}

impl Limits {
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The newest change that is known here.
    pub(super) fn seen(&self) -> i64 {
        self.read().seen
    }

    pub(super) fn defaults(&self) -> Defaults {
        self.read().defaults
    }

    /// Whether there is any budget at all.
    pub(super) fn any(&self) -> bool {
        let known = self.read();
        known.defaults != Defaults::default() || !known.rows.is_empty()
    }

    pub(super) fn limit(&self, name: &Name) -> Option<NanoUsd> {
        let known = self.read();
        known.rows.get(name).copied().or_else(|| known.defaults.of(name.scope, name.period))
    }

    /// The budgets that a caller's spending counts in, in the order in which they are locked.
    pub(super) fn of(&self, tenant: &Arc<str>, subject: &Arc<str>) -> Vec<(Name, NanoUsd)> {
        if !self.any() {
            return Vec::new();
        }
        let scopes = [Scope::Key, Scope::Tenant, Scope::Server].into_iter();
        let names = scopes.flat_map(|scope| Period::ALL.map(|period| Name::of(scope, period, tenant, subject)));
        let mut found: Vec<_> = names.filter_map(|name| self.limit(&name).map(|limit| (name, limit))).collect();
        found.sort_unstable();
        found
    }

    /// Takes over what the settings say.
    pub(super) fn reload(&self, defaults: Defaults) {
        self.change().defaults = defaults;
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes over what the store says; whether any of it is new.
    pub(super) fn learn(&self, changes: Vec<Change>) -> bool {
        let mut known = self.change();
        let before = known.seen;
        for change in changes {
            // Two readers may bring the same, the slower one last.
            if change.version > before {
                match change.limit {
                    Some(limit) => known.rows.insert(change.name, limit),
                    None => known.rows.remove(&change.name),
                };
                known.seen = known.seen.max(change.version);
            }
        }
        let news = known.seen != before;
        drop(known);
        if news {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        news
    }
}

/// Some changes after `seen`, the oldest first.
pub(super) async fn changes(tx: &mut Tx, seen: i64) -> Result<Vec<Change>, StoreError> {
    let sql = format!(
        "SELECT scope, tenant, subject, period, usd_nano, version FROM access_budget \
         WHERE version > $1 ORDER BY version LIMIT {CHANGES_MAX}"
    );
    let rows = tx.fetch_all(sql, args![seen]).await?;
    rows.iter().map(|row| Ok(Change { name: Name::read(row)?, limit: row.get(4)?, version: row.get(5)? })).collect()
}

/// Whether there may be more changes than those.
pub(super) fn may_be_more(changes: &[Change]) -> bool {
    changes.len() >= CHANGES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(scope: Scope, period: Period) -> Name {
        Name::of(scope, period, &"acme".into(), &"k1".into())
    }

    #[test]
    fn the_store_goes_before_the_settings() {
        let limits = Limits::default();
        let of = || limits.of(&"acme".into(), &"k1".into());
        assert_eq!(of(), []);
        limits.reload(Defaults { key: Some(5), tenant: None, server: Some(100) });
        assert_eq!(of(), [(name(Scope::Key, Period::Day), 5), (name(Scope::Server, Period::Day), 100)]);
        let change = |limit, version| Change { name: name(Scope::Key, Period::Day), limit, version };
        assert!(limits.learn(vec![
            change(Some(7), 1),
            Change { name: name(Scope::Tenant, Period::Total), limit: Some(50), version: 2 }
        ]));
        assert_eq!(
            of(),
            [
                (name(Scope::Key, Period::Day), 7),
                (name(Scope::Tenant, Period::Total), 50),
                (name(Scope::Server, Period::Day), 100)
            ]
        );
        assert!(!limits.learn(vec![change(Some(6), 1)]), "older than what is known");
        let generation = limits.generation();
        assert!(limits.learn(vec![change(None, 3)]) && limits.generation() > generation);
        assert_eq!(limits.limit(&name(Scope::Key, Period::Day)), Some(5), "the settings' again");
    }
}
