//! Remembered questions: whose they are, what they were asked in, their vectors, and under which key the answer is kept.

use crate::question::Question;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most memory for the questions of all tenants, in bytes.
pub const BYTES_MAX: usize = 256 * 1024 * 1024;
/// About what a question takes beside its words and its vector.
const OVERHEAD_BYTES: usize = 256;
/// What a cosine may lose by being reckoned in 32 bits.
const ROUNDING: f64 = 1e-6;
/// Figures that are multiplied at once.
const LANES: usize = 8;

/// A question that is looked for, or to be remembered.
#[derive(Debug, Clone)]
pub struct Probe<K> {
    /// Whose it is.
    pub tenant: Arc<str>,
    /// A digest of all that shapes its answer beside it, the tenant among it.
    pub frame: K,
    /// Under which key its own answer is kept.
    pub key: K,
    /// The question.
    pub question: Arc<Question>,
    /// Its vector, of any length.
    pub vector: Arc<[f32]>,
}

impl<K> Probe<K> {
    fn bytes(&self) -> usize {
        self.vector.len() * size_of::<f32>() + self.question.bytes() + OVERHEAD_BYTES
    }
}

/// A question that resembles another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near<K> {
    /// Under which key its answer is kept.
    pub key: K,
    /// The cosine of the angle between their vectors.
    pub likeness: f64,
}

impl<K> Near<K> {
    /// What is told of an answer that was kept for it; the likeness is rounded down.
    pub fn reason(&self) -> String {
        let likeness = ((self.likeness + ROUNDING) * 100.0).floor() / 100.0;
        format!("answered with the kept answer to a similar question (likeness {likeness:.2})")
    }
}

/// A question as it is remembered: its vector has the length 1.
#[derive(Debug)]
pub(crate) struct Remembered<K> {
    probe: Probe<K>,
    used: AtomicU64,
}

/// What is found for a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Found<K> {
    Near(Near<K>),
    /// There are similar ones, and all differ in something decisive.
    Refused,
    Nothing,
}

/// The questions of one frame, that can be gone through while others are added.
pub(crate) type Frame<K> = Arc<Vec<Arc<Remembered<K>>>>;

/// All remembered questions.
#[derive(Debug)]
pub(crate) struct Memory<K> {
    tenants: HashMap<Arc<str>, HashMap<K, Frame<K>>>,
    entries_max: usize,
    bytes_max: usize,
    bytes: usize,
    clock: u64,
}

impl<K: Copy + Eq + Hash> Memory<K> {
    pub(crate) fn new(entries_max: usize, bytes_max: usize) -> Self {
        Self { tenants: HashMap::new(), entries_max, bytes_max, bytes: 0, clock: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.tenants.values().flat_map(HashMap::values).map(|frame| frame.len()).sum()
    }

    /// All that a question may be compared with, and the time.
    pub(crate) fn frame(&mut self, probe: &Probe<K>) -> Option<(Frame<K>, u64)> {
        self.clock += 1;
        let frame = self.tenants.get(&probe.tenant)?.get(&probe.frame)?;
        Some((Arc::clone(frame), self.clock))
    }

    /// Remembers a question in place of one with the same key. Of too many those go that were of use longest ago: this
    /// tenant's first, then anybody's.
    pub(crate) fn remember(&mut self, probe: Probe<K>) {
        let Some(vector) = unit(&probe.vector) else { return };
        let probe = Probe { vector, ..probe };
        self.forget(&probe.tenant, &probe.frame, &probe.key);
        self.clock += 1;
        self.bytes += probe.bytes();
        let tenant = Arc::clone(&probe.tenant);
        let frames = self.tenants.entry(Arc::clone(&tenant)).or_default();
        let frame = frames.entry(probe.frame).or_default();
        Arc::make_mut(frame).push(Arc::new(Remembered { probe, used: AtomicU64::new(self.clock) }));
        if frames.values().map(|frame| frame.len()).sum::<usize>() > self.entries_max {
            self.forget_oldest(Some(&tenant));
        }
        while self.bytes > self.bytes_max && self.forget_oldest(None) {}
    }

    pub(crate) fn forget(&mut self, tenant: &str, frame: &K, key: &K) {
        let Some(frames) = self.tenants.get_mut(tenant) else { return };
        let Some(all) = frames.get_mut(frame) else { return };
        let Some(at) = all.iter().position(|one| one.probe.key == *key) else { return };
        let gone = Arc::make_mut(all).swap_remove(at);
        self.bytes = self.bytes.saturating_sub(gone.probe.bytes());
        if all.is_empty() {
            frames.remove(frame);
        }
        if frames.is_empty() {
            self.tenants.remove(tenant);
        }
    }

    /// Forgets all questions of a tenant, or of everybody.
    pub(crate) fn clear(&mut self, tenant: Option<&str>) {
        self.tenants.retain(|name, _| tenant.is_some_and(|tenant| tenant != &**name));
        let all = self.tenants.values().flat_map(HashMap::values).flat_map(|frame| frame.iter());
        self.bytes = all.map(|one| one.probe.bytes()).sum();
    }

    /// Forgets what was of use longest ago; whether there was anything.
    fn forget_oldest(&mut self, of: Option<&str>) -> bool {
        let tenants = self.tenants.iter().filter(|(name, _)| of.is_none_or(|of| of == &***name));
        let all = tenants.flat_map(|(_, frames)| frames.values()).flat_map(|frame| frame.iter());
        let oldest = all.min_by_key(|one| one.used.load(Ordering::Relaxed)).map(Arc::clone);
        let Some(oldest) = oldest else { return false };
        let Probe { tenant, frame, key, .. } = &oldest.probe;
        self.forget(tenant, frame, key);
        true
    }
}

/// The remembered question that resembles another most, at least by so much, and differs in nothing decisive; of several
/// the last. Once `late`, what was found until then has to do.
pub(crate) fn nearest<K: Copy + Eq>(
    probe: &Probe<K>,
    frame: &Frame<K>,
    least: f64,
    now: u64,
    late: impl Fn() -> bool,
) -> Found<K> {
    let Some(vector) = unit(&probe.vector) else { return Found::Nothing };
    let (mut best, mut refused): (Option<(&Remembered<K>, f64)>, bool) = (None, false);
    for one in frame.iter().filter(|one| one.probe.key != probe.key && one.probe.vector.len() == vector.len()) {
        let likeness = dot(&vector, &one.probe.vector);
        if likeness + ROUNDING < least || best.is_some_and(|(_, best)| best > likeness) {
            continue;
        }
        if late() {
            break;
        }
        match probe.question.differs(&one.probe.question) {
            Some(_) => refused = true,
            None => best = Some((one, likeness)),
        }
    }
    match best {
        Some((one, likeness)) => {
            one.used.store(now, Ordering::Relaxed);
            Found::Near(Near { key: one.probe.key, likeness })
        }
        None if refused => Found::Refused,
        None => Found::Nothing,
    }
}

/// The same direction with the length 1; `None` of what has none.
fn unit(vector: &[f32]) -> Option<Arc<[f32]>> {
    let length = vector.iter().map(|figure| f64::from(*figure).powi(2)).sum::<f64>().sqrt();
    let has = length.is_normal();
    has.then(|| vector.iter().map(|figure| (f64::from(*figure) / length) as f32).collect())
}

/// The cosine of two vectors of length 1, in lanes that the compiler can multiply at once.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    f64::from(sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests;
