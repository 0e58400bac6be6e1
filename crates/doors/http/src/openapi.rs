//! `GET /api/openapi.json`: what is served, described.

use crate::app::{App, own};
use crate::rows::{Head, Row, operations};
use axum::Json;
use axum::extract::State;
use matrix::Report;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

pub(crate) async fn serve(State(app): State<App>) -> Json<Value> {
    Json(describe(app.0.heads.iter()))
}

/// The description of these rows beside the door's own, as OpenAPI 3.1.
pub fn document(rows: &[Row]) -> Value {
    let own: Vec<Head> = own(true).into_iter().map(|row| row.head).collect();
    describe(own.iter().chain(rows.iter().map(|row| &row.head)))
}

fn describe<'a>(heads: impl Iterator<Item = &'a Head>) -> Value {
    let mut generator = generator();
    generator.subschema_for::<Report>();
    let schemas = Value::Object(generator.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Althing", "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "One server between applications or agents and the models, tools and knowledge they use."
        },
        "paths": operations(heads),
        "components": { "schemas": with_errors(schemas), "securitySchemes": {
            "bearer": { "type": "http", "scheme": "bearer", "description": "a key, or a token of the identity provider" },
            "x-api-key": { "type": "apiKey", "in": "header", "name": "x-api-key" }
        } }
    })
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator()
}

/// The operation of one of the door's own paths.
pub(crate) fn operation(path: &str) -> Value {
    let ok = |description: &str, content: Value| json!({ "200": { "description": description, "content": content } });
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let text = json!({ "text/plain": { "schema": { "type": "string" } } });
    let figures = json!({ "application/openmetrics-text": { "schema": { "type": "string" } } });
    let object = json_of(json!({ "type": "object" }));
    match path {
        "/v1/chat/completions" => chat(&json!({ "$ref": "#/components/schemas/Report" })),
        "/v1/models" => json!({ "summary": "Models, panels and routes", "responses": ok("the list", object) }),
        "/v1/models/{*id}" => json!({
            "summary": "One of them",
            "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
            "responses": { "200": { "description": "it", "content": object }, "404": error("no such model") }
        }),
        "/livez" => json!({ "summary": "The process answers", "responses": ok("alive", text) }),
        "/readyz" => json!({ "summary": "Requests are welcome", "responses": {
            "200": { "description": "ready", "content": object.clone() },
            "503": { "description": "draining, nothing to ask, or no database", "content": object }
        } }),
        "/metrics" => json!({ "summary": "Figures for Prometheus", "responses": ok("OpenMetrics text", figures) }),
        "/api/openapi.json" => json!({ "summary": "This document", "responses": ok("OpenAPI 3.1", object) }),
        _ => json!({ "summary": "What is served here", "responses": ok("names and paths", object) }),
    }
}

fn chat(report: &Value) -> Value {
    let reply = json!({
        "type": "object", "required": ["choices", "althing"], "description": "OpenAI's chat completion, and one object more",
        "properties": { "choices": { "type": "array" }, "usage": { "type": "object" }, "althing": report }
    });
    let request = json!({
        "type": "object", "required": ["model", "messages"],
        "description": "OpenAI's request for a chat completion; members not named here are passed on untouched",
        "properties": {
            "model": { "type": "string", "description": "`provider/model`, a panel or a route" },
            "messages": { "type": "array", "minItems": 1, "items": {
                "type": "object", "required": ["role"], "properties": { "role": { "type": "string" } } } },
            "stream": { "type": "boolean" }, "n": { "type": "integer", "minimum": 1 }, "tools": { "type": "array" }
        }
    });
    let timeout = json!({ "name": "x-althing-timeout-ms", "in": "header", "schema": { "type": "integer", "minimum": 1 },
        "description": "shortens the deadline of this request" });
    json!({
        "summary": "Ask a model, a route or a panel",
        "parameters": [timeout],
        "requestBody": { "required": true, "content": { "application/json": { "schema": request } } },
        "responses": {
            "200": { "description": "the answer, or events if `stream` is true", "content": {
                "application/json": { "schema": reply },
                "text/event-stream": { "schema": { "type": "string" } }
            } },
            "400": error("not a chat request"), "401": error("no key, or none that is known"),
            "402": error("a budget is spent"), "403": error("host, origin or role not allowed"),
            "404": error("no such model"), "408": error("the body came too slowly"),
            "413": error("the body is too large"), "429": error("beyond the rate of the key"), "422": error("the panel did not agree and is set to refuse then"),
            "500": error("a defect of this server; its log says more"),
            "503": error("no model answered, with every reason; or no room"), "504": error("the deadline passed")
        }
    })
}

fn error(description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Error" });
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn with_errors(mut schemas: Value) -> Value {
    schemas["Problem"] = json!({
        "type": "object", "required": ["title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
            "detail": { "type": "string" }, "instance": { "type": "string" }, "code": { "type": "string" },
            "request_id": { "type": "string" }
        }
    });
    schemas["Error"] = json!({
        "type": "object", "required": ["error"],
        "properties": { "error": {
            "type": "object", "required": ["message", "type", "code", "request_id"],
            "properties": {
                "message": { "type": "string" }, "type": { "type": "string" }, "param": { "type": ["string", "null"] },
                "code": { "type": "string" }, "request_id": { "type": "string" },
                "attempts": { "type": "array", "items": { "type": "object", "required": ["model", "reason"],
                    "properties": { "model": { "type": "string" }, "reason": { "type": "string" } } } }
            }
        } }
    });
    schemas
}
