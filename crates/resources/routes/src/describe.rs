//! Operations of REST resources as OpenAPI describes them, from the types that are sent and answered.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// A page of entries.
pub fn list<T: JsonSchema>(summary: &str, parameters: &[(&str, &str)]) -> Value {
    let page = json!({
        "type": "object", "required": ["items", "cursor"],
        "properties": {
            "items": { "type": "array", "items": answered::<T>() },
            "cursor": { "type": ["string", "null"], "description": "for the next page; null on the last one" }
        }
    });
    operation(summary, parameters, None, "200", page)
}

/// One thing that is read, changed or taken away.
pub fn one<T: JsonSchema>(summary: &str, parameters: &[(&str, &str)]) -> Value {
    operation(summary, parameters, None, "200", answered::<T>())
}

/// One thing that is taken away without an answer.
pub fn gone(summary: &str, parameters: &[(&str, &str)]) -> Value {
    let mut operation = operation(summary, parameters, None, "204", Value::Null);
    operation["responses"]["204"] = json!({ "description": "done" });
    operation
}

/// One thing that is sent, and what becomes of it.
pub fn sent<S: JsonSchema, T: JsonSchema>(summary: &str, status: &str) -> Value {
    operation(summary, &[], Some(taken::<S>()), status, answered::<T>())
}

/// One thing that is sent about something that the path names, and what becomes of it.
pub fn sent_to<S: JsonSchema, T: JsonSchema>(summary: &str, parameters: &[(&str, &str)], status: &str) -> Value {
    operation(summary, parameters, Some(taken::<S>()), status, answered::<T>())
}

/// Parameters whose names stand in the path are written with braces, others that are needed with a `!` at their end.
fn operation(summary: &str, parameters: &[(&str, &str)], body: Option<Value>, status: &str, answer: Value) -> Value {
    let parameter = |(name, about): &(&str, &str)| {
        let inner = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        let (place, name) = inner.map_or(("query", *name), |name| ("path", name));
        let (name, needed) = name.strip_suffix('!').map_or((name, place == "path"), |name| (name, true));
        json!({ "name": name, "in": place, "required": needed, "description": about,
            "schema": { "type": if matches!(name, "limit" | "seed" | "version") { "integer" } else { "string" } } })
    };
    let parameters: Vec<Value> = parameters.iter().map(parameter).collect();
    let problem = json!({ "description": "a problem (RFC 9457): bad input, no right, not there, or no database",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let mut operation = json!({
        "summary": summary,
        "responses": {
            status: { "description": "done", "content": { "application/json": { "schema": answer } } },
            "default": problem
        }
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(schema) = body {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

/// The schema of what is sent to us, whole and in place.
fn taken<T: JsonSchema>() -> Value {
    whole::<T>(SchemaSettings::draft2020_12())
}

/// The schema of what we answer: what may be left out there is not required.
fn answered<T: JsonSchema>() -> Value {
    whole::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn whole<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}
