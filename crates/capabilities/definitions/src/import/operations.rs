//! The operations of an OpenAPI document as tools of kind `http`.

use super::{Contents, Defaults};
use crate::definition::{Annotations, Definition, Http, Kind};
use crate::id;
use fault::Explain;
use openapi::{Limits, OpenApiError, Operation};
use serde_json::{Map, json};

/// Reads a document.
pub(super) fn read(
    bytes: &[u8],
    defaults: &Defaults,
    schema_bytes_max: usize,
) -> Result<Contents<'static>, (String, String)> {
    let told = |error: OpenApiError| (error.to_string(), error.hint().unwrap_or_default());
    let limits = Limits { schema_bytes_max, ..Limits::default() };
    let imported = openapi::read(bytes, &limits).map_err(told)?;
    let source = defaults.document_url.as_deref();
    let base = match &defaults.base_url {
        Some(given) => openapi::resolve(given, None).map_err(told)?,
        None => {
            let first = imported.servers.first().ok_or_else(|| {
                let hint = "give the base address of the API, such as `https://api.example.com/v1`";
                ("the document names no server".to_owned(), hint.to_owned())
            })?;
            openapi::resolve(first, source).map_err(told)?
        }
    };
    let server = defaults.server.clone().unwrap_or_else(|| slug(&imported.title));
    if let Some(trouble) = id::name_trouble(&server) {
        return Err((format!("the name of the server {trouble}"), "give a name such as `petstore`".to_owned()));
    }
    let mut skipped = imported.skipped;
    let mut tools = Vec::new();
    for operation in imported.operations {
        // Whoever imports decides where requests go; a document may lead elsewhere only where nobody has.
        let own = operation.server.as_deref().filter(|_| defaults.base_url.is_none());
        let base = match own.map(|own| openapi::resolve(own, source)) {
            None => base.clone(),
            Some(Ok(own)) => own,
            Some(Err(error)) => {
                skipped.push((operation.name.clone(), error.to_string()));
                continue;
            }
        };
        tools.push(tool(operation, base, &server, defaults));
    }
    Ok(Contents::Tools { tools, skipped })
}

fn tool(operation: Operation, base_url: String, server: &str, defaults: &Defaults) -> Definition {
    let description = match (operation.summary.trim(), operation.description.trim()) {
        (summary, "") => summary.to_owned(),
        ("", description) => description.to_owned(),
        (summary, description) => format!("{}. {description}", summary.trim_end_matches('.')),
    };
    let description = match description.is_empty() {
        true => format!("{} {}", operation.method, operation.path),
        false => description,
    };
    let mut tags: Vec<String> = operation.tags.iter().chain(&defaults.tags).map(|tag| tag.to_lowercase()).collect();
    tags.retain(|tag| !tag.is_empty() && tag.len() <= 100);
    tags.sort();
    tags.dedup();
    let mut metadata = Map::new();
    if !operation.security.is_empty() {
        metadata.insert("security".to_owned(), json!(operation.security));
    }
    if operation.deprecated {
        metadata.insert("deprecated".to_owned(), json!(true));
    }
    Definition {
        id: id::derived(server, &operation.name).into(),
        name: operation.name.clone(),
        kind: Kind::Http,
        description,
        server: server.to_owned(),
        input_schema: operation.input_schema.clone(),
        output_schema: operation.output_schema.clone(),
        returns: None,
        metadata,
        source: "openapi".to_owned(),
        version: "1.0".to_owned(),
        defer_loading: true,
        examples: Vec::new(),
        domain: defaults.domain.clone().unwrap_or_default(),
        tags,
        tenant: defaults.tenant.clone(),
        role: defaults.role,
        annotations: Annotations {
            read_only: operation.read_only,
            destructive: operation.destructive,
            idempotent: operation.idempotent,
            open_world: true,
        },
        trusted_read_only: defaults.trust_read_only && operation.read_only,
        http: Some(Http {
            base_url,
            credential: defaults.credential.clone(),
            timeout_ms: defaults.timeout_ms,
            // The schemas stand in the definition.
            operation: Operation { input_schema: json!({}), output_schema: None, ..operation },
        }),
    }
}

/// `Swagger Petstore - OpenAPI 3.0` is `swagger_petstore`.
fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let kept: Vec<&str> = words.take_while(|word| *word != "openapi").take(3).collect();
    if kept.is_empty() { "api".to_owned() } else { kept.join("_") }
}
