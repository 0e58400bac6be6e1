//! How many places and turns each tenant has, where anybody asks. Knows no order.

use std::collections::HashMap;
use std::sync::Arc;

/// The books by tenant; empty where one may have everything anyway.
#[derive(Debug)]
pub(super) struct Tenants {
    share: f64,
    of: HashMap<Arc<str>, Held>,
}

#[derive(Debug, Default)]
struct Held {
    inside: u32,
    waiting: u32,
}

impl Tenants {
    pub(super) fn new(share: f64) -> Self {
        Self { share, of: HashMap::new() }
    }

    /// From now on a tenant's part is another one. Whoever came while nobody counted is not counted until it has left,
    /// so that one may have more than its share for that long, and never less.
    pub(super) fn set_share(&mut self, share: f64) {
        self.share = share;
    }

    /// Whether anybody counts.
    pub(super) fn counts(&self) -> bool {
        self.share < 1.0
    }

    /// A tenant's part of so many; at least one.
    pub(super) fn share_of(&self, all: u32) -> u32 {
        ((f64::from(all) * self.share) as u32).max(1)
    }

    pub(super) fn inside(&self, tenant: &Arc<str>) -> u32 {
        self.of.get(tenant).map_or(0, |held| held.inside)
    }

    pub(super) fn waiting(&self, tenant: &Arc<str>) -> u32 {
        self.of.get(tenant).map_or(0, |held| held.waiting)
    }

    pub(super) fn enter(&mut self, tenant: &Arc<str>) {
        if let Some(held) = self.held(tenant) {
            held.inside += 1;
        }
    }

    pub(super) fn wait(&mut self, tenant: &Arc<str>) {
        if let Some(held) = self.held(tenant) {
            held.waiting += 1;
        }
    }

    pub(super) fn leave(&mut self, tenant: &Arc<str>) {
        self.less(tenant, |held| &mut held.inside);
    }

    pub(super) fn stop_waiting(&mut self, tenant: &Arc<str>) {
        self.less(tenant, |held| &mut held.waiting);
    }

    /// Whether nobody holds anything.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    fn held(&mut self, tenant: &Arc<str>) -> Option<&mut Held> {
        self.counts().then(|| self.of.entry(Arc::clone(tenant)).or_default())
    }

    fn less(&mut self, tenant: &Arc<str>, which: fn(&mut Held) -> &mut u32) {
        let Some(held) = self.of.get_mut(tenant) else { return };
        let count = which(held);
        *count = count.saturating_sub(1);
        if held.inside == 0 && held.waiting == 0 {
            self.of.remove(tenant);
        }
    }
}
