//! The schema names every key and describes it.

use crate::schema;
use serde_json::Value;

const SECTIONS: [&str; 19] = [
    "server",
    "guard",
    "balance",
    "cache",
    "replicas",
    "store",
    "access",
    "budget",
    "ledger",
    "embed",
    "search",
    "tools",
    "decisions",
    "flag",
    "provider",
    "panel",
    "route",
    "alias",
    "profile",
];

/// Every table that is not also a name, and how many keys it has.
const TABLES: [(&str, usize); 28] = [
    ("Server", 19),
    ("Tls", 2),
    ("Guard", 13),
    ("Balance", 5),
    ("Cache", 12),
    ("Semantic", 5),
    ("Replicas", 5),
    ("Store", 13),
    ("Access", 8),
    ("Oidc", 8),
    ("Budget", 8),
    ("Ledger", 6),
    ("Embed", 15),
    ("Search", 3),
    ("Ranking", 5),
    ("Tools", 13),
    ("Credential", 6),
    ("Domain", 2),
    ("Decisions", 26),
    ("Flag", 3),
    ("Provider", 21),
    ("Panel", 11),
    ("Route", 4),
    ("Rule", 6),
    ("When", 10),
    ("Price", 8),
    ("LongPrice", 5),
    ("Aws", 5),
];

fn keys(schema: &Value, of: &str) -> Vec<String> {
    let table = if of.is_empty() { schema } else { &schema["$defs"][of] };
    table["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn names_every_key() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["title"], "Althing settings");
    assert_eq!(keys(&schema, ""), SECTIONS);
    for (of, count) in TABLES {
        assert_eq!(keys(&schema, of).len(), count, "{of}");
        assert_eq!(schema["$defs"][of]["additionalProperties"], false, "{of}");
    }
    let tables = schema["$defs"].as_object().unwrap();
    let known = |of: &str| TABLES.iter().any(|(known, _)| *known == of);
    let others: Vec<&String> =
        tables.iter().filter(|(of, it)| it.get("properties").is_some() && !known(of)).map(|(of, _)| of).collect();
    assert!(others.is_empty(), "{others:?} are counted nowhere");
}

#[test]
fn describes_every_key() {
    let schema = schema();
    let tables = schema["$defs"].as_object().unwrap().iter().map(|(_, table)| table).chain([&schema]);
    for table in tables {
        let inner = table.get("anyOf").and_then(|any| any.get(1)).unwrap_or(table);
        let Some(properties) = inner.get("properties").and_then(Value::as_object) else { continue };
        for (key, property) in properties {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{key}: {property}");
        }
    }
}

#[test]
fn knows_defaults_and_shapes() {
    let schema = schema();
    let server = &schema["$defs"]["Server"]["properties"];
    assert_eq!(server["bind"]["default"], "127.0.0.1:8700");
    assert_eq!(server["body_bytes_max"]["type"], "integer");
    assert_eq!(server["body_bytes_max"]["minimum"], 0);
    assert_eq!(schema["properties"]["profile"]["type"], "object");
    let model = &schema["$defs"]["ModelEntry"]["anyOf"];
    assert_eq!(model[0]["type"], "string");
    assert_eq!(model[1]["additionalProperties"], false);
    assert!(model[1]["properties"]["script"].is_object());
    assert!(model[1]["properties"]["output_tokens_max"].is_object());
    assert_eq!(schema["properties"]["flag"]["additionalProperties"]["$ref"], "#/$defs/Flag");
    assert_eq!(schema["$defs"]["StoreUrl"]["type"], "string");
    assert_eq!(schema["$defs"]["Oidc"]["properties"]["tenant_claim"]["default"], "tenant");
    assert_eq!(schema["$defs"]["Member"]["anyOf"][1]["properties"]["weight"]["default"], 1.0);
    assert_eq!(schema["$defs"]["Choice"]["anyOf"][1]["properties"]["weight"]["default"], 1.0);
    assert_eq!(schema["$defs"]["SecretRef"]["pattern"], "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$");
    let words = serde_json::to_string(&schema["$defs"]["OnDisagreement"]).unwrap();
    assert!(words.contains("list") && words.contains("plurality") && words.contains("error"));
}
