//! What searches have saved each tenant, in tokens, since the start of this server. One tenant does not see from it what
//! another asks.

use crate::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The most tenants that are counted; for those beyond, each answer stands alone.
const TENANTS_MAX: usize = 10_000;

/// By tenant.
#[derive(Default)]
pub(crate) struct Saved(Mutex<HashMap<Arc<str>, u64>>);

impl Saved {
    /// Adds what an answer saved; the tenant's sum then.
    pub(crate) fn add(&self, tenant: &Arc<str>, tokens: u64) -> u64 {
        let mut sums = lock(&self.0);
        if sums.len() >= TENANTS_MAX && !sums.contains_key(tenant) {
            return tokens;
        }
        let sum = sums.entry(Arc::clone(tenant)).or_default();
        *sum = sum.saturating_add(tokens);
        *sum
    }

    /// The sum of a tenant, or of all.
    pub(crate) fn of(&self, tenant: Option<&str>) -> u64 {
        let sums = lock(&self.0);
        match tenant {
            Some(tenant) => sums.get(tenant).copied().unwrap_or(0),
            None => sums.values().fold(0, |all, one| all.saturating_add(*one)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_counted_apart_and_not_without_end() {
        let saved = Saved::default();
        let (acme, other) = (Arc::from("acme"), Arc::from("other"));
        assert_eq!((saved.add(&acme, 3), saved.add(&acme, 4), saved.add(&other, 5)), (3, 7, 5));
        assert_eq!((saved.of(Some("acme")), saved.of(Some("new")), saved.of(None)), (7, 0, 12));
        for tenant in 0..TENANTS_MAX {
            saved.add(&tenant.to_string().into(), 1);
        }
        assert_eq!(saved.0.lock().unwrap().len(), TENANTS_MAX);
        assert_eq!((saved.add(&"late".into(), 9), saved.of(Some("late")), saved.add(&acme, 1)), (9, 0, 8));
    }
}
