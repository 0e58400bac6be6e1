//! Laying one table of settings over another while remembering where each value came from.
//!
//! Tables merge key by key; a list replaces the list below it whole. Nothing here knows what a key means.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::load::Origin;

/// The path of a key in the table at `path`, which is empty for the outermost table.
pub(crate) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let dot = if path.is_empty() { "" } else { "." };
    if bare { format!("{path}{dot}{key}") } else { format!("{path}{dot}{key:?}") }
}

/// The path of an element, counted from 0, of the list at `path`.
pub(crate) fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The table in which one value stands at the end of a path of keys.
pub(crate) fn nested<'a>(keys: impl DoubleEndedIterator<Item = &'a str>, value: Value) -> Table {
    let outer = keys.rev().fold(value, |inner, key| Value::Table(Table::from_iter([(key.to_owned(), inner)])));
    match outer {
        Value::Table(table) => table,
        _ => Table::new(),
    }
}

/// The values that hold no tables, with their paths, in the order of the table.
pub(crate) fn leaves(table: &Table) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        gather(join("", key), value, &mut found);
    }
    found
}

fn gather<'a>(path: String, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Table(table) if !table.is_empty() => {
            for (key, value) in table {
                gather(join(&path, key), value, found);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (index, item) in list.iter().enumerate() {
                gather(element(&path, index), item, found);
            }
        }
        _ => found.push((path, value)),
    }
}

/// Tables laid over one another, and where each leaf came from.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// What they say together.
    pub(crate) table: Table,
    origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// Lays a table over what is there.
    pub(crate) fn lay(&mut self, over: Table, origin: impl Fn(&str) -> Origin) {
        let leaves = leaves(&over);
        let replaced: BTreeSet<&str> = leaves
            .iter()
            .filter(|(_, value)| !value.is_table())
            .map(|(path, _)| path.split('[').next().unwrap_or(path))
            .collect();
        self.origins.retain(|known, _| !replaced.iter().any(|path| is_inside(known, path)));
        self.origins.extend(leaves.into_iter().map(|(path, _)| (path.clone(), origin(&path))));
        merge(&mut self.table, over);
    }

    /// Where the value at a path came from: itself, or something inside it.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        let inside = || self.origins.range(path.to_owned()..).take_while(|(known, _)| known.starts_with(path));
        self.origins.get(path).or_else(|| inside().find(|(known, _)| is_inside(known, path)).map(|(_, origin)| origin))
    }
}

/// Whether a path is `outer` or lies inside it.
fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Lays one table over another.
pub(crate) fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Layers, join, leaves, nested};
    use crate::load::Origin;
    use toml::{Table, Value};

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn names_every_leaf() {
        let table =
            table("a.b = 1\nlist = [1, 2]\nempty = {}\n'x y' = 1\n[[t]]\nu = 1\n[[t]]\nmixed = ['m', { n = 2 }]");
        let paths: Vec<String> = leaves(&table).into_iter().map(|(path, _)| path).collect();
        let expected = ["a.b", "empty", "list", "t[0].u", "t[1].mixed[0]", "t[1].mixed[1].n", "\"x y\""];
        let mut sorted = expected.map(str::to_owned).to_vec();
        sorted.sort();
        let mut paths = paths;
        paths.sort();
        assert_eq!(paths, sorted);
    }

    #[test]
    fn nests_a_value() {
        let inner = nested(["a", "b"].into_iter(), Value::Integer(1));
        assert_eq!(inner, table("a.b = 1"));
        assert_eq!(join("", "a.b"), "\"a.b\"");
    }

    #[test]
    fn tables_merge_and_lists_replace() {
        let mut layers = Layers::default();
        layers.lay(table("[s]\na = 1\nb = 1\n[[t]]\nx = 1\ny = 1\n[[t]]\nx = 2"), |_| Origin::Default);
        layers.lay(table("[s]\na = 2\n[[t]]\nx = 3"), |_| Origin::Flag);
        assert_eq!(layers.table, table("[s]\na = 2\nb = 1\n[[t]]\nx = 3"));
        assert_eq!(layers.origin("s.a"), Some(&Origin::Flag));
        assert_eq!(layers.origin("s.b"), Some(&Origin::Default));
        assert_eq!(layers.origin("t[0]"), Some(&Origin::Flag), "something inside it");
        assert_eq!(layers.origin("t[0].y"), None);
        assert_eq!(layers.origin("t[1].x"), None);
        layers.lay(table("s = {}\nt = []"), |_| Origin::Default);
        assert_eq!(layers.origin("s.a"), Some(&Origin::Flag), "an empty table replaces nothing");
        assert_eq!(layers.origin("t[0].x"), None);
    }
}
