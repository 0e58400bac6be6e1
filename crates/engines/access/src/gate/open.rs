//! The open server: as long as nobody ever made a key, everybody is let in.
//!
//! Another process may make the first key, so the store is asked again at most once a second, when a request comes.
//! Once closed, a server stays closed.

use super::Denial;
use crate::keys::Keys;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an answer of the store is believed, and how long it is not asked again after it did not answer.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long the server stays open while the store does not answer.
const BLIND: Duration = Duration::from_secs(10);
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the server is open.
pub(super) struct Opening {
    closed: AtomicBool,
    asked: Mutex<Asked>,
    asking: tokio::sync::Mutex<()>,
}

/// When the store was asked.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// When it last said that there are no keys.
    well: Duration,
    /// When it last failed to answer.
    ill: Option<Duration>,
}

impl Opening {
    /// As the store said just now, at the beginning of time.
    pub(super) fn new() -> Self {
        Self { closed: AtomicBool::new(false), asked: Mutex::default(), asking: tokio::sync::Mutex::new(()) }
    }

    /// Closes for good.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self, keys: &Keys) -> bool {
        self.closed.load(Ordering::Acquire) || keys.is_made()
    }

    /// Whether the server is open, as far as is known; `None` where the store is to be asked.
    pub(super) fn known(&self, keys: &Keys, now: Duration) -> Option<Result<bool, Denial>> {
        if self.is_closed(keys) {
            return Some(Ok(false));
        }
        let Asked { well, ill } = *self.asked();
        if now < well + BELIEVED {
            return Some(Ok(true));
        }
        ill.filter(|ill| now < *ill + BELIEVED).map(|_| blind(now, well))
    }

    /// Whether the server is open; asks the store where that is not known. One asks, the others wait.
    pub(super) async fn ask(&self, keys: &Keys, now: Duration) -> Result<bool, Denial> {
        if let Some(known) = self.known(keys, now) {
            return known;
        }
        let _turn = self.asking.lock().await;
        if let Some(known) = self.known(keys, now) {
            return known;
        }
        match tokio::time::timeout(PATIENCE, keys.any_key_ever()).await {
            Ok(Ok(made)) => {
                *self.asked() = Asked { well: now, ill: None };
                Ok(!made)
            }
            failed => {
                let mut asked = self.asked();
                if asked.ill.replace(now).is_none() {
                    tracing::warn!(?failed, "the store does not say whether there are keys");
                }
                blind(now, asked.well)
            }
        }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server that cannot ask does: it stays open for a while.
fn blind(now: Duration, well: Duration) -> Result<bool, Denial> {
    if now < well + BLIND { Ok(true) } else { Err(Denial::Unavailable { reason: "the store does not answer" }) }
}
