//! `althing prices`: what models cost, and a newer list for it.

use crate::exit::{DONE, FAILED, Failure};
use crate::print::{self, print};
use crate::{data, wiring};
use calendar::date_before;
use prices::{Change, Entry, Price, PricesError, Rates, Table, changes};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shell::{Global, Prices};
use std::io::Read;
use std::path::{Path, PathBuf};
use terminal::{Listed, amount, clean, count, hang};

/// How many of the biggest changes are told to people; programs are told all.
const CHANGES_SHOWN: usize = 10;

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: &Prices) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked {
        Prices::List { model, house, data } => {
            list(global, house.as_deref(), model.as_deref(), data.clone().or_else(data::usual_folder).as_deref())
        }
        Prices::Update { file, dry_run, data } => update(global, file, *dry_run, data.as_ref()),
    }
}

fn list(global: &Global, house: Option<&str>, model: Option<&str>, folder: Option<&Path>) -> Result<u8, Failure> {
    let (table, file) = prices::load(folder).map_err(|error| Failure::of(&error))?;
    if let Some(house) = house.filter(|house| table.about(house).is_none()) {
        let known: Vec<_> = table.houses().map(clean).collect();
        return Err(Failure::new(FAILED, format!("there is no price list of `{house}`"))
            .hint(format!("there are those of {}", known.join(", "))));
    }
    let listed = listed(&table, house, model);
    if let Some(model) = model.filter(|_| listed.is_empty()) {
        return Err(Failure::new(FAILED, format!("no price list has a model like `{model}`"))
            .hint("set `price` at the model, or bring a newer list with `althing prices update FILE`"));
    }
    match global.json {
        true => print::json(&json!({ "file": file, "houses": listed.iter().map(document).collect::<Vec<_>>() }))?,
        false => print(&terminal::prices(&listed, model.is_some()))?,
    }
    Ok(DONE)
}

/// What was asked for: models with so much of their name, or the one that a name stands for.
fn listed<'a>(table: &'a Table, house: Option<&str>, model: Option<&str>) -> Vec<Listed<'a>> {
    let houses = table.houses().filter(|name| house.is_none_or(|house| house == *name));
    let of = |name: &'a str| {
        let meant = model.and_then(|model| table.find(name, model));
        let like = |listed: &str, entry: &Entry| {
            model.is_none_or(|model| listed.contains(model)) || meant.is_some_and(|meant| std::ptr::eq(meant, entry))
        };
        let models: Vec<_> = table.entries(name).filter(|(listed, entry)| like(listed, entry)).collect();
        Some((name, table.about(name)?, models)).filter(|(_, _, models)| !models.is_empty())
    };
    houses.filter_map(of).collect()
}

fn document((house, about, models): &Listed<'_>) -> Value {
    let model = |(name, entry): &(&str, &Entry)| {
        json!({
            "name": name, "price": entry.price.as_ref().map(price_document),
            "context_tokens": entry.context_tokens, "output_tokens_max": entry.output_tokens_max,
        })
    };
    let models: Vec<_> = models.iter().map(model).collect();
    json!({ "house": house, "source": about.source, "date": about.date, "models": models })
}

/// A price by its parts, each as exact text; parts that are not set are left out.
fn price_document(price: &Price) -> Value {
    let rates = |rates: &Rates| -> serde_json::Map<String, Value> {
        let parts = rates.parts().into_iter().filter_map(|(name, amount)| Some((name, amount?)));
        parts.map(|(name, amount)| (name.to_owned(), json!(amount.normalize().to_string()))).collect()
    };
    let mut document = rates(&price.rates);
    if let Some(long) = price.long {
        let mut tier = rates(&long.rates);
        tier.insert("above_tokens".to_owned(), json!(long.above_tokens));
        document.insert("long".to_owned(), tier.into());
    }
    document.into()
}

fn update(global: &Global, file: &Path, dry_run: bool, named: Option<&PathBuf>) -> Result<u8, Failure> {
    let fail = |error: PricesError| Failure::of(&error);
    let (list, notes) =
        prices::import(&bytes(file).map_err(|error| fail(error).code(FAILED))?, &date_before(0)).map_err(fail)?;
    let folder = match dry_run {
        true => named.cloned().or_else(data::usual_folder),
        false => Some(data::folder(named)?),
    };
    let before = match prices::load(folder.as_deref()) {
        Ok((before, _)) => before,
        // What is broken is put right by what is written now.
        Err(PricesError::Broken { .. }) => Table::shipped(),
        Err(error) => return Err(fail(error)),
    };
    let mut after = Table::shipped();
    let read = list.len();
    let written = match folder.filter(|_| !dry_run) {
        Some(folder) => Some(prices::save(&folder, &list).map_err(fail)?),
        None => None,
    };
    after.merge(list);
    let update = Update { read, notes, changes: changes(&before, &after), written };
    match global.json {
        true => print::json(&update.document())?,
        false => print(&update.text())?,
    }
    Ok(DONE)
}

/// What is in a file, as far as a price list may go.
fn bytes(path: &Path) -> Result<Vec<u8>, PricesError> {
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(prices::BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|source| PricesError::File { path: path.to_owned(), source })
}

/// What an update did, or would do.
struct Update {
    read: usize,
    notes: Vec<String>,
    changes: Vec<Change>,
    written: Option<PathBuf>,
}

impl Update {
    /// How many prices are new, changed and gone.
    fn counts(&self) -> [usize; 3] {
        let many = |before: bool, after: bool| {
            self.changes.iter().filter(|one| (one.before.is_some(), one.after.is_some()) == (before, after)).count()
        };
        [many(false, true), many(true, true), many(true, false)]
    }

    fn document(&self) -> Value {
        let [new, changed, gone] = self.counts();
        let change = |one: &Change| {
            json!({
                "house": one.house, "model": one.model, "before": one.before.as_ref().map(price_document),
                "after": one.after.as_ref().map(price_document),
            })
        };
        json!({
            "read": self.read, "notes": self.notes, "new": new, "changed": changed, "gone": gone,
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(), "written": self.written,
        })
    }

    fn text(&self) -> String {
        let [new, changed, gone] = self.counts();
        let mut text: String = self.notes.iter().map(|note| hang("", note)).collect();
        text.push_str(&format!(
            "{}: {new} new, {changed} changed, {gone} gone\n",
            count(new + changed + gone, "price")
        ));
        let other = self.changes.iter().filter(|one| one.before.is_some() && one.after.is_some());
        for change in other.take(CHANGES_SHOWN) {
            text.push_str(&hang("  ", &told(change)));
        }
        if changed > CHANGES_SHOWN {
            text.push_str(&format!("  and {} smaller ones; `--json` tells them all\n", changed - CHANGES_SHOWN));
        }
        text + &match &self.written {
            Some(path) => hang("", &format!("written to {}", path.display())),
            None => "nothing was written\n".to_owned(),
        }
    }
}

/// How a price has changed, in a line.
fn told(change: &Change) -> String {
    let both = |price: Option<Price>| {
        price
            .map(|price| format!("{} and {}", amount(price.rates.input), amount(price.rates.output)))
            .unwrap_or_default()
    };
    let (before, after) = (both(change.before), both(change.after));
    let name = format!("{}/{}", clean(&change.house), clean(&change.model));
    if before == after {
        return format!("{name}: {after} as before, but other parts changed");
    }
    let part = (change.part() * Decimal::ONE_HUNDRED).round_dp(1).normalize();
    format!("{name}: {after}, was {before} ({}{part} %)", if part.is_sign_positive() { "+" } else { "" })
}

#[cfg(test)]
mod tests;
