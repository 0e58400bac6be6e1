//! The tools of one server by name, and how a client is told about them.

use crate::McpError;
use caller::{Role, Tool, ToolSpec};
use rmcp::model::{JsonObject, Tool as Shown, ToolAnnotations};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest name: what every known client and model copes with once a client has put its own prefix before it.
const NAME_CHARS_MAX: usize = 20;

/// The tools in the order in which they are shown.
pub(crate) struct Shelf {
    tools: Vec<(&'static str, Arc<dyn Tool>)>,
    places: HashMap<&'static str, usize>,
}

impl Shelf {
    pub(crate) fn new(tools: Vec<Arc<dyn Tool>>) -> Result<Self, McpError> {
        let mut shelf = Self { tools: Vec::with_capacity(tools.len()), places: HashMap::new() };
        for tool in tools {
            let spec = tool.spec();
            check(&spec)?;
            if shelf.places.insert(spec.name, shelf.tools.len()).is_some() {
                return Err(McpError::Duplicate { name: spec.name });
            }
            shelf.tools.push((spec.name, tool));
        }
        Ok(shelf)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.places.get(name).and_then(|place| self.tools.get(*place)).map(|(_, tool)| tool)
    }

    /// What a role may call.
    pub(crate) fn names(&self, role: Role) -> impl Iterator<Item = &'static str> {
        self.tools.iter().filter(move |(_, tool)| tool.spec().role <= role).map(|(name, _)| *name)
    }

    /// The list as clients of a role see it: what they may call. Asked of the tools each time, because a description may name what changes, such
    /// as the models there are.
    pub(crate) fn list(&self, role: Role) -> Vec<Shown> {
        self.tools.iter().map(|(_, tool)| tool.spec()).filter(|spec| spec.role <= role).map(shown).collect()
    }

    pub(crate) fn shown(&self, name: &str) -> Option<Shown> {
        self.get(name).map(|tool| shown(tool.spec()))
    }

    pub(crate) fn list_bytes(&self) -> usize {
        json!({ "tools": self.list(Role::Admin) }).to_string().len()
    }
}

fn check(spec: &ToolSpec) -> Result<(), McpError> {
    let name = spec.name;
    let plain = name.chars().all(|char| char.is_ascii_lowercase() || char == '_');
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !plain {
        return Err(McpError::Name { name });
    }
    for (which, schema) in [("input", &spec.input_schema), ("output", &spec.output_schema)] {
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(McpError::Schema { name, which });
        }
    }
    Ok(())
}

fn shown(spec: ToolSpec) -> Shown {
    let annotations = ToolAnnotations::new()
        .read_only(spec.read_only)
        .destructive(spec.destructive)
        .idempotent(spec.idempotent)
        .open_world(spec.open_world);
    Shown::new(spec.name, spec.description, object(spec.input_schema))
        .with_title(spec.title)
        .with_raw_output_schema(object(spec.output_schema))
        .with_annotations(annotations)
}

/// The object that [`check`] saw.
fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(fields) => Arc::new(fields),
        _ => Arc::default(),
    }
}
