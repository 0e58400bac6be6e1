//! `GET /api/openapi.json`: what is served, described.

use crate::app::{App, own};
use crate::rows::operations;
use axum::Json;
use axum::extract::State;
use matrix::Report;
use routes::{Head, Row};
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
        "/v1/chat/completions" => chat(CHAT),
        "/v1/messages" => chat(MESSAGES),
        "/v1/responses" => chat(RESPONSES),
        "/api/chat" => chat(OLLAMA),
        "/v1/messages/count_tokens" => json!({
            "summary": "Count the tokens of a request for a message",
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "type": "object", "required": ["model", "messages"] } } } },
            "responses": {
                "200": { "description": "the count; `althing.estimated` tells whether the provider did not count itself",
                    "content": { "application/json": { "schema": { "type": "object", "required": ["input_tokens"], "properties": {
                        "input_tokens": { "type": "integer" }, "althing": { "type": "object" } } } } } },
                "400": error("not a request for a message"), "404": error("no such model")
            }
        }),
        "/v1/embeddings" => embeddings("Ask for the vectors of texts", "data"),
        "/api/embed" => embeddings("Ask for the vectors of texts in Ollama's dialect", "embeddings"),
        "/api/tags" => {
            json!({ "summary": "Models, panels and routes as Ollama lists them", "responses": ok("the list", object) })
        }
        "/api/version" => {
            json!({ "summary": "The version of Ollama's API that is spoken here", "responses": ok("it", object) })
        }
        "/api/show" => json!({
            "summary": "One model as Ollama shows it",
            "requestBody": { "required": true, "content": { "application/json": { "schema": { "type": "object", "required": ["model"] } } } },
            "responses": { "200": { "description": "it", "content": object }, "400": error("no model is named"), "404": error("no such model") }
        }),
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

/// What is said about asking in one dialect.
struct Asking {
    summary: &'static str,
    request: &'static str,
    /// What a request must have.
    required: &'static [&'static str],
    reply: &'static str,
    /// What an answer stands in.
    answer: &'static str,
    stream: &'static str,
}

const CHAT: Asking = Asking {
    summary: "Ask a model, a route or a panel",
    request: "OpenAI's request for a chat completion; members not named here are passed on untouched",
    required: &["model", "messages"],
    reply: "OpenAI's chat completion, and one object more",
    answer: "choices",
    stream: "text/event-stream",
};
const MESSAGES: Asking = Asking {
    summary: "Ask a model, a route or a panel in Anthropic's dialect",
    request: "Anthropic's request for a message; a provider that speaks the dialect gets it untouched",
    required: &["model", "messages", "max_tokens"],
    reply: "Anthropic's message, and one object more",
    answer: "content",
    stream: "text/event-stream",
};
const RESPONSES: Asking = Asking {
    summary: "Ask a model, a route or a panel with OpenAI's responses; nothing is kept between requests",
    request: "OpenAI's request for a response; a provider that speaks the dialect gets it untouched",
    required: &["model", "input"],
    reply: "OpenAI's response, and one object more",
    answer: "output",
    stream: "text/event-stream",
};
const OLLAMA: Asking = Asking {
    summary: "Ask a model, a route or a panel in Ollama's dialect",
    request: "Ollama's request for a chat; it streams unless `stream` is false",
    required: &["model", "messages"],
    reply: "Ollama's reply, and one object more",
    answer: "message",
    stream: "application/x-ndjson",
};

fn chat(asking: Asking) -> Value {
    let answer = if asking.answer == "message" { "object" } else { "array" };
    let reply = json!({
        "type": "object", "required": [asking.answer, "althing"], "description": asking.reply,
        "properties": { asking.answer: { "type": answer }, "usage": { "type": "object" },
            "althing": { "$ref": "#/components/schemas/Report" } }
    });
    let mut request = json!({
        "type": "object", "required": asking.required, "description": asking.request,
        "properties": {
            "model": { "type": "string", "description": "`provider/model`, a panel, a route or an alias" },
            "stream": { "type": "boolean" }, "tools": { "type": "array" }
        }
    });
    if asking.required.contains(&"messages") {
        request["properties"]["messages"] = json!({ "type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["role"], "properties": { "role": { "type": "string" } } } });
    }
    if asking.answer == "choices" {
        request["properties"]["n"] = json!({ "type": "integer", "minimum": 1 });
    }
    let timeout = json!({ "name": "x-althing-timeout-ms", "in": "header", "schema": { "type": "integer", "minimum": 1 },
        "description": "shortens the deadline of this request" });
    json!({
        "summary": asking.summary,
        "parameters": [timeout],
        "requestBody": { "required": true, "content": { "application/json": { "schema": request } } },
        "responses": {
            "200": { "description": "the answer, or events if `stream` is true", "content": {
                "application/json": { "schema": reply },
                asking.stream: { "schema": { "type": "string" } }
            } },
            "400": error("not a request of this dialect"), "401": error("no key, or none that is known"),
            "402": error("a budget is spent"), "403": error("host, origin or role not allowed"),
            "404": error("no such model"), "408": error("the body came too slowly"),
            "413": error("the body is too large"), "429": error("beyond the rate of the key"), "422": error("the panel did not agree and is set to refuse then"),
            "500": error("a defect of this server; its log says more"),
            "503": error("no model answered, with every reason; or no room"), "504": error("the deadline passed")
        }
    })
}

fn embeddings(summary: &str, vectors: &str) -> Value {
    let reply = json!({ "type": "object", "required": [vectors, "althing"], "properties": {
        vectors: { "type": "array" }, "althing": { "$ref": "#/components/schemas/Report" } } });
    let request = json!({ "type": "object", "required": ["model", "input"], "properties": {
        "model": { "type": "string" }, "input": { "type": ["string", "array"] }, "dimensions": { "type": "integer", "minimum": 1 } } });
    json!({
        "summary": summary,
        "requestBody": { "required": true, "content": { "application/json": { "schema": request } } },
        "responses": {
            "200": { "description": "one vector for each input", "content": { "application/json": { "schema": reply } } },
            "400": error("not such a request"), "402": error("a budget is spent"), "404": error("no such model"),
            "422": error("a panel, or a provider without embeddings"), "429": error("beyond the rate of the key"),
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
