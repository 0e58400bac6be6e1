//! JSON as a tree.

use super::{NODES_MAX, Node, Trouble};
use serde_json::Value;

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Node, Trouble> {
    // Its own limit on depth keeps the recursion below shallow.
    let value: Value = serde_json::from_str(text).map_err(|error| Trouble::At {
        line: error.line(),
        column: error.column(),
        problem: "this is not JSON",
    })?;
    let mut left = NODES_MAX;
    node(value, &mut left).ok_or(Trouble::TooDeep)
}

/// Nothing where there are too many values.
fn node(value: Value, left: &mut usize) -> Option<Node> {
    *left = left.checked_sub(1)?;
    Some(match value {
        Value::Null => Node::Null,
        Value::Bool(on) => Node::Word(on.to_string()),
        Value::Number(number) => Node::Word(number.to_string()),
        Value::String(word) => Node::Word(word),
        Value::Array(items) => Node::List(items.into_iter().map(|item| node(item, left)).collect::<Option<_>>()?),
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(name, value)| Some((name, node(value, left)?)));
            Node::Map(entries.collect::<Option<_>>()?)
        }
    })
}
