//! What differs between two tables. Knows not why.

use crate::price::Price;
use crate::table::Table;
use rust_decimal::Decimal;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// A model whose price is new, other than it was, or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose model.
    pub house: String,
    /// Its name.
    pub model: String,
    /// What it cost before; `None` if that was unknown.
    pub before: Option<Price>,
    /// What it costs now; `None` if that is unknown.
    pub after: Option<Price>,
}

impl Change {
    /// How much dearer or cheaper it has become, as a part of what it cost: a million tokens read and as many written.
    /// Whatever was free or unknown, or is unknown now, has not changed by a part.
    pub fn part(&self) -> Decimal {
        let cost = |price: Price| price.rates.input.saturating_add(price.rates.output);
        let (Some(before), Some(after)) = (self.before.map(cost), self.after.map(cost)) else { return Decimal::ZERO };
        after.saturating_sub(before).checked_div(before).unwrap_or_default().normalize()
    }
}

/// The prices that differ, those that changed most before the others.
pub fn changes(before: &Table, after: &Table) -> Vec<Change> {
    let names = |table: &Table| {
        let all = table.houses.iter().flat_map(|(house, list)| list.entries.keys().map(move |model| (house, model)));
        all.map(|(house, model)| (house.to_string(), model.to_string())).collect::<BTreeSet<_>>()
    };
    let price = |table: &Table, house: &str, model: &str| table.houses.get(house)?.entries.get(model)?.price;
    let every: BTreeSet<_> = names(before).into_iter().chain(names(after)).collect();
    let change = |(house, model): (String, String)| {
        let (before, after) = (price(before, &house, &model), price(after, &house, &model));
        (before != after).then_some(Change { house, model, before, after })
    };
    let mut changes: Vec<_> = every.into_iter().filter_map(change).collect();
    changes.sort_by_key(|change| Reverse(change.part().abs()));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Table {
        Table::parse(&format!("[a]\nsource = 'x'\ndate = '2026-01-01'\n[a.models]\n{rows}")).unwrap()
    }

    #[test]
    fn tells_what_is_new_other_and_gone() {
        let before = table(
            "kept = {input=1,output=2}\nrose = {input=1,output=1}\nfell = {input=1,output=9}\ngone={input=1,output=1}",
        );
        let after = table(
            "kept = {input=1,output=2}\nrose = {input=1,output=2}\nfell = {input=1,output=1}\nnew={input=1,output=1}",
        );
        let found = changes(&before, &after);
        let shown: Vec<_> = found.iter().map(|one| (&*one.model, one.part().to_string())).collect();
        let expect = [("fell", "-0.8"), ("rose", "0.5"), ("gone", "0"), ("new", "0")];
        assert_eq!(shown, expect.map(|(model, part)| (model, part.to_owned())));
        assert!(changes(&after, &after).is_empty());
    }

    #[test]
    fn what_was_free_has_not_changed_by_a_part() {
        let found = changes(&table("a = {input=0,output=0}"), &table("a = {input=1,output=1}"));
        assert_eq!(found.iter().map(Change::part).collect::<Vec<_>>(), [Decimal::ZERO]);
    }
}
