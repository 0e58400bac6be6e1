//! Price lists, one for each house that sells models. Knows no format of others and no file.

use crate::entry::Entry;
use crate::error::PricesError;
use crate::names::names;
use crate::text;
use std::collections::BTreeMap;

/// The list that is shipped.
const SHIPPED: &str = include_str!("prices.toml");

/// Price lists by house.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub(crate) houses: BTreeMap<Box<str>, House>,
}

/// One house's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct House {
    pub(crate) about: About,
    pub(crate) entries: BTreeMap<Box<str>, Entry>,
}

/// Where a list is from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The address of the page or list with these prices.
    pub source: String,
    /// The day on which they stood there, as `2026-11-21`.
    pub date: String,
}

impl Table {
    /// The list that is shipped with the program. It is read anew each time: keep what you get.
    pub fn shipped() -> Self {
        // A test reads it, so that there is always one.
        Self::parse(SHIPPED).unwrap_or_default()
    }

    /// Reads our own format: for each house its `source`, its `date` and its `models`, amounts in US dollars per
    /// million tokens.
    ///
    /// # Errors
    /// [`PricesError::Malformed`], [`PricesError::Entry`], [`PricesError::Date`], [`PricesError::TooLarge`] or
    /// [`PricesError::TooMany`].
    pub fn parse(text: &str) -> Result<Self, PricesError> {
        text::parse(text)
    }

    /// Our own format, one line for each model.
    pub fn to_toml(&self) -> String {
        text::write(self)
    }

    /// What is known of a model of a house: under its name, else under its name without the day of its release
    /// (`-20250929`, `@20250929`, `-2024-08-06`), `-latest`, the build (`:0`, `-v1:0`) and the region (`us.`, `eu.`,
    /// `apac.`, `jp.`, `au.`, `global.`) of Amazon's ids; never under a mere beginning of it.
    pub fn find(&self, house: &str, model: &str) -> Option<&Entry> {
        let entries = &self.houses.get(house)?.entries;
        entries.get(model).or_else(|| names(model).into_iter().find_map(|name| entries.get(name)))
    }

    /// Lays another table over this one: its entries replace ours whole, and its word on where a list is from replaces
    /// ours. Entries that it does not have stay.
    pub fn merge(&mut self, over: Self) {
        for (name, theirs) in over.houses {
            match self.houses.get_mut(&name) {
                Some(ours) => {
                    ours.about = theirs.about;
                    ours.entries.extend(theirs.entries);
                }
                None => drop(self.houses.insert(name, theirs)),
            }
        }
    }

    /// The names of all houses, in order.
    pub fn houses(&self) -> impl Iterator<Item = &str> {
        self.houses.keys().map(|name| &**name)
    }

    /// Where a house's list is from.
    pub fn about(&self, house: &str) -> Option<&About> {
        self.houses.get(house).map(|house| &house.about)
    }

    /// All models of a house by name, in order.
    pub fn entries(&self, house: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let entries = self.houses.get(house).into_iter().flat_map(|house| &house.entries);
        entries.map(|(name, entry)| (&**name, entry))
    }

    /// How many models there are in all.
    pub fn len(&self) -> usize {
        self.houses.values().map(|house| house.entries.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
