//! The example file of the repository: it can be loaded, names every key, and says the defaults of every section.

use super::read;
use crate::{Settings, schema};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Where each kind of table lies in the file; lists are walked through.
const TABLES: [(&str, &str); 32] = [
    ("", ""),
    ("Server", "server"),
    ("Tls", "server.tls"),
    ("Guard", "guard"),
    ("Balance", "balance"),
    ("Cache", "cache"),
    ("Semantic", "cache.semantic"),
    ("Replicas", "replicas"),
    ("Store", "store"),
    ("Access", "access"),
    ("Oidc", "access.oidc"),
    ("Budget", "budget"),
    ("Ledger", "ledger"),
    ("Embed", "embed"),
    ("Search", "search"),
    ("Ranking", "search.tools"),
    ("Tools", "tools"),
    ("Credential", "tools.credential"),
    ("Domain", "tools.domain.*"),
    ("Decisions", "decisions"),
    ("Flag", "flag.*"),
    ("Provider", "provider"),
    ("ModelEntry", "provider.models"),
    ("Price", "provider.models.price"),
    ("LongPrice", "provider.models.price.long"),
    ("Aws", "provider.aws"),
    ("Panel", "panel"),
    ("Member", "panel.members"),
    ("Route", "route"),
    ("Rule", "route.rules"),
    ("Choice", "route.rules.models"),
    ("When", "route.rules.when"),
];

fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../althing.example.toml");
    std::fs::read_to_string(path).unwrap()
}

/// The example with every setting in force that stands in a comment.
fn in_force() -> String {
    let is_setting = |line: &str| {
        let key = line.split(" = ").next().unwrap();
        let is_key = key != line && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_key || line.starts_with('[')
    };
    let bare = |line: &str| line.strip_prefix("# ").filter(|line| is_setting(line)).unwrap_or(line).to_owned() + "\n";
    example().lines().map(bare).collect()
}

fn tables<'a>(value: &'a Value, found: &mut Vec<&'a Table>) {
    match value {
        Value::Table(table) => found.push(table),
        Value::Array(list) => list.iter().for_each(|item| tables(item, found)),
        _ => {}
    }
}

/// The keys that the tables at a path have together.
fn keys_at(root: &Value, path: &str) -> BTreeSet<String> {
    let mut here = Vec::new();
    tables(root, &mut here);
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let mut inner = Vec::new();
        let chosen = |key: &str| step == "*" || step == key;
        here.iter()
            .flat_map(|table| table.iter())
            .filter(|(key, _)| chosen(key))
            .for_each(|(_, it)| tables(it, &mut inner));
        here = inner;
    }
    here.into_iter().flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn its_sections_say_the_defaults() {
    let settings = read(example()).unwrap().settings;
    let default = Settings::default();
    assert_eq!(settings.server, default.server);
    assert_eq!(settings.guard, default.guard);
    assert_eq!(settings.balance, default.balance);
    assert_eq!(settings.cache, default.cache);
    assert_eq!(settings.replicas, default.replicas);
    assert_eq!(settings.store, default.store);
    assert_eq!(settings.access, default.access);
    assert_eq!(settings.budget, default.budget);
    assert_eq!(settings.ledger, default.ledger);
    assert_eq!(settings.embed, default.embed);
    assert_eq!(settings.search.tools, default.search.tools);
}

#[test]
fn it_names_every_key() {
    let text = in_force();
    read(&text).unwrap();
    let root = Value::Table(text.parse().unwrap());
    let schema = schema();
    for (of, path) in TABLES {
        let table = if of.is_empty() { &schema } else { &schema["$defs"][of] };
        let table = table.get("anyOf").and_then(|any| any.get(1)).unwrap_or(table);
        let known: BTreeSet<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
        let missing = &known - &keys_at(&root, path);
        assert!(missing.is_empty(), "`{path}` lacks {missing:?}");
    }
}
