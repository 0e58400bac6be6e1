//! An answer as it is kept, and how long it lives.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something that can be kept.
pub trait Value: Clone + Send + Sync + 'static {
    /// About how many bytes of memory it takes.
    fn weight(&self) -> usize;

    /// As it is written to disk and to Redis; `None` for what stays in memory.
    fn pack(&self) -> Option<Bytes>;

    /// What [`Value::pack`] has written; `None` for anything else.
    fn unpack(packed: Bytes) -> Option<Self>;
}

/// Whose an answer is, and by which words it can be dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Whose it is.
    pub tenant: Box<str>,
    /// The words.
    pub tags: Box<[Box<str>]>,
}

impl Label {
    fn weight(&self) -> usize {
        self.tenant.len() + self.tags.iter().map(|tag| tag.len() + size_of::<Box<str>>()).sum::<usize>()
    }
}

/// The times of an answer, in milliseconds since 1970. They are drawn once, when it is kept, and are the same in every
/// tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) stored_ms: u64,
    /// Until then it is as good as new.
    pub(crate) fresh_ms: u64,
    /// From then on it is nothing.
    pub(crate) dead_ms: u64,
}

/// An answer as it is kept.
#[derive(Debug)]
pub struct Entry<V> {
    /// The answer.
    pub value: V,
    pub(crate) label: Label,
    pub(crate) times: Times,
    /// The number of the last drop that was known when it was asked for: only later ones can be meant for it.
    pub(crate) seen: u64,
    /// When somebody last undertook to replace it, in milliseconds since 1970.
    renewed_ms: AtomicU64,
}

/// Nobody undertakes to replace an old answer again before this, in milliseconds: where that fails, it would be tried
/// with every request.
const RENEWAL_MS: u64 = 1_000;
/// What an entry takes beside its value and its label: times, counts, its place in the table.
const OVERHEAD_BYTES: usize = 256;

impl<V: Value> Entry<V> {
    pub(crate) fn new(value: V, label: Label, times: Times, seen: u64) -> Arc<Self> {
        Arc::new(Self { value, label, times, seen, renewed_ms: AtomicU64::new(0) })
    }

    pub(crate) fn weight(&self) -> usize {
        self.value.weight() + self.label.weight() + OVERHEAD_BYTES
    }

    pub(crate) fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.times.fresh_ms
    }

    pub(crate) fn is_dead(&self, now_ms: u64) -> bool {
        now_ms >= self.times.dead_ms
    }

    /// Whether it is up to whoever asks to have it replaced: one in a second.
    pub(crate) fn claims_renewal(&self, now_ms: u64) -> bool {
        let last = self.renewed_ms.load(Ordering::Relaxed);
        let due = last == 0 || now_ms >= last.saturating_add(RENEWAL_MS);
        due && self.renewed_ms.compare_exchange(last, now_ms.max(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
