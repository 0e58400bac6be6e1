//! How panels have done so far, added up from the days that are kept.

use futures_util::FutureExt;
use std::collections::BTreeMap;
use store::{Row, Store, StoreError, Tx, Value};

/// How a panel has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Questions on which it agreed.
    pub reached: u64,
    /// Questions on which it did not.
    pub not_reached: u64,
    /// How often each model was right, of the answers whose truth is known.
    pub models: BTreeMap<String, Accuracy>,
    /// How often two models were right together, by their names in alphabetical order.
    pub pairs: BTreeMap<(String, String), Together>,
}

/// How often a model was right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// Answers that were right.
    pub right: u64,
    /// Answers whose truth is known.
    pub asked: u64,
}

/// How two models did on questions that both answered and whose truth is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Together {
    /// Both were right.
    pub both_right: u64,
    /// Only the one first in the alphabet.
    pub only_first: u64,
    /// Only the other one.
    pub only_second: u64,
    /// Both were wrong.
    pub both_wrong: u64,
}

impl Standing {
    /// How two models did together, the counts in the order in which they are named here.
    pub fn pair(&self, first: &str, second: &str) -> Option<Together> {
        if let Some(found) = self.pairs.get(&(first.to_owned(), second.to_owned())) {
            return Some(*found);
        }
        let found = *self.pairs.get(&(second.to_owned(), first.to_owned()))?;
        Some(Together { only_first: found.only_second, only_second: found.only_first, ..found })
    }
}

/// Panels by their names.
pub(crate) type Standings = BTreeMap<String, Standing>;

/// Adds up what is kept, of one tenant and one panel or of all.
pub(crate) async fn read(store: &Store, tenant: Option<&str>, panel: Option<&str>) -> Result<Standings, StoreError> {
    let mut args: Vec<Value> = Vec::new();
    let mut conditions = "1 = 1".to_owned();
    for (column, value) in [("tenant", tenant), ("panel", panel)] {
        if let Some(value) = value {
            args.push(Value::from(value));
            conditions.push_str(&format!(" AND {column} = ${}", args.len()));
        }
    }
    let select = |columns: &str, table: &str, keys: &str| {
        format!("SELECT {columns} FROM {table} WHERE {conditions} GROUP BY {keys}")
    };
    let panels = select(&format!("panel, {}", sums(&["reached", "not_reached"])), "votes_panel_day", "panel");
    let models = select(&format!("panel, model, {}", sums(&["hits", "asked"])), "votes_model_day", "panel, model");
    let counts = sums(&["both_right", "only_model", "only_other", "both_wrong"]);
    let pairs = select(&format!("panel, model, other, {counts}"), "votes_pair_day", "panel, model, other");
    let read = store.read(move |tx| {
        let (sql, args) = ([panels.clone(), models.clone(), pairs.clone()], args.clone());
        async move { add_up(tx, sql, args).await }.boxed()
    });
    read.await
}

/// A sum of whole numbers is a decimal number in one of the databases.
fn sums(columns: &[&str]) -> String {
    let sums: Vec<String> = columns.iter().map(|column| format!("CAST(SUM({column}) AS BIGINT)")).collect();
    sums.join(", ")
}

async fn add_up(tx: &mut Tx, [panels, models, pairs]: [String; 3], args: Vec<Value>) -> Result<Standings, StoreError> {
    let mut all = Standings::new();
    for row in tx.fetch_all(panels, args.clone()).await? {
        let standing = all.entry(row.get(0)?).or_default();
        (standing.reached, standing.not_reached) = (count(&row, 1)?, count(&row, 2)?);
    }
    for row in tx.fetch_all(models, args.clone()).await? {
        let accuracy = Accuracy { right: count(&row, 2)?, asked: count(&row, 3)? };
        all.entry(row.get(0)?).or_default().models.insert(row.get(1)?, accuracy);
    }
    for row in tx.fetch_all(pairs, args).await? {
        let together = Together {
            both_right: count(&row, 3)?,
            only_first: count(&row, 4)?,
            only_second: count(&row, 5)?,
            both_wrong: count(&row, 6)?,
        };
        all.entry(row.get(0)?).or_default().pairs.insert((row.get(1)?, row.get(2)?), together);
    }
    Ok(all)
}

fn count(row: &Row, at: usize) -> Result<u64, StoreError> {
    row.get::<i64>(at).map(|count| u64::try_from(count).unwrap_or(0))
}
