//! Files as trees of words: YAML, JSON or lines of `NAME=value`, told apart by how they begin.
//!
//! Numbers stay the digits that were written, because a price that went through a float is another price.

mod dotenv;
mod json;
mod node;
mod yaml;

pub(crate) use node::{Node, is_on};

use crate::Source;
use crate::error::MigrationError;

/// The most files read at once.
pub const SOURCES_MAX: usize = 16;
/// The most bytes of one file: 1 MiB.
pub const SOURCE_BYTES_MAX: usize = 1024 * 1024;
/// The most values in one file, with everything that YAML refers to written out.
pub const NODES_MAX: usize = 100_000;
/// The most values inside one another.
pub const DEPTH_MAX: usize = 64;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) root: Node,
    /// It was lines of `NAME=value`.
    pub(crate) lines: bool,
}

/// Why a text is no tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    TooDeep,
    At { line: usize, column: usize, problem: &'static str },
}

/// All files, read.
pub(crate) fn all(files: &[Source]) -> Result<Vec<Tree>, MigrationError> {
    if files.len() > SOURCES_MAX {
        return Err(MigrationError::TooMany { count: files.len() });
    }
    files.iter().map(one).collect()
}

fn one(source: &Source) -> Result<Tree, MigrationError> {
    let file = shown(&source.name);
    if source.text.len() > SOURCE_BYTES_MAX {
        return Err(MigrationError::TooLarge { file });
    }
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let lines = dotenv::is(text);
    let root = if lines { Ok(dotenv::read(text)) } else { tree(text) };
    match root {
        Ok(root) => Ok(Tree { name: file, root, lines }),
        Err(Trouble::TooDeep) => Err(MigrationError::TooDeep { file }),
        Err(Trouble::At { line, column, problem }) => Err(MigrationError::Unreadable { file, line, column, problem }),
    }
}

/// JSON where the text is JSON, else YAML, which nearly contains it.
fn tree(text: &str) -> Result<Node, Trouble> {
    match text.trim_start().starts_with('{').then(|| json::read(text)) {
        Some(Ok(root)) => Ok(root),
        Some(Err(Trouble::TooDeep)) => Err(Trouble::TooDeep),
        _ => yaml::read(text),
    }
}

/// The last part of a path, without what a terminal or a comment would stumble over.
fn shown(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(name);
    last.chars().filter(|letter| !letter.is_control()).take(60).collect()
}
