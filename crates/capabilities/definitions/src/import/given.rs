//! A tool as a list gives it: our own shape, ToolWeaver's, MCP's and OpenAI's alike.

use super::Defaults;
use crate::definition::{Annotations, Definition, Example, Kind, Parameter, schema_of};
use crate::id;
use caller::Role;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The longest description that is kept, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 16 * 1024;
/// The most examples, and the most tags.
const LIST_MAX: usize = 32;
/// The largest of what else is said of a tool, in bytes of JSON each: examples, metadata, returns, output schema.
const BESIDES_BYTES_MAX: usize = 64 * 1024;

/// Whatever a list may say of a tool; the rest is left out.
#[derive(Deserialize)]
struct Given {
    id: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    description: Option<String>,
    #[serde(alias = "provider")]
    server: Option<String>,
    parameters: Option<Value>,
    #[serde(alias = "inputSchema")]
    input_schema: Option<Value>,
    #[serde(alias = "outputSchema")]
    output_schema: Option<Value>,
    returns: Option<Value>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    version: Option<Value>,
    defer_loading: Option<bool>,
    examples: Option<Vec<Example>>,
    domain: Option<String>,
    tags: Option<Vec<String>>,
    role: Option<String>,
    annotations: Option<Annotations>,
    function: Option<Box<Given>>,
}

/// The tool that an item of a list is. Its domain is what it says, or empty.
///
/// # Errors
/// What is wrong with it.
pub fn definition(item: Value, defaults: &Defaults) -> Result<Definition, String> {
    if !item.is_object() {
        return Err("it is no object".to_owned());
    }
    let given: Given = serde_json::from_value(item).map_err(|error| format!("it cannot be read: {error}"))?;
    // OpenAI's `{"type": "function", "function": {…}}`.
    let given = match given.function {
        Some(function) => *function,
        None => given,
    };
    let name = given.name.clone().or_else(|| given.id.clone()).ok_or("it has no `name`")?;
    if let Some(trouble) = id::name_trouble(&name) {
        return Err(format!("its name {trouble}"));
    }
    // Whoever imports says whose tools they are; a document does where nobody else has.
    let server = defaults.server.clone().or_else(|| given.server.clone()).filter(|it| !it.is_empty());
    let server = server.unwrap_or_default();
    if let Some(trouble) = (!server.is_empty()).then(|| id::name_trouble(&server)).flatten() {
        return Err(format!("its server {trouble}"));
    }
    let named = match &given.id {
        Some(id) => match id::given_trouble(id) {
            Some(trouble) => return Err(format!("its id {trouble}")),
            None => id.clone(),
        },
        None => id::derived(&server, &name),
    };
    assemble(given, defaults, (named, name, server))
}

fn assemble(
    given: Given,
    defaults: &Defaults,
    (id, name, server): (String, String, String),
) -> Result<Definition, String> {
    let kind = match given.kind.as_deref() {
        // An operation is called from here, which a list cannot have anybody do.
        None | Some("http") => Kind::Function,
        Some(word) => Kind::named(word).ok_or_else(|| {
            format!("its type `{}` is none of mcp, function, code_exec, agent, tool", crate::text::cut(word, 40))
        })?,
    };
    let description = given.description.unwrap_or_default();
    if description.len() > DESCRIPTION_BYTES_MAX {
        return Err(format!("its description has {} bytes, more than {DESCRIPTION_BYTES_MAX}", description.len()));
    }
    let annotations = given.annotations.unwrap_or_default();
    let tool = Definition {
        id: id.into(),
        name,
        kind,
        description,
        server,
        input_schema: input_schema(given.input_schema, given.parameters)?,
        output_schema: given.output_schema.filter(Value::is_object),
        returns: given.returns.filter(|it| !it.is_null()),
        metadata: given.metadata.unwrap_or_default(),
        source: "list".to_owned(),
        version: version(given.version)?,
        defer_loading: given.defer_loading.unwrap_or(false),
        examples: given.examples.unwrap_or_default(),
        domain: given.domain.or_else(|| defaults.domain.clone()).unwrap_or_default(),
        tags: tags(given.tags.unwrap_or_default(), defaults),
        tenant: defaults.tenant.clone(),
        role: role(given.role.as_deref(), defaults.role)?,
        annotations,
        trusted_read_only: defaults.trust_read_only && annotations.read_only,
        http: None,
    };
    bounded(&tool)?;
    Ok(tool)
}

fn bounded(tool: &Definition) -> Result<(), String> {
    for (what, count) in [("examples", tool.examples.len()), ("tags", tool.tags.len())] {
        if count > LIST_MAX {
            return Err(format!("it has {count} {what}, more than {LIST_MAX}"));
        }
    }
    if let Some(tag) = tool.tags.iter().chain([&tool.domain]).find(|tag| tag.len() > 100 || tag.contains('\0')) {
        return Err(format!("`{}` is too long for a tag or a domain", crate::text::cut(tag, 40)));
    }
    let besides = [
        ("examples", json!(tool.examples)),
        ("metadata", json!(tool.metadata)),
        ("returns", json!(tool.returns)),
        ("output schema", json!(tool.output_schema)),
    ];
    for (what, value) in besides {
        let bytes = value.to_string().len();
        if bytes > BESIDES_BYTES_MAX {
            return Err(format!("its {what} takes {bytes} bytes, more than {BESIDES_BYTES_MAX}"));
        }
    }
    Ok(())
}

/// The schema that is given, or the one that parameters say. OpenAI calls a schema `parameters` too.
fn input_schema(schema: Option<Value>, parameters: Option<Value>) -> Result<Value, String> {
    let empty = || json!({ "type": "object", "properties": {} });
    let mut schema = match (schema.filter(|it| !it.is_null()), parameters.filter(|it| !it.is_null())) {
        (Some(schema), _) => schema,
        (None, Some(list @ Value::Array(_))) => {
            let list: Vec<Parameter> =
                serde_json::from_value(list).map_err(|error| format!("its parameters cannot be read: {error}"))?;
            schema_of(&list)
        }
        (None, Some(schema)) => schema,
        (None, None) => empty(),
    };
    let object = schema.as_object_mut().ok_or("its input schema is no object")?;
    match object.get("type") {
        None => {
            object.insert("type".to_owned(), json!("object"));
        }
        // Lists of functions for Python write `dict`.
        Some(kind) if kind == "dict" => {
            object.insert("type".to_owned(), json!("object"));
        }
        Some(kind) if kind == "object" => {}
        Some(_) => return Err("its input schema is not of type `object`".to_owned()),
    }
    Ok(schema)
}

fn version(given: Option<Value>) -> Result<String, String> {
    match given {
        None | Some(Value::Null) => Ok("1.0".to_owned()),
        Some(Value::String(text)) if text.len() <= 64 && !text.contains('\0') => Ok(text),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(_) => Err("its version is no short text".to_owned()),
    }
}

fn role(given: Option<&str>, least: Role) -> Result<Role, String> {
    let said = given.map(|word| word.parse::<Role>().map_err(|error| format!("its role: {error}"))).transpose()?;
    // A document may ask for more than whoever imports it, never for less.
    Ok(said.map_or(least, |said| said.max(least)))
}

fn tags(mut given: Vec<String>, defaults: &Defaults) -> Vec<String> {
    given.extend(defaults.tags.iter().cloned());
    given.iter_mut().for_each(|tag| *tag = tag.trim().to_lowercase());
    given.retain(|tag| !tag.is_empty());
    given.sort();
    given.dedup();
    given
}
