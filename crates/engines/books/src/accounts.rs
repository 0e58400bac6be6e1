//! Who spends, and the budgets that count it: found once, and again after a change or at midnight.

use super::limits::Limits;
use super::money;
use super::name::{Key, Name};
use super::window::Window;
use caller::{Identity, NanoUsd};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The windows that a caller's spending counts in, in the order in which they are locked.
pub(super) type Windows = Arc<[Arc<Window>]>;

/// Nothing counts: what a window of a removed budget may spend.
const UNLIMITED: NanoUsd = money::LIMIT_MAX * 2;

/// Somebody who spends.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) tenant: Arc<str>,
    pub(super) subject: Arc<str>,
    found: Mutex<Option<Found>>,
}

#[derive(Debug)]
struct Found {
    generation: u64,
    day: i64,
    windows: Windows,
}

/// Accounts by tenant and subject.
type Accounts = HashMap<(Arc<str>, Arc<str>), Arc<Account>>;

/// All accounts and windows in use.
#[derive(Debug, Default)]
pub(super) struct Registry {
    accounts: Mutex<Accounts>,
    windows: Mutex<HashMap<Key, Arc<Window>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// No database takes a zero byte in text, and a claim of a token may hold one.
fn clean(text: &Arc<str>) -> Arc<str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { Arc::clone(text) }
}

impl Registry {
    pub(super) fn account(&self, identity: &Identity) -> Arc<Account> {
        let (tenant, subject) = (clean(&identity.tenant), clean(&identity.subject));
        let key = (Arc::clone(&tenant), Arc::clone(&subject));
        let mut accounts = lock(&self.accounts);
        let made =
            accounts.entry(key).or_insert_with(|| Arc::new(Account { tenant, subject, found: Mutex::default() }));
        Arc::clone(made)
    }

    /// The windows in which spending of `account` on `day` counts.
    pub(super) fn windows(&self, account: &Account, limits: &Limits, day: i64, alert_share: f64) -> Windows {
        // Read first: whatever changes from here on is found the next time.
        let generation = limits.generation();
        let mut found = lock(&account.found);
        if let Some(found) = found.as_ref().filter(|found| found.generation == generation && found.day == day) {
            return Arc::clone(&found.windows);
        }
        let named = limits.of(&account.tenant, &account.subject);
        let windows: Windows =
            named.into_iter().map(|(name, limit)| self.window(name, limit, day, alert_share)).collect();
        *found = Some(Found { generation, day, windows: Arc::clone(&windows) });
        windows
    }

    fn window(&self, name: Name, limit: NanoUsd, day: i64, alert_share: f64) -> Arc<Window> {
        let key = Key { starts_day: name.period.span(day).0, name };
        let mut windows = lock(&self.windows);
        if let Some(window) = windows.get(&key) {
            window.set_limit(limit, alert_share);
            return Arc::clone(window);
        }
        let window = Arc::new(Window::new(key.clone(), limit, alert_share));
        windows.insert(key, Arc::clone(&window));
        window
    }

    /// Tells every window its limit: something has changed.
    pub(super) fn set_limits(&self, limits: &Limits, alert_share: f64) {
        for window in lock(&self.windows).values() {
            window.set_limit(limits.limit(&window.key.name).unwrap_or(UNLIMITED), alert_share);
        }
    }

    /// Forgets accounts that nobody uses, then windows that nobody uses and that hold nothing.
    pub(super) fn sweep(&self) {
        lock(&self.accounts).retain(|_, account| Arc::strong_count(account) > 1);
        lock(&self.windows).retain(|_, window| Arc::strong_count(window) > 1);
    }
}
