//! How calls of each tool went: how many, how many succeeded, how long the last hundred took.
//!
//! It is kept in memory and written behind the calls; a crash loses the last few.

use crate::catalogue::Entry;
use crate::tables::{Place, column};
use futures_util::FutureExt;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Isolation, Store, StoreError, args};

/// How many of the last calls are looked at.
const WINDOW: usize = 100;
/// Tools whose figures are written in one transaction.
const BATCH_MAX: usize = 200;

/// How calls of one tool went.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) calls: i64,
    pub(crate) succeeded: i64,
    /// Milliseconds of the last calls that succeeded, oldest first.
    recent_ms: Vec<u32>,
}

impl Record {
    /// The share of all calls that succeeded.
    pub(crate) fn success_rate(&self) -> Option<f64> {
        (self.calls > 0).then(|| (self.succeeded as f64 / self.calls as f64 * 1_000.0).round() / 1_000.0)
    }

    /// What half of the last hundred successful calls took at most.
    pub(crate) fn p50_ms(&self) -> Option<u32> {
        let mut sorted = self.recent_ms.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied()
    }

    fn add(&mut self, succeeded: bool, took: Duration) {
        self.calls += 1;
        if !succeeded {
            return;
        }
        self.succeeded += 1;
        if self.recent_ms.len() >= WINDOW {
            self.recent_ms.remove(0);
        }
        self.recent_ms.push(u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
    }
}

#[derive(Default)]
struct Desk {
    by_tool: HashMap<Place, Record>,
    unwritten: HashSet<Place>,
}

/// How calls of all tools went.
#[derive(Default)]
pub(crate) struct Records(Mutex<Desk>);

fn place(entry: &Entry) -> Place {
    (column(entry.tenant.as_deref()).into(), Arc::clone(&entry.id))
}

impl Records {
    /// What the store knows.
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        let rows = store.read(|tx| {
            async move {
                let sql = "SELECT tenant, id, calls, succeeded, recent FROM toolbox_call LIMIT 200000";
                let rows = tx.fetch_all(sql, args![]).await?;
                let read = rows.iter().map(|row| {
                    let bytes: Vec<u8> = row.get(4)?;
                    let number =
                        |chunk: &[u8]| chunk.iter().rev().fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte));
                    let recent_ms = bytes.chunks_exact(4).map(number).collect();
                    Ok(((row.get(0)?, row.get(1)?), Record { calls: row.get(2)?, succeeded: row.get(3)?, recent_ms }))
                });
                read.collect::<Result<HashMap<Place, Record>, StoreError>>()
            }
            .boxed()
        });
        Ok(Self(Mutex::new(Desk { by_tool: rows.await?, unwritten: HashSet::new() })))
    }

    /// A call has ended.
    pub(crate) fn note(&self, entry: &Entry, succeeded: bool, took: Duration) {
        let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desk.by_tool.entry(place(entry)).or_default().add(succeeded, took);
        desk.unwritten.insert(place(entry));
    }

    /// How calls of a tool went.
    pub(crate) fn of(&self, entry: &Entry) -> Record {
        let desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desk.by_tool.get(&place(entry)).cloned().unwrap_or_default()
    }

    /// A tool is gone.
    pub(crate) fn forget(&self, place: &Place) {
        let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desk.by_tool.remove(place);
        desk.unwritten.remove(place);
    }

    /// Writes what is not written yet. What cannot be written now stays for the next time.
    pub(crate) async fn write(&self, store: &Store) -> Result<(), StoreError> {
        loop {
            let batch: Vec<(Place, Record)> = {
                let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let due: Vec<Place> = desk.unwritten.iter().take(BATCH_MAX).cloned().collect();
                due.iter().for_each(|place| _ = desk.unwritten.remove(place));
                due.into_iter().filter_map(|place| Some((place.clone(), desk.by_tool.get(&place)?.clone()))).collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let places: Vec<Place> = batch.iter().map(|(place, _)| place.clone()).collect();
            if let Err(error) = write(store, Arc::new(batch)).await {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).unwritten.extend(places);
                return Err(error);
            }
        }
    }
}

async fn write(store: &Store, batch: Arc<Vec<(Place, Record)>>) -> Result<(), StoreError> {
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let batch = Arc::clone(&batch);
        async move {
            let now = tx.now_ms().await?;
            let row = |((tenant, id), record): &(Place, Record)| {
                let recent: Vec<u8> = record.recent_ms.iter().flat_map(|ms| ms.to_le_bytes()).collect();
                args![tenant, id, record.calls, record.succeeded, recent, now]
            };
            let head = "INSERT INTO toolbox_call (tenant, id, calls, succeeded, recent, updated_ms)";
            let tail = "ON CONFLICT (tenant, id) DO UPDATE SET calls = excluded.calls, \
                        succeeded = excluded.succeeded, recent = excluded.recent, updated_ms = excluded.updated_ms";
            tx.insert_many(head, batch.iter().map(row).collect(), tail).await?;
            Ok(())
        }
        .boxed()
    });
    written.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_count_and_failures_have_no_time() {
        let mut record = Record::default();
        assert_eq!((record.success_rate(), record.p50_ms()), (None, None));
        record.add(false, Duration::from_secs(9));
        record.add(true, Duration::from_millis(10));
        assert_eq!((record.success_rate(), record.p50_ms()), (Some(0.5), Some(10)));
        for ms in 0..WINDOW as u64 {
            record.add(true, Duration::from_millis(100 + ms));
        }
        assert_eq!(record.p50_ms(), Some(149));
        assert_eq!(record.recent_ms.len(), WINDOW);
    }
}
