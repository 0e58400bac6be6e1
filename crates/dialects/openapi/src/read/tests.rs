//! Documents, good and bad, as operations.

use super::*;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;
use std::time::{Duration, Instant};

const PETS: &str = include_str!("../documents/pets.yaml");
const FORGE: &str = include_str!("../documents/forge.json");

fn read_text(text: &str) -> Imported {
    read(text.as_bytes(), &Limits::default()).unwrap()
}

fn shown(imported: &Imported) -> String {
    let Imported { title, version, servers, schemes, operations, skipped } = imported;
    let all = json!({"title": title, "version": version, "servers": servers, "schemes": schemes, "operations": operations, "skipped": skipped});
    serde_json::to_string_pretty(&all).unwrap()
}

/// A document with one operation, `POST /x`, and these schemas.
fn posting(schema: &Value, schemas: Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "paths": {"/x": {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}},
        "components": {"schemas": schemas}
    })
}

fn read_value(document: &Value, limits: &Limits) -> Result<Imported, OpenApiError> {
    read(document.to_string().as_bytes(), limits)
}

fn check_skipped(document: &Value, limits: &Limits, word: &str) {
    let imported = read_value(document, limits).unwrap();
    assert_eq!(imported.operations, []);
    assert!(imported.skipped[0].1.contains(word), "{:?}", imported.skipped);
}

#[test]
fn a_pet_store() {
    assert_snapshot!(shown(&read_text(PETS)));
}

#[test]
fn a_forge() {
    assert_snapshot!(shown(&read_text(FORGE)));
}

#[test]
fn operations_are_kept_and_come_back() {
    for operation in read_text(PETS).operations.into_iter().chain(read_text(FORGE).operations) {
        let kept = serde_json::to_string(&operation).unwrap();
        assert_eq!(serde_json::from_str::<Operation>(&kept).unwrap(), operation);
    }
}

#[test]
fn names_are_the_same_each_time_and_never_twice() {
    let document = json!({"openapi": "3.0.0", "paths": {
        "/a": {"get": {"operationId": "x"}, "post": {"operationId": "x"}},
        "/a/{b}": {"get": {}}, "/a/b": {"get": {"operationId": "!"}}
    }});
    let names = |document| -> Vec<String> {
        read_value(document, &Limits::default()).unwrap().operations.into_iter().map(|one| one.name).collect()
    };
    let first = names(&document);
    assert_eq!(first, names(&document));
    assert_eq!((first[0].as_str(), first[2].as_str()), ("x", "get_a_b"));
    assert!(first[1].starts_with("x_") && first[3].starts_with("get_a_b_"), "{first:?}");
}

#[test]
fn other_documents_are_refused() {
    let refused = |text: &str| read(text.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(refused("{}"), OpenApiError::NotOpenApi);
    assert_eq!(refused("just words"), OpenApiError::NotOpenApi);
    assert_eq!(refused(""), OpenApiError::NotOpenApi);
    assert_eq!(refused("swagger: '2.0'"), OpenApiError::Version { version: "swagger 2.0".into() });
    assert_eq!(refused("openapi: 4.0.0"), OpenApiError::Version { version: "4.0.0".into() });
    assert_eq!(read_text("openapi: 3.1").servers, ["/"]);
}

#[test]
fn a_document_has_no_more_than_so_many_operations() {
    let limits = Limits { operations_max: 2, ..Limits::default() };
    let paths: serde_json::Map<_, _> = (0..3).map(|at| (format!("/{at}"), json!({"get": {}}))).collect();
    let document = json!({"openapi": "3.0.0", "paths": paths});
    assert_eq!(read_value(&document, &limits), Err(OpenApiError::TooManyOperations { most: 2 }));
}

#[test]
fn an_operation_beyond_a_limit_is_left_out_by_name() {
    let chain: serde_json::Map<_, _> = (0..40)
        .map(|at| {
            (
                format!("s{at}"),
                json!({"properties": {"x": {"$ref": format!("#/components/schemas/s{}", (at + 1) % 40)}}}),
            )
        })
        .collect();
    let to_chain = json!({"type": "array", "items": {"$ref": "#/components/schemas/s0"}});
    let document = posting(&to_chain, Value::Object(chain));
    assert_eq!(
        read_value(&document, &Limits::default()).unwrap().operations[0].input_schema["$defs"]
            .as_object()
            .unwrap()
            .len(),
        40
    );
    check_skipped(&document, &Limits { defs_max: 39, ..Limits::default() }, "more than 39 others");
    check_skipped(&document, &Limits { schema_bytes_max: 500, ..Limits::default() }, "larger than 500 bytes");
    check_skipped(&document, &Limits { schemas_bytes_max: 500, ..Limits::default() }, "together larger");
    let deep = (0..20).fold(json!({"type": "string"}), |inner, _| json!({"type": "array", "items": inner}));
    let document = posting(&deep, json!({}));
    check_skipped(&document, &Limits { depth_max: 19, ..Limits::default() }, "deeper than 19");
    assert_eq!(read_value(&document, &Limits { depth_max: 20, ..Limits::default() }).unwrap().skipped, []);
    let long = json!({"openapi": "3.0.0", "paths": {"/x": {"get": {"summary": "s".repeat(900), "description": "d".repeat(900)}}}});
    let cut =
        read_value(&long, &Limits { description_chars_max: 50, ..Limits::default() }).unwrap().operations.remove(0);
    assert_eq!((cut.summary.chars().count(), cut.description.chars().count()), (LINE_CHARS_MAX + 1, 51));
}

#[test]
fn circles_stay_references_and_endless_ones_are_refused() {
    let tree = json!({"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"}}});
    let to_tree = json!({"$ref": "#/components/schemas/Tree"});
    let imported = read_value(&posting(&json!({"items": to_tree}), json!({"Tree": tree})), &Limits::default()).unwrap();
    let schema = &imported.operations[0].input_schema;
    assert_eq!(schema.pointer("/$defs/Tree/properties/left"), Some(&json!({"$ref": "#/$defs/Tree"})));
    let refer = |to: &str| json!({"$ref": format!("#/components/schemas/{to}")});
    for schemas in [
        json!({"Tree": refer("Tree")}),
        json!({"Tree": refer("B"), "B": refer("Tree")}),
        json!({"Tree": {"allOf": [refer("B")]}, "B": {"anyOf": [{"not": refer("Tree")}]}}),
    ] {
        let document = posting(&json!({"type": "array", "items": to_tree}), schemas);
        check_skipped(&document, &Limits::default(), "without an end");
    }
}

#[test]
fn what_leads_elsewhere_is_never_fetched() {
    for (reference, word) in [
        ("https://elsewhere.example/a.json", "outside of the document"),
        ("file:///etc/passwd", "outside of the document"),
        ("other.yaml#/Pet", "outside of the document"),
        ("#/components/schemas/None", "nowhere"),
        ("#anchor", "no path"),
    ] {
        check_skipped(&posting(&json!({"items": {"$ref": reference}}), json!({})), &Limits::default(), word);
        check_skipped(&posting(&json!({"$ref": reference}), json!({})), &Limits::default(), word);
    }
}

/// What an inner schema becomes.
fn check_schema(version: &str, schema: Value, expect: &Value) {
    let mut document = posting(&json!({"type": "array", "items": schema}), json!({"A": {"type": "string"}}));
    document["openapi"] = json!(version);
    let imported = read_value(&document, &Limits::default()).unwrap();
    let found = imported.operations[0].input_schema.pointer("/properties/body/items").cloned().unwrap_or(json!({}));
    assert_eq!(&found, expect);
}

#[test]
fn schemas_become_those_of_2020() {
    let refer = json!({"$ref": "#/components/schemas/A"});
    for (schema, expect) in [
        (json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]})),
        (
            json!({"type": "string", "nullable": true, "enum": ["a"]}),
            json!({"type": ["string", "null"], "enum": ["a", null]}),
        ),
        (json!({"nullable": true}), json!({})),
        (
            json!({"$ref": "#/components/schemas/A", "nullable": true}),
            json!({"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}),
        ),
        (
            json!({"nullable": true, "description": "d", "oneOf": [refer]}),
            json!({"description": "d", "anyOf": [{"oneOf": [{"$ref": "#/$defs/A"}]}, {"type": "null"}]}),
        ),
        (
            json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 5, "exclusiveMaximum": false}),
            json!({"exclusiveMinimum": 1, "maximum": 5}),
        ),
        (json!({"items": [{"type": "string"}]}), json!({"prefixItems": [{"type": "string"}]})),
        (json!({"example": 3, "xml": {}, "x-a": 1, "discriminator": {}, "externalDocs": {}}), json!({"examples": [3]})),
        (json!({"$ref": "#/components/schemas/A", "minLength": 3}), json!({"$ref": "#/$defs/A"})),
    ] {
        check_schema("3.0.1", schema, &expect);
    }
    check_schema(
        "3.1.0",
        json!({"$ref": "#/components/schemas/A", "minLength": 3}),
        &json!({"$ref": "#/$defs/A", "minLength": 3}),
    );
    // Whatever is not what a keyword holds says nothing.
    for wrong in [
        json!({"type": 3}),
        json!({"type": "file"}),
        json!({"type": []}),
        json!({"type": [["string"]]}),
        json!({"required": true}),
        json!({"required": [1]}),
        json!({"enum": []}),
        json!({"minimum": "a"}),
        json!({"multipleOf": 0}),
        json!({"maxLength": -1}),
        json!({"allOf": []}),
        json!({"allOf": {}}),
        json!({"properties": []}),
        json!({"items": 3}),
        json!({"description": {}}),
        json!(3),
        json!([]),
        Value::Null,
    ] {
        check_schema("3.1.0", wrong, &json!({}));
    }
}

/// Replaces something somewhere with something else.
fn mutated(value: &mut Value, random: &mut fastrand::Rng) {
    let words = ["#/components/schemas/Pet", "#/paths/~1pets", "#", "type", "object", "get", "{x}", "..", "\u{0}"];
    let other = match random.u8(..9) {
        0 => Value::Null,
        1 => json!(random.i64(..)),
        2 => json!([]),
        3 => json!({}),
        4 => json!({"$ref": words[random.usize(..4)]}),
        5 => json!(true),
        6 => json!([{"$ref": words[random.usize(..4)]}, words[random.usize(..words.len())]]),
        _ => json!(words[random.usize(..words.len())]),
    };
    match value {
        Value::Object(map) if !map.is_empty() && random.u8(..10) > 0 => {
            let at = random.usize(..map.len());
            let (name, inner) = map.iter_mut().nth(at).unwrap();
            let name = name.clone();
            match random.u8(..20) {
                0 => drop(map.remove(&name)),
                1 => {
                    let moved = inner.clone();
                    map.insert(words[random.usize(..words.len())].to_owned(), moved);
                }
                _ => mutated(inner, random),
            }
        }
        Value::Array(items) if !items.is_empty() && random.u8(..10) > 0 => {
            let at = random.usize(..items.len());
            mutated(&mut items[at], random);
        }
        value => *value = other,
    }
}

#[test]
fn documents_with_anything_anywhere_are_read_or_refused() {
    let originals = [PETS, FORGE].map(|text| document::read(text.as_bytes(), &Limits::default()).unwrap());
    for seed in 0..1_500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut document = originals[random.usize(..2)].clone();
        for _ in 0..random.usize(1..12) {
            mutated(&mut document, &mut random);
        }
        let Ok(imported) = read_value(&document, &Limits::default()) else { continue };
        for operation in imported.operations {
            assert!(
                (1..=64).contains(&operation.name.len()) && operation.input_schema["type"] == "object",
                "seed {seed}"
            );
            let arguments = operation.places.iter().map(|place| (place.argument.clone(), json!("a"))).collect();
            let _ = operation.request("https://x.example", &arguments);
        }
    }
}

#[test]
fn large_documents_end_quickly() {
    let wide: serde_json::Map<_, _> =
        (0..60_000).map(|at| (format!("p{at}"), json!({"type": "string", "description": "x".repeat(60)}))).collect();
    let schemas = json!({"Wide": {"type": "object", "properties": wide}});
    // A schema of 6 MB that a thousand operations refer to, and as many that hold it by a body they share.
    let body = json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wide"}}}});
    let paths: serde_json::Map<_, _> =
        (0..1_000).map(|at| (format!("/{at}"), json!({"post": {"requestBody": body.clone()}}))).collect();
    let document = json!({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}).to_string();
    let began = Instant::now();
    let imported = read(document.as_bytes(), &Limits::default()).unwrap();
    assert_eq!((imported.operations.len(), imported.skipped.len()), (0, 1_000));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

proptest! {
    #[test]
    fn bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..3_000usize) {
        let _ = read(&bytes, &Limits::default());
        let mut text = PETS.as_bytes().to_vec();
        let at = cut.min(text.len());
        text.splice(at..(at + 3).min(text.len()), bytes);
        let _ = read(&text, &Limits::default());
    }
}
