//! The example file of the repository: it can be read, names every key, and says the right defaults.

use std::collections::BTreeSet;

use super::*;
use crate::scenario::{read_file, schema};
use toml::{Table, Value};

/// Where each kind of table lies in the file; lists are walked through.
const TABLES: [(&str, &str); 6] = [
    ("Set", ""),
    ("Scenario", "scenario"),
    ("Mix", "scenario.mix"),
    ("Slo", "scenario.slo"),
    ("Goodput", "scenario.goodput"),
    ("Fault", "scenario.fault"),
];

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/load.toml");

/// The example with every key in force that stands in a comment.
fn in_force() -> String {
    let is_key = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        key != line && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let bare = |line: &str| line.strip_prefix("# ").filter(|line| is_key(line)).unwrap_or(line).to_owned() + "\n";
    std::fs::read_to_string(PATH).unwrap().lines().map(bare).collect()
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
        here.iter().filter_map(|table| table.get(step)).for_each(|it| tables(it, &mut inner));
        here = inner;
    }
    here.into_iter().flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn it_can_be_read_as_it_stands() {
    let set = read_file(PATH.as_ref()).unwrap_or_else(|error| panic!("{}", told(&error)));
    let names: Vec<_> = set.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!((set.name.as_str(), names), ("example", vec!["ward-morning", "outage"]));
}

#[test]
fn it_names_every_key() {
    let text = in_force();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prompts.jsonl"), "{\"prompt\": \"a\", \"answer\": \"b\"}").unwrap();
    read(&text, &folder.path().join("load.toml").display().to_string())
        .unwrap_or_else(|error| panic!("{}", told(&error)));
    let root = Value::Table(text.parse().unwrap());
    let schema = schema();
    let mut counted = 0;
    for (of, path) in TABLES {
        let known: BTreeSet<String> = schema["$defs"][of]["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys_at(&root, path), known, "the keys at `{path}`");
        counted += known.len();
    }
    // No table of the schema is forgotten above.
    let all = schema["$defs"].as_object().unwrap().values().filter_map(|table| table["properties"].as_object());
    assert_eq!(counted, all.map(serde_json::Map::len).sum::<usize>());
}

#[test]
fn it_says_the_defaults() {
    let schema = schema();
    let text = in_force();
    let mut counted = 0;
    for line in text.lines().filter(|line| line.contains("default `")) {
        let key = line.split(" = ").next().unwrap();
        let told = line.rsplit("default `").next().unwrap().trim_end_matches('`');
        let is =
            ["Scenario", "Mix", "Fault"].iter().find_map(|of| schema["$defs"][of]["properties"][key].get("default"));
        assert_eq!(is.unwrap().to_string().trim_matches('"'), told, "`{key}`");
        counted += 1;
    }
    assert!(counted >= 15, "only {counted} defaults found: is the file still read?");
}
