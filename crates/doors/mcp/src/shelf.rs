//! The tools of one address by name, and how a client is told about them.

use crate::McpError;
use caller::{Role, Tool, ToolSpec};
use rmcp::model::{JsonObject, Tool as Shown, ToolAnnotations};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest name of a core tool: what every known client and model copes with once a client has put its own prefix
/// before it.
const CORE_CHARS_MAX: usize = 20;
/// The longest name in a toolset, whose names are those that its users know: what models' own APIs take.
const CHARS_MAX: usize = 64;

/// The tools in the order in which they are shown.
pub(crate) struct Shelf {
    tools: Vec<Kept>,
    places: HashMap<&'static str, usize>,
}

struct Kept {
    name: &'static str,
    role: Role,
    tool: Arc<dyn Tool>,
}

impl Shelf {
    /// The tools that everybody is shown first.
    pub(crate) fn core(tools: Vec<Arc<dyn Tool>>) -> Result<Self, McpError> {
        Self::new(tools, CORE_CHARS_MAX)
    }

    /// The tools of one system.
    pub(crate) fn toolset(tools: Vec<Arc<dyn Tool>>) -> Result<Self, McpError> {
        Self::new(tools, CHARS_MAX)
    }

    fn new(tools: Vec<Arc<dyn Tool>>, chars_max: usize) -> Result<Self, McpError> {
        let mut shelf = Self { tools: Vec::with_capacity(tools.len()), places: HashMap::new() };
        for tool in tools {
            let spec = tool.spec();
            check(&spec, chars_max)?;
            if shelf.places.insert(spec.name, shelf.tools.len()).is_some() {
                return Err(McpError::Duplicate { name: spec.name });
            }
            shelf.tools.push(Kept { name: spec.name, role: spec.role, tool });
        }
        Ok(shelf)
    }

    /// A tool, and the least role for it.
    pub(crate) fn get(&self, name: &str) -> Option<(&Arc<dyn Tool>, Role)> {
        self.places.get(name).and_then(|place| self.tools.get(*place)).map(|kept| (&kept.tool, kept.role))
    }

    /// What a role may call.
    pub(crate) fn names(&self, role: Role) -> impl Iterator<Item = &'static str> {
        self.tools.iter().filter(move |kept| kept.role <= role).map(|kept| kept.name)
    }

    /// The list as clients of a role see it: what they may call. Asked of the tools each time, because a description
    /// may name what changes, such as the models there are.
    pub(crate) fn list(&self, role: Role) -> Vec<Shown> {
        self.tools.iter().filter(|kept| kept.role <= role).map(|kept| shown(kept.tool.spec())).collect()
    }

    pub(crate) fn shown(&self, name: &str) -> Option<Shown> {
        self.get(name).map(|(tool, _)| shown(tool.spec()))
    }

    pub(crate) fn list_bytes(&self) -> usize {
        json!({ "tools": self.list(Role::Admin) }).to_string().len()
    }
}

fn check(spec: &ToolSpec, chars_max: usize) -> Result<(), McpError> {
    let name = spec.name;
    let plain = name.chars().all(|char| char.is_ascii_lowercase() || char == '_');
    if name.is_empty() || name.len() > chars_max || !plain {
        return Err(McpError::Name { name, chars_max });
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
