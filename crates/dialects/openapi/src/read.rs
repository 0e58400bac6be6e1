//! A document as operations.

use crate::document::{self, Reason, deref, flag, leads_away, shorten, text};
use crate::names::Names;
use crate::schemas::Schemas;
use crate::{Limits, OpenApiError, Operation, Scheme, input, output, security, servers};
use http::Method;
use serde_json::Value;

/// The methods that are read. TRACE is none that anybody should call, and the rest is no part of OpenAPI 3.1.
const METHODS: [(&str, Method); 7] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
    ("head", Method::HEAD),
    ("options", Method::OPTIONS),
];
/// The longest summary, title and tag, in characters.
const LINE_CHARS_MAX: usize = 200;
/// How many tags of an operation are kept.
const TAGS_MAX: usize = 20;
/// The longest path, in bytes.
const PATH_BYTES_MAX: usize = 2_048;

/// What a document holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// Its title.
    pub title: String,
    /// The version of what it describes.
    pub version: String,
    /// Where its operations are, variables filled in; maybe relative: see [`resolve`](crate::resolve). Never empty.
    pub servers: Vec<String>,
    /// Its security schemes.
    pub schemes: Vec<Scheme>,
    /// What can be called, in the order of the document.
    pub operations: Vec<Operation>,
    /// What was left out, as method and path, and why.
    pub skipped: Vec<(String, String)>,
}

/// Reads a document of OpenAPI 3.
///
/// # Errors
/// [`OpenApiError`] where it cannot be read as a whole, or is beyond a limit. A single operation that makes no sense is
/// left out and named in [`Imported::skipped`].
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Imported, OpenApiError> {
    let root = document::read(bytes, limits)?;
    let is_old = version(&root)?.starts_with("3.0");
    let mut reader = Reader {
        root: &root,
        limits,
        schemas: Schemas::new(&root, limits, is_old),
        names: Names::default(),
        schemes: security::schemes(&root),
        operations: Vec::new(),
        skipped: Vec::new(),
        count: 0,
    };
    let paths = root.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/')) {
        reader.path(path, item)?;
    }
    let mut listed = servers::listed(&root);
    if listed.is_empty() {
        listed.push("/".to_owned());
    }
    let info = root.get("info").unwrap_or(&Value::Null);
    let line = |name| shorten(text(info, name), LINE_CHARS_MAX);
    let Reader { schemes, operations, skipped, .. } = reader;
    Ok(Imported { title: line("title"), version: line("version"), servers: listed, schemes, operations, skipped })
}

/// The version of OpenAPI, where it is one of the third.
fn version(root: &Value) -> Result<String, OpenApiError> {
    let said = |name| match root.get(name) {
        Some(Value::String(version)) => Some(version.trim().to_owned()),
        // Without quotes it is a number in YAML.
        Some(Value::Number(version)) => Some(version.to_string()),
        _ => None,
    };
    match (said("openapi"), said("swagger")) {
        (Some(version), _) if version == "3" || version.starts_with("3.") => Ok(version),
        (Some(version), _) => Err(OpenApiError::Version { version: shorten(&version, LINE_CHARS_MAX) }),
        (None, Some(version)) => {
            Err(OpenApiError::Version { version: format!("swagger {}", shorten(&version, LINE_CHARS_MAX)) })
        }
        (None, None) => Err(OpenApiError::NotOpenApi),
    }
}

struct Reader<'a> {
    root: &'a Value,
    limits: &'a Limits,
    schemas: Schemas<'a>,
    names: Names,
    schemes: Vec<Scheme>,
    operations: Vec<Operation>,
    skipped: Vec<(String, String)>,
    count: usize,
}

impl<'a> Reader<'a> {
    fn path(&mut self, path: &str, item: &'a Value) -> Result<(), OpenApiError> {
        let item = match deref(self.root, item) {
            Ok(item) => item,
            Err(reason) => {
                self.skipped.push((shorten(path, LINE_CHARS_MAX), reason));
                return Ok(());
            }
        };
        for (word, method) in METHODS {
            let Some(operation) = item.get(word).filter(|operation| operation.is_object()) else { continue };
            self.count += 1;
            if self.count > self.limits.operations_max {
                return Err(OpenApiError::TooManyOperations { most: self.limits.operations_max });
            }
            match self.operation(path, item, method.clone(), operation) {
                Ok(operation) => self.operations.push(operation),
                Err(reason) => self.skipped.push((format!("{method} {}", shorten(path, LINE_CHARS_MAX)), reason)),
            }
        }
        if item.get("trace").is_some() {
            let skipped = format!("TRACE {}", shorten(path, LINE_CHARS_MAX));
            self.skipped.push((skipped, "the method is not called".to_owned()));
        }
        Ok(())
    }

    fn operation(
        &mut self,
        path: &str,
        item: &'a Value,
        method: Method,
        operation: &'a Value,
    ) -> Result<Operation, Reason> {
        check_path(path)?;
        let security = security::needed(self.root, operation);
        let needed: Vec<&Scheme> = self.schemes.iter().filter(|scheme| security.contains(&scheme.name)).collect();
        let input = input::input(&mut self.schemas, self.limits, path, (item, operation), &needed)?;
        let (accepts, output_schema) = output::output(&mut self.schemas, operation);
        let (wanted, key) = (wanted_name(path, &method, operation), format!("{method} {path}"));
        let (mut summary, description) = self.said(item, operation);
        if summary.is_empty() {
            summary = shorten(&key, LINE_CHARS_MAX);
        }
        let server = [operation, item].into_iter().find_map(|holder| servers::listed(holder).into_iter().next());
        Ok(Operation {
            name: self.names.give(&wanted, &key),
            summary,
            description,
            path: path.to_owned(),
            input_schema: input.schema,
            output_schema,
            tags: tags(operation),
            places: input.places,
            sends: input.sends,
            accepts: accepts.filter(|media| http::HeaderValue::from_str(media).is_ok()),
            body_required: input.body_required,
            server,
            security,
            deprecated: flag(operation, "deprecated"),
            read_only: matches!(method, Method::GET | Method::HEAD),
            destructive: method == Method::DELETE,
            idempotent: matches!(method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE),
            method,
        })
    }

    /// One line, and more where there is more. What is said of the path counts where the operation says nothing.
    fn said(&self, item: &Value, operation: &Value) -> (String, String) {
        let first = |name| Some(text(operation, name)).filter(|said| !said.is_empty()).unwrap_or(text(item, name));
        let (summary, description) = (first("summary"), first("description"));
        let line = if summary.is_empty() { description.lines().next().unwrap_or_default() } else { summary };
        let line = shorten(line.trim(), LINE_CHARS_MAX);
        let more = if description == line { "" } else { description };
        (line, shorten(more, self.limits.description_chars_max))
    }
}

/// Refuses a path that is more than a path.
fn check_path(path: &str) -> Result<(), Reason> {
    if path.len() > PATH_BYTES_MAX {
        return Err(format!("its path has more than {PATH_BYTES_MAX} bytes"));
    }
    if path.contains(['?', '#', '\\']) || leads_away(path) {
        return Err("its path holds a query, a fragment or a step upwards".to_owned());
    }
    Ok(())
}

/// What the operation is called, or else its method and path.
fn wanted_name(path: &str, method: &Method, operation: &Value) -> String {
    match text(operation, "operationId") {
        id if id.chars().any(|letter| letter.is_ascii_alphanumeric()) => id.to_owned(),
        _ => format!("{}{}", method.as_str().to_lowercase(), path.replace(['{', '}'], "")),
    }
}

fn tags(operation: &Value) -> Vec<String> {
    let listed = operation.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    listed.map(|tag| shorten(tag.trim(), LINE_CHARS_MAX)).filter(|tag| !tag.is_empty()).take(TAGS_MAX).collect()
}

#[cfg(test)]
mod steps {
    use super::check_path;

    #[test]
    fn a_path_has_no_steps_upwards_however_they_are_written() {
        for bad in [
            "/a/../b",
            "/./a",
            "/a/%2e%2e/b",
            "/a/%2E./b",
            "/%252e%252e",
            "/a%2f..%2fb",
            "/a%5c..",
            "/a?b",
            "/a#b",
            "/a\\b",
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        for good in ["/", "/a/b.c", "/a%20b", "/...", "/a/{id}"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
    }
}

#[cfg(test)]
mod tests;
