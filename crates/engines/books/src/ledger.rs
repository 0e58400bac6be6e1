//! Calls that wait to be written down, and their sums by day.
//!
//! The line is bounded. Where it is full, a call is dropped and counted, but still added to the sums of its day, and
//! what it cost still counts against budgets.

use super::accounts::Account;
use caller::{Called, NanoUsd};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{StoreError, Tx, Value, args};

/// The most calls that one transaction writes.
const BATCH_MAX: usize = 5_000;
/// From so many calls on, they are written without waiting for the next flush.
pub(super) const SOON: usize = 1_000;
/// The most bytes of prompts and answers that wait to be written; beyond it they are dropped, and their calls kept.
const WORDS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most prompts and answers that one statement carries.
const WORDS_ROWS: usize = 16;
/// The lowest bits of an id tell calls of one millisecond and process apart, those above name the process.
const COUNT_BITS: u32 = 11;
const NODE_BITS: u32 = 10;

/// The first id that a call of a millisecond can have.
pub(super) fn first_id(at_ms: i64) -> i64 {
    at_ms.clamp(0, (1 << (63 - COUNT_BITS - NODE_BITS)) - 1) << (COUNT_BITS + NODE_BITS)
}

/// One call.
#[derive(Debug)]
pub(super) struct Entry {
    at_ms: i64,
    account: Arc<Account>,
    request_id: Arc<str>,
    model: Arc<str>,
    outcome: &'static str,
    sums: Sums,
    exact: bool,
    simulated: bool,
    words: Option<Box<(String, String)>>,
}

impl Entry {
    pub(super) fn new(at_ms: i64, account: &Arc<Account>, request_id: &Arc<str>, call: &Called<'_>) -> Self {
        Self {
            at_ms,
            account: Arc::clone(account),
            request_id: Arc::clone(request_id),
            model: Arc::clone(call.model),
            outcome: call.outcome,
            sums: Sums::of(call),
            exact: call.exact,
            simulated: call.simulated,
            words: None,
        }
    }

    /// With the request's body and the answer, each cut at `bytes_max`.
    pub(super) fn with_words(mut self, words: (&[u8], &[u8]), bytes_max: usize) -> Self {
        self.words = Some(Box::new((readable(words.0, bytes_max), readable(words.1, bytes_max))));
        self
    }

    fn words_bytes(&self) -> usize {
        self.words.as_ref().map_or(0, |words| words.0.len() + words.1.len())
    }

    fn day(&self) -> SumsOf {
        let (tenant, subject) = (Arc::clone(&self.account.tenant), Arc::clone(&self.account.subject));
        (calendar::day(self.at_ms), tenant, subject, Arc::clone(&self.model))
    }

    fn values(&self, id: i64) -> Vec<Value> {
        let sums = &self.sums;
        args![
            id,
            self.at_ms,
            &self.request_id,
            &self.account.tenant,
            &self.account.subject,
            &self.model,
            self.outcome,
            sums.tokens_in,
            sums.tokens_out,
            sums.tokens_cached,
            sums.tokens_reasoning,
            sums.cost,
            self.exact,
            sums.latency_us,
            self.simulated,
        ]
    }

    fn word_values(&self, id: i64) -> Option<Vec<Value>> {
        let words = self.words.as_ref()?;
        let (tenant, subject) = (&self.account.tenant, &self.account.subject);
        let (prompt, answer) = (words.0.as_str(), words.1.as_str());
        Some(args![id, self.at_ms, &self.request_id, tenant, subject, &self.model, prompt, answer])
    }
}

/// Text that every database takes: cut where it is too long, without bytes that are no text.
fn readable(bytes: &[u8], bytes_max: usize) -> String {
    let cut = bytes.get(..bytes_max).unwrap_or(bytes);
    let mut text = String::from_utf8_lossy(cut).replace('\0', "\u{fffd}");
    if cut.len() < bytes.len() {
        // A character may have been cut in two.
        text.truncate(text.trim_end_matches('\u{fffd}').len());
    }
    text
}

/// Sums over calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    calls: i64,
    failed: i64,
    tokens_in: i64,
    tokens_out: i64,
    tokens_cached: i64,
    tokens_reasoning: i64,
    cost: NanoUsd,
    latency_us: i64,
}

impl Sums {
    fn of(call: &Called<'_>) -> Self {
        let whole = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        Self {
            calls: 1,
            failed: i64::from(call.outcome != "answered"),
            tokens_in: whole(call.tokens.input),
            tokens_out: whole(call.tokens.output),
            tokens_cached: whole(call.tokens.cached),
            tokens_reasoning: whole(call.tokens.reasoning),
            cost: call.cost,
            latency_us: i64::try_from(call.latency.as_micros()).unwrap_or(i64::MAX),
        }
    }

    fn add(&mut self, other: &Self) {
        let mine = self.all_mut();
        for (mine, other) in mine.into_iter().zip(other.all()) {
            *mine = mine.saturating_add(other);
        }
    }

    fn all(&self) -> [i64; 8] {
        let Self { calls, failed, tokens_in, tokens_out, tokens_cached, tokens_reasoning, cost, latency_us } = *self;
        [calls, failed, tokens_in, tokens_out, tokens_cached, tokens_reasoning, cost, latency_us]
    }

    fn all_mut(&mut self) -> [&mut i64; 8] {
        let Self { calls, failed, tokens_in, tokens_out, tokens_cached, tokens_reasoning, cost, latency_us } = self;
        [calls, failed, tokens_in, tokens_out, tokens_cached, tokens_reasoning, cost, latency_us]
    }
}

/// Day, tenant, subject, model; the order is the one in which rows are locked.
type SumsOf = (i64, Arc<str>, Arc<str>, Arc<str>);

/// Calls that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: Vec<Entry>,
    /// Calls in a batch that is not known to be written.
    writing: usize,
    words_bytes: usize,
    /// Sums of what was dropped.
    dropped: BTreeMap<SumsOf, Sums>,
}

impl Queue {
    /// Calls that wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len() + self.writing
    }

    /// Whether nothing has to be written.
    pub(super) fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.dropped.is_empty() && self.writing == 0
    }

    /// Puts a call in line; whether there was room.
    pub(super) fn push(&mut self, mut entry: Entry, queue_max: usize) -> bool {
        if self.len() >= queue_max {
            // As many sums as there may be calls, and no more.
            if self.dropped.len() < queue_max.max(1) || self.dropped.contains_key(&entry.day()) {
                self.dropped.entry(entry.day()).or_default().add(&entry.sums);
            }
            return false;
        }
        if self.words_bytes + entry.words_bytes() > WORDS_BYTES_MAX {
            entry.words = None;
        }
        self.words_bytes += entry.words_bytes();
        self.entries.push(entry);
        true
    }

    /// Takes what one transaction can write.
    pub(super) fn batch(&mut self) -> Batch {
        let rest = self.entries.split_off(self.entries.len().min(BATCH_MAX));
        let entries = std::mem::replace(&mut self.entries, rest);
        self.words_bytes -= entries.iter().map(Entry::words_bytes).sum::<usize>();
        self.writing = entries.len();
        let mut sums = std::mem::take(&mut self.dropped);
        for entry in &entries {
            sums.entry(entry.day()).or_default().add(&entry.sums);
        }
        Batch { entries, ids: Vec::new(), sums }
    }

    /// The batch is written, or given up.
    pub(super) fn written(&mut self) {
        self.writing = 0;
    }
}

/// What one transaction writes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    entries: Vec<Entry>,
    ids: Vec<i64>,
    sums: BTreeMap<SumsOf, Sums>,
}

impl Batch {
    pub(super) fn calls(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.sums.is_empty()
    }

    /// Gives each call its id, in the order they were noted.
    pub(super) fn number(&mut self, ids: &mut Ids) {
        self.ids = self.entries.iter().map(|entry| ids.next(entry.at_ms)).collect();
    }

    /// Gives up the single calls; their sums stay.
    pub(super) fn without_calls(&self) -> Self {
        Self { sums: self.sums.clone(), ..Self::default() }
    }

    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.insert_many(INSERT_CALL, self.call_rows(), "").await?;
        let mut words = self.word_rows();
        while !words.is_empty() {
            let rest = words.split_off(words.len().min(WORDS_ROWS));
            tx.insert_many(INSERT_PROMPT, words, "").await?;
            words = rest;
        }
        tx.insert_many(INSERT_DAY, self.day_rows(), ADD_DAY).await?;
        Ok(())
    }

    fn call_rows(&self) -> Vec<Vec<Value>> {
        self.entries.iter().zip(&self.ids).map(|(entry, id)| entry.values(*id)).collect()
    }

    fn word_rows(&self) -> Vec<Vec<Value>> {
        self.entries.iter().zip(&self.ids).filter_map(|(entry, id)| entry.word_values(*id)).collect()
    }

    fn day_rows(&self) -> Vec<Vec<Value>> {
        let row = |((day, tenant, subject, model), sums): (&SumsOf, &Sums)| {
            let names = args![*day, tenant, subject, model];
            names.into_iter().chain(sums.all().map(Value::from)).collect()
        };
        self.sums.iter().map(row).collect()
    }
}

const INSERT_CALL: &str = "INSERT INTO access_ledger_call (id, at_ms, request_id, tenant, subject, model, outcome, \
     tokens_in, tokens_out, tokens_cached, tokens_reasoning, cost, exact, latency_us, simulated)";
const INSERT_PROMPT: &str =
    "INSERT INTO access_ledger_prompt (id, at_ms, request_id, tenant, subject, model, prompt, answer)";
const INSERT_DAY: &str = "INSERT INTO access_ledger_day (day, tenant, subject, model, calls, failed, tokens_in, \
     tokens_out, tokens_cached, tokens_reasoning, cost, latency_us)";
const ADD_DAY: &str = "ON CONFLICT (day, tenant, subject, model) DO UPDATE SET \
     calls = access_ledger_day.calls + excluded.calls, \
     failed = access_ledger_day.failed + excluded.failed, \
     tokens_in = access_ledger_day.tokens_in + excluded.tokens_in, \
     tokens_out = access_ledger_day.tokens_out + excluded.tokens_out, \
     tokens_cached = access_ledger_day.tokens_cached + excluded.tokens_cached, \
     tokens_reasoning = access_ledger_day.tokens_reasoning + excluded.tokens_reasoning, \
     cost = access_ledger_day.cost + excluded.cost, \
     latency_us = access_ledger_day.latency_us + excluded.latency_us";

/// Gives out ids that grow with time and are nobody else's.
#[derive(Debug, Default)]
pub(super) struct Ids {
    node: i64,
    ms: i64,
    count: i64,
}

impl Ids {
    /// Those of a process; `holder` is a number that no other process has.
    pub(super) fn of(&mut self, holder: i64) {
        self.node = holder.rem_euclid(1 << NODE_BITS);
    }

    fn next(&mut self, at_ms: i64) -> i64 {
        self.count += 1;
        if at_ms > self.ms {
            (self.ms, self.count) = (at_ms, 0);
        } else if self.count >> COUNT_BITS > 0 {
            (self.ms, self.count) = (self.ms + 1, 0);
        }
        first_id(self.ms) | self.node << COUNT_BITS | self.count
    }
}

#[cfg(test)]
mod tests {
    use super::{Called, Entry, Ids, Queue, first_id, readable};
    use std::sync::Arc;

    #[test]
    fn ids_grow_and_differ_whatever_the_clock_does() {
        let mut ids = Ids::default();
        ids.of(1_025);
        let times = std::iter::repeat_n(7, 5_000).chain([6, 5, 9, 3]).chain(10..20);
        let made: Vec<i64> = times.map(|ms| ids.next(ms)).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
        assert!(made.iter().all(|id| id >> 11 & 1_023 == 1));
        let today = first_id(1_795_000_000_000);
        assert!(today > 0 && today >> 21 == 1_795_000_000_000);
    }

    #[test]
    fn words_that_wait_are_bounded_and_their_calls_stay() {
        let identity = caller::Identity::local();
        let account = crate::accounts::Registry::default().account(&identity);
        let (model, megabytes) = (Arc::from("sim/m"), vec![b'a'; 30 << 20]);
        let call = Called {
            model: &model,
            outcome: "answered",
            tokens: caller::Tokens::default(),
            cost: 0,
            exact: true,
            latency: std::time::Duration::ZERO,
            simulated: false,
            words: None,
        };
        let mut queue = Queue::default();
        for _ in 0..3 {
            let entry = Entry::new(0, &account, &"req_1".into(), &call).with_words((&megabytes, b"b"), usize::MAX);
            assert!(queue.push(entry, 10));
        }
        let mut batch = queue.batch();
        batch.number(&mut Ids::default());
        assert_eq!((batch.calls(), batch.word_rows().len(), queue.words_bytes), (3, 2, 0));
    }

    #[test]
    fn words_are_cut_between_characters_and_hold_no_zeros() {
        assert_eq!(readable("grün".as_bytes(), 3), "gr");
        assert_eq!(readable("grün".as_bytes(), 4), "grü");
        assert_eq!(readable("grün".as_bytes(), 99), "grün");
        assert_eq!(readable(b"a\0b\xff", 99), "a\u{fffd}b\u{fffd}");
    }
}
