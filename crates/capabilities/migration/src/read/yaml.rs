//! YAML as a tree, with the limits of this room.
//!
//! Built on a parser's events rather than on a deserializer, for two reasons: numbers keep their digits, and a value
//! that is referred to is counted each time before it is copied, so that a file of a few lines that stands for
//! billions of values is refused at once.

use super::node::last_of_each;
use super::{DEPTH_MAX, NODES_MAX, Node, Trouble};
use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, Span};
use std::collections::BTreeMap;

/// What YAML calls laying one map under another.
const MERGE: &str = "<<";

/// Reads the one document of a text.
pub(super) fn read(text: &str) -> Result<Node, Trouble> {
    let mut options = Options::default();
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    let mut builder = Builder::default();
    for next in Parser::new_from_str_with_options(text, options) {
        // The parser's own words may repeat a piece of the text.
        let (event, span) = next.map_err(|error| match error.kind() {
            ErrorKind::RecursionLimitExceeded => Trouble::TooDeep,
            _ => Trouble::At {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                problem: "this is not YAML",
            },
        })?;
        builder.take(event, &span)?;
    }
    Ok(builder.root.unwrap_or(Node::Null))
}

/// A list or map that is still open.
struct Frame {
    node: Node,
    /// The name that waits for its value.
    name: Option<String>,
    /// Maps to lay under this one.
    under: Vec<Node>,
    anchor: usize,
    /// How many values there were before it.
    before: usize,
}

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Trouble> {
        match event {
            Event::Scalar(word, style, anchor, _) => {
                self.count(1)?;
                let node = scalar(&word, style);
                if anchor > 0 {
                    self.anchors.insert(anchor, (node.clone(), 1));
                }
                self.put(node, span)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Node::List(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => self.begin(Node::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => {
                // What refers to itself is not complete yet, and has no end.
                let (_, size) = self.anchors.get(&anchor).ok_or_else(|| at(span, "this refers to itself"))?;
                self.count(*size)?;
                let node = self.anchors.get(&anchor).map_or(Node::Null, |(node, _)| node.clone());
                self.put(node, span)
            }
            Event::DocumentStart(..) if self.root.is_some() => Err(at(span, "this is a second document")),
            _ => Ok(()),
        }
    }

    fn count(&mut self, more: usize) -> Result<(), Trouble> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > NODES_MAX { Err(Trouble::TooDeep) } else { Ok(()) }
    }

    fn begin(&mut self, node: Node, anchor: usize) -> Result<(), Trouble> {
        let before = self.nodes;
        self.count(1)?;
        if self.open.len() >= DEPTH_MAX {
            return Err(Trouble::TooDeep);
        }
        self.open.push(Frame { node, name: None, under: Vec::new(), anchor, before });
        Ok(())
    }

    fn end(&mut self, span: &Span) -> Result<(), Trouble> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        let Frame { mut node, under, anchor, before, .. } = frame;
        if let Node::Map(entries) = &mut node {
            // The last of a name counts, and the map's own before those laid under it.
            let own = std::mem::take(entries);
            let beneath = under.iter().rev().flat_map(|map| map.entries().iter().cloned());
            *entries = last_of_each(beneath.chain(own).collect());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        self.put(node, span)
    }

    /// Puts a value where the file has it.
    fn put(&mut self, node: Node, span: &Span) -> Result<(), Trouble> {
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut frame.node, frame.name.take()) {
            (Node::List(items), _) => items.push(node),
            (Node::Map(_), None) => match node {
                Node::Word(name) => frame.name = Some(name),
                Node::Null => frame.name = Some(String::new()),
                _ => return Err(at(span, "this name is not a word")),
            },
            (Node::Map(_), Some(name)) if name == MERGE => match node {
                Node::List(maps) => frame.under.extend(maps),
                map => frame.under.push(map),
            },
            (Node::Map(entries), Some(name)) => entries.push((name, node)),
            _ => {}
        }
        Ok(())
    }
}

fn scalar(word: &str, style: ScalarStyle) -> Node {
    if style == ScalarStyle::Plain && matches!(word, "" | "~" | "null" | "Null" | "NULL") {
        return Node::Null;
    }
    Node::Word(word.to_owned())
}

fn at(span: &Span, problem: &'static str) -> Trouble {
    Trouble::At { line: span.start.line(), column: span.start.col() + 1, problem }
}
