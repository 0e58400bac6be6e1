//! Price lists that others publish, read as ours. Opens no socket: whoever wants a list brings its bytes.

mod litellm;
mod models_dev;
mod raw;

use crate::entry::Entry;
use crate::error::PricesError;
use crate::table::{About, House, Table};
use crate::text::{BYTES_MAX, ENTRIES_MAX, dated};
use raw::{Object, object};
use std::collections::{BTreeMap, BTreeSet};

/// The most characters of a model's or a house's name.
const NAME_MAX: usize = 200;

/// Reads a price list: our own TOML, LiteLLM's `model_prices_and_context_window.json` or `api.json` of models.dev.
/// Also says in a few lines what was read and what was left out, and why. `today` (`2026-11-21`) becomes the date of
/// lists that have none.
///
/// # Errors
/// [`PricesError`]: bytes or models beyond their limits, no text, none of the formats, or our own format with faults.
pub fn import(bytes: &[u8], today: &str) -> Result<(Table, Vec<String>), PricesError> {
    if bytes.len() > BYTES_MAX {
        return Err(PricesError::TooLarge { bytes: bytes.len() as u64, most: BYTES_MAX });
    }
    dated(today)?;
    let text = std::str::from_utf8(bytes)
        .map_err(|_| PricesError::Malformed { line: None, reason: "it is not UTF-8".to_owned() })?;
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('{') {
        return toml(text);
    }
    let rows: Object<'_> = serde_json::from_str(text).map_err(|error| PricesError::Malformed {
        line: Some(error.line()),
        reason: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    })?;
    let has = |member: &str| rows.values().filter_map(|row| object(row)).any(|row| row.contains_key(member));
    match (has("litellm_provider"), has("models")) {
        (true, _) => litellm::read(&rows, today),
        (false, true) => models_dev::read(&rows, today),
        (false, false) => Err(PricesError::Unrecognised),
    }
}

fn toml(text: &str) -> Result<(Table, Vec<String>), PricesError> {
    let table = Table::parse(text)?;
    if table.is_empty() {
        return Err(PricesError::Unrecognised);
    }
    let notes = vec![read_note(&table, "a list of our own")];
    Ok((table, notes))
}

/// What was read.
fn read_note(table: &Table, what: &str) -> String {
    format!("read {} models of {} houses from {what}", table.len(), table.houses.len())
}

/// What is read so far of somebody's list.
struct Reader {
    source: &'static str,
    date: String,
    table: Table,
    rows: usize,
    skipped: BTreeMap<&'static str, usize>,
    /// Models that are told more than once, with different prices: nobody knows which one holds.
    disputed: BTreeSet<(Box<str>, Box<str>)>,
}

impl Reader {
    fn new(source: &'static str, date: &str) -> Self {
        Self {
            source,
            date: date.to_owned(),
            table: Table::default(),
            rows: 0,
            skipped: BTreeMap::new(),
            disputed: BTreeSet::new(),
        }
    }

    /// Takes a model in, or counts why not.
    fn take(&mut self, house: &str, model: &str, row: Result<Entry, &'static str>) -> Result<(), PricesError> {
        self.rows += 1;
        if self.rows > ENTRIES_MAX {
            return Err(PricesError::TooMany { most: ENTRIES_MAX });
        }
        let named = |name: &str| {
            !name.is_empty() && name.chars().count() <= NAME_MAX && !name.contains(|letter: char| letter.is_control())
        };
        let row = if named(house) && named(model) { row } else { Err("whose names cannot be names") };
        match row {
            Ok(entry) => self.put(house, model, entry),
            Err(reason) => self.skip(reason),
        }
        Ok(())
    }

    fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    fn put(&mut self, house: &str, model: &str, entry: Entry) {
        const DISPUTED: &str = "told twice, with different prices";
        if self.disputed.contains(&(house.into(), model.into())) {
            return self.skip(DISPUTED);
        }
        let about = About { source: self.source.to_owned(), date: self.date.clone() };
        let list = self.table.houses.entry(house.into()).or_insert_with(|| House { about, entries: BTreeMap::new() });
        match list.entries.get(model).map(|known| known.price == entry.price) {
            None => drop(list.entries.insert(model.into(), entry)),
            Some(true) => {}
            Some(false) => {
                list.entries.remove(model);
                self.disputed.insert((house.into(), model.into()));
                self.skip(DISPUTED);
                self.skip(DISPUTED);
            }
        }
    }

    fn done(mut self, what: &str) -> Result<(Table, Vec<String>), PricesError> {
        self.table.houses.retain(|_, house| !house.entries.is_empty());
        if self.table.is_empty() {
            return Err(PricesError::Unrecognised);
        }
        let mut notes = vec![read_note(&self.table, what)];
        let mut skipped: Vec<_> = self.skipped.into_iter().collect();
        skipped.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        notes.extend(skipped.iter().map(|(reason, count)| format!("left out {count} {reason}")));
        Ok((self.table, notes))
    }
}

#[cfg(test)]
mod tests;
